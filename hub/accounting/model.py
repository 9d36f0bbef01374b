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
class Piece:
    """The part of one lease, or of one seat, on one day (UTC) and one device: nothing crosses a midnight."""

    id: str
    """The lease; `seat-` and a number for a seat."""
    day: int
    """Days since 1970-01-01."""
    device: str
    """Empty where none was had, or nobody knows any more which."""
    user: str
    programme: str
    gpu_class: str
    """Empty for a seat."""
    profile: str
    """Empty where it is not known."""
    notebook: str
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
    }
)
"""What flows evenly while a device or a seat is had; the others are events."""
