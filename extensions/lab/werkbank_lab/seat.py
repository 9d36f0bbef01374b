"""What the seat knows by itself: which kernel leases what, and what the seat's processes use."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

import psutil

from .view import View

SAMPLE_S = 5.0


class Kernels:
    """Kernel id → its lease, as its provisioner knows it: before the broker is heard, and when it is not."""

    def __init__(self, kernel_manager: Any) -> None:
        self._manager = kernel_manager

    def gather(self, view: View) -> None:
        provisioner_of = getattr(self._manager, "provisioner_of", None)
        ids = self._manager.list_kernel_ids() if provisioner_of else []
        leasing = {kernel: found for kernel in ids if (found := provisioner_of(kernel)) is not None}
        view.put("kernels", {kernel: found.lease() for kernel, found in leasing.items()})


class Usage:
    """CPU and memory of this seat and its kernels, every five seconds, beside what the seat may use."""

    def __init__(self, kernel_manager: Any) -> None:
        self._manager = kernel_manager
        self._last: tuple[float, float] | None = None
        self._due = 0.0

    def gather(self, view: View) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + SAMPLE_S
        cpu, memory = self._measure()
        # Between two looks a kernel may have ended, and its time with it.
        busy = None if self._last is None else max(0.0, (cpu - self._last[1]) / (now - self._last[0]))
        self._last = (now, cpu)
        view.put("seat", {"cpu": busy, "memory": memory, **_limits(), "at": time.time()})

    def _measure(self) -> tuple[float, int]:
        """CPU seconds so far, and bytes now; pages that processes share count for each of them in part."""
        cpu, memory = 0.0, 0
        for process in self._processes():
            with suppress(psutil.Error):
                times, used = process.cpu_times(), process.memory_full_info()
                cpu += times.user + times.system
                memory += used.pss
        return cpu, memory

    def _processes(self) -> set[psutil.Process]:
        """The server, its kernels (forked ones are no children of it), and what they started."""
        found: set[psutil.Process] = set()
        for pid in (os.getpid(), *self._kernel_pids()):
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                found |= {process, *process.children(recursive=True)}
        return found

    def _kernel_pids(self) -> list[int]:
        kernels = (self._manager.get_kernel(kernel) for kernel in self._manager.list_kernel_ids())
        pids = (getattr(getattr(kernel, "provisioner", None), "pid", None) for kernel in kernels)
        return [pid for pid in pids if pid]


def _limits() -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, variable in (("cpu_limit", "CPU_LIMIT"), ("memory_limit", "MEM_LIMIT")):
        try:
            found[name] = float(os.environ[variable])
        except (KeyError, ValueError):
            found[name] = None
    return found
