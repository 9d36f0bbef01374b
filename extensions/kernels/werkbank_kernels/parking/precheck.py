"""Whether a kernel may be parked: a decision on facts, without a look at the world."""

from collections.abc import Collection, Iterable

from .driver import RUNNING
from .facts import DeviceFacts, Facts

# First driver branch with the calls; Arm processors came later.
OLDEST_DRIVER = {"x86_64": 570, "aarch64": 595}

# Modules that use managed memory. The driver does not refuse it, it leaves the process in pieces.
MANAGED_MEMORY = frozenset({"cudf", "rmm", "cupy-managed", "numba-managed"})

# Beside the device memory itself, parking costs the host this much in the kernel (204 MiB were seen for 64 MiB).
HOST_MARGIN = 512 * 2**20

# A device with less in use than this has nobody on it.
EMPTY = 64 * 2**20


def nothing_on_device(facts: Facts, pid: int) -> bool:
    """The kernel has not begun with CUDA, nor has a child of it: there is nothing to park."""
    return not (facts.has_cuda or facts.others_with_cuda or facts.bytes_on(pid))


def precheck(facts: Facts, pid: int, modules: Iterable[str]) -> str | None:
    """The code of the first thing that stands against parking, or None. The codes are those of answers.PRECHECK."""
    checks = (
        no_parking_here(facts.driver, facts.machine, facts.devices, facts.leased),
        "uvm" if MANAGED_MEMORY & {module.split(".")[0] for module in modules} else None,
        "process-group" if facts.others_with_cuda else None,
        _processes(facts, pid),
        "not-running-state" if facts.state != RUNNING else None,
        _host(facts, pid),
    )
    return next(filter(None, checks), None)


def no_parking_here(release: str, machine: str, devices: Iterable[DeviceFacts], leased: Collection[str]) -> str | None:
    """The code of what stands against parking anybody on the leased devices, or None."""
    return _driver(release, machine) or _device([device for device in devices if device.uuid in leased], leased)


def _driver(release: str, machine: str) -> str | None:
    oldest = OLDEST_DRIVER.get(machine)
    branch = release.split(".")[0]
    if oldest is None:
        return "not-supported"
    return None if branch.isdigit() and int(branch) >= oldest else "driver-too-old"


def _device(devices: Collection[DeviceFacts], leased: Collection[str]) -> str | None:
    if any(uuid.startswith("MIG-") for uuid in leased) or any(device.mig for device in devices):
        return "mig"
    return "mps" if any(device.mps for device in devices) else None


def _processes(facts: Facts, pid: int) -> str | None:
    if not facts.leased.issuperset(facts.bytes_on(pid)):
        return "device-not-leased"
    leased = [device for device in facts.devices if device.uuid in facts.leased]
    if any(set(device.processes) - {pid} for device in leased):
        return "other-process-on-device"
    # Memory in use by nobody who is listed: this machine hides processes, perhaps by namespaces.
    hidden = any(device.used > EMPTY and not device.processes for device in leased)
    return "process-not-listed" if hidden else None


def _host(facts: Facts, pid: int) -> str | None:
    needed = sum(facts.bytes_on(pid).values()) + HOST_MARGIN
    return "host-memory" if needed > facts.host_room else None
