"""Jobs of a cluster in the ledger: each counted once, whatever is told again; what is not known is no zero."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from structlog.testing import capture_logs

from hub.accounting import cluster, tables
from hub.accounting.accounts import Accounts
from hub.accounting.charts import chart_of
from hub.accounting.cluster import LATE, OVERLAP, ClusterJobs, Known
from hub.accounting.jobs import JobBook, class_of, facts_of, programme_of
from hub.accounting.ledger import Ledger
from hub.accounting.model import DAY, Amounts, JobFacts
from hub.accounting.months import day_of
from hub.accounting.periods import Period
from hub.accounting.pieces import job_pieces
from hub.accounting.query import Whose
from hub.accounting.scope import EVERYTHING, of_myself, workshop_scope
from hub.db import engine_of
from hub.leases import tables as lease_tables
from hub.settings import Settings, SlurmSite
from hub.slurm.commands import SlurmSilent
from hub.slurm.names import DASK, KERNEL, SEAT
from hub.slurm.tres import Tres
from hub.slurm.usage import JobUse
from hub.workshops.store import Workshops
from tests.support import postgres
from tests.support.desk import MakeWorld, World, person
from tests.support.ledger import Books
from tests.unit.test_use_reports import workshop

START = day_of(date(2025, 12, 31)) * DAY
NOON = START + DAY / 2
WEEK = Period(day_of(date(2025, 12, 29)), day_of(date(2026, 1, 5)), "")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engines(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Engine]]:
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


@pytest.fixture
def settings(make_world: MakeWorld) -> Settings:
    return on_slurm(make_world().desk.settings)


def on_slurm(settings: Settings) -> Settings:
    """Settings of a cluster with one kind of GPU, where AiNed has an account."""
    slurm = SlurmSite(address="10.77.0.1", accounts={"ained": "AI-ned"})
    site = settings.site.model_copy(update={"kind": "slurm", "slurm": slurm})
    big = settings.gpu_classes["big"].model_copy(update={"gres": "gpu:h200"})
    return settings.model_copy(update={"site": site, "gpu_classes": {"big": big}})


def job(number: int = 7, **more: Any) -> JobUse:
    """Two GPUs and eight cores for an hour."""
    basic = JobUse(
        id=number,
        submitted=NOON - 60,
        name="train",
        user="ann",
        account="ai-ned",
        began=NOON,
        ended=NOON + 3600,
        seconds=3600,
        tres=Tres(cpus=8, gpus={"h200": 2}),
        energy=None,
    )
    return replace(basic, **more)


def told(books: Books, by: Any = "user", **whose: Any) -> dict[str, Amounts]:
    """What the ledger tells together with what is not in it yet."""
    fresh = books.use.fresh((), NOON + 2 * DAY)
    return {name: one.amounts for (name, _), one in books.use.tallies(by, WEEK, Whose(**whose), fresh).items()}


def noted(books: Books, settings: Settings, *some: JobUse, now: float = NOON + 3600) -> Ledger:
    book = JobBook(books.ledger, books.source)
    book.note(some, settings, now)
    book.reached(NOON + 2 * DAY)
    return books.keep()


# --- what a job comes to -------------------------------------------------------------------------------


def test_a_job_counts_for_its_user_and_the_programme_of_its_account(books: Books, settings: Settings) -> None:
    ledger = noted(books, settings, job(energy=3.6e6), job(8, user="ben", account="other", name=DASK))
    for counted in (False, True):
        if counted:
            assert ledger.count_jobs() == 2
        assert {user: one.held_seconds for user, one in told(books).items()} == {"ann": 7200, "ben": 7200}
        assert {name: one.jobs for name, one in told(books, "programme").items()} == {"ained": 1, "": 1}
        assert {name: one.core_seconds for name, one in told(books, "gpu_class").items()} == {"big": 57600}
        ann = told(books)["ann"]
        assert (ann.job_gpu_seconds, ann.busy_seconds, ann.leases, ann.energy_mj) == (7200, 0, 0, 0)
        assert (ann.job_energy_mj, ann.job_energy_core_seconds) == (3.6e9, 28800)
        assert set(told(books, "notebook", user="ben")) == {DASK}


def leased(books: Books, job: int, user: str = "ann", ended: float | None = NOON + 3600, held: float = 3600.0) -> None:
    """A lease of that user, which is that job, asked for a minute before `NOON`."""
    row = {"id": f"lease-{job}-{user}-{ended}", "user": user, "programme": "", "gpu_class": "big", "record": {}}
    row |= {"state": "active" if ended is None else "released", "requested": NOON - 60, "ended_at": ended, "job": job}
    with books.leases.begin() as connection:
        connection.execute(lease_tables.leases.insert().values(**row, held_seconds=held, busy_seconds=0.0))


def noted_jobs(books: Books) -> list[int]:
    with books.ledger.connect() as connection:
        return sorted(connection.execute(select(tables.jobs.c.number)).scalars())


def test_the_job_of_a_kernel_is_its_leases_and_never_counted_from_the_cluster(books: Books, settings: Settings) -> None:
    leased(books, 7, ended=None, held=0.0)
    leased(books, 8)
    noted(books, settings, job(name=KERNEL), job(8, name="renamed"), job(9, name=SEAT, tres=Tres(cpus=2)))
    assert noted_jobs(books) == [9]


def test_a_job_that_is_only_called_like_a_kernels_is_counted(books: Books, settings: Settings) -> None:
    noted(books, settings, job(name=KERNEL))
    assert told(books)["ann"].held_seconds == 7200


@pytest.mark.parametrize(
    "other",
    [
        {"user": "ben"},
        {"submitted": NOON + 30 * DAY},
        {"submitted": NOON - 30 * DAY},
        {"number": 8},
    ],
    ids=["another user", "the number came again", "the number was another's before", "another number"],
)
def test_a_job_is_a_leases_by_number_user_and_time(books: Books, settings: Settings, other: dict[str, Any]) -> None:
    leased(books, 7)
    noted(books, settings, job(**{"name": KERNEL} | other))
    assert len(noted_jobs(books)) == 1


def test_clocks_of_a_clusters_machines_may_differ(books: Books, settings: Settings) -> None:
    leased(books, 7)
    noted(books, settings, job(submitted=NOON - 65))
    assert noted_jobs(books) == []


def test_a_job_whose_lease_ended_before_its_kernel_was_there_is_counted(books: Books, settings: Settings) -> None:
    leased(books, 7, held=0.0)
    noted(books, settings, job(name=KERNEL))
    assert told(books)["ann"].held_seconds == 7200


def test_a_job_that_is_told_before_it_is_known_to_be_a_leases_is_counted_by_the_lease_alone(
    books: Books, settings: Settings
) -> None:
    noted(books, settings, job(ended=None), job(8, ended=None))
    leased(books, 7, ended=None)
    ledger = noted(books, settings, job(ended=None), job(8, ended=None))
    assert (noted_jobs(books), ledger.count_jobs()) == ([8], 0)


def test_thousands_of_jobs_are_looked_up_by_an_index(books: Books) -> None:
    with books.leases.begin() as connection:
        common = {"user": "ann", "programme": "", "gpu_class": "big", "state": "released", "requested": NOON}
        common |= {"ended_at": NOON + 60, "held_seconds": 60.0, "busy_seconds": 0.0, "record": {}}
        rows = [{"id": f"lease-{number}", "job": number, **common} for number in range(1, 12_001)]
        connection.execute(lease_tables.leases.insert(), rows)
    found = books.source.jobs_of_leases(range(6_000, 18_000))
    assert sorted(found) == list(range(6_000, 12_001))
    explain = "EXPLAIN QUERY PLAN " if books.leases.dialect.name == "sqlite" else "EXPLAIN "
    with books.leases.begin() as connection:
        connection.execute(text("ANALYZE"))
        told = connection.execute(text(f"{explain}SELECT job FROM leases WHERE job IN (7, 8)")).all()
    assert "leases_of_jobs" in str(told)


@pytest.mark.parametrize(
    ("gpus", "name"),
    [
        ({"h200": 4}, "big"),
        ({"": 4}, ""),
        ({"a100": 1}, ""),
        ({"h200": 1, "a100": 1}, ""),
        ({}, ""),
    ],
)
def test_gpus_are_of_the_class_that_asks_for_their_type(settings: Settings, gpus: dict[str, int], name: str) -> None:
    assert class_of(gpus, settings) == name
    assert class_of(["h200"], settings.model_copy(update={"gpu_classes": {}})) == ""


def test_gpus_of_any_type_are_of_a_class_that_asks_for_any(settings: Settings) -> None:
    any_gpu = settings.gpu_classes["big"].model_copy(update={"gres": "gpu"})
    plain = settings.model_copy(update={"gpu_classes": {"some": any_gpu}})
    assert [class_of([kind], plain) for kind in ("", "h200")] == ["some", "some"]


def test_accounts_are_the_same_in_small_letters_and_others_are_no_programmes(settings: Settings) -> None:
    assert [programme_of(account, settings) for account in ("ai-ned", "AI-NED", "ai", "")] == ["ained", "ained", "", ""]


moments = st.floats(START - 3 * DAY, START + 3 * DAY)


@given(moments, st.floats(0, 4 * DAY), st.floats(0, 1), st.integers(0, 16), st.none() | st.floats(1, 1e9))
def test_pieces_add_up_to_the_job_and_none_crosses_midnight(
    began: float, long: float, held: float, gpus: int, energy: float | None
) -> None:
    facts = JobFacts("job-1-1", "ann", "", "x", "", gpus, 4, began, began + long, long * held, energy, True)
    made = job_pieces(facts)
    whole = sum((piece.amounts for piece in made), Amounts())
    assert whole.jobs == 1
    assert whole.held_seconds == whole.job_gpu_seconds == pytest.approx(gpus * long * held)
    assert whole.core_seconds == pytest.approx(4 * long * held)
    assert whole.job_energy_mj == pytest.approx(energy or 0)
    assert whole.job_energy_core_seconds == pytest.approx(0 if energy is None else 4 * long * held)
    assert all(piece.day * DAY <= piece.start <= piece.end <= (piece.day + 1) * DAY for piece in made)


# --- once -----------------------------------------------------------------------------------------------


def test_a_job_that_is_told_again_is_counted_once(books: Books, settings: Settings) -> None:
    for _restart in range(3):
        ledger = noted(books, settings, job(), job())
        ledger.count_jobs()
        noted(books, settings, job(energy=5.0, seconds=99))
    assert told(books)["ann"].held_seconds == 7200
    assert books.told("user", WEEK)["ann", False].jobs == 1


def test_a_job_that_runs_is_told_until_it_was_last_seen_and_counted_when_it_has_ended(
    books: Books, settings: Settings
) -> None:
    for seconds in (600, 1200):
        ledger = noted(books, settings, job(ended=None, seconds=seconds), now=NOON + seconds)
        assert ledger.count_jobs() == 0
        assert told(books)["ann"].held_seconds == 2 * seconds
        assert told(books, "day")[str(int(START // DAY))].jobs == 1
    ledger = noted(books, settings, job())
    assert (ledger.count_jobs(), ledger.count_jobs()) == (1, 0)
    assert told(books)["ann"].held_seconds == 7200


async def test_energy_that_is_told_after_the_end_is_counted_with_the_job(
    books: Books, settings: Settings, accounting: "AccountingThatIsAwayAtTimes"
) -> None:
    jobs, ledger = reader(books, settings, accounting), books.keep()
    for accounting.now, energy, counted in ((NOON + 3601, None, 0), (NOON + 3661, 5.0, 0), (NOON + 3721, 5.0, 1)):
        accounting.jobs = [job(energy=energy)]
        await jobs.read(in_thread)
        assert told(books)["ann"].held_seconds == 7200
        assert ledger.count_jobs() == counted
    assert told(books)["ann"].job_energy_mj == 5000


def test_a_number_that_comes_again_is_another_job(books: Books, settings: Settings) -> None:
    again = job(submitted=NOON + 4000, began=NOON + 4060, ended=NOON + 4120, seconds=60)
    noted(books, settings, job(), again).count_jobs()
    assert (told(books)["ann"].jobs, told(books)["ann"].held_seconds) == (2, 7320)


def test_a_ledger_of_another_version_is_made_anew_from_what_was_told(books: Books, settings: Settings) -> None:
    ledger = noted(books, settings, job())
    ledger.count_jobs()
    with books.ledger.begin() as connection:
        connection.execute(tables.marks.update().where(tables.marks.c.name == "version").values(value=0))
    ledger.begin()
    assert JobBook(books.ledger, books.source).until() == NOON + 2 * DAY, "what was read is still known"
    assert books.told("user", WEEK) == {}
    assert ledger.count_jobs() == 1
    assert told(books)["ann"].held_seconds == 7200


def test_a_name_that_no_database_takes_holds_nothing_up(books: Books, settings: Settings) -> None:
    noted(books, settings, job(name="a\ud800b\0c" + "x" * 2000, user="ann\0")).count_jobs()
    assert told(books)["ann"].jobs == 1


# --- reading, again and again ----------------------------------------------------------------------------


class AccountingThatIsAwayAtTimes:
    """In place of Slurm's: what it would tell of which jobs, and whether it answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[JobUse] = []
        self.is_away, self.counts = False, True
        self.windows: list[tuple[float, float]] = []
        self.now = NOON
        monkeypatch.setattr(cluster, "usage", self.usage)
        monkeypatch.setattr(cluster, "usage_of", self.usage_of)
        monkeypatch.setattr(cluster, "counts_gpus", self.counts_gpus)

    def _answer(self) -> None:
        if self.is_away:
            raise SlurmSilent("connection refused")

    async def usage(
        self, _slurm: Any, since: float, until: float, _now: float, *, accounts: Any = (), names: Any = ()
    ) -> list[JobUse]:
        self._answer()
        if accounts:
            self.windows.append((since, until))
        return [
            one
            for one in self.jobs
            if (one.account in accounts or one.name in names)
            and one.began <= until
            and (one.ended is None or one.ended >= since)
        ]

    async def usage_of(self, _slurm: Any, ids: Any) -> list[JobUse]:
        self._answer()
        return [one for one in self.jobs if one.id in ids]

    async def counts_gpus(self, _slurm: Any) -> bool:
        self._answer()
        return self.counts


