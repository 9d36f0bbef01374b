"""What a quota would have done to requests that were served: the same requests once more, under its bounds.

What it assumes, and says wherever it is shown: a request is held back, not lost; the order is as it was; whoever
starts later holds a GPU as long as they did. Bounds count as the broker's do: hours since Monday 00:00 UTC, and both
are looked at when somebody would get a GPU, so that nobody who has one loses it.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hub.leases.fairshare import WEEK, next_monday, week_of


@dataclass(frozen=True)
class Served:
    """A request that was served. Times are Unix seconds."""

    lease: str
    user: str
    got: float
    """When it first had its devices."""
    seconds: float
    """How long it held them, parked time left out."""
    count: int

    @property
    def hours(self) -> float:
        """Device-hours."""
        return self.seconds * self.count / 3600


@dataclass(frozen=True)
class Replayed:
    """The same request under the quota."""

    served: Served
    start: float | None
    """When it would have started; None when not before the end of the period."""

    @property
    def held_back(self) -> bool:
        return self.start != self.served.got

    @property
    def delay(self) -> float | None:
        """Seconds later than it was."""
        return None if self.start is None else self.start - self.served.got


@dataclass(frozen=True)
class Week:
    """One week of the period; the first and the last may lie in it in part."""

    start: float
    as_it_was: float
    """Device-hours held."""
    under_quota: float
    held_back: int
    """Requests of this week that would have started later, or not in the period."""
    hours_held_back: float
    """Device-hours of those."""


@dataclass(frozen=True)
class Person:
    """What it would have meant for one member."""

    user: str
    requests: int
    held_back: int
    not_served: int
    """Of those, how many would not have started before the end of the period."""
    hours: float
    """Device-hours of those held back."""
    longest: float
    """The longest delay in seconds, of those that would have started."""


class _Held:
    """What is held, hour by hour of the week, as requests start one after the other."""

    def __init__(self) -> None:
        self.running: list[tuple[float, float, int]] = []
        self.in_use = 0
        self._over: list[tuple[float, float, int]] = []

    def until(self, now: float) -> None:
        """Let go of what ends by `now`."""
        while self.running and self.running[0][0] <= now:
            ended = heapq.heappop(self.running)
            self.in_use -= ended[2]
            self._over.append(ended)
        monday = next_monday(now) - WEEK
        self._over = [one for one in self._over if one[0] > monday]

    def start(self, now: float, one: Served) -> None:
        heapq.heappush(self.running, (now + one.seconds, now, one.count))
        self.in_use += one.count

    def hours_this_week(self, now: float) -> float:
        monday = next_monday(now) - WEEK
        spans = ((min(end, now) - max(start, monday)) * count for end, start, count in (*self.running, *self._over))
        return sum(spans) / 3600


def replay(served: Iterable[Served], end: float, hours: float | None, gpus: int | None) -> list[Replayed]:
    """Each request under a quota of device-hours per week and devices at once, until `end` (Unix seconds)."""
    held, now, replayed = _Held(), -math.inf, []
    for one in sorted(served, key=lambda one: (one.got, one.lease)):
        now = _earliest(held, max(now, one.got), end, hours, gpus)
        if now < end:
            held.start(now, one)
        replayed.append(Replayed(one, now if now < end else None))
    return replayed


def _earliest(held: _Held, now: float, end: float, hours: float | None, gpus: int | None) -> float:
    """When the next request may start, `now` or later; `end` or later when it may not before."""
    while now < end:
        held.until(now)
        if gpus is not None and held.in_use >= gpus:
            now = held.running[0][0] if held.running else math.inf
        elif hours is not None and held.hours_this_week(now) >= hours:
            now = next_monday(now)
        else:
            break
    return now


def weeks(replayed: Sequence[Replayed], start: float, end: float) -> list[Week]:
    """The period week by week."""
    found = []
    for number in range(week_of(start), week_of(end - 1) + 1):
        monday = next_monday(number * WEEK + 4 * 86400) - WEEK
        low, high = max(start, monday), min(end, monday + WEEK)
        late = [one.served for one in replayed if one.held_back and low <= one.served.got < high]
        was = sum(_within(one.served.got, one.served, low, high) for one in replayed)
        under = sum(_within(one.start, one.served, low, high) for one in replayed if one.start is not None)
        found.append(Week(low, was, under, len(late), sum(one.hours for one in late)))
    return found


def _within(begins: float, one: Served, low: float, high: float) -> float:
    """Device-hours that lie between two moments."""
    return max(0.0, min(begins + one.seconds, high) - max(begins, low)) * one.count / 3600


def people(replayed: Sequence[Replayed]) -> list[Person]:
    """Member by member, those with most hours held back first."""
    found = [_person(user, [one for one in replayed if one.served.user == user]) for user in _users(replayed)]
    return sorted(found, key=lambda one: (-one.hours, one.user))


def _users(replayed: Sequence[Replayed]) -> Iterator[str]:
    yield from sorted({one.served.user for one in replayed})


def _person(user: str, mine: Sequence[Replayed]) -> Person:
    late = [one for one in mine if one.held_back]
    return Person(
        user=user,
        requests=len(mine),
        held_back=len(late),
        not_served=sum(one.start is None for one in late),
        hours=sum(one.served.hours for one in late),
        longest=max((one.delay or 0.0 for one in late), default=0.0),
    )
