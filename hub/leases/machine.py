"""What follows from an event: `decide(state, event, now) -> (state, actions)`.

Pure: no clock, no I/O, no randomness; the same call gives the same answer, and the state passed in is
still there afterwards. The service, the tests and the simulator run this very function.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hub.errors import LeaseRefused
from hub.leases.ending import end, spare
from hub.leases.events import (
    Action,
    Arrived,
    Bound,
    Died,
    Drained,
    Event,
    Foretold,
    ForgetReservation,
    Heard,
    JobOver,
    Kept,
    Listed,
    LookAt,
    Looked,
    Released,
    Reported,
    Requested,
    Reserved,
    Result,
    Returned,
    Ruled,
    SaveReservation,
    Submitted,
    Ticked,
    Transition,
    Unreserved,
    Worked,
)
from hub.leases.granting import clean, grant_touched
from hub.leases.model import OCCUPYING, Device, DeviceState, Lease, LeaseState, Reservation
from hub.leases.reservations import refile
from hub.leases.room import make_room, notice_over
from hub.leases.state import State, Step
from hub.leases.timers import look_again, watch

MOST_PAUSE = 60.0
"""Seconds between attempts to resume on a device that is not ready, at most."""
MOST_WOKEN = 8
"""Leases that one decision looks at again; whoever ticks goes on until none is due (`State.is_late`)."""
LEAST_OFFER_OF_JOBS = 300.0
"""Seconds that a kernel on a cluster has to take its job, at least: its packages may come over a network."""
MAX_LAPSES = 2
"""Offers that may pass by before a lease that takes none is ended."""


def decide(state: State, event: Event, now: float) -> tuple[State, tuple[Action, ...]]:
    """What the broker does about `event` at `now` (Unix seconds).

    Raises LeaseRefused when the event cannot be: nothing has changed then. A clock that went back is
    treated as one that stands still.
    """
    step = Step(state, now)
    _EDGES[type(event)](step, event)
    grant_touched(step)
    return step.finish()


# --- a lease's way in and out ------------------------------------------------------------------------


def _requested(step: Step, event: Requested) -> None:
    asked = event.lease
    if asked.id in step.leases:
        return  # the same request again: its answer was lost on the way
    _require_possible(step, asked)
    lease = replace(asked, since=step.now, queued_at=step.now, heard=step.now, charged=step.now)
    step.ask(Transition(lease.id, None, LeaseState.QUEUED, "requested", step.now))
    watch(step, step.put(lease))


def _require_possible(step: Step, asked: Lease) -> None:
    """Raises LeaseRefused for what could never be given, however long one waits."""
    if asked.count > step.rules.devices_of(asked.user):
        raise LeaseRefused("over-cap")
    waiting = sum(lease.is_waiting for lease in step.leases_of(asked.user))
    if waiting >= step.rules.waiting_per_user:
        raise LeaseRefused("too-many-waiting")
    if asked.count > len(step.of_class.get(asked.gpu_class) or ()):
        raise LeaseRefused("not-enough-devices")


def _bound(step: Step, event: Bound) -> None:
    before = _current(step, event.lease, event.epoch)
    lease = replace(before, pid=event.pid, pid_started=event.pid_started, heard=step.now, silent=False)
    is_new = event.pid_started != before.pid_started or event.pid != before.pid
    match lease.state:
        case LeaseState.OFFERED:
            step.devices_to(lease.devices, DeviceState.HELD, lease.id)
            _activate(step, lease, "taken")
        case LeaseState.QUEUED:
            step.put(lease)
        case LeaseState.ACTIVE:
            step.put(replace(lease, busy=False, unparkable="") if is_new else lease)
        case LeaseState.NOTICE | LeaseState.PARKING | LeaseState.RESUMING if is_new:
            _restarted(step, lease)
        case LeaseState.PARKED if is_new:
            _restarted_while_parked(step, lease)
        case _:
            raise LeaseRefused("wrong-state")


def _restarted(step: Step, lease: Lease) -> None:
    """A new process took the place of the one that was being parked or resumed: nothing is left to bring over."""
    if lease.state is not LeaseState.NOTICE:
        step.ask(Result(lease.id, lease.epoch, "ended", "restarted", 0, 0.0, step.now))
    lease = step.charge(lease)
    step.devices_to(lease.devices, DeviceState.HELD, lease.id)
    _activate(step, lease, "restarted", busy=False, unparkable="", setbacks=0)


def _restarted_while_parked(step: Step, lease: Lease) -> None:
    """The parked device state went with the old process; the new one waits for any device."""
    fresh = {"home": "", "host_bytes": 0, "wants": False, "unparkable": "", "setbacks": 0, "pausing": False}
    fresh["queued_at"] = step.now
    watch(step, step.move(lease, LeaseState.QUEUED, "restarted", **fresh))


def _activate(step: Step, lease: Lease, why: str, **changes: Any) -> Lease:
    """The lease has its device and its kernel may use it."""
    fresh = {} if lease.state is LeaseState.NOTICE else {"acquired": step.now, "charged": step.now, "lapses": 0}
    changes = {"wants": False, "idle_since": step.now, **fresh, **changes}
    active = step.move(lease, LeaseState.ACTIVE, why, **changes)
    watch(step, active)
    return active


def _released(step: Step, event: Released) -> None:
    end(step, _live(step, event.lease), LeaseState.RELEASED, event.reason)


def _died(step: Step, event: Died) -> None:
    end(step, _live(step, event.lease), LeaseState.LOST, "process-gone")


# --- what its seat says -------------------------------------------------------------------------------


def _heard(step: Step, event: Heard) -> None:
    lease = _live(step, event.lease)
    if event.epoch > lease.epoch:
        raise LeaseRefused("stale-epoch")
    was_silent = lease.silent
    lease = step.change(lease, heard=step.now, silent=False, watched=event.watched)
    if was_silent:
        watch(step, lease)
    if event.epoch < lease.epoch:
        return  # said before our last order arrived: alive, but what it did then is no news
    match lease.state:
        case LeaseState.ACTIVE | LeaseState.NOTICE:
            _worked_on(step, lease, event)
        case LeaseState.PARKING if event.wants and not lease.wants:
            # Too late to stop; but room can be made for it meanwhile.
            step.change(lease, wants=True, queued_at=step.now)
        case LeaseState.PARKED if event.wants != lease.wants:
            lease = step.change(lease, wants=event.wants, queued_at=step.now)
            watch(step, lease)
            spare(step, lease.gpu_class)


def _worked_on(step: Step, lease: Lease, event: Heard) -> None:
    if event.unparkable != lease.unparkable and event.unparkable:
        lease = step.change(lease, unparkable=event.unparkable)
    if event.busy == lease.busy:
        return
    lease = step.charge(lease)  # so that busy and idle seconds are kept apart
    if event.busy:
        changes = {"busy": True, "used": True, "keeps": 0, "kept_until": 0.0}
        if lease.state is LeaseState.NOTICE:
            _activate(step, lease, "cell-started", **changes)
        else:
            step.change(lease, **changes)
    else:
        step.change(lease, busy=False, idle_since=step.now, setbacks=0)


def _kept(step: Step, event: Kept) -> None:
    lease = _live(step, event.lease)
    if lease.state not in (LeaseState.ACTIVE, LeaseState.NOTICE):
        raise LeaseRefused("wrong-state")
    if lease.keeps >= step.rules.keeps:
        raise LeaseRefused("keeps-used")
    kept = {"keeps": lease.keeps + 1, "kept_until": step.now + step.rules.keep_for}
    if lease.state is LeaseState.NOTICE:
        _activate(step, lease, "kept", idle_since=lease.idle_since, **kept)
    else:
        step.change(lease, **kept)


def _reported(step: Step, event: Reported) -> None:
    lease = _current(step, event.lease, event.epoch)
    expected = {"park": LeaseState.PARKING, "resume": LeaseState.RESUMING}[event.act]
    if lease.state is not expected:
        raise LeaseRefused("wrong-state")
    outcome = (event.outcome, event.reason, event.bytes, event.seconds)
    step.ask(Result(lease.id, lease.epoch, *outcome, step.now))
    # Charged before anything else: what follows begins to count anew.
    lease = step.charge(replace(lease, heard=step.now, silent=False))
    if event.outcome == "broken" or (event.outcome == "refused" and event.act == "resume"):
        end(step, lease, LeaseState.BROKEN, event.reason or event.act)
    elif event.act == "park":
        _park_reported(step, lease, event)
    else:
        _resume_reported(step, lease, event)


def _park_reported(step: Step, lease: Lease, event: Reported) -> None:
    match event.outcome:
        case "done":
            given, ends_at = lease.devices, step.now + step.rules.parked_life
            # On unlike devices a restore could fail for good, and nobody tries and sees.
            movable = event.movable or (step.rules.migration and step.is_uniform(lease.gpu_class))
            home = "" if movable else given[0]
            rest = {
                "devices": (),
                "home": home,
                "parked_from": given[0],
                "host_bytes": event.bytes,
                "ends_at": ends_at,
                "busy": False,
            }
            parked = step.move(lease, LeaseState.PARKED, "parked", **rest)
            watch(step, parked)
            clean(step, given)
        case "refused":
            _activate(step, lease, "cannot-be-parked", unparkable=event.reason or "refused", acquired=lease.acquired)
        case _:
            setbacks = lease.setbacks + 1
            pause = step.rules.lock_backoff * 2 ** min(setbacks - 1, 2)
            _activate(step, lease, "was-working", setbacks=setbacks, not_before=step.now + pause)


def _resume_reported(step: Step, lease: Lease, event: Reported) -> None:
    if event.outcome == "done":
        step.devices_to(lease.devices, DeviceState.HELD, lease.id)
        _activate(step, lease, "resumed", host_bytes=0, setbacks=0, not_before=step.now + step.rules.park_again_after)
        return
    # The device was not as free as it looked. Its state is safe in host memory: wait a little longer each time.
    given, ends_at = lease.devices, step.now + step.rules.parked_life
    pause = min(2.0 ** (lease.setbacks + 1), MOST_PAUSE)
    # Elsewhere than where it was parked it could not be brought back: then it returns there and nowhere else.
    home = lease.parked_from if lease.parked_from not in ("", *given) else lease.home
    again = {
        "home": home,
        "pausing": True,
        "not_before": step.now + pause,
        "setbacks": lease.setbacks + 1,
        "ends_at": ends_at,
    }
    watch(step, step.move(lease, LeaseState.PARKED, "device-not-ready", devices=(), wants=True, **again))
    clean(step, given)


# --- jobs of a cluster ------------------------------------------------------------------------------------


def _submitted(step: Step, event: Submitted) -> None:
    step.change(_live(step, event.lease), job=event.job)


def _foretold(step: Step, event: Foretold) -> None:
    lease = _live(step, event.lease)
    if lease.outlook != event.outlook:
        step.change(lease, outlook=event.outlook)


def _arrived(step: Step, event: Arrived) -> None:
    """The cluster's word counts: whoever had these devices by our books has lost them, and we had yet to hear of it."""
    lease = _live(step, event.lease)
    if lease.job not in (0, event.job) or len(event.devices) != lease.count:
        raise LeaseRefused("wrong-state")
    if lease.state is not LeaseState.QUEUED:
        return  # the same again: its answer was lost on the way
    for device in event.devices:
        known = step.devices.get(device.uuid)
        if known is not None and known.lease and (before := step.leases.get(known.lease)) is not None:
            end(step, before, LeaseState.LOST, "job-gone")
        if known is None:
            step.put_device(device)
    uuids = tuple(device.uuid for device in event.devices)
    step.devices_to(uuids, DeviceState.RESERVED, lease.id)
    facts = {"devices": uuids, "job": event.job, "contact": event.contact, "epoch": lease.epoch + 1}
    times = {
        "ends_at": step.now + max(step.rules.offer_timeout, LEAST_OFFER_OF_JOBS),
        "charged": step.now,
        "acquired": step.now,
    }
    outlook = replace(lease.outlook, place=None, of=0, reason="", starts=0.0)
    watch(step, step.move(lease, LeaseState.OFFERED, "granted", outlook=outlook, **facts, **times))


