"""Devices kept for a group in a time window: for its members first, from everybody else not at all."""

from hub.leases.model import Lease, Reservation
from hub.leases.state import Step


def reserved_from(step: Step, lease: Lease) -> int:
    """How many free devices of its class the lease must leave to reservations of others."""
    return sum(
        still_due(step, reservation)
        for reservation in step.reservations.values()
        if reservation.gpu_class == lease.gpu_class
        and not reservation.is_for(lease)
        and _keeps_out(step, reservation, lease)
    )


def _keeps_out(step: Step, reservation: Reservation, lease: Lease) -> bool:
    """In the window nobody else gets reserved devices; shortly before it, nobody who cannot be parked."""
    drains = reservation.start - step.rules.reservation_drain <= step.now
    parkable = lease.gated and step.rules.parking and not lease.unparkable
    return step.now < reservation.end and (step.now >= reservation.start or (drains and not parkable))


def still_due(step: Step, reservation: Reservation) -> int:
    """Devices the reservation's members do not have yet; after the no-show time, only as many as they ask for."""
    due = step.reservation_left(reservation)
    if step.now < reservation.start + step.rules.no_show_after:
        return due
    waiting = (step.leases[id] for id in step.line(reservation.gpu_class).entries)
    return min(due, sum(lease.count for lease in waiting if reservation.is_for(lease)))


def due_to_reservations(step: Step, gpu_class: str) -> int:
    """Devices that open reservations lack, beyond what is free."""
    due = sum(still_due(step, reservation) for reservation in step.reservations_now(gpu_class))
    return max(0, due - len(step.free(gpu_class))) if due else 0


def refile(step: Step, gpu_class: str) -> None:
    """Sort the class's waiting leases anew, after a reservation changed who goes first."""
    for id in sorted(step.line(gpu_class).entries):
        step.file(step.leases[id])
