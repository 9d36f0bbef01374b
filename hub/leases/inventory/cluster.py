"""The devices of a Slurm cluster: which there are, and which of them jobs have that are nobody's lease."""

import asyncio
from collections.abc import Iterator, Mapping

from hub.leases.inventory.base import DeviceUse, Unreadable
from hub.leases.model import Device
from hub.settings import GpuClass, SlurmSite
from hub.slurm.commands import Slurm, SlurmError
from hub.slurm.nodes import Node, nodes


class Cluster:
    """Those of one partition that one of the GPU classes asks for."""

    def __init__(self, classes: Mapping[str, GpuClass], site: SlurmSite) -> None:
        self._classes, self._site = classes, site
        self.memory: int | None = None
        """Bytes that jobs can be promised on all nodes that take any, as they were last seen; None before that."""

    def devices(self) -> tuple[Device, ...]:
        try:
            found = asyncio.run(nodes(Slurm()))  # the broker asks in a thread of its own
        except SlurmError as error:
            raise Unreadable(str(error)) from error
        self.memory = sum(node.memory for node in nodes_in(found, self._site.partition) if node.takes_jobs)
        return devices_of(found, self._classes, self._site.partition)

    def use(self, device: Device) -> DeviceUse:
        """What a device of another machine does is not seen from here."""
        raise Unreadable(f"{device.uuid} is on another machine")

    def is_clean(self, device: Device) -> bool:
        """Slurm ends what a job left before it gives a device to another."""
        return True


def devices_of(found: Mapping[str, Node], classes: Mapping[str, GpuClass], partition: str | None) -> tuple[Device, ...]:
    """A device for each GPU, in the order of the nodes' names."""
    return tuple(device for node in nodes_in(found, partition) for device in _of_node(node, classes))


def nodes_in(found: Mapping[str, Node], partition: str | None) -> list[Node]:
    """The nodes of a partition by name; all of them where none is named."""
    return [node for _, node in sorted(found.items()) if partition is None or partition in node.partitions]


def _of_node(node: Node, classes: Mapping[str, GpuClass]) -> Iterator[Device]:
    """Slurm numbers all GPUs of a node, whatever their type, in the order in which it tells the types."""
    first = 0
    for kind, count in node.gpus.items():
        used, numbered = node.gpus_used.get(kind, 0), node.gpu_numbers_used.get(kind, frozenset())
        name = class_of(kind, classes)
        for number in range(first, first + count):
            if name:
                is_used = number in numbered if numbered else number < first + used
                gpu_class = classes[name]
                yield device_of(node.name, number, name, gpu_class, taken=is_used, visible=node.takes_jobs)
        first += count


def class_of(kind: str, classes: Mapping[str, GpuClass]) -> str:
    """The class whose jobs get GPUs of this type; one that names the type goes before one that takes any."""
    named = (name for name, one in classes.items() if one.gres and kind and one.gres.partition(":")[2] == kind)
    of_any = (name for name, one in classes.items() if one.gres == "gpu")
    return next(named, "") or next(of_any, "")


def device_of(
    node: str, number: int, name: str, gpu_class: GpuClass, *, taken: bool = False, visible: bool = True
) -> Device:
    """One GPU of a node; the number is Slurm's."""
    return Device(
        uuid=f"{node}/gpu{number}",
        gpu_class=name,
        index=number,
        model=gpu_class.title.en,
        memory=int(gpu_class.memory),
        simulated=gpu_class.simulated,
        unparkable="job",
        taken=taken,
        visible=visible,
    )
