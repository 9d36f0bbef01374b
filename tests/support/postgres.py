"""A PostgreSQL server of the tests' own: a fresh cluster in a temporary folder, on loopback."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hub.state import free_ports


def programs() -> Path | None:
    """Where the server's programs are; None when PostgreSQL is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return versions[0].parent if versions else None


@contextmanager
def server() -> Iterator[str]:
    """Start a server; its SQLAlchemy URL. Stopped and removed afterwards."""
    found = programs()
    assert found
    folder = Path(tempfile.mkdtemp(prefix="wb-pg-"))
    (port,) = free_ports(1)
    try:
        if os.geteuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = str(folder / "data")
        _run([str(found / "initdb"), "-D", data, "-U", "werkbank", "--auth=trust", "--no-sync"])
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        _run([str(found / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgresql+psycopg://werkbank@127.0.0.1:{port}/postgres"
        finally:
            _run([str(found / "pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str]) -> None:
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*as_postgres, *command], capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
