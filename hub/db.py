"""The service's database: SQLite beside the hub's by default."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
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


def _write_ahead(connection: object, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=5000")  # type: ignore[attr-defined]
    connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]
    # In WAL mode a crash of this process loses nothing with NORMAL; only a crash of the machine could.
    connection.execute("PRAGMA synchronous=NORMAL")  # type: ignore[attr-defined]
