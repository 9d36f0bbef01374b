"""Gathers what the precheck decides on. A read that fails is Unreadable: nobody is parked on a guess."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pynvml

from .driver import CudaDriver
from .processes import descendants
from .requests import Request


class Unreadable(Exception):
    """A fact that is needed could not be read."""


@dataclass(frozen=True)
class DeviceFacts:
    """One device; memory in bytes. `processes` is pid to bytes, None where NVML does not say how much."""

    uuid: str
    model: str
    memory: int
    used: int
    free: int
    mig: bool
    mps: bool
    processes: dict[int, int | None]

    def bytes_of(self, pid: int) -> int:
        """Device memory of a process. Where NVML does not tell, all that is used: never too little."""
        if pid not in self.processes:
            return 0
        listed = self.processes[pid]
        return self.used if listed is None else listed


@dataclass(frozen=True)
class Facts:
    """What is so just before a kernel would be parked."""

    driver: str
    machine: str
    devices: tuple[DeviceFacts, ...]
    leased: frozenset[str]
    state: str
    has_cuda: bool
    others_with_cuda: tuple[int, ...]
    host_room: int

    def bytes_on(self, pid: int) -> dict[str, int]:
        """Device memory of a process, by device, where it is."""
        return {device.uuid: device.bytes_of(pid) for device in self.devices if pid in device.processes}


@contextmanager
def nvml() -> Iterator[None]:
    """NVML, opened anew: after a driver reload an old handle is of no use. Unreadable on any of its errors."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as problem:
        raise Unreadable(f"nvmlInit: {problem}") from problem
    try:
        yield
    except pynvml.NVMLError as problem:
        raise Unreadable(str(problem)) from problem
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def read_devices() -> tuple[DeviceFacts, ...]:
    """All devices of the machine, in NVML's order. Unreadable."""
    with nvml():
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(_device(handle) for handle in handles)


def driver_release() -> str:
    """The driver's release as its makers write it, 580.95.05. Unreadable."""
    with nvml():
        return str(pynvml.nvmlSystemGetDriverVersion())


def gather(driver: CudaDriver, request: Request) -> Facts:
    """All facts about one kernel. Unreadable; DriverMissing, DriverTooOld and DriverFailed of the driver."""
    has_cuda = driver.has_cuda(request.pid)
    return Facts(
        driver=driver_release(),
        machine=platform.machine(),
        devices=read_devices(),
        leased=frozenset(request.devices),
        state=driver.state(request.pid) if has_cuda else "",
        has_cuda=has_cuda,
        others_with_cuda=tuple(pid for pid in descendants(request.pid) if driver.has_cuda(pid)),
        host_room=host_room(request),
    )


def _device(handle: Any) -> DeviceFacts:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    listed = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    return DeviceFacts(
        uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
        model=str(pynvml.nvmlDeviceGetName(handle)),
        memory=memory.total,
        used=memory.used,
        free=memory.free,
        mig=_unless_unsupported(lambda: pynvml.nvmlDeviceGetMigMode(handle)[0] == 1),
        mps=_unless_unsupported(lambda: bool(pynvml.nvmlDeviceGetMPSComputeRunningProcesses(handle))),
        processes={process.pid: process.usedGpuMemory for process in listed},
    )


def _unless_unsupported(read: Callable[[], bool]) -> bool:
    try:
        return read()
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return False


# ---- Host memory ----


def host_room(request: Request) -> int:
    """Bytes of host memory that the kernel may grow by. Unreadable."""
    room = [mem_available() - request.host_reserve]
    if request.host_budget is not None:
        room.append(request.host_budget)
    return min([*room, *cgroup_headrooms(request.pid)])


def mem_available(proc: Path = Path("/proc")) -> int:
    """MemAvailable of the machine. Unreadable."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError) as problem:
        raise Unreadable(f"MemAvailable: {problem!r}") from problem


def cgroup_headrooms(pid: int, proc: Path = Path("/proc"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """What each limited control group of the process, and each above it, has left; versions 1 and 2. Unreadable."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
        return [room for line in lines for room in _headrooms(line, root)]
    except (OSError, ValueError) as problem:
        raise Unreadable(f"control group of {pid}: {problem!r}") from problem


def _headrooms(line: str, root: Path) -> list[int]:
    _, controllers, path = line.split(":", 2)
    limits: tuple[str, ...]
    if controllers == "":
        # With both versions mounted, the second lies in a folder of its own.
        base = root / "unified" if (root / "unified").is_dir() else root
        limits, usage = ("memory.max", "memory.high"), "memory.current"
    elif "memory" in controllers.split(","):
        base = root / "memory"
        limits, usage = ("memory.limit_in_bytes",), "memory.usage_in_bytes"
    else:
        return []
    # A container sees its own group as the root: what the path says beyond is not there for it.
    parts = [part for part in Path(path).parts if part not in ("/", "..")]
    groups = [base.joinpath(*parts[:count]) for count in range(len(parts) + 1)]
    return [room for group in groups for limit in limits for room in _headroom(group, limit, usage)]


def _headroom(group: Path, limit: str, usage: str) -> list[int]:
    if not (group / limit).exists():
        return []
    allowed = (group / limit).read_text().strip()
    if allowed == "max":
        return []
    return [int(allowed) - int((group / usage).read_text()) + _reclaimable(group)]


def _reclaimable(group: Path) -> int:
    """File cache that the kernel drops before it would end a process for lack of memory."""
    stat = group / "memory.stat"
    lines = stat.read_text().splitlines() if stat.exists() else []
    found = dict(line.split() for line in lines)
    return int(found.get("total_inactive_file", found.get("inactive_file", 0)))
