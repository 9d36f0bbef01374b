"""Real devices, read through NVML. The library is loaded at the first read, never at import."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import pynvml

from hub.cgroups.nodes import Node, gpu_node, slice_nodes
from hub.leases.inventory.base import DeviceUse, Unreadable
from hub.leases.model import Device
from hub.logs import get_logger
from hub.settings import GpuClass

log = get_logger("inventory")

Answer = TypeVar("Answer")

BASELINE = 64 * 2**20
"""Bytes that a clean device may show as used beside what its driver reserves."""


class Nvml:
    """The devices of this machine that belong to one of the classes."""

    def __init__(self, classes: dict[str, GpuClass]) -> None:
        self._classes = classes
        self._is_open = False
        self._unknown: set[str] = set()

    def devices(self) -> tuple[Device, ...]:
        with _Reading(self):
            found = [device for handle, index in self._handles() for device in self._of(handle, index)]
        return tuple(found)

    def use(self, device: Device) -> DeviceUse:
        with _Reading(self):
            handle = pynvml.nvmlDeviceGetHandleByUUID(device.uuid)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
            watts = _optional(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000)
            return DeviceUse(
                pids={process.pid: process.usedGpuMemory for process in processes},
                memory_used=int(memory.used),
                utilization=_optional(lambda: int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
                watts=watts,
                energy_mj=_optional(lambda: int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))),
            )

    def is_clean(self, device: Device) -> bool:
        """No process is on it, and no more memory in use than the driver itself takes."""
        use = self.use(device)
        return not use.pids and use.memory_used <= self._reserved(device) + BASELINE

    def _reserved(self, device: Device) -> int:
        with _Reading(self):
            handle = pynvml.nvmlDeviceGetHandleByUUID(device.uuid)
            second = _optional(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2))
            # The second version counts the driver's own memory apart; the first counts it as used.
            return int(second.reserved) if second is not None else BASELINE * 8

    # --- finding out what there is -----------------------------------------------------------

    def open(self) -> None:
        if not self._is_open:
            pynvml.nvmlInit()
            self._is_open = True

    def close(self) -> None:
        """Forget the connection: after an error the next read begins anew."""
        if self._is_open:
            self._is_open = False
            _optional(pynvml.nvmlShutdown)

    def _handles(self) -> Iterator[tuple[Any, int]]:
        for index in range(pynvml.nvmlDeviceGetCount()):
            yield pynvml.nvmlDeviceGetHandleByIndex(index), index

    def _of(self, handle: Any, index: int) -> Iterator[Device]:
        model = str(pynvml.nvmlDeviceGetName(handle))
        if not _has_mig(handle):
            yield from self._classed(handle, index, model, "")
            return
        for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            piece = _optional(partial(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number))
            if piece is not None:
                yield from self._classed(piece, index, model, _slice_name(str(pynvml.nvmlDeviceGetName(piece))))

    def _classed(self, handle: Any, index: int, model: str, mig: str) -> Iterator[Device]:
        uuid = str(pynvml.nvmlDeviceGetUUID(handle))
        for name, gpu_class in self._classes.items():
            if _belongs(gpu_class, uuid, model, mig):
                memory = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
                unparkable = "mig" if mig else ""
                yield Device(
                    uuid,
                    name,
                    index=index,
                    model=model,
                    memory=memory,
                    unparkable=unparkable,
                    nodes=_nodes(handle, is_slice=bool(mig)),
                )
                return
        if uuid not in self._unknown:
            self._unknown.add(uuid)
            log.warning("device.unclassed", uuid=uuid, model=model, mig=mig or None)


class _Reading:
    """One read: NVML's errors become Unreadable."""

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml

    def __enter__(self) -> None:
        try:
            self._nvml.open()
        except pynvml.NVMLError as error:
            raise Unreadable(str(error)) from error

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, pynvml.NVMLError):
            self._nvml.close()
            raise Unreadable(str(error)) from error


def _nodes(handle: Any, is_slice: bool) -> tuple[tuple[int, int], ...]:
    """The device files that open it; none where the driver does not tell, so that nobody can be let in by mistake."""
    try:
        if not is_slice:
            found: tuple[Node, ...] = (gpu_node(int(pynvml.nvmlDeviceGetMinorNumber(handle))),)
        else:
            whole = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
            found = slice_nodes(
                int(pynvml.nvmlDeviceGetMinorNumber(whole)),
                int(pynvml.nvmlDeviceGetGpuInstanceId(handle)),
                int(pynvml.nvmlDeviceGetComputeInstanceId(handle)),
            )
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_NotFound, OSError, ValueError) as error:
        log.warning("device.no-nodes", error=str(error))
        return ()
    return tuple((node.major, node.minor) for node in found)


def _belongs(gpu_class: GpuClass, uuid: str, model: str, mig: str) -> bool:
    if uuid in gpu_class.uuids:
        return True
    return bool(gpu_class.model) and gpu_class.model.casefold() in model.casefold() and gpu_class.mig == mig


def _has_mig(handle: Any) -> bool:
    mode = _optional(lambda: pynvml.nvmlDeviceGetMigMode(handle)[0])
    return bool(mode == pynvml.NVML_DEVICE_MIG_ENABLE)


def _slice_name(name: str) -> str:
    """The profile in a slice's name: `1g.18gb` of `NVIDIA H200 MIG 1g.18gb`."""
    return name.rpartition("MIG ")[2]


def _optional(read: Callable[[], Answer]) -> Answer | None:
    """What this device or driver may not support: None then. Other errors pass."""
    try:
        return read()
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_NotFound, pynvml.NVMLError_InvalidArgument):
        return None
