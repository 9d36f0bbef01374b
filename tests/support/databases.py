"""Databases as earlier versions left them, and what is in a database, to compare."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, make_url, select, text

DATA = Path(__file__).parents[1] / "data"
EARLIER = "ec67cb3"
"""The commit before versions of tables were written down."""


def load_earlier(url: str, what: str) -> None:
    """Fill an empty database with the `service` or the `leases` of that commit."""
    place = make_url(url)
    script = (DATA / f"{EARLIER}-{what}.{place.get_backend_name()}.sql").read_text()
    if place.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(place.database))
        connection.executescript(script)
        connection.close()
        return
    engine = create_engine(url)
    with engine.begin() as connection_:
        connection_.exec_driver_sql(script)
    engine.dispose()


def emptied(url: str) -> str:
    """A PostgreSQL database with nothing in it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, sorted; JSON as it is read."""
    known = MetaData()
    known.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in known.tables.items()
        }
