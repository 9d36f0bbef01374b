"""Devices that exist only on paper: they lease, queue and park like real ones, and compute nothing."""

from hub.leases.inventory.base import DeviceUse
from hub.leases.model import Device
from hub.settings import GpuClass


class Simulated:
    """`count` devices of one class."""

    def __init__(self, name: str, gpu_class: GpuClass, count: int) -> None:
        self._devices = tuple(
            Device(
                f"SIMULATED-{name}-{number}",
                name,
                index=number,
                model=gpu_class.title.en,
                memory=int(gpu_class.memory),
                simulated=True,
            )
            for number in range(count)
        )

    def devices(self) -> tuple[Device, ...]:
        return self._devices

    def use(self, device: Device) -> DeviceUse:
        """Nothing runs on paper, and nothing is measured."""
        return DeviceUse({}, 0, None, None, None)

    def is_clean(self, device: Device) -> bool:
        return True
