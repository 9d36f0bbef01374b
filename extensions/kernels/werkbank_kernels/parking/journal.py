"""What was about to be done, written to disk before it is done, so that a killed actuator leaves no riddle."""

import fcntl
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .processes import boot_id

log = logging.getLogger(__name__)

INTENT, RESULT = "intent", "result"


class LeaseBusy(Exception):
    """Another actuator works on this lease now."""


@dataclass(frozen=True)
class Entry:
    """The last thing about one lease. `devices` is UUID to bytes that a resume needs there, `used` is UUID to what
    was in use there before, `leased` the devices that it was parked on in the order of its lease; `time` in Unix
    seconds.

    `moves` is the map of a restore onto other devices, old UUID to new for every device of the machine; empty where
    none was begun. Until that restore is known to have worked, `devices` and `leased` name the old ones.
    """

    lease: str
    epoch: int
    act: str
    step: str
    stage: str
    pid: int
    pid_started: str
    boot_id: str
    mode: str = ""
    devices: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    leased: list[str] = field(default_factory=list)
    moves: dict[str, str] = field(default_factory=dict)
    restore_failed: bool = False
    outcome: str = ""
    reason: str = ""
    bytes: int = 0
    time: float = 0.0

    def moved(self) -> "Entry":
        """The entry of a process whose restore worked, on whichever devices it was to be."""
        devices = {self.moves.get(uuid, uuid): needed for uuid, needed in self.devices.items()}
        leased = [self.moves.get(uuid, uuid) for uuid in self.leased]
        return replace(self, devices=devices, leased=leased, moves={})


class Journal:
    """One file per lease, in a folder of this boot: entries of another boot, or machine, speak of dead processes."""

    def __init__(self, folder: Path):
        self.boot_id = boot_id()
        self.folder = folder / self.boot_id
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def read(self, lease: str) -> Entry | None:
        """The entry of a lease; None when there is none, or none that can be understood."""
        try:
            return Entry(**json.loads((self.folder / f"{lease}.json").read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            log.exception("unreadable journal entry of lease %s", lease)
            return None

    def write(self, entry: Entry) -> Entry:
        """On disk, and whole, when this returns. OSError."""
        entry = replace(entry, bytes=sum(entry.devices.values()), time=time.time())
        path = self.folder / f"{entry.lease}.json"
        new = path.with_suffix(".new")
        with new.open("w") as file:
            json.dump(asdict(entry), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return entry

    def unfinished(self) -> list[str]:
        """The leases with an intent that has no result."""
        leases = [path.stem for path in sorted(self.folder.glob("*.json")) if re.fullmatch(r"[\w-]+", path.stem)]
        entries = [(lease, self.read(lease)) for lease in leases]
        return [lease for lease, entry in entries if entry and entry.stage == INTENT]

    @contextmanager
    def hold(self, lease: str) -> Iterator[None]:
        """Nobody else works on the lease meanwhile; a killed holder lets go. LeaseBusy."""
        file = os.open(self.folder / f"{lease}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as problem:
                raise LeaseBusy(lease) from problem
            yield
        finally:
            os.close(file)
