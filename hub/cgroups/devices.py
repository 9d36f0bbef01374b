"""Which GPUs the processes of a group may open. Everything else they may open as before.

What is already open stays open: a device that was taken back is handed on when it is seen clean, not before.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

from hub.cgroups import groups
from hub.cgroups.device_program import attach, program
from hub.cgroups.groups import GROUP, ROOT, Enforcement
from hub.cgroups.nodes import Node, Range, gpu_node, guarded


class DeviceGroups(Protocol):
    """One cgroup layout. Its methods raise OSError when the kernel refuses."""

    def create(self, name: str) -> list[Path]:
        """Make the group, without any GPU, unless somebody lives in it; the files to write "0" to in order to enter.

        Before limits are set: an empty group is made anew.
        """

    def allow(self, name: str, nodes: Iterable[Node]) -> None:
        """Let the group open these GPUs, and no others."""

    def members(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Names of groups that begin so, each with a number that a group made anew under that name does not have."""

    def remove(self, name: str) -> bool:
        """Remove the group; False while processes are in it."""


class _Layout:
    def __init__(self, base: Path, ranges: tuple[Range, ...]) -> None:
        self._base, self._ranges = base, ranges

    def create(self, name: str) -> list[Path]:
        group = self._base / name
        # An empty one of before is made anew: who made it may have ended before it was shut.
        groups.remove(group)
        try:
            group.mkdir(parents=True)
        except FileExistsError:
            pass  # somebody lives in it, and whoever minds leases says what it may open
        else:
            self.allow(name, ())
        return [group / "cgroup.procs"]

    def allow(self, name: str, nodes: Iterable[Node]) -> None:
        raise NotImplementedError

    def members(self, prefix: str) -> Iterator[tuple[str, int]]:
        for name in groups.members(self._base, prefix):
            try:
                yield name, (self._base / name).stat().st_ino
            except FileNotFoundError:
                continue

    def remove(self, name: str) -> bool:
        return groups.remove(self._base / name)


class V1(_Layout):
    """The hierarchy of the devices controller."""

    def allow(self, name: str, nodes: Iterable[Node]) -> None:
        group, open_to_it = self._base / name, set(nodes)
        for node in (node for guard in self._ranges for node in guard.nodes()):
            file = group / ("devices.allow" if node in open_to_it else "devices.deny")
            file.write_text(f"c {node} rwm")


class V2(_Layout):
    """The unified hierarchy: a program attached to the group."""

    def allow(self, name: str, nodes: Iterable[Node]) -> None:
        attach(self._base / name, program(self._ranges, nodes))


@cache
def device_groups(root: Path = ROOT) -> tuple[DeviceGroups | None, Enforcement]:
    """The layout that works on this machine, found by trying it once."""
    if (root / "cgroup.controllers").exists():
        layout: DeviceGroups = V2(root / GROUP, guarded())
    elif (root / "devices").is_dir():
        layout = V1(root / "devices" / GROUP, guarded())
    else:
        return None, Enforcement(False, "this machine shows no control group for devices")
    probe = f"probe-devices-{os.getpid()}"
    try:
        layout.create(probe)
        layout.allow(probe, [gpu_node(0)])
        layout.remove(probe)
    except OSError as error:
        return None, Enforcement(False, f"{error.filename or 'control group of devices'}: {error.strerror or error}")
    return layout, Enforcement(True, "")
