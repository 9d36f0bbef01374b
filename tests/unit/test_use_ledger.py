"""The ledger counts each lease once: in whatever order, however often, and whatever was interrupted."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select, update

from hub.accounting import tables
from hub.accounting.energy import EnergyBook, Reading
from hub.accounting.ledger import OVERLAP, Ledger
from hub.accounting.model import DAY, Amounts, Holding, LeaseFacts
from hub.accounting.months import day_of
from hub.accounting.periods import Period, period_of
from hub.accounting.query import Whose
from hub.db import engine_of
from hub.leases import tables as lease_tables
from hub.workshops.window import Window
from tests.support import postgres
from tests.support.ledger import Books, close, computed

START = day_of(date(2025, 12, 1)) * DAY
WHOLE = period_of("", date(2025, 11, 1), date(2026, 3, 31), 0)
YEARS = period_of("", date(2024, 12, 1), date(2026, 12, 31), 0)
ODD = period_of("", date(2025, 12, 7), date(2026, 2, 3), 0)

Ended = tuple[LeaseFacts, list[Holding]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engines(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Engine]]:
    """Two databases: of the leases, and of the service."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            if postgres.programs() is None:
                pytest.skip("PostgreSQL is not installed (on Debian: apt install postgresql)")
            url = stack.enter_context(postgres.server())
            made = (engine_of(url), engine_of(url))
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            made = (engine_of(f"sqlite:///{folder}/leases.sqlite"), engine_of(f"sqlite:///{folder}/use.sqlite"))
        yield made
        for engine in made:
            engine.dispose()


@pytest.fixture
def books(engines: tuple[Engine, Engine]) -> Books:
    return Books(*engines)


def ended(number: int, dice: random.Random) -> Ended:
    """A lease of some length, which had one or two devices, or none."""
    requested = START + dice.random() * 80 * DAY
    start = requested + dice.random() * 2000
    end = start + dice.random() * 2 * DAY
    middle = start + (end - start) / 3
    had = dice.choice([[], [(start, end)], [(start, middle), (middle + 60, end + 60)]])
    held = [Holding(f"GPU-{dice.randrange(3)}", one, other) for one, other in had]
    seconds = sum(one.end - one.start for one in held)
    facts = LeaseFacts(
        id=f"lease-{number}",
        user=dice.choice(["ada", "bob", "<b>eve</b>"]),
        programme=dice.choice(["ained", "health-ri", ""]),
        gpu_class=(gpu_class := dice.choice(["big", "simulated"])),
        requested=requested,
        until=end + 60,
        held_seconds=seconds,
        busy_seconds=seconds / 2,
        profile=dice.choice(["medium", "large"]),
        notebook=dice.choice(["tutorials/A1-surviving-run/x.ipynb", "work/a.ipynb"]),
        simulated=gpu_class == "simulated",
    )
    return facts, held


def some(count: int, seed: int = 1) -> list[Ended]:
    dice = random.Random(seed)
    return [ended(number, dice) for number in range(count)]


def agrees(books: Books, leases: list[Ended]) -> None:
    """The ledger tells what the leases come to, by everything and for periods with and without odd days."""
    for period in (WHOLE, YEARS, ODD, Period(ODD.start, ODD.start + 3, "")):
        for by in ("user", "programme", "gpu_class", "device", "profile", "lesson", "day"):
            assert close(books.told(by, period), computed(leases, by, period)), (by, period)  # type: ignore[arg-type]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(0, 25),
    seed=st.integers(0, 1000),
    batches=st.lists(st.integers(1, 9), max_size=4),
    repeats=st.integers(1, 3),
)
def test_any_number_of_rounds_in_any_order_tell_what_the_leases_come_to(
    engines: tuple[Engine, Engine], count: int, seed: int, batches: list[int], repeats: int
) -> None:
    books = Books(*engines)
    leases = some(count, seed)
    random.Random(seed).shuffle(leases)
    rest = list(leases)
    for size in [*batches, count]:
        books.end(*rest[:size])
        del rest[:size]
        for _again in range(repeats):
            kept = books.keep()
            kept.count_leases(WHOLE.end * DAY)
            kept.recount(WHOLE.end * DAY)  # those that ended long before the latest, as after a clock set back
    agrees(books, leases)


def test_a_crash_between_any_two_steps_leaves_nothing_half_counted(books: Books) -> None:
    leases = some(30)
    books.end(*leases)
    for step in range(1, 40):
        steps = 0

        def crash(*_given: object, at: int = step) -> None:
            nonlocal steps
            steps += 1
            if steps == at:
                raise KeyboardInterrupt

        kept = books.keep()
        event.listen(books.ledger, "before_cursor_execute", crash)
        try:
            kept.count_leases(WHOLE.end * DAY)
        except KeyboardInterrupt:
            assert books.told("user", WHOLE) == {}
            continue
        finally:
            event.remove(books.ledger, "before_cursor_execute", crash)
        break
    else:
        raise AssertionError("it never came to an end")
    assert step > 5
    agrees(books, leases)


def test_a_ledger_of_another_version_is_made_anew(books: Books) -> None:
    leases = some(20)
    books.end(*leases)
    books.keep().count_leases(WHOLE.end * DAY)
    with books.ledger.begin() as connection:
        connection.execute(update(tables.marks).where(tables.marks.c.name == "version").values(value=0.5))
        connection.execute(update(tables.pieces).values(held_seconds=7.0))
    kept = books.keep()
    assert books.told("user", WHOLE) == {}
    kept.count_leases(WHOLE.end * DAY)
    agrees(books, leases)


