"""The ledger's tables, in the service's own database. Leases may lie in another one: nothing here refers to it.

`use_pieces` and `use_sums` are made from leases, seats, jobs and energy, and can be made again; the others are
measured.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table

from hub.accounting.model import NAMES
from hub.db import Base

FIRST_QUARTER, FIRST_PART = 1_000_000, 10_000_000
"""Numbers of months are below, those of quarters of a year from here on, and those of parts of months."""
COUNTS = ("leases", "unserved", "waits", "within_1m", "within_15m", "within_1h", "jobs")


def _amounts() -> list[Column[Any]]:
    return [Column(name, BigInteger() if name in COUNTS else Float(), nullable=False) for name in NAMES]


pieces = Table(
    "use_pieces",
    Base.metadata,
    Column("id", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("device", String(80), primary_key=True),
    Column("user", String(255), nullable=False),
    Column("programme", String(32), nullable=False),
    Column("gpu_class", String(32), nullable=False),
    Column("profile", String(32), nullable=False),
    Column("notebook", String(1024), nullable=False),
    Column("lesson", String(8), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    *_amounts(),
    # A person asks for their own, a period that is no whole month for its first and last days.
    Index("use_pieces_of_user", "user", "day"),
    Index("use_pieces_of_day", "day"),
    comment="What each lease and seat used on each day. An id that is here has been counted, all of it.",
)

sums = Table(
    "use_sums",
    Base.metadata,
    Column("by", String(12), primary_key=True),
    # Besides months and years: FIRST_QUARTER and the month's number // 3, FIRST_PART and the part's number.
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("name", String(255), primary_key=True),
    Column("programme", String(32), primary_key=True),
    Column("simulated", Boolean, primary_key=True),
    *_amounts(),
    sqlite_with_rowid=False,  # rows lie in the order in which they are asked for
    comment="Pieces of a whole month (year × 12 + month − 1) or year (minus the year), added up by several aspects.",
)

marks = Table(
    "use_marks",
    Base.metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Float, nullable=False),
    comment="How far the ledger is.",
)

energy = Table(
    "use_energy",
    Base.metadata,
    Column("lease", String(40), primary_key=True),
    Column("device", String(80), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("mj", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("use_energy_of_day", "day"),
    comment="Energy as measured while a lease had a device; an empty lease is a device that nobody had.",
)

counters = Table(
    "use_counters",
    Base.metadata,
    Column("device", String(80), primary_key=True),
    Column("lease", String(40), nullable=False),
    Column("mj", Float, nullable=False),
    Column("at", Float, nullable=False),
    comment="The last reading of each device's counter of energy.",
)

seats = Table(
    "use_seats",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("user", String(255), nullable=False),
    Column("server", String(255), nullable=False),
    Column("programme", String(32), nullable=False),
    Column("profile", String(32), nullable=False),
    Column("began", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("last_activity", Float),
    Column("cpu_seconds", Float),
    Column("has_ended", Boolean, nullable=False),
    Column("is_counted", Boolean, nullable=False),
    Index("use_seats_of_user", "user", "began"),
    Index("use_seats_open", "is_counted", "id"),
)

jobs = Table(
    "use_jobs",
    Base.metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # Numbers come again: of jobs that went back in the line, and of clusters that were made anew.
    Column("submitted", BigInteger, primary_key=True, autoincrement=False),
    Column("user", String(255), nullable=False),
    Column("programme", String(32), nullable=False),
    Column("name", String(1024), nullable=False),
    Column("gpu_class", String(32), nullable=False),
    Column("gpus", Integer, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("began", Float, nullable=False),
    Column("ended", Float),
    Column("seconds", Float, nullable=False),
    Column("energy_mj", Float),
    Column("last_seen", Float, nullable=False),
    Column("is_counted", Boolean, nullable=False),
    Index("use_jobs_open", "is_counted", "number"),
    comment="What jobs of a cluster held, as its accounting told it at last. Those of leases are not here.",
)

homes = Table(
    "use_homes",
    Base.metadata,
    Column("user", String(255), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("at", Float, nullable=False),
    comment="The latest measured size of each home folder.",
)
