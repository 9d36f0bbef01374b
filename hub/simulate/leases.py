"""Leases with parking: every decision is the broker's own, `hub.leases.machine.decide`, with its rules.

Here are only the seats and devices around it: a kernel asks for its lease when it starts, takes what it is
offered at once, says when a cell starts and ends, parks and resumes when told to. Bringing a GPU from one
kernel to another takes `handover` seconds: half to park the one, half to resume the other.

The broker looks at the time in ticks. Ticks come on a grid of `tick` seconds, and only while somebody waits and
a timer of some lease (idle long enough, held long enough, notice over …) has run out since the tick before,
or after `SLOW_TICK` seconds. Without anybody waiting nothing is decided but what somebody has used. A tick later
than the timer lengthens a wait by less than `tick` at each step: giving notice, and parking when it is over.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hub.leases.events import (
    Action,
    Bound,
    Event,
    Heard,
    Intent,
    LookAt,
    Looked,
    Released,
    Reported,
    Requested,
    Ticked,
    Transition,
)
from hub.leases.machine import decide
from hub.leases.model import ENDED, OCCUPYING, Device, DeviceState, Kind, Lease, LeaseState, Rules
from hub.leases.state import State, restored
from hub.simulate.replay import Clock, Person, PolicyMaker, Tally

EPOCH = 1_800_000_000.0
"""The trace's second 0 (Unix seconds)."""
GPU = "simulated"
SLOW_TICK = 300.0
NEVER = 1e12


@dataclass(frozen=True, slots=True)
class Seats:
    """How seats and devices around the broker behave; seconds."""

    handover: float = 30.0
    tick: float = 5.0
    watched_for: float = 3600.0
    """A browser is connected until so long after the latest cell."""
    asks_at_start: bool = True
    """A kernel asks for its lease when it starts; otherwise when its first GPU cell does."""
    restarts_after: float = math.inf
    """A user whose parked kernel waits so long for its own GPU restarts it, to have any, and loses its state; not
    while that GPU is being freed.
    """


def leases(rules: Rules, seats: Seats, gpus_per_session: int = 1) -> PolicyMaker:
    """The policy with these rules. A session belongs to a user of its own, who may have its GPUs at least."""
    most = max(rules.devices_per_user, gpus_per_session)
    # Seats here never fall silent; without heartbeats the broker must not think so.
    rules = replace(rules, devices_per_user=most, silent_after=NEVER, lost_after=NEVER)
    return lambda gpus, clock, tally: Leased(rules, seats, gpus, clock, tally)


