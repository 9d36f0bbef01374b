"""Why somebody waits, and in which place."""

from dataclasses import dataclass

from hub.leases.model import DeviceState, Lease, LeaseState, Rank
from hub.leases.reservations import reserved_from
from hub.leases.state import State, Step


@dataclass(frozen=True)
class Standing:
    """Where a waiting lease stands."""

    place: int | None
    """1 for whoever is next; None for one that is held back by a bound of its own."""
    of: int
    """How many stand in that line."""
    reason: str
    """A code of `sentences.WAITING`."""


def standing(state: State, lease: Lease) -> Standing | None:
    """The standing of a lease; None when it does not wait."""
    if not lease.is_waiting:
        return None
    step = Step(state, state.now)
    line = step.line(lease.gpu_class)
    entry = line.entries.get(lease.id)
    if entry is None:
        return Standing(None, len(line), "own-cap")
    if step.rules.jobs:
        return _standing_of_job(step, lease)
    programmes = step.programmes_in_order(line, entry.rank)
    place = line.place(lease.id, programmes, step.now - step.rules.ageing_bound)
    of = len(line.returning[entry.home]) if entry.rank is Rank.RETURNING else len(line)
    return Standing(place, of, _reason(step, lease))


def is_held_back(state: State, lease: Lease) -> bool:
    """Whether a bound of its user or programme keeps a lease from being served, whatever is free."""
    step = Step(state, state.now)
    return step.is_capped(lease) or step.bound_of(lease) != ""


def _standing_of_job(step: Step, lease: Lease) -> Standing:
    """The cluster's line, once the lease's job stands in it."""
    if not lease.job:
        return Standing(None, 0, step.bound_of(lease) or lease.outlook.reason or "submitting")
    return Standing(lease.outlook.place, lease.outlook.of, lease.outlook.reason or "submitted")


def _reason(step: Step, lease: Lease) -> str:
    if bound := step.bound_of(lease):
        return bound
    if lease.state is LeaseState.PARKED and lease.home:
        return _reason_of_home(step, lease)
    devices = list(step.class_devices(lease.gpu_class))
    if all(device.draining or not device.visible for device in devices):
        return "out-of-service"
    free = step.free(lease.gpu_class)
    if free:
        return "several" if lease.count > len(free) else "reserved" if reserved_from(step, lease) else "cleaning"
    if any(device.state is DeviceState.CLEANING for device in devices):
        return "cleaning"
    holders = (step.leases.get(device.lease) for device in devices if device.lease)
    leaving = (LeaseState.NOTICE, LeaseState.PARKING)
    return "making-room" if any(holder and holder.state in leaving for holder in holders) else "all-busy"


def _reason_of_home(step: Step, lease: Lease) -> str:
    device = step.devices.get(lease.home)
    if device is None or device.draining or not device.visible:
        return "out-of-service"
    return "cleaning" if device.state is DeviceState.CLEANING else "coming-back"
