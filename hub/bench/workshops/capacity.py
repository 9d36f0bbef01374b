"""Would a class fit? Asked beside a facility's promises and records."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import insert

from hub.bench.figures import rounded
from hub.bench.peers import Peer
from hub.bench.use.records import Year, ended
from hub.bench.workshops.people import SERVICE, Office
from hub.db import engine_of, insert_rows
from hub.leases import tables

DEVICES = 4
"""Simulated ones, of which every reservation takes one."""
GPU_CLASS = "simulated"
ASKED = 50
DAYS = 14
SEATS, HOURS = 10, 2
FIRST = timedelta(hours=5)
"""No class of the measurement is on then."""


def measured(peer: Peer, office: Office, profile: str, reservations: int, leases: int) -> dict[str, float]:
    """Milliseconds of the slowest answer and of the middle one, for classes that fit and that do not."""
    _remember(peer, leases)
    beginnings = _reserve(office, profile, reservations)
    took = []
    for number in range(ASKED):
        # Every other one asks for more than is free, and for what would fit instead.
        wanted = DEVICES if number % 2 else 1
        question = {"seats": "40", "gpu": GPU_CLASS, "devices": str(wanted), "for": str(HOURS * 3600)}
        question["at"] = beginnings[number * len(beginnings) // ASKED].astimezone().isoformat()
        reply = office.http.get(f"{SERVICE}/api/v1/fits", params=question).raise_for_status()
        took.append(reply.elapsed.total_seconds() * 1000)
    return rounded({"capacity_ms": max(took), "capacity_median_ms": median(took)})


def _remember(peer: Peer, leases: int) -> None:
    """Leases of a year that have ended, where the workbench keeps its own."""
    year = Year(leases, 1_000, DEVICES, ("ained",), time.time() - 365 * 86_400)
    made = ended(year)
    engine = engine_of(peer.state.database("leases"))
    try:
        with engine.begin() as connection:
            insert_rows(connection, insert(tables.leases), made.leases)
            insert_rows(connection, insert(tables.holdings), made.holdings)
    finally:
        engine.dispose()


def _reserve(office: Office, profile: str, count: int) -> Sequence[datetime]:
    """Workshops with a GPU each, spread evenly over the days that alternatives are looked for in; when they begin."""
    first = datetime.now().replace(second=0, microsecond=0) + FIRST
    beginnings = [first + number * timedelta(days=DAYS) / count for number in range(count)]
    for number, begins in enumerate(beginnings):
        gpus = {"gpu_class": GPU_CLASS, "devices": 1}
        span = {"starts": f"{begins:%Y-%m-%d %H:%M}", "ends": f"{begins + timedelta(hours=HOURS):%Y-%m-%d %H:%M}"}
        office.publish(f"reserved-{number}", SEATS, profile=profile, gpus=gpus, **span)
    return beginnings
