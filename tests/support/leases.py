"""Leases, devices and seats for tests of the broker."""

import asyncio
from dataclasses import dataclass, field

from hub.leases.broker import Broker
from hub.leases.events import Bound, Heard, Reported
from hub.leases.inventory import DeviceUse, Unreadable
from hub.leases.model import Device, Kind, Lease, LeaseState


def lease(id: str, user: str, **more: object) -> Lease:
    """A request for one device of class `big`."""
    basic: dict[str, object] = {
        "programme": "",
        "groups": frozenset(),
        "gpu_class": "big",
        "count": 1,
        "kind": Kind.INTERACTIVE,
        "holder": f"{id}.ipynb",
        "server": "",
        "gated": True,
        "requested": 0.0,
    }
    return Lease(id, user, **(basic | more))  # type: ignore[arg-type]


@dataclass
class MoodyInventory:
    """Devices that can vanish, stay dirty or become unreadable, as a test says."""

    count: int = 2
    dirty: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    unreadable: bool = False

    def devices(self) -> tuple[Device, ...]:
        self._read()
        all_devices = (Device(f"GPU-{n}", "big", index=n, model="Moody", memory=2**34) for n in range(self.count))
        return tuple(device for device in all_devices if device.uuid not in self.missing)

    def use(self, device: Device) -> DeviceUse:
        self._read()
        return DeviceUse({}, 0, 0, None, None)

    def is_clean(self, device: Device) -> bool:
        self._read()
        return device.uuid not in self.dirty

    def _read(self) -> None:
        if self.unreadable:
            raise Unreadable("the driver does not answer")


async def obey(broker: Broker, id: str, *, busy: bool = False) -> Lease:
    """What a well-behaved seat does about its lease now: takes offers, carries out orders, is heard."""
    found = broker.state.leases[id]
    match found.state:
        case LeaseState.OFFERED:
            await broker.tell(Bound(id, found.epoch, found.pid or 2, found.pid_started or "1"))
        case LeaseState.PARKING:
            await broker.tell(Reported(id, found.epoch, "park", "done", "", 100, 0.1))
        case LeaseState.RESUMING:
            await broker.tell(Reported(id, found.epoch, "resume", "done", "", 100, 0.1))
        case state:
            wants = state is LeaseState.PARKED and busy
            await broker.tell(Heard(id, found.epoch, busy and not wants, wants, False))
    return broker.state.leases[id]


async def activate(broker: Broker, id: str) -> Lease:
    """Wait until the lease has a device and its seat has taken it."""
    async with asyncio.timeout(30):
        while (found := await obey(broker, id)).state is not LeaseState.ACTIVE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found
