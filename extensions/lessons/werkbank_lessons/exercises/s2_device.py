"""Devices of lesson S2: a simulated one to practise measuring on, and the memory that work takes on a real one."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import psutil

_TICK = 0.001  # seconds between looks at the memory of this process


class SimulatedDevice:
    """A device that computes nothing and has a clock of its own, in seconds: its times are made up.

    Like a GPU it queues work: `work` returns after ``launch`` seconds, whatever the work takes, and `synchronise` waits
    until all is done. ``runs`` are the seconds that the first, second, … piece of work takes; the last one holds for
    all that follow. ``calls`` and ``looks`` count how often `work` and `clock` were called.
    """

    def __init__(self, runs: Sequence[float], launch: float = 1e-5) -> None:
        if not runs or min(runs) < 0:
            raise ValueError(f"runs is {runs!r}; give the seconds of one run or more, none below 0")
        self._runs, self._launch = list(runs), launch
        self._now = self._done = 0.0
        self.calls = self.looks = 0

    def clock(self) -> float:
        """What the device's own clock says."""
        self.looks += 1
        return self._now

    def work(self) -> None:
        """Put the next piece of work in the queue."""
        self._now += self._launch
        run = self._runs[min(self.calls, len(self._runs) - 1)]
        self._done = max(self._done, self._now) + run
        self.calls += 1

    def synchronise(self) -> None:
        """Wait until the queue is empty."""
        self._now = max(self._now, self._done)


class PeakMemory:
    """The most memory that a ``with`` block held beyond what was held before it: ``bytes``, afterwards.

    On a GPU torch counts each allocation; its own first use of a library there counts too. On a CPU it is the memory
    of the whole process, looked at a thousand times a second: of blocks of some tens of megabytes or more this is right
    to a few per cent, and smaller ones come out of what the process kept.
    """

    def __init__(self, device) -> None:
        self._on_gpu = device.type == "cuda"
        self.bytes = 0

    def __enter__(self) -> PeakMemory:
        if self._on_gpu:
            self._before = self._reset()
            return self
        self._process, self._over = psutil.Process(), threading.Event()
        self._before = self._most = self._process.memory_info().rss
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *exc_info) -> None:
        if self._on_gpu:
            import torch

            self.bytes = torch.cuda.max_memory_allocated() - self._before
            return
        self._over.set()
        self._watcher.join()
        self.bytes = self._most - self._before

    def _reset(self) -> int:
        import torch

        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()

    def _watch(self) -> None:
        while not self._over.wait(_TICK):
            self._most = max(self._most, self._process.memory_info().rss)
