"""Leases as accounting reads them: from the broker's own database, wherever it lies. Nothing is written there."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select, tuple_

from hub.accounting.model import Holding, LeaseFacts
from hub.accounting.replay import Served
from hub.leases import tables
from hub.leases.model import HOLDING, Lease

MOST_AT_ONCE = 5_000
"""Ids in one question: databases bound the number of values."""

CLOCKS = 300.0
"""Seconds by which the clocks of a cluster's machines may differ: beyond that munge refuses them, and so does Slurm."""

Position = tuple[float, str]
"""Where one is among leases by their end: when, and the lease's id."""


@dataclass(frozen=True)
class LeaseJob:
    """The job that is a lease, and from when to when the lease was there. Times are Unix seconds."""

    number: int
    user: str
    requested: float
    ended: float | None

    def is_it(self, user: str, submitted: float) -> bool:
        """Whether a job of this number is it: numbers come again, of a cluster that was made anew."""
        until = float("inf") if self.ended is None else self.ended
        return self.user == user and self.requested - CLOCKS <= submitted <= until + CLOCKS


@dataclass(frozen=True)
class Leases:
    """Some leases with their holdings."""

    facts: Sequence[LeaseFacts]
    holdings: Mapping[str, Sequence[Holding]]


class Source:
    """Reads leases and holdings. Blocking: call it in a thread."""

    def __init__(self, engine: Engine, is_simulated: Callable[[str], bool]) -> None:
        """`is_simulated` tells of a GPU class of the settings; devices of other classes tell themselves."""
        self._engine, self._is_simulated = engine, is_simulated

    def ended_after(self, after: Position, before: float, most: int) -> Leases:
        """At most `most` leases that ended after a position and before a moment (Unix seconds), in their order."""
        at = tables.leases.c
        columns = (at.id, at.user, at.programme, at.gpu_class, at.requested, at.ended_at)
        asked = select(*columns, at.held_seconds, at.busy_seconds, at.record).where(
            at.ended_at.is_not(None), tuple_(at.ended_at, at.id) > after, at.ended_at < before
        )
        with self._engine.connect() as connection:
            rows = connection.execute(asked.order_by(at.ended_at, at.id).limit(most)).all()
        holdings = self.holdings_of([row.id for row in rows if row.held_seconds > 0])
        return Leases([self._ended(row, holdings.get(row.id, ())) for row in rows], holdings)

    def served(self, programme: str, since: float, before: float, most: int) -> list[Served]:
        """At most `most` leases of a programme that have ended and got their devices between two moments."""
        at = tables.leases.c
        asked = select(at.id, at.user, at.requested, at.held_seconds, at.record).where(
            at.programme == programme, at.ended_at >= since, at.requested < before, at.held_seconds > 0
        )
        with self._engine.connect() as connection:
            rows = connection.execute(asked.order_by(at.ended_at, at.id).limit(most)).all()
        holdings = self.holdings_of([row.id for row in rows])
        found = [_served(row, holdings.get(row.id, ())) for row in rows]
        return [one for one in found if since <= one.got < before]

    def jobs_of_leases(self, numbers: Sequence[int]) -> dict[int, list[LeaseJob]]:
        """Which jobs of a cluster are leases, by their numbers: live ones, and those that held a device.

        A job whose lease ended before its kernel was there held its devices for no lease.
        """
        at = tables.leases.c
        counts = at.ended_at.is_(None) | (at.held_seconds > 0)
        found: dict[int, list[LeaseJob]] = defaultdict(list)
        with self._engine.connect() as connection:
            for first in range(0, len(numbers), MOST_AT_ONCE):
                mine = at.job.in_(numbers[first : first + MOST_AT_ONCE])
                for row in connection.execute(select(at.job, at.user, at.requested, at.ended_at).where(mine, counts)):
                    found[row.job].append(LeaseJob(row.job, row.user, row.requested, row.ended_at))
        return found

    def count_ended(self, before: float) -> int:
        """How many leases ended before a moment (Unix seconds)."""
        asked = select(func.count()).select_from(tables.leases).where(tables.leases.c.ended_at < before)
        with self._engine.connect() as connection:
            return int(connection.execute(asked).scalar_one())

    def live(self, leases: Iterable[Lease], now: float) -> Leases:
        """Leases that run on, counted until now."""
        some = list(leases)
        holdings = self.holdings_of([lease.id for lease in some], now)
        facts = [self._live(lease, holdings.get(lease.id, ()), now) for lease in some]
        return Leases(facts, holdings)

    def holdings_of(self, leases: Sequence[str], now: float | None = None) -> dict[str, list[Holding]]:
        """When each of these leases had which devices; what is still held counts until `now`."""
        at = tables.holdings.c
        found: dict[str, list[Holding]] = defaultdict(list)
        with self._engine.connect() as connection:
            for first in range(0, len(leases), MOST_AT_ONCE):
                ids = leases[first : first + MOST_AT_ONCE]
                asked = select(at.lease, at.device, at.held_from, at.held_to).where(at.lease.in_(ids))
                for row in connection.execute(asked):
                    end = row.held_to if row.held_to is not None else now
                    if end is not None:
                        found[row.lease].append(Holding(row.device, row.held_from, max(end, row.held_from)))
        return found

    def _ended(self, row: Any, holdings: Iterable[Holding]) -> LeaseFacts:
        record = row.record or {}
        return LeaseFacts(
            id=row.id,
            user=row.user,
            programme=row.programme,
            gpu_class=row.gpu_class,
            requested=row.requested,
            until=row.ended_at,
            held_seconds=row.held_seconds,
            busy_seconds=row.busy_seconds,
            profile=record.get("profile", ""),
            notebook=plain(record.get("holder", "")),
            simulated=self._simulated(row.gpu_class, holdings),
        )

    def _live(self, lease: Lease, holdings: Iterable[Holding], now: float) -> LeaseFacts:
        since = max(0.0, now - lease.charged) * len(lease.devices) if lease.state in HOLDING and lease.acquired else 0.0
        return LeaseFacts(
            id=lease.id,
            user=lease.user,
            programme=lease.programme,
            gpu_class=lease.gpu_class,
            requested=lease.requested,
            until=now,
            held_seconds=lease.held_seconds + since,
            busy_seconds=lease.busy_seconds + (since if lease.busy else 0.0),
            profile=lease.profile,
            notebook=plain(lease.holder),
            simulated=self._simulated(lease.gpu_class, holdings),
            has_ended=False,
        )

    def _simulated(self, gpu_class: str, holdings: Iterable[Holding]) -> bool:
        return self._is_simulated(gpu_class) or any(held.device.startswith("SIMULATED-") for held in holdings)


def _served(row: Any, holdings: Iterable[Holding]) -> Served:
    count = (row.record or {}).get("count", 1)
    # Where the holdings are forgotten, when it asked is the best that is known.
    got = min((held.start for held in holdings), default=row.requested)
    return Served(row.id, row.user, got, row.held_seconds / count, count)


def plain(text: str) -> str:
    """What every database takes: one lease with an odd name must not keep the others from being counted."""
    return text.encode(errors="replace").decode().replace("\0", "")
