"""Dask Gateway's local backend, made part of the workbench.

Added to stock: bounds from the seat's profile, caps over all of a user's clusters (stock lost them,
dask-gateway#452), and clusters that end when their seat ends.
"""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.local import LocalBackend, LocalClusterConfig, UnsafeLocalBackend
from dask_gateway_server.options import Options
from traitlets import Any as AnyTrait
from traitlets import Bool, Float, List, Unicode
from traitlets.config import LoggingConfigurable
from werkbank_zygote.confinement import Confinement

from hub.cgroups.devices import device_groups
from hub.cgroups.groups import clusters_group_name
from hub.gateway.authenticator import SeatUser
from hub.gateway.caps import ClusterUse, refusal_to_requeue, refusal_to_scale, refusal_to_start, workers_allowed
from hub.gateway.forking import Program, fork_dask, is_dask
from hub.gateway.gpu_workers import GpuCluster, GpuWorkers
from hub.gateway.options import JobBounds, cluster_options
from hub.gateway.report import OwnedCluster, ReportedCluster, reported
from hub.gateway.seats import HubSeats, Seat
from hub.logs import get_logger
from hub.settings import Current, Profile, Settings
from hub.spawners.confinement import close_place, open_place, place_of_clusters
from hub.spawners.zygotes import node_folder, zygote_environment
from hub.words import translator

log = get_logger("gateway")

LEASE_PERIOD = 1.0
"""Seconds between looks at the leases of workers."""


class SeatClusterConfig(LocalClusterConfig):  # type: ignore[misc]
    """A cluster's configuration with the seat and profile it was started from."""

    seat = Unicode(help="Key of the seat.")
    profile = Unicode(help="Name of the seat's profile.")
    language = Unicode("en", help="The language the seat speaks.")
    groups = List(Unicode(), help="Groups that the user was in when it was started.")
    gpu_class = Unicode("", help="Each worker leases a GPU of this class; empty for none.")
    requeue = Bool(False, help="Slurm puts workers back in the line when their node breaks down.")
    hours = Float(0.0, help="How long each job may run; 0 for as long as the profile lets it.")
    programme = Unicode("", help="The programme that its jobs are counted for; empty for the first of the user's.")
    reservation = Bool(True, help="Jobs run on the nodes that are kept for a workshop of the user.")


