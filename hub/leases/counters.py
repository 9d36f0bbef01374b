"""What devices do, read for everybody who listens: each device once in a while, however many they are."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hub.leases.inventory import DeviceUse, Inventory, Unreadable
from hub.leases.model import Device

COUNT_PERIOD = 5.0
"""Seconds between two reads of a device, at least."""


@dataclass(frozen=True)
class Reading:
    """One look at a device, done or under way."""

    began: float
    """On the broker's clock."""
    result: "asyncio.Future[DeviceUse | None]"
    """None when it failed."""

    @property
    def use(self) -> DeviceUse | None:
        """What was read; None when nothing was, or not yet."""
        return self.result.result() if self.result.done() else None

    def is_due_again(self, now: float) -> bool:
        """Whether it is as old as a reading gets."""
        return now >= self.began + COUNT_PERIOD


class Counters:
    """Used on the event loop; reads in a thread of its own.

    A driver that hangs holds up that thread only, and is not asked again before it has answered.
    """

    def __init__(self, inventory: Inventory, now: Callable[[], float]) -> None:
        self._inventory, self._now = inventory, now
        self._readings: dict[str, Reading] = {}
        self._thread = ThreadPoolExecutor(1, "counters")

    def reading(self, device: Device) -> Reading:
        """The device's latest reading, begun anew where the last one is over and old."""
        last = self._readings.get(device.uuid)
        if last is None or (last.result.done() and last.is_due_again(self._now())):
            result = asyncio.get_running_loop().run_in_executor(self._thread, self._read, device)
            last = self._readings[device.uuid] = Reading(self._now(), result)
        return last

    def _read(self, device: Device) -> DeviceUse | None:
        try:
            return self._inventory.use(device)
        except Unreadable:
            # The broker says so, and why, when it reads the whole inventory.
            return None

    def close(self) -> None:
        """Read nothing any more; does not wait for a driver that hangs."""
        self._thread.shutdown(wait=False)
