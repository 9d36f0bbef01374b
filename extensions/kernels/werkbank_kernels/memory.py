"""Whether the kernel of the machine ended a process of this seat because the seat's memory was used up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")


class EndedForMemory:
    """Counts what was ended for want of memory in the seat's control group, where there is one with a limit."""

    def __init__(self, groups: Path = Path("/proc/self/cgroup"), mount: Path = _MOUNT) -> None:
        self._file = next((file for file in _files(groups, mount) if _count(file) is not None), None)
        self._known = self._now()

    def is_new(self) -> bool:
        """Whether there were more since this was asked last."""
        before, self._known = self._known, self._now()
        return self._known > before

    def _now(self) -> int:
        return (_count(self._file) if self._file is not None else None) or 0


def _files(groups: Path, mount: Path) -> Iterator[Path]:
    """Where the count may stand: in a container the mount shows its own group, whatever that is called outside."""
    for line in _lines(groups):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            top, name = mount, "memory.events"
        elif "memory" in controllers.split(","):
            top, name = mount / "memory", "memory.oom_control"
        else:
            continue
        yield top / path.lstrip("/") / name
        yield top / name


def _count(file: Path) -> int | None:
    for line in _lines(file):
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.strip().isdecimal():
            return int(value)
    return None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
