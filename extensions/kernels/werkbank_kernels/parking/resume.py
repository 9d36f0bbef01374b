"""The act resume: a parked kernel gets its device memory back."""

from dataclasses import replace

from .answers import BROKEN, DONE, LATER, MIGRATION, NOTHING_ON_DEVICE, ON_DEVICE, Answer, Stopped
from .driver import CHECKPOINTED, FAILED, LOCKED, RUNNING
from .facts import read_devices
from .journal import Entry
from .migrate import pairs_of, whole_map
from .requests import Request
from .steps import Steps, has_room


def resume(steps: Steps, entry: Entry, request: Request) -> Answer:
    """How it went. Stopped and the driver's exceptions while nothing was done yet; the kernel is parked then."""
    if not steps.driver.has_cuda(request.pid):
        lost = entry.mode == ON_DEVICE
        ended = Answer(BROKEN, "not-checkpointed") if lost else Answer(DONE, mode=NOTHING_ON_DEVICE)
        return steps.finish(entry, ended)
    state = steps.driver.state(request.pid)
    if state in (RUNNING, LOCKED):
        return _is_back(steps, entry.moved(), request, state)
    if state == FAILED or (state == CHECKPOINTED and entry.restore_failed):
        return steps.finish(entry, Answer(BROKEN, "restore-failed-before" if entry.restore_failed else state))
    if state != CHECKPOINTED:
        return Answer(LATER, "not-checkpointed", details={"state": state})
    return _give_back(steps, replace(entry, moves=_moves(steps, entry, request)), request)


def _is_back(steps: Steps, entry: Entry, request: Request, state: str) -> Answer:
    """The process was restored before, by an act whose answer was lost."""
    if state == LOCKED:
        steps.unlock(entry)
    if request.devices and not set(entry.devices) <= set(request.devices):
        # It sits on a device that may be somebody else's by now.
        return steps.finish(entry, Answer(BROKEN, "other-device", details=_parked_on(entry)))
    if state == LOCKED:
        return steps.finish(entry, Answer(DONE, mode=ON_DEVICE, bytes=entry.bytes))
    return steps.finish(entry, Answer(DONE, "already", mode=ON_DEVICE))


def _give_back(steps: Steps, entry: Entry, request: Request) -> Answer:
    if not has_room(entry, request.devices):
        return Answer(LATER, "no-room", bytes=entry.bytes)
    try:
        restored = steps.restore_and_unlock(entry)
    except Stopped as stopped:
        return steps.finish(entry, stopped.answer)
    moved = {old: new for old, new in entry.moves.items() if old != new}
    details = {"moved": moved} if moved else {}
    return steps.finish(restored, Answer(DONE, bytes=sum(restored.devices.values()), mode=ON_DEVICE, details=details))


def _moves(steps: Steps, entry: Entry, request: Request) -> dict[str, str]:
    """The map for the devices of the request; {} for in place. Stopped."""
    if not request.devices or not request.migration:
        if request.devices and not set(entry.devices) <= set(request.devices):
            raise _stopped("other-device", entry)
        return {}
    parked_on = entry.leased or list(entry.devices)
    if not parked_on:
        return _in_place_for_certain(entry, request)
    pairs = pairs_of(parked_on, entry.devices, request.devices)
    if pairs is None:
        raise _stopped("other-device", entry)
    return whole_map(steps.driver, pairs) if pairs else {}


def _in_place_for_certain(entry: Entry, request: Request) -> dict[str, str]:
    """Nothing is known of where it was: only who holds the whole machine surely holds that place. Stopped."""
    if {device.uuid for device in read_devices()} <= set(request.devices):
        return {}
    raise _stopped("parked-on-unknown", entry)


def _stopped(code: str, entry: Entry) -> Stopped:
    return Stopped(MIGRATION[code], code, **_parked_on(entry))


def _parked_on(entry: Entry) -> dict[str, list[str]]:
    return {"parked-on": sorted(entry.devices)}
