"""Joining a workshop on a running workbench: by code, by one's own link, with an account or a temporary one; and its
room, seen from both sides.
"""

import io
import re
import sqlite3
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from tests.support.classroom import SERVICE, Learner, Trainer, field, given
from tests.support.workbench import Visitor, Workbench, eventually, text_of

SOLVED = {"tries": 1, "last": 1e9, "passed": 1e9}


@pytest.fixture(scope="module")
def open_class(facility: Workbench) -> Iterator[tuple[Trainer, str, str]]:
    """A workshop that is on, on a profile that is for other groups than a temporary account's."""
    fields = {"profile": "medium", "gpu_class": "simulated", "devices": "1", "temporary_accounts": "on", "seats": "6"}
    with given(facility, "Open class", **fields, lessons="S1, R2") as found:
        yield found


def guest(facility: Workbench, code: str, **fields: str) -> tuple[Learner, str, str]:
    """Somebody with a new temporary account: they, its name and its way back."""
    learner = Learner(facility.browser(), code)
    kept = learner.join("temporary", **fields)
    assert kept.status_code == 200, text_of(kept.text)
    link = re.search(r'data-copy="([^"]+)"', kept.text)
    name = re.search(r"guest-[a-z0-9]{8}", kept.text)
    assert link
    assert name
    return learner, name[0], link[1]


def test_a_temporary_account_leads_to_the_first_lesson_on_the_workshops_profile(
    facility: Workbench, open_class: tuple[Trainer, str, str]
) -> None:
    _, _, code = open_class
    learner, name, _ = guest(facility, code)
    try:
        reply = learner.http.get(f"{SERVICE}/join/{code}/seat")
        lesson = f"/user/{name}/lab/tree/tutorials/S1-first-session/first-session.en.ipynb"
        eventually(lambda: learner.http.get(reply.url).url.path == lesson, what="the first lesson is open")
        page = learner.http.get("/hub/spawn")
        assert 'value="small"' not in page.text or "disabled" in page.text
    finally:
        facility.browser("admin").http.delete(
            f"/hub/api/users/{name}/server", headers=facility.browser("admin").api_headers()
        )


def test_a_temporary_account_comes_back_by_its_link_from_another_browser(
    facility: Workbench, open_class: tuple[Trainer, str, str]
) -> None:
    _, name, link = guest(facility, open_class[2])
    elsewhere = facility.browser().http
    elsewhere.get(link)
    assert f"Signed in as {name}" in text_of(elsewhere.get(f"{SERVICE}/").text)
    assert facility.browser().http.get(link[:-3] + "xyz").status_code == 404


def test_no_link_puts_a_guest_in_the_place_of_somebody_who_is_signed_in(
    facility: Workbench, open_class: tuple[Trainer, str, str]
) -> None:
    _, _, link = guest(facility, open_class[2])
    scientist = facility.browser("scientist").http
    refused = scientist.get(link)
    assert refused.status_code == 409
    assert "You are signed in as scientist." in text_of(refused.text)
    assert "Signed in as scientist" in text_of(scientist.get(f"{SERVICE}/").text)


def test_a_ticket_is_good_once_and_in_one_browser(facility: Workbench, open_class: tuple[Trainer, str, str]) -> None:
    learner = Learner(facility.browser(), open_class[2])
    learner.http.follow_redirects = False
    sent = learner.join("temporary")
    ticket = sent.headers["location"]
    assert facility.browser().http.get(ticket).status_code == 403
    cookies = dict(learner.http.cookies)
    assert learner.http.get(ticket).status_code == 302
    learner.http.cookies.update(cookies)
    assert learner.http.get(ticket).status_code == 403
    assert facility.browser().http.get("/hub/guest?ticket=nonsense").status_code == 403


def test_somebody_with_an_account_joins_as_themselves_and_twice_is_as_once(
    facility: Workbench, open_class: tuple[Trainer, str, str]
) -> None:
    _, id, code = open_class
    learner = Learner(facility.browser("scientist"), code)
    assert "Join as scientist" in text_of(learner.door().text)
    csrf = field(learner.door().text, "csrf")
    learner.http.follow_redirects = False
    for _ in range(2):
        sent = learner.http.post(f"{SERVICE}/join/{code}", data={"csrf": csrf, "how": "account"})
        assert sent.headers["location"] == f"{SERVICE}/join/{code}/seat"
    assert "You are in" in text_of(learner.door().text)
    (mine,) = learner.api("GET").json()["workshops"]
    assert (mine["id"], mine["lessons"], mine["hand"]) == (id, ["S1", "R2"], None)


