"""One log for everything: what was done to workshops moves there."""

from alembic import op
from sqlalchemy import JSON, Column, DateTime, Integer, MetaData, String, Table, bindparam, inspect, literal, select

from hub.migrations.adopt import create_missing

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Also on databases of the time between, in which both were kept."""
    create_missing(
        "audit",
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("who", String(255), nullable=False),
        Column("what", String(64), nullable=False),
        Column("about", String(300), nullable=False, index=True),
        Column("detail", JSON, nullable=False),
    )
    if inspect(op.get_bind()).has_table("workshop_events"):
        _move_events()
        op.drop_table("workshop_events")


def _move_events() -> None:
    known = MetaData()
    bind = op.get_bind()
    events = Table("workshop_events", known, autoload_with=bind)
    audit = Table("audit", known, autoload_with=bind)
    names = ["at", "who", "what", "about", "detail"]
    moved = select(
        events.c.at,
        events.c.who,
        literal("workshop.") + events.c.what,
        literal("workshop:") + events.c.workshop,
        bindparam("detail", {}, JSON),
    )
    bind.execute(audit.insert().from_select(names, moved.order_by(events.c.number)))
