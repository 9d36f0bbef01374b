"""Would it fit? What a class needs in a window beside what is promised then, and what would fit where it does not.

Pure functions of what is known: the page, the API and the command line ask the same one.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from hub.slurm.placing import NodePlan, Placement, Room
from hub.workshops.window import Window

SEATS_PER_DEVICE = 8
"""A device that parks serves this many people who read, think and fetch coffee between cells."""
SEARCHED_DAYS = 14
MEMORY = "seat memory"
"""No GPU class can be called so."""
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Booking:
    """What is promised to somebody in a window: memory of seats in bytes, devices of a class, or both."""

    title: str
    window: Window
    memory: int = 0
    gpu_class: str = ""
    devices: int = 0
    known_to: frozenset[str] | None = None
    """Who besides admins may know whose it is; None for everybody."""

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
    nodes: NodePlan | None = None
    """Where whole nodes are kept for classes, those of the cluster."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """What the cluster calls the devices of each class; empty for any."""


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
    seat_cpus: int = 1
    reservation: str = ""
    """What the cluster calls the nodes that are kept for it already."""

    @property
    def memory(self) -> int:
        """Bytes that all seats may use together."""
        return self.seats * self.seat_memory


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a class needs: `what` is MEMORY (bytes), or the GPU class of which it needs devices."""

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
    machine_memory: int
    """Bytes that there are."""
    placement: Placement | None = None
    """Which nodes it would have, where it gets whole ones."""

    @property
    def fits(self) -> bool:
        """Whether everything is there."""
        return all(need.fits for need in self.needs) and (self.placement is None or self.placement.fits)

    def seen_by(self, user: str) -> "Answer":
        """The same for somebody who is no admin: bookings of others have no title."""
        return replace(self, needs=tuple(_seen_by(need, user) for need in self.needs))


def _seen_by(need: Need, user: str) -> Need:
    taken = (one if one.known_to is None or user in one.known_to else replace(one, title="") for one in need.taken)
    return replace(need, taken=tuple(taken))


def enough_devices(seats: int) -> int:
    """Devices for a class in which not everybody computes at the same moment."""
    return math.ceil(seats / SEATS_PER_DEVICE)


def would_fit(wish: Wish, facility: Facility, now: float) -> Answer:
    """Whether `wish` fits beside all bookings; with what would fit, from `now` on, where it does not."""
    needs, placement = _needs(wish, facility), placed(wish, facility)
    fits = _fits(needs, placement)
    memory = needs[0]
    promised = memory.total - memory.free + memory.wanted
    return Answer(
        wish=wish,
        needs=needs,
        alternatives=() if fits else tuple(_alternatives(wish, facility, needs, placement, now)),
        is_tight=fits and promised > facility.machine_memory,
        machine_memory=facility.machine_memory,
        placement=placement,
    )


def placed(wish: Wish, facility: Facility) -> Placement | None:
    """The nodes for it; None where no nodes are kept for classes."""
    if facility.nodes is None:
        return None
    kind = facility.kinds.get(wish.gpu_class, "")
    room = Room(wish.seats, wish.seat_cpus, wish.seat_memory, wish.devices, kind)
    return facility.nodes.place(room, wish.window.start, wish.window.end, wish.reservation)


def _fits(needs: tuple[Need, ...], placement: Placement | None) -> bool:
    return all(need.fits for need in needs) and (placement is None or placement.fits)


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
    needs = [_need(MEMORY, wish.memory, facility.memory, facility, wish.window)]
    if wish.devices:
        total = facility.devices.get(wish.gpu_class, 0)
        needs.append(_need(wish.gpu_class, wish.devices, total, facility, wish.window))
    return tuple(needs)


def _need(what: str, wanted: int, total: int, facility: Facility, window: Window) -> Need:
    taken = [booking for booking in facility.bookings if booking.window.overlaps(window) and takes(booking, what)]
    free = max(0, total - peak(taken, window, lambda booking: takes(booking, what)))
    return Need(what, wanted, free, total, tuple(sorted(taken, key=lambda one: (one.window.start, one.title))))


def _alternatives(
    wish: Wish, facility: Facility, needs: tuple[Need, ...], placement: Placement | None, now: float
) -> Iterator[Alternative]:
    """Wishes that differ in one thing and fit; none where one thing is not enough."""

    def fits(other: Wish) -> bool:
        return _fits(_needs(other, facility), placed(other, facility))

    if seats := _most(wish.seats - 1, lambda count: fits(replace(wish, seats=count))):
        yield Alternative("seats", replace(wish, seats=seats))
    if devices := _most(wish.devices - 1, lambda count: fits(replace(wish, devices=count))):
        yield Alternative("devices", replace(wish, devices=devices))
    for name in wish.other_classes:
        other = replace(wish, gpu_class=name)
        if wish.devices and name != wish.gpu_class and fits(other):
            yield Alternative("gpu_class", other)
    for start in _starts(wish, facility, needs, placement, now):
        other = replace(wish, window=wish.window.from_(start))
        if fits(other):
            yield Alternative("start", other)
            return


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `limit` that fits, where less fits wherever more does; 0 where none does."""
    return bisect_left(range(1, limit + 1), True, key=lambda count: not fits(count))


def _starts(
    wish: Wish, facility: Facility, needs: tuple[Need, ...], placement: Placement | None, now: float
) -> Iterator[float]:
    """Moments at which something of what is short comes back, or from which on the class would be over before
    somebody takes it: nearest first. None where there is too little of it at any time.
    """
    short = [need for need in needs if not need.fits]
    if any(need.wanted > need.total for need in short) or (placement is not None and not placement.is_possible):
        return
    takers = [one for one in facility.bookings if any(takes(one, need.what) for need in short)]
    starts = {one.window.end for one in takers} | {one.window.start - wish.window.seconds for one in takers}
    if facility.nodes is not None and placement is not None and not placement.fits:
        starts.update(facility.nodes.moments(wish.window.seconds))
    asked = wish.window.start
    in_reach = [start for start in starts if start >= now and abs(start - asked) <= SEARCHED_DAYS * _DAY]
    yield from sorted(in_reach, key=lambda start: (abs(start - asked), start))


def takes(booking: Booking, what: str) -> int:
    """How much of `what` (as in `Need`) a booking takes."""
    return booking.memory if what == MEMORY else booking.devices_of(what)