def _job_over(step: Step, event: JobOver) -> None:
    lease = _live(step, event.lease)
    state = LeaseState.EXPIRED if lease.state is LeaseState.QUEUED else LeaseState.LOST
    end(step, lease, state, event.why)


# --- devices --------------------------------------------------------------------------------------------


def _listed(step: Step, event: Listed) -> None:
    seen = {device.uuid: device for device in event.devices}
    for known in step.all_devices():
        fact = seen.pop(known.uuid, None)
        if fact is None:
            _put_if_changed(step, known, replace(known, visible=False))
        else:
            _put_if_changed(step, known, _as_seen(known, fact))
    for new in seen.values():
        step.put_device(replace(new, state=DeviceState.CLEANING, lease=None, since=step.now))
        step.ask(LookAt(new.uuid))


def _as_seen(known: Device, fact: Device) -> Device:
    """What the inventory says of a device, with what the broker knows of it."""
    return replace(
        fact,
        visible=True,
        state=known.state,
        lease=known.lease,
        since=known.since,
        draining=known.draining,
        worked=known.worked,
    )


def _put_if_changed(step: Step, old: Device, new: Device) -> None:
    if old != new:
        step.put_device(new)


def _looked(step: Step, event: Looked) -> None:
    device = _device(step, event.device)
    if device.state not in (DeviceState.CLEANING, DeviceState.QUARANTINED):
        return
    if event.clean:
        step.devices_to((device.uuid,), DeviceState.FREE, None)
    elif device.state is DeviceState.CLEANING and step.now - device.since > step.rules.clean_timeout:
        step.devices_to((device.uuid,), DeviceState.QUARANTINED, None)


