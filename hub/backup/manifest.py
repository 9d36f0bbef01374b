"""What an archive says of itself; it is the archive's last file."""

from datetime import datetime
from importlib.resources import files
from typing import Literal

from alembic.script import ScriptDirectory
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, column, inspect, select, table

from hub.errors import DatabaseTooNew
from hub.migrations.schema import LEASES, SERVICE, require_known

NAME = "manifest.json"
FORMAT = 1
HUB_VERSIONS = "alembic_version"
"""Where JupyterHub writes the version of its own tables."""


class Stored(BaseModel):
    """A file of the archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """The archive in short."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["werkbank-backup"] = "werkbank-backup"
    format: int = FORMAT
    version: str
    """Of the Werkbank that made it."""
    made: datetime
    revisions: dict[str, dict[str, str]]
    """For each file that is a database: versions of tables, by the table in which they are written."""
    left_out: tuple[str, ...]
    """Sentences about what is not in it."""
    files: dict[str, Stored]


def revisions_of(engine: Engine) -> dict[str, str]:
    """The versions of the tables that a database has, by the table that says so."""
    found: dict[str, str] = {}
    with engine.connect() as connection:
        known = set(inspect(connection).get_table_names())
        for name in sorted(known & {HUB_VERSIONS, SERVICE.version_table, LEASES.version_table}):
            version = connection.execute(select(column("version_num")).select_from(table(name))).scalar()
            found |= {name: version} if version else {}
    return found


def require_known_revisions(manifest: Manifest) -> None:
    """Raises DatabaseTooNew when a database in the archive has tables of a version that is not known here."""
    for place, revisions in manifest.revisions.items():
        for schema in (SERVICE, LEASES):
            require_known(revisions.get(schema.version_table), schema, place)
        version = revisions.get(HUB_VERSIONS)
        if version is not None and version not in _hub_revisions():
            raise DatabaseTooNew(
                f"JupyterHub's database in the archive ({place}) was written by a newer JupyterHub: its tables have "
                f"version {version}, which is not known here. Restore with the Werkbank that made the archive "
                f"({manifest.version}). Nothing was changed."
            )


def _hub_revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory(str(files("jupyterhub") / "alembic")).walk_revisions()}
