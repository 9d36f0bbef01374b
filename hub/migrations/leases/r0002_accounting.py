"""Accounting asks for what ended since it last looked, and for the holdings of those leases."""

from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Also on databases of the time between, which have them."""
    op.create_index("ended_leases_of_user", "leases", ["user", "ended_at"], if_not_exists=True)
    op.create_index("ended_leases", "leases", ["ended_at", "id"], if_not_exists=True)
    op.create_index("holdings_of_lease", "holdings", ["lease"], if_not_exists=True)
