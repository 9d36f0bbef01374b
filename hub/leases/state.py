"""Everything the broker knows at one moment, and one decision's work on it."""

# rpds' types cannot be subscripted at run time.
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rpds import HashTrieMap

from hub.leases.events import Action, SaveDevice, SaveLease, SaveUse, Transition
from hub.leases.fairshare import Use, weighed
from hub.leases.line import Entry, Line
from hub.leases.model import ENDED, OCCUPYING, Device, DeviceState, Kind, Lease, LeaseState, Rank, Reservation, Rules
from hub.leases.ordered import OrderedSet

NOBODY = Use()
CHARGE_PERIOD = 30.0
"""Seconds of holding that are charged at once; in between, the queue's order stands still."""


@dataclass(frozen=True, slots=True)
class State:
    """A value: decisions make new ones and share what did not change. Only live leases are in it."""

    rules: Rules = field(default_factory=Rules)
    now: float = 0.0
    """The latest time a decision was made for; it never goes back."""
    leases: HashTrieMap[str, Lease] = field(default_factory=HashTrieMap)
    devices: HashTrieMap[str, Device] = field(default_factory=HashTrieMap)
    use: HashTrieMap[tuple[str, str], Use] = field(default_factory=HashTrieMap)
    """By ("user" or "programme", name)."""
    reservations: HashTrieMap[str, Reservation] = field(default_factory=HashTrieMap)
    open: frozenset[str] = frozenset()
    """Reservations whose window has opened; only time passing changes it, so that lines change with it."""
    # What follows is derived from the above, kept so that a decision need not look at everything.
    lines: HashTrieMap[str, Line] = field(default_factory=HashTrieMap)
    """By GPU class."""
    of_user: HashTrieMap[str, frozenset[str]] = field(default_factory=HashTrieMap)
    """Leases by user."""
    of_class: HashTrieMap[str, tuple[str, ...]] = field(default_factory=HashTrieMap)
    """Devices by GPU class, in the order of their number."""
    programme_devices: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    """Devices occupied by each programme."""
    homes: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    """Parked kernels by the device they return to."""
    deadlines: OrderedSet[tuple[float, str]] = field(default_factory=OrderedSet)
    """When to look at a lease again, at the latest. May be early: then a later one is set."""
    due: HashTrieMap[str, float] = field(default_factory=HashTrieMap)
    """The deadline of each lease."""

    def is_late(self, now: float) -> bool:
        """Whether a lease should be looked at again by now."""
        return bool(len(self.deadlines)) and self.deadlines.first()[0] <= now


