"""The service's database: SQLite beside the hub's by default."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase

from hub.migrations.schema import SERVICE, migrate


class Base(DeclarativeBase):
    """All tables of the service."""


def connect(url: str) -> Engine:
    """An engine whose tables are those of this version. Raises DatabaseTooNew."""
    engine = engine_of(url)
    try:
        migrate(engine, SERVICE)
    except BaseException:
        engine.dispose()
        raise
    return engine


def engine_of(url: str) -> Engine:
    """An engine. SQLite is put in WAL mode: some read while others write."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _write_ahead)
        if engine.url.database:
            Path(engine.url.database).touch(mode=0o600)
    return engine


def insert_rows(connection: Connection, statement: Any, rows: Sequence[tuple[Any, ...]]) -> None:
    """Rows with a value for each column that `statement` inserts, in their order, as the database's driver takes them.

    For many rows: SQLAlchemy would take most of the time to look at each value of each.
    """
    if not rows:
        return
    kind: Any = type(connection.dialect)
    dialect = kind(paramstyle="qmark" if connection.dialect.name == "sqlite" else "format")
    connection.exec_driver_sql(str(statement.compile(dialect=dialect)), list(rows))


def insert_of(connection: Connection, table: Table) -> Any:
    """An `insert` that can say `on_conflict_do_update`, as both databases understand it."""
    return _insert(connection.dialect.name, table)


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of which each has the same columns, its key among them: a row that has this key becomes this one."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table, tuple(rows[0])), list(rows))


@lru_cache(maxsize=64)
def _upsert(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    # Kept: to make one takes longer than to run it.
    statement, keys = _insert(dialect, table), [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def _insert(dialect: str, table: Table) -> Any:
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def _into_wal(connection: Any) -> None:
    # While others look at a database that is not yet in this mode, SQLite refuses at once and does not wait.
    for _ in range(100):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA journal_mode=WAL")


def _write_ahead(connection: object, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=5000")  # type: ignore[attr-defined]
    _into_wal(connection)
    # In WAL mode a crash of this process loses nothing with NORMAL; only a crash of the machine could.
    connection.execute("PRAGMA synchronous=NORMAL")  # type: ignore[attr-defined]
