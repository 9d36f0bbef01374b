"""Seats as jobs of a Slurm cluster."""

import asyncio
import pwd
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jupyterhub.spawner import Spawner, SpawnException
from sqlalchemy.orm import object_session
from traitlets import Any as AnyTrait

from hub.cgroups.groups import Enforcement
from hub.errors import Refusal
from hub.logs import get_logger
from hub.names import home_name
from hub.settings import Profile, SlurmSite
from hub.slurm.commands import NotAllowed, SlurmError, SlurmRefused, SlurmSilent
from hub.slurm.jobs import Job, JobState
from hub.slurm.names import SEAT
from hub.slurm.submit import GRACE_S, JobRequest, account_of_groups, cancel, expected, script_of, submit
from hub.slurm.watch import Watch
from hub.slurm.words import HOPELESS, how_ended, when_expected, why_pending
from hub.spawners.arrivals import PATH
from hub.spawners.base import SeatSpawner
from hub.spawners.capacity import ClusterCapacity
from hub.spawners.doors import require_account
from hub.spawners.readiness import knows_doorstep
from hub.spawners.zygotes import lab_arguments

log = get_logger("spawner")

MODULE = "werkbank_seat.on_node"
FIRST_LOOK_S = 1.0
"""Slurm's scheduler has thought of a new job by then."""
ENDS_WITHIN_S = 40.0
RETRY_S = 2.0
LAST_WORDS_S = 2.0
NODES_AGE_S = 5.0
NEVER_BEGAN, FORGOTTEN = "", "FORGOTTEN"


@dataclass(frozen=True)
class Given:
    """A job that was given to Slurm, as it is remembered over restarts of the hub."""

    job: int
    account: str
    address: str = ""
    """Where its seat serves; empty while nobody knows."""


@dataclass(frozen=True)
class Ended:
    """How the last seat ended, for its user."""

    slurm_state: str
    at: float