@pytest.fixture
def accounting(monkeypatch: pytest.MonkeyPatch) -> AccountingThatIsAwayAtTimes:
    return AccountingThatIsAwayAtTimes(monkeypatch)


async def in_thread(act: Any, *given: object) -> Any:
    return await asyncio.to_thread(act, *given)


def reader(books: Books, settings: Settings, accounting: AccountingThatIsAwayAtTimes) -> ClusterJobs:
    """As the service has it after a start."""
    return ClusterJobs(books.ledger, books.source, lambda: settings, lambda: accounting.now)


async def test_each_round_begins_before_the_last_one_ended_and_each_days_first_a_week_before(
    books: Books, settings: Settings, accounting: AccountingThatIsAwayAtTimes
) -> None:
    jobs = reader(books, settings, accounting)
    await jobs.read(in_thread)
    assert accounting.windows[0][0] == NOON - cluster.FIRST
    assert all(end - start <= DAY for start, end in accounting.windows)
    for now, back in ((NOON + 60, OVERLAP), (NOON + 120, OVERLAP), (NOON + DAY, LATE), (NOON + DAY + 60, OVERLAP)):
        before, accounting.now = accounting.now, now
        accounting.windows.clear()
        await jobs.read(in_thread)
        assert (accounting.windows[0][0], accounting.windows[-1][1]) == (before - back, now)
        assert jobs.known() == Known(now, False)


