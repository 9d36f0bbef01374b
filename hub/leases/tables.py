"""The broker's tables. Its own metadata: they may lie in another database than the rest of the service."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)

metadata = MetaData()

brokers = Table(
    "brokers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("term", BigInteger, nullable=False),
    comment="One row. Each broker that starts raises the term; one with an older term can write nothing more.",
)

leases = Table(
    "leases",
    metadata,
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
    # Beside the record, which is forgotten before the accounting of a cluster forgets its jobs.
    Column("job", BigInteger),
    # At its start the broker reads the live ones only, however many have ended.
    Index("live_leases", "id", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    # Rows of ended leases stay for good, and a page asks for somebody's latest.
    Index("ended_leases_of_user", "user", "ended_at"),
    # Accounting asks for what ended since it last looked.
    Index("ended_leases", "ended_at", "id"),
    # Accounting asks which of a cluster's jobs are leases.
    Index("leases_of_jobs", "job", sqlite_where=text("job IS NOT NULL"), postgresql_where=text("job IS NOT NULL")),
)

devices = Table(
    "devices",
    metadata,
    Column("uuid", String(80), primary_key=True),
    Column("record", JSON, nullable=False),
)

holdings = Table(
    "holdings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("device", String(80), nullable=False),
    Column("lease", String(40), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("held_from", Float, nullable=False),
    Column("held_to", Float),
    # Never two: one device, one live lease. Whatever the broker believes, the database refuses a second.
    Index(
        "one_live_lease_per_device",
        "device",
        unique=True,
        sqlite_where=text("held_to IS NULL"),
        postgresql_where=text("held_to IS NULL"),
    ),
    # Accounting asks for those of the leases that ended since it last looked.
    Index("holdings_of_lease", "lease"),
)

uses = Table(
    "uses",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("level", Float),
    Column("week", Integer, nullable=False),
    Column("week_seconds", Float, nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("record", JSON, nullable=False),
    Column("is_over", Boolean, nullable=False),
)

transitions = Table(
    "lease_transitions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("lease", String(40), nullable=False, index=True),
    Column("before", String(16)),
    Column("after", String(16), nullable=False),
    Column("why", String(80), nullable=False),
    Column("at", Float, nullable=False),
)

intents = Table(
    "lease_intents",
    metadata,
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