def test_a_wrong_code_says_the_same_whatever_it_is_near_to(
    facility: Workbench, open_class: tuple[Trainer, str, str]
) -> None:
    trainer = Trainer(facility.browser("trainer"))
    trainer.plan(title="Hidden")
    with sqlite3.connect(facility.state / "werkbank.sqlite") as records:
        (hidden,) = records.execute("select code from workshops where id = 'hidden'").fetchone()
    answers = {text_of(facility.browser().http.get(f"{SERVICE}/join/{code}").text) for code in ("aaaaaaaa", "x")}
    draft = text_of(facility.browser().http.get(f"{SERVICE}/join/{hidden}").text)
    trainer.act("hidden", "remove")
    assert answers == {draft}
    assert "No workshop has this code." in draft


def test_a_code_is_read_however_it_is_typed(facility: Workbench, open_class: tuple[Trainer, str, str]) -> None:
    code = open_class[2]
    typed = f" {code[:4].upper()}-{code[4:]} "
    page = facility.browser().http.get(f"{SERVICE}/join", params={"code": typed})
    assert "Open class" in text_of(page.text)


def test_the_class_is_full_when_its_places_are_taken_and_who_is_in_stays_in(facility: Workbench) -> None:
    with given(facility, "Tiny", temporary_accounts="on", join_limit="1") as (_, _, code):
        first, _, _ = guest(facility, code)
        second = Learner(facility.browser(), code)
        assert "All places of this workshop are taken." in text_of(second.door().text)
        csrf = re.search(r'name="csrf" value="([^"]*)"', second.http.get(f"{SERVICE}/join").text)
        refused = second.http.post(f"{SERVICE}/join/{code}", data={"csrf": csrf[1] if csrf else "", "how": "temporary"})
        assert refused.status_code in (403, 409)
        assert "You are in" in text_of(first.door().text)


def test_with_a_class_list_and_no_code_only_those_with_a_link_of_their_own_come_in(facility: Workbench) -> None:
    trainer = Trainer(facility.browser("trainer"))
    trainer.plan(title="Listed", join="", seats="4")
    page = trainer.page("/listed")
    fields = {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in ("csrf", "version")}  # type: ignore[index]
    file = {"file": ("a.csv", b"name,email\nAnn Bos,ann@example.nl\n")}
    trainer.http.post(f"{SERVICE}/workshops/listed/roster", data=fields, files=file)
    trainer.act("listed", "publish")
    link = trainer.page("/listed/roster.csv").splitlines()[1].split(",")[-1]
    code, invitation = re.search(r"join/(\w+)\?for=(\w+)", link).groups()  # type: ignore[union-attr]
    stranger = Learner(facility.browser("scientist"), code)
    assert "for people on its class list" in text_of(stranger.door().text)
    forged = {"for": "0" * 20}
    assert "for people on its class list" in text_of(stranger.door(**forged).text)
    joined = stranger.join("account", link=invitation)
    assert "You are signed up" in text_of(joined.text)
    assert "<td>yes</td>" in trainer.page("/listed")
    trainer.act("listed", "close")
    trainer.act("listed", "remove")


def test_an_early_visitor_signs_up_and_a_late_one_is_told_it_is_over(facility: Workbench) -> None:
    trainer = Trainer(facility.browser("trainer"))
    trainer.plan(title="Later", temporary_accounts="on")
    trainer.act("later", "publish")
    learner = Learner(facility.browser("scientist"), trainer.code("later"))
    assert "Join with a temporary account" not in text_of(Learner(facility.browser(), learner.code).door().text)
    assert "You are signed up" in text_of(learner.join("account").text)
    trainer.act("later", "close")
    assert "This workshop is over." in text_of(learner.door().text)
    trainer.act("later", "remove")


# --- afterwards --------------------------------------------------------------------------------------