async def test_while_the_accounting_is_away_use_is_unknown_since_then_and_is_caught_up_with_once(
    books: Books, settings: Settings, accounting: AccountingThatIsAwayAtTimes
) -> None:
    jobs, ledger = reader(books, settings, accounting), books.keep()
    accounting.jobs = [job(ended=None, seconds=0)]
    await jobs.read(in_thread)
    accounting.is_away = True
    with capture_logs() as logs:
        for accounting.now in (NOON + 60, NOON + 7200):
            await jobs.read(in_thread)
            ledger.count_jobs()
    (said,) = [entry for entry in logs if entry["event"] == "slurm.silent"]
    assert (said["about"], said["unknown_since"], said["why"]) == (
        "accounting",
        "2025-12-31T12:00:00+00:00",
        "connection refused",
    )
    assert jobs.known() == Known(NOON, True, "connection refused")
    again = reader(books, settings, accounting)
    assert again.known() == Known(NOON, True), "a service that starts meanwhile knows since when"
    accounting.is_away = False
    accounting.jobs = [job(), job(8, began=NOON + 60, ended=NOON + 120, seconds=60)]
    for _round in range(2):
        await again.read(in_thread)
        ledger.count_jobs()
    assert again.known() == Known(NOON + 7200, False)
    assert (told(books)["ann"].jobs, told(books)["ann"].held_seconds) == (2, 7320)


