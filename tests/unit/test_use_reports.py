"""Reports, files and who may see them, on a desk whose time a test moves by hand."""

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from sqlalchemy import Engine

from hub.accounting.accounts import Accounts, Told
from hub.accounting.charts import chart_of
from hub.accounting.energy import EnergyBook, Reading
from hub.accounting.exports import COLUMNS, as_csv, as_parquet
from hub.accounting.months import today
from hub.accounting.periods import Period, period_of
from hub.accounting.query import Whose
from hub.accounting.report import found
from hub.accounting.scope import (
    EVERYTHING,
    Scope,
    given_by,
    led_by,
    of_myself,
    of_programme,
    of_workshop,
    workshop_scope,
)
from hub.accounting.seats import SeatBook, Seen
from hub.accounting.steering import steering
from hub.db import connect
from hub.leases.events import Looked, Released
from hub.settings.model import Co2e, FootprintFactors, Pue, Settings, Water
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.workshops.model import Workshop
from hub.workshops.people import How, Members
from hub.workshops.store import Workshops
from tests.support.desk import MakeWorld, World, person

FORMULA = "=HYPERLINK(1)"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/werkbank.sqlite")
    yield made
    made.dispose()


def accounts_of(world: World, engine: Engine, **factors: Any) -> Accounts:
    settings = world.desk.settings
    site = settings.site.model_copy(update={"footprint": FootprintFactors(**factors)})
    made = Accounts(settings.model_copy(update={"site": site}), engine, world.desk)
    made.now = lambda: world.now  # type: ignore[method-assign]
    made.ledger.begin()
    return made


def report(accounts: Accounts, scope: Scope, by: str = "user", language: str = "en") -> Told:
    day = today(accounts.now())
    period = Period(day - 1, day + 2, "")
    return asyncio.run(accounts.report(scope, by, period, language))  # type: ignore[arg-type]


def used(world: World, user: str, seconds: float, **more: object) -> None:
    """Somebody has a GPU for so long, and gives it back."""
    name = f"{user}-{world.now:.0f}"
    world.ask(name, user, **more)
    world.take(name, busy=True)
    world.tell(Released(name, "user"), after=seconds)
    for device in world.desk.broker.state.devices.values():
        if device.lease is None:
            world.tell(Looked(device.uuid, True))


# --- what is told --------------------------------------------------------------------------------------


