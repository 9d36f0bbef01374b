"""The acts: park, resume, recover, and what can be asked without touching anybody."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .answers import (
    BROKEN,
    DONE,
    LATER,
    NOTHING_ON_DEVICE,
    ON_DEVICE,
    PRECHECK,
    REFUSED,
    SIMULATED,
    Answer,
    Stopped,
)
from .canary import Canaries, NoRoom
from .driver import (
    CHECKPOINTED,
    FAILED,
    LOCKED,
    NOT_READY,
    NOT_SUPPORTED,
    RUNNING,
    CudaDriver,
    DriverFailed,
    DriverMissing,
    DriverTooOld,
)
from .facts import Facts, Unreadable, gather, host_room, read_devices
from .journal import INTENT, RESULT, Entry, Journal, LeaseBusy
from .precheck import nothing_on_device, precheck
from .processes import trouble
from .recover import outcome_of, recover
from .requests import CAPABILITIES, PARK, RECOVER, RESUME, STATE, Request
from .steps import Steps, has_room

log = logging.getLogger(__name__)


class Parker:
    """Obeys one request at a time. `stopping` is asked between locking and parking: a process that is locked when
    the actuator must end is let go.
    """

    def __init__(
        self,
        journal: Journal,
        stopping: Callable[[], bool] = lambda: False,
        clean_timeout_s: float = 30,
        budget_s: float = 30,
    ):
        self.driver = CudaDriver()
        self.journal, self.stopping, self.budget_s = journal, stopping, budget_s
        self.steps = Steps(self.driver, journal, clean_timeout_s)
        self.canaries = Canaries(self.driver)

    def obey(self, request: Request) -> Answer:
        """The answer to a request; nothing is raised but what is a defect of this program."""
        began = time.monotonic()
        try:
            answer = self._act(request)
        except Stopped as stopped:
            answer = stopped.answer
        except LeaseBusy:
            answer = Answer(LATER, "lease-busy")
        except DriverMissing as problem:
            answer = self._unable(request, "no-driver", problem)
        except DriverTooOld as problem:
            answer = self._unable(request, "driver-too-old", problem)
        except Unreadable as problem:
            answer = Answer(LATER, "unreadable", details={"error": str(problem)})
        except DriverFailed as failure:
            # Reading failed; the calls that change a process handle their own errors.
            if failure.code == NOT_SUPPORTED:
                answer = self._unable(request, "not-supported", failure)
            else:
                answer = Answer(LATER, "unreadable", details={"error": str(failure)})
        return replace(answer, seconds=round(time.monotonic() - began, 4))

    @staticmethod
    def _unable(request: Request, reason: str, problem: Exception) -> Answer:
        """This machine cannot park; a kernel that was parked here nevertheless waits for its driver."""
        return Answer(LATER if request.act == RESUME else REFUSED, reason, details={"error": str(problem)})

    def _act(self, request: Request) -> Answer:
        acts = {
            PARK: self._park,
            RESUME: self._resume,
            STATE: self._state,
            RECOVER: self._recover,
            CAPABILITIES: self._capabilities,
        }
        if request.act not in (PARK, RESUME):
            return acts[request.act](request)
        with self.journal.hold(request.lease):
            return acts[request.act](request)

    # ---- park ----

    def _park(self, request: Request) -> Answer:
        entry = self._accept(request)
        if request.driver == "simulated":
            return self.steps.finish(entry, Answer(DONE, mode=SIMULATED))
        if self._parked_before(entry):
            return Answer(DONE, "already", bytes=entry.bytes, mode=ON_DEVICE)
        facts = self._checked(request)
        if facts is None:
            return self.steps.finish(replace(entry, devices={}), Answer(DONE, mode=NOTHING_ON_DEVICE))
        return self._lock_and_checkpoint(_measured(entry, facts), facts, request)

    def _checked(self, request: Request) -> Facts | None:
        """The facts on which the kernel may be parked, None when there is nothing to park. Stopped."""
        facts = gather(self.driver, request)
        if nothing_on_device(facts, request.pid):
            return None
        self._insist(precheck(facts, request.pid, request.modules))
        if all(self.canaries.known(uuid) for uuid in request.devices):
            return facts
        self._insist(self._canary_trouble(request))
        # Canaries took their time and their memory: look again.
        facts = gather(self.driver, request)
        self._insist(precheck(facts, request.pid, request.modules))
        return facts

    def _canary_trouble(self, request: Request) -> str | None:
        try:
            sings = [self.canaries.sings(uuid) for uuid in request.devices]
        except NoRoom as problem:
            raise Stopped(LATER, "canary-no-room") from problem
        return None if all(sings) else "canary-failed"

    @staticmethod
    def _insist(code: str | None) -> None:
        if code:
            raise Stopped(PRECHECK[code], code)

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
        self._insist(precheck(now, request.pid, request.modules))
        return _measured(entry, now)

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

    # ---- resume ----

    def _resume(self, request: Request) -> Answer:
        entry = self._accept(request)
        if request.driver == "simulated":
            return self.steps.finish(entry, Answer(DONE, mode=SIMULATED))
        if not self.driver.has_cuda(request.pid):
            lost = entry.mode == ON_DEVICE
            ended = Answer(BROKEN, "not-checkpointed") if lost else Answer(DONE, mode=NOTHING_ON_DEVICE)
            return self.steps.finish(entry, ended)
        state = self.driver.state(request.pid)
        if state == RUNNING:
            return self.steps.finish(entry, Answer(DONE, "already", mode=ON_DEVICE))
        if state == LOCKED:
            self.steps.unlock(entry)
            return self.steps.finish(entry, Answer(DONE, mode=ON_DEVICE, bytes=entry.bytes))
        if state == FAILED or (state == CHECKPOINTED and entry.restore_failed):
            return self.steps.finish(entry, Answer(BROKEN, "restore-failed-before" if entry.restore_failed else state))
        if state != CHECKPOINTED:
            return Answer(LATER, "not-checkpointed", details={"state": state})
        return self._give_back(entry, request)

    def _give_back(self, entry: Entry, request: Request) -> Answer:
        if request.devices and not set(entry.devices) <= set(request.devices):
            return Answer(REFUSED, "other-device", details={"parked-on": sorted(entry.devices)})
        if not has_room(entry, request.devices):
            return Answer(LATER, "no-room", bytes=entry.bytes)
        try:
            self.steps.restore_and_unlock(entry)
        except Stopped as stopped:
            return self.steps.finish(entry, stopped.answer)
        return self.steps.finish(entry, Answer(DONE, bytes=sum(entry.devices.values()), mode=ON_DEVICE))

    # ---- what came before ----

    def _accept(self, request: Request) -> Entry:
        """The entry that this act goes on from; an act that was interrupted before is ended first. Stopped."""
        entry = self.journal.read(request.lease)
        if entry and request.epoch < entry.epoch:
            raise Stopped(REFUSED, "stale-epoch", epoch=entry.epoch)
        code = trouble(request.pid, request.pid_started)
        if code:
            raise Stopped(REFUSED, code)
        if entry and entry.stage == INTENT:
            recover(self.steps, entry, self.budget_s, may_restore=False)
            entry = self.journal.read(request.lease)
        if entry is None or (entry.pid, entry.pid_started) != (request.pid, request.pid_started):
            entry = self._first(request)
        # On disk at once: from here on an older epoch is refused, however this act ends.
        entry = replace(entry, act=request.act, epoch=request.epoch, stage=RESULT, outcome="", reason="")
        self.steps.note(entry)
        return entry

    def _first(self, request: Request) -> Entry:
        return Entry(
            lease=request.lease,
            epoch=request.epoch,
            act=request.act,
            step="",
            stage=RESULT,
            pid=request.pid,
            pid_started=request.pid_started,
            boot_id=self.journal.boot_id,
        )

    def _parked_before(self, entry: Entry) -> bool:
        return self.driver.has_cuda(entry.pid) and self.driver.state(entry.pid) == CHECKPOINTED

    def _recover(self, request: Request) -> Answer:
        """Ends interrupted acts: of one lease, with how its act `of` ended, or of all, listed in the details."""
        if request.lease:
            with self.journal.hold(request.lease):
                return self._recover_lease(request.lease, request.of)
        found: dict[str, Any] = {}
        for lease in self.journal.unfinished():
            try:
                with self.journal.hold(lease):
                    found[lease] = self._recover_lease(lease, "").as_json()
            except LeaseBusy:
                log.info("lease %s is in other hands", lease)
        return Answer(DONE, details={"recovered": found})

    def _recover_lease(self, lease: str, of: str) -> Answer:
        entry = self.journal.read(lease)
        if entry is None or entry.stage == RESULT:
            return outcome_of(entry, of)
        return recover(self.steps, entry, self.budget_s, may_restore=of == RESUME)

    # ---- questions ----

    def _state(self, request: Request) -> Answer:
        code = trouble(request.pid, request.pid_started)
        if code:
            return Answer(REFUSED, code)
        if request.driver == "simulated":
            return Answer(DONE, mode=SIMULATED, details={"state": RUNNING})
        if not self.driver.has_cuda(request.pid):
            return Answer(DONE, mode=NOTHING_ON_DEVICE, details={"state": RUNNING})
        return Answer(DONE, mode=ON_DEVICE, details={"state": self.driver.state(request.pid)})

    def _capabilities(self, request: Request) -> Answer:
        """Whether kernels on these devices can be parked. Asked while a device is free, it sends the canary then."""
        if request.driver == "simulated":
            return Answer(DONE, mode=SIMULATED)
        self.driver.start()
        self._insist(self._canary_trouble(request))
        return Answer(DONE, details={"canaries": list(request.devices)})


def _measured(entry: Entry, facts: Facts) -> Entry:
    """The entry with what a resume will need, and what was in use before."""
    used = {device.uuid: device.used for device in facts.devices}
    return replace(entry, devices=facts.bytes_on(entry.pid), used=used)
