"""The acts: park, resume, recover, and what can be asked without touching anybody."""

import logging
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .answers import DONE, LATER, NOTHING_ON_DEVICE, ON_DEVICE, REFUSED, SIMULATED, Answer, Stopped, insist
from .canary import Canaries
from .driver import NOT_SUPPORTED, RUNNING, CudaDriver, DriverFailed, DriverMissing, DriverTooOld
from .facts import Unreadable, driver_release, read_devices
from .journal import INTENT, RESULT, Entry, Journal, LeaseBusy
from .park import Park
from .precheck import no_parking_here
from .processes import trouble
from .recover import outcome_of, recover
from .requests import CAPABILITIES, PARK, RECOVER, RESUME, STATE, Request
from .resume import resume
from .steps import Steps

log = logging.getLogger(__name__)


class Parker:
    """Obeys one request at a time. `stopping` says whether the actuator must end, as Park wants to know."""

    def __init__(
        self,
        journal: Journal,
        stopping: Callable[[], bool] = lambda: False,
        clean_timeout_s: float = 30,
        budget_s: float = 30,
    ):
        self.driver = CudaDriver()
        self.journal, self.budget_s = journal, budget_s
        self.steps = Steps(self.driver, journal, clean_timeout_s)
        self.canaries = Canaries(self.driver, stopping)
        self.parking = Park(self.steps, self.canaries, stopping)

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

    def _park(self, request: Request) -> Answer:
        entry = self._accept(request)
        if request.driver == "simulated":
            return self.steps.finish(entry, Answer(DONE, mode=SIMULATED))
        return self.parking.park(entry, request)

    def _resume(self, request: Request) -> Answer:
        entry = self._accept(request)
        if request.driver == "simulated":
            return self.steps.finish(entry, Answer(DONE, mode=SIMULATED))
        return resume(self.steps, entry, request)

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
        insist(no_parking_here(driver_release(), platform.machine(), read_devices(), frozenset(request.devices)))
        insist(self.canaries.trouble(request.devices))
        return Answer(DONE, details={"canaries": list(request.devices)})
