"""The two policies that leases are compared with: a GPU for each session, with and without culling.

Both have a strict queue: first come, first served, also when a smaller request behind would fit.
"""

from collections import deque
from collections.abc import Callable

from hub.simulate.replay import Clock, Person, Tally

CULL_AFTER = 1800.0


class Pool:
    """So many GPUs and a queue for them."""

    def __init__(self, gpus: int, clock: Clock, tally: Tally) -> None:
        self._free = gpus
        self._clock, self._tally = clock, tally
        self._queue: deque[tuple[Person, Callable[[], None]]] = deque()
        self._since: dict[Person, float] = {}

    def holds(self, person: Person) -> bool:
        """Whether the person has their GPUs."""
        return person in self._since

    def ask(self, person: Person, granted: Callable[[], None]) -> None:
        """Stand in the queue; `granted` is called when the person has their GPUs."""
        self._queue.append((person, granted))
        self._serve()

    def give_back(self, person: Person) -> None:
        """The person's GPUs are free again."""
        self._tally.held_seconds += (self._clock.now - self._since.pop(person)) * person.session.gpus
        self._free += person.session.gpus
        self._serve()

    def _serve(self) -> None:
        while self._queue and self._queue[0][0].session.gpus <= self._free:
            person, granted = self._queue.popleft()
            self._free -= person.session.gpus
            self._since[person] = self._clock.now
            granted()


class PerServer:
    """A session has its GPUs from its start to its end; without them it does not start."""

    def __init__(self, gpus: int, clock: Clock, tally: Tally) -> None:
        self._pool = Pool(gpus, clock, tally)

    def arrives(self, person: Person) -> None:
        self._pool.ask(person, person.begin)

    def wants(self, person: Person) -> None:
        person.run()

    def rests(self, person: Person) -> None:
        """Its GPUs stay its own."""

    def leaves(self, person: Person) -> None:
        self._pool.give_back(person)


class Culled:
    """After 30 idle minutes a session loses its GPUs and what was on them; its next cell asks again.

    Culling is shown at its best: GPUs are asked for by the first cell, not before, and to build up again what was
    lost takes no time. How often state is lost is counted.
    """

    def __init__(self, gpus: int, clock: Clock, tally: Tally) -> None:
        self._pool = Pool(gpus, clock, tally)
        self._clock, self._tally = clock, tally
        self._culled: set[Person] = set()

    def arrives(self, person: Person) -> None:
        person.begin()

    def wants(self, person: Person) -> None:
        if self._pool.holds(person):
            person.run()
            return
        if person in self._culled:
            self._tally.states_lost += 1
            self._culled.remove(person)
        self._pool.ask(person, person.run)

    def rests(self, person: Person) -> None:
        rested = self._clock.now
        self._clock.after(CULL_AFTER, lambda: self._cull(person, rested))

    def leaves(self, person: Person) -> None:
        if self._pool.holds(person):
            self._pool.give_back(person)

    def _cull(self, person: Person, rested: float) -> None:
        """Unless it has worked since."""
        if self._pool.holds(person) and person.idle_since == rested and not person.running:
            self._culled.add(person)
            self._pool.give_back(person)