class Leased:
    """One replay of leases."""

    def __init__(self, rules: Rules, seats: Seats, gpus: int, clock: Clock, tally: Tally) -> None:
        self._rules, self._seats, self._clock, self._tally = rules, seats, clock, tally
        devices = [Device(f"GPU-{i}", GPU, i, simulated=True, state=DeviceState.FREE) for i in range(gpus)]
        self._state: State = restored(rules, (), devices, {}, (), EPOCH)
        self._people: dict[str, Person] = {}
        self._asked: dict[str, int] = {}
        """How many leases each session has asked for so far."""
        self._held_since: dict[str, float] = {}
        self._parked: dict[str, int] = {}
        self._next_tick = math.inf

    # --- what people do -----------------------------------------------------------------------

    def arrives(self, person: Person) -> None:
        if self._seats.asks_at_start:
            self._request(person)
        person.begin()

    def wants(self, person: Person) -> None:
        if (lease := self._lease(person)) is not None and lease.state is LeaseState.PARKED:
            self._look_at_the_time()  # it may have been parked for too long by now
        if (lease := self._lease(person)) is not None:
            self._say(person, lease)
        else:
            self._tally.states_lost += person.has_run
            self._request(person)

    def rests(self, person: Person) -> None:
        if lease := self._lease(person):
            self._say(person, lease)

    def leaves(self, person: Person) -> None:
        if lease := self._lease(person):
            self._decide(Released(lease.id, "seat-ended"))

    def _request(self, person: Person) -> None:
        name = person.session.name
        self._asked[name] = self._asked.get(name, 0) + 1
        id = f"{name}#{self._asked[name]}"
        self._people[id] = person
        now = EPOCH + self._clock.now
        asked = Lease(
            id, name, "", frozenset(), GPU, person.session.gpus, Kind.INTERACTIVE, name, "", gated=True, requested=now
        )
        self._decide(Requested(asked))

    def _lease(self, person: Person) -> Lease | None:
        name = person.session.name
        return self._state.leases.get(f"{name}#{self._asked.get(name, 0)}")

    # --- what seats say and do ------------------------------------------------------------------

    def _say(self, person: Person, lease: Lease) -> None:
        """A heartbeat, out of turn because something changed; then the cell runs if its kernel has a device."""
        if lease.state in (LeaseState.ACTIVE, LeaseState.NOTICE) and person.waiting:
            person.run()
        watched = self._clock.now - person.idle_since <= self._seats.watched_for
        self._decide(Heard(lease.id, lease.epoch, person.running, person.waiting, watched or person.running))
        if lease.state is LeaseState.PARKED and self._seats.restarts_after < math.inf:
            self._clock.after(self._seats.restarts_after, lambda: self._restart(person, lease.id))

    def _restart(self, person: Person, id: str) -> None:
        """The user gives up the state of a kernel that still waits for its GPU."""
        lease = self._state.leases.get(id)
        if lease is None or lease.state is not LeaseState.PARKED or not person.waiting:
            return
        if not lease.home:
            return  # it can have any GPU: a restart would gain nothing
        holder = self._state.leases.get(self._state.devices[lease.home].lease or "")
        if holder is None or holder.state in (LeaseState.NOTICE, LeaseState.PARKING):
            self._clock.after(self._seats.tick, lambda: self._restart(person, id))
            return
        self._tally.states_lost += person.has_run
        self._decide(Bound(id, lease.epoch, lease.pid + 1, pid_started=id))

    def _do(self, action: Action) -> None:
        match action:
            case LookAt():
                self._clock.after(0, lambda: self._decide(Looked(action.device, clean=True)))
            case Intent():
                self._clock.after(self._half(action), lambda: self._done(action))
            case Transition():
                self._moved(action)

    def _done(self, order: Intent) -> None:
        lease = self._state.leases.get(order.lease)
        if lease is None or lease.epoch != order.epoch:
            return  # it ended meanwhile
        self._tally.parks += order.act == "park"
        self._tally.resumes += order.act == "resume"
        size = self._people[order.lease].vram
        movable = not self._people[order.lease].has_run
        done = Reported(
            order.lease, order.epoch, order.act, "done", bytes=size, seconds=self._half(order), movable=movable
        )
        self._decide(done)

    def _half(self, order: Intent) -> float:
        """Seconds that parking or resuming takes: half of a hand-over, and nothing where nothing is on the device."""
        return self._seats.handover / 2 if self._people[order.lease].has_run else 0.0

    def _moved(self, moved: Transition) -> None:
        self._count(moved)
        if moved.after is LeaseState.OFFERED:
            self._clock.after(0, lambda: self._bind(moved.lease))
        elif moved.after in (LeaseState.ACTIVE, LeaseState.PARKED, LeaseState.EXPIRED):
            self._clock.after(0, lambda: self._speak(moved.lease))

    def _bind(self, id: str) -> None:
        lease = self._state.leases.get(id)
        if lease is not None and lease.state is LeaseState.OFFERED:
            self._decide(Bound(id, lease.epoch, pid=1, pid_started=id))

    def _speak(self, id: str) -> None:
        """A cell may have come while the lease was on its way."""
        person = self._people[id]
        if person.waiting:
            self.wants(person)

    def _count(self, moved: Transition) -> None:
        """GPU time held, and host memory of parked kernels."""
        occupies = moved.after in OCCUPYING
        if occupies and moved.lease not in self._held_since:
            self._held_since[moved.lease] = self._clock.now
        elif not occupies and (since := self._held_since.pop(moved.lease, None)) is not None:
            self._tally.held_seconds += (self._clock.now - since) * self._people[moved.lease].session.gpus
        if moved.after is LeaseState.PARKED:
            self._parked[moved.lease] = self._people[moved.lease].vram
            self._tally.parked_bytes = max(self._tally.parked_bytes, sum(self._parked.values()))
        elif moved.after is LeaseState.ACTIVE or moved.after in ENDED:
            self._parked.pop(moved.lease, None)

    # --- the broker ---------------------------------------------------------------------------------

    def _decide(self, event: Event) -> None:
        self._state, actions = decide(self._state, event, EPOCH + self._clock.now)
        for action in actions:
            self._do(action)
        if self._somebody_waits():
            self._tick_by(self._clock.now)

    def _somebody_waits(self) -> bool:
        return any(len(line) for line in self._state.lines.values())

    def _tick_by(self, moment: float) -> None:
        """Plan a tick for the first moment of the grid from then on and after now, unless one comes before."""
        grid, now = self._seats.tick, self._clock.now
        at = max(math.ceil(moment / grid), math.floor(now / grid) + 1) * grid
        if at < self._next_tick:
            self._next_tick = at
            self._clock.at(at, lambda: self._tick(at))

    def _tick(self, planned: float) -> None:
        if planned != self._next_tick:
            return  # another one came before
        self._next_tick = math.inf
        something_moved = self._look_at_the_time()
        if self._somebody_waits():
            later = min(self._next_timer(), self._clock.now + SLOW_TICK)
            self._tick_by(self._clock.now if something_moved else later)

    def _look_at_the_time(self) -> bool:
        """Tell the broker, until nothing is due; whether it did anything but count use."""
        now, moved = EPOCH + self._clock.now, False
        while True:
            self._state, actions = decide(self._state, Ticked(), now)
            for action in actions:
                self._do(action)
            moved |= any(isinstance(action, Transition) for action in actions)
            if not self._state.is_late(now):
                return moved

    def _next_timer(self) -> float:
        """When the next timer of any lease runs out (seconds of the trace)."""
        now = EPOCH + self._clock.now
        timers = (moment for lease in self._state.leases.values() for moment in _timers(lease, self._rules))
        return min((moment for moment in timers if moment > now), default=math.inf) - EPOCH


def _timers(lease: Lease, rules: Rules) -> Iterator[float]:
    """Moments from which something may be decided about a lease that was not before (Unix seconds)."""
    yield lease.ends_at
    if lease.is_waiting:
        yield lease.queued_at + rules.patience
        yield lease.queued_at + rules.ageing_bound
    if lease.state is LeaseState.ACTIVE and not lease.busy:
        yield lease.acquired + rules.min_hold
        yield lease.not_before
        yield lease.kept_until
        for least_idle in (rules.min_idle, rules.min_idle_crowded, rules.spare_lighter_user_for, rules.idle_life):
            yield lease.idle_since + least_idle
