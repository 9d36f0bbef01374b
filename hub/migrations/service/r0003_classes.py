"""Classes are joined by a code, rehearsed, and given in a room."""

import secrets
from typing import Any

from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
)

from hub.migrations.adopt import create_missing

revision, down_revision = "0003", "0002"

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def upgrade() -> None:
    """Also on databases of the time between, which have some or all of it."""
    _add_codes()
    _people()
    _rooms()


def _add_codes() -> None:
    bind = op.get_bind()
    if "code" in {column["name"] for column in inspect(bind).get_columns("workshops")}:
        return
    op.add_column("workshops", Column("code", String(16)))
    workshops = Table("workshops", MetaData(), autoload_with=bind)
    for id in bind.execute(select(workshops.c.id)).scalars().all():
        bind.execute(workshops.update().where(workshops.c.id == id).values(code=_code()))
    # SQLite writes the table anew, and would not know that this constraint is one if it had no name.
    with op.batch_alter_table("workshops", table_args=_unnamed_constraint()) as batch:
        batch.alter_column("code", existing_type=String(16), nullable=False)
        if bind.dialect.name != "sqlite":
            batch.create_unique_constraint("workshops_code_key", ["code"])


def _unnamed_constraint() -> tuple[Any, ...]:
    return (UniqueConstraint("code"),) if op.get_bind().dialect.name == "sqlite" else ()


def _code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


def _people() -> None:
    create_missing(
        "workshop_members",
        Column("workshop", String(32), primary_key=True),
        Column("user", String(255), primary_key=True, index=True),
        Column("number", Integer, nullable=False),
        Column("how", String(16), nullable=False),
        Column("name", String(200), nullable=False),
        Column("email", String(254), nullable=False),
        Column("shares_name", Boolean, nullable=False),
        Column("joined", DateTime(timezone=True), nullable=False),
        Column("key", String(64), nullable=False),
    )
    create_missing(
        "workshop_rehearsals",
        Column("workshop", String(32), primary_key=True),
        Column("record", JSON, nullable=False),
    )


def _rooms() -> None:
    create_missing(
        "workshop_exercises",
        Column("workshop", String(32), primary_key=True),
        Column("user", String(255), primary_key=True),
        Column("exercise", String(16), primary_key=True),
        Column("tries", Integer, nullable=False),
        Column("last", Float, nullable=False),
        Column("passed", Float),
    )
    create_missing(
        "workshop_presence",
        Column("workshop", String(32), primary_key=True),
        Column("user", String(255), primary_key=True),
        Column("first", Float, nullable=False),
        Column("last", Float, nullable=False),
        Column("present_seconds", Float, nullable=False),
        Column("hand", Float),
        Column("hand_exercise", String(16)),
    )
    create_missing(
        "workshop_rooms",
        Column("workshop", String(32), primary_key=True),
        Column("message", Text, nullable=False),
        Column("message_number", Integer, nullable=False),
        Column("message_at", Float, nullable=False),
        Column("message_by", String(255), nullable=False),
        Column("is_paused", Boolean, nullable=False),
        Column("fresh_lesson", String(16), nullable=False),
        Column("fresh_number", Integer, nullable=False),
    )