def _worked(step: Step, event: Worked) -> None:
    device = _device(step, event.device)
    step.put_device(replace(device, worked=step.now))


def _drained(step: Step, event: Drained) -> None:
    device = _device(step, event.device)
    step.put_device(replace(device, draining=event.draining))


# --- time -------------------------------------------------------------------------------------------------


def _ticked(step: Step, _event: Ticked) -> None:
    for lease in list(step.woken(MOST_WOKEN)):
        # Ending one lease can change another: take it as it is now.
        if (current := step.leases.get(lease.id)) is not None:
            _due(step, current)
    _reservations_due(step)
    look_again(step)
    # Age, a new week or the end of a window may let somebody have what they could not before.
    step.touched.update(step.lines)
    grant_touched(step)
    for gpu_class in sorted(step.of_class):
        make_room(step, gpu_class)


def _due(step: Step, lease: Lease) -> None:
    """A lease whose deadline may have come: act on what has, and set the next."""
    if lease.state in OCCUPYING:
        lease = step.charge(lease)
    if lease.ends_at and lease.ends_at <= step.now:
        _time_is_up(step, lease)
        return
    unheard = step.now - lease.heard
    if unheard >= _most_unheard(step, lease):
        end(step, lease, LeaseState.LOST, "silent")
        return
    if lease.pausing and lease.not_before <= step.now:
        lease = step.change(lease, pausing=False)
    if unheard >= step.rules.silent_after and not lease.silent:
        lease = step.change(lease, silent=True)
    watch(step, lease)


