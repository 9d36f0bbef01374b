"""In their reservation people get what was reserved, whatever their programme has used; before it they do not."""

from typing import Any

import pytest

from hub.leases.events import Reserved, Ticked
from hub.leases.model import LeaseState, Reservation
from hub.leases.waiting import standing
from tests.support.desk import START, MakeWorld, World

BOUNDS: dict[str, dict[str, Any]] = {
    "hours": {"programme_hours": {"p": 0.0}},
    "devices": {"programme_devices": {"p": 0}},
}


def reserved(world: World, start: float, end: float) -> None:
    world.tell(Reserved(Reservation("workshop-a", "big", 1, START + start, START + end, users=frozenset({"ada"}))))


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_used_up_quota_does_not_hold_back_who_has_a_reservation(make_world: MakeWorld, bound: str) -> None:
    world = make_world(**BOUNDS[bound])
    reserved(world, -10, 1000)
    world.ask("mine", "ada", programme="p")
    world.ask("other", "bob", programme="p")
    assert world.lease("mine").state is LeaseState.OFFERED
    assert world.lease("other").state is LeaseState.QUEUED


@pytest.mark.parametrize("bound", BOUNDS)
def test_before_its_window_a_reservation_lifts_nothing_and_from_then_on_it_does(
    make_world: MakeWorld, bound: str
) -> None:
    world = make_world(**BOUNDS[bound])
    reserved(world, 30, 1000)
    world.ask("mine", "ada", programme="p")
    found = standing(world.desk.broker.state, world.lease("mine"))
    assert (world.lease("mine").state, found and found.reason) == (LeaseState.QUEUED, f"programme-{bound}")
    world.tell(Ticked(), after=31)
    assert world.lease("mine").state is LeaseState.OFFERED


@pytest.mark.parametrize("bound", BOUNDS)
def test_who_waits_in_a_reservation_that_is_used_up_has_a_place_and_no_quota_in_the_way(
    make_world: MakeWorld, bound: str
) -> None:
    world = make_world(**BOUNDS[bound])
    world.tell(Reserved(Reservation("workshop-a", "big", 1, START - 10, START + 1000, users=frozenset({"ada", "eve"}))))
    world.ask("first", "ada", programme="p")
    world.ask("second", "eve", programme="p")
    found = standing(world.desk.broker.state, world.lease("second"))
    assert found is not None
    assert (found.place, found.reason) == (1, "all-busy")
