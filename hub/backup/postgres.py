"""Databases on PostgreSQL, through its own programs: pg_dump and pg_restore."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import create_engine, inspect, make_url

from hub.errors import BackupError


def can_dump() -> bool:
    """Whether pg_dump is installed."""
    return shutil.which("pg_dump") is not None


def dump(url: str, file: Path) -> None:
    """Write the whole database, as it is at one moment. Raises BackupError."""
    _run(["pg_dump", "--format=custom", "--no-owner", f"--file={file}", _address(url)], url)


def require_empty(url: str) -> None:
    """Raises BackupError when there are tables in the database: they would not be set aside."""
    engine = create_engine(url)
    try:
        if inspect(engine).get_table_names():
            place = engine.url.render_as_string(hide_password=True)
            raise BackupError(
                f"The database {place} has tables already. Rename it and create an empty one of that name "
                "(ALTER DATABASE … RENAME, createdb), then restore again. Nothing was changed."
            )
    finally:
        engine.dispose()


def bring_back(file: Path, url: str) -> None:
    """Fill an empty database, all of it or nothing. Raises BackupError."""
    if shutil.which("pg_restore") is None:
        raise BackupError(
            "The archive has a PostgreSQL database, and pg_restore is not installed (on Debian: "
            "apt install postgresql-client). Nothing was changed."
        )
    _run(["pg_restore", "--no-owner", "--single-transaction", f"--dbname={_address(url)}", str(file)], url)


def _address(url: str) -> str:
    """The address for PostgreSQL's programs. The password is not in it: others see command lines."""
    return make_url(url).set(drivername="postgresql", password="").render_as_string().replace(":@", "@")


def _run(command: list[str], url: str) -> None:
    password = make_url(url).password
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        place = make_url(url).render_as_string(hide_password=True)
        raise BackupError(f"{command[0]} of {place} failed: {words}. Nothing was changed.")