def _most_unheard(step: Step, lease: Lease) -> float:
    """After how many seconds of silence a lease ends. A kernel of this machine is looked after by its process."""
    if lease.state is LeaseState.QUEUED:
        return step.rules.lost_after
    return step.rules.unheard_life if step.rules.jobs else math.inf


def _time_is_up(step: Step, lease: Lease) -> None:
    match lease.state:
        case LeaseState.OFFERED:
            _lapse(step, lease)
        case LeaseState.NOTICE:
            notice_over(step, lease)
        case _:
            end(step, lease, LeaseState.EXPIRED, f"{lease.state}-too-long")


def _lapse(step: Step, lease: Lease) -> None:
    """Nobody took the offer: back to the end of the line, once; the device is looked at again."""
    if lease.lapses + 1 >= MAX_LAPSES:
        end(step, lease, LeaseState.EXPIRED, "offer-not-taken")
        return
    if step.rules.jobs:
        end(step, lease, LeaseState.EXPIRED, "offer-not-taken")  # its job holds devices meanwhile
        return
    given = lease.devices
    # A new epoch: should its kernel take the old offer after all, that is refused.
    again = {"devices": (), "lapses": lease.lapses + 1, "epoch": lease.epoch + 1, "queued_at": step.now}
    watch(step, step.move(lease, LeaseState.QUEUED, "offer-not-taken", **again))
    clean(step, given)


