"""What accounting reads of the world: counters of energy, running seats, CPU time, sizes of homes."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.accounting import tables
from hub.accounting.energy import UNSEEN, EnergyBook, Reading, between
from hub.accounting.homes import HomeBook, size_of
from hub.accounting.model import DAY
from hub.accounting.seats import SeatBook, Seen, seen
from hub.cgroups.limits import used_cpu
from hub.db import connect, engine_of
from hub.settings import load
from hub.web.hub_api import Person, SeatRecord
from tests.support.ledger import Books
from tests.support.workbench import ROOT

NOW = 1_795_478_400.0  # 00:00 UTC


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(engine_of(f"sqlite:///{tmp_path}/leases.sqlite"), connect(f"sqlite:///{tmp_path}/use.sqlite"))
    yield made
    made.leases.dispose()
    made.ledger.dispose()


# --- energy --------------------------------------------------------------------------------------------


def reading(lease: str, mj: float, at: float, device: str = "GPU-0") -> Reading:
    return Reading(device, lease, mj, at)


def test_energy_is_the_first_holders_and_cut_at_midnight() -> None:
    taken = list(between(reading("one", 100, NOW - 30), reading("two", 200, NOW + 10)))
    assert [(part.lease, part.day - int(NOW // DAY), part.mj, part.seconds) for part in taken] == [
        ("one", -1, 75, 30),
        ("one", 0, 25, 10),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (reading("one", 500, NOW), reading("one", 20, NOW + 30)),  # the driver was loaded anew
        (reading("one", 500, NOW), reading("one", 600, NOW - 30)),  # the clock was set back
        (reading("one", 500, NOW), reading("two", 600, NOW + UNSEEN + 1)),  # who had it meanwhile?
        (reading("one", 500, NOW), reading("one", 500, NOW)),
    ],
)
def test_energy_that_cannot_be_known_is_nobodys(before: Reading, after: Reading) -> None:
    assert list(between(before, after)) == []


def test_a_lease_that_outlives_the_service_keeps_its_energy() -> None:
    (part,) = between(reading("one", 500, NOW), reading("one", 900, NOW + 10 * UNSEEN))
    assert (part.mj, part.seconds) == (400, 10 * UNSEEN)


def test_readings_add_up_whoever_has_the_device(books: Books) -> None:
    book = EnergyBook(books.ledger)
    for lease, mj, at in (("one", 0, 0), ("one", 10, 30), ("", 25, 60), ("two", 27, 90), ("two", 60, 120)):
        book.note([reading(lease, mj, NOW + at), reading(lease, 2 * mj, NOW + at, "GPU-1")])
    book.note([])
    with books.ledger.connect() as connection:
        rows = connection.execute(select(tables.energy)).all()
    told = {(row.lease, row.device): (row.mj, row.seconds) for row in rows}
    assert told["one", "GPU-0"] == (25, 60)
    assert told["", "GPU-0"] == (2, 30)
    assert told["two", "GPU-1"] == (66, 30)


# --- seats ---------------------------------------------------------------------------------------------


def seat(user: str, began: float = NOW, cpu: float | None = None) -> Seen:
    return Seen(user, "", "ained", "small", began, None, cpu)


def kept(books: Books) -> dict[str, list[tuple[float, float, bool]]]:
    """Each user's seats: how long after NOW they began and were last seen, and whether they ended."""
    told: dict[str, list[tuple[float, float, bool]]] = {}
    with books.ledger.connect() as connection:
        for row in connection.execute(select(tables.seats).order_by(tables.seats.c.id)):
            told.setdefault(row.user, []).append((row.began - NOW, row.last_seen - NOW, row.has_ended))
    return told


def test_a_seat_ends_when_it_was_last_seen(books: Books) -> None:
    book = SeatBook(books.ledger)
    book.note([seat("ada"), seat("bob")], NOW + 60)
    book.note([seat("ada"), seat("bob")], NOW + 120)
    book.note([seat("ada")], NOW + 180)
    assert kept(books) == {"ada": [(0, 180, False)], "bob": [(0, 120, False)]}
    book.note([seat("ada")], NOW + 300)
    assert kept(books) == {"ada": [(0, 300, False)], "bob": [(0, 120, True)]}


def test_a_seat_that_ended_while_the_service_was_away_ends_when_it_was_last_seen(books: Books) -> None:
    SeatBook(books.ledger).note([seat("ada")], NOW + 60)
    SeatBook(books.ledger).note([seat("ada", began=NOW + 4000)], NOW + 5000)
    assert kept(books) == {"ada": [(0, 60, True), (4000, 5000, False)]}


