"""Names and files of control groups: one group for each seat, and one for a user's Dask clusters."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.names import home_name

ROOT = Path("/sys/fs/cgroup")
GROUP = "werkbank"
CLUSTERS = "+clusters"
"""Stands where a server's name stands; no server can be called that."""


@dataclass(frozen=True)
class Enforcement:
    """Whether something is enforced, and if not, why."""

    enforced: bool
    reason: str


def group_name(workbench: Path, user: str, server: str) -> str:
    """The group of one seat: safe as a path for every user name, and no other workbench's on this machine."""
    return f"{prefix_of(workbench, user)}{home_name(server) if server else 'default'}"


def clusters_group_name(workbench: Path, user: str) -> str:
    """The group of all schedulers and workers of a user."""
    return f"{prefix_of(workbench, user)}{CLUSTERS}"


def prefix_of(workbench: Path, user: str) -> str:
    """How the names of all groups of a user begin. Folder names of users hold no dot."""
    return f"{_digest(workbench)}.{home_name(user)}."


def members(base: Path, prefix: str) -> Iterator[str]:
    """The groups below `base` whose names begin with `prefix`."""
    try:
        with os.scandir(base) as entries:
            yield from sorted(e.name for e in entries if e.name.startswith(prefix) and e.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return


def remove(group: Path) -> bool:
    """Remove a group; False while processes are in it."""
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _digest(workbench: Path) -> str:
    return hashlib.sha256(os.fsencode(workbench)).hexdigest()[:8]
