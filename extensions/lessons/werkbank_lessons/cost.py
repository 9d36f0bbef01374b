"""What a lesson cost: time and memory, measured; energy only where somebody measured it."""

from __future__ import annotations

import resource
import time

from .words import tr

_MIB = 1024**2


class Stopwatch:
    """Runs from its creation; `report` prints what the work since then cost."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def report(self, scale=None, energy_wh: float | None = None) -> None:
        """Print elapsed seconds, CPU seconds and peak memory of this kernel, memory of the workers, and energy.

        ``scale`` is the handle of `werkbank_lessons.cluster`. ``energy_wh`` is a measured amount in Wh for this
        session alone; a reading of the whole node is not that, so without one the line says "not reported".
        """
        print(tr("cost.seconds", wall=time.perf_counter() - self._wall, cpu=time.process_time() - self._cpu))
        print(tr("cost.kernel_memory", mib=_peak_memory() / _MIB))
        used = scale.worker_memory() if scale is not None else []
        if used:
            print(tr("cost.worker_memory", mib=sum(used) / _MIB, count=len(used)))
        print(tr("cost.energy", wh=energy_wh) if energy_wh is not None else tr("cost.energy_unknown"))


def _peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes (Linux counts ``ru_maxrss`` in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
