"""Which process of this machine a container means by a number of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

from hub.containers.engine import Engine, EngineError
from hub.containers.names import container_name
from hub.logs import get_logger

log = get_logger("containers")

PROC = Path("/proc")


class Processes:
    """Finds them for the seats of one workbench."""

    def __init__(self, engine: Engine, state: Path) -> None:
        self._engine, self._state = engine, state

    async def here(self, user: str, server: str, pid: int, started: str) -> int:
        """The number that this machine has for a process of a seat; 0 where that is not known.

        `started` is field 22 of its `/proc/PID/stat`, which is the same in and outside a container.
        """
        try:
            told = await self._engine.call("inspect_container", container_name(self._state, user, server))
        except EngineError as error:
            log.warning("engine.silent", about="process", user=user, why=str(error))
            return 0
        return pid_here(str(told["Id"]), pid, started)


def pid_here(container: str, pid: int, started: str, proc: Path = PROC) -> int:
    """As above, for a container by its id."""
    for process in _candidates(pid, proc):
        if _start(process) == started and container in _read(process / "cgroup"):
            return int(process.name)
    return 0


def _candidates(pid: int, proc: Path) -> Iterator[Path]:
    """Processes that are called so in the innermost namespace that they are in, and not in ours."""
    for name in os.listdir(proc):
        if name.isdecimal() and _inner(proc / name) == pid:
            yield proc / name


def _inner(process: Path) -> int | None:
    for line in _read(process / "status").splitlines():
        if line.startswith("NSpid:"):
            numbers = line.split()[1:]
            return int(numbers[-1]) if len(numbers) > 1 else None
    return None


def _start(process: Path) -> str:
    fields = _read(process / "stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _read(file: Path) -> str:
    """Empty for a process that has ended meanwhile."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