class SeatBackend(LoggingConfigurable):  # type: ignore[misc]
    """What makes a backend follow seats; mixed into a stock backend class."""

    cluster_config_class = SeatClusterConfig
    current: Current = AnyTrait(help="The settings, followed.").tag(config=True)
    seats: HubSeats = AnyTrait(help="Asks the hub for seats.").tag(config=True)
    workbench: Path = AnyTrait(help="The state folder; it tells this workbench from others.").tag(config=True)
    confinement: Confinement = AnyTrait(help="What processes put on.").tag(config=True)
    gpu_workers: GpuWorkers = AnyTrait(help="Leases of workers with GPUs.").tag(config=True)

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.current.settings

    # --- life -----------------------------------------------------------------------------------

    async def setup(self, app: Any) -> None:
        self._hub_session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        await super().setup(app)
        self.task_pool.spawn(self._end_with_seats_loop())
        self.task_pool.spawn(self._lease_loop())

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._hub_session.close()

    # --- bounds from the profile ------------------------------------------------------------------

    async def get_cluster_options(self, user: SeatUser) -> Options:
        """The options a user sees: bounded by the profile of the seat that asks."""
        seat, profile = await self._seat_of(user)
        return cluster_options(
            profile, self.settings.prefix_of(profile), seat.language, self._job_bounds(profile, user.groups)
        )

    def _job_bounds(self, profile: Profile, groups: Collection[str]) -> JobBounds | None:
        site = self.settings.site.slurm
        if site is None:
            return None
        programmes = tuple(programme for programme in site.accounts if programme in groups)
        return JobBounds(profile.life / 3600, programmes, profile.dask.requeue)

    def _requeues(self, profile: Profile) -> bool:
        return self.settings.site.slurm is not None and profile.dask.requeue

    async def start_cluster(self, user: SeatUser, requested: dict[str, Any]) -> str:
        """Start a cluster for the seat that asks. Raises PublicException with a sentence."""
        seat, profile = await self._seat_of(user)
        if "requeue" in requested and not self._requeues(profile):
            raise PublicException(refusal_to_requeue(profile, seat.language))
        options, config = await self.process_cluster_options(user, requested)
        # No await from here on: two requests at once must not both pass the last free place.
        if refusal := refusal_to_start(profile, self._use_of(user.name), seat.language):
            log.info("cluster.refused", user=user.name, profile=profile.name, clusters=len(self._use_of(user.name)))
            raise PublicException(refusal)
        config.seat, config.profile, config.language = seat.key, profile.name, seat.language
        config.groups = sorted(user.groups)
        cluster = self.db.create_cluster(user.name, options, config.to_dict())
        if config.gpu_class and self.settings.site.slurm is None:
            place = (cluster.name, user.name, seat.server, config.gpu_class)
            self.gpu_workers.add(GpuCluster(*place, language=seat.language))
        log.info("cluster.created", user=user.name, seat=seat.key, profile=profile.name, cluster=cluster.name)
        self.queue.put(cluster)
        return str(cluster.name)

    async def _seat_of(self, user: SeatUser) -> tuple[Seat, Profile]:
        """The seat a call came from; for a personal token the user's only seat."""
        try:
            seats = await self.seats.of_user(self._hub_session, user.name)
        except (aiohttp.ClientError, TimeoutError):
            raise PublicException(
                "The hub does not answer the gateway. Nothing was started; try again in a minute."
            ) from None
        seat = seats.get(user.seat) if user.seat else (next(iter(seats.values())) if len(seats) == 1 else None)
        if seat is None:
            raise PublicException("Clusters belong to a seat: start one in Werkbank and create the cluster from there.")
        try:
            return seat, self.settings.profile_of_seat(seat.profile or self.settings.profiles[0].name)
        except KeyError:
            _ = translator(seat.language)
            sentence = _("The profile {profile} of your seat is no longer offered. Restart your seat with another one.")
            raise PublicException(sentence.format(profile=seat.profile)) from None

    async def list_clusters(self, username: str | None = None, statuses: Any = None) -> list[ReportedCluster]:
        """As stock, each with its workers; of everybody (for the service), each with whose it is."""
        records = self.db.list_clusters(username=username, statuses=statuses)
        kind = OwnedCluster if username is None else ReportedCluster
        return [reported(record, self._wanted(record), kind) for record in records]

    def _wanted(self, record: Any) -> int:
        gpu_cluster = self.gpu_workers.of(record.name)
        return int(gpu_cluster.wanted if gpu_cluster else record.count)

    # --- caps over all clusters of a user ---------------------------------------------------------

    def _use_of(self, username: str) -> list[ClusterUse]:
        clusters = self.db.list_clusters(username=username)
        return [ClusterUse(c.name, max(c.count, len(c.active_workers()))) for c in clusters]

    def _allowed(self, name: str, wanted: int) -> int:
        cluster = self.db.get_cluster(name)
        profile = self.settings.profile_of_seat(cluster.config.profile)
        return workers_allowed(profile, self._use_of(cluster.username), name, wanted)

    async def forward_message_to_scheduler(self, cluster: Any, msg: dict[str, Any]) -> None:
        """Scale requests that go over the user's cap are refused, in a sentence, before anything happens."""
        wanted = max((msg.get(key) or 0 for key in ("count", "minimum")), default=0)
        allowed = self._allowed(cluster.name, wanted)
        if wanted > allowed:
            elsewhere = sum(use.workers for use in self._use_of(cluster.username) if use.name != cluster.name)
            raise PublicException(refusal_to_scale(allowed, wanted, elsewhere, cluster.config.language))
        await super().forward_message_to_scheduler(cluster, msg)

    async def on_cluster_heartbeat(self, cluster_name: str, msg: dict[str, Any]) -> None:
        """The scheduler says how many workers it wants (adaptive scaling): what it gets is within the cap."""
        cluster = self.db.get_cluster(cluster_name)
        if cluster is not None:
            msg = msg | {"count": self._with_leases(cluster_name, self._allowed(cluster_name, msg["count"]))}
        await super().on_cluster_heartbeat(cluster_name, msg)

    # --- workers with GPUs ------------------------------------------------------------------------

    def _with_leases(self, name: str, wanted: int) -> int:
        """How many workers may run now: with GPUs, as many as have a lease. The wish is remembered."""
        gpu_cluster = self.gpu_workers.of(name)
        if gpu_cluster is None:
            return wanted
        gpu_cluster.wanted = wanted
        return min(wanted, gpu_cluster.granted())

    async def _lease_loop(self) -> None:
        while True:
            await asyncio.sleep(LEASE_PERIOD)
            try:
                await self._reconcile_leases()
            except (aiohttp.ClientError, TimeoutError) as error:
                # Not knowing is not the same as gone: workers run on while the broker is away.
                log.warning("leases.unknown", error=str(error))

    async def _reconcile_leases(self) -> None:
        active = {cluster.name: cluster for cluster in self.db.active_clusters()}
        for worker in await self.gpu_workers.reconcile(self._hub_session, active):
            log.info("worker.ended", worker=worker, why="its lease ended")
            await self._end_worker(active, worker)
        for name, cluster in active.items():
            gpu_cluster = self.gpu_workers.of(name)
            count = min(gpu_cluster.wanted, gpu_cluster.granted()) if gpu_cluster else cluster.count
            if count > cluster.count:
                self.db.update_cluster(cluster, count=count)
                self.queue.put(cluster)

    async def _end_worker(self, active: dict[str, Any], name: str) -> None:
        for cluster in active.values():
            if (worker := cluster.workers.get(name)) is not None and (pid := worker.state.get("pid")):
                await self.stop_process(pid)

    async def do_start_worker(self, worker: Any) -> AsyncIterator[dict[str, Any]]:
        """As stock; a worker with a GPU sees its own device and no other."""
        if self.gpu_workers.of(worker.cluster.name) is None:
            async for state in super().do_start_worker(worker):
                yield state
            return
        held = self.gpu_workers.take(worker.cluster.name, worker.name)
        if held is None:
            raise RuntimeError("the lease of this worker was given back before it started")
        env = self.get_worker_env(worker.cluster) | held.lease["environment"]
        command = self.get_worker_command(worker.cluster, worker.name)
        pid = await self.start_process(worker.cluster, command, env, f"worker-{worker.name}")
        yield {"pid": pid}
        await self.gpu_workers.bound(self._hub_session, held, pid)

    async def do_stop_worker(self, worker: Any) -> None:
        """As stock; then its GPU is given back."""
        await super().do_stop_worker(worker)
        try:
            await self.gpu_workers.ended(self._hub_session, worker.cluster.name, worker.name)
        except (aiohttp.ClientError, TimeoutError) as error:
            # The broker finds out by itself: the process is gone.
            log.warning("leases.unknown", error=str(error))

    def get_env(self, cluster: Any) -> dict[str, str]:
        """As stock; without a lease a process sees no GPU."""
        profile = self.settings.profile_of_seat(cluster.config.profile)
        own = self.settings.environments[profile.environment].variables
        return {**super().get_env(cluster), **own, "CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void"}

    # --- processes --------------------------------------------------------------------------------

    async def start_process(self, cluster: Any, cmd: list[str], env: dict[str, str], name: str) -> int:
        """As stock, but forked from a warm process where there is one: a worker has nothing to import then."""
        profile = self.settings.profile_of_seat(cluster.config.profile)
        if self.settings.site.warm and profile.start == "fork" and is_dask(cmd):
            place = node_folder(self.workbench, self.settings, profile.environment) / "dask"
            zygote = zygote_environment(self.settings.environments[profile.environment])
            log_file = Path(self.get_logs_directory(cluster.state["workdir"]), f"{name}.log")
            account, private = self.account_of(cluster.username), self.open_place(cluster.username)
            program = Program(cmd, env, cluster.state["workdir"], log_file, account, private)
            try:
                return await asyncio.to_thread(fork_dask, place, zygote, program, partial(self.before_start, cluster))
            except OSError as problem:
                log.warning("dask.not-forked", what=name, why=str(problem))
        return int(await super().start_process(cluster, cmd, env, name))

    def account_of(self, user: str) -> pwd.struct_passwd | None:
        """The system account that a user's processes run as; None for our own."""
        return None

    def open_place(self, user: str) -> str:
        """Makes the folders that stand for /tmp in a user's processes; their name, empty where there are none."""
        return ""

    def before_start(self, cluster: Any, pid: int) -> None:
        """What a forked process needs before it runs."""

    # --- clusters end with their seat ---------------------------------------------------------------

    async def _end_with_seats_loop(self) -> None:
        while True:
            await asyncio.sleep(self.settings.gateway.seat_check_period)
            try:
                await self._end_with_seats()
            except (aiohttp.ClientError, TimeoutError) as error:
                # Not knowing is not the same as gone: clusters run on while the hub is away.
                log.warning("seats.unknown", error=str(error))

    async def _end_with_seats(self) -> None:
        clusters = list(self.db.active_clusters())
        if not clusters:
            return
        seats = await self.seats.running(self._hub_session)
        for cluster in clusters:
            if cluster.config.seat not in seats:
                log.info("cluster.ended", cluster=cluster.name, seat=cluster.config.seat, why="its seat ended")
                await self.stop_cluster(cluster.name)


