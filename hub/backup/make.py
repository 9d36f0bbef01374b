"""Makes an archive of a workbench, also while it runs."""

import contextlib
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine

from hub import __version__
from hub.backup import postgres
from hub.backup.archive import Writer
from hub.backup.manifest import Manifest, revisions_of
from hub.backup.record import LastBackup, note_backup
from hub.errors import BackupError
from hub.runtime import Runtime
from hub.settings import Settings

SETTINGS_COPY = "werkbank.yaml"


def make(runtime: Runtime, file: Path, *, homes: bool) -> Manifest:
    """Write the archive `file`, readable by its owner alone, and note when that was. Raises BackupError; nothing is
    left half-made then.
    """
    if homes and runtime.settings.site.seats_run_as == "system-accounts":
        raise BackupError(
            "--homes: with system accounts homes are those of the machine, and are backed up with it. "
            "Leave it out. Nothing was written."
        )
    if homes and runtime.settings.site.kind == "containers":
        raise BackupError(
            "--homes: homes are volumes of the container engine, which keeps them (`podman volume export`). "
            "Leave it out. Nothing was written."
        )
    if file.exists():
        raise BackupError(f"{file} is there already; choose another name. Nothing was written.")
    half = file.with_name(f".{file.name}.{os.getpid()}.half")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=runtime.state.path) as folder:
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with (
                open(descriptor, "wb") as out,
                tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as tar,
            ):
                manifest = _write(Writer(tar), runtime, Path(folder), homes=homes)
        os.link(half, file)  # never over a file that came meanwhile
    except (OSError, sqlite3.Error) as problem:
        raise BackupError(f"{file} cannot be written: {problem}. Nothing was written.") from None
    finally:
        half.unlink(missing_ok=True)
    last = LastBackup(made=manifest.made.astimezone(UTC), version=manifest.version, homes=homes)
    note_backup(runtime.state, last)
    return manifest


def _write(writer: Writer, runtime: Runtime, folder: Path, *, homes: bool) -> Manifest:
    revisions = dict(_sqlite(writer, runtime, folder))
    left_out = list(_postgres(writer, runtime.settings, folder, revisions))
    state = runtime.state
    for path in (state.secrets, *sorted(state.secrets.iterdir()), state.path / "ports.json"):
        if path.exists() and path.suffix != ".tmp":
            writer.add(path, f"state/{path.relative_to(state.path)}")
    writer.add(runtime.settings_file, f"state/{SETTINGS_COPY}")
    if homes:
        _homes(writer, state.homes)
    else:
        left_out.append("Home folders are not in it; --homes includes them.")
    manifest = Manifest(
        version=__version__,
        made=datetime.now(UTC),
        revisions=revisions,
        left_out=tuple(left_out),
        files=writer.files,
    )
    writer.finish(manifest)
    return manifest


def _sqlite(writer: Writer, runtime: Runtime, folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A copy of each database as it is at one moment, whoever writes meanwhile."""
    for database in sorted(runtime.state.path.glob("*.sqlite")):
        copy = folder / database.name
        with (
            contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=60)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            # Whoever opens the copy finds one file that is whole, with no write-ahead log beside it.
            target.execute("PRAGMA journal_mode=DELETE")
        copy.chmod(0o600)
        yield f"state/{database.name}", _revisions(f"sqlite:///{copy}")
        writer.add(copy, f"state/{database.name}")


def _revisions(url: str) -> dict[str, str]:
    engine = create_engine(url)
    try:
        return revisions_of(engine)
    finally:
        engine.dispose()


def remote_databases(settings: Settings) -> dict[str, str]:
    """Databases that lie elsewhere, by the name of their dump; one that is used for both once."""
    by_url = {settings.leases.database: "leases", settings.server.database: "hub"}
    return {name: url for url, name in by_url.items() if url != "sqlite"}


def _postgres(writer: Writer, settings: Settings, folder: Path, revisions: dict[str, dict[str, str]]) -> Iterator[str]:
    """Dumps; sentences about what could not be dumped."""
    for name, url in remote_databases(settings).items():
        if not url.startswith("postgresql"):
            yield f"The database of `{name}` is not on PostgreSQL; back it up with its own tools."
        elif not postgres.can_dump():
            yield f"The database of `{name}` is not in it: pg_dump is not installed (apt install postgresql-client)."
        else:
            dump = folder / f"{name}.dump"
            postgres.dump(url, dump)
            revisions[f"postgresql/{name}.dump"] = _revisions(url)
            writer.add(dump, f"postgresql/{name}.dump")


def _homes(writer: Writer, homes: Path) -> None:
    for folder, folders, names in os.walk(homes):
        here = Path(folder)
        if here != homes:
            writer.add(here, f"state/homes/{here.relative_to(homes)}")
        linked = [name for name in folders if (here / name).is_symlink()]
        for name in sorted(names + linked):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                writer.add(here / name, f"state/homes/{(here / name).relative_to(homes)}")
