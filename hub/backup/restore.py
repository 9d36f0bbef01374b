"""Makes a state directory from an archive: all of it, or nothing."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from hub.backup import postgres
from hub.backup.archive import unpack
from hub.backup.make import SETTINGS_COPY, remote_databases
from hub.backup.manifest import Manifest, require_known_revisions
from hub.errors import BackupError, StateError
from hub.settings import load
from hub.state import StateDirectory


def restore(archive: Path, path: Path, *, force: bool) -> tuple[Manifest, Path | None]:
    """Put the archive's state at `path`; the manifest, and where the state that was there is now.

    Raises BackupError, DatabaseTooNew or StateError; nothing is changed then.
    """
    path = path.resolve()
    with _at_rest(path):
        if is_used(path) and not force:
            raise BackupError(
                f"{path} has the state of a workbench. Choose another folder with --state, or use --force: "
                "then that state is set aside beside it, and nothing of it is lost. Nothing was changed."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        stage = path.with_name(f".{path.name}.restoring-{os.getpid()}")
        stage.mkdir(mode=0o700)
        try:
            manifest = unpack(archive, stage)
            require_known_revisions(manifest)
            if not (stage / "state").is_dir():
                raise BackupError(f"{archive} holds no state. Nothing was changed.")
            _bring_back_remote(stage)
            return manifest, _exchange(stage / "state", path)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def is_used(path: Path) -> bool:
    """Whether there is anything in a state directory but the folders and the lock that every command makes."""
    if not path.exists():
        return False
    return any(found.name != "lock" and not (found.is_dir() and not found.is_symlink()) for found in path.rglob("*"))


@contextlib.contextmanager
def _at_rest(path: Path) -> Iterator[None]:
    """Raises StateError while a workbench runs on that state; none starts meanwhile."""
    if not path.exists():
        yield
        return
    if not path.is_dir():
        raise StateError(f"{path} is no folder. Nothing was changed.")
    with StateDirectory(path).held():
        yield


def _bring_back_remote(stage: Path) -> None:
    """Databases that lie elsewhere, where the settings in the archive say."""
    dumps = sorted((stage / "postgresql").glob("*.dump"))
    if not dumps:
        return
    urls = remote_databases(load(stage / "state" / SETTINGS_COPY))
    for dump in dumps:
        postgres.require_empty(urls[dump.stem])
    for dump in dumps:
        postgres.bring_back(dump, urls[dump.stem])


def _exchange(state: Path, path: Path) -> Path | None:
    aside = None
    if path.exists():
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S")
        aside = path.with_name(f"{path.name}.before-restore-{stamp}")
        path.rename(aside)
    state.rename(path)
    if aside is not None and not is_used(aside):
        shutil.rmtree(aside)
        return None
    return aside
