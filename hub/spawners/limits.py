"""CPU and memory limits of seats through cgroups, where this machine lets us.

Both layouts are served: cgroup v2 (needs a delegated, writable subtree with the memory and cpu
controllers) and v1 (needs writable hierarchies, so root). Elsewhere limits are advice: the seat is
told its numbers, nothing holds it to them, and `enforcement()` says why.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from hub.names import home_name

ROOT = Path("/sys/fs/cgroup")
GROUP = "werkbank"
PERIOD_US = 100_000


@dataclass(frozen=True)
class Enforcement:
    """Whether limits are enforced, and if not, why."""

    enforced: bool
    reason: str


class Controller(Protocol):
    """One cgroup layout."""

    def create(self, name: str, cpu: float, memory: int) -> list[Path]:
        """Make the group; the files a process writes "0" to in order to enter it."""

    def remove(self, name: str) -> None:
        """Remove the group; it must be empty."""


class V2:
    """The unified hierarchy."""

    def __init__(self, root: Path = ROOT) -> None:
        self.base = root / GROUP

    def create(self, name: str, cpu: float, memory: int) -> list[Path]:
        self.base.mkdir(exist_ok=True)
        (self.base / "cgroup.subtree_control").write_text("+cpu +memory")
        group = self.base / name
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text(str(memory))
        (group / "cpu.max").write_text(f"{int(cpu * PERIOD_US)} {PERIOD_US}")
        return [group / "cgroup.procs"]

    def remove(self, name: str) -> None:
        _remove(self.base / name)


class V1:
    """One hierarchy per controller."""

    def __init__(self, root: Path = ROOT) -> None:
        self.bases = {name: root / name / GROUP for name in ("memory", "cpu")}

    def create(self, name: str, cpu: float, memory: int) -> list[Path]:
        groups = {controller: base / name for controller, base in self.bases.items()}
        for group in groups.values():
            group.mkdir(parents=True, exist_ok=True)
        (groups["memory"] / "memory.limit_in_bytes").write_text(str(memory))
        (groups["cpu"] / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (groups["cpu"] / "cpu.cfs_quota_us").write_text(str(int(cpu * PERIOD_US)))
        return [group / "cgroup.procs" for group in groups.values()]

    def remove(self, name: str) -> None:
        for base in self.bases.values():
            _remove(base / name)


@cache
def controller(root: Path = ROOT) -> tuple[Controller | None, Enforcement]:
    """The layout that works on this machine, found by trying it once."""
    if (root / "cgroup.controllers").exists():
        layout: Controller = V2(root)
    elif (root / "memory").is_dir() and (root / "cpu").is_dir():
        layout = V1(root)
    else:
        return None, Enforcement(False, "this machine shows no cgroup memory and cpu controllers")
    probe = f"probe-{os.getpid()}"
    try:
        layout.create(probe, cpu=1, memory=2**26)
        layout.remove(probe)
    except OSError as error:
        return None, Enforcement(False, f"{error.filename}: {error.strerror}")
    return layout, Enforcement(True, "")


def group_name(user: str, server: str) -> str:
    """The cgroup of one seat, safe as a path for every user name."""
    return f"{home_name(user)}.{home_name(server) if server else 'default'}"


def _remove(group: Path) -> None:
    try:
        group.rmdir()
    except OSError:
        # Processes that outlive their seat keep it busy; it goes at the seat's next stop.
        return
