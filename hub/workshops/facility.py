"""What there is to promise on this site, and what is promised already."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil

from hub.leases.model import Device, DeviceState, Reservation
from hub.leases.state import State
from hub.settings import Settings
from hub.slurm.placing import NodePlan
from hub.web.hub_api import SeatRecord
from hub.workshops.capacity import Booking, Facility
from hub.workshops.model import Workshop
from hub.workshops.nodes import kinds_of
from hub.workshops.window import Window

QUARTER = 900  # seconds


@dataclass(frozen=True)
class Promised:
    """What is promised: reservations of devices, running seats, and workshops with their seats."""

    reservations: Iterable[Reservation] = ()
    seats: Iterable[SeatRecord] = ()
    workshops: Iterable[Workshop] = ()
    cluster_memory: int | None = None
    """Bytes that jobs can be promised, where seats are jobs; None on one machine."""
    nodes: NodePlan | None = None
    """Those of a cluster that keeps nodes for workshops."""


def facility_of(settings: Settings, leases: State, promised: Promised, now: float) -> Facility:
    """This machine, or cluster, as a class could have it: running seats count until their life ends, reservations and
    workshops in their window.

    Leases without a reservation are not counted: they make room for one.
    """
    is_cluster = promised.cluster_memory is not None
    machine = promised.cluster_memory if promised.cluster_memory is not None else psutil.virtual_memory().total
    workshops = {workshop.reservation: workshop for workshop in promised.workshops}
    reserved = (_reserved(reservation, workshops.get(reservation.id)) for reservation in promised.reservations)
    planned = (_planned(settings, workshop) for workshop in workshops.values())
    return Facility(
        # Slurm promises no more than there is.
        memory=machine if is_cluster else int(machine * settings.site.memory_overcommit),
        machine_memory=machine,
        devices={name: _in_service(leases, name) for name in settings.gpu_classes},
        bookings=(*reserved, *planned, *_running(settings, promised.seats, now)),
        nodes=promised.nodes,
        kinds=kinds_of(settings),
    )


def _reserved(reservation: Reservation, workshop: Workshop | None) -> Booking:
    title, known_to = reservation.group or reservation.id, None
    if workshop is not None:
        title, known_to = workshop.title.en, frozenset(workshop.trainers)
    elif reservation.users:
        title, known_to = ", ".join(sorted(reservation.users)), reservation.users
    window = Window(reservation.start, reservation.end)
    return Booking(title, window, gpu_class=reservation.gpu_class, devices=reservation.count, known_to=known_to)


def _planned(settings: Settings, workshop: Workshop) -> Booking:
    """The seats of a workshop; its GPUs are a reservation."""
    memory = sum(int(profile.memory) for profile in settings.profiles if profile.name == workshop.profile)
    known_to = frozenset(workshop.trainers)
    return Booking(workshop.title.en, workshop.window, memory=workshop.seats * memory, known_to=known_to)


def _running(settings: Settings, seats: Iterable[SeatRecord], now: float) -> Iterator[Booking]:
    """One booking for the seats of each profile that end in the same quarter of an hour, until its end."""
    profiles = {profile.name: profile for profile in (*settings.retired, *settings.profiles)}
    ends: dict[tuple[str, int], int] = {}
    for seat in seats:
        if profile := profiles.get(seat.profile or ""):
            started = seat.started.timestamp() if seat.started else now
            key = profile.name, (int(started + profile.life) // QUARTER + 1) * QUARTER
            ends[key] = ends.get(key, 0) + 1
    for (name, end), count in sorted(ends.items()):
        yield Booking(f"{count} × {name}", Window(now, max(now, end)), memory=count * int(profiles[name].memory))


def _in_service(leases: State, gpu_class: str) -> int:
    return sum(_serves(leases.devices[uuid]) for uuid in leases.of_class.get(gpu_class) or ())


def _serves(device: Device) -> bool:
    return device.visible and not device.draining and device.state is not DeviceState.QUARANTINED
