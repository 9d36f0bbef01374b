"""Partitions as Slurm tells them: how long a job may run there."""

import re
from dataclasses import dataclass

from hub.slurm.commands import Slurm, SlurmSilent

_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")


@dataclass(frozen=True)
class Partition:
    """One partition."""

    name: str
    is_default: bool
    is_up: bool
    most_seconds: int | None
    """How long a job may run; None is without end."""


async def partitions(slurm: Slurm) -> dict[str, Partition]:
    """All partitions, by name. Raises SlurmSilent, SlurmRefused."""
    # %P marks the default with a star, and is cut nowhere without a width.
    return read_partitions(await slurm.ask("sinfo", "--all", "--noheader", "--format=%P|%a|%l"))


def read_partitions(told: str) -> dict[str, Partition]:
    """What sinfo printed: a line for each partition and each of its states of availability."""
    found = {}
    for line in told.splitlines():
        name, available, limit = line.split("|")
        plain = name.removesuffix("*")
        found[plain] = Partition(plain, name.endswith("*"), available == "up", seconds_of(limit))
    return found


def seconds_of(limit: str) -> int | None:
    """Slurm's days-hours:minutes:seconds as seconds; None for "infinite"."""
    if limit in ("infinite", "UNLIMITED", "n/a"):
        return None
    if (match := _TIME.fullmatch(limit)) is None:
        raise SlurmSilent(f'sinfo said "{limit}" of a time, which is not understood here')
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
