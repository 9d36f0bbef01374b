"""Reads what jobs used from the accounting of a cluster, again and again: it lags, and may be away.

Rows come seconds after what they tell of, and hours later where the cluster itself could not reach its accounting. So
each round begins an hour before where the last one ended, and the first of each day a week before that; a job that is
told twice is the same row of the book.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Engine

from hub.accounting.jobs import JobBook, JobKey
from hub.accounting.model import DAY
from hub.accounting.source import Source
from hub.logs import get_logger
from hub.settings import Settings, SlurmSite
from hub.slurm.commands import Slurm, SlurmError, SlurmRefused
from hub.slurm.names import DASK, SEAT
from hub.slurm.usage import JobUse, counts_gpus, usage, usage_of

log = get_logger("accounting")

FIRST = 31 * DAY
"""How far back is read where nothing was read before."""
OVERLAP, LATE = 3600.0, 7 * DAY
"""How far back each round looks again, and the first one of each day. Seconds."""
ROUNDS_LATE = 3
"""Rounds without an answer after which what jobs used is unknown, whatever became of the rounds."""


class InThread(Protocol):
    """Runs what blocks, one after the other."""

    def __call__(self, act: Callable[..., Any], *given: object) -> Awaitable[Any]: ...


@dataclass(frozen=True)
class Known:
    """How far it is known what jobs used."""

    until: float | None
    """Unix seconds; None where nothing was read so far."""
    is_away: bool
    """The accounting does not answer: what was used since then is unknown, and is no nothing."""
    why: str = ""
    """What Slurm said, for admins; empty where nobody knows."""

    def lacks(self, end: float) -> bool:
        """Whether something before `end` (Unix seconds) is unknown."""
        return self.is_away and (self.until is None or self.until < end)


class ClusterJobs:
    """One per service, where seats are jobs. Used on the event loop but for `known`."""

    def __init__(
        self, engine: Engine, source: Source, settings: Callable[[], Settings], now: Callable[[], float]
    ) -> None:
        self._settings, self._now = settings, now
        self.book, self.slurm = JobBook(engine, source), Slurm()
        self._away = ""
        self._has_gpus = False
        self._looked_far = float("-inf")

    @property
    def period(self) -> float:
        """Seconds between two rounds."""
        return float(max(1, self._site.usage_period))

    @property
    def _site(self) -> SlurmSite:
        site = self._settings().site.slurm
        assert site is not None
        return site

    def known(self) -> Known:
        """How far it is known what jobs used. Blocking: call it in a thread."""
        until = self.book.until()
        is_late = until is None or self._now() - until > ROUNDS_LATE * self.period + OVERLAP / 60
        return Known(until, bool(self._away) or is_late, self._away)

    async def read(self, in_thread: InThread) -> None:
        """One round. Where the accounting does not answer, that is told, and the next round begins where this did."""
        try:
            await self._read(in_thread)
        except SlurmError as error:
            if not self._away:
                since = _written(await in_thread(self.book.until))
                log.warning("slurm.silent", about="accounting", unknown_since=since, why=str(error))
            self._away = str(error)
        else:
            if self._away:
                log.info("slurm.answers", about="accounting")
            self._away = ""

    async def _read(self, in_thread: InThread) -> None:
        settings, now = self._settings(), self._now()
        await self._require_gpus(settings)
        for start, end in _days(await self._begin(in_thread, now), now):
            await in_thread(self.book.note, await self._asked(start, end), settings, now)
            await in_thread(self.book.reached, end)
        await self._follow(in_thread, settings, now)
        if now - self._looked_far >= DAY:
            self._looked_far = now

    async def _begin(self, in_thread: InThread, now: float) -> float:
        until: float | None = await in_thread(self.book.until)
        if until is None:
            return now - FIRST
        return min(until, now) - (LATE if now - self._looked_far >= DAY else OVERLAP)

    async def _require_gpus(self, settings: Settings) -> None:
        """Raises SlurmRefused where the accounting counts no GPUs: that a job has none there means nothing then."""
        if not settings.gpu_classes or self._has_gpus:
            return
        if not await counts_gpus(self.slurm):
            raise SlurmRefused("Slurm's accounting counts no GPUs: AccountingStorageTRES lacks gres/gpu.")
        self._has_gpus = True

    async def _asked(self, start: float, end: float) -> list[JobUse]:
        """Jobs of programmes, whoever gave them; and Werkbank's own, whoever they are counted for."""
        accounts = sorted({name.lower() for name in self._site.accounts.values()})  # as Slurm writes them
        found = await usage(self.slurm, start, end, self._now(), names=(SEAT, DASK))
        if accounts:
            found += await usage(self.slurm, start, end, self._now(), accounts=accounts)
        return found

    async def _follow(self, in_thread: InThread, settings: Settings, now: float) -> None:
        """Jobs that run as far as is known, and were told of no more: they ended before what was just read, or are in
        no account of a programme any more. One that the accounting has forgotten ended when it was last seen.
        """
        lost: set[JobKey] = await in_thread(self.book.unheard, now)
        if not lost:
            return
        numbers = sorted({number for number, _submitted in lost})
        told = [job for job in await usage_of(self.slurm, numbers) if _key(job) in lost]
        await in_thread(self.book.note, told, settings, now)
        forgotten = sorted(lost - {_key(job) for job in told})
        if forgotten:
            log.warning("jobs.forgotten", jobs=forgotten)
            await in_thread(self.book.give_up, forgotten)


def _key(job: JobUse) -> JobKey:
    return job.id, int(job.submitted)


def _written(until: float | None) -> str:
    return "ever" if until is None else datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")


def _days(start: float, end: float) -> Iterator[tuple[float, float]]:
    """A stretch of time in parts of a day at most: a month at once would be much to search, and to hear."""
    while start < end:
        until = min(end, start + DAY)
        yield start, until
        start = until
