"""Databases filled at once: rows without log, then their indexes, as one fills a database that may be lost."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, insert, text

from hub.db import insert_rows

Pour = Callable[[Table, Sequence[tuple[Any, ...]]], None]
"""Writes rows of all columns of a table, in their order."""


@contextmanager
def poured(engine: Engine, metadata: MetaData) -> Iterator[Pour]:
    """Tables that are there afterwards, with their indexes. Nobody else uses the database yet."""
    metadata.create_all(engine)
    indexes = [index for table in metadata.sorted_tables for index in table.indexes]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
    filled = _sqlite if engine.dialect.name == "sqlite" else _postgres
    with engine.connect() as connection:
        yield filled(connection, metadata)
        connection.commit()
    with engine.begin() as connection:
        for index in indexes:
            index.create(connection)
    if engine.dialect.name == "sqlite":
        engine.dispose()  # new connections keep a log again


def _sqlite(connection: Connection, _metadata: MetaData) -> Pour:
    connection.exec_driver_sql("PRAGMA synchronous=OFF")
    connection.exec_driver_sql("PRAGMA journal_mode=OFF")
    connection.commit()
    return lambda table, rows: insert_rows(connection, insert(table), rows)


def _postgres(connection: Connection, metadata: MetaData) -> Pour:
    from psycopg import sql

    for table in metadata.sorted_tables:
        connection.execute(text(f'ALTER TABLE "{table.name}" SET UNLOGGED'))
    raw: Any = connection.connection.dbapi_connection

    def pour(table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
        with raw.cursor() as cursor, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)

    return pour
