"""Would it fit? What a class needs in a window beside what is promised then, and what would fit where it does not.

Pure functions of what is known: the page, the API and the command line ask the same one.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hub.workshops.window import Window

SEATS_PER_DEVICE = 8
"""A device that parks serves this many people who read, think and fetch coffee between cells."""
SEARCHED_DAYS = 14
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Booking:
    """What is promised to somebody in a window: memory of seats in bytes, devices of a class, or both."""

    title: str
    window: Window
    memory: int = 0
    gpu_class: str = ""
    devices: int = 0

    def devices_of(self, gpu_class: str) -> int:
        """How many devices of this class it takes."""
        return self.devices if self.gpu_class == gpu_class else 0


@dataclass(frozen=True, slots=True)
class Facility:
    """What there is to promise. `memory` may exceed `machine_memory`, where the site promises more than it has."""

    memory: int
    machine_memory: int
    devices: Mapping[str, int]
    """Devices in service, by class."""
    bookings: tuple[Booking, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a class asks for."""

    seats: int
    seat_memory: int
    """Bytes that a seat may use."""
    window: Window
    gpu_class: str = ""
    devices: int = 0
    other_classes: tuple[str, ...] = ()
    """GPU classes that would do as well."""

    @property
    def memory(self) -> int:
        """Bytes that all seats may use together."""
        return self.seats * self.seat_memory


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a class needs: `memory` (bytes), or devices of the class that `what` names."""

    what: str
    wanted: int
    free: int
    """What is left at the busiest moment of the window."""
    total: int
    taken: tuple[Booking, ...]
    """Who has the rest, in the order in which they begin."""

    @property
    def fits(self) -> bool:
        """Whether what is left is enough."""
        return self.wanted <= self.free


@dataclass(frozen=True, slots=True)
class Alternative:
    """The wish with one thing changed, so that it fits: fewer `seats`, fewer `devices`, another `gpu_class`, or
    another `start`.
    """

    changed: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it fits, why not, and what would."""

    wish: Wish
    needs: tuple[Need, ...]
    alternatives: tuple[Alternative, ...]
    is_tight: bool
    """It fits by promises, but not in the machine's memory should every seat use all of its own at once."""

    @property
    def fits(self) -> bool:
        """Whether everything is there."""
        return all(need.fits for need in self.needs)


def enough_devices(seats: int) -> int:
    """Devices for a class in which not everybody computes at the same moment."""
    return math.ceil(seats / SEATS_PER_DEVICE)


def would_fit(wish: Wish, facility: Facility, now: float) -> Answer:
    """Whether `wish` fits beside all bookings; with what would fit, from `now` on, where it does not."""
    needs = _needs(wish, facility)
    fits = all(need.fits for need in needs)
    memory = needs[0]
    promised = memory.total - memory.free + memory.wanted
    return Answer(
        wish=wish,
        needs=needs,
        alternatives=() if fits else tuple(_alternatives(wish, facility, needs, now)),
        is_tight=fits and promised > facility.machine_memory,
    )


def peak(bookings: Iterable[Booking], window: Window, amount: Callable[[Booking], int]) -> int:
    """The most that `bookings` take together at any moment of `window`."""
    changes = []
    for booking in bookings:
        if booking.window.overlaps(window) and (takes := amount(booking)):
            changes += [(max(booking.window.start, window.start), takes), (booking.window.end, -takes)]
    most = now = 0
    for _, change in sorted(changes):  # at the same moment, what ends goes before what begins
        now += change
        most = max(most, now)
    return most


def _needs(wish: Wish, facility: Facility) -> tuple[Need, ...]:
    """Memory first, then devices."""
    needs = [_need("memory", wish.memory, facility.memory, facility, wish.window, lambda booking: booking.memory)]
    if wish.devices:
        needs.append(_devices(wish, facility))
    return tuple(needs)


def _devices(wish: Wish, facility: Facility) -> Need:
    name = wish.gpu_class
    total = facility.devices.get(name, 0)
    return _need(name, wish.devices, total, facility, wish.window, lambda booking: booking.devices_of(name))


def _need(
    what: str, wanted: int, total: int, facility: Facility, window: Window, amount: Callable[[Booking], int]
) -> Need:
    taken = [booking for booking in facility.bookings if booking.window.overlaps(window) and amount(booking)]
    free = max(0, total - peak(taken, window, amount))
    return Need(what, wanted, free, total, tuple(sorted(taken, key=lambda one: (one.window.start, one.title))))


def _alternatives(wish: Wish, facility: Facility, needs: tuple[Need, ...], now: float) -> Iterator[Alternative]:
    """Wishes that differ in one thing and fit; none where one thing is not enough."""

    def fits(other: Wish) -> bool:
        return all(need.fits for need in _needs(other, facility))

    seats = needs[0].free // wish.seat_memory
    changed = []
    if 0 < seats < wish.seats:
        changed.append(Alternative("seats", replace(wish, seats=seats)))
    if len(needs) > 1 and 0 < needs[1].free < wish.devices:
        changed.append(Alternative("devices", replace(wish, devices=needs[1].free)))
    for name in wish.other_classes:
        if wish.devices and name != wish.gpu_class:
            changed.append(Alternative("gpu_class", replace(wish, gpu_class=name)))
    yield from (one for one in changed if fits(one.wish))
    for start in _starts(wish, facility, now):
        other = replace(wish, window=wish.window.from_(start))
        if fits(other):
            yield Alternative("start", other)
            return


def _starts(wish: Wish, facility: Facility, now: float) -> Iterator[float]:
    """Moments at which something ends, or from which on it would be over before something begins: nearest first."""
    asked = wish.window.start
    ends = {booking.window.end for booking in facility.bookings}
    before = {booking.window.start - wish.window.seconds for booking in facility.bookings}
    in_reach = [start for start in ends | before if start >= now and abs(start - asked) <= SEARCHED_DAYS * _DAY]
    yield from sorted(in_reach, key=lambda start: (abs(start - asked), start))
