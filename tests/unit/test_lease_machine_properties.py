"""Whatever happens in whatever order: no device is given twice, nobody is forgotten, nothing goes backwards."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.errors import LeaseRefused
from hub.leases.events import (
    Bound,
    Died,
    Drained,
    Heard,
    Intent,
    Kept,
    Listed,
    Looked,
    Released,
    Reported,
    Requested,
    Reserved,
    Result,
    Returned,
    SaveDevice,
    SaveLease,
    SaveUse,
    Ticked,
    Transition,
    Unreserved,
    Worked,
)
from hub.leases.invariants import over_cap, violations
from hub.leases.machine import decide
from hub.leases.model import ENDED, Device, Kind, Lease, LeaseState, Reservation, Rules
from hub.leases.state import State, restored

START = 1_800_000_000.0
CLASSES = ("big", "small")
USERS = ("ada", "bob", "cor", "dee", "eve")
PROGRAMMES = {"ada": "ained", "bob": "ained", "cor": "health-ri", "dee": "", "eve": "robust"}
RULES = Rules(
    shares={"ained": 2, "health-ri": 1},
    programme_devices={"robust": 1},
    programme_hours={"health-ri": 2.0},
    devices_per_user=2,
    waiting_per_user=3,
)
ALLOWED = {
    None: {LeaseState.QUEUED},
    LeaseState.QUEUED: {LeaseState.OFFERED, LeaseState.RELEASED, LeaseState.LOST},
    LeaseState.OFFERED: {
        LeaseState.ACTIVE,
        LeaseState.QUEUED,
        LeaseState.RELEASED,
        LeaseState.EXPIRED,
        LeaseState.LOST,
    },
    LeaseState.ACTIVE: {LeaseState.NOTICE, LeaseState.RELEASED, LeaseState.LOST},
    LeaseState.NOTICE: {
        LeaseState.ACTIVE,
        LeaseState.PARKING,
        LeaseState.RELEASED,
        LeaseState.LOST,
        LeaseState.EXPIRED,
    },
    LeaseState.PARKING: {
        LeaseState.PARKED,
        LeaseState.ACTIVE,
        LeaseState.BROKEN,
        LeaseState.RELEASED,
        LeaseState.LOST,
    },
    LeaseState.PARKED: {
        LeaseState.RESUMING,
        LeaseState.QUEUED,
        LeaseState.RELEASED,
        LeaseState.EXPIRED,
        LeaseState.LOST,
    },
    LeaseState.RESUMING: {
        LeaseState.ACTIVE,
        LeaseState.PARKED,
        LeaseState.BROKEN,
        LeaseState.RELEASED,
        LeaseState.LOST,
    },
}

chance = st.integers(0, 10**6)


class Broker(RuleBasedStateMachine):
    """Throws events at `decide` as seats, users, admins, devices and clocks might, lies included."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State(RULES)
        self.now = START
        self.count = 0
        self.epochs: dict[str, int] = {}
        self.open_intents: set[tuple[str, int]] = set()
        self.saved: dict[str, dict[object, object]] = {"leases": {}, "devices": {}, "use": {}}

    def do(self, event: object, *, may_refuse: bool = True) -> None:
        before = self.state
        try:
            self.state, actions = decide(before, event, self.now)
        except LeaseRefused:
            assert may_refuse
            return
        again, same = decide(before, event, self.now)
        assert same == actions
        assert again.leases == self.state.leases
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: object) -> None:
        match action:
            case Transition(before=before, after=after):
                assert after in ALLOWED[before], f"{before} -> {after}"
            case Intent(lease=lease, epoch=epoch):
                assert (lease, epoch) not in self.open_intents
                self.open_intents.add((lease, epoch))
            case Result(lease=lease, epoch=epoch):
                self.open_intents.remove((lease, epoch))
            case SaveLease(lease=lease):
                assert lease.epoch >= self.epochs.get(lease.id, 0), "an epoch went back"
                self.epochs[lease.id] = lease.epoch
                self.saved["leases"][lease.id] = lease
            case SaveDevice(device=device):
                self.saved["devices"][device.uuid] = device
            case SaveUse(kind=kind, name=name, use=use):
                self.saved["use"][kind, name] = use

    def some_lease(self, number: int, *states: LeaseState) -> Lease | None:
        found = sorted((x for x in self.state.leases.values() if not states or x.state in states), key=lambda x: x.id)
        return found[number % len(found)] if found else None

    def live(self) -> list[Lease]:
        return sorted(self.state.leases.values(), key=lambda lease: lease.id)

    def some_device(self, number: int) -> str:
        uuids = sorted(self.state.devices)
        return uuids[number % len(uuids)]

    # --- the world ------------------------------------------------------------------------------

    @initialize(counts=st.tuples(st.integers(1, 3), st.integers(0, 2)))
    def devices_appear(self, counts: tuple[int, int]) -> None:
        self.listing = tuple(
            Device(f"GPU-{name}-{n}", name, index=n, model="X", memory=2**34)
            for name, count in zip(CLASSES, counts, strict=True)
            for n in range(count)
        )
        self.do(Listed(self.listing), may_refuse=False)

    @rule(
        user=st.sampled_from(USERS),
        gpu_class=st.sampled_from(CLASSES),
        count=st.sampled_from((1, 1, 1, 2, 5)),
        kind=st.sampled_from(tuple(Kind)),
        gated=st.booleans(),
    )
    def somebody_asks(self, user: str, gpu_class: str, count: int, kind: Kind, gated: bool) -> None:
        self.count += 1
        programme = PROGRAMMES[user]
        groups = frozenset({programme} if programme else ())
        id = f"lease-{self.count:05}"
        asked = Lease(id, user, programme, groups, gpu_class, count, kind, "x.ipynb", "", gated, self.now)
        self.do(Requested(asked))

    @rule(number=chance, pid=st.integers(2, 9), lie=st.sampled_from((0, 0, 0, -1, 1)))
    def a_seat_binds(self, number: int, pid: int, lie: int) -> None:
        if lease := self.some_lease(number):
            self.do(Bound(lease.id, lease.epoch + lie, pid, str(pid)), may_refuse=True)

    @rule(number=chance)
    def an_offer_is_taken(self, number: int) -> None:
        if lease := self.some_lease(number, LeaseState.OFFERED):
            self.do(Bound(lease.id, lease.epoch, 5, "5"), may_refuse=False)

    @rule(
        number=chance,
        busy=st.booleans(),
        wants=st.booleans(),
        watched=st.booleans(),
        lie=st.sampled_from((0, 0, -1, 1)),
    )
    def a_seat_is_heard(self, number: int, busy: bool, wants: bool, watched: bool, lie: int) -> None:
        if lease := self.some_lease(number):
            self.do(Heard(lease.id, lease.epoch + lie, busy, wants, watched))

    @rule(
        number=chance,
        outcome=st.sampled_from(("done", "done", "done", "later", "refused", "broken")),
        act=st.sampled_from(("park", "resume", None, None)),
        lie=st.sampled_from((0, 0, 0, -1)),
    )
    def a_seat_reports(self, number: int, outcome: str, act: str | None, lie: int) -> None:
        if lease := self.some_lease(number, LeaseState.PARKING, LeaseState.RESUMING):
            true_act = "park" if lease.state is LeaseState.PARKING else "resume"
            self.do(Reported(lease.id, lease.epoch + lie, act or true_act, outcome, "why", 10, 0.1))

    @rule(asking=st.sampled_from((None, *USERS)), idle=st.booleans())
    def everybody_behaves(self, asking: str | None, idle: bool) -> None:
        """Devices are clean, offers taken, orders carried out; perhaps somebody runs a cell or asks for more."""
        if asking:
            self.somebody_asks(asking, "big", 1, Kind.INTERACTIVE, True)
        for uuid in sorted(self.state.devices):
            self.do(Looked(uuid, True), may_refuse=False)
        for lease in self.live():
            self._behave(lease, idle)

    def _behave(self, lease: Lease, idle: bool) -> None:
        match lease.state:
            case LeaseState.OFFERED:
                self.do(Bound(lease.id, lease.epoch, 5, "5"), may_refuse=False)
            case LeaseState.PARKING:
                movable = int(lease.id[-1]) % 2 == 0
                self.do(Reported(lease.id, lease.epoch, "park", "done", "", 10, 0.1, movable), may_refuse=False)
            case LeaseState.RESUMING:
                self.do(Reported(lease.id, lease.epoch, "resume", "done", "", 10, 0.1), may_refuse=False)
            case _:
                self.do(Heard(lease.id, lease.epoch, not idle, not idle, True), may_refuse=False)

    @rule(asking=st.sampled_from(USERS), other=st.sampled_from(USERS))
    def an_idle_hour_with_somebody_waiting(self, asking: str, other: str) -> None:
        self.everybody_behaves(asking, idle=True)
        self.somebody_asks(other, "big", 1, Kind.INTERACTIVE, True)
        for _minute in range(3):
            self.time_passes(1200.0)
            for lease in self.live():
                self.do(Heard(lease.id, lease.epoch, False, False, True), may_refuse=False)

    @precondition(lambda self: any(lease.state is LeaseState.PARKED for lease in self.state.leases.values()))
    @rule(number=chance, makes_room=st.booleans())
    def a_parked_kernel_has_a_cell(self, number: int, makes_room: bool) -> None:
        lease = self.some_lease(number, LeaseState.PARKED)
        assert lease
        self.do(Heard(lease.id, lease.epoch, False, True, True), may_refuse=False)
        homes = [lease.home] if lease.home else sorted(self.state.devices)
        for home in homes:
            holder = self.state.devices[home].lease
            if holder and makes_room:
                self.do(Released(holder, "user"), may_refuse=False)
            self.do(Looked(home, True), may_refuse=False)

    @rule(number=chance)
    def a_user_gives_back(self, number: int) -> None:
        if number % 3 == 0 and (lease := self.some_lease(number)):
            self.do(Released(lease.id, "user"), may_refuse=False)

    @rule(number=chance)
    def a_user_keeps(self, number: int) -> None:
        if lease := self.some_lease(number):
            self.do(Kept(lease.id))

    @rule(number=chance)
    def a_kernel_dies(self, number: int) -> None:
        if number % 3 == 0 and (lease := self.some_lease(number)):
            self.do(Died(lease.id), may_refuse=False)

    @rule(number=chance, clean=st.sampled_from((True, True, True, False, None)))
    def a_device_is_looked_at(self, number: int, clean: bool | None) -> None:
        self.do(Looked(self.some_device(number), clean), may_refuse=False)

    @rule(number=chance)
    def a_device_computes(self, number: int) -> None:
        self.do(Worked(self.some_device(number)), may_refuse=False)

    @rule(number=chance, draining=st.booleans())
    def an_admin_drains(self, number: int, draining: bool) -> None:
        self.do(Drained(self.some_device(number), draining), may_refuse=False)

    @rule(gone=st.booleans(), number=chance)
    def the_inventory_is_read(self, gone: bool, number: int) -> None:
        devices = list(self.listing)
        if gone:
            del devices[number % len(devices)]
        self.do(Listed(tuple(devices)), may_refuse=False)

    @rule(seconds=st.sampled_from((1.0, 20.0, 70.0, 400.0, 700.0, 4000.0, 90000.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.do(Ticked(), may_refuse=False)

    @rule(seconds=st.sampled_from((-3600.0, 3600.0)))
    def the_clock_jumps(self, seconds: float) -> None:
        self.now += seconds
        self.do(Ticked(), may_refuse=False)

    @rule(
        group=st.sampled_from(("ained", "health-ri")),
        gpu_class=st.sampled_from(CLASSES),
        after=st.sampled_from((-100.0, 500.0, 3000.0)),
        count=st.integers(1, 2),
    )
    def a_workshop_is_planned(self, group: str, gpu_class: str, after: float, count: int) -> None:
        start = self.now + after
        self.do(Reserved(Reservation(f"{group}-{gpu_class}", gpu_class, count, start, start + 5000, group)))

    @rule(group=st.sampled_from(("ained", "health-ri")), gpu_class=st.sampled_from(CLASSES))
    def a_workshop_is_cancelled(self, group: str, gpu_class: str) -> None:
        self.do(Unreserved(f"{group}-{gpu_class}"))

    @precondition(lambda self: self.count)
    @rule()
    def the_broker_is_killed_and_comes_back(self) -> None:
        live = [lease for lease in self.saved["leases"].values() if lease.state not in ENDED]  # type: ignore[attr-defined]
        reservations = tuple(self.state.reservations.values())
        before = self.state
        self.state = restored(RULES, live, self.saved["devices"].values(), self.saved["use"], reservations, self.now)  # type: ignore[arg-type]
        assert set(self.state.leases) == set(before.leases)
        for lease in before.leases.values():
            again = self.state.leases[lease.id]
            assert replace(again, heard=lease.heard, silent=lease.silent, watched=lease.watched) == lease
        self.do(Returned(), may_refuse=False)

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def everything_agrees(self) -> None:
        found = violations(self.state)
        assert not found, found

    @invariant()
    def nobody_has_more_than_the_cap(self) -> None:
        assert over_cap(self.state) == []

    @invariant()
    def every_order_has_been_written_down(self) -> None:
        acting = (LeaseState.PARKING, LeaseState.RESUMING)
        now = {(x.id, x.epoch) for x in self.state.leases.values() if x.state in acting}
        assert now == self.open_intents


BrokerTest = pytest.mark.timeout(900)(Broker.TestCase)
Broker.TestCase.settings = settings(
    max_examples=600, stateful_step_count=100, deadline=None, suppress_health_check=list(HealthCheck)
)
