"""How large homes are: measured now and then where this process may read them, otherwise not measured."""

import os
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, select

from hub.accounting import tables
from hub.db import upsert_rows


def size_of(home: Path) -> int | None:
    """Bytes that a home takes on its disk; None where it, or a folder in it, cannot be read.

    Links are not followed, files with several names are counted once, and other file systems are left out.
    """
    try:
        place = os.stat(home, follow_symlinks=False)
        return _size(home, place.st_dev, set())
    except OSError:
        return None


def _size(folder: Path, file_system: int, counted: set[int]) -> int:
    size, folders = 0, [os.fspath(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # removed while we look
                    continue
                if status.st_dev != file_system or (status.st_nlink > 1 and status.st_ino in counted):
                    continue
                counted.add(status.st_ino)
                size += status.st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return size


class HomeBook:
    """Keeps the latest size of each home. Blocking: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, user: str, size: int, now: float) -> None:
        """Write down what was just measured."""
        with self._engine.begin() as connection:
            upsert_rows(connection, tables.homes, [{"user": user, "bytes": size, "at": now}])

    def due(self, before: float, at_most: int) -> list[str]:
        """Users with a running seat whose homes were last measured before then; those never measured first."""
        at, homes = tables.seats.c, tables.homes.c
        running = select(at.user).where(~at.is_counted, ~at.has_ended).distinct().subquery()
        asked = (
            select(running.c.user)
            .outerjoin(tables.homes, homes.user == running.c.user)
            .where((homes.at.is_(None)) | (homes.at < before))
            .order_by(homes.at.is_not(None), homes.at, running.c.user)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(asked.limit(at_most)).scalars())

    def sizes(self, users: Iterable[str] | None = None) -> dict[str, int]:
        """The latest sizes in bytes: of these users, or of everybody."""
        asked = select(tables.homes.c.user, tables.homes.c.bytes)
        if users is not None:
            asked = asked.where(tables.homes.c.user.in_(list(users)))
        with self._engine.connect() as connection:
            return {row.user: row.bytes for row in connection.execute(asked)}
