"""For versions that a database may have without saying so: it was made before versions were written down."""

from collections.abc import Sequence
from typing import Any

from alembic import op
from sqlalchemy import Column, MetaData, Table, inspect
from sqlalchemy.schema import SchemaItem


def create_missing(name: str, *parts: SchemaItem, **options: Any) -> None:
    """Create a table and its indexes, those of them that are not there yet."""
    table = Table(name, MetaData(), *parts, **options)
    table.create(op.get_bind(), checkfirst=True)
    for index in table.indexes:
        index.create(op.get_bind(), checkfirst=True)


def add_missing(name: str, *columns: Column[Any], indexed: Sequence[str] = ()) -> None:
    """Add columns to a table, and an index of each of `indexed`, those of them that are not there yet."""
    found = inspect(op.get_bind())
    there = {column["name"] for column in found.get_columns(name)}
    indexes = {index["name"] for index in found.get_indexes(name)}
    with op.batch_alter_table(name) as table:
        for column in columns:
            if column.name not in there:
                table.add_column(column)
        for column_name in indexed:
            if (index := f"ix_{name}_{column_name}") not in indexes:
                table.create_index(index, [column_name])