class SlurmSpawner(SeatSpawner, Spawner):  # type: ignore[misc]
    """Starts seats as jobs of their user's account.

    What a person asks for chooses a profile; the profile's numbers and the settings make the job. Nothing else reaches
    Slurm, and the seat's own arguments travel as data that no shell reads.
    """

    watch: Watch = AnyTrait(help="The look at Slurm that all seats share.").tag(config=True)

    user_options: dict[str, Any]
    given: Given | None = None
    ended: Ended | None = None
    _since: float = float("-inf")
    _arrival: "asyncio.Future[tuple[str, int]] | None" = None
    _waiting: str = ""
    _expected: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed
    _others_from: dict[str, float] = {}  # noqa: RUF012 - replaced, never changed

    @property
    def cluster(self) -> SlurmSite:
        """The settings of the cluster."""
        assert self.settings.site.slurm is not None
        return self.settings.site.slurm

    # --- starting -----------------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Give Slurm the seat's job and wait until the seat says where it is. JupyterHub stops what failed."""
        self.ended, self._waiting = None, ""
        try:
            profile = self.requested_profile()
            self._require_account()
            self.mem_limit, self.cpu_limit = int(profile.memory), profile.cpu
            self.user_options = {"profile": profile.name, "language": self.language}
            self.orm_spawner.user_options = self.user_options
            self._arrival = asyncio.get_running_loop().create_future()
            await self._give(profile)
            return await self._until_it_serves()
        except BaseException:
            self.user_options = {}
            self.orm_spawner.user_options = {}
            raise
        finally:
            self._arrival = None

    async def _give(self, profile: Profile) -> None:
        account = self.user.name
        try:
            kept = await self.watch.kept.of(account)
            request = self._request(profile).within(kept, time.time())
            number = await submit(account, request, self._script(profile))
        except SlurmSilent as silent:
            sentence = self.translate("Slurm does not answer now, so nothing was started. Try again in a minute.")
            raise self._failure(sentence, "slurm-silent", silent, 503) from None
        except NotAllowed as refused:
            sentence = self.translate(
                "Werkbank may not start jobs as {name} here, so nothing was started. Tell the admins."
            )
            raise self._failure(sentence.format(name=account), "not-allowed", refused) from None
        except SlurmRefused as refused:
            sentence = self.translate("Slurm refused your seat: {why} Nothing was started.")
            raise self._failure(sentence.format(why=f"{str(refused).rstrip('.')}."), "slurm-refused", refused) from None
        self._since = time.monotonic()
        self.given = Given(number, account)
        # A hub that dies now must find the job when it is back.
        self.orm_spawner.state = self.get_state()
        if (session := object_session(self.orm_spawner)) is not None:
            session.commit()
        log.info("seat.submitted", user=self.user.name, server=self.name, profile=profile.name, job=number)

    def _request(self, profile: Profile) -> JobRequest:
        return JobRequest(
            name=SEAT,
            folder=pwd.getpwnam(self.user.name).pw_dir,
            cpus=profile.cores,
            memory=int(profile.memory),
            seconds=profile.life + GRACE_S,
            account=account_of_groups(self.cluster, self.groups),
            partition=self.cluster.partition,
            qos=self.cluster.qos,
        )

    def _script(self, profile: Profile) -> str:
        prefix = self.settings.prefix_of(profile)
        if not knows_doorstep(prefix):
            sentence = self.translate("The software of this profile cannot run as a job. Tell the admins.")
            raise self._failure(sentence, "no-doorstep", f"the package werkbank-seat is missing in {prefix}", 500)
        arguments = [*self.get_args(), *lab_arguments(self.settings, self.user_options["language"])]
        path = "/usr/local/bin:/usr/bin:/bin"
        env = self.get_env() | self.seat_environment(profile) | {"PATH": f"{prefix}/bin:{path}"}
        job = {
            "argv": [f"{prefix}/bin/jupyterhub-singleuser", *arguments],
            "env": env | {"WERKBANK_LESSONS": str(Path(__file__).parents[2] / "tutorials" / "notebooks")},
            "log": self._log_below_home,
            "arrivals": f"{env['JUPYTERHUB_API_URL']}{PATH}",
        }
        return script_of(f"{prefix}/bin/python", MODULE, job)

    @property
    def _log_below_home(self) -> str:
        return f".local/state/werkbank/seat-{home_name(self.name) if self.name else 'default'}.log"

    async def _until_it_serves(self) -> tuple[str, int]:
        assert self._arrival is not None
        pause = FIRST_LOOK_S
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    address, port = await asyncio.shield(self._arrival)
                assert self.given is not None
                self.given = Given(self.given.job, self.given.account, address)
                log.info("seat.started", user=self.user.name, server=self.name, job=self.given.job, address=address)
                return address, port
            pause = float(self.cluster.poll_period)
            await self._look_at_the_line()

    async def _look_at_the_line(self) -> None:
        """Note why the seat waits. Raises SpawnException once it cannot come any more."""
        assert self.given is not None
        try:
            # The answer of a moment ago does for everybody who waits now, but not from before this job.
            job = await self.watch.job(
                self.given.job, age=self.cluster.poll_period / 2, since=self._since + FIRST_LOOK_S / 2
            )
        except SlurmError as error:
            log.warning("slurm.silent", about="start", why=str(error))
            self._waiting = self.translate("Slurm does not answer now; your seat stays in the line.")
            return
        if job is None or job.state in (JobState.ENDED, JobState.ENDING) or job.restarts:
            await self._last_words()
            state = job.slurm_state if job else FORGOTTEN
            sentence = self.translate("Your seat ended while it started. {how}").format(
                how=how_ended(state, self.translate)
            )
            raise self._failure(sentence, "died-at-start", f"job {self.given.job} ended as {state}", 500)
        if job.state is JobState.PENDING and job.reason in HOPELESS:
            sentence = why_pending(job.reason, self.translate)
            raise self._failure(sentence, "slurm-refused", f"job {job.id} waits in vain: {job.reason}")
        self._waiting = self._place(job)

    async def _last_words(self) -> None:
        """A seat that ended says why itself, if it can: that tells more than Slurm's word. Raises SpawnException."""
        assert self._arrival is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await asyncio.shield(self._arrival)

    def _place(self, job: Job) -> str:
        _ = self.translate
        if job.state is JobState.RUNNING:
            return _("Your seat is job {job} on {node}; JupyterLab starts there.").format(job=job.id, node=job.node)
        parts = [why_pending(job.reason, _), when_expected(job.starts, time.time(), _)]
        return " ".join(part for part in parts if part)

    def hears(self, address: str, port: int | None, ended: str | None) -> bool:
        """What a seat says of itself; False when no start waits for it."""
        if self._arrival is None or self._arrival.done():
            return False
        if port is not None:
            self._arrival.set_result((address, port))
            return True
        sentence = self.translate(
            "Your seat ended while it started. It said last: {line}. All that it said is in {file} in your home."
        ).format(line=str(ended).rstrip("."), file=self._log_below_home)
        self._arrival.set_exception(self._failure(sentence, "died-at-start", f"the seat said last: {ended}", 500))
        return True

    def _failure(self, sentence: str, reason: str, why: object, status: int = 403) -> SpawnException:
        log.warning("seat.failed", user=self.user.name, server=self.name, reason=reason, why=str(why))
        return SpawnException(sentence, reason=reason, log_message=str(why), status_code=status)

    def _require_account(self) -> None:
        try:
            require_account(self.user.name, self.translate)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    # --- running and ending -------------------------------------------------------------------

    async def poll(self) -> int | None:
        """None while the seat's job is there, and while Slurm does not answer: unknown is not gone. Never raises."""
        if self.given is None:
            return 0
        if not self.given.address and self._arrival is None and self.pending != "stop":
            return await self._never_arrived()
        try:
            job = await self.watch.job(self.given.job, age=self.cluster.poll_period, since=self._since)
        except SlurmError as error:
            log.warning("slurm.silent", about="seat", user=self.user.name, why=str(error))
            return None
        if job is not None and job.restarts:
            # Put back in the line: what ran is lost, and the job does nothing when it begins again.
            return await self._is_over("REQUEUED", take_back=True)
        if job is None or job.state is JobState.ENDED:
            return await self._is_over(job.slurm_state if job else FORGOTTEN, take_back=False)
        return None

    async def _never_arrived(self) -> int | None:
        """A job whose start ended with the hub that waited for it: nobody would hear of its seat."""
        assert self.given is not None
        try:
            await cancel(self.given.account, self.given.job)
        except SlurmError as error:
            log.warning("slurm.silent", about="orphan", job=self.given.job, why=str(error))
            return None
        return await self._is_over(NEVER_BEGAN, take_back=False)

    async def _is_over(self, slurm_state: str, *, take_back: bool) -> int:
        assert self.given is not None
        if take_back:
            with suppress(SlurmError):
                await cancel(self.given.account, self.given.job)
        log.info(
            "seat.ended", user=self.user.name, server=self.name, job=self.given.job, how=slurm_state or "never began"
        )
        self.ended = Ended(slurm_state, time.time())
        self.given = None
        return 0 if slurm_state == "COMPLETED" else 1

    async def stop(self, now: bool = False) -> None:
        """Take the job back, and wait until its processes are gone. While Slurm is silent this waits for it."""
        while self.given is not None:
            since = time.monotonic()
            try:
                await cancel(self.given.account, self.given.job)
                if now or await self._is_gone(self.given.job, since):
                    break
            except SlurmSilent as silent:
                # JupyterHub forgets a seat whatever happens here, and a job that nobody knows would hold its cores.
                log.warning("slurm.silent", about="stop", job=self.given.job, why=str(silent))
                await asyncio.sleep(RETRY_S)
            except NotAllowed as no:
                # JupyterHub forgets the seat all the same: this line is what an admin has of the job.
                log.error("seat.stays", user=self.user.name, server=self.name, job=self.given.job, why=str(no))
                raise
        self.given = None
        log.info("seat.stopped", user=self.user.name, server=self.name)

    async def _is_gone(self, number: int, since: float) -> bool:
        end = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < end:
            job = await self.watch.job(number, age=0.5, since=since)
            if job is None or job.state is JobState.ENDED:
                return True
            await asyncio.sleep(0.3)
        log.error("seat.stays", user=self.user.name, server=self.name, job=number)
        return True  # Slurm was told; its node may be out of reach

    # --- surviving hub restarts ---------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        if self.given is not None:
            state["given"] = asdict(self.given)
        if self.ended is not None:
            state["ended"] = asdict(self.ended)
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.given = Given(**state["given"]) if "given" in state else None
        self.ended = Ended(**state["ended"]) if "ended" in state else None

    def clear_state(self) -> None:
        super().clear_state()
        self.given = None

    # --- what people see ----------------------------------------------------------------------

    def limits_enforcement(self) -> Enforcement:
        """Slurm keeps jobs to what they asked for; how strictly is the cluster's configuration."""
        return Enforcement(True, "")

    def capacity(self) -> ClusterCapacity:
        """What the cluster has free, as it was last seen."""
        return ClusterCapacity.of_nodes(self.watch.nodes_seen, self.cluster.partition, self._others_from)

    async def get_options_form(self) -> str:
        """The cards, with what is free now and how the last seat ended."""
        try:
            await self.watch.nodes(age=NODES_AGE_S)
        except SlurmError as error:
            log.warning("slurm.silent", about="nodes", why=str(error))
        self._others_from = await self.watch.kept.from_others(self.user.name, NODES_AGE_S)
        self._expected = await self._when_there_is_room()
        return await super().get_options_form()

    async def _when_there_is_room(self) -> dict[str, str]:
        """For each profile without room, when Slurm thinks that a seat of it would begin."""
        capacity = self.capacity()
        full = [one for one in self.profiles if capacity.is_known and not capacity.seats_left(one)]
        times = await asyncio.gather(
            *(expected(self.user.name, self._request(one)) for one in full), return_exceptions=True
        )
        return {
            profile.name: when_expected(at, time.time(), self.translate)
            for profile, at in zip(full, times, strict=True)
            if isinstance(at, float)
        }

    def expectations(self) -> dict[str, str]:
        return self._expected

    def last_end(self) -> str:
        """How the last seat ended, unless its user ended it."""
        if self.ended is None:
            return ""
        return self.translate("Your last seat ended unasked. {how}").format(
            how=how_ended(self.ended.slurm_state, self.translate)
        )

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What Slurm says of the job while it waits, each time that it says something else."""
        _ = self.translate
        yield {"progress": 10, "message": _("Asking Slurm for your share of the cluster.")}
        said, step = "", 20
        while True:
            if self._waiting and self._waiting != said:
                said, step = self._waiting, min(80, step + 5)
                yield {"progress": step, "message": said}
            await asyncio.sleep(0.3)
