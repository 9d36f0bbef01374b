"""Who a pid is. A pid alone names nobody: it is reused, and the driver takes thread ids for it."""

import os
from pathlib import Path

PROC = Path("/proc")


def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat, None when nobody has the pid or the process is dead and only not reaped yet."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] not in "ZX" else None


def trouble(pid: int, started: str, proc: Path = PROC) -> str | None:
    """Why this pid must not be touched, or None: it is this user's process, started then, and no mere thread."""
    if pid <= 1 or pid == os.getpid():
        return "bad-pid"
    now = start_time(pid)
    if now is None:
        return "process-gone"
    try:
        status = dict(line.split(":", 1) for line in (proc / str(pid) / "status").read_text().splitlines())
    except OSError:
        return "process-gone"
    if int(status["Tgid"]) != pid:
        return "not-a-process"
    if now != started:
        return "another-process"
    # All four: a process that changed its user half-way belongs to nobody we know.
    return None if {int(uid) for uid in status["Uid"].split()} == {os.getuid()} else "not-yours"


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, whoever owns them."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields from the third, the state, on; the name before may hold spaces and brackets."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
