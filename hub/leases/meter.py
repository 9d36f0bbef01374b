"""What somebody who listens is told of the devices of a person's leases, and when."""

import asyncio
import math
from collections.abc import Callable, Sequence

from pydantic import BaseModel

from hub.leases.counters import COUNT_PERIOD, Reading
from hub.leases.desk import Desk
from hub.leases.inventory import DeviceUse
from hub.leases.model import Device


class DeviceCounters(BaseModel):
    """What one device does. None where it was not measured: on paper, unreadable, or not told by the driver."""

    device: str
    lease: str
    simulated: bool
    utilization: int | None
    """Percent of the time something ran."""
    memory_used: int | None
    """Bytes, by whomever."""
    memory: int
    """Bytes it has."""
    watts: float | None
    energy_mj: int | None
    """Since the driver was loaded, in millijoules."""


class CountersView(BaseModel):
    """What the devices of my leases do."""

    now: float
    """When they were read, on the broker's clock."""
    devices: list[DeviceCounters]


class Meter:
    """One listener's: tells at once of devices that are new to it, and of all every COUNT_PERIOD."""

    def __init__(self, desk: Desk, user: str, ring: Callable[[], None]) -> None:
        """`ring` is called when there may be something to tell before `seconds_left` are over."""
        self._desk, self._user = desk, user
        self._told: list[tuple[str, str]] = []
        # When to tell of the same devices again, and when to look at the latest.
        self._due = self._look_at = math.inf
        self._ring: Callable[[object], None] = lambda _result: ring()

    def news(self) -> CountersView | None:
        """What is to be told now, if anything."""
        held, now = self._held(), self._desk.broker.now()
        names = [(lease, device.uuid) for lease, device in held]
        if not held:
            self._told, self._look_at = [], math.inf
            return None
        if names == self._told and now < self._due:
            return None
        readings = [None if device.simulated else self._desk.counters.reading(device) for _lease, device in held]
        if self._must_wait(readings, now):
            return None
        read = max((reading.began for reading in readings if reading and reading.result.done()), default=now)
        self._told, self._due, self._look_at = names, read + COUNT_PERIOD, read + COUNT_PERIOD
        return CountersView(now=read, devices=list(map(_counters, held, readings)))

    def seconds_left(self) -> float:
        """How long there is nothing to tell, unless the bell rings."""
        return max(0.0, self._look_at - self._desk.broker.now())

    def _held(self) -> list[tuple[str, Device]]:
        """Devices of my leases, each with its lease."""
        devices = self._desk.broker.state.devices
        mine = self._desk.of_user(self._user)
        return [(lease.id, devices[uuid]) for lease in mine for uuid in lease.devices if uuid in devices]

    def _must_wait(self, readings: Sequence[Reading | None], now: float) -> bool:
        """Whether a reading is under way and not given up yet; the bell rings when it is done."""
        open = [reading for reading in readings if reading and not reading.result.done()]
        awaited = [reading for reading in open if not reading.is_due_again(now)]
        for reading in awaited:
            self._ring_after(reading.result)
        if awaited:
            self._look_at = min(reading.began for reading in awaited) + COUNT_PERIOD
        return bool(awaited)

    def _ring_after(self, result: "asyncio.Future[DeviceUse | None]") -> None:
        result.remove_done_callback(self._ring)  # once, however often we look
        result.add_done_callback(self._ring)


def _counters(held: tuple[str, Device], reading: Reading | None) -> DeviceCounters:
    lease, device = held
    use = reading.use if reading else None
    return DeviceCounters(
        device=device.uuid,
        lease=lease,
        simulated=device.simulated,
        utilization=use.utilization if use else None,
        memory_used=use.memory_used if use else None,
        memory=device.memory,
        watts=use.watts if use else None,
        energy_mj=use.energy_mj if use else None,
    )
