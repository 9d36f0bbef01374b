"""What processes take: memory as the kernel shares it out, and CPU time."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import psutil

from hub.bench.figures import Usage

QUIET = 0.15
QUIET_TIMEOUT = 8.0
LOOK_PERIOD = 0.5


def pss_mb(processes: Iterable[psutil.Process]) -> float:
    """Proportional set size together: pages shared by n processes count for 1/n in each."""
    return sum(_pss(process.pid) for process in processes) / 1e6


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """CPU seconds together, with those of children that ended."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def own_cpu_s(process: psutil.Process) -> float:
    """CPU seconds of this process alone."""
    times = process.cpu_times()
    return float(times.user + times.system)


def usages(kernels: Mapping[Path, int]) -> list[Usage]:
    """What each seat takes, by its home folder; the value is the pid of its kernel."""
    seats = _seats(kernels.keys())
    return [_usage(seats[home], kernel) for home, kernel in kernels.items()]


async def wait_until_quiet() -> float:
    """Wait, but not for ever, until others leave the machine alone; the share of it that is still busy."""
    deadline = time.monotonic() + QUIET_TIMEOUT
    busy = 1.0
    psutil.cpu_percent()
    while busy > QUIET and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_PERIOD)
        busy = psutil.cpu_percent() / 100
    return busy


def _usage(seat: list[psutil.Process], kernel: int) -> Usage:
    with_kernel = {process.pid for process in _family(kernel)}
    server = [process for process in seat if process.pid not in with_kernel]
    both = [*server, *_family(kernel)]
    return Usage(server_pss_mb=pss_mb(server), server_and_kernel_pss_mb=pss_mb(both), seat_cpu_s=cpu_s(both))


def _seats(homes: Collection[Path]) -> dict[Path, list[psutil.Process]]:
    """Processes by the home folder they run in. Parentage would not do: a seat may be forked from anything."""
    found: dict[Path, list[psutil.Process]] = {home: [] for home in homes}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            home = Path(process.cwd())
            if home in found:
                found[home].append(process)
    return found


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
