"""Whether a learner shows the trainers a notebook."""

from alembic import op
from sqlalchemy import Column, Float, String

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    """Nobody shows anything yet."""
    with op.batch_alter_table("workshop_presence") as table:
        table.add_column(Column("shown", Float))
        table.add_column(Column("shown_server", String(255)))
        table.create_index("ix_workshop_presence_shown", ["shown"])
