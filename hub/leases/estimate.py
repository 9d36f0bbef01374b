"""How long will it be? An estimate from what runs now and how long such things took lately.

Each device gets a time at which it will be free for the next; whoever stands n-th gets the n-th of them.
What is running is expected to take the median of what lately took at least as long; with nothing to compare,
as long again as it has already (Lindy's law: the median residual of a heavy tail grows with its age).
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.leases.events import Action, SaveLease, Transition
from hub.leases.model import ENDED, Device, DeviceState, Lease, LeaseState, Rules
from hub.leases.room import is_parkable
from hub.leases.state import State, Step

MOST_REMEMBERED = 500
FEW = 5
"""With fewer examples than this, Lindy's law says more."""
FRESH = 120.0
"""Seconds expected of what has only just begun."""
CLEANING_SECONDS = 2.0
FRESHNESS = 1.0
"""Seconds for which the times until devices are free are not worked out again."""
HANDOVER_SECONDS = 10.0


class Durations:
    """How long something took, the last few hundred times."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque()
        self._ordered: list[float] = []

    def add(self, seconds: float) -> None:
        """Remember one more."""
        seconds = max(0.0, seconds)
        self._latest.append(seconds)
        insort(self._ordered, seconds)
        if len(self._latest) > MOST_REMEMBERED:
            del self._ordered[bisect_left(self._ordered, self._latest.popleft())]

    def remaining(self, elapsed: float) -> float:
        """Seconds expected of one that has lasted `elapsed` seconds."""
        first = bisect_left(self._ordered, elapsed)
        return self._median(first) - elapsed if len(self._ordered) - first >= FEW else max(FRESH, elapsed)

    def typical(self, default: float) -> float:
        """The median; `default` with too few examples."""
        return self._median(0) if len(self._ordered) >= FEW else default

    def _median(self, first: int) -> float:
        """The median of those from the place `first` on."""
        low, high = first + (len(self._ordered) - first - 1) // 2, first + (len(self._ordered) - first) // 2
        return (self._ordered[low] + self._ordered[high]) / 2


@dataclass
class ClassHistory:
    """What was seen of one GPU class."""

    cells: Durations = field(default_factory=Durations)
    holds: Durations = field(default_factory=Durations)
    handovers: Durations = field(default_factory=Durations)


class Estimates:
    """Watches decisions; answers how long a waiting lease will wait."""

    def __init__(self) -> None:
        self._history: dict[str, ClassHistory] = {}
        self._busy_since: dict[str, float] = {}
        self._parking_since: dict[str, float] = {}
        self._promised: dict[str, tuple[float, float]] = {}
        self._frees: dict[str, tuple[float, list[float]]] = {}
        """By class: when it was worked out, and the times from then until each device is free, in order."""
        self.errors: Durations = Durations()
        """Seconds by which estimates were wrong, either way."""

    # --- learning ------------------------------------------------------------------------------

    def observe(self, state: State, actions: tuple[Action, ...]) -> list[float]:
        """Learn from decisions; returns the errors (waited − estimated, seconds) of those just served."""
        served: list[float] = []
        for action in actions:
            match action:
                case SaveLease(lease):
                    self._observe_cells(lease, state.now)
                case Transition():
                    served += self._observe_edge(action, state)
        return served

    def _observe_cells(self, lease: Lease, now: float) -> None:
        if lease.busy and lease.id not in self._busy_since:
            self._busy_since[lease.id] = now
        elif not lease.busy and (began := self._busy_since.pop(lease.id, None)) is not None:
            self.of(lease.gpu_class).cells.add(now - began)

    def _observe_edge(self, edge: Transition, state: State) -> Iterator[float]:
        lease = state.leases.get(edge.lease)
        gpu_class = lease.gpu_class if lease else ""
        if edge.after is LeaseState.PARKING:
            self._parking_since[edge.lease] = edge.at
        elif edge.after is LeaseState.PARKED and (began := self._parking_since.pop(edge.lease, None)):
            self.of(gpu_class).handovers.add(edge.at - began)
        if edge.before is LeaseState.QUEUED or edge.after is LeaseState.RESUMING or edge.after in ENDED:
            promise = self._promised.pop(edge.lease, None)
            if promise and edge.after in (LeaseState.OFFERED, LeaseState.RESUMING):
                error = (edge.at - promise[0]) - promise[1]
                self.errors.add(abs(error))
                yield error
        if edge.before is LeaseState.ACTIVE and lease is not None:
            self.of(gpu_class).holds.add(edge.at - lease.acquired)

    def of(self, gpu_class: str) -> ClassHistory:
        """What was seen of a class."""
        if (found := self._history.get(gpu_class)) is None:
            found = self._history[gpu_class] = ClassHistory()
        return found

    # --- saying --------------------------------------------------------------------------------

    def of_lease(self, state: State, lease: Lease, place: int) -> float:
        """Seconds until the lease at this place has a device. The first answer is remembered and later judged."""
        seconds = self._seconds(Step(state, state.now), lease, place)
        self._promised.setdefault(lease.id, (state.now, seconds))
        return seconds

    def of_nobody_yet(self, state: State, lease: Lease, place: int) -> float:
        """The same for a lease that nobody has asked for: nothing is remembered. Negative where nothing can be said."""
        return self._seconds(Step(state, state.now), lease, place)

    def for_next(self, state: State, gpu_class: str) -> float:
        """Seconds that somebody who asked now would wait."""
        step = Step(state, state.now)
        if step.free(gpu_class):
            return 0.0
        return self._nth(step, gpu_class, len(step.line(gpu_class)) + 1)

    def _seconds(self, step: Step, lease: Lease, place: int) -> float:
        if lease.state is LeaseState.PARKED and lease.home in step.devices:
            once = self._until_free(step, step.devices[lease.home])
            return once + (place - 1) * self._turn(step.rules, lease.gpu_class)
        return self._nth(step, lease.gpu_class, place)

    def _nth(self, step: Step, gpu_class: str, place: int) -> float:
        times = self._times(step, gpu_class)
        if not times:
            return -1.0
        rounds, nth = divmod(place - 1, len(times))
        return times[nth] + rounds * self._turn(step.rules, gpu_class)

    def _times(self, step: Step, gpu_class: str) -> list[float]:
        """Seconds until each device of a class is free, in order; worked out once a second for all who wait."""
        at, times = self._frees.get(gpu_class, (-math.inf, []))
        if not 0 <= step.now - at < FRESHNESS:
            serving = [device for device in step.class_devices(gpu_class) if device.visible and not device.draining]
            times = sorted(self._until_free(step, device) for device in serving)
            self._frees[gpu_class] = (step.now, times)
        return times

    def _turn(self, rules: Rules, gpu_class: str) -> float:
        """Seconds that a device stays with one lease before it goes to the next."""
        return self.of(gpu_class).holds.typical(rules.min_hold + rules.min_idle)

    def _until_free(self, step: Step, device: Device) -> float:
        lease = step.leases.get(device.lease) if device.lease else None
        if lease is None:
            return step.rules.clean_timeout if device.state is DeviceState.QUARANTINED else CLEANING_SECONDS
        handover = self.of(device.gpu_class).handovers.typical(HANDOVER_SECONDS)
        match lease.state:
            case LeaseState.NOTICE:
                return max(0.0, lease.ends_at - step.now) + handover
            case LeaseState.PARKING:
                return max(CLEANING_SECONDS, handover - (step.now - lease.since))
            case _ if is_parkable(step, lease):
                return self._until_parkable(step, lease) + step.rules.notice * lease.watched + handover
            case _:
                return self.of(device.gpu_class).holds.remaining(step.now - lease.acquired)

    def _until_parkable(self, step: Step, lease: Lease) -> float:
        rules, now = step.rules, step.now
        bounds = max(lease.acquired + rules.min_hold, lease.not_before, lease.kept_until) - now
        if lease.busy:
            elapsed = now - self._busy_since.get(lease.id, now)
            return max(bounds, self.of(lease.gpu_class).cells.remaining(elapsed) + rules.min_idle)
        return max(0.0, bounds, lease.idle_since + rules.min_idle - now)
