"""Use as values. Sums are kept in seconds and millijoules; what was not measured is told by its own counter."""

from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

DAY = 86400.0
"""Seconds. Days begin at 00:00 UTC, as the weeks of quotas do."""
WAITS = {"within_1m": 60.0, "within_15m": 900.0, "within_1h": 3600.0}
"""Up to how many seconds a wait counts for each of these."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What can be added up. All is 0 where nothing was."""

    held_seconds: float = 0.0
    """Device-seconds held."""
    busy_seconds: float = 0.0
    """Of those, seconds in which a cell ran."""
    leases: int = 0
    """Leases, each counted once: on the day of its first device, or of its end where it got none."""
    unserved: int = 0
    """Of those, ended without ever having had a device."""
    waits: int = 0
    """Of those, leases of which it is known how long they waited for their first device."""
    wait_seconds: float = 0.0
    wait_longest: float = 0.0
    """The longest single wait; the larger of two, where others add."""
    within_1m: int = 0
    within_15m: int = 0
    within_1h: int = 0
    """Of `waits`, how many took at most so long."""
    energy_mj: float = 0.0
    """Energy of the devices while held, in millijoules, as far as it was measured."""
    measured_seconds: float = 0.0
    """Of `held_seconds`, for how many the energy was measured."""
    seat_seconds: float = 0.0
    """Seconds that seats ran."""
    cpu_seconds: float = 0.0
    """CPU seconds of seats, as far as they were measured."""
    cpu_measured_seconds: float = 0.0
    """Of `seat_seconds`, for how many CPU use was measured."""
    jobs: int = 0
    """Jobs of a cluster, each counted once: on the day that it began. Those of leases are not among them."""
    job_gpu_seconds: float = 0.0
    """Of `held_seconds`, those of jobs: nobody measures when these are busy."""
    core_seconds: float = 0.0
    """Core-seconds that jobs held."""
    job_energy_mj: float = 0.0
    """Energy of jobs in millijoules, as far as the cluster reports it: of nodes, and never added to that of GPUs."""
    job_energy_core_seconds: float = 0.0
    """Of `core_seconds`, those of jobs whose energy was reported."""

    def __add__(self, other: "Amounts") -> "Amounts":
        joined = map(_joined, NAMES, self.values(), other.values())
        return Amounts(*joined)  # type: ignore[arg-type]

    def values(self) -> tuple[float, ...]:
        """In the order of NAMES."""
        found: tuple[float, ...] = _values(self)
        return found


NAMES = tuple(field.name for field in fields(Amounts))
_values = attrgetter(*NAMES)
NOTHING = Amounts()


def _joined(name: str, one: float, other: float) -> float:
    return max(one, other) if name == "wait_longest" else one + other


@dataclass(frozen=True, slots=True)
class Holding:
    """A device and the time in which a lease had it, in Unix seconds."""

    device: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Energy of one lease on one device on one day."""

    device: str
    day: int
    mj: float
    seconds: float


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """What accounting needs to know of a lease."""

    id: str
    user: str
    programme: str
    gpu_class: str
    requested: float
    until: float
    """When it ended; for one that runs on, until when it is counted."""
    held_seconds: float
    busy_seconds: float
    profile: str = ""
    """Of its seat; empty where the record was shortened and nobody knows any more."""
    notebook: str = ""
    """What people call the kernel: its notebook's path, a cluster's name."""
    simulated: bool = False
    has_ended: bool = True


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What accounting needs to know of a job of a cluster that has begun. Times are Unix seconds."""

    id: str
    user: str
    programme: str
    name: str
    """Its owner's choice; empty for a seat."""
    gpu_class: str
    """Empty where it has no GPU, or one of a kind that is not known here."""
    gpus: int
    cores: int
    began: float
    until: float
    """When it ended; for one that runs, until when it is counted."""
    seconds: float
    """For how long it held them; without the time in which it was suspended."""
    energy_mj: float | None
    """None where the cluster reports none."""
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of one lease, seat or job on one day (UTC) and one device: nothing crosses a midnight."""

    id: str
    """The lease; `seat-` and a number for a seat, `job-`, its number and when it was submitted for a job."""
    day: int
    """Days since 1970-01-01."""
    device: str
    """Empty where none was had, or nobody knows any more which."""
    user: str
    programme: str
    gpu_class: str
    """Empty for a seat, and for a job without a GPU of a known kind."""
    profile: str
    """Empty where it is not known."""
    notebook: str
    """Of a job, its name."""
    lesson: str
    """The lesson's id, for notebooks of lessons."""
    simulated: bool
    start: float
    end: float
    """Between these moments of the day it was had, perhaps with pauses (Unix seconds)."""
    amounts: Amounts
    is_live: bool = False
    """It runs on, and is counted until now."""

    def within(self, start: float, end: float) -> "Piece | None":
        """Its part between two moments: amounts in proportion to time, counts of leases where it began there."""
        low, high = max(self.start, start), min(self.end, end)
        if high < low or (high == low and not self.start == self.end < end):
            return None
        share = (high - low) / (self.end - self.start) if self.end > self.start else 1.0
        return self if share == 1.0 else replace(self, start=low, end=high, amounts=self._part(share, low))

    def _part(self, share: float, low: float) -> Amounts:
        begins = low == self.start
        parts: dict[str, Any] = {}
        for name in NAMES:
            value = getattr(self.amounts, name)
            parts[name] = value * share if name in _FLOWS else value if begins else type(value)(0)
        return Amounts(**parts)


_FLOWS = frozenset(
    {
        *("held_seconds", "busy_seconds", "energy_mj", "measured_seconds"),
        *("seat_seconds", "cpu_seconds", "cpu_measured_seconds"),
        *("job_gpu_seconds", "core_seconds", "job_energy_mj", "job_energy_core_seconds"),
    }
)
"""What flows evenly while something is had; the others are events."""
