"""The ledger of what was used."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String

from hub.migrations.adopt import create_missing

revision, down_revision = "0004", "0003"

_COUNTS = ("leases", "unserved", "waits", "within_1m", "within_15m", "within_1h")
_AMOUNTS = (
    *("held_seconds", "busy_seconds", "leases", "unserved", "waits", "wait_seconds", "wait_longest"),
    *("within_1m", "within_15m", "within_1h", "energy_mj", "measured_seconds"),
    *("seat_seconds", "cpu_seconds", "cpu_measured_seconds"),
)


def upgrade() -> None:
    """Also on databases of the time between, which have it."""
    _use()
    _measured()
    _seats()


def _amounts() -> list[Column[Any]]:
    return [Column(name, BigInteger() if name in _COUNTS else Float(), nullable=False) for name in _AMOUNTS]


def _use() -> None:
    create_missing(
        "use_pieces",
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
        Index("use_pieces_of_user", "user", "day"),
        Index("use_pieces_of_day", "day"),
        comment="What each lease and seat used on each day. An id that is here has been counted, all of it.",
    )
    create_missing(
        "use_sums",
        Column("by", String(12), primary_key=True),
        Column("month", Integer, primary_key=True, autoincrement=False),
        Column("name", String(255), primary_key=True),
        Column("programme", String(32), primary_key=True),
        Column("simulated", Boolean, primary_key=True),
        *_amounts(),
        sqlite_with_rowid=False,
        comment="Pieces of a whole month (year × 12 + month − 1) or year (minus the year), "
        "added up by several aspects.",
    )
    create_missing(
        "use_marks",
        Column("name", String(32), primary_key=True),
        Column("value", Float, nullable=False),
        comment="How far the ledger is.",
    )


def _measured() -> None:
    create_missing(
        "use_energy",
        Column("lease", String(40), primary_key=True),
        Column("device", String(80), primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("mj", Float, nullable=False),
        Column("seconds", Float, nullable=False),
        Index("use_energy_of_day", "day"),
        comment="Energy as measured while a lease had a device; an empty lease is a device that nobody had.",
    )
    create_missing(
        "use_counters",
        Column("device", String(80), primary_key=True),
        Column("lease", String(40), nullable=False),
        Column("mj", Float, nullable=False),
        Column("at", Float, nullable=False),
        comment="The last reading of each device's counter of energy.",
    )


def _seats() -> None:
    create_missing(
        "use_seats",
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
    create_missing(
        "use_homes",
        Column("user", String(255), primary_key=True),
        Column("bytes", BigInteger, nullable=False),
        Column("at", Float, nullable=False),
        comment="The latest measured size of each home folder.",
    )
