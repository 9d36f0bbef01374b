"""What listeners are told of devices: each device read once for all of them, in a thread that may hang."""

import asyncio
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hub.leases.counters import COUNT_PERIOD, Counters
from hub.leases.events import Released
from hub.leases.inventory import DeviceUse
from hub.leases.meter import CountersView, DeviceCounters, Meter
from hub.leases.model import Device
from tests.support.desk import MakeWorld, World
from tests.support.leases import MoodyInventory

GIB = 2**30
NOTHING = {"utilization": None, "memory_used": None, "watts": None, "energy_mj": None}


@dataclass
class InventoryThatMayHang(MoodyInventory):
    """Answers when its gate is open, and remembers what it was asked."""

    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    loops: set[int] = field(default_factory=set)

    def use(self, device: Device) -> DeviceUse:
        self.asked.append(device.uuid)
        self.loops.add(threading.get_ident())
        assert self.gate.wait(60)
        self._read()
        return DeviceUse({}, 3 * GIB, 40, 250.5, 1_000)


@dataclass
class Listener:
    """Somebody who listens; `told` waits as the stream does."""

    world: World
    user: str = "ada"

    def __post_init__(self) -> None:
        self.bell = asyncio.Event()
        self.meter = Meter(self.world.desk, self.user, self.bell.set)

    async def told(self) -> CountersView:
        """What is told next, once the bell has rung for it."""
        async with asyncio.timeout(30):
            while (view := self.meter.news()) is None:
                await self.bell.wait()
                self.bell.clear()
        return view


@pytest.fixture
def inventory() -> Iterator[InventoryThatMayHang]:
    made = InventoryThatMayHang(count=3)
    made.gate.set()
    yield made
    made.gate.set()


@pytest.fixture
def world(make_world: MakeWorld, inventory: InventoryThatMayHang) -> Iterator[World]:
    """Ada and Bob have a device each, and one is free."""
    made = make_world(count=3)
    made.desk.counters = Counters(inventory, lambda: made.now)
    for user in ("ada", "bob"):
        made.ask(f"of-{user}", user)
        made.take(f"of-{user}")
    yield made
    made.desk.counters.close()


async def test_what_my_devices_do_is_told_and_what_others_do_is_not(
    world: World, inventory: InventoryThatMayHang
) -> None:
    (mine,) = world.lease("of-ada").devices
    told = await Listener(world).told()
    measured = {"utilization": 40, "memory_used": 3 * GIB, "memory": 16 * GIB, "watts": 250.5, "energy_mj": 1_000}
    assert told.devices == [DeviceCounters(device=mine, lease="of-ada", simulated=False, **measured)]
    assert told.now == world.now
    assert inventory.asked == [mine]
    assert threading.get_ident() not in inventory.loops, "never on the loop"


async def test_however_many_listen_a_device_is_read_once_in_a_period(
    world: World, inventory: InventoryThatMayHang
) -> None:
    listeners = [Listener(world) for _number in range(10)]
    first = await listeners[0].told()
    world.now += COUNT_PERIOD / 2
    assert [await one.told() for one in listeners[1:]] == [first] * 9
    assert len(inventory.asked) == 1
    assert {one.meter.seconds_left() for one in listeners} == {COUNT_PERIOD / 2}, "the next read is everybody's"
    assert [one.meter.news() for one in listeners] == [None] * 10, "nothing new before it"
    world.now += COUNT_PERIOD / 2
    later = [await one.told() for one in listeners]
    assert later == [first.model_copy(update={"now": first.now + COUNT_PERIOD})] * 10
    assert len(inventory.asked) == 2


async def test_a_failed_read_is_told_as_not_known_and_never_as_nothing(
    world: World, inventory: InventoryThatMayHang
) -> None:
    inventory.unreadable = True
    listener = Listener(world)
    (device,) = (await listener.told()).devices
    assert NOTHING.items() <= device.model_dump().items()
    assert device.memory == 16 * GIB
    inventory.unreadable = False
    world.now += COUNT_PERIOD
    (device,) = (await listener.told()).devices
    assert device.utilization == 40


async def test_a_driver_that_hangs_is_given_up_after_a_period_and_not_asked_again_before_it_answered(
    world: World, inventory: InventoryThatMayHang
) -> None:
    inventory.gate.clear()
    listener = Listener(world)
    assert listener.meter.news() is None
    assert listener.meter.seconds_left() == COUNT_PERIOD
    for _period in range(3):
        world.now += COUNT_PERIOD
        view = listener.meter.news()
        assert view
        assert NOTHING.items() <= view.devices[0].model_dump().items()
    assert len(inventory.asked) == 1
    inventory.gate.set()
    await world.desk.counters.reading(view_device(world)).result
    world.now += COUNT_PERIOD
    assert (await listener.told()).devices[0].utilization == 40
    assert len(inventory.asked) == 2


def view_device(world: World) -> Device:
    """Ada's device."""
    return world.desk.broker.state.devices[world.lease("of-ada").devices[0]]


async def test_a_device_that_is_new_to_me_is_told_at_once(world: World) -> None:
    listener = Listener(world)
    await listener.told()
    world.ask("second", "ada")
    told = await listener.told()
    assert [device.lease for device in told.devices] == ["of-ada", "second"]


async def test_who_holds_nothing_is_told_nothing_and_nothing_is_read(
    world: World, inventory: InventoryThatMayHang
) -> None:
    carol, ada = Listener(world, "carol"), Listener(world)
    assert (carol.meter.news(), carol.meter.seconds_left()) == (None, math.inf)
    assert inventory.asked == []
    await ada.told()
    world.tell(Released("of-ada", "user"))
    world.now += COUNT_PERIOD
    assert (ada.meter.news(), ada.meter.seconds_left()) == (None, math.inf)
    assert len(inventory.asked) == 1
