"""What the broker asks of an inventory. Every answer can be "I do not know"; that is never "none"."""

from dataclasses import dataclass
from typing import Protocol

from hub.leases.model import Device


class Unreadable(Exception):
    """The devices could not be read; nothing is known about them now."""


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """What a device was doing when it was looked at."""

    pids: dict[int, int | None]
    """Processes on it, with the bytes each uses (None: the driver does not say)."""
    memory_used: int
    """Bytes in use, by whomever."""
    utilization: int | None
    """Percent of the time something ran; None where the driver does not say (MIG)."""
    watts: float | None
    """Power now; None where the driver does not say."""
    energy_mj: int | None
    """Energy since the driver was loaded, in millijoules; None where it is not counted."""


class Inventory(Protocol):
    """Blocking calls; the broker makes them in a thread."""

    def devices(self) -> tuple[Device, ...]:
        """All devices of the site's GPU classes. Raises Unreadable."""

    def use(self, device: Device) -> DeviceUse:
        """What one device does now. Raises Unreadable."""

    def is_clean(self, device: Device) -> bool:
        """Whether nobody's process or memory is left on it. Raises Unreadable."""
