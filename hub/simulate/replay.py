"""People replay a trace on a virtual clock, closed loop: a cell that waits moves everything after it.

What a person thinks between two cells takes as long as in the trace, however long the cell before waited.
A policy says when a cell may run; the replay counts how long it waited.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from hub.simulate.trace import Session, Trace

EXACT = 1e-6
"""Seconds that rounding may make a wait longer."""


class Clock:
    """Virtual time: runs what was planned, in order of time, then of planning."""

    def __init__(self) -> None:
        self.now = 0.0
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def at(self, moment: float, do: Callable[[], None]) -> None:
        """Plan `do` for a moment (seconds), now at the earliest."""
        heapq.heappush(self._plans, (max(moment, self.now), next(self._numbers), do))

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Plan `do` for so many seconds from now."""
        self.at(self.now + seconds, do)

    def run(self) -> None:
        """Run until nothing is planned any more."""
        while self._plans:
            self.now, _number, do = heapq.heappop(self._plans)
            do()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a replay under one policy with so many GPUs."""

    gpus: int
    waits: tuple[float, ...]
    """Seconds that each cell waited."""
    held_hours: float
    """GPU-hours in which nobody else could have the GPU."""
    used_hours: float
    """GPU-hours inside cells."""
    parks: int = 0
    resumes: int = 0
    states_lost: int = 0
    """Cells that found the GPU state of the one before gone."""
    parked_bytes: int = 0
    """Host memory that parked kernels took together, at most."""

    def waited_over(self, seconds: float) -> int:
        """How many cells waited longer."""
        return sum(wait > seconds + EXACT for wait in self.waits)


@dataclass(slots=True)
class Tally:
    """Counts in the making."""

    waits: list[float] = field(default_factory=list)
    held_seconds: float = 0.0
    used_seconds: float = 0.0
    parks: int = 0
    resumes: int = 0
    states_lost: int = 0
    parked_bytes: int = 0

    def outcome(self, gpus: int) -> Outcome:
        """The counts as a value."""
        return Outcome(
            gpus,
            tuple(self.waits),
            self.held_seconds / 3600,
            self.used_seconds / 3600,
            self.parks,
            self.resumes,
            self.states_lost,
            self.parked_bytes,
        )


class Policy(Protocol):
    """Who gets a GPU when. Each method is called at the moment it happens; `person.run()` starts a cell."""

    def arrives(self, person: "Person") -> None:
        """A session starts; `person.begin()` lets it go on, now or later."""

    def wants(self, person: "Person") -> None:
        """A cell wants to run."""

    def rests(self, person: "Person") -> None:
        """A cell has ended."""

    def leaves(self, person: "Person") -> None:
        """The session is over."""


class Person:
    """Somebody who works through a session: thinks, runs a cell, thinks, … and leaves."""

    def __init__(self, session: Session, policy: Policy, clock: Clock, tally: Tally) -> None:
        self.session, self.waiting, self.running = session, False, False
        self._policy, self._clock, self._tally = policy, clock, tally
        self._next, self._since = 0, 0.0
        self._held_up = 0.0
        clock.at(session.start, self._arrive)

    @property
    def has_run(self) -> bool:
        """Whether any of its cells ran so far: before, there is nothing on a GPU to lose."""
        return self._next > 0

    @property
    def vram(self) -> int:
        """Bytes of device memory that its latest cell took."""
        return self.session.cells[self._next - 1].vram if self.has_run else 0

    @property
    def idle_since(self) -> float:
        """When its latest cell ended, or it arrived."""
        return self._since

    def _arrive(self) -> None:
        self._since = self._clock.now
        self._policy.arrives(self)

    def begin(self) -> None:
        """The session goes on; what it waited until now counts as its first cell's wait."""
        self._held_up, self._since = self._clock.now - self._since, self._clock.now
        self._clock.after(self.session.cells[0].start - self.session.start, self._want)

    def _want(self) -> None:
        self.waiting, self._since = True, self._clock.now
        self._policy.wants(self)

    def run(self) -> None:
        """The cell that waits starts."""
        cell = self.session.cells[self._next]
        self._tally.waits.append(self._clock.now - self._since + self._held_up)
        self._tally.used_seconds += cell.seconds * self.session.gpus
        self.waiting, self.running, self._held_up = False, True, 0.0
        self._next += 1
        self._clock.after(cell.seconds, self._rest)

    def _rest(self) -> None:
        self.running, self._since = False, self._clock.now
        self._policy.rests(self)
        cells, done = self.session.cells, self._next
        if done < len(cells):
            self._clock.after(cells[done].start - cells[done - 1].end, self._want)
        else:
            self._clock.after(self.session.end - cells[-1].end, lambda: self._policy.leaves(self))


PolicyMaker = Callable[[int, Clock, Tally], Policy]
"""Makes a policy for so many GPUs."""


def replay(trace: Trace, make_policy: PolicyMaker, gpus: int) -> Outcome:
    """What comes of the trace under a policy with so many GPUs; runs until everybody has left."""
    clock, tally = Clock(), Tally()
    policy = make_policy(gpus, clock, tally)
    people: Sequence[Person] = [Person(session, policy, clock, tally) for session in trace.sessions]
    clock.run()
    assert not any(person.waiting for person in people), "somebody waits for ever"
    assert len(tally.waits) == trace.cells
    return tally.outcome(gpus)
