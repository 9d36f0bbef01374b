"""For versions that a database may have without saying so: it was made before versions were written down."""

from typing import Any

from alembic import op
from sqlalchemy import MetaData, Table
from sqlalchemy.schema import SchemaItem


def create_missing(name: str, *parts: SchemaItem, **options: Any) -> None:
    """Create a table and its indexes, those of them that are not there yet."""
    table = Table(name, MetaData(), *parts, **options)
    table.create(op.get_bind(), checkfirst=True)
    for index in table.indexes:
        index.create(op.get_bind(), checkfirst=True)
