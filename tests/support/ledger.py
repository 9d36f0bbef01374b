"""Databases of leases and of the ledger for tests, on SQLite or on a real PostgreSQL server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, insert

from hub.accounting.ledger import Ledger
from hub.accounting.model import NAMES, Amounts, Holding, LeaseFacts
from hub.accounting.periods import Period
from hub.accounting.pieces import pieces_of
from hub.accounting.query import By, Fresh, Use, Whose
from hub.accounting.source import Source
from hub.db import Base
from hub.leases import tables
from hub.leases.store import forget_everything


@dataclass
class Books:
    """A ledger and the leases it is made from, each in a database of its own."""

    leases: Engine
    ledger: Engine

    def __post_init__(self) -> None:
        tables.metadata.create_all(self.leases)
        Base.metadata.create_all(self.ledger)
        forget_everything(self.leases)
        with self.ledger.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(delete(table))
        self.source = Source(self.leases, lambda name: name == "simulated")

    def keep(self) -> Ledger:
        """A ledger as the service opens it at its start."""
        kept = Ledger(self.ledger, self.source)
        kept.begin()
        return kept

    @property
    def use(self) -> Use:
        return Use(self.ledger, self.source)

    def end(self, *some: tuple[LeaseFacts, Sequence[Holding]]) -> None:
        """Write leases that have ended."""
        with self.leases.begin() as connection:
            for lease, holdings in some:
                connection.execute(insert(tables.leases).values(**_row(lease)))
                for held in holdings:
                    row = {"device": held.device, "lease": lease.id, "held_from": held.start, "held_to": held.end}
                    connection.execute(insert(tables.holdings).values(epoch=1, **row))

    def told(self, by: By, period: Period, whose: Whose | None = None) -> dict[tuple[str, bool], Amounts]:
        """What the ledger alone tells, without what is not in it yet."""
        tallies = self.use.tallies(by, period, whose or Whose(), Fresh())
        return {key: tally.amounts for key, tally in tallies.items() if tally.amounts != Amounts()}


def computed(
    some: Sequence[tuple[LeaseFacts, Sequence[Holding]]], by: str, period: Period
) -> dict[tuple[str, bool], Amounts]:
    """The same, directly from the leases."""
    sums: dict[tuple[str, bool], Amounts] = {}
    for lease, holdings in some:
        for piece in pieces_of(lease, holdings):
            if period.start <= piece.day < period.end:
                key = (str(getattr(piece, by)), piece.simulated)
                sums[key] = sums.get(key, Amounts()) + piece.amounts
    return {key: amounts for key, amounts in sums.items() if amounts != Amounts()}


def close(one: dict[Any, Amounts], other: dict[Any, Amounts]) -> bool:
    """Whether both tell the same, but for the last digits of sums in another order."""
    return one.keys() == other.keys() and all(
        abs(getattr(one[key], name) - getattr(other[key], name)) <= 1e-6 * max(1.0, abs(getattr(one[key], name)))
        for key in one
        for name in NAMES
    )


def _row(lease: LeaseFacts) -> dict[str, Any]:
    names = ("id", "user", "programme", "gpu_class", "requested", "held_seconds", "busy_seconds")
    own = {name: getattr(lease, name) for name in names}
    record = {"holder": lease.notebook, "profile": lease.profile}
    return own | {"state": "released", "ended_at": lease.until, "record": record}
