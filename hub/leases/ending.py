"""The end of a lease, and of a notice that nobody needs any more."""

from hub.leases.events import Result
from hub.leases.granting import clean
from hub.leases.model import Lease, LeaseState
from hub.leases.reservations import due_to_reservations
from hub.leases.state import Step
from hub.leases.timers import watch


def end(step: Step, lease: Lease, state: LeaseState, why: str) -> None:
    """The lease is over: what it held is cleaned, and whoever is next moves up."""
    if lease.state in (LeaseState.PARKING, LeaseState.RESUMING) and state is not LeaseState.BROKEN:
        # The order it had been given ends with it.
        step.ask(Result(lease.id, lease.epoch, "ended", why, 0, 0.0, step.now))
    lease = step.charge(lease)
    held = lease.devices
    step.move(lease, state, why, devices=(), wants=False, busy=False, ended=why, host_bytes=0)
    clean(step, held)
    spare(step, lease.gpu_class)


def spare(step: Step, gpu_class: str) -> None:
    """With nobody waiting nothing is parked: notices are taken back."""
    if len(step.line(gpu_class)) or due_to_reservations(step, gpu_class):
        return
    for device in step.class_devices(gpu_class):
        lease = step.leases.get(device.lease) if device.lease else None
        if lease is not None and lease.state is LeaseState.NOTICE:
            watch(step, step.move(lease, LeaseState.ACTIVE, "nobody-waits"))
