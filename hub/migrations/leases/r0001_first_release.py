"""The broker's tables as they were before versions were written down."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, String, text

from hub.migrations.adopt import create_missing

revision, down_revision = "0001", None


def upgrade() -> None:
    """Databases of that time are taken as they are: what is there already is left alone."""
    _leases()
    _devices()
    _steps()


def _leases() -> None:
    live = text("ended_at IS NULL")
    create_missing(
        "leases",
        Column("id", String(40), primary_key=True),
        Column("user", String(255), nullable=False),
        Column("programme", String(32), nullable=False),
        Column("gpu_class", String(32), nullable=False),
        Column("state", String(16), nullable=False),
        Column("requested", Float, nullable=False),
        Column("ended_at", Float),
        Column("held_seconds", Float, nullable=False),
        Column("busy_seconds", Float, nullable=False),
        Column("record", JSON, nullable=False, comment="The whole lease."),
        Index("live_leases", "id", sqlite_where=live, postgresql_where=live),
        Index("ended_leases_of_user", "user", "ended_at"),
    )
    create_missing(
        "uses",
        Column("kind", String(16), primary_key=True),
        Column("name", String(255), primary_key=True),
        Column("level", Float),
        Column("week", Integer, nullable=False),
        Column("week_seconds", Float, nullable=False),
    )


def _devices() -> None:
    held = text("held_to IS NULL")
    create_missing(
        "devices",
        Column("uuid", String(80), primary_key=True),
        Column("record", JSON, nullable=False),
    )
    create_missing(
        "holdings",
        Column("id", Integer, primary_key=True),
        Column("device", String(80), nullable=False),
        Column("lease", String(40), nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("held_from", Float, nullable=False),
        Column("held_to", Float),
        Index("one_live_lease_per_device", "device", unique=True, sqlite_where=held, postgresql_where=held),
    )
    create_missing(
        "reservations",
        Column("id", String(80), primary_key=True),
        Column("record", JSON, nullable=False),
        Column("is_over", Boolean, nullable=False),
    )


def _steps() -> None:
    create_missing(
        "brokers",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("term", BigInteger, nullable=False),
        comment="One row. Each broker that starts raises the term; one with an older term can write nothing more.",
    )
    create_missing(
        "lease_transitions",
        Column("id", Integer, primary_key=True),
        Column("lease", String(40), nullable=False, index=True),
        Column("before", String(16)),
        Column("after", String(16), nullable=False),
        Column("why", String(80), nullable=False),
        Column("at", Float, nullable=False),
    )
    create_missing(
        "lease_intents",
        Column("lease", String(40), primary_key=True),
        Column("epoch", BigInteger, primary_key=True),
        Column("act", String(16), nullable=False),
        Column("device", String(80), nullable=False),
        Column("at", Float, nullable=False),
        Column("outcome", String(16)),
        Column("reason", String(80)),
        Column("bytes", BigInteger),
        Column("seconds", Float),
        Column("done_at", Float),
    )
