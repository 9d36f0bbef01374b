"""Brings the tables of a database to the version that this Werkbank knows, all of it or nothing.

Whoever connects first does it: hub, service, culler or `up`. The others wait for them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table

from hub.errors import DatabaseTooNew
from hub.logs import get_logger

log = get_logger("database")

HERE = Path(__file__).parent
_POSTGRES_KEY = 0x5765726B00000001
"""The advisory lock that whoever migrates holds; the broker has another one (hub/leases/exclusive.py)."""
_WAIT_MS = 120_000
"""How long SQLite waits for who migrates already."""
# Alembic keeps what it works on in one place for the whole process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Schema:
    """Tables that are versioned together. Several schemas may lie in one database."""

    name: str
    """A folder beside this file: a file per version, `rNNNN_….py`, whose number is Alembic's revision."""
    title: str
    """What people call the database."""

    @property
    def version_table(self) -> str:
        """Where a database says which version it has; JupyterHub has one of another name."""
        return f"werkbank_{self.name}_schema"

    @property
    def revisions(self) -> list[str]:
        """Every version, oldest first, such as "0001"."""
        return sorted(path.name[1:5] for path in (HERE / self.name).glob("r[0-9][0-9][0-9][0-9]_*.py"))

    @property
    def head(self) -> str:
        """The version that this Werkbank works with."""
        return self.revisions[-1]


SERVICE = Schema("service", "the service")
LEASES = Schema("leases", "the GPU leases")


def migrate(engine: Engine, schema: Schema) -> None:
    """Make the tables, or those of an earlier version into those of this one, in one transaction.

    Raises DatabaseTooNew, with nothing changed, when a newer Werkbank has written there.
    """
    with engine.connect() as connection:
        if version_of(connection, schema) == schema.head:
            return
    with _one_at_a_time, _alone(engine) as connection:
        before = version_of(connection, schema)  # somebody may have migrated while we waited
        if before == schema.head:
            return
        _upgrade(connection, schema)
        log.info("database.migrated", database=schema.name, before=before or "none", after=schema.head)


def require_known(version: str | None, schema: Schema, place: str) -> None:
    """Raises DatabaseTooNew when a database at `place`, or a copy of one, has a version that is not known here."""
    if version is None or version in schema.revisions:
        return
    raise DatabaseTooNew(
        f"The database of {schema.title} ({place}) was written by a newer Werkbank: its tables have version {version} "
        f"and this one knows them up to {schema.head}. Start that newer Werkbank, or bring back a backup that this one "
        "made with `./werkbank restore`. Nothing was changed."
    )


def version_of(connection: Connection, schema: Schema) -> str | None:
    """The version that the tables have; None for an empty database, and for one from before versions were written.

    Raises DatabaseTooNew when it is not known here.
    """
    if not inspect(connection).has_table(schema.version_table):
        return None
    version = connection.execute(select(column("version_num")).select_from(table(schema.version_table))).scalar()
    require_known(version, schema, connection.engine.url.render_as_string(hide_password=True))
    return version


def _upgrade(connection: Connection, schema: Schema) -> None:
    from alembic import command  # takes a moment to import, and most starts have nothing to migrate
    from alembic.config import Config

    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", _literal(HERE))
    config.set_main_option("version_locations", _literal(HERE / schema.name))
    config.attributes |= {"connection": connection, "version_table": schema.version_table}
    command.upgrade(config, "head")


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction in which nobody else migrates; it is undone when its process dies."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRES_KEY})")
                yield connection
            return
        # Python's driver begins no transaction for a change of tables by itself.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_WAIT_MS}")
        connection.commit()
        try:
            with connection.begin():
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={usual}")
