"""A year of ended leases in a database, as a facility leaves them: with their holdings, without their steps."""

import random
from dataclasses import dataclass

from sqlalchemy import Engine, insert

from hub.accounting.model import DAY
from hub.leases import tables

BATCH = 10_000
CLASSES = ("h200", "h200-mig-1g", "a100", "l40s")
LIVES = (300.0, 1800.0, 7200.0, 28_800.0)
"""Seconds that leases last, each as often."""
SEED = 11


@dataclass(frozen=True)
class Year:
    """How much there is of everything."""

    leases: int
    users: int
    devices: int
    programmes: tuple[str, ...]
    start: float
    """Unix seconds."""
    days: int = 365


def user_name(number: int) -> str:
    """The user with this number; low numbers use more."""
    return f"user-{number:05}"


def fill(engine: Engine, year: Year) -> None:
    """Write the year's leases. They end in the order of their numbers."""
    tables.metadata.create_all(engine)
    dice = random.Random(SEED)  # noqa: S311  # the same numbers each time, and no secret
    for first in range(0, year.leases, BATCH):
        rows, holdings = [], []
        for number in range(first, min(year.leases, first + BATCH)):
            row, holding = _lease(year, number, dice)
            rows.append(row)
            holdings.append(holding)
        with engine.begin() as connection:
            connection.execute(insert(tables.leases), rows)
            connection.execute(insert(tables.holdings), holdings)


def _lease(year: Year, number: int, dice: random.Random) -> tuple[dict[str, object], dict[str, object]]:
    ended = year.start + (number + 0.5) / year.leases * year.days * DAY
    life, wait = dice.choice(LIVES), dice.expovariate(1 / 300)
    begun = ended - life
    user = int(year.users * dice.random() ** 2)
    gpu_class = dice.choice(CLASSES)
    lease = f"bench-{number:09}"
    row = {
        "id": lease,
        "user": user_name(user),
        "programme": year.programmes[user % len(year.programmes)],
        "gpu_class": gpu_class,
        "state": "released",
        "requested": begun - wait,
        "ended_at": ended,
        "held_seconds": life,
        "busy_seconds": life * dice.random(),
        "record": {"holder": f"work/{number % 7}.ipynb", "profile": "medium"},
    }
    device = f"GPU-{dice.randrange(year.devices):08}-0000-0000-0000-000000000000"
    return row, {"device": device, "lease": lease, "epoch": 1, "held_from": begun, "held_to": ended}
