"""Where somebody waits and nothing is free: idle kernels are told, then parked."""

from hub.leases.ending import end, spare
from hub.leases.events import Intent
from hub.leases.granting import in_order
from hub.leases.line import Line
from hub.leases.model import Device, DeviceState, Lease, LeaseState, Rank
from hub.leases.reservations import due_to_reservations
from hub.leases.state import Step
from hub.leases.timers import watch


def make_room(step: Step, gpu_class: str) -> None:
    """Where somebody waits and nothing is on its way to them, give notice to idle kernels."""
    line = step.line(gpu_class)
    reserved = due_to_reservations(step, gpu_class)
    if not len(line) and not reserved:
        spare(step, gpu_class)
        return
    for device, ages in sorted(line.returning.items()):
        if not device:
            continue  # any device will do: it counts among those who want one
        _make_room_for(step, step.leases[ages.first()[1]], step.devices[device])
    missing = _wanted(step, line, gpu_class) + reserved - _coming(step, gpu_class)
    if missing > 0:
        _give_notices(step, line, gpu_class, missing)


def _wanted(step: Step, line: Line, gpu_class: str) -> int:
    """Devices that those in the line could use, the returning apart (they want one particular device)."""
    may = {rank: set(step.programmes_in_order(line, rank)) for rank in Rank}
    waiting = sum(len(queue) for (rank, programme), queue in line.queues.items() if programme in may[rank])
    waiting += len(line.returning.get("") or ()) + _soon_returning(step, gpu_class)
    first = _first_waiting(step, line)
    return min(max(waiting, first.count if first else 0), len(step.of_class.get(gpu_class) or ()))


def _soon_returning(step: Step, gpu_class: str) -> int:
    """Kernels that are just being parked and have a cell waiting already: each will want some device back."""
    if not step.rules.migration:
        return 0  # theirs, which somebody else is about to have
    holders = (step.leases.get(device.lease) for device in step.class_devices(gpu_class) if device.lease)
    return sum(holder is not None and holder.state is LeaseState.PARKING and holder.wants for holder in holders)


def _coming(step: Step, gpu_class: str) -> int:
    """Devices that are free or will soon be, without anybody being asked."""
    coming = 0
    for device in step.class_devices(gpu_class):
        holder = step.leases.get(device.lease) if device.lease else None
        leaving = holder is not None and holder.state in (LeaseState.NOTICE, LeaseState.PARKING)
        promised = device.uuid in step.line(gpu_class).returning
        free = device.state in (DeviceState.FREE, DeviceState.CLEANING) and device.visible and not device.taken
        coming += (free or leaving) and not promised and not device.draining
    return coming


def _give_notices(step: Step, line: Line, gpu_class: str, missing: int) -> None:
    waiting = _first_waiting(step, line)
    holders = [step.leases[d.lease] for d in step.class_devices(gpu_class) if d.lease and d.lease in step.leases]
    victims = [lease for lease in holders if is_victim(step, lease, waiting)]
    # Courtesies decide who goes first, also where they no longer decide whether.
    order = {lease.id: bool(courtesy(step, lease, waiting)) for lease in victims}
    homes = {lease.id: step.homes.get(lease.devices[0]) or 0 for lease in victims}
    victims.sort(key=lambda lease: (order[lease.id], homes[lease.id], lease.idle_since, lease.id))
    for victim in victims[:missing]:
        give_notice(step, victim)


def _first_waiting(step: Step, line: Line) -> Lease | None:
    for rank in Rank:
        if rank is Rank.RETURNING:
            if anywhere := line.returning.get(""):
                return step.leases[anywhere.first()[1]]
            continue
        for entry in in_order(step, line, rank):
            return step.leases[entry.lease]
    return None


def _make_room_for(step: Step, lease: Lease, device: Device) -> None:
    """The one particular device that a parked kernel wants back."""
    holder = step.leases.get(device.lease) if device.lease else None
    if holder is not None and is_victim(step, holder, lease):
        give_notice(step, holder)


