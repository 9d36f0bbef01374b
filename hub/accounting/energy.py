"""Which lease took which energy: differences of the devices' own counters between two moments of the same holder.

A device belongs to one lease at a time, so nothing is divided and nothing is modelled. Counters are read when holders
change and now and then; what was counted between two readings is the first reading's holder's. Devices that do not
count (MIG slices, simulated ones) have no readings, and their leases no energy.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select, update

from hub.accounting import tables
from hub.accounting.pieces import by_day
from hub.db import upsert_rows

UNSEEN = 300.0
"""Seconds after which a reading no longer says who had the device, unless the same lease still has it."""


@dataclass(frozen=True)
class Reading:
    """A device's counter at a moment, and who had it then."""

    device: str
    lease: str
    """Empty for a device that nobody had."""
    mj: float
    """Since the driver was loaded."""
    at: float
    """Unix seconds."""


@dataclass(frozen=True)
class Taken:
    """Energy of one holder on one day."""

    lease: str
    device: str
    day: int
    mj: float
    seconds: float


def between(before: Reading, after: Reading) -> Iterator[Taken]:
    """What the first reading's holder took until the second, cut at midnights.

    Nothing where it cannot be known: the counter went back (the driver was loaded anew), the clock did, or the device
    changed hands while nobody read it for long.
    """
    seconds, mj = after.at - before.at, after.mj - before.mj
    if seconds <= 0 or mj < 0 or (after.lease != before.lease and seconds > UNSEEN):
        return
    for day, start, end in by_day(before.at, after.at):
        share = (end - start) / seconds
        if share > 0:
            yield Taken(before.lease, before.device, day, mj * share, end - start)


class EnergyBook:
    """Writes readings down. Blocking: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, readings: Sequence[Reading]) -> dict[str, float]:
        """Add what was taken since the last readings of these devices; all in one transaction with the readings.

        Returns the millijoules that were added, by device.
        """
        added: dict[str, float] = {}
        if not readings:
            return added
        with self._engine.begin() as connection:
            before = _last(connection, [reading.device for reading in readings])
            for reading in readings:
                if (known := before.get(reading.device)) and (taken := list(between(known, reading))):
                    _add(connection, taken)
                    added[reading.device] = sum(part.mj for part in taken)
            _remember(connection, readings)
        return added


def _last(connection: Connection, devices: Sequence[str]) -> dict[str, Reading]:
    at = tables.counters.c
    rows = connection.execute(select(tables.counters).where(at.device.in_(devices)))
    return {row.device: Reading(row.device, row.lease, row.mj, row.at) for row in rows}


def _remember(connection: Connection, readings: Sequence[Reading]) -> None:
    upsert_rows(connection, tables.counters, [vars(reading) for reading in readings])


def _add(connection: Connection, taken: Iterable[Taken]) -> None:
    at = tables.energy.c
    for part in taken:
        key = {"lease": part.lease, "device": part.device, "day": part.day}
        mine = [at[name] == value for name, value in key.items()]
        more = update(tables.energy).where(*mine).values(mj=at.mj + part.mj, seconds=at.seconds + part.seconds)
        if not connection.execute(more).rowcount:
            connection.execute(insert(tables.energy).values(**key, mj=part.mj, seconds=part.seconds))
