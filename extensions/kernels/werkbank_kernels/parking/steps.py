"""The single steps of parking: each is written down, then done to a process that was looked at once more."""

import logging
import time
from contextlib import suppress
from dataclasses import replace

from .answers import BROKEN, DONE, LATER, ON_DEVICE, Answer, Stopped
from .driver import CudaDriver, DriverFailed
from .facts import DeviceFacts, Unreadable, read_devices
from .journal import INTENT, RESULT, Entry, Journal
from .precheck import EMPTY
from .processes import trouble

log = logging.getLogger(__name__)

UNLOCK_ATTEMPTS = 3
LOOK_EVERY_S = 0.05


class Steps:
    """Works on one process at a time. Raises Stopped when an act cannot go on, DriverFailed when a call failed."""

    def __init__(self, driver: CudaDriver, journal: Journal, clean_timeout_s: float):
        self.driver, self.journal, self.clean_timeout_s = driver, journal, clean_timeout_s

    def lock(self, entry: Entry, timeout_s: float) -> Entry:
        entry = self._intend(entry, "lock")
        self.driver.lock(entry.pid, timeout_s)
        return entry

    def checkpoint(self, entry: Entry) -> Entry:
        entry = self._intend(entry, "checkpoint")
        self.driver.checkpoint(entry.pid)
        return entry

    def restore(self, entry: Entry) -> Entry:
        """Once: whatever the error, it is on disk before anybody could try again."""
        entry = self._intend(entry, "restore")
        try:
            self.driver.restore(entry.pid, entry.moves)
        except DriverFailed:
            self.note(replace(entry, restore_failed=True))
            raise
        return entry.moved()

    def unlock(self, entry: Entry) -> None:
        """The safe direction: tried again, and not stopped by a journal that cannot be written."""
        self.note(replace(entry, step="unlock", stage=INTENT))
        self._guard(entry)
        for left in reversed(range(UNLOCK_ATTEMPTS)):
            try:
                return self.driver.unlock(entry.pid)
            except DriverFailed as failure:
                log.error("unlock of %s: %s", entry.pid, failure)
                if left == 0:
                    raise Stopped(BROKEN, "unlock-failed", error=str(failure)) from failure
                time.sleep(LOOK_EVERY_S)

    def restore_and_unlock(self, entry: Entry) -> Entry:
        """Gives the device memory back, in place or as the entry's map says; the entry then names where it is.
        The caller has seen that there is room, and has had the map checked.
        """
        try:
            entry = self.restore(entry)
        except DriverFailed as failure:
            log.error("restore of %s: %s", entry.pid, failure)
            raise Stopped(BROKEN, "restore-failed", error=str(failure)) from failure
        self.unlock(entry)
        return entry

    def finish(self, entry: Entry, answer: Answer) -> Answer:
        """The result on disk. `answer` stands even when that fails: recovery then asks the driver."""
        failed = entry.restore_failed or answer.reason == "restore-failed"
        ended = replace(entry, stage=RESULT, restore_failed=failed)
        self.note(replace(ended, outcome=answer.outcome, reason=answer.reason, mode=answer.mode))
        return answer

    def cleared(self, entry: Entry) -> Entry | None:
        """Waits until NVML shows that the process has left its devices and its memory is free. The entry then
        says how much a resume needs; None when that was not seen in time.
        """
        deadline = time.monotonic() + self.clean_timeout_s
        while True:
            with suppress(Unreadable):
                seen = {device.uuid: device for device in read_devices()}
                if all(_has_left(entry, uuid, seen[uuid]) for uuid in entry.devices if uuid in seen):
                    needs = {uuid: _needed(entry, uuid, seen[uuid]) for uuid in entry.devices if uuid in seen}
                    return replace(entry, devices=entry.devices | needs)
            if time.monotonic() >= deadline:
                return None
            time.sleep(LOOK_EVERY_S)

    def parked(self, entry: Entry) -> Answer:
        """The process is checkpointed: verifies that, or gives its memory back where it surely fits."""
        seen = self.cleared(entry)
        if seen:
            return self.finish(seen, Answer(DONE, bytes=sum(seen.devices.values()), mode=ON_DEVICE))
        log.error("process %s is checkpointed, but its devices are not clear", entry.pid)
        if not has_room(entry):
            return self.finish(entry, Answer(BROKEN, "not-clean"))
        self.restore_and_unlock(entry)
        return self.finish(entry, Answer(LATER, "not-clean"))

    def note(self, entry: Entry) -> None:
        """Writes what is already so; a full disk must not undo it."""
        try:
            self.journal.write(entry)
        except OSError:
            log.exception("journal entry of lease %s not written", entry.lease)

    def _intend(self, entry: Entry, step: str) -> Entry:
        entry = replace(entry, step=step, stage=INTENT, outcome="", reason="")
        try:
            self.journal.write(entry)
        except OSError as problem:
            raise Stopped(LATER, "journal-unwritable", error=str(problem)) from problem
        self._guard(entry)
        return entry

    def _guard(self, entry: Entry) -> None:
        code = trouble(entry.pid, entry.pid_started)
        if code:
            raise Stopped(BROKEN, code)


def has_room(entry: Entry, leased: tuple[str, ...] = ()) -> bool:
    """Whether the memory of a parked process fits where it is to be, by NVML. An unreadable device has none."""
    try:
        devices = {device.uuid: device for device in read_devices()}
    except Unreadable:
        return False
    if entry.used:
        needs = entry.moved().devices
        return all(uuid in devices and devices[uuid].free >= needed for uuid, needed in needs.items())
    # Nothing is known of what it had: only a device with nobody on it surely has room.
    where = [devices.get(uuid) for uuid in leased or devices]
    return all(device and device.used < EMPTY and not device.processes for device in where)


def _has_left(entry: Entry, uuid: str, now: DeviceFacts) -> bool:
    freed = entry.used.get(uuid, 0) - now.used
    return entry.pid not in now.processes and freed >= entry.devices[uuid] - EMPTY


def _needed(entry: Entry, uuid: str, now: DeviceFacts) -> int:
    """NVML lists less for a process than leaves with it; the larger number is what must be free."""
    return max(entry.devices[uuid], entry.used.get(uuid, 0) - now.used)