def test_leases_that_ended_before_what_is_counted_are_found_in_the_end(books: Books) -> None:
    leases = sorted(some(20), key=lambda one: one[0].until)
    kept = books.keep()
    books.end(leases[-1])
    kept.count_leases(WHOLE.end * DAY)
    books.end(*leases[:-1])
    assert leases[0][0].until < leases[-1][0].until - OVERLAP
    kept.count_leases(WHOLE.end * DAY)
    kept.recount(WHOLE.end * DAY)
    agrees(books, leases)
    assert kept.recount(WHOLE.end * DAY) == 0


def test_what_is_not_counted_yet_is_told_all_the_same_and_never_twice(books: Books) -> None:
    leases = some(10)
    books.end(*leases[:5])
    kept = books.keep()
    kept.count_leases(WHOLE.end * DAY)
    with books.ledger.connect() as connection:
        mark = kept.mark(connection, "leases")
    later = [(lease, held) for lease, held in leases[5:] if lease.until > mark]
    books.end(*later)
    fresh = books.use.fresh([], WHOLE.end * DAY)
    told = books.use.tallies("user", WHOLE, Whose(), fresh)
    expected = computed([*leases[:5], *later], "user", WHOLE)
    assert close({key: one.amounts for key, one in told.items()}, expected)
    assert not any(one.is_live for one in told.values())


def test_energy_is_counted_with_its_lease(books: Books) -> None:
    lease, held = next(one for one in some(30) if len(one[1]) == 1)
    book = EnergyBook(books.ledger)
    book.note([Reading(held[0].device, lease.id, 1e6, held[0].start)])
    book.note([Reading(held[0].device, lease.id, 4e6, held[0].end - 10)])
    book.note([Reading(held[0].device, "", 5e6, held[0].end)])
    books.end((lease, held))
    books.keep().count_leases(WHOLE.end * DAY)
    (whole,) = books.told("gpu_class", WHOLE).values()
    assert whole.energy_mj == pytest.approx(4e6)
    assert whole.measured_seconds == pytest.approx(held[0].end - held[0].start)


def test_a_person_and_a_programme_are_told_what_is_theirs(books: Books) -> None:
    leases = some(40)
    books.end(*leases)
    books.keep().count_leases(WHOLE.end * DAY)
    mine = [one for one in leases if one[0].user == "ada"]
    theirs = [one for one in leases if one[0].programme == "ained"]
    for period in (WHOLE, ODD):
        assert close(books.told("gpu_class", period, Whose(user="ada")), computed(mine, "gpu_class", period))
        assert close(books.told("notebook", period, Whose(user="ada")), computed(mine, "notebook", period))
        assert close(books.told("user", period, Whose(programme="ained")), computed(theirs, "user", period))


def test_a_workshop_is_told_what_its_people_had_in_its_hours(books: Books) -> None:
    start = START + 9 * 3600
    facts = LeaseFacts("a", "ada", "", "big", start - 3600, start + 3600, 7200.0, 3600.0)
    other = LeaseFacts("b", "bob", "", "big", start, start + 3600, 3600.0, 0.0)
    books.end((facts, [Holding("GPU-0", start - 3600, start + 3600)]), (other, [Holding("GPU-1", start, start + 3600)]))
    books.keep().count_leases(WHOLE.end * DAY)
    whose = Whose(people=frozenset({"ada"}), window=Window(start, start + 1800))
    (told,) = books.told("gpu_class", WHOLE, whose).values()
    assert told.held_seconds == pytest.approx(1800)
    assert told.busy_seconds == pytest.approx(900)


def test_what_was_forgotten_of_old_leases_is_counted_from_what_stays(books: Books) -> None:
    lease, held = next(one for one in some(30) if len(one[1]) == 2)
    books.end((lease, held))
    with books.leases.begin() as connection:
        connection.execute(lease_tables.holdings.delete())
        connection.execute(update(lease_tables.leases).values(record={}))
    books.keep().count_leases(WHOLE.end * DAY)
    (whole,) = books.told("programme", WHOLE).values()
    assert whole.held_seconds == pytest.approx(lease.held_seconds)
    assert (whole.leases, whole.waits) == (1, 0)


def test_leases_are_read_piece_by_piece(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.accounting.ledger.BATCH", 7)
    leases = some(30)
    books.end(*leases)
    kept: Ledger = books.keep()
    assert kept.count_leases(WHOLE.end * DAY) == 30
    agrees(books, leases)
    with books.ledger.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.sums)).scalar_one() > 0
        assert kept.mark(connection, "counted") == 30


def test_a_name_that_no_database_takes_holds_nothing_up(books: Books) -> None:
    odd, held = ended(1, random.Random(3))
    books.end((replace(odd, notebook="a\ud800b\0c.ipynb"), held))
    books.keep().count_leases(WHOLE.end * DAY)
    told = books.told("notebook", WHOLE, Whose(user=odd.user))
    assert {name for name, _simulated in told} == {"a?bc.ipynb"}


def test_nothing_is_told_of_a_time_in_which_nothing_was(books: Books) -> None:
    books.end(*some(5))
    books.keep().count_leases(WHOLE.end * DAY)
    assert books.told("user", period_of("2024", None, None, 0)) == {}
    assert Amounts() + Amounts() == Amounts()


def test_the_leases_database_is_found_by_a_path(tmp_path: Path) -> None:
    apart = Books(engine_of(f"sqlite:///{tmp_path}/a.sqlite"), engine_of(f"sqlite:///{tmp_path}/b.sqlite"))
    apart.end(*some(3))
    apart.keep().count_leases(WHOLE.end * DAY)
    agrees(apart, some(3))
