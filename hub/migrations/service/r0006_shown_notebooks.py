"""Whether a learner shows the trainers a notebook."""

from sqlalchemy import Column, Float, String

from hub.migrations.adopt import add_missing

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    """Nobody shows anything yet. Also on databases of the time between, which have it."""
    columns = (Column("shown", Float), Column("shown_server", String(255)))
    add_missing("workshop_presence", *columns, indexed=["shown"])
