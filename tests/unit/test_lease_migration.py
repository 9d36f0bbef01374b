"""A parked kernel that may come back elsewhere, and one that turns out not to."""

from hub.leases.events import Bound, Event, Heard, Listed, Looked, Released, Reported, Requested, Ticked
from hub.leases.machine import decide
from hub.leases.model import Device, LeaseState, Rules
from hub.leases.state import State
from tests.support.leases import lease

START = 1_800_000_000.0
MOVING = Rules(
    min_idle=0, min_idle_crowded=0, min_hold=0, notice=0, park_again_after=0, lost_after=10**6, migration=True
)
TWO = (Device("GPU-0", "big", index=0), Device("GPU-1", "big", index=1))


def after(state: State, second: float, *events: Event) -> State:
    for event in events:
        state, _actions = decide(state, event, START + second)
    return state


def test_a_kernel_that_cannot_be_moved_after_all_returns_to_the_device_it_was_parked_on() -> None:
    state = after(State(MOVING), 0, Listed(TWO), Looked("GPU-0", True), Looked("GPU-1", True))
    state = after(state, 1, Requested(lease("long", "cy")), Bound("long", 1, 4, "4"))
    state = after(state, 2, Requested(lease("a", "ada")), Bound("a", 1, 5, "5"))
    assert state.leases["a"].devices == ("GPU-1",)
    state = after(state, 3, Heard("long", 1, busy=True, wants=False, watched=False, unparkable=""))
    state = after(state, 30, Requested(lease("b", "bob")), Ticked())
    assert state.leases["a"].state is LeaseState.PARKING
    state = after(
        state, 31, Reported("a", 2, "park", "done", "", 100, 1.0), Looked("GPU-1", True), Bound("b", 1, 6, "6")
    )
    # Both are given back; the freer one is offered first, and the driver cannot move the kernel there.
    state = after(
        state, 40, Released("long", "user"), Looked("GPU-0", True), Released("b", "user"), Looked("GPU-1", True)
    )
    state = after(state, 41, Heard("a", 2, busy=False, wants=True, watched=True, unparkable=""))
    assert (state.leases["a"].state, state.leases["a"].devices) == (LeaseState.RESUMING, ("GPU-0",))
    state = after(state, 42, Reported("a", 3, "resume", "later", "driver-too-old"), Looked("GPU-0", True))
    state = after(state, 50, Ticked())
    assert (state.leases["a"].state, state.leases["a"].devices) == (LeaseState.RESUMING, ("GPU-1",))
    assert state.leases["a"].parked_from == "GPU-1"


def test_room_is_made_at_once_for_a_kernel_whose_cell_comes_while_it_is_being_parked() -> None:
    state = after(State(MOVING), 0, Listed(TWO), Looked("GPU-0", True), Looked("GPU-1", True))
    state = after(state, 1, Requested(lease("a", "ada")), Bound("a", 1, 5, "5"))
    state = after(state, 2, Requested(lease("b", "bob")), Bound("b", 1, 6, "6"))
    for id in ("a", "b"):
        state = after(state, 3, Heard(id, 1, busy=True, wants=False, watched=False, unparkable=""))
        state = after(state, 4, Heard(id, 1, busy=False, wants=False, watched=False, unparkable=""))
    state = after(state, 30, Requested(lease("c", "cy")), Ticked())
    parked, other = sorted("ab", key=lambda id: state.leases[id].state is not LeaseState.PARKING)
    assert state.leases[other].state is LeaseState.ACTIVE
    cell = Heard(parked, state.leases[parked].epoch, busy=False, wants=True, watched=True, unparkable="")
    state = after(state, 31, cell, Ticked())
    assert state.leases[other].state is LeaseState.PARKING, "not only when the first is parked"
    done = Reported(parked, state.leases[parked].epoch, "park", "done", "", 100, 1.0)
    state = after(state, 32, done)
    assert state.leases[parked].is_waiting, "nobody has to say again that a cell waits"
