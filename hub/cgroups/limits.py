"""CPU, memory and process limits of seats through cgroups, where this machine lets us.

Both layouts are served: cgroup v2 (needs a delegated, writable subtree with the memory, cpu and pids
controllers) and v1 (needs writable hierarchies, so root). Elsewhere limits are advice: the seat is
told its numbers, nothing holds it to them, and `enforcement()` says why.
"""

import asyncio
import contextlib
import os
import signal
import time
from functools import cache
from pathlib import Path
from typing import Protocol

from hub.cgroups.groups import GROUP, ROOT, Enforcement, remove
from hub.logs import get_logger

log = get_logger("spawner")

PERIOD_US = 100_000
STRAGGLERS_TIMEOUT = 2.0
"""Seconds that kernels of an ended seat have to end by themselves."""


class Controller(Protocol):
    """One cgroup layout."""

    def create(self, name: str, memory: int, processes: int) -> list[Path]:
        """Make the group, with limits of memory and processes; the files a process writes "0" to in order to enter."""

    def limit_cpu(self, name: str, cpu: float) -> None:
        """Hold the group to `cpu` cores. Done when the seat is up: a start is short and somebody waits for it."""

    def pids(self, name: str) -> list[int]:
        """The processes in the group."""

    def remove(self, name: str) -> bool:
        """Remove the group; False while processes are in it."""


class V2:
    """The unified hierarchy."""

    def __init__(self, root: Path = ROOT) -> None:
        self.base = root / GROUP

    def create(self, name: str, memory: int, processes: int) -> list[Path]:
        self.base.mkdir(exist_ok=True)
        (self.base / "cgroup.subtree_control").write_text("+cpu +memory +pids")
        group = self.base / name
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text(str(memory))
        (group / "pids.max").write_text(str(processes))
        (group / "cpu.max").write_text(f"max {PERIOD_US}")
        return [group / "cgroup.procs"]

    def limit_cpu(self, name: str, cpu: float) -> None:
        (self.base / name / "cpu.max").write_text(f"{int(cpu * PERIOD_US)} {PERIOD_US}")

    def pids(self, name: str) -> list[int]:
        return _pids(self.base / name)

    def remove(self, name: str) -> bool:
        return remove(self.base / name)


class V1:
    """One hierarchy per controller."""

    def __init__(self, root: Path = ROOT) -> None:
        self.bases = {name: root / name / GROUP for name in ("memory", "cpu", "pids")}

    def create(self, name: str, memory: int, processes: int) -> list[Path]:
        groups = {controller: base / name for controller, base in self.bases.items()}
        for group in groups.values():
            group.mkdir(parents=True, exist_ok=True)
        (groups["memory"] / "memory.limit_in_bytes").write_text(str(memory))
        (groups["pids"] / "pids.max").write_text(str(processes))
        (groups["cpu"] / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (groups["cpu"] / "cpu.cfs_quota_us").write_text("-1")
        return [group / "cgroup.procs" for group in groups.values()]

    def limit_cpu(self, name: str, cpu: float) -> None:
        (self.bases["cpu"] / name / "cpu.cfs_quota_us").write_text(str(int(cpu * PERIOD_US)))

    def pids(self, name: str) -> list[int]:
        return sorted({pid for base in self.bases.values() for pid in _pids(base / name)})

    def remove(self, name: str) -> bool:
        removed = [remove(base / name) for base in self.bases.values()]
        return all(removed)


@cache
def controller(root: Path = ROOT) -> tuple[Controller | None, Enforcement]:
    """The layout that works on this machine, found by trying it once."""
    if (root / "cgroup.controllers").exists():
        layout: Controller = V2(root)
    elif all((root / name).is_dir() for name in ("memory", "cpu", "pids")):
        layout = V1(root)
    else:
        return None, Enforcement(False, "this machine shows no cgroup memory, cpu and pids controllers")
    probe = f"probe-{os.getpid()}"
    try:
        layout.create(probe, memory=2**26, processes=64)
        layout.limit_cpu(probe, cpu=1)
        layout.remove(probe)
    except OSError as error:
        return None, Enforcement(False, f"{error.filename}: {error.strerror}")
    return layout, Enforcement(True, "")


def used_cpu(name: str, root: Path = ROOT) -> float | None:
    """CPU seconds that a group has used since it was made; None where nobody counts them."""
    with contextlib.suppress(OSError, ValueError):
        told = (root / GROUP / name / "cpu.stat").read_text().split()  # v2
        return int(told[told.index("usage_usec") + 1]) / 1e6
    with contextlib.suppress(OSError, ValueError):
        # v1, where the hierarchies of `cpu` and `cpuacct` are one, as distributions mount them.
        return int((root / "cpu" / GROUP / name / "cpuacct.usage").read_text()) / 1e9
    return None


def used_memory(name: str, root: Path = ROOT) -> int | None:
    """Bytes that a group has in use, files that are only cached left out; None where nobody counts them."""
    for group, current, cached in (
        (root / GROUP / name, "memory.current", "inactive_file"),  # v2
        (root / "memory" / GROUP / name, "memory.usage_in_bytes", "total_inactive_file"),  # v1
    ):
        with contextlib.suppress(OSError, ValueError):
            told = (group / "memory.stat").read_text().split()
            return max(0, int((group / current).read_text()) - int(told[told.index(cached) + 1]))
    return None


async def empty_and_remove(layout: Controller, name: str) -> None:
    """Remove the group of a seat that ended, once its kernels are gone; stragglers are made to go.

    A group that even then cannot be removed is left and logged: stopping a seat must end.
    """
    if await _removed(layout, name):
        return
    for pid in layout.pids(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not await _removed(layout, name):
        log.warning("limits.left", group=name, pids=layout.pids(name))


async def _removed(layout: Controller, name: str) -> bool:
    deadline = time.monotonic() + STRAGGLERS_TIMEOUT
    while not layout.remove(name):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def _pids(group: Path) -> list[int]:
    try:
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
    except FileNotFoundError:
        return []
