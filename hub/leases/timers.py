"""When a lease must be looked at again, and which devices are waiting to be seen clean."""

from hub.leases.events import LookAt
from hub.leases.model import OCCUPYING, DeviceState, Lease, LeaseState
from hub.leases.state import CHARGE_PERIOD, Step


def watch(step: Step, lease: Lease) -> None:
    """Plan the next look at a lease: when its state ends, it falls silent or is to be charged."""
    rules = step.rules
    moments = [lease.ends_at] if lease.ends_at else []
    if lease.pausing:
        moments.append(lease.not_before)
    if lease.state is LeaseState.QUEUED:
        moments.append(lease.heard + rules.lost_after)
    if not lease.silent:
        moments.append(lease.heard + rules.silent_after)
    if rules.jobs:
        moments.append(lease.heard + rules.unheard_life)
    if lease.state in OCCUPYING:
        moments.append(step.now + CHARGE_PERIOD)
    if moments:
        step.wake(lease, max(min(moments), step.now))


def look_again(step: Step) -> None:
    """Ask for another look at every device that is not yet clean and nobody has."""
    for device in step.all_devices():
        if device.state in (DeviceState.CLEANING, DeviceState.QUARANTINED) and device.visible:
            step.ask(LookAt(device.uuid))
