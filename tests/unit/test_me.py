"""What the API tells a person of themselves: from the real decisions, without a hub."""

from dataclasses import replace

import pytest

from hub.leases.events import Reserved, Ticked
from hub.leases.me import MeView, me_view
from hub.leases.model import Reservation
from hub.settings.model import Co2e, FootprintFactors, Water
from tests.support.desk import START, MakeWorld, World, person

HOUR = 3600.0


def me(world: World, user: str = "ada", language: str = "en", groups: tuple[str, ...] = ("ained",)) -> MeView:
    return me_view(world.desk, person(user, groups), language)


def reserve(world: World, id: str, start: float, end: float, **more: object) -> None:
    """A window that begins and ends so many hours after the start of all."""
    window = (START + start * HOUR, START + end * HOUR)
    world.tell(Reserved(Reservation(id, "big", 1, *window, **more)))  # type: ignore[arg-type]


# --- leases and classes -------------------------------------------------------------------------------


def test_my_leases_are_there_as_the_list_of_leases_has_them_and_nobody_elses_are(make_world: MakeWorld) -> None:
    world = make_world(count=2)
    world.ask("mine", "ada")
    world.take("mine", busy=True)
    world.ask("other", "bob")
    told = me(world)
    assert told.user == "ada"
    assert told.leases == [world.desk.view(world.lease("mine"), "en")]
    assert "other" not in told.model_dump_json()
    assert "bob" not in told.model_dump_json()


def test_classes_are_there_as_the_list_of_classes_has_them(make_world: MakeWorld) -> None:
    world = make_world(count=2)
    world.ask("mine", "ada")
    assert [row.model_dump() for row in me(world, language="nl").classes] == world.desk.classes("nl")
    assert [(row.title, row.free, row.held) for row in me(world, language="nl").classes] == [("Grote", 1, 1)]


def test_the_time_told_is_the_brokers(make_world: MakeWorld) -> None:
    world = make_world()
    world.now += 1.5  # nothing was decided since
    assert me(world).now == world.now


@pytest.mark.parametrize(("language", "words"), [("en", "cannot be read"), ("nl", "niet uit te lezen")])
def test_devices_that_cannot_be_read_are_a_sentence_without_the_drivers_words(
    make_world: MakeWorld, language: str, words: str
) -> None:
    world = make_world()
    assert me(world).unreadable == ""
    world.desk.broker.unreadable = "NVML: driver not loaded"
    told = me(world, language=language)
    assert words in told.unreadable
    assert "NVML" not in told.model_dump_json()
    assert not told.classes[0].known


# --- reservations -------------------------------------------------------------------------------------

WINDOWS: list[tuple[str, float, float, dict[str, object], bool | None]] = [
    ("mine by name, next month", 720, 721, {"users": frozenset({"ada"})}, True),
    ("mine by group, now", -1, 1, {"group": "ained"}, True),
    ("of others, now", -1, 1, {"group": "health-ri"}, False),
    ("of others, within a day", 23, 25, {"users": frozenset({"bob"})}, False),
    ("of others, in two days", 48, 50, {"group": "health-ri"}, None),
]


@pytest.mark.parametrize(("what", "start", "end", "whose", "mine"), WINDOWS, ids=[row[0] for row in WINDOWS])
def test_reservations_that_concern_me_are_told(
    make_world: MakeWorld, what: str, start: float, end: float, whose: dict[str, object], mine: bool | None
) -> None:
    world = make_world()
    reserve(world, "class", start, end, **whose)
    assert [kept.mine for kept in me(world).reservations] == ([] if mine is None else [mine])


@pytest.mark.parametrize("whose", [{"group": "ained"}, {"group": "health-ri"}])
def test_a_window_that_is_over_is_not_told_even_before_the_broker_has_noticed(
    make_world: MakeWorld, whose: dict[str, object]
) -> None:
    world = make_world()
    reserve(world, "class", -1, 1, **whose)
    world.now += HOUR
    assert me(world).reservations == []


def test_who_has_no_profile_with_that_class_hears_only_of_their_own(make_world: MakeWorld) -> None:
    world = make_world()
    reserve(world, "theirs", 1, 2, group="ained")
    reserve(world, "mine", 1, 2, group="reading-club")
    assert [kept.id for kept in me(world, groups=("reading-club",)).reservations] == ["mine"]


def test_reservations_come_in_the_order_of_their_start_and_in_the_readers_language(make_world: MakeWorld) -> None:
    world = make_world()
    for id, start in (("c", 3.0), ("a", 2.0), ("b", 1.0)):
        reserve(world, id, start, 5, group="ained")
    first, *others = me(world, language="nl").reservations
    assert (first.title, first.count, first.start, first.end) == ("Grote", 1, START + HOUR, START + 5 * HOUR)
    assert [kept.id for kept in (first, *others)] == ["b", "a", "c"]


# --- use ----------------------------------------------------------------------------------------------


def test_my_use_stands_beside_what_bounds_it(make_world: MakeWorld) -> None:
    world = make_world(devices_per_user=3)
    world.ask("mine", "ada", programme="ained")
    world.take("mine", busy=True)
    world.tell(Ticked(), after=1.5 * HOUR)
    use = me(world, groups=("ained", "reading-club")).use
    assert (use.hours, use.hours_cap, use.devices_per_user) == (1.5, None, 3)
    (programme,) = use.programmes
    assert (programme.title, programme.hours, programme.mine, programme.quota) == ("AiNed", 1.5, 1.5, 200)
    assert (programme.devices, programme.most_devices, programme.due, programme.had) == (1, 64, 67, 100)


def test_who_is_in_no_programme_has_none(make_world: MakeWorld) -> None:
    assert me(make_world(), groups=()).use.programmes == []


# --- footprint ----------------------------------------------------------------------------------------


def test_what_the_site_does_not_report_is_null(make_world: MakeWorld) -> None:
    assert me(make_world()).footprint.model_dump() == {"pue": None, "co2e": None, "water": None}


def test_the_figures_of_the_site_are_told_with_year_source_and_method(make_world: MakeWorld) -> None:
    world = make_world()
    co2e = {"value": 268, "year": 2023, "source": "<b>a table</b>", "method": "location"}
    reported = FootprintFactors(co2e=Co2e(**co2e), water=Water(value=0.5, year=2024, source="report"))
    site = world.desk.settings.site.model_copy(update={"footprint": reported})
    world.desk.settings = world.desk.settings.model_copy(update={"site": site})
    told = me(world).footprint.model_dump()
    assert told == {"pue": None, "co2e": co2e, "water": {"value": 0.5, "year": 2024, "source": "report"}}


def test_whoever_has_no_job_yet_is_told_that_slurm_is_silent_though_its_devices_cannot_be_read_either(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    broker = world.desk.broker
    broker.state = replace(broker.state, rules=replace(broker.state.rules, jobs=True))
    world.ask("mine", "ada")
    broker.unreadable = "scontrol: Unable to contact slurm controller"
    reason = me(world).leases[0].reason
    assert reason is not None
    assert (reason.code, "Slurm does not answer now" in reason.text) == ("slurm-silent", True)
