"""Many ended leases in a database, as after years: with what was written about each at the time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from hub.bench.leases import world
from hub.bench.leases.world import Size
from hub.db import engine_of
from hub.leases import tables
from hub.leases.model import Lease, LeaseState
from hub.leases.records import to_record

BATCH = 5_000
LIFE = 3_600.0
"""Seconds that each of them lasted."""
EDGES = ((None, "queued", "requested"), ("queued", "offered", "granted"), ("offered", "active", "taken"))


def add_ended(database: Path, size: Size, count: int, before: float) -> None:
    """Write `count` leases that ended before then (Unix seconds), each with its history and its holding."""
    engine = engine_of(f"sqlite:///{database}")
    try:
        for first in range(0, count, BATCH):
            numbers = range(first, min(count, first + BATCH))
            with engine.begin() as connection:
                _write(connection, [_ended(size, number, before - LIFE - (count - number)) for number in numbers])
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    finally:
        engine.dispose()


def _ended(size: Size, number: int, requested: float) -> Lease:
    asked = world.request(world.user_name(number % size.users), f"bench-ended-{number:08}")
    over = {"state": LeaseState.RELEASED, "since": requested + LIFE, "epoch": 1, "ended": "shutdown"}
    return replace(asked, requested=requested, held_seconds=LIFE, busy_seconds=LIFE / 3, **over)  # type: ignore[arg-type]


def _write(connection: Connection, leases: list[Lease]) -> None:
    connection.execute(insert(tables.leases), [_row(lease) for lease in leases])
    holdings = [
        {"device": f"RETIRED-{n % 64}", "lease": x.id, "epoch": 1, "held_from": x.requested, "held_to": x.since}
        for n, x in enumerate(leases)
    ]
    connection.execute(insert(tables.holdings), holdings)
    connection.execute(insert(tables.transitions), [edge for lease in leases for edge in _edges(lease)])


def _row(lease: Lease) -> dict[str, Any]:
    names = ("id", "user", "programme", "gpu_class", "requested", "held_seconds", "busy_seconds")
    row = {name: getattr(lease, name) for name in names}
    return row | {"state": str(lease.state), "ended_at": lease.since, "record": to_record(lease)}


def _edges(lease: Lease) -> list[dict[str, Any]]:
    begun = [
        {"lease": lease.id, "before": before, "after": after, "why": why, "at": lease.requested}
        for before, after, why in EDGES
    ]
    return [*begun, {"lease": lease.id, "before": "active", "after": "released", "why": "shutdown", "at": lease.since}]