def test_what_a_temporary_account_made_can_be_downloaded_and_the_account_is_gone(facility: Workbench) -> None:
    with given(facility, "Ending", temporary_accounts="on") as (trainer, id, code):
        learner, name, link = guest(facility, code)
        home = facility.state / "homes" / name
        learner.http.get(f"{SERVICE}/join/{code}/seat")
        eventually(lambda: (home / "tutorials").is_dir(), what="the seat has laid out its lessons")
        (home / "mine.txt").write_text("work")
        (home / "way-out").symlink_to("/etc/hostname")
        trainer.act(id, "close")
        files = eventually(
            lambda: (reply := facility.browser().http.get(f"{link}/files")).status_code == 200 and reply,
            timeout=120,
            what="the files can be downloaded",
        )
        with zipfile.ZipFile(io.BytesIO(files.content)) as archive:
            assert archive.read("mine.txt") == b"work"
            assert "way-out" not in archive.namelist()
        eventually(lambda: not home.exists(), what="the home is removed")
        users = facility.browser("admin").http.get("/hub/api/users", headers=facility.browser("admin").api_headers())
        assert name not in {user["name"] for user in users.json()}
        assert "Download your files" in text_of(facility.browser().http.get(link).text)
        assert learner.http.get(f"{SERVICE}/").url.path == "/hub/login"


# --- the room ------------------------------------------------------------------------------------------


def test_the_room_shows_how_everybody_is_doing_without_their_names(facility: Workbench) -> None:
    with given(facility, "Room", temporary_accounts="on", seats="6") as (trainer, id, code):
        ann, _, _ = guest(facility, code, name="Ann Bos", shares_name="yes")
        bob, _, _ = guest(facility, code, name="Bob Secret")
        guest(facility, code)
        eventually(lambda: "3 not arrived" in text_of(trainer.page(f"/{id}/room")), what="three seats are shown")
        ann.report(id, exercises={f"S1-{number}": SOLVED for number in (1, 2, 3)}, lesson="S1")
        bob.report(id, exercises={"S1-1": {"tries": 3, "last": 2e9}, "Z9-9": SOLVED})
        page = trainer.page(f"/{id}/room")
        assert "1 stuck" in text_of(page)
        assert "1 done" in text_of(page)
        assert "Ann Bos" in page
        assert "Bob" not in page
        assert "Z9-9" not in page
        place = bob.api("POST", f"/{id}/hand", json={"raised": True, "exercise": "S1-1"}).json()["hand"]["place"]
        assert (place, ann.api("POST", f"/{id}/hand", json={"raised": True}).json()["hand"]["place"]) == (1, 2)
        trainer.in_room(id, "lower", number="2")
        assert bob.api("GET").json()["workshops"][0]["hand"] is None
        assert ann.api("GET").json()["workshops"][0]["hand"]["place"] == 1
        assert bob.api("POST", f"/{id}/name", json={"shown": True}).json()["shows_name"]
        assert "Bob Secret" in trainer.page(f"/{id}/room")


def test_of_a_room_only_what_changed_is_sent(facility: Workbench) -> None:
    with given(facility, "Stream", temporary_accounts="on", seats="4") as (trainer, id, code):
        ann, _, _ = guest(facility, code)
        guest(facility, code)
        eventually(lambda: "2 not arrived" in text_of(trainer.page(f"/{id}/room")), what="two seats are shown")
        with trainer.http.stream("GET", f"{SERVICE}/workshops/{id}/room/live") as stream:
            events = events_of(stream.iter_lines())
            kind, whole = next(events)
            assert (kind, ids_of(whole)) == ("page", ["room-top", "tile-1", "tile-2", "room-side"])
            ann.report(id, exercises={"S1-1": {"tries": 1, "last": 2e9}})
            kind, parts = next(events)
            assert (kind, ids_of(parts)) == ("parts", ["room-top", "room-side", "tile-1"])
            assert "S1-1 ×1" in text_of(parts)
            ann.report(id, exercises={"S1-1": {"tries": 2, "last": 2e9}})
            kind, parts = next(events)
            assert (kind, ids_of(parts)) == ("parts", ["tile-1"]), "one more try changes no count"
            guest(facility, code)
            assert next(events)[0] == "page", "another tile is another room"


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """The kinds and texts of a stream of server-sent events, without those that only say that it goes on."""
    kind, text = "", ""
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            text += line.removeprefix("data: ") + "\n"
        elif not line and kind:
            if kind != "ping":
                yield kind, text
            kind, text = "", ""


def ids_of(page: str) -> list[str]:
    """The parts of a room in a piece of its page."""
    return re.findall(r'id="(room-top|room-side|tile-\d+)"', page)


