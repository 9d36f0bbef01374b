"""The energy of a piece of work on the processor: read from a counter where there is one, else estimated, and always
saying which.
"""

from __future__ import annotations

import time
from pathlib import Path

from .words import tr

# An AMD EPYC 9654 is rated at 360 W for 96 cores. A rating is what the cooling must take away, not a meter.
WATTS_PER_CORE = 360 / 96

_COUNTERS = Path("/sys/class/powercap")
_MICROJOULES_PER_WH = 3.6e9
_JOULES_PER_WH = 3600.0


class Meter:
    """Measures the ``with`` block it stands around.

    Attributes afterwards: ``wh`` (Wh), ``seconds`` (on the clock), ``cpu_seconds`` (computed by this process),
    ``measured`` (whether ``wh`` comes from a counter of the processor). Counters tell of the *whole* processor, whoever
    uses it; the estimate is of this process alone: its CPU seconds times `WATTS_PER_CORE`, without memory, disks
    or worker processes.
    """

    def __init__(self, counters: Path = _COUNTERS) -> None:
        self._counters = _packages(counters)
        self.measured = bool(self._counters)
        self.wh = self.seconds = self.cpu_seconds = 0.0

    def __enter__(self) -> Meter:
        self._before = [_read(counter) for counter in self._counters]
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc_info) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu
        self.wh = self._counted() if self.measured else self.cpu_seconds * WATTS_PER_CORE / _JOULES_PER_WH

    def _counted(self) -> float:
        """Wh that the counters went up; they begin again at 0 after their largest value."""
        microjoules = 0
        for counter, before in zip(self._counters, self._before, strict=True):
            gone = _read(counter) - before
            microjoules += gone if gone >= 0 else gone + int((counter / "max_energy_range_uj").read_text())
        return microjoules / _MICROJOULES_PER_WH

    def sentence(self) -> str:
        """Which way this meter takes, in the learner's language."""
        return tr("energy.counter") if self.measured else tr("energy.estimate", watts=WATTS_PER_CORE)


def _packages(folder: Path) -> list[Path]:
    """The energy counters of whole processors that this user may read; most machines keep them from ordinary users."""
    found = []
    for counter in sorted(folder.glob("intel-rapl:[0-9]")):
        try:
            _read(counter)
        except (OSError, ValueError):
            return []
        found.append(counter)
    return found


def _read(counter: Path) -> int:
    return int((counter / "energy_uj").read_text())