def _reservations_due(step: Step) -> None:
    """Windows that opened or closed change who goes first."""
    for reservation in sorted(step.reservations.values(), key=lambda r: r.id):
        if reservation.end <= step.now:
            _forget(step, reservation)
        elif reservation.start <= step.now and reservation.id not in step.open:
            step.open |= {reservation.id}
            refile(step, reservation.gpu_class)


def _forget(step: Step, reservation: Reservation) -> None:
    step.reservations = step.reservations.remove(reservation.id)
    step.open -= {reservation.id}
    step.ask(ForgetReservation(reservation.id))
    refile(step, reservation.gpu_class)


def _returned(step: Step, _event: Returned) -> None:
    """After an outage silence means nothing yet, and every free device is looked at before it is given."""
    for lease in sorted(step.leases.values(), key=lambda lease: lease.id):
        ends_at = lease.ends_at
        if lease.state is LeaseState.OFFERED:
            ends_at = step.now + step.rules.offer_timeout
        watch(step, step.change(lease, heard=step.now, silent=False, charged=step.now, ends_at=ends_at))
    for device in step.all_devices():
        if device.state not in (DeviceState.HELD, DeviceState.RESERVED):
            step.devices_to((device.uuid,), DeviceState.CLEANING, None)
            step.ask(LookAt(device.uuid))


# --- reservations --------------------------------------------------------------------------------------------


def _reserved(step: Step, event: Reserved) -> None:
    made = event.reservation
    if made.count > len(step.of_class.get(made.gpu_class) or ()):
        raise LeaseRefused("not-enough-devices")
    if (old := step.reservations.get(made.id)) is not None:
        _forget(step, old)
    step.reservations = step.reservations.insert(made.id, made)
    step.ask(SaveReservation(made))
    _reservations_due(step)
    step.touched.update(step.lines)


def _unreserved(step: Step, event: Unreserved) -> None:
    gone = step.reservations.get(event.reservation)
    if gone is None:
        raise LeaseRefused("no-such-reservation")
    _forget(step, gone)
    step.touched.update(step.lines)


# --- looking things up -----------------------------------------------------------------------------------------


def _live(step: Step, lease: str) -> Lease:
    if (found := step.leases.get(lease)) is None:
        raise LeaseRefused("lease-ended")
    return found


def _current(step: Step, lease: str, epoch: int) -> Lease:
    found = _live(step, lease)
    if found.epoch != epoch:
        raise LeaseRefused("stale-epoch")
    return found


def _device(step: Step, uuid: str) -> Device:
    if (found := step.devices.get(uuid)) is None:
        raise LeaseRefused("no-such-device")
    return found


def _ruled(step: Step, event: Ruled) -> None:
    """Nobody loses what they have; whoever waits is looked at again, and every lease's next look is planned anew."""
    step.rules = event.rules
    for id in sorted(step.leases):
        step.file(step.leases[id])
        watch(step, step.leases[id])
    step.touched.update(step.of_class)


_EDGES: dict[type, Callable[[Step, Any], None]] = {
    Requested: _requested,
    Bound: _bound,
    Heard: _heard,
    Reported: _reported,
    Released: _released,
    Kept: _kept,
    Submitted: _submitted,
    Foretold: _foretold,
    Arrived: _arrived,
    JobOver: _job_over,
    Died: _died,
    Listed: _listed,
    Looked: _looked,
    Worked: _worked,
    Ticked: _ticked,
    Returned: _returned,
    Drained: _drained,
    Reserved: _reserved,
    Unreserved: _unreserved,
    Ruled: _ruled,
}