def test_what_the_trainer_says_and_does_reaches_everybody(facility: Workbench) -> None:
    with given(facility, "Acts", temporary_accounts="on", profile="medium", gpu_class="simulated", devices="1") as (
        trainer,
        id,
        code,
    ):
        learner, _, _ = guest(facility, code)
        trainer.in_room(id, "say", text="Break until <10:30>")
        trainer.in_room(id, "fresh", lesson="S1")
        trainer.in_room(id, "pause")
        (mine,) = learner.api("GET").json()["workshops"]
        assert mine["message"]["text"] == "Break until <10:30>"
        assert mine["fresh"] == {"number": 1, "lesson": "S1"}
        assert mine["gpus_paused"]
        assert "Break until &lt;10:30&gt;" in trainer.page(f"/{id}/room")
        before = mine["ends"]
        trainer.in_room(id, "extend", minutes="15")
        trainer.in_room(id, "resume")
        (mine,) = learner.api("GET").json()["workshops"]
        assert (mine["ends"] - before, mine["gpus_paused"]) == (900, False)
        refused = trainer.in_room(id, "fresh", lesson="../S1")
        assert refused.status_code == 422


def test_a_room_is_whole_again_after_the_service_was_killed(facility: Workbench) -> None:
    with given(facility, "Survives", temporary_accounts="on") as (trainer, id, code):
        learner, _, _ = guest(facility, code)
        learner.report(id, exercises={"S1-1": {"tries": 2, "last": 5.0}})
        learner.api("POST", f"/{id}/hand", json={"raised": True, "exercise": "S1-1"})
        trainer.in_room(id, "say", text="Hello")

        def written() -> bool:
            with sqlite3.connect(facility.state / "werkbank.sqlite") as records:
                hands = records.execute("select hand from workshop_presence where workshop = ?", (id,)).fetchall()
                return bool(hands and hands[0][0])

        eventually(written, what="the room is written down")
        port = str(httpx.URL(facility.address).port)
        facility.down()
        assert facility.up("--simulate-gpus", "2", "--port", port).returncode == 0
        eventually(lambda: "S1-1" in trainer.page(f"/{id}/room"), what="the room is there again")
        assert "Hello" in trainer.page(f"/{id}/room")


LEARNERS_ROUTES = [("PUT", "/{id}/progress"), ("POST", "/{id}/hand"), ("POST", "/{id}/name")]


@pytest.mark.parametrize(("method", "path"), LEARNERS_ROUTES)
def test_who_is_not_in_the_workshop_tells_it_nothing(
    facility: Workbench, open_class: tuple[Trainer, str, str], method: str, path: str
) -> None:
    body = {"PUT": {}, "POST": {"raised": True} if "hand" in path else {"shown": True}}[method]
    for user, status in (("admin", 404), (None, 401)):
        learner = Learner(facility.browser(user), open_class[2])
        assert learner.api(method, path.format(id=open_class[1]), json=body).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"exercises": {"S1-1": {"tries": -1, "last": 0}}},
        {"exercises": {"<b>": SOLVED}},
        {"exercises": {"S1-1": {**SOLVED, "cell": "print(secret)"}}},
        {"source": "print(secret)"},
        {"ran_ago": "NaN"},
        {"exercises": {f"S1-{number}": SOLVED for number in range(501)}},
    ],
)
def test_a_report_that_says_more_than_it_may_is_refused(
    facility: Workbench, open_class: tuple[Trainer, str, str], body: dict[str, object]
) -> None:
    learner = Learner(facility.browser("scientist"), open_class[2])
    if "Join as" in learner.door().text:
        learner.join("account")
    assert learner.api("PUT", f"/{open_class[1]}/progress", json=body).status_code == 422


@pytest.mark.parametrize("path", ["/room", "/room/live"])
def test_the_room_is_for_its_trainers(facility: Workbench, open_class: tuple[Trainer, str, str], path: str) -> None:
    def visit(visitor: Visitor) -> int:
        return visitor.http.get(f"{SERVICE}/workshops/{open_class[1]}{path}").status_code

    assert visit(facility.browser("scientist")) == 403
    stranger = facility.browser().http.get(f"{SERVICE}/workshops/{open_class[1]}{path}")
    assert stranger.url.path == "/hub/login"
