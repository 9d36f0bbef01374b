"""Restoring onto other devices than those parked on: which go where, and what stands against it.

The driver wants a map of every device it shows, used or not, that is a permutation. It names nobody's mistake: what
is wrong with a map has to be found before the call, because an error of a restore is final.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from .answers import MIGRATION, Stopped
from .driver import CudaDriver
from .facts import DeviceFacts, driver_release, read_devices

OLDEST_DRIVER = 580


def pairs_of(parked_on: Sequence[str], used: Collection[str], ordered: Sequence[str]) -> dict[str, str] | None:
    """Old UUID to new, for the devices that must change; None when there are too few for what was in use. What is
    named on both sides stays, and the others take each other's place in the order of the lease.
    """
    leaving = sorted((uuid for uuid in parked_on if uuid not in ordered), key=lambda uuid: uuid not in used)
    arriving = [uuid for uuid in ordered if uuid not in parked_on]
    pairs = dict(zip(leaving, arriving, strict=False))
    return pairs if set(used) <= {*pairs, *ordered} else None


def whole_map(driver: CudaDriver, pairs: Mapping[str, str]) -> dict[str, str]:
    """The pairs, their way back, and every other device of the machine in its place; checked. Stopped, Unreadable."""
    stay = {device.uuid: device.uuid for device in read_devices()}
    moves = stay | dict(pairs) | {new: old for old, new in pairs.items()}
    check_map(driver, moves)
    return moves


def check_map(driver: CudaDriver, moves: Mapping[str, str]) -> None:
    """Stopped unless the driver surely takes this map; Unreadable and DriverFailed where that cannot be seen."""
    devices = {device.uuid: device for device in read_devices()}
    code = obstacle(driver_release(), devices, moves)
    if code is None and not driver.can_move():
        code = "driver-too-old"
    if code is None and not _agree(moves, devices, driver.devices()):
        code = "devices-differ"
    if code:
        raise Stopped(MIGRATION[code], code, moves={old: new for old, new in moves.items() if old != new})


def obstacle(release: str, devices: Mapping[str, DeviceFacts], moves: Mapping[str, str]) -> str | None:
    """The code of the first thing that stands against these moves, or None. The codes are those of answers.MIGRATION.
    `devices` are all of the machine, by UUID.
    """
    changing = [(old, new) for old, new in moves.items() if old != new]
    if not _is_recent(release):
        return "driver-too-old"
    if any(uuid.startswith("MIG-") for pair in changing for uuid in pair):
        return "mig"
    if not all(uuid in devices for pair in changing for uuid in pair):
        return "device-not-listed"
    return next(filter(None, (_against(devices[old], devices[new]) for old, new in changing)), None)


def _is_recent(release: str) -> bool:
    branch = release.split(".")[0]
    return branch.isdigit() and int(branch) >= OLDEST_DRIVER


def _against(old: DeviceFacts, new: DeviceFacts) -> str | None:
    if old.mig or new.mig:
        return "mig"
    if old.mps or new.mps:
        return "mps"
    return None if (old.model, old.memory) == (new.model, new.memory) else "other-model"


def _agree(moves: Mapping[str, str], listed: Iterable[str], shown: Iterable[str]) -> bool:
    """Whether the map is a permutation of what NVML lists, and the driver shows the same devices."""
    return sorted(moves) == sorted(moves.values()) == sorted(listed) == sorted(shown)