class SameUserBackend(SeatBackend, UnsafeLocalBackend):  # type: ignore[misc]
    """Workers run as the user who runs Werkbank, like seats in same-user mode."""

    def make_preexec_fn(self, cluster: Any) -> Callable[[], None]:
        """As stock, confined."""
        stock = super().make_preexec_fn(cluster)

        def before_exec() -> None:
            self.confinement.put_on(home="")
            stock()

        return before_exec


class SystemAccountsBackend(SeatBackend, LocalBackend):  # type: ignore[misc]
    """Workers run as the system account of their user, like seats in system-accounts mode."""

    def set_file_permissions(self, paths: list[str], username: str) -> None:
        """Give a cluster's working directory, `paths[0]`, and all in it to its user.

        What else stock passes is no list of paths but their characters one by one, "/" among them
        (dask-gateway-server 2026.3.0, LocalBackend.setup_working_directory).
        """
        account = pwd.getpwnam(username)
        for folder, _folders, files in os.walk(paths[0]):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chown(path, account.pw_uid, account.pw_gid)

    def account_of(self, user: str) -> pwd.struct_passwd | None:
        return pwd.getpwnam(user)

    def open_place(self, user: str) -> str:
        return open_place(self.confinement, place_of_clusters(self.workbench, user))

    def before_start(self, cluster: Any, pid: int) -> None:
        for file in self._group_files(cluster.username):
            Path(file).write_text(str(pid))

    def make_preexec_fn(self, cluster: Any) -> Callable[[], None]:
        """As stock; first the process enters its user's group, which can open no GPU but those the user leases."""
        become_user, files = super().make_preexec_fn(cluster), self._group_files(cluster.username)
        place, home = self.open_place(cluster.username), pwd.getpwnam(cluster.username).pw_dir

        def before_exec() -> None:
            for file in files:
                with open(file, "w") as procs:
                    procs.write("0")
            self.confinement.enter(home, place)
            self.confinement.put_on(home)
            become_user()

        return before_exec

    async def do_stop_cluster(self, cluster: Any) -> None:
        """As stock; the last cluster of a user takes the group and the private folders with it."""
        await super().do_stop_cluster(cluster)
        if all(use.name == cluster.name for use in self._use_of(cluster.username)):
            place = place_of_clusters(self.workbench, cluster.username)
            await asyncio.to_thread(close_place, self.confinement, place)
        layout, _enforcement = device_groups()
        if layout is not None and self.settings.leases.isolation == "enforced":
            layout.remove(clusters_group_name(self.workbench, cluster.username))

    def _group_files(self, user: str) -> list[str]:
        layout, _enforcement = device_groups()
        if layout is None or self.settings.leases.isolation != "enforced":
            return []
        return [os.fspath(path) for path in layout.create(clusters_group_name(self.workbench, user))]

    def get_env(self, cluster: Any) -> dict[str, str]:
        """As stock, with the account's home: libraries keep caches there."""
        return {**super().get_env(cluster), "HOME": pwd.getpwnam(cluster.username).pw_dir}
