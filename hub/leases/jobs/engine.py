"""Keeps leases and Slurm's jobs in agreement: gives Slurm the jobs of leases, takes back those of ended ones, and
tells the broker what Slurm says of the others.

The broker's bounds come first: a lease that its user's or programme's bound holds back is not given to Slurm yet.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

from hub.errors import BrokerError, LeaseRefused
from hub.leases.broker import Broker
from hub.leases.events import Action, Event, Foretold, JobOver, SaveLease, Submitted
from hub.leases.inventory.cluster import device_of
from hub.leases.jobs.reading import line_of, news_of, orphans
from hub.leases.jobs.requests import Requests
from hub.leases.model import ENDED, Device, Lease, LeaseState, Outlook
from hub.leases.state import State
from hub.leases.waiting import is_held_back
from hub.logs import get_logger
from hub.slurm.commands import Slurm, SlurmError, SlurmRefused, SlurmSilent
from hub.slurm.jobs import Job, JobState, jobs
from hub.slurm.names import KERNEL
from hub.slurm.submit import cancel, submit
from hub.slurm.watch import KeptNodes, Shared

log = get_logger("leases")

SOON_S = 1.0
"""Slurm's scheduler has thought of a new job by then."""
RETRY_S = 2.0
MOST_AT_ONCE = 8
"""Jobs that are given or taken back at the same time."""