def test_a_seat_that_was_missed_once_is_the_same_seat(books: Books) -> None:
    book = SeatBook(books.ledger)
    book.note([seat("ada")], NOW + 60)
    book.note([], NOW + 120)
    book.note([seat("ada")], NOW + 180)
    book.note([], NOW + 400)
    book.note([seat("ada")], NOW + 460)
    assert kept(books) == {"ada": [(0, 460, False)]}


def test_a_seat_that_was_counted_is_not_counted_again(books: Books) -> None:
    book, ledger = SeatBook(books.ledger), books.keep()
    book.note([seat("ada", cpu=30.0)], NOW + 3600)
    book.note([], NOW + 7200)
    assert (ledger.count_seats(), ledger.count_seats()) == (1, 0)
    book.note([seat("ada")], NOW + 9000)
    assert kept(books) == {"ada": [(0, 3600, True)]}
    with books.ledger.connect() as connection:
        row = connection.execute(select(tables.pieces)).one()
    assert (row.seat_seconds, row.cpu_seconds, row.cpu_measured_seconds) == (3600, 30, 3600)


def test_cpu_time_never_goes_back_and_is_not_made_up(books: Books) -> None:
    book = SeatBook(books.ledger)
    for number, cpu in enumerate((None, 5.0, 9.0, None, 2.0)):
        book.note([seat("ada", cpu=cpu), seat("bob")], NOW + 60 * number)
    with books.ledger.connect() as connection:
        rows = connection.execute(select(tables.seats.c.user, tables.seats.c.cpu_seconds)).all()
    assert dict(rows) == {"ada": 9.0, "bob": None}  # type: ignore[arg-type]


def test_seats_count_for_the_first_of_the_programmes_and_only_once_they_run() -> None:
    began = datetime.fromtimestamp(NOW, UTC)
    runs = SeatRecord("", "/user/ada/", "small", True, None, began, None)
    starts = SeatRecord("two", "/user/ada/two/", "small", False, "spawn", None, None)
    ada = Person("ada", ("health-ri", "ained"), False, "", (runs, starts))
    (found,) = seen(
        [ada], load(ROOT / "werkbank.yaml"), lambda user, server: 7.0 if (user, server) == ("ada", "") else None
    )
    assert (found.programme, found.profile, found.began, found.cpu_seconds) == ("ained", "small", NOW, 7.0)


def test_cpu_time_is_read_where_groups_count_it(tmp_path: Path) -> None:
    assert used_cpu("seat", tmp_path) is None
    v1 = tmp_path / "cpu" / "werkbank" / "seat"
    v1.mkdir(parents=True)
    (v1 / "cpuacct.usage").write_text("2500000000\n")
    assert used_cpu("seat", tmp_path) == 2.5
    v2 = tmp_path / "werkbank" / "seat"
    v2.mkdir(parents=True)
    (v2 / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    assert used_cpu("seat", tmp_path) == 1.5


# --- homes ---------------------------------------------------------------------------------------------


def test_a_home_is_as_large_as_what_lies_in_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "deep" / "er").mkdir(parents=True)
    (tmp_path / "elsewhere").write_bytes(b"x" * 10**7)
    (home / "deep" / "er" / "file").write_bytes(b"x" * 10**6)
    before = size_of(home)
    assert before is not None
    assert 10**6 <= before < 2 * 10**6
    os.link(home / "deep" / "er" / "file", home / "again")
    (home / "link").symlink_to(tmp_path)
    (home / "loop").symlink_to(home)
    after = size_of(home)
    assert after is not None
    assert after - before < 10**5


def test_a_home_that_is_not_there_is_not_measured(tmp_path: Path) -> None:
    assert size_of(tmp_path / "nobody") is None


def test_homes_of_running_seats_are_measured_once_a_day(books: Books) -> None:
    SeatBook(books.ledger).note([seat("ada"), seat("bob"), seat("eve")], NOW)
    homes = HomeBook(books.ledger)
    assert homes.due(NOW - DAY, 9) == ["ada", "bob", "eve"]
    homes.note("ada", 5, NOW)
    homes.note("bob", 6, NOW - 2 * DAY)
    homes.note("bob", 7, NOW - 2 * DAY)
    assert homes.due(NOW - DAY, 9) == ["eve", "bob"]
    assert homes.due(NOW - DAY, 1) == ["eve"]
    assert homes.sizes() == {"ada": 5, "bob": 7}
    assert homes.sizes(["bob"]) == {"bob": 7}
