"""The service's tables as they were before versions were written down."""

from sqlalchemy import JSON, Column, DateTime, Integer, String

from hub.migrations.adopt import create_missing

revision, down_revision = "0001", None


def upgrade() -> None:
    """Databases of that time are taken as they are: what is there already is left alone."""
    create_missing(
        "keeps",
        Column("user", String(255), primary_key=True),
        Column("server", String(255), primary_key=True),
        Column("started", DateTime(timezone=True), nullable=False),
        Column("count", Integer, nullable=False),
        Column("until", DateTime(timezone=True), nullable=False),
    )
    create_missing(
        "workshops",
        Column("id", String(32), primary_key=True),
        Column("state", String(16), nullable=False),
        Column("record", JSON, nullable=False),
        Column("version", Integer, nullable=False),
    )
