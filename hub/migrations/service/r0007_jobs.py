"""What jobs of a cluster used."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String

from hub.migrations.adopt import add_missing, create_missing

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    """What was counted so far was no job's. Also on databases of the time between, which have it."""
    for table in ("use_pieces", "use_sums"):
        add_missing(table, Column("jobs", BigInteger, nullable=False, server_default="0"))
        names = ("job_gpu_seconds", "core_seconds", "job_energy_mj", "job_energy_core_seconds")
        add_missing(table, *(Column(name, Float, nullable=False, server_default="0") for name in names))
    create_missing(
        "use_jobs",
        Column("number", BigInteger, primary_key=True, autoincrement=False),
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
