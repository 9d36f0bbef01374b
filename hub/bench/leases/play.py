"""Seats, devices and time around `decide`: a workplace in virtual time, every decision timed."""

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from random import Random

from hub.bench.leases.world import Size, devices, own_process, requests
from hub.errors import LeaseRefused
from hub.leases.events import (
    Action,
    Bound,
    Event,
    Heard,
    Intent,
    Kept,
    Listed,
    LookAt,
    Looked,
    Released,
    Reported,
    Requested,
    Ticked,
    Transition,
    Worked,
)
from hub.leases.machine import decide
from hub.leases.model import Lease, LeaseState, Rules
from hub.leases.state import State

START = 1_790_000_000.0
HEARTBEAT_PERIOD = 10
"""Seconds between heartbeats of one seat, as in the settings' default."""
LIST_PERIOD = 30
RELEASES_PER_SECOND = 2
CELL_CHANGES = 0.3
"""How often, at a heartbeat, a cell has just begun or ended."""
WANTS_BACK = 0.05
WATCHED = 0.6
SETTLING_SECONDS = 20
"""Seconds that are played before anything is timed."""
HELD_BEFORE = 700.0
"""Seconds that the first leases have had their devices by then: long enough that idle ones make room."""


class Play:
    """One workplace. `times` has the milliseconds of each decision by its kind, `cpu` those of this thread."""

    def __init__(
        self, size: Size, rules: Rules, seed: int, *, start: float = START, state: State | None = None
    ) -> None:
        self.size, self.random = size, Random(seed)  # noqa: S311  # the same day again
        self.state = state or State(rules)
        self.now = max(start, self.state.now)
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.cpu: defaultdict[str, list[float]] = defaultdict(list)
        self.actions: list[Action] = []
        """What the last decision asked for."""
        self._asks = requests(size, self.random)
        self._due: deque[tuple[str, Event]] = deque()
        self._seats: deque[str] = deque(sorted(self.state.leases))
        self._pid, self._pid_started = own_process()
        self._second = 0

    # --- one decision --------------------------------------------------------------------------

    def tell(self, kind: str, event: Event) -> None:
        """Decide, note how long that took, and remember what devices and seats will do about it.

        Raises LeaseRefused.
        """
        began, cpu = time.perf_counter(), time.thread_time()
        self.state, actions = decide(self.state, event, self.now)
        self.cpu[kind].append((time.thread_time() - cpu) * 1000)
        self.times[kind].append((time.perf_counter() - began) * 1000)
        self.actions += actions
        for action in actions:
            self._follow(action)

    def _follow(self, action: Action) -> None:
        match action:
            case LookAt(device):
                self._due.append(("look", Looked(device, clean=True)))
            case Intent(lease, epoch, act):
                self._due.append((act, Reported(lease, epoch, act, "done", "", 2**30, 1.0)))
            case Transition(lease, after=LeaseState.OFFERED):
                epoch = self.state.leases[lease].epoch
                self._due.append(("bound", Bound(lease, epoch, self._pid, self._pid_started)))

    def _obey(self) -> None:
        """Everything that seats and devices owe the broker; a lease may have gone on meanwhile."""
        while self._due:
            kind, event = self._due.popleft()
            try:
                self.tell(kind, event)
            except LeaseRefused:
                continue

    # --- a second ------------------------------------------------------------------------------

    def fill(self) -> None:
        """Devices, then requests until all devices are taken and as many wait as should."""
        self.tell("list", Listed(devices(self.size.devices)))
        self._obey()
        while self._waiting() < self.size.waiting or len(self._seats) < self.size.devices + self.size.waiting:
            self._ask()
            self._obey()
        for id in list(self._seats):
            self._beat(id, busy=self.random.random() < 0.6)

    def settle(self) -> None:
        """Play until queues, parked kernels and use look like those of a working day; forget the times."""
        self.now += HELD_BEFORE
        for id in list(self._seats):
            self._beat(id)
        self.seconds(SETTLING_SECONDS)
        self.times.clear()
        self.cpu.clear()
        self.actions.clear()

    def seconds(self, count: int) -> None:
        """Play so many seconds: every seat is heard, some give back, others ask, the broker ticks."""
        for _second in range(count):
            self._play_second()
            self.actions.clear()

    def _play_second(self) -> None:
        self._second += 1
        beats = max(1, len(self._seats) // HEARTBEAT_PERIOD)
        for _beat in range(beats):
            self.now += 1 / beats
            id = self._seats.popleft()
            if id in self.state.leases:
                self._seats.append(id)
                self._beat(id)
                self._obey()
        self._give_back()
        while self._waiting() < self.size.waiting:
            self._ask()
            self._obey()
        if self._second % LIST_PERIOD == 0:
            self.tell("list", Listed(devices(self.size.devices)))
        self.tell("tick", Ticked())
        self._obey()

    def _waiting(self) -> int:
        return sum(len(line) for line in self.state.lines.values())

    def _ask(self) -> None:
        """Somebody asks; whoever waits for as many as they may leaves it to the next."""
        for lease in self._asks:
            try:
                self.tell("request", Requested(lease))
            except LeaseRefused:
                continue
            self._seats.append(lease.id)
            return

    def _beat(self, id: str, *, busy: bool | None = None) -> None:
        lease = self.state.leases[id]
        has_changed = self.random.random() < (CELL_CHANGES if _runs(lease) else WANTS_BACK)
        runs = busy if busy is not None else lease.busy ^ has_changed
        wants = lease.wants or (lease.state is LeaseState.PARKED and has_changed)
        watched = self.random.random() < WATCHED
        heard = Heard(id, lease.epoch, busy=runs and _runs(lease), wants=wants, watched=watched)
        self.tell(_kind(lease, heard), heard)

    def _give_back(self) -> None:
        holders = list(self._holders())
        for lease in self.random.sample(holders, min(RELEASES_PER_SECOND, len(holders))):
            self.tell("release", Released(lease.id, "shutdown"))
            self._obey()
        if holders and (lease := self.random.choice(holders)).id in self.state.leases:
            self.tell("worked", Worked(lease.devices[0]))
            self._keep(lease)

    def _keep(self, lease: Lease) -> None:
        try:
            self.tell("keep", Kept(lease.id))
        except LeaseRefused:
            return

    def _holders(self) -> Iterator[Lease]:
        for uuid in self.state.of_class[next(iter(self.state.of_class))]:
            holder = self.state.devices[uuid].lease
            if holder and self.state.leases[holder].state is LeaseState.ACTIVE:
                yield self.state.leases[holder]


def _runs(lease: Lease) -> bool:
    return lease.state in (LeaseState.ACTIVE, LeaseState.NOTICE)


def _kind(lease: Lease, heard: Heard) -> str:
    if heard.wants and not lease.wants:
        return "wants back"
    if heard.busy != lease.busy and _runs(lease):
        return "cell starts" if heard.busy else "cell ends"
    return "heartbeat"