class Step:
    """One decision in the making: starts from a state, collects actions, ends in a new state."""

    def __init__(self, state: State, now: float) -> None:
        self.rules = state.rules
        self.now = max(now, state.now)
        self._base = state
        self.leases, self.devices, self.use = state.leases, state.devices, state.use
        self.reservations, self.open, self.lines = state.reservations, state.open, state.lines
        self.of_user, self.of_class = state.of_user, state.of_class
        self.programme_devices, self.homes = state.programme_devices, state.homes
        self.deadlines, self.due = state.deadlines, state.due
        self.touched: set[str] = set()
        """GPU classes in which somebody may now be given a device."""
        self._changed_leases: dict[str, Lease] = {}
        self._changed_devices: dict[str, Device] = {}
        self._changed_use: dict[tuple[str, str], Use] = {}
        self._actions: list[Action] = []

    def finish(self) -> tuple[State, tuple[Action, ...]]:
        """The new state, and what is to be saved and done."""
        names = set(State.__slots__)
        state = replace(self._base, **{name: getattr(self, name) for name in names})
        changed = self._changed_leases.values()
        saves: list[Action] = [SaveLease(lease) for lease in changed if self._is_worth_saving(lease)]
        saves += [SaveDevice(device) for device in self._changed_devices.values()]
        saves += [SaveUse(kind, name, use) for (kind, name), use in self._changed_use.items()]
        return state, (*saves, *self._actions)

    def _is_worth_saving(self, lease: Lease) -> bool:
        """Heartbeats and outlooks alone are not written down: after an outage they are old anyway."""
        old = self._base.leases.get(lease.id)
        if old is None:
            return True
        heard = {name: getattr(lease, name) for name in ("heard", "silent", "watched", "outlook")}
        return lease != replace(old, **heard)

    def ask(self, action: Action) -> None:
        """Add an action."""
        self._actions.append(action)

    # --- leases --------------------------------------------------------------------------------

    def move(self, lease: Lease, state: LeaseState, why: str, **changes: Any) -> Lease:
        """One edge: the lease enters `state`, logged with its reason."""
        self.ask(Transition(lease.id, lease.state, state, why, self.now))
        return self.put(replace(lease, state=state, since=self.now, **{"ends_at": 0.0, **changes}))

    def change(self, lease: Lease, **changes: Any) -> Lease:
        """Change what is not its state."""
        return self.put(replace(lease, **changes))

    def put(self, lease: Lease) -> Lease:
        """Put a lease in place of the one with its id; everything derived follows."""
        old = self.leases.get(lease.id)
        self._changed_leases[lease.id] = lease
        if lease.state in ENDED:
            self.leases = self.leases.remove(lease.id) if old else self.leases
            self.of_user = _without(self.of_user, lease.user, lease.id)
            self._forget_deadline(lease.id)
        else:
            self.leases = self.leases.insert(lease.id, lease)
            if old is None:
                mine = self.of_user.get(lease.user) or frozenset()
                self.of_user = self.of_user.insert(lease.user, mine | {lease.id})
        self._count(old, lease)
        self.file(lease)
        if occupied(old) != occupied(lease):
            self._occupation_changed(lease)
        return lease

    def _occupation_changed(self, lease: Lease) -> None:
        """A cap of its user may bind now or bind no longer, and a reservation may be used up or not."""
        for other in self.leases_of(lease.user):
            self.file(other)
        if any(reservation.is_for(lease) for reservation in self.reservations_now(lease.gpu_class)):
            for id in sorted(self.line(lease.gpu_class).entries):
                self.file(self.leases[id])

    def leases_of(self, user: str) -> list[Lease]:
        """A user's live leases."""
        return [self.leases[id] for id in sorted(self.of_user.get(user) or ())]

    def occupied_by(self, user: str) -> int:
        """Devices that a user's leases occupy."""
        return sum(occupied(lease) for lease in self.leases_of(user))

    def _count(self, old: Lease | None, new: Lease) -> None:
        if difference := occupied(new) - occupied(old):
            held = (self.programme_devices.get(new.programme) or 0) + difference
            self.programme_devices = self.programme_devices.insert(new.programme, held)
            if new.programme in self.rules.programme_devices:
                self.touched.update(self.lines)
        before, after = _home(old), _home(new)
        if before != after:
            for home, step in ((before, -1), (after, 1)):
                if home:
                    self.homes = self.homes.insert(home, (self.homes.get(home) or 0) + step)

    # --- the line ------------------------------------------------------------------------------

    def line(self, gpu_class: str) -> Line:
        """The waiting line of a class."""
        return self.lines.get(gpu_class) or Line()

    def file(self, lease: Lease) -> None:
        """Put a lease where it belongs in its line, or out of it."""
        line = self.line(lease.gpu_class)
        standing, due = line.entries.get(lease.id), self.entry(lease)
        if standing != due:
            line = line.joined(due) if due else line.left(lease.id)
            self.touched.add(lease.gpu_class)
            self.lines = self.lines.insert(lease.gpu_class, line)

    def entry(self, lease: Lease) -> Entry | None:
        """Where a lease belongs in its line; None when it has no place there."""
        if lease.id not in self.leases or not lease.is_waiting or self.is_capped(lease):
            return None
        level = (self.use.get(("user", lease.user)) or NOBODY).level
        rank = self.rank(lease)
        home = lease.home if rank is Rank.RETURNING else ""
        return Entry(rank, lease.programme, level, lease.user, lease.queued_at, lease.id, home)

    def is_capped(self, lease: Lease) -> bool:
        """Whether its user occupies too many devices for it to be served now."""
        others = sum(occupied(other) for other in self.leases_of(lease.user) if other.id != lease.id)
        return others + lease.count > self.rules.devices_of(lease.user)

    def rank(self, lease: Lease) -> Rank:
        """The class of the queue it waits in."""
        if lease.state is LeaseState.PARKED:
            return Rank.RETURNING
        mine = (r for r in self.reservations_now(lease.gpu_class) if r.is_for(lease))
        if any(self.reservation_left(reservation) > 0 for reservation in mine):
            return Rank.RESERVED
        return Rank.INTERACTIVE if lease.kind is Kind.INTERACTIVE else Rank.UNATTENDED

    def reservations_now(self, gpu_class: str) -> list[Reservation]:
        """Reservations of the class whose window is open."""
        found = (self.reservations[id] for id in sorted(self.open))
        return [reservation for reservation in found if reservation.gpu_class == gpu_class]

    def reservation_left(self, reservation: Reservation) -> int:
        """Devices of a reservation that its members do not have yet."""
        names = {device.lease for device in self.class_devices(reservation.gpu_class) if device.lease}
        holders = (self.leases[id] for id in names if id in self.leases)
        # The lease says, not the device: within one decision devices follow their lease.
        held = sum(occupied(lease) for lease in holders if reservation.is_for(lease))
        return max(0, reservation.count - held)

    def programmes_in_order(self, line: Line, rank: Rank) -> list[str]:
        """Programmes with somebody waiting that may have more now; the one furthest below its share first.

        What was reserved for people they have whatever their programme has used.
        """
        waiting = line.programmes_waiting()
        may = waiting if rank is Rank.RESERVED else filter(self.may_have_more, waiting)
        return sorted(may, key=self._programme_key)

    def _programme_key(self, programme: str) -> tuple[float, str]:
        use = self.use.get(("programme", programme)) or NOBODY
        return weighed(use, self.rules.shares.get(programme, 1.0)), programme

    def level(self, lease: Lease) -> tuple[float, float]:
        """How much its programme, then its user, have used: who is lower goes first."""
        return self._programme_key(lease.programme)[0], (self.use.get(("user", lease.user)) or NOBODY).level

    def may_have_more(self, programme: str) -> bool:
        """Whether the programme is under its own bounds."""
        return self.programme_bound(programme) == ""

    def bound_of(self, lease: Lease) -> str:
        """Which bound of its programme holds a lease back, or none: none does in a reservation of its user's."""
        if any(reservation.is_for(lease) for reservation in self.reservations_now(lease.gpu_class)):
            return ""
        return self.programme_bound(lease.programme)

    def programme_bound(self, programme: str) -> str:
        """Which bound of a programme is reached: "programme-devices", "programme-hours" or none."""
        most = self.rules.programme_devices.get(programme)
        if most is not None and (self.programme_devices.get(programme) or 0) >= most:
            return "programme-devices"
        hours = self.rules.programme_hours.get(programme)
        used = (self.use.get(("programme", programme)) or NOBODY).hours_this_week(self.now)
        return "programme-hours" if hours is not None and used >= hours else ""

    # --- devices -------------------------------------------------------------------------------

    def put_device(self, device: Device) -> Device:
        """Put a device in place of the one with its UUID."""
        if device.uuid not in self.devices:
            uuids = {*(self.of_class.get(device.gpu_class) or ()), device.uuid}
            known = {**{uuid: self.devices[uuid] for uuid in uuids if uuid in self.devices}, device.uuid: device}
            ordered = tuple(sorted(uuids, key=lambda uuid: (known[uuid].index, uuid)))
            self.of_class = self.of_class.insert(device.gpu_class, ordered)
        self.devices = self.devices.insert(device.uuid, device)
        if is_grantable(device):
            self.touched.add(device.gpu_class)
        self._changed_devices[device.uuid] = device
        return device

    def devices_to(self, uuids: tuple[str, ...], state: DeviceState, lease: str | None) -> None:
        """Devices enter `state`, for a lease or for nobody."""
        for uuid in uuids:
            self.put_device(replace(self.devices[uuid], state=state, lease=lease, since=self.now))

    def all_devices(self) -> list[Device]:
        """All known devices, in a fixed order: rpds' maps have none, and a decision must not depend on it."""
        return [self.devices[uuid] for gpu_class in sorted(self.of_class) for uuid in self.of_class[gpu_class]]

    def class_devices(self, gpu_class: str) -> Iterator[Device]:
        """All known devices of a class."""
        return (self.devices[uuid] for uuid in self.of_class.get(gpu_class) or ())

    def is_uniform(self, gpu_class: str) -> bool:
        """Whether all devices of a class are of one model and size."""
        return len({(device.model, device.memory) for device in self.class_devices(gpu_class)}) == 1

    def free(self, gpu_class: str) -> list[Device]:
        """Devices that can be given now; first those that no parked kernel wants back."""
        found = [d for d in self.class_devices(gpu_class) if is_grantable(d)]
        return sorted(found, key=lambda d: (self.homes.get(d.uuid) or 0, d.index))

    # --- use -----------------------------------------------------------------------------------

    def charge(self, lease: Lease) -> Lease:
        """Count what the lease has held since it was last charged."""
        seconds = max(0.0, self.now - lease.charged) * occupied(lease) if lease.acquired else 0.0
        if seconds <= 0:
            return replace(lease, charged=self.now)
        self._charge("programme", lease.programme, seconds, self.rules.programme_half_life)
        self._charge("user", lease.user, seconds, self.rules.user_half_life)
        busy = lease.busy_seconds + (seconds if lease.busy else 0.0)
        charged = replace(lease, charged=self.now, held_seconds=lease.held_seconds + seconds, busy_seconds=busy)
        self.put(charged)
        for other in self.leases_of(lease.user):
            self.file(other)
        return charged

    def _charge(self, kind: str, name: str, seconds: float, half_life: float) -> None:
        use = (self.use.get((kind, name)) or NOBODY).charged(seconds, self.now, half_life)
        self.use = self.use.insert((kind, name), use)
        self._changed_use[kind, name] = use

    # --- deadlines -----------------------------------------------------------------------------

    def wake(self, lease: Lease, at: float) -> None:
        """Look at the lease at `at`, or earlier if that was already planned."""
        if (due := self.due.get(lease.id)) is not None and due <= at:
            return
        self._forget_deadline(lease.id)
        self.due = self.due.insert(lease.id, at)
        self.deadlines = self.deadlines.insert((at, lease.id))

    def _forget_deadline(self, lease: str) -> None:
        if (due := self.due.get(lease)) is not None:
            self.due = self.due.remove(lease)
            self.deadlines = self.deadlines.discard((due, lease))

    def woken(self, most: int) -> Iterator[Lease]:
        """Leases whose deadline has come, the earliest first, at most so many; each forgets it."""
        for _number in range(most):
            if not len(self.deadlines) or self.deadlines.first()[0] > self.now:
                return
            _at, lease = self.deadlines.first()
            self._forget_deadline(lease)
            yield self.leases[lease]


