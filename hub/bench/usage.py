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
CPU_CLOCK = 2
"""Linux's mark of a process's CPU clock, below its complemented pid (see clock_getcpuclockid)."""


def pss_mb(processes: Iterable[psutil.Process]) -> float:
    """Proportional set size together: pages shared by n processes count for 1/n in each."""
    return sum(_pss(process.pid) for process in processes) / 1e6


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """CPU seconds together, with those of children that ended."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            times = process.cpu_times()
            total += own_cpu_s(process) + times.children_user + times.children_system
    return total


def own_cpu_s(process: psutil.Process) -> float:
    """CPU seconds of this process alone. Raises OSError when it is gone.

    From its clock: the usual counters have ticks of 10 ms, and a forked seat starts within a few of them.
    """
    return time.clock_gettime((~process.pid << 3) | CPU_CLOCK)


def servers(homes: Collection[Path]) -> dict[Path, float]:
    """CPU seconds of each seat's server so far, by its home folder: what runs in a seat without a kernel."""
    return {home: cpu_s(seat) for home, seat in _seats(homes).items()}


def usages(kernels: Mapping[Path, int], server_cpu: Mapping[Path, float]) -> list[Usage]:
    """What each seat takes, by its home folder; the value is the pid of its kernel."""
    seats = _seats(kernels.keys())
    return [_usage(seats[home], kernel, server_cpu[home]) for home, kernel in kernels.items()]


def crowd_mb(kernels: Mapping[Path, int]) -> tuple[float, float]:
    """PSS of all seats' servers together, and of all kernels."""
    found = usages(kernels, dict.fromkeys(kernels, 0.0))
    server = sum(seat.server_pss_mb for seat in found)
    return server, sum(seat.server_and_kernel_pss_mb for seat in found) - server


def uss_mb(*homes: Path) -> float:
    """Private memory of the seats that run in these homes: what only they have, and would be free without them."""
    processes = [process for seat in _seats(homes).values() for process in seat]
    return sum(_rollup(process.pid, "Private_Clean:", "Private_Dirty:") for process in processes) / 1e6


async def wait_until_quiet() -> float:
    """Wait, but not for ever, until others leave the machine alone; the share of it that is still busy."""
    deadline = time.monotonic() + QUIET_TIMEOUT
    busy = 1.0
    psutil.cpu_percent()
    while busy > QUIET and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_PERIOD)
        busy = psutil.cpu_percent() / 100
    return busy


def _usage(seat: list[psutil.Process], kernel: int, server_cpu: float) -> Usage:
    with_kernel = {process.pid for process in _family(kernel)}
    server = [process for process in seat if process.pid not in with_kernel]
    both = [*server, *_family(kernel)]
    return Usage(
        server_cpu_s=server_cpu,
        server_pss_mb=pss_mb(server),
        server_and_kernel_pss_mb=pss_mb(both),
        seat_cpu_s=cpu_s(both),
    )


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
    return _rollup(pid, "Pss:")


def _rollup(pid: int, *names: str) -> int:
    """Bytes that the kernel counts under these names for a whole process; 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(names))
