"""Devices to those who wait: who is next, and what they get."""

from collections.abc import Iterator

from hub.leases.events import Intent, LookAt
from hub.leases.line import Entry, Line
from hub.leases.model import Device, DeviceState, Lease, LeaseState, Rank
from hub.leases.reservations import reserved_from
from hub.leases.state import Step
from hub.leases.timers import watch

MOST_PASSED_OVER = 64
"""How many who may not have what is free are passed over in search of one who may."""


def grant_touched(step: Step) -> None:
    """Every decision ends here: give devices wherever somebody joined a line or a device became free.

    On a cluster that is not ours to do.
    """
    if step.rules.jobs:
        step.touched.clear()
    while step.touched:
        gpu_class = min(step.touched)
        step.touched.remove(gpu_class)
        _grant(step, gpu_class)


def _grant(step: Step, gpu_class: str) -> None:
    """Give free devices to those who are next, until one of both runs out."""
    while len(step.line(gpu_class)) and (free := step.free(gpu_class)):
        if (choice := _next(step, step.line(gpu_class), free)) is None:
            return
        lease, devices = choice
        if lease.state is LeaseState.PARKED:
            _resume(step, lease, devices)
        else:
            _offer(step, lease, devices)


def _next(step: Step, line: Line, free: list[Device]) -> tuple[Lease, list[Device]] | None:
    """Who gets which devices; None when nobody may have what is free."""
    for rank in Rank:
        if rank is Rank.RETURNING:
            if (returning := _next_returning(step, line, free)) is not None:
                return returning
            continue
        for passed, entry in enumerate(in_order(step, line, rank)):
            lease = step.leases[entry.lease]
            if lease.count > len(free):
                return None  # what is free is kept for it, or it would never get all at once
            if lease.count <= len(free) - reserved_from(step, lease):
                return lease, free[: lease.count]
            if passed >= MOST_PASSED_OVER:
                break
    return None


def in_order(step: Step, line: Line, rank: Rank) -> Iterator[Entry]:
    """Those waiting in one rank, first to last."""
    return line.in_order(rank, step.programmes_in_order(line, rank), step.now - step.rules.ageing_bound)


def _next_returning(step: Step, line: Line, free: list[Device]) -> tuple[Lease, list[Device]] | None:
    """Whoever has waited longest to return among those whose device is free, or who can have any."""
    places = [(device.uuid, device) for device in free] + [("", free[0])]
    firsts = [
        (*ages.first(), device)
        for home, device in places
        if (ages := line.returning.get(home)) and not _programme_is_bound(step, ages.first()[1])
    ]
    for _since, id, device in sorted(firsts, key=lambda first: first[:2]):
        lease = step.leases[id]
        if reserved_from(step, lease) < len(free):
            return lease, [device]
    return None


def _programme_is_bound(step: Step, lease: str) -> bool:
    return step.bound_of(step.leases[lease]) != ""


def _offer(step: Step, lease: Lease, devices: list[Device]) -> None:
    uuids = tuple(device.uuid for device in devices)
    step.devices_to(uuids, DeviceState.RESERVED, lease.id)
    ends_at = step.now + step.rules.offer_timeout
    offered = step.move(
        lease, LeaseState.OFFERED, "granted", devices=uuids, epoch=lease.epoch + 1, ends_at=ends_at, charged=step.now
    )
    watch(step, offered)


def _resume(step: Step, lease: Lease, devices: list[Device]) -> None:
    home = devices[0].uuid
    step.devices_to((home,), DeviceState.RESERVED, lease.id)
    resuming = step.move(
        lease,
        LeaseState.RESUMING,
        "granted",
        devices=(home,),
        epoch=lease.epoch + 1,
        acquired=step.now,
        charged=step.now,
    )
    step.ask(Intent(resuming.id, resuming.epoch, "resume", home, step.now))
    watch(step, resuming)


def clean(step: Step, uuids: tuple[str, ...]) -> None:
    """Devices that were given back: nobody gets them before they are seen clean."""
    step.devices_to(uuids, DeviceState.CLEANING, None)
    for uuid in uuids:
        step.ask(LookAt(uuid))