def is_grantable(device: Device) -> bool:
    """Whether a device can be given to whoever is next."""
    return device.state is DeviceState.FREE and device.visible and not device.draining and not device.taken


def occupied(lease: Lease | None) -> int:
    """Devices that nobody else can have for this lease; those that its job waits for on a cluster count already."""
    if lease is None:
        return 0
    asked_for = lease.state is LeaseState.QUEUED and lease.job != 0
    return lease.count if lease.state in OCCUPYING or asked_for else 0


def _home(lease: Lease | None) -> str:
    return lease.home if lease is not None and lease.state is LeaseState.PARKED else ""


def _without(table: HashTrieMap[str, frozenset[str]], key: str, gone: str) -> HashTrieMap[str, frozenset[str]]:
    left = (table.get(key) or frozenset()) - {gone}
    if left:
        return table.insert(key, left)
    return table.remove(key) if key in table else table


def restored(
    rules: Rules,
    leases: Iterable[Lease],
    devices: Iterable[Device],
    use: Mapping[tuple[str, str], Use],
    reservations: Iterable[Reservation],
    now: float,
) -> State:
    """The state that these records describe, with everything derived from them."""
    kept = {reservation.id: reservation for reservation in reservations}
    begun = frozenset(id for id, reservation in kept.items() if reservation.start <= now)
    step = Step(State(rules, now, use=HashTrieMap(use), reservations=HashTrieMap(kept), open=begun), now)
    for device in devices:
        step.put_device(device)
    for lease in leases:
        step.put(lease)
    state, _actions = step.finish()
    return state