async def test_an_accounting_that_counts_no_gpus_makes_use_unknown_and_not_zero(
    books: Books, settings: Settings, accounting: AccountingThatIsAwayAtTimes
) -> None:
    accounting.counts = False
    jobs = reader(books, settings, accounting)
    await jobs.read(in_thread)
    known = jobs.known()
    assert (known.until, known.is_away) == (None, True)
    assert "lacks gres/gpu" in known.why


async def test_a_job_whose_end_came_late_is_followed_and_one_that_was_forgotten_ended_when_last_seen(
    books: Books, settings: Settings, accounting: AccountingThatIsAwayAtTimes
) -> None:
    jobs, ledger = reader(books, settings, accounting), books.keep()
    accounting.jobs = [job(ended=None, seconds=0), job(8, ended=None, seconds=0), job(9, user="cyn", ended=None)]
    await jobs.read(in_thread)
    accounting.now = NOON + 600
    accounting.jobs = [
        job(ended=None, seconds=600),
        job(8, ended=None, seconds=600),
        job(9, user="cyn", ended=None, account="moved", seconds=600),
    ]
    await jobs.read(in_thread)
    # The cluster could not reach its accounting: the end of one is told hours later, the other's record is gone.
    accounting.now = NOON + 5 * 3600
    accounting.jobs = [job(ended=NOON + 1200, seconds=1200), job(9, user="cyn", ended=None, account="moved", seconds=9)]
    await jobs.read(in_thread)
    with books.ledger.connect() as connection:
        rows = {row.number: facts_of(row) for row in connection.execute(select(tables.jobs))}
    assert {number: (one.has_ended, one.until - NOON) for number, one in rows.items()} == {
        7: (True, 1200),
        8: (True, 600),
        9: (False, 5 * 3600),
    }
    assert ledger.count_jobs() == 2


