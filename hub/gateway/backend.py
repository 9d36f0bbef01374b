"""Dask Gateway's local backend, made part of the workbench.

Added to stock: bounds from the seat's profile, caps over all of a user's clusters (stock lost them,
dask-gateway#452), and clusters that end when their seat ends.
"""

import asyncio
import os
import pwd
from typing import Any

import aiohttp
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.local import LocalBackend, LocalClusterConfig, UnsafeLocalBackend
from dask_gateway_server.options import Options
from traitlets import Any as AnyTrait
from traitlets import Unicode
from traitlets.config import LoggingConfigurable

from hub.gateway.authenticator import SeatUser
from hub.gateway.caps import ClusterUse, refusal_to_scale, refusal_to_start, workers_allowed
from hub.gateway.options import cluster_options
from hub.gateway.seats import HubSeats, Seat
from hub.logs import get_logger
from hub.settings import Profile, Settings
from hub.words import translator

log = get_logger("gateway")


class SeatClusterConfig(LocalClusterConfig):  # type: ignore[misc]
    """A cluster's configuration with the seat and profile it was started from."""

    seat = Unicode(help="Key of the seat.")
    profile = Unicode(help="Name of the seat's profile.")
    language = Unicode("en", help="The language the seat speaks.")


class SeatBackend(LoggingConfigurable):  # type: ignore[misc]
    """What makes a backend follow seats; mixed into a stock backend class."""

    cluster_config_class = SeatClusterConfig
    settings: Settings = AnyTrait(help="The settings tree.").tag(config=True)
    seats: HubSeats = AnyTrait(help="Asks the hub for seats.").tag(config=True)

    # --- life -----------------------------------------------------------------------------------

    async def setup(self, app: Any) -> None:
        self._hub_session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        await super().setup(app)
        self.task_pool.spawn(self._end_with_seats_loop())

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._hub_session.close()

    # --- bounds from the profile ------------------------------------------------------------------

    async def get_cluster_options(self, user: SeatUser) -> Options:
        """The options a user sees: bounded by the profile of the seat that asks."""
        _seat, profile = await self._seat_of(user)
        return cluster_options(profile, self.settings.prefix_of(profile))

    async def start_cluster(self, user: SeatUser, requested: dict[str, Any]) -> str:
        """Start a cluster for the seat that asks. Raises PublicException with a sentence."""
        seat, profile = await self._seat_of(user)
        options, config = await self.process_cluster_options(user, requested)
        # No await from here on: two requests at once must not both pass the last free place.
        if refusal := refusal_to_start(profile, self._use_of(user.name), seat.language):
            log.info("cluster.refused", user=user.name, profile=profile.name, clusters=len(self._use_of(user.name)))
            raise PublicException(refusal)
        config.seat, config.profile, config.language = seat.key, profile.name, seat.language
        cluster = self.db.create_cluster(user.name, options, config.to_dict())
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
            return seat, self.settings.profile(seat.profile or self.settings.profiles[0].name)
        except KeyError:
            _ = translator(seat.language)
            sentence = _("The profile {profile} of your seat is no longer offered. Restart your seat with another one.")
            raise PublicException(sentence.format(profile=seat.profile)) from None

    # --- caps over all clusters of a user ---------------------------------------------------------

    def _use_of(self, username: str) -> list[ClusterUse]:
        clusters = self.db.list_clusters(username=username)
        return [ClusterUse(c.name, max(c.count, len(c.active_workers()))) for c in clusters]

    def _allowed(self, name: str, wanted: int) -> int:
        cluster = self.db.get_cluster(name)
        profile = self.settings.profile(cluster.config.profile)
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
            msg = msg | {"count": self._allowed(cluster_name, msg["count"])}
        await super().on_cluster_heartbeat(cluster_name, msg)

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

    def get_env(self, cluster: Any) -> dict[str, str]:
        """As stock, with the account's home: libraries keep caches there."""
        return {**super().get_env(cluster), "HOME": pwd.getpwnam(cluster.username).pw_dir}
