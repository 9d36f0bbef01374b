"""What "My GPUs" shows of a person: from the real decisions and the real templates, without a hub."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.leases.events import Drained, Heard, Kept, Looked, Released, Ticked
from hub.leases.model import LeaseState
from hub.leases.page_facility import coarse
from hub.leases.page_view import Spot, line
from hub.pages.face import Face
from hub.pages.filters import decimal, ordinal
from tests.support.desk import MakeWorld, World
from tests.support.workbench import text_of

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "x" * 200,
    "\u202eexe.ipynb",
    "مرحبا/دفتر.ipynb",
    "🦜/🧪 notebook.ipynb",
    "{{ 7*7 }}%(count)s{count}",
)


# --- nothing held -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "start a seat with the profile Medium and pick “Python 3 · Big” in its launcher"),
        ("nl", "een werkplek met het profiel Middel en kies daar in de launcher “Python 3 · Grote”"),
    ],
)
def test_an_empty_page_teaches_how_to_get_a_gpu(make_world: MakeWorld, language: str, words: str) -> None:
    assert words in text_of(make_world().html(language=language, groups=("ained",)))


def test_somebody_without_a_profile_with_gpus_reads_whom_to_ask(make_world: MakeWorld) -> None:
    text = text_of(make_world().html(groups=("reading-club",)))
    assert "None of the profiles for you has GPUs; ask your programme lead." in text
    assert "launcher" not in text


def test_unreadable_devices_are_never_shown_as_no_gpu(make_world: MakeWorld) -> None:
    world = make_world()
    world.desk.broker.unreadable = "NVML: driver <not> loaded"
    html = world.html()
    assert "The GPUs cannot be read at the moment." in text_of(html)
    assert "free" not in text_of(html)
    assert "driver" not in html
    assert "driver &lt;not&gt; loaded" in world.html(admin=True)


# --- leases, state by state ---------------------------------------------------------------------------


def waiting(world: World) -> None:
    world.ask("held", "bob")
    world.take("held", busy=True)
    world.ask("mine", "ada")


def offered(world: World) -> None:
    world.ask("mine", "ada")


def busy(world: World) -> None:
    world.ask("mine", "ada")
    world.take("mine", busy=True)


def idle(world: World) -> None:
    world.ask("mine", "ada")
    world.take("mine")


def notice(world: World) -> None:
    idle(world)
    world.ask("other", "bob")
    for _beat in range(80):
        world.tell(Heard("other", 0, busy=False, wants=False, watched=True))
        world.hear("mine", after=10)
        tick(world)
        if world.lease("mine").state is LeaseState.NOTICE:
            return


def tick(world: World, after: float = 0.0) -> None:
    world.tell(Ticked(), after)


def parking(world: World) -> None:
    notice(world)
    world.hear("mine", after=20)
    tick(world, after=11)


def parked(world: World) -> None:
    parking(world)
    world.report("mine", "park")


def returning(world: World) -> None:
    parked(world)
    world.tell(Looked("GPU-0", True))
    world.take("other", busy=True)
    world.hear("mine", wants=True)


def resuming(world: World) -> None:
    returning(world)
    world.tell(Released("other", "user"))
    world.tell(Looked("GPU-0", True))


STAGES: list[tuple[Callable[[World], None], str, str, str]] = [
    (waiting, "Waiting", "1st of 1", "Wacht"),
    (offered, "Your turn", "A GPU is kept for this kernel", "Aan de beurt"),
    (busy, "Busy", "nobody takes the GPU meanwhile", "Bezig"),
    (idle, "Idle", "When somebody waits it makes room", "Doet niets"),
    (notice, "About to make room", "Your GPU goes to the next person in", "Maakt zo plaats"),
    (parking, "Being parked", "is being copied to ordinary memory", "Wordt geparkeerd"),
    (parked, "Parked", "resumes at the next cell", "Geparkeerd"),
    (returning, "Parked, waits to come back", "you get it back", "Geparkeerd, wacht tot hij verder kan"),
    (resuming, "Coming back", "is being copied back", "Komt terug"),
]


@pytest.mark.parametrize(("reach", "word", "words", "dutch"), STAGES, ids=[reach.__name__ for reach, *_ in STAGES])
def test_every_state_is_a_word_a_shape_and_a_sentence(
    make_world: MakeWorld, reach: Callable[[World], None], word: str, words: str, dutch: str
) -> None:
    world = make_world()
    reach(world)
    (mine,) = world.page().leases
    assert mine.stage == reach.__name__
    html = world.html()
    assert re.search(rf'<span class="state [^>]+><svg.*?</svg>{word}</span>', html, re.S)
    assert words in text_of(html)
    assert f"</svg>{dutch}</span>" in world.html(language="nl")


def test_who_waits_sees_place_reason_and_estimate(make_world: MakeWorld) -> None:
    world = make_world()
    waiting(world)
    world.ask("third", "carol")
    html = world.html("carol")
    assert 'role="img" aria-label="The line: you are 2nd of 2"' in html
    assert re.search(r"2nd of 2 in the line, about \d+ (min|h)", text_of(html).replace("\N{NO-BREAK SPACE}", " "))
    assert "No GPU of this class is free (1 in all)." in text_of(html)
    assert "2e van 2 in de rij, nog ongeveer" in text_of(world.html("carol", "nl"))


def test_whoever_is_over_their_own_bound_is_told_so_and_has_no_place(make_world: MakeWorld) -> None:
    world = make_world(count=2, devices_per_user=1)
    idle(world)
    world.ask("second", "ada")
    html = world.html()
    assert "is not in the line yet" in text_of(html)
    assert "as one person can have at once (1)" in text_of(html)
    assert "queue__me" not in html


def test_a_notice_comes_first_counts_down_and_is_told_at_once(make_world: MakeWorld) -> None:
    world = make_world(count=2, devices_per_user=2)
    world.ask("elder", "ada")
    world.take("elder", busy=True)
    world.ask("mine", "ada")
    world.take("mine")
    world.ask("other", "bob")
    for _beat in range(80):
        world.tell(Heard("other", 0, busy=False, wants=False, watched=True))
        world.hear("elder", busy=True)
        world.hear("mine", after=10)
        tick(world)
        if world.lease("mine").state is LeaseState.NOTICE:
            break
    first, second = world.page().leases
    assert (first.id, first.stage, second.id) == ("mine", "notice", "elder")
    html = world.html()
    left = first.ends_at and world.page().seconds_to(first.ends_at)
    assert left
    assert f"{left}\N{NO-BREAK SPACE}s</span>" in html
    assert "data-countdown=" in html
    assert html.count("data-say-now") == 1


def test_keeping_says_how_often_it_is_left_and_then_until_when(make_world: MakeWorld) -> None:
    world = make_world()
    idle(world)
    assert "You can keep it 1 more time." in text_of(world.html())
    assert 'action="/services/werkbank/gpus/keep"' in world.html()
    world.tell(Kept("mine"))
    assert re.search(r"Kept for you until \d\d:\d\d UTC", text_of(world.html()))
    assert "gpus/keep" not in world.html()


@pytest.mark.parametrize("reach", [busy, parked, offered, waiting])
def test_only_what_is_idle_can_be_kept(make_world: MakeWorld, reach: Callable[[World], None]) -> None:
    world = make_world()
    reach(world)
    assert "gpus/keep" not in world.html()
    assert "gpus/release" in world.html()


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (waiting, "You lose your place in the line."),
        (idle, "Variables in ordinary memory stay"),
        (parked, "What the kernel has in GPU memory is lost."),
    ],
)
def test_giving_back_first_says_what_will_be_lost(
    make_world: MakeWorld, reach: Callable[[World], None], words: str
) -> None:
    world = make_world()
    reach(world)
    details = re.search(r'<details class="sure".*?</details>', world.html(), re.S)
    assert details
    assert words in text_of(details[0])
    assert 'name="csrf" value="csrf-of-this-session"' in details[0]


def test_held_time_and_the_share_of_it_in_which_a_cell_ran_are_told(make_world: MakeWorld) -> None:
    world = make_world()
    busy(world)
    world.hear("mine", busy=False, after=600)
    tick(world, after=1800)
    (mine,) = world.page().leases
    assert (mine.held, mine.busy, mine.percent) == (2400, 600, 25)
    assert "40 min; a cell ran for 10 min of it (25%)" in text_of(world.html()).replace("\N{NO-BREAK SPACE}", " ")


def test_a_silent_seat_is_told_and_its_gpu_stays(make_world: MakeWorld) -> None:
    world = make_world()
    busy(world)
    for _second in range(4):
        tick(world, after=15)
    assert "Its seat was last heard at" in text_of(world.html())


@pytest.mark.parametrize("holder", HOSTILE)
@pytest.mark.parametrize("language", ["en", "nl"])
def test_names_are_shown_and_never_interpreted(make_world: MakeWorld, holder: str, language: str) -> None:
    world = make_world()
    world.ask("mine", "ada", holder=holder, server=holder)
    html = world.html(language=language)
    assert "<script" not in html
    assert "<img" not in html
    assert holder in text_of(html)
    assert html.count("<bdi>") == 2  # a name that runs from right to left stays in its place


def test_nobody_sees_the_leases_of_somebody_else(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("secret", "bob", holder="secret-project.ipynb")
    assert "secret" not in world.html("ada")


# --- what is over ---------------------------------------------------------------------------------------


def give_back(world: World, why: str = "user", after: float = 0.0) -> None:
    world.tell(Released("mine", why), after)


def words(html: str) -> str:
    return text_of(html).replace("\N{NO-BREAK SPACE}", " ")


def test_before_anything_ended_nothing_is_said_of_it(make_world: MakeWorld) -> None:
    world = make_world()
    idle(world)
    assert world.page().ended == ()
    assert "Recently ended" not in world.html()


def test_what_just_ended_is_told_with_how_and_how_long(make_world: MakeWorld) -> None:
    world = make_world()
    busy(world)
    give_back(world, "shutdown", after=2400)
    html = world.html()
    assert "Recently ended" in text_of(html)
    assert "mine.ipynb" in text_of(html)
    assert "The kernel was shut down, and its GPU given back. Big It had a GPU for 40 min." in words(html)
    assert "parked" not in re.sub(r"(?s).*Recently ended(.*?)</section>.*", r"\1", html)
    assert "Onlangs beëindigd" in text_of(world.html(language="nl"))
    assert "Hij had 40 min lang een GPU." in words(world.html(language="nl"))


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("cancelled", "You stopped waiting for a GPU."),
        ("user", "You stopped waiting for a GPU."),
        ("shutdown", "The kernel ended before it got a GPU."),
        ("died", "The kernel ended before it got a GPU."),
    ],
)
def test_who_never_got_a_gpu_is_not_told_that_it_was_given_back(make_world: MakeWorld, why: str, sentence: str) -> None:
    world = make_world()
    waiting(world)
    give_back(world, why, after=120)
    (over,) = world.page().ended
    assert over.why == sentence
    assert "given back" not in text_of(world.html())
    assert "It had a GPU" not in text_of(world.html())


def test_three_are_shown_and_the_rest_on_request(make_world: MakeWorld) -> None:
    world = make_world()
    for number in range(5):
        world.ask(f"l{number}", "ada", holder=f"{number}.ipynb")
        assert ("<summary>" in world.html().partition("Recently ended")[2]) == (number > 3)
        world.tell(Released(f"l{number}", "user"), after=60)
    shown, summary, rest = world.html().partition("<summary>2 more</summary>")
    assert summary
    assert [f"{number}.ipynb" in shown for number in range(5)] == [False, False, True, True, True]
    assert [f"{number}.ipynb" in rest for number in range(5)] == [True, True, False, False, False]


def test_the_time_parked_is_told_beside_the_time_held(make_world: MakeWorld) -> None:
    world = make_world()
    parked(world)
    give_back(world, after=600)
    (over,) = world.page().ended
    assert over.parked == 600
    assert over.held > 60
    assert "It was parked for 10 min." in words(world.html())


def test_the_same_kernel_parked_twice_was_parked_for_both_times(make_world: MakeWorld) -> None:
    world = make_world()
    parked(world)
    began = world.now
    world.tell(Looked("GPU-0", True))
    world.take("other", busy=True)
    world.tell(Released("other", "user"), after=300)
    world.hear("mine", wants=True)
    world.tell(Looked("GPU-0", True), after=30)
    assert world.lease("mine").state is LeaseState.RESUMING
    away = world.now - began
    world.report("mine", "resume")
    give_back(world, after=60)
    (over,) = world.page().ended
    assert over.parked == round(away)


@pytest.mark.parametrize(
    ("why", "is_told"), [("user", False), ("cancelled", False), ("shutdown", False), ("admin", True), ("died", True)]
)
def test_an_end_that_people_did_not_ask_for_is_told_to_ears_too(make_world: MakeWorld, why: str, is_told: bool) -> None:
    world = make_world()
    busy(world)
    give_back(world, why)
    assert ('data-say="ended"' in world.html()) == is_told


@pytest.mark.parametrize(("since", "shown"), [(86_399, 1), (86_401, 0)])
def test_a_day_later_it_is_gone_from_the_page(make_world: MakeWorld, since: float, shown: int) -> None:
    world = make_world()
    busy(world)
    give_back(world)
    world.page()
    world.now += since
    assert len(world.page().ended) == shown


def test_the_ten_latest_are_shown_and_each_end_shows_at_once(make_world: MakeWorld) -> None:
    world = make_world()
    for number in range(12):
        world.ask(f"l{number}", "ada", holder=f"{number}.ipynb")
        world.tell(Released(f"l{number}", "user"), after=60)
        assert world.page().ended[0].holder == f"{number}.ipynb"
    assert [over.holder for over in world.page().ended] == [f"{number}.ipynb" for number in range(11, 1, -1)]


def test_nobody_sees_what_ended_for_somebody_else(make_world: MakeWorld) -> None:
    world = make_world()
    busy(world)
    give_back(world)
    assert len(world.page("ada").ended) == 1
    assert world.page("bob").ended == ()


@pytest.mark.parametrize("holder", HOSTILE)
def test_names_of_what_ended_are_shown_and_never_interpreted(make_world: MakeWorld, holder: str) -> None:
    world = make_world()
    world.ask("mine", "ada", holder=holder)
    give_back(world)
    html = world.html()
    assert "<script" not in html
    assert "<img" not in html
    assert holder in text_of(html)
    assert html.count("<bdi>") == 1


def test_while_the_records_cannot_be_read_the_page_shows_what_is_held(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world(count=2)
    busy(world)
    world.ask("second", "ada")
    give_back(world)
    (tmp_path / "leases.sqlite").rename(tmp_path / "away.sqlite")
    for more in ("-wal", "-shm"):
        (tmp_path / f"leases.sqlite{more}").unlink(missing_ok=True)
    world.desk.broker.store._engine.dispose()
    seen = world.page()
    assert [lease.id for lease in seen.leases] == ["second"]
    assert seen.ended == ()


# --- classes and use -----------------------------------------------------------------------------------


def test_devices_are_a_picture_with_its_words(make_world: MakeWorld) -> None:
    world = make_world(count=5)
    idle(world)
    world.ask("other", "bob")
    world.take("other")
    world.tell(Drained("GPU-4", True))
    (fact,) = world.page().classes
    assert fact.squares == ("mine", "used", "free", "free", "out")
    html = world.html()
    assert 'aria-label="1 in use by you, 1 in use by others, 1 out of service, 2 free"' in html
    assert "2 of 5 free" in text_of(html)
    assert "A new request gets one at once." in text_of(html)


def test_the_use_of_a_programme_stands_against_its_quota_and_share(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("mine", "ada", programme="ained")
    world.take("mine", busy=True)
    tick(world, after=5400)
    text = text_of(world.html(groups=("ained", "reading-club"))).replace("\N{NO-BREAK SPACE}", " ")
    assert "1.5 GPU-hours by you" in text
    assert "1.5 of 200 GPU-hours this week" in text
    assert "1 of 64 GPUs in use now. Its fair share is 67% of all use; it had 100% this week." in text
    assert "1,5 van 200 GPU-uren deze week" in text_of(world.html(language="nl", groups=("ained",)))


def test_the_page_looks_the_same_until_something_on_it_changed(make_world: MakeWorld) -> None:
    world = make_world()
    busy(world)
    before = world.page()
    tick(world, after=5)
    assert world.page() == before
    tick(world, after=60)
    assert world.page() != before


# --- pieces ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "of", "drawn"),
    [(1, 1, "m"), (2, 5, "bmaaa"), (1, 9, "maaa+5"), (20, 40, "b+15bbbmaaa+17"), (7, 7, "bbbbbbm")],
)
def test_a_line_is_drawn_with_its_head_and_with_everyone_before_and_behind_counted(
    place: int, of: int, drawn: str
) -> None:
    signs = {"before": "b", "me": "m", "after": "a"}
    spots = line(place, of)
    assert "".join(signs.get(spot.kind, f"+{spot.count}") for spot in spots) == drawn
    assert sum(spot.count for spot in spots) == of
    assert spots.count(Spot("me")) == 1


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, 0), (1, 60), (360, 360), (361, 420), (1201, 1500), (7000, 7200), (7300, 10800)]
)
def test_estimates_are_as_coarse_as_they_are_known(seconds: float, shown: int) -> None:
    assert coarse(seconds) == shown


@pytest.mark.parametrize(
    ("number", "english"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (112, "112th"),
    ],
)
def test_places_read_as_people_say_them(number: int, english: str) -> None:
    assert ordinal(number) == english
    assert ordinal(number, "nl") == f"{number}e"


def test_numbers_are_written_as_the_language_does() -> None:
    assert (decimal(1234.56), decimal(1234.56, "nl"), decimal(12.0)) == ("1,234.6", "1.234,6", "12")


def test_a_refusal_is_a_sentence_on_the_page(make_world: MakeWorld) -> None:
    html = make_world().html(template="my_gpus.html", refusal=HOSTILE[0])
    assert 'role="alert"><p>&lt;script&gt;' in html
    assert 'data-stream="/services/werkbank/gpus/live"' in html
    assert "secret-token" not in html


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/base/services/werkbank/gpus", "gpus"),
        ("/base/services/werkbank/gpus/live", "gpus"),
        ("/base/services/werkbank/gpusx", "service"),
        ("/base/services/werkbank/use/programmes/ained", "use"),
        ("/base/services/werkbank/admin/use", "admin"),
        ("/base/services/werkbank/", "service"),
    ],
)
def test_the_header_marks_this_page(path: str, here: str) -> None:
    assert Face("/base/", "somebody").here(path) == here
