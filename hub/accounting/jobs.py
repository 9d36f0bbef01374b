"""A record of jobs: what a cluster's accounting told of each, and until when it is known what jobs used."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, tuple_, update

from hub.accounting import tables
from hub.accounting.model import JobFacts
from hub.accounting.source import Source, plain
from hub.db import insert_of, upsert_rows
from hub.settings import Settings
from hub.slurm.names import SEAT
from hub.slurm.usage import JobUse

MARK = "jobs"
"""In `use_marks`: until when it is known what jobs used (Unix seconds)."""
MOST_VALUES = 500
JobKey = tuple[int, int]
"""A job's number, and when it was submitted (Unix seconds)."""


class JobBook:
    """Writes down what the accounting of a cluster tells. Blocking: call it in a thread."""

    def __init__(self, engine: Engine, source: Source) -> None:
        """`source` knows which jobs are leases."""
        self._engine, self._source = engine, source

    def note(self, found: Iterable[JobUse], settings: Settings, now: float) -> None:
        """What was told now (Unix seconds). A job that the ledger has counted stays as it was counted."""
        told = list(found)
        # Leases are counted by the broker's records: here as well, their GPU-hours would be there twice. It is they
        # who say which jobs they are; what a job is called, its owner chooses.
        known = self._source.jobs_of_leases(sorted({job.id for job in told}))
        leases = {_key(job) for job in told if any(one.is_it(job.user, job.submitted) for one in known.get(job.id, ()))}
        told = [job for job in told if _key(job) not in leases]
        with self._engine.begin() as connection:
            # One that was told of before the broker had written down that it is a lease.
            _forget(connection, sorted(leases))
            _write(connection, [_row(job, settings, now) for job in told if not job.end_is_due])
            # Of one whose end is yet to be told nothing new is known, but that it is not forgotten.
            _hear(connection, [_key(job) for job in told if job.end_is_due], now)

    def reached(self, until: float) -> None:
        """What jobs used is known until then (Unix seconds)."""
        with self._engine.begin() as connection:
            before = _until(connection)
            upsert_rows(connection, tables.marks, [{"name": MARK, "value": max(until, before or until)}])

    def until(self) -> float | None:
        """Until when it is known what jobs used (Unix seconds); None before anything was read."""
        with self._engine.connect() as connection:
            return _until(connection)

    def unheard(self, since: float) -> set[JobKey]:
        """Jobs that run as far as is known, of which nothing was heard since then (Unix seconds)."""
        at = tables.jobs.c
        asked = select(at.number, at.submitted).where(~at.is_counted, at.ended.is_(None), at.last_seen < since)
        with self._engine.connect() as connection:
            return {(row.number, row.submitted) for row in connection.execute(asked)}

    def uncounted(self) -> Sequence[Row[Any]]:
        """Jobs that run, and those that ended and are not in the ledger yet."""
        with self._engine.connect() as connection:
            return connection.execute(select(tables.jobs).where(~tables.jobs.c.is_counted)).all()

    def give_up(self, some: Sequence[JobKey]) -> None:
        """These jobs ran as far as is known, and the accounting has forgotten them: they ended when last seen."""
        at = tables.jobs.c
        with self._engine.begin() as connection:
            for first in range(0, len(some), MOST_VALUES):
                mine = tuple_(at.number, at.submitted).in_(some[first : first + MOST_VALUES])
                connection.execute(update(tables.jobs).where(mine, at.ended.is_(None)).values(ended=at.last_seen))


def facts_of(row: Any) -> JobFacts:
    """A row of `use_jobs` as accounting counts it."""
    return JobFacts(
        id=f"job-{row.number}-{row.submitted}",
        user=row.user,
        programme=row.programme,
        name=row.name,
        gpu_class=row.gpu_class,
        gpus=row.gpus,
        cores=row.cores,
        began=row.began,
        until=row.last_seen if row.ended is None else row.ended,
        seconds=row.seconds,
        energy_mj=row.energy_mj,
        has_ended=row.ended is not None,
    )


def _key(job: JobUse) -> JobKey:
    return job.id, int(job.submitted)


def _until(connection: Connection) -> float | None:
    return connection.execute(select(tables.marks.c.value).where(tables.marks.c.name == MARK)).scalar()


def _row(job: JobUse, settings: Settings, now: float) -> dict[str, Any]:
    return {
        "number": job.id,
        "submitted": int(job.submitted),
        "user": plain(job.user)[:255],
        "programme": programme_of(job.account, settings),
        # Seats are told by what they are; what else a job is called, its owner knows it by.
        "name": "" if job.name == SEAT else plain(job.name)[:1024],
        "gpu_class": class_of(job.tres.gpus, settings),
        "gpus": job.tres.gpu_count,
        "cores": job.tres.cpus,
        "began": job.began,
        "ended": job.ended,
        "seconds": job.seconds,
        "energy_mj": None if job.energy is None else job.energy * 1000,
        "last_seen": max(now, job.began),
        "is_counted": False,
    }


def programme_of(account: str, settings: Settings) -> str:
    """The programme whose account it is; empty for one of none. Slurm writes accounts in small letters."""
    accounts = settings.site.slurm.accounts if settings.site.slurm else {}
    return next((name for name, its in accounts.items() if its.lower() == account.lower()), "")


def class_of(gpus: Iterable[str], settings: Settings) -> str:
    """The class of GPUs of these types of Slurm's; empty where there are several, or no class is of that type."""
    types = set(gpus)
    if len(types) != 1:
        return ""
    (kind,) = types
    by_gres = {one.gres: name for name, one in settings.gpu_classes.items() if one.gres}
    return by_gres.get(f"gpu:{kind}" if kind else "gpu", by_gres.get("gpu", ""))


def _hear(connection: Connection, some: Sequence[JobKey], now: float) -> None:
    at = tables.jobs.c
    for first in range(0, len(some), MOST_VALUES):
        mine = tuple_(at.number, at.submitted).in_(some[first : first + MOST_VALUES])
        connection.execute(update(tables.jobs).where(mine, at.ended.is_(None)).values(last_seen=now))


def _forget(connection: Connection, some: Sequence[JobKey]) -> None:
    at = tables.jobs.c
    for first in range(0, len(some), MOST_VALUES):
        mine = tuple_(at.number, at.submitted).in_(some[first : first + MOST_VALUES])
        connection.execute(delete(tables.jobs).where(mine, ~at.is_counted))


def _write(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """One that the ledger has counted is passed over by the database itself: nothing is counted twice."""
    if not rows:
        return
    statement = insert_of(connection, tables.jobs)
    keys = [column.name for column in tables.jobs.primary_key]
    values = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    mine = ~tables.jobs.c.is_counted
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values, where=mine), list(rows))