async def test_while_the_end_of_a_job_is_yet_to_be_told_it_stays_as_it_was_last_known(
    books: Books, settings: Settings, accounting: AccountingThatIsAwayAtTimes
) -> None:
    jobs, ledger = reader(books, settings, accounting), books.keep()
    accounting.jobs = [job(ended=None, seconds=10)]
    await jobs.read(in_thread)
    due = replace(job(8), ended=None, seconds=9999, end_is_due=True)
    for accounting.now in (NOON + 60, NOON + 120):
        accounting.jobs = [job(ended=None, seconds=9999, end_is_due=True), due]
        await jobs.read(in_thread)
        assert (told(books)["ann"].held_seconds, ledger.count_jobs()) == (20, 0)
    accounting.now = NOON + DAY
    accounting.jobs = [job(ended=NOON + 30, seconds=30), job(8, ended=NOON + 40, seconds=40)]
    await jobs.read(in_thread)
    assert (told(books)["ann"].held_seconds, ledger.count_jobs()) == (140, 2)


async def test_books_that_no_round_reached_for_long_are_unknown_whatever_the_reason(
    books: Books, settings: Settings, accounting: AccountingThatIsAwayAtTimes
) -> None:
    jobs = reader(books, settings, accounting)
    await jobs.read(in_thread)
    accounting.now = NOON + 60
    assert not jobs.known().is_away
    accounting.now = NOON + 600
    assert jobs.known().is_away
    assert [jobs.known().lacks(end) for end in (NOON - 1, NOON + 60)] == [False, True], "what is long over is known"


