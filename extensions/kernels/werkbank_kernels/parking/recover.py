"""What to do about an act whose actuator died in it."""

import logging
import time
from enum import Enum

from .answers import BROKEN, DONE, LATER, Answer, Stopped
from .driver import CHECKPOINTED, CHECKPOINTING, LOCKED, RESTORING, RUNNING, UNKNOWN, DriverFailed
from .journal import Entry
from .migrate import check_map
from .processes import trouble
from .requests import PARK, RESUME
from .steps import Steps, has_room

log = logging.getLogger(__name__)

SLOWEST_BYTES_PER_SECOND = 2 * 10**9
LOOK_EVERY_S = 0.1


class Remedy(Enum):
    """What an interrupted act asks for."""

    LOST = "the process is gone"
    UNDONE = "nothing had happened"
    UNLOCK = "the process waits locked"
    VERIFY = "the process is parked, its device not looked at"
    RESTORE = "the process is still parked, and nobody saw a restore fail"
    RESUMED = "the process runs again"
    WAIT = "the driver is at it, or in a state that this code does not know"
    BREAK = "the device memory is lost"


_REMEDIES = {
    (PARK, RUNNING): Remedy.UNDONE,
    (PARK, LOCKED): Remedy.UNLOCK,
    (PARK, CHECKPOINTED): Remedy.VERIFY,
    (RESUME, CHECKPOINTED): Remedy.RESTORE,
    (RESUME, LOCKED): Remedy.UNLOCK,
    (RESUME, RUNNING): Remedy.RESUMED,
}


def remedy(act: str, alive: bool, state: str, restore_failed: bool) -> Remedy:
    """The recovery table. `state` is the driver's word for the process, "failed" also where it gave none."""
    if not alive:
        return Remedy.LOST
    if state in (CHECKPOINTING, RESTORING, UNKNOWN):
        return Remedy.WAIT
    if state == CHECKPOINTED and restore_failed:
        return Remedy.BREAK
    return _REMEDIES.get((act, state), Remedy.BREAK)


def recover(steps: Steps, entry: Entry, budget_s: float, may_restore: bool) -> Answer:
    """Ends an interrupted act, waiting `budget_s` and the time its bytes take for a driver that is still at it.
    Without `may_restore` a process that is still parked stays so: only who holds its device may resume it.
    """
    found = _settled(steps, entry, budget_s)
    log.warning("lease %s, interrupted %s at %s: %s", entry.lease, entry.act, entry.step, found.value)
    try:
        return _carry_out(steps, entry, found, may_restore)
    except Stopped as stopped:
        return steps.finish(entry, stopped.answer)


def _settled(steps: Steps, entry: Entry, budget_s: float) -> Remedy:
    deadline = time.monotonic() + budget_s + entry.bytes / SLOWEST_BYTES_PER_SECOND
    while True:
        alive = trouble(entry.pid, entry.pid_started) is None
        found = remedy(entry.act, alive, _state(steps, entry) if alive else "", entry.restore_failed)
        if found is not Remedy.WAIT:
            return found
        if time.monotonic() >= deadline:
            return Remedy.BREAK
        time.sleep(LOOK_EVERY_S)


def _state(steps: Steps, entry: Entry) -> str:
    try:
        return steps.driver.state(entry.pid)
    except DriverFailed as failure:
        log.error("state of %s: %s", entry.pid, failure)
        return "failed"


def _carry_out(steps: Steps, entry: Entry, found: Remedy, may_restore: bool) -> Answer:
    undone = entry.act == PARK
    ended = Answer(LATER, "interrupted") if undone else Answer(DONE, mode=entry.mode, bytes=entry.bytes)
    match found:
        case Remedy.LOST:
            return steps.finish(entry, Answer(BROKEN, "process-gone"))
        case Remedy.UNDONE | Remedy.RESUMED:
            return steps.finish(entry.moved(), ended)
        case Remedy.UNLOCK:
            # A resume that is locked has been restored, so it is where the map said.
            steps.unlock(entry.moved())
            return steps.finish(entry.moved(), ended)
        case Remedy.VERIFY:
            return steps.parked(entry)
        case Remedy.RESTORE:
            return _restore_once(steps, entry) if may_restore else Answer(LATER, "interrupted")
    return steps.finish(entry, Answer(BROKEN, "interrupted"))


def _restore_once(steps: Steps, entry: Entry) -> Answer:
    if entry.moves:
        check_map(steps.driver, entry.moves)
    if not has_room(entry):
        return Answer(LATER, "no-room")
    entry = steps.restore_and_unlock(entry)
    return steps.finish(entry, Answer(DONE, mode=entry.mode, bytes=entry.bytes))


def outcome_of(entry: Entry | None, of: str) -> Answer:
    """How the act `of` ended whose answer was never heard, when nothing of it is unfinished."""
    if entry is None or entry.act != of or not entry.outcome:
        return Answer(LATER, "interrupted")
    return Answer(entry.outcome, entry.reason, bytes=entry.bytes, mode=entry.mode)
