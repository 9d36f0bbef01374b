"""Every second that a device is held is counted once, whatever becomes of attempts to park."""

import pytest

from hub.leases.events import Bound, Event, Listed, Looked, Released, Reported, Requested, SaveLease, Ticked
from hub.leases.machine import decide
from hub.leases.model import Device, Lease, LeaseState, Rules
from hub.leases.state import State
from tests.support.leases import lease

START = 1_800_000_000.0
QUICK = Rules(min_idle=0, min_idle_crowded=0, min_hold=0, notice=0, park_again_after=0, lost_after=10**6)


class Story:
    """Events one after the other, at given seconds."""

    def __init__(self) -> None:
        self.state = State(QUICK)
        self.saved: dict[str, Lease] = {}

    def at(self, second: float, *events: Event) -> "Story":
        for event in events:
            self.state, actions = decide(self.state, event, START + second)
            self.saved |= {action.lease.id: action.lease for action in actions if isinstance(action, SaveLease)}
        return self


def parking_at(second: float) -> Story:
    """`a` has the device since second 0; somebody else waits, and `a` is being parked since `second`."""
    story = Story().at(0, Listed((Device("GPU-0", "big"),)), Looked("GPU-0", True))
    story.at(0, Requested(lease("a", "ada"))).at(0, Bound("a", 1, 5, "5"))
    story.at(second, Requested(lease("b", "bob")), Ticked())
    assert story.state.leases["a"].state is LeaseState.PARKING
    return story


@pytest.mark.parametrize("outcome", ["later", "refused"])
def test_time_before_a_vain_attempt_to_park_is_counted(outcome: str) -> None:
    story = parking_at(20)
    story.at(25, Reported("a", 2, "park", outcome)).at(100, Released("a", "user"))  # type: ignore[arg-type]
    assert story.saved["a"].held_seconds == pytest.approx(100)


def test_time_before_a_restart_while_being_parked_is_counted() -> None:
    story = parking_at(20).at(25, Bound("a", 2, 6, "6")).at(100, Released("a", "user"))
    assert story.saved["a"].held_seconds == pytest.approx(100)


def test_a_parked_kernel_is_charged_for_the_time_it_had_the_device_and_no_more() -> None:
    story = parking_at(20).at(30, Reported("a", 2, "park", "done", "", 100, 1.0)).at(500, Released("a", "user"))
    assert story.saved["a"].held_seconds == pytest.approx(30)