def is_victim(step: Step, lease: Lease, waiting: Lease | None) -> bool:
    """Whether an idle lease may be asked to make room for `waiting` (None: for a reservation)."""
    if why_spared(step, lease):
        return False
    pressing = waiting is not None and step.now - waiting.queued_at >= step.rules.patience
    return pressing or not courtesy(step, lease, waiting)


def why_spared(step: Step, lease: Lease) -> str:
    """Why a lease cannot be asked to make room now, whoever waits (a reason code); empty when it can."""
    rules, idle = step.rules, step.now - lease.idle_since
    if lease.state is not LeaseState.ACTIVE or lease.silent:
        return str(lease.state) if not lease.silent else "silent"
    if lease.busy or step.now - _last_work(step, lease) < rules.min_idle_crowded:
        return "busy"
    if step.now < lease.kept_until:
        return "kept"
    if not is_parkable(step, lease):
        # What cannot be parked ends instead, but only after a long time without use.
        return "" if idle >= rules.idle_life else "unparkable"
    if idle < rules.min_idle_crowded:
        return "idle-too-short"
    if lease.setbacks and step.now < lease.not_before:
        return "was-working"
    reserved = any(r.is_for(lease) for r in step.reservations_now(lease.gpu_class))
    return "reserved" if reserved else ""


def courtesy(step: Step, lease: Lease, waiting: Lease | None) -> str:
    """Why a lease is left alone as long as nobody has waited for long (a reason code); empty when it is not."""
    rules, idle = step.rules, step.now - lease.idle_since
    if not lease.used:
        return ""  # it never ran a cell since it got its device: nothing is interrupted, nothing to copy
    if idle < _min_idle(step, lease.gpu_class):
        return "idle-too-short"
    if step.now < lease.not_before:
        return "just-back"
    if step.now - lease.acquired < rules.min_hold:
        return "held-too-short"
    lighter = waiting is not None and lease.user != waiting.user and step.level(lease) < step.level(waiting)
    return "lighter-user" if lighter and idle < rules.spare_lighter_user_for else ""


def is_parkable(step: Step, lease: Lease) -> bool:
    """Whether the lease could be parked at all."""
    return not why_unparkable(step, lease)


def why_unparkable(step: Step, lease: Lease) -> str:
    """Why the lease cannot be parked (a reason code); empty when it can."""
    if step.rules.jobs:
        return "job"
    if not step.rules.parking:
        return "parking-off"
    if not lease.gated:
        return "not-gated"
    if lease.count > 1:
        return "several-devices"
    on_device = (step.devices[uuid].unparkable for uuid in lease.devices)
    return lease.unparkable or next(filter(None, on_device), "")


def _last_work(step: Step, lease: Lease) -> float:
    """When its device was last seen computing, as a thread does that no cell waits for."""
    return max((step.devices[uuid].worked for uuid in lease.devices), default=0.0)


def _min_idle(step: Step, gpu_class: str) -> float:
    """How long a kernel must have been idle; less when more wait than there are devices."""
    crowded = len(step.line(gpu_class)) > len(step.of_class.get(gpu_class) or ())
    return step.rules.min_idle_crowded if crowded else step.rules.min_idle


def give_notice(step: Step, lease: Lease) -> None:
    """Tell the kernel's user; with no browser connected there is nobody to wait for."""
    # Where nothing of the kernel is kept its user needs time to save what they want to keep.
    length = step.rules.notice if is_parkable(step, lease) else max(step.rules.notice, step.rules.farewell)
    notice = step.move(lease, LeaseState.NOTICE, "somebody-waits", ends_at=step.now + length)
    if lease.watched:
        watch(step, notice)
    else:
        notice_over(step, notice)


def notice_over(step: Step, lease: Lease) -> None:
    """The notice ran out: park the kernel, or end a lease that cannot be parked."""
    if not is_parkable(step, lease):
        end(step, lease, LeaseState.EXPIRED, "idle-too-long")
        return
    parking = step.move(lease, LeaseState.PARKING, "notice-over", epoch=lease.epoch + 1)
    step.ask(Intent(parking.id, parking.epoch, "park", parking.devices[0], step.now))
    watch(step, parking)