def test_what_ended_and_what_runs_are_told_and_told_apart(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world(count=2)
    accounts = accounts_of(world, engine)
    used(world, "ada", 3600)
    world.ask("now", "bob")
    world.take("now")
    world.now += 1800
    for counted in (False, True):
        if counted:
            accounts.ledger.count_leases(world.now)
        ada, bob = report(accounts, EVERYTHING).view(report(accounts, EVERYTHING).entries).lines
        assert (ada.name, ada.is_live, ada.leases) == ("ada", False, 1)
        assert ada.gpu_hours_held == pytest.approx(1, abs=0.01)
        assert (bob.name, bob.is_live) == ("bob", True)
        assert bob.gpu_hours_held == pytest.approx(0.5, abs=0.01)


def test_a_seat_is_told_while_it_runs_and_once_it_ended(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world()
    accounts, seats = accounts_of(world, engine), SeatBook(engine)
    seats.note([Seen("ada", "", "ained", "small", world.now, None, 30.0)], world.now + 60)
    world.now += 7200
    (line,) = report(accounts, of_myself(person("ada")), "profile").entries
    assert (line.title, line.tally.is_live, line.tally.amounts.seat_seconds) == ("Small", True, 7200)
    seats.note([], world.now)
    for _counted in range(2):
        (line,) = report(accounts, EVERYTHING, "programme").entries
        assert (line.name, line.tally.is_live, line.tally.amounts.seat_seconds) == ("ained", False, 60)
        assert report(accounts, EVERYTHING, "gpu_class").entries == []
        accounts.ledger.count_seats()


def test_simulated_devices_are_apart_and_have_no_energy(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world(count=1)
    accounts = accounts_of(world, engine)
    simulated = world.desk.settings.gpu_classes["big"].model_copy(update={"simulated": True})
    accounts.settings = accounts.settings.model_copy(update={"gpu_classes": {"big": simulated}})
    used(world, "ada", 3600)
    told = report(accounts, EVERYTHING, "gpu_class")
    (line,) = told.lines(told.entries)
    assert (line.simulated, line.gpu_energy_kwh, line.co2e_g) == (True, None, None)
    real, on_paper = told.total
    assert (real.simulated, real.gpu_hours_held) == (False, 0)
    assert on_paper.gpu_hours_held == pytest.approx(1, abs=0.01)
    assert chart_of(told, "en").is_simulated


FACTORS = {
    "pue": Pue(value=1.5, year=2025, source="s"),
    "co2e": Co2e(value=200, year=2025, source="s", method="location"),
    "water": Water(value=2, year=2025, source="s"),
}


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        (FACTORS, (1.0, 1.5, 300.0, 2.0)),
        ({}, (1.0, None, None, None)),
        ({"co2e": FACTORS["co2e"]}, (1.0, None, 200.0, None)),
    ],
)
def test_energy_becomes_a_footprint_with_what_the_site_reports(
    make_world: MakeWorld, engine: Engine, factors: dict[str, Any], expected: tuple[float | None, ...]
) -> None:
    world = make_world(count=1)
    accounts = accounts_of(world, engine, **factors)
    world.ask("one", "ada")
    world.take("one")
    book = EnergyBook(engine)
    book.note([Reading("GPU-0", "one", 0.0, world.now)])
    world.now += 1800
    book.note([Reading("GPU-0", "one", 3.6e9, world.now)])
    world.now += 1800
    (line,) = report(accounts, of_myself(person("ada")), "gpu_class").total
    told = (line.gpu_energy_kwh, line.site_energy_kwh, line.co2e_g, line.water_l)
    assert told == pytest.approx(expected)
    assert line.gpu_energy_measured_share == pytest.approx(0.5, abs=0.01)


def test_removed_programmes_and_classes_keep_their_names(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world(count=1)
    accounts = accounts_of(world, engine)
    used(world, "ada", 60, programme="gone")
    used(world, "bob", 60, programme="ained")
    used(world, "eve", 60)
    told = {one.name: one.title for one in report(accounts, EVERYTHING, "programme").entries}
    assert told == {"gone": "gone", "ained": "AiNed", "": "No programme"}
    assert {one.title for one in report(accounts, EVERYTHING, "programme", "nl").entries} >= {"Geen programma"}


def test_lines_are_found_by_words(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world(count=1)
    accounts = accounts_of(world, engine)
    for user in ("ada", "adam", "bob"):
        used(world, user, 60)
    entries = report(accounts, EVERYTHING).entries
    assert [one.name for one in found(entries, "ADA")] == ["ada", "adam"]
    assert [one.name for one in found(entries, "ad am")] == ["adam"]
    assert found(entries, "nobody") == []


def test_a_month_is_told_beside_the_month_before(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world(count=1)
    accounts = accounts_of(world, engine)
    used(world, "ada", 3600, programme="ained")
    world.now += 31 * 86400
    used(world, "bob", 7200, programme="ained")
    month = period_of("", None, None, world.now).name
    shown = asyncio.run(steering(accounts, month, "en"))
    assert shown.now.gpu_hours_held == pytest.approx(2, abs=0.01)
    assert shown.then.gpu_hours_held == pytest.approx(1, abs=0.01)
    assert (shown.people, shown.unheld_kwh, shown.is_running) == (1, None, True)
    assert [line.title for line in shown.programmes] == ["AiNed"]
    assert asyncio.run(steering(accounts, "", "en")).period == shown.before
    for bad in ("2026", "2026-Q4", "x"):
        with pytest.raises(Problem):
            asyncio.run(steering(accounts, bad, "en"))


# --- files ---------------------------------------------------------------------------------------------


def test_files_hold_every_line_and_no_formula(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world(count=1)
    accounts = accounts_of(world, engine)
    used(world, FORMULA, 3600)
    used(world, "ada", 60)
    told = report(accounts, EVERYTHING)
    lines = told.lines(told.entries)
    rows = list(csv.DictReader(io.StringIO(as_csv(told.view(), lines))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["name"] for row in rows] == [f"'{FORMULA}", "ada"]
    assert rows[0]["gpu_energy_kwh"] == ""
    table = pyarrow.parquet.read_table(io.BytesIO(as_parquet(told.view(), lines)))
    assert tuple(table.column_names) == COLUMNS
    assert table["name"].to_pylist() == [FORMULA, "ada"]
    assert table["gpu_energy_kwh"].to_pylist() == [None, None]
    assert table["gpu_hours_held"].to_pylist() == [line.gpu_hours_held for line in lines]


# --- who may see it ------------------------------------------------------------------------------------


def workshop(**more: object) -> Workshop:
    basic: dict[str, object] = {
        "id": "class",
        "title": {"en": "Class", "nl": "Les"},
        "starts": "2026-11-24 00:00+00:00",
        "ends": "2026-11-24 02:00+00:00",
        "trainers": ["trainer"],
        "learners": ["ada"],
        "seats": 4,
        "profile": "medium",
        "lessons": ["A1"],
    }
    return Workshop.model_validate(basic | more)


def led(settings: Settings) -> Settings:
    """The settings, with a lead of AiNed."""
    programmes = tuple(
        one.model_copy(update={"leads": ("lead",)}) if one.name == "ained" else one for one in settings.programmes
    )
    return settings.model_copy(update={"programmes": programmes})


ADMIN = Person("admin", (), True, "", ())


@pytest.mark.parametrize(
    ("who", "programmes", "workshops"),
    [
        (person("ada", ("ained",)), [], []),
        (person("lead"), ["ained"], []),
        (person("trainer", ("trainers",)), [], ["class"]),
        (person("other", ("trainers",)), [], []),
        (ADMIN, ["ained", "health-ri", "gone"], ["class"]),
    ],
)
def test_everybody_sees_what_is_theirs_and_nothing_else(
    make_world: MakeWorld, engine: Engine, who: Person, programmes: list[str], workshops: list[str]
) -> None:
    settings, kept = led(make_world().desk.settings), Workshops(engine)
    kept.put(workshop(), "admin", 0)
    assert of_myself(who).whose == Whose(user=who.name)
    for name in ("ained", "health-ri", "gone", ""):
        if name in programmes:
            assert of_programme(who, name, settings).whose == Whose(programme=name)
        elif not who.admin:
            with pytest.raises(Problem, match="You may not see this use"):
                of_programme(who, name, settings)
    if workshops:
        assert of_workshop(who, "class", kept).whose.people == {"trainer", "ada"}
    for id in {"class", "none"} - set(workshops):
        with pytest.raises(Problem) as refused:
            of_workshop(who, id, kept)
        assert refused.value.status == (404 if who.admin else 403)


def test_leads_and_trainers_are_led_to_what_they_may_see(make_world: MakeWorld, engine: Engine) -> None:
    settings, kept = led(make_world().desk.settings), Workshops(engine)
    kept.put(workshop(), "admin", 0)
    assert led_by(person("lead"), settings) == ["ained"]
    assert [one.id for one in given_by(person("trainer"), kept)] == ["class"]
    assert led_by(person("ada"), settings) == given_by(person("ada"), kept) == []


def test_a_workshop_is_what_its_people_had_in_its_hours(make_world: MakeWorld, engine: Engine) -> None:
    world = make_world(count=2)
    accounts = accounts_of(world, engine)
    used(world, "ada", 3600)
    used(world, "bob", 3600)
    begun = world.now - 7200
    hours = {"starts": datetime.fromtimestamp(begun, UTC), "ends": datetime.fromtimestamp(begun + 1800, UTC)}
    held = workshop().model_copy(update=hours)
    (line,) = report(accounts, workshop_scope(held, Workshops(engine)), "user").entries
    assert line.name == "ada"
    assert line.tally.amounts.held_seconds == pytest.approx(1800, abs=5)
    Members(engine).enrol(held.id, "bob", How.CODE, "Bob", "", False)
    assert workshop_scope(held, Workshops(engine)).whose.people == {"ada", "trainer", "bob"}
