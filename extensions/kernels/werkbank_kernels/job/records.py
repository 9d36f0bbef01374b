"""What the next seat must know of kernels that outlive this one, in files that only their user can read."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..broker import Ticket

FOLDER = Path(".local", "state", "werkbank", "kernels")  # below the home


@dataclass(frozen=True)
class Record:
    """One kernel, its lease, and the key that its messages are signed with."""

    kernel_id: str
    kernel_name: str
    server: str
    """The name of its seat; another of the same user leaves it alone."""
    lease_id: str
    token: str
    key: str
    cwd: str
    session: str
    """The notebook that it was started for, as its environment names it."""

    @property
    def ticket(self) -> Ticket:
        return Ticket(self.lease_id, self.token)

    def keep(self) -> None:
        """Write it, whole or not at all."""
        file = self._file
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(asdict(self), out)
        fresh.replace(file)

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return Path.home() / FOLDER / f"{self.kernel_id}.json"


def kept(server: str) -> Iterator[Record]:
    """The kernels that a seat of this name had when it ended without a word; a file that is not one is passed over."""
    for file in sorted((Path.home() / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            record = Record(**json.loads(file.read_text(encoding="utf-8")))
            if record.server == server and file.stem == record.kernel_id:
                yield record


def sessions_file(server: str) -> Path:
    """Where such a seat remembers which notebook has which kernel."""
    folder = Path.home() / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"sessions-{server.encode().hex() or 'default'}.sqlite"