class Jobs:
    """Runs beside a broker whose devices a cluster gives."""

    def __init__(self, broker: Broker, requests: Requests) -> None:
        self._broker, self.requests = broker, requests
        self._changed = asyncio.Event()
        self._is_ending = False
        self._has_looked = False
        """Before the first look nothing is given: a job may be there of which the last broker died writing."""
        self._giving: dict[str, tuple[str, str]] = {}
        """Leases whose jobs are on their way to Slurm, with their users and programmes."""
        self._taking: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)
        slurm = Slurm()
        self._kept = KeptNodes(slurm, requests.site)
        self._own = Shared(lambda: jobs(slurm, f"--name={KERNEL}"), "kernels")
        self._all = Shared(lambda: jobs(slurm, *self._partition()), "line")
        self.silent_since: float | None = None
        """Since when Slurm has not answered (Unix seconds); None while it does."""
        broker.observers.append(self._observe)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Jobs"]:
        """Keep them in agreement until the block ends. Jobs go on then."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self._look_for_ever(), name="jobs.look")
            try:
                yield self
            finally:
                self._is_ending = True
                task.cancel()
                for other in list(self._tasks):
                    other.cancel()

    # --- giving and taking back ----------------------------------------------------------------

    def _observe(self, state: State, actions: tuple[Action, ...]) -> None:
        """Act at once on what was decided; the next look finds what is forgotten here."""
        for action in actions:
            if isinstance(action, SaveLease):
                if action.lease.state in ENDED:
                    self._take_back(action.lease.job, action.lease.user)
                    self._give_all()
                self._give(state, action.lease)

    def _give_all(self) -> None:
        """Whoever a bound held back may be next."""
        state = self._broker.state
        waiting = [lease for lease in state.leases.values() if lease.state is LeaseState.QUEUED and not lease.job]
        for lease in sorted(waiting, key=lambda lease: (lease.requested, lease.id)):
            self._give(state, lease)

    def _give(self, state: State, lease: Lease) -> None:
        if self._is_ending or lease.state is not LeaseState.QUEUED or lease.job or lease.id in self._giving:
            return
        # One after the other: what is on its way to Slurm does not count against a bound yet.
        if self._is_one_on_its_way(lease) or not self._has_looked or is_held_back(state, lease):
            return
        self._giving[lease.id] = (lease.user, lease.programme)
        self._begin(self._given(lease), f"jobs.give-{lease.id}")

    def _is_one_on_its_way(self, lease: Lease) -> bool:
        """Of the same user; and of the same programme, where that has a bound."""
        bounded = lease.programme in self._broker.state.rules.programme_devices
        return any(user == lease.user or (bounded and of == lease.programme) for user, of in self._giving.values())

    async def _given(self, lease: Lease) -> None:
        """Give Slurm the lease's job, as soon as it answers and as long as the lease waits for it."""
        try:
            while (waiting := self._broker.state.leases.get(lease.id)) is not None and not waiting.job:
                try:
                    async with self._at_once:
                        request, script = self.requests.request(waiting), self.requests.script(waiting)
                        request = request.within(await self._kept.of(waiting.user), time.time())
                        number = await submit(waiting.user, request, script)
                except SlurmSilent as silent:
                    self._note_silence(silent)
                    await self._tell(Foretold(lease.id, Outlook(reason="slurm-silent")))
                    await asyncio.sleep(RETRY_S)
                except SlurmRefused as refused:
                    log.warning("job.refused", lease=lease.id, user=lease.user, why=str(refused))
                    await self._tell(JobOver(lease.id, "job-refused"))
                else:
                    log.info("job.submitted", lease=lease.id, user=lease.user, job=number)
                    if not await self._tell(Submitted(lease.id, number)):
                        self._take_back(number, lease.user)
                    self._changed.set()
                    return
        finally:
            del self._giving[lease.id]
            self._give_all()

    def _take_back(self, job: int, user: str) -> None:
        if job and job not in self._taking:
            self._taking.add(job)
            self._begin(self._taken_back(job, user), f"jobs.take-back-{job}")

    async def _taken_back(self, job: int, user: str) -> None:
        try:
            while True:
                try:
                    async with self._at_once:
                        await cancel(user, job)
                except SlurmSilent as silent:
                    self._note_silence(silent)
                    await asyncio.sleep(RETRY_S)
                except SlurmRefused as refused:
                    log.error("job.stays", job=job, user=user, why=str(refused))
                    return
                else:
                    log.info("job.taken-back", job=job, user=user)
                    return
        finally:
            self._taking.discard(job)

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("jobs.failed", task=task.get_name(), error=repr(error))

    # --- arriving ------------------------------------------------------------------------------

    async def devices_of(self, lease: Lease, number: int) -> tuple[Device, ...]:
        """The devices that Slurm gave a lease's job, which has begun: asked of Slurm, for whoever says so is no proof.

        Raises LeaseRefused for a job that is not the lease's or does not run, SlurmSilent and SlurmRefused.
        """
        job = (await self._own.get(0.0, time.monotonic())).get(number)
        gpu_class = self.requests.settings.gpu_classes.get(lease.gpu_class)
        if job is None or gpu_class is None or job.state is not JobState.RUNNING:
            raise LeaseRefused("wrong-state")
        if (job.user, job.comment) != (lease.user, lease.id) or len(job.gpu_numbers) != lease.count:
            raise LeaseRefused("wrong-state")
        return tuple(device_of(job.node, one, lease.gpu_class, gpu_class) for one in sorted(job.gpu_numbers))

    # --- looking -------------------------------------------------------------------------------

    async def _look_for_ever(self) -> None:
        """A job that was just given is looked at soon, all others once a period."""
        while True:
            if self._broker.state.leases or not self._has_looked:
                await self._look()
            self._give_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(float(self.requests.site.poll_period)):
                    await self._changed.wait()
                    await asyncio.sleep(SOON_S)
            self._changed.clear()

    async def _look(self) -> None:
        asked = time.time()
        known = {id: lease for id, lease in self._broker.state.leases.items() if lease.job}
        # The line is of no interest to those who have what they wanted, and asks for everybody's jobs.
        question = self._all if any(lease.is_waiting for lease in known.values()) else self._own
        try:
            found = await question.get(0.0, time.monotonic())
        except SlurmError as error:
            self._note_silence(error)
            return
        if self.silent_since is not None:
            log.info("slurm.answers", about="kernels")
            self.silent_since = None
        lines: dict[str, list[int]] = {}
        for lease in known.values():
            line = lines.setdefault(lease.gpu_class, self._line(found, lease.gpu_class))
            for news in news_of(lease, found.get(lease.job), line, asked):
                await self._tell(news)
        await self._mind_orphans(found)
        self._has_looked = True

    def _line(self, found: Mapping[int, Job], gpu_class: str) -> list[int]:
        declared = self.requests.settings.gpu_classes.get(gpu_class)
        kind = (declared.gres or "").partition(":")[2] if declared is not None else ""
        return line_of(found, self.requests.site.partition, kind)

    async def _mind_orphans(self, found: Mapping[int, Job]) -> None:
        """Jobs of this workbench that no live lease is. Those of another one, on the same cluster, are left alone."""
        for job in orphans(found, self._broker.state.leases):
            if job.comment in self._giving or job.id in self._taking:
                continue
            # Anybody can write anything beside a job of their own.
            lease = await asyncio.to_thread(self._broker.store.lease, job.comment)
            if lease is None or lease.user != job.user:
                continue
            if lease.state is LeaseState.QUEUED and not lease.job:
                # Given just before a broker ended that never wrote it down.
                await self._tell(Submitted(lease.id, job.id))
            else:
                log.warning("job.orphan", job=job.id, user=job.user, lease=job.comment)
                self._take_back(job.id, job.user)

    async def _tell(self, event: Event) -> bool:
        """Whether the broker could do something about it: a lease may have ended meanwhile."""
        try:
            await self._broker.tell(event)
        except LeaseRefused:
            return False
        except BrokerError as error:
            log.error("broker.not-written", error=str(error))
        return True

    def _note_silence(self, why: SlurmError) -> None:
        if self.silent_since is None:
            self.silent_since = time.time()
            log.warning("slurm.silent", about="kernels", why=str(why))

    def _partition(self) -> tuple[str, ...]:
        partition = self.requests.site.partition
        return (f"--partition={partition}",) if partition else ()
