"""Why somebody waits: asked of the real decisions, on a copy."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from hub.admin.explain_gpu import gpu_answer
from hub.admin.explain_seat import Promise, Situation, seat_answer
from hub.audit import Audit
from hub.db import connect
from hub.leases.allowances import Allowance
from hub.leases.bounds import level, pace
from hub.leases.events import Reserved, Ruled
from hub.leases.explain import line_of
from hub.leases.explain_view import holder_rows, line_rows, without_names
from hub.leases.fairshare import WEEK, next_monday
from hub.leases.model import LeaseState, Reservation
from hub.leases.rules import rules_of
from hub.leases.waiting import standing
from hub.programmes.form import ExceptionForm, read_form
from hub.programmes.granted import Granted
from hub.words import translator
from hub.workshops.admission import Admitted
from tests.support.desk import START, MakeWorld, World, person


def could(world: World, user: str = "ada", groups: tuple[str, ...] = ("ained",)):  # type: ignore[no-untyped-def]
    mine = world.desk.settings.profiles_for(groups)
    return gpu_answer(world.desk, person(user, groups), mine, "big", "en")


# --- could they get one ----------------------------------------------------------------------------------


def test_asking_changes_nothing(make_world: MakeWorld) -> None:
    world = make_world()
    before = world.desk.broker.state
    assert could(world).verdict == "yes"
    assert world.desk.broker.state is before
    world.ask("other", "bob")
    assert world.lease("other").state is LeaseState.OFFERED


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"programme_hours": {"ained": 0.0}}, "programme-hours"),
        ({"programme_devices": {"ained": 0}}, "programme-devices"),
    ],
)
def test_the_rule_that_holds_them_back_is_named_with_its_numbers(
    make_world: MakeWorld, rules: dict[str, dict[str, float]], code: str
) -> None:
    answer = could(make_world(**rules))
    assert (answer.verdict, answer.code) == ("waits", code)
    assert "ained" in answer.sentence
    assert answer.changes


def test_their_own_cap_nothing_free_and_reservations_are_told_apart(make_world: MakeWorld) -> None:
    world = make_world(devices_per_user=1, count=2)
    world.ask("mine", "ada", programme="ained")
    world.take("mine", busy=True)
    assert could(world).code == "own-cap"
    world.tell(Reserved(Reservation("w", "big", 1, START - 10, START + 1000, users=frozenset({"eve"}))))
    assert could(world, "bob").code == "reserved"
    world.ask("hers", "eve")
    world.take("hers", busy=True)
    answer = could(world, "bob")
    assert answer.code == "all-busy"
    assert {row.user for row in answer.devices} == {"ada", "eve"}


def test_a_class_that_is_in_no_profile_of_theirs_names_the_profiles_that_have_it(make_world: MakeWorld) -> None:
    answer = could(make_world(), groups=())
    assert (answer.verdict, answer.code) == ("no", "class-not-allowed")
    assert "Medium" in answer.changes[0]


# --- the line ----------------------------------------------------------------------------------------------


def test_the_line_is_in_the_order_in_which_devices_are_given(make_world: MakeWorld) -> None:
    world = make_world(shares={"p": 2.0}, devices_per_user=1)
    world.ask("held", "bob", programme="p")
    world.take("held", busy=True)
    for id, user in (("a", "ada"), ("b", "eve"), ("own-cap", "bob")):
        world.ask(id, user, programme="p")
    state = world.desk.broker.state
    rows = line_of(state, "big")
    assert [row.lease.id for row in rows] == ["a", "b", "own-cap"]
    for row in rows[:2]:
        stands = standing(state, row.lease)
        assert stands is not None
        assert stands.place == row.place
    assert (rows[2].place, rows[2].reason) == (None, "own-cap")


def test_a_lead_reads_no_names_of_other_programmes(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("held", "bob", programme="q")
    world.take("held", busy=True)
    world.ask("other", "eve", programme="q")
    world.ask("mine", "ada", programme="p")
    state, mine = world.desk.broker.state, world.lease("mine")
    rows = without_names(line_rows(state, "big", "en"), holder_rows(state, mine, "en"), state, {"p"}, "en")
    told = str(rows)
    assert "ada" in told
    assert not {"bob", "eve", "held.ipynb", "other.ipynb"} & set(told.replace("'", " ").split())


# --- may they start it -------------------------------------------------------------------------------------


def test_a_start_is_answered_by_what_the_spawner_asks(make_world: MakeWorld) -> None:
    settings = make_world().desk.settings
    of = lambda profile, *groups, admitted=(), promises=(): seat_answer(  # noqa: E731
        profile, Situation("ada", groups, admitted, promises), settings, "en"
    )
    assert of("medium", "ained").verdict == "yes"
    refused = of("large", "ained")
    assert (refused.code, "Health-RI" in refused.changes[0]) == ("profile-not-allowed", True)
    assert of("large", admitted=(Admitted("class", "large", False),)).verdict == "yes"
    assert of("huge", "ained").code == "unknown-profile"
    full = replace_memory(settings, "small")
    promises = [Promise("bob", "", full.profile("small"), None)]
    answer = seat_answer("small", Situation("ada", (), (), promises), full, "en")
    assert answer.code == "no-capacity"


def replace_memory(settings, name):  # type: ignore[no-untyped-def]
    """The settings with a profile that takes more than this machine has."""
    profiles = [one.model_copy(update={"memory": 2**50}) if one.name == name else one for one in settings.profiles]
    return settings.model_copy(update={"profiles": tuple(profiles)})


# --- more for a while --------------------------------------------------------------------------------------


def allowance(kind: str = "programme", name: str = "ained", **more: float) -> Allowance:
    facts = {"hours": 0.0, "devices": 0, "start": START, "end": START + 100} | more
    return Allowance(0, kind, name, reason="a deadline", by="admin", **facts)  # type: ignore[arg-type]


def test_an_allowance_lifts_a_bound_at_once_and_its_end_takes_it_back(make_world: MakeWorld) -> None:
    world = make_world(count=2, devices_per_user=1)
    world.ask("one", "ada")
    world.take("one", busy=True)
    world.ask("two", "ada")
    assert world.lease("two").state is LeaseState.QUEUED
    rules = world.desk.broker.state.rules
    world.tell(Ruled(replace(rules, user_devices={"ada": 2})))
    assert world.lease("two").state is LeaseState.OFFERED
    world.take("two", busy=True)
    world.tell(Ruled(rules))
    assert world.lease("two").state is LeaseState.ACTIVE


def test_allowances_add_up_and_make_no_bound_where_there_is_none(make_world: MakeWorld) -> None:
    settings = make_world().desk.settings
    rules = rules_of(settings, [allowance(hours=5), allowance(hours=7, devices=1), allowance("user", "ada", devices=3)])
    assert (rules.programme_hours["ained"], rules.programme_devices["ained"]) == (212, 65)
    assert rules.devices_of("ada") == 5
    assert rules.devices_of("bob") == 2
    assert "health-ri" not in rules_of(settings, [allowance(name="health-ri", devices=1)]).programme_devices


@pytest.fixture
def engine(tmp_path) -> Engine:  # type: ignore[no-untyped-def]
    return connect(f"sqlite:///{tmp_path}/werkbank.sqlite")


def test_an_allowance_ends_by_itself_and_each_step_is_in_the_log(engine: Engine) -> None:
    granted = Granted(engine)
    kept, other = granted.grant(allowance(hours=5)), granted.grant(allowance("user", "ada", devices=1, end=START + 500))
    assert granted.live(START + 99) == (kept, other)
    assert granted.live(START + 100) == (other,)
    assert granted.live(START + 101) == (other,)
    assert granted.take_back(other.id, "root", START + 200) is not None
    assert granted.take_back(other.id, "root", START + 200) is None
    assert granted.live(START + 201) == ()
    assert [(e.who, e.what) for e in Audit(engine).about("programme:ained")] == [
        ("admin", "exception.granted"),
        ("werkbank", "exception.ended"),
    ]
    assert [e.what for e in Audit(engine).about("user:ada")] == ["exception.granted", "exception.taken-back"]
    assert {one.id for one in granted.past("ained", ["ada"])} == {kept.id, other.id}
    engine.dispose()


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"hours": "-1"}, "hours"),
        ({"hours": "nan"}, "hours"),
        ({"hours": ""}, "hours"),
        ({"gpus": "1,5"}, "gpus"),
        ({"until": "2020-01-01"}, "until"),
        ({"until": "31-12-2026"}, "until"),
        ({"reason": "  "}, "reason"),
        ({"user": "ada"}, "hours"),
    ],
)
def test_a_wrong_exception_says_what_is_wrong(make_world: MakeWorld, more: dict[str, str], wrong: str) -> None:
    form = ExceptionForm(**{"hours": "5", "until": "2026-11-30", "reason": "a deadline"} | more)
    reading = read_form(form, "ained", make_world().desk.broker.state.rules, "admin", START, translator("en"))
    assert reading.allowance is None
    assert set(reading.mistakes) == {wrong}


def test_members_are_told_when_the_weeks_hours_run_out() -> None:
    assert [level(used, 100, 50) for used in (10, 50, 99, 100)] == ["", "soft", "soft", "used-up"]
    assert [level(used, 100, None) for used in (79, 80, 100)] == ["", "near", "used-up"]
    assert level(1e9, None, None) == ""


def test_the_pace_says_where_the_week_is_heading() -> None:
    monday = next_monday(START)
    assert pace(1, 10, monday + 3600) is None
    found = pace(50, 80, monday + WEEK / 2)
    assert found is not None
    assert (found.by_sunday, found.reached) == (100, monday + WEEK / 2 + 30 / 50 * WEEK / 2)
    slow = pace(10, 80, monday + WEEK / 2)
    assert slow is not None
    assert slow.reached is None


def test_a_notice_and_an_exception_stand_on_my_gpus(make_world: MakeWorld) -> None:
    world = make_world(programme_hours={"ained": 0.0})
    world.desk.allowances = (allowance(hours=5),)
    html = world.html(groups=("ained",))
    assert "has used its 0 GPU-hours of this week" in html
    assert "a deadline" in html
