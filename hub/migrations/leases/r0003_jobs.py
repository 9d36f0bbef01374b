"""Accounting asks which of a cluster's jobs are leases."""

from alembic import op
from sqlalchemy import BigInteger, Column, column, inspect, table, text, update
from sqlalchemy.types import JSON

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Also on databases of the time between, which have it. What a record still tells of a job is kept."""
    if "job" not in {one["name"] for one in inspect(op.get_bind()).get_columns("leases")}:
        op.add_column("leases", Column("job", BigInteger))
        leases = table("leases", column("job", BigInteger), column("record", JSON))
        number = leases.c.record["job"].as_integer()
        op.execute(update(leases).where(number > 0).values(job=number))
    some = text("job IS NOT NULL")
    op.create_index("leases_of_jobs", "leases", ["job"], if_not_exists=True, sqlite_where=some, postgresql_where=some)
