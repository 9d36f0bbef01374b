"""Writes the settings file: whole or not at all, with what it was kept beside it."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hub.errors import SettingsError

KEPT = 20
"""Backups that are kept, the latest."""
_STAMP = "%Y%m%d-%H%M%S-%f"


class ChangedMeanwhile(SettingsError):
    """Somebody else changed the file meanwhile; nothing was written."""


@dataclass(frozen=True)
class Backup:
    """The file as it was until a moment."""

    name: str
    until: datetime
    path: Path

    def text(self) -> str:
        """What it says."""
        return self.path.read_text(encoding="utf-8")


def fingerprint(text: str) -> str:
    """What tells one text of the file from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def why_not_writable(file: Path) -> str:
    """Why the file cannot be written here: "missing", "folder", "file"; empty when it can."""
    real = file.resolve()
    if not real.is_file():
        return "missing"
    if not os.access(real.parent, os.W_OK | os.X_OK):
        return "folder"
    return "" if os.access(real, os.W_OK) else "file"


def backups(file: Path) -> list[Backup]:
    """What is kept of earlier texts, the latest first."""
    real, found = file.resolve(), []
    for path in real.parent.glob(f"{_escaped(real.name)}.backup-*"):
        with contextlib.suppress(ValueError):
            until = datetime.strptime(path.name.rpartition(".backup-")[2], _STAMP).replace(tzinfo=UTC)
            found.append(Backup(path.name, until, path))
    return sorted(found, key=lambda backup: backup.name, reverse=True)


def save(file: Path, text: str, expected: str) -> Backup:
    """Put `text` in place of the text with the fingerprint `expected`, and keep that one as a backup.

    A link is followed; mode and owner stay. Whatever happens on the way, the file is the old one or the new one.
    Raises ChangedMeanwhile, or OSError when it could not be written.
    """
    real = file.resolve()
    _clear_away(real)
    before = real.read_bytes()
    if hashlib.sha256(before).hexdigest() != expected:
        raise ChangedMeanwhile
    now = datetime.now(UTC)
    kept = Backup(f"{real.name}.backup-{now:{_STAMP}}", now, real.with_name(f"{real.name}.backup-{now:{_STAMP}}"))
    with _beside(real, text.encode()) as fresh:
        with _beside(real, before) as old:
            old.replace(kept.path)
        # An editor may have been quicker than all the writing above.
        if real.read_bytes() != before:
            kept.path.unlink()
            raise ChangedMeanwhile
        fresh.replace(real)
    _settle(real.parent)
    for backup in backups(real)[KEPT:]:
        backup.path.unlink(missing_ok=True)
    return kept


@contextmanager
def _beside(real: Path, content: bytes) -> Iterator[Path]:
    """A finished file beside `real`, with its mode and owner; gone afterwards unless it was put somewhere."""
    like = real.stat()
    path = real.with_name(f".{real.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            with contextlib.suppress(PermissionError):  # only root gives files away
                os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, like.st_mode & 0o7777)
            os.fsync(descriptor)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """The folder's entries too are on the disk before anybody is told."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear_away(real: Path) -> None:
    """What a writer that was killed left behind."""
    for path in real.parent.glob(f".{_escaped(real.name)}.*.tmp"):
        pid = path.name.removesuffix(".tmp").rpartition(".")[2].partition("-")[0]
        if pid == str(os.getpid()) or not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
