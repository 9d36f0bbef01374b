"""Exceptions that admins grant for a while."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String

from hub.migrations.adopt import create_missing

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Also on databases of the time between, which have it."""
    create_missing(
        "allowances",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("kind", String(9), nullable=False),
        Column("name", String(255), nullable=False),
        Column("hours", Float, nullable=False),
        Column("devices", Integer, nullable=False),
        Column("start", Float, nullable=False),
        Column("end", Float, nullable=False),
        Column("reason", String(300), nullable=False),
        Column("by", String(255), nullable=False),
        Column("is_over", Boolean, nullable=False),
        Index("ix_allowances_is_over", "is_over"),
    )
