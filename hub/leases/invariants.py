"""What must hold after every decision. The tests check it after each step; the broker when it starts."""

from collections.abc import Iterator

from hub.leases.model import ENDED, OCCUPYING, DeviceState, Lease, LeaseState
from hub.leases.state import State, Step, occupied

GIVEN = {
    LeaseState.OFFERED: DeviceState.RESERVED,
    LeaseState.RESUMING: DeviceState.RESERVED,
    LeaseState.ACTIVE: DeviceState.HELD,
    LeaseState.NOTICE: DeviceState.HELD,
    LeaseState.PARKING: DeviceState.HELD,
}
"""What the devices of a lease are doing while it is in a state."""


def violations(state: State) -> list[str]:
    """Every invariant that does not hold, as a sentence; empty when all is well."""
    return [*_devices(state), *_leases(state), *_lines(state), *_counts(state)]


def _devices(state: State) -> Iterator[str]:
    for device in state.devices.values():
        holder = state.leases.get(device.lease) if device.lease else None
        if device.state in (DeviceState.RESERVED, DeviceState.HELD):
            if holder is None or device.uuid not in holder.devices:
                yield f"device {device.uuid} is {device.state} for {device.lease}, which does not have it"
        elif device.lease is not None:
            yield f"device {device.uuid} is {device.state} and still names lease {device.lease}"


def _leases(state: State) -> Iterator[str]:
    for lease in state.leases.values():
        if lease.state in ENDED:
            yield f"lease {lease.id} has ended and is still live"
        if (lease.state in OCCUPYING) != (len(lease.devices) == lease.count):
            yield f"lease {lease.id} is {lease.state} with {len(lease.devices)} of {lease.count} devices"
        if lease.state is LeaseState.PARKED and lease.home and lease.home not in state.devices:
            yield f"lease {lease.id} is parked and would return to {lease.home}, which is not there"
        for uuid in lease.devices:
            device = state.devices[uuid]
            if device.lease != lease.id or device.state is not GIVEN[lease.state]:
                yield f"lease {lease.id} is {lease.state} on {uuid}, which is {device.state} for {device.lease}"
        if lease.id not in state.due:
            yield f"lease {lease.id} ({lease.state}) would never be looked at again"


def _lines(state: State) -> Iterator[str]:
    step = Step(state, state.now)
    for lease in state.leases.values():
        standing, due = step.line(lease.gpu_class).entries.get(lease.id), step.entry(lease)
        if standing != due:
            yield f"lease {lease.id} stands in line as {standing}, not as {due}"
    for gpu_class, line in state.lines.items():
        for id in line.entries:
            if id not in state.leases:
                yield f"lease {id} stands in the line of {gpu_class} and is not live"
        keys = sum(map(len, line.queues.values())) + sum(map(len, line.returning.values()))
        if keys != len(line.entries) or sum(map(len, line.ages.values())) != sum(map(len, line.queues.values())):
            yield f"the line of {gpu_class} disagrees with itself about its length"
        if len(line) and not state.rules.jobs and any(_could_serve(step, gpu_class)):
            yield f"a device of {gpu_class} is free while somebody waits who could have it"


def _could_serve(step: Step, gpu_class: str) -> Iterator[bool]:
    """Without reservations and bounds of programmes, nobody with one device to go waits beside a free one."""
    free = {device.uuid for device in step.free(gpu_class)}
    if not free or any(r.gpu_class == gpu_class for r in step.reservations.values()):
        return
    entries = list(step.line(gpu_class).entries.values())
    if any(step.leases[entry.lease].count > 1 for entry in entries):
        return
    for entry in entries:
        yield step.may_have_more(entry.programme) and (not entry.home or entry.home in free)


def _counts(state: State) -> Iterator[str]:
    live = list(state.leases.values())
    for programme in {lease.programme for lease in live} | set(state.programme_devices):
        held = sum(occupied(lease) for lease in live if lease.programme == programme)
        if held != (state.programme_devices.get(programme) or 0):
            yield f"programme {programme!r} occupies {held} devices, not {state.programme_devices.get(programme)}"
    for uuid in state.devices:
        parked = sum(lease.state is LeaseState.PARKED and lease.home == uuid for lease in live)
        if parked != (state.homes.get(uuid) or 0):
            yield f"{parked} parked kernels return to {uuid}, not {state.homes.get(uuid)}"
    for user in {lease.user for lease in live} | set(state.of_user):
        if (state.of_user.get(user) or frozenset()) != {lease.id for lease in live if lease.user == user}:
            yield f"the leases of {user} are not those noted for them"


def over_cap(state: State) -> list[Lease]:
    """Leases of users who occupy more than their cap."""
    step = Step(state, state.now)
    return [
        lease
        for lease in state.leases.values()
        if lease.state in OCCUPYING and step.occupied_by(lease.user) > state.rules.devices_of(lease.user)
    ]
