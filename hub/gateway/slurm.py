"""Dask clusters as jobs of their user: the scheduler one, each worker one."""

import asyncio
import pwd
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from dask_gateway_server.backends.db_base import DBBackendBase
from traitlets import Any as AnyTrait

from hub.gateway.backend import SeatBackend
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
        yield await self._given(cluster, f"worker-{worker.name}", size, argv, env)

    async def do_stop_cluster(self, cluster: Any) -> None:
        await self._take_back(cluster.state)

    async def do_stop_worker(self, worker: Any) -> None:
        await self._take_back(worker.state)

    async def do_check_clusters(self, clusters: Sequence[Any]) -> list[bool]:
        return [await self._is_there(one.state) for one in clusters]

    async def do_check_workers(self, workers: Sequence[Any]) -> list[bool]:
        return [await self._is_there(one.state) for one in workers]

    async def _given(
        self, cluster: Any, what: str, size: tuple[int, int, str | None], argv: Sequence[str], env: dict[str, str]
    ) -> dict[str, Any]:
        profile = self.settings.profile_of_seat(cluster.config.profile)
        paths = {CERTIFICATE: cluster.tls_cert.decode(), KEY: cluster.tls_key.decode()}
        job = {
            "argv": list(argv),
            "env": {name: value for name, value in env.items() if value not in paths} | self._path_of(profile),
            "log": f".local/state/werkbank/dask/{cluster.name}/{what}.log",
            "files": paths,
            "file_variables": {name: value for name, value in env.items() if value in paths},
        }
        python = f"{self.settings.prefix_of(profile)}/bin/python"
        cpus, memory, gres = size
        request = JobRequest(
            name=DASK,
            folder=pwd.getpwnam(cluster.username).pw_dir,
            cpus=cpus,
            memory=memory,
            seconds=profile.life + GRACE_S,
            gres=gres,
            account=account_of_groups(self.cluster_site, cluster.config.groups),
            partition=self.cluster_site.partition,
            qos=self.cluster_site.qos,
        )
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

    async def _is_there(self, state: dict[str, Any]) -> bool:
        """Whether a job waits or runs. While Slurm is silent it does: unknown is not gone."""
        if (number := state.get("job")) is None:
            return False
        try:
            job = await self.watch.job(number, age=self.cluster_site.poll_period, since=state["since"])
        except SlurmError as error:
            log.warning("slurm.silent", about="dask", job=number, why=str(error))
            return True
        return job is not None and job.state in (JobState.PENDING, JobState.RUNNING) and not job.restarts

    # --- what is different from processes ---------------------------------------------------------

    def get_env(self, cluster: Any) -> dict[str, str]:
        """As the others; which devices a job sees is what Slurm gives it."""
        env = super().get_env(cluster)
        return {name: value for name, value in env.items() if not name.endswith("_VISIBLE_DEVICES")}
