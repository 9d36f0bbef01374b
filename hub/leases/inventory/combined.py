"""All sources of devices as one inventory."""

from collections.abc import Sequence

from hub.leases.inventory.base import DeviceUse, Inventory, Unreadable
from hub.leases.inventory.cluster import Cluster
from hub.leases.inventory.nvml import Nvml
from hub.leases.inventory.simulated import Simulated
from hub.leases.model import Device
from hub.settings import Settings


class Combined:
    """Each device is asked about at the source that listed it."""

    def __init__(self, sources: Sequence[Inventory], cluster: Cluster | None = None) -> None:
        self._sources = [cluster] if cluster is not None else sources
        self._cluster = cluster
        self._of: dict[str, Inventory] = {}

    def devices(self) -> tuple[Device, ...]:
        found: list[Device] = []
        for source in self._sources:
            listed = source.devices()
            self._of.update({device.uuid: source for device in listed})
            found += listed
        return tuple(found)

    @property
    def cluster_memory(self) -> int | None:
        """Bytes on all nodes of a cluster; None on one machine, and before its nodes were seen."""
        return self._cluster.memory if self._cluster is not None else None

    def use(self, device: Device) -> DeviceUse:
        return self._source(device).use(device)

    def is_clean(self, device: Device) -> bool:
        return self._source(device).is_clean(device)

    def _source(self, device: Device) -> Inventory:
        try:
            return self._of[device.uuid]
        except KeyError:
            raise Unreadable(f"{device.uuid} has not been seen since the broker started") from None


def inventory_of(settings: Settings) -> Combined:
    """The devices that these settings speak of. Nothing is read yet."""
    if settings.site.slurm is not None:
        return Combined([], Cluster(settings.gpu_classes, settings.site.slurm))
    real = {name: c for name, c in settings.gpu_classes.items() if not c.simulated}
    sources: list[Inventory] = [Nvml(real)] if real else []
    simulated = next(((name, c) for name, c in settings.gpu_classes.items() if c.simulated), None)
    if simulated and settings.site.simulate_gpus:
        sources.append(Simulated(*simulated, settings.site.simulate_gpus))
    return Combined(sources)
