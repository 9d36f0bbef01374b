"""Dask clusters as jobs of their user: the scheduler one, each worker one."""

import asyncio
import pwd
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from dask_gateway_server.backends.db_base import DBBackendBase, JobStatus
from dask_gateway_server.utils import timestamp
from traitlets import Any as AnyTrait

from hub.gateway.backend import SeatBackend
from hub.gateway.requeue import LOST, is_over, may_return, newly_lost, returned
from hub.logs import get_logger
from hub.settings import Profile, SlurmSite
from hub.slurm.commands import SlurmError, SlurmSilent
from hub.slurm.jobs import JobState
from hub.slurm.names import DASK
from hub.slurm.submit import GRACE_S, JobRequest, account_of_groups, cancel, script_of, submit
from hub.slurm.watch import Watch

log = get_logger("gateway")

MODULE = "werkbank_seat.dask_on_node"
RETRY_S = 2.0
ALONE_S = 300
"""A worker that finds no scheduler for so long ends: nobody may be left who would end its job."""
CERTIFICATE, KEY = "dask.crt", "dask.pem"


class SlurmClusters(SeatBackend, DBBackendBase):  # type: ignore[misc]
    """Follows seats like the others; what it starts are jobs, and how they are Slurm says."""

    watch: Watch = AnyTrait(help="The look at Slurm that all clusters share.").tag(config=True)

    @property
    def cluster_site(self) -> SlurmSite:
        """The settings of the cluster of machines."""
        assert self.settings.site.slurm is not None
        return self.settings.site.slurm

    # --- jobs -----------------------------------------------------------------------------------

    async def do_start_cluster(self, cluster: Any) -> AsyncIterator[dict[str, Any]]:
        """Give Slurm the scheduler's job."""
        config = cluster.config
        size = (max(1, int(config.scheduler_cores)), int(config.scheduler_memory), None)
        argv, env = self.get_scheduler_command(cluster), self.get_scheduler_env(cluster)
        yield await self._given(cluster, "scheduler", size, argv, env)

    async def do_start_worker(self, worker: Any) -> AsyncIterator[dict[str, Any]]:
        """Give Slurm a worker's job, with a GPU where the cluster's workers have one."""
        cluster = worker.cluster
        gpu_class = self.settings.gpu_classes.get(cluster.config.gpu_class)
        gres = f"{gpu_class.gres}:1" if gpu_class is not None and gpu_class.gres else None
        size = (max(1, int(cluster.config.worker_cores)), int(cluster.config.worker_memory), gres)
        argv, env = self.get_worker_command(cluster, worker.name), self.get_worker_env(cluster)
        yield await self._given(cluster, f"worker-{worker.name}", size, argv, env, _requeues(cluster))

    async def do_stop_cluster(self, cluster: Any) -> None:
        await self._take_back(cluster.state)

    async def do_stop_worker(self, worker: Any) -> None:
        await self._take_back(worker.state)

    async def do_check_clusters(self, clusters: Sequence[Any]) -> list[bool]:
        return [await self._is_there(one.state) for one in clusters]

    async def do_check_workers(self, workers: Sequence[Any]) -> list[bool]:
        return [await self._is_worker_there(one) for one in workers]

    async def _is_worker_there(self, worker: Any) -> bool:
        if LOST in worker.state:
            return await self._may_return(worker)
        return await self._is_there(worker.state, may_begin_again=_requeues(worker.cluster))

    async def _given(
        self,
        cluster: Any,
        what: str,
        size: tuple[int, int, str | None],
        argv: Sequence[str],
        env: dict[str, str],
        requeue: bool = False,
    ) -> dict[str, Any]:
        config = cluster.config
        profile = self.settings.profile_of_seat(config.profile)
        paths = {CERTIFICATE: cluster.tls_cert.decode(), KEY: cluster.tls_key.decode()}
        job = {
            "argv": list(argv),
            "env": {name: value for name, value in env.items() if value not in paths} | self._path_of(profile),
            "log": f".local/state/werkbank/dask/{cluster.name}/{what}.log",
            "files": paths,
            "file_variables": {name: value for name, value in env.items() if value in paths},
            "may_begin_again": requeue,
        }
        python = f"{self.settings.prefix_of(profile)}/bin/python"
        cpus, memory, gres = size
        request = JobRequest(
            name=DASK,
            folder=pwd.getpwnam(cluster.username).pw_dir,
            cpus=cpus,
            memory=memory,
            seconds=(int(config.hours * 3600) or profile.life) + GRACE_S,
            gres=gres,
            account=account_of_groups(self.cluster_site, [config.programme] if config.programme else config.groups),
            partition=self.cluster_site.partition,
            qos=self.cluster_site.qos,
            requeue=requeue,
        )
        if config.reservation:
            request = request.within(await self.watch.kept.of(cluster.username), time.time())
        number = await submit(cluster.username, request, script_of(python, MODULE, job))
        log.info("dask.submitted", cluster=cluster.name, what=what, job=number)
        return {"job": number, "account": cluster.username, "since": time.monotonic()}

    def _path_of(self, profile: Profile) -> dict[str, str]:
        return {"PATH": f"{self.settings.prefix_of(profile)}/bin:/usr/local/bin:/usr/bin:/bin"}

    async def _take_back(self, state: dict[str, Any]) -> None:
        if (number := state.get("job")) is None:
            return
        while True:
            try:
                await cancel(state["account"], number)
                return
            except SlurmSilent as silent:
                # The gateway forgets what it stopped once, and a job that nobody knows would hold its node.
                log.warning("slurm.silent", about="dask", job=number, why=str(silent))
                await asyncio.sleep(RETRY_S)

    async def _is_there(self, state: dict[str, Any], *, may_begin_again: bool = False) -> bool:
        """Whether a job waits or runs. While Slurm is silent it does: unknown is not gone."""
        if (number := state.get("job")) is None:
            return False
        try:
            job = await self.watch.job(number, age=self.cluster_site.poll_period, since=state["since"])
        except SlurmError as error:
            log.warning("slurm.silent", about="dask", job=number, why=str(error))
            return True
        if job is None or (job.restarts and not may_begin_again):
            return False
        # One that is put back in the line ends before it waits.
        is_there = (JobState.PENDING, JobState.RUNNING, *([JobState.ENDING] if may_begin_again else []))
        return job.state in is_there

    # --- workers that go back in the line ---------------------------------------------------------

    async def on_cluster_heartbeat(self, cluster_name: str, msg: dict[str, Any]) -> None:
        """As the others; workers that may come back by themselves are not taken for gone when the scheduler loses them.

        Stock would take their job back and start another at once.
        """
        cluster = self.db.get_cluster(cluster_name)
        if cluster is not None and _requeues(cluster):
            for worker in newly_lost(cluster.workers, msg["closed_workers"]):
                log.info("worker.lost", cluster=cluster_name, worker=worker.name, job=worker.state["job"])
                # To stock it is one that waits for its job to begin, and counts as such.
                state = {**worker.state, LOST: time.time()}
                self.db.update_worker(worker, status=JobStatus.SUBMITTED, state=state, start_time=timestamp())
            for worker in returned(cluster.workers, msg["active_workers"]):
                log.info("worker.returned", cluster=cluster_name, worker=worker.name, job=worker.state["job"])
                self._no_longer_lost(worker)
            lost = {name for name, worker in cluster.workers.items() if LOST in worker.state}
            msg = msg | {"closed_workers": [name for name in msg["closed_workers"] if name not in lost]}
        await super().on_cluster_heartbeat(cluster_name, msg)

    def _no_longer_lost(self, worker: Any, **more: Any) -> None:
        self.db.update_worker(worker, state={key: one for key, one in worker.state.items() if key != LOST}, **more)

    async def _may_return(self, worker: Any) -> bool:
        """True in any case, for stock counts workers that fail at their start, and this is none of them: one whose job
        will not bring it back makes room for another.
        """
        number, lost = worker.state["job"], worker.state[LOST]
        try:
            job = await self.watch.job(number, age=self.cluster_site.poll_period, since=worker.state["since"])
        except SlurmError as error:
            log.warning("slurm.silent", about="dask", job=number, why=str(error))
            return True
        # While Slurm was asked it may have returned, or somebody may have wanted it no more.
        still_waits = LOST in worker.state and may_return(worker)
        if still_waits and is_over(job, lost, time.time()):
            log.info("worker.given-up", worker=worker.name, job=number, state=job.slurm_state if job else "")
            self._no_longer_lost(worker, target=JobStatus.FAILED)
            self.queue.put(worker)
        return True

    # --- what is different from processes ---------------------------------------------------------

    def get_worker_command(self, cluster: Any, worker_name: str, scheduler_address: str | None = None) -> list[str]:
        command = super().get_worker_command(cluster, worker_name, scheduler_address)
        return [*command, "--death-timeout", str(ALONE_S)]

    def get_env(self, cluster: Any) -> dict[str, str]:
        """As the others; which devices a job sees is what Slurm gives it."""
        env = super().get_env(cluster)
        return {name: value for name, value in env.items() if not name.endswith("_VISIBLE_DEVICES")}


def _requeues(cluster: Any) -> bool:
    """Whether its workers go back in the line. What was started before there was this option has no word of it."""
    return bool(cluster.config.get("requeue", False))