# --- how it is told --------------------------------------------------------------------------------------


def accounts_of(world: World, engine: Engine) -> Accounts:
    made = Accounts(on_slurm(world.desk.settings), engine, world.desk)
    made.now = lambda: world.now  # type: ignore[method-assign]
    made.ledger.begin()
    return made


def test_a_report_tells_jobs_apart_from_what_is_measured_of_leases(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    accounts = accounts_of(world, Books(*[engine_of(f"sqlite:///{tmp_path}/{name}.sqlite") for name in "ab"]).ledger)
    assert accounts.jobs is not None
    began = world.now
    world.now += 3600
    some = job(submitted=began, began=began, ended=began + 3600, energy=7.2e6)
    accounts.jobs.book.note([some, job(8, submitted=began, began=began, ended=began + 3600)], accounts.settings, began)
    accounts.jobs.book.reached(world.now)
    day = int(began // DAY)
    report = asyncio.run(accounts.report(of_myself(person("ann")), "gpu_class", Period(day, day + 2, ""), "en"))
    (line,) = report.lines(report.entries)
    assert (line.name, line.gpu_hours_held, line.gpu_hours_jobs, line.core_hours_jobs) == ("big", 4, 4, 16)
    assert (line.gpu_busy_share, line.gpu_energy_kwh, line.jobs) == (None, None, 2)
    assert (line.job_energy_kwh, line.job_energy_measured_share) == (pytest.approx(2), 0.5)
    assert report.view().jobs is not None
    assert report.view().jobs.is_unknown is False  # type: ignore[union-attr]
    assert chart_of(report, "en").has_jobs
    assert asyncio.run(accounts.week(Whose(programme="ained"))).job_gpu_seconds == 4 * 3600
    held = workshop(starts=_iso(began), ends=_iso(began + 1800), learners=["ann"])
    scope = workshop_scope(held, Workshops(accounts.ledger.engine))
    report = asyncio.run(accounts.report(scope, "user", Period(day, day + 2, ""), "en"))
    assert [line.gpu_hours_jobs for line in report.lines(report.entries)] == [pytest.approx(2)]
    world.now += 3600
    report = asyncio.run(accounts.report(EVERYTHING, "user", Period(day, day + 2, ""), "en"))
    assert report.view().jobs.is_unknown is True  # type: ignore[union-attr]


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")


def test_where_seats_are_no_jobs_nothing_is_said_of_jobs(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    engine = Books(*[engine_of(f"sqlite:///{tmp_path}/{name}.sqlite") for name in "ab"]).ledger
    accounts = Accounts(world.desk.settings, engine, world.desk)
    report = asyncio.run(accounts.report(EVERYTHING, "user", Period(1, 2, ""), "en"))
    assert (accounts.jobs, report.view().jobs, report.lacks_jobs) == (None, None, False)
