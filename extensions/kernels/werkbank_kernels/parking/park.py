"""The act park: a kernel's device memory goes to the host."""

import logging
from collections.abc import Callable
from dataclasses import replace

from .answers import BROKEN, DONE, LATER, NOTHING_ON_DEVICE, ON_DEVICE, REFUSED, Answer, Stopped, insist
from .canary import Canaries
from .driver import CHECKPOINTED, LOCKED, NOT_READY, RUNNING, DriverFailed
from .facts import Facts, Unreadable, gather, host_room, read_devices
from .journal import Entry
from .precheck import nothing_on_device, precheck
from .processes import trouble
from .requests import Request
from .steps import Steps

log = logging.getLogger(__name__)


class Park:
    """`stopping` is asked between locking and parking: a process that is locked when the actuator must end is let go.

    Stopped and the driver's exceptions are raised while nothing was done yet; the kernel runs on then.
    """

    def __init__(self, steps: Steps, canaries: Canaries, stopping: Callable[[], bool]):
        self.steps, self.driver, self.canaries, self.stopping = steps, steps.driver, canaries, stopping

    def park(self, entry: Entry, request: Request) -> Answer:
        """How it went."""
        if self._parked_before(entry):
            return Answer(DONE, "already", bytes=entry.bytes, mode=ON_DEVICE)
        facts = self._checked(request)
        if facts is None:
            nothing = replace(entry, devices={}, leased=[], moves={})
            return self.steps.finish(nothing, Answer(DONE, mode=NOTHING_ON_DEVICE))
        return self._lock_and_checkpoint(_measured(entry, facts, request), facts, request)

    def _parked_before(self, entry: Entry) -> bool:
        return self.driver.has_cuda(entry.pid) and self.driver.state(entry.pid) == CHECKPOINTED

    def _checked(self, request: Request) -> Facts | None:
        """The facts on which the kernel may be parked, None when there is nothing to park. Stopped."""
        facts = gather(self.driver, request)
        if nothing_on_device(facts, request.pid):
            return None
        insist(precheck(facts, request.pid, request.modules))
        if all(self.canaries.known(uuid) for uuid in request.devices):
            return facts
        insist(self.canaries.trouble(request.devices))
        # Canaries took their time and their memory: look again.
        facts = gather(self.driver, request)
        insist(precheck(facts, request.pid, request.modules))
        return facts

    def _lock_and_checkpoint(self, entry: Entry, facts: Facts, request: Request) -> Answer:
        try:
            entry = self.steps.lock(entry, request.lock_timeout_s)
        except DriverFailed as failure:
            return self._not_locked(entry, failure)
        except Stopped as stopped:
            return self.steps.finish(entry, stopped.answer)
        try:
            entry = self._looked_at_again(entry, facts, request)
            if self.stopping():
                raise Stopped(LATER, "stopping")
            entry = self.steps.checkpoint(entry)
        except (DriverFailed, Stopped) as problem:
            return self._not_checkpointed(entry, problem)
        try:
            return self.steps.parked(entry)
        except Stopped as stopped:
            return self.steps.finish(entry, stopped.answer)

    def _looked_at_again(self, entry: Entry, facts: Facts, request: Request) -> Entry:
        """The entry with what the locked kernel holds: until then a thread of it could still take more. Stopped."""
        try:
            now = replace(facts, devices=read_devices(), host_room=host_room(request))
        except Unreadable as problem:
            raise Stopped(LATER, "unreadable", error=str(problem)) from problem
        insist(precheck(now, request.pid, request.modules))
        return _measured(entry, now, request)

    def _not_locked(self, entry: Entry, failure: DriverFailed) -> Answer:
        log.warning("process %s not locked: %s", entry.pid, failure)
        reason = "busy" if failure.code == NOT_READY else "lock-failed"
        return self._let_go(entry, Answer(LATER, reason, details={"error": str(failure)}))

    def _not_checkpointed(self, entry: Entry, problem: DriverFailed | Stopped) -> Answer:
        """After a failed call the kernel runs on where it can, and is not tried again."""
        log.error("process %s not parked: %s", entry.pid, problem)
        if isinstance(problem, Stopped):
            return self._let_go(entry, problem.answer)
        return self._let_go(entry, Answer(REFUSED, "checkpoint-failed", details={"error": str(problem)}))

    def _let_go(self, entry: Entry, answer: Answer) -> Answer:
        """Unlocks a process that is locked. `answer` when it runs, "broken" when it does not."""
        gone = trouble(entry.pid, entry.pid_started)
        if gone:
            return self.steps.finish(entry, Answer(BROKEN, gone))
        try:
            state = self.driver.state(entry.pid)
            if state == LOCKED:
                self.steps.unlock(entry)
                state = RUNNING
        except (DriverFailed, Stopped) as problem:
            return self.steps.finish(entry, Answer(BROKEN, answer.reason, details={"error": str(problem)}))
        if state == RUNNING:
            return self.steps.finish(entry, answer)
        return self.steps.finish(entry, replace(answer, outcome=BROKEN, details={**answer.details, "state": state}))


def _measured(entry: Entry, facts: Facts, request: Request) -> Entry:
    """The entry with where it is, what a resume will need there, and what was in use before."""
    used = {device.uuid: device.used for device in facts.devices}
    return replace(entry, devices=facts.bytes_on(entry.pid), used=used, leased=list(request.devices), moves={})
