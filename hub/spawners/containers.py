"""Seats as containers of this machine."""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from dockerspawner import DockerSpawner
from jupyterhub.app import JupyterHub
from jupyterhub.objects import Server
from jupyterhub.spawner import Spawner, SpawnException
from traitlets import Any as AnyTrait

from hub.cgroups.groups import Enforcement
from hub.containers import networks
from hub.containers.arrivals import Arrivals, Seat
from hub.containers.ending import ENDING_S, how_it_ended, strangers, take_away
from hub.containers.engine import Engine, EngineError, EngineSilent, NameTaken, NotThere
from hub.containers.firewall import wall
from hub.containers.names import (
    LABEL,
    SERVER_LABEL,
    USER_LABEL,
    container_name,
    network_name,
    seat_socket,
    volume_name,
    workbench_id,
)
from hub.containers.shape import DOORS, HOME, LAB_SETTINGS, Places, devices_of, host_config, image_of
from hub.containers.words import why_it_ended, why_not_started
from hub.errors import Refusal
from hub.logs import get_logger
from hub.settings import ContainersSite, Profile
from hub.spawners.base import SeatSpawner
from hub.spawners.capacity import Capacity
from hub.spawners.doors import require_room
from hub.spawners.zygotes import LAB_SETTINGS as LAB_SETTINGS_HERE
from hub.spawners.zygotes import lab_arguments

log = get_logger("spawner")

PROGRAM = ["python", "-P", "-m", "werkbank_seat.in_container"]
LOOK_S = 0.5
"""Between looks at a container whose program has not said a word."""
LATER_S = (1.0, 2.0, 4.0, 8.0)
"""More pauses, where a container takes its time to end: on a busy machine."""
STOP_S = 10
RETRY_S = 2.0


class SocketServer(Server):  # type: ignore[misc]
    """A seat that serves on a Unix socket, which the proxy reaches (`http+unix`) and JupyterHub alone does not."""

    async def wait_up(  # as JupyterHub calls it
        self,
        timeout: float = 10,  # noqa: ASYNC109
        http: bool = False,
        ssl_context: Any = None,
        extra_path: str = "",
    ) -> aiohttp.ClientResponse:
        """What it answers: it has said that it serves."""
        path = self.connect_url.removeprefix("http+unix://").partition("/")[0]
        connector = aiohttp.UnixConnector(path=path.replace("%2F", "/"))
        async with (
            asyncio.timeout(timeout),
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"http://seat{self.base_url}{extra_path}") as reply,
        ):
            reply.raise_for_status()
            return reply


class ContainerSpawner(SeatSpawner, DockerSpawner):  # type: ignore[misc]
    """Starts seats as containers: closed in on all sides but for the sockets of the workbench.

    What a person asks for chooses a profile; the profile's numbers and the settings make the container.
    """

    engine: Engine = AnyTrait(help="The engine that all seats share.").tag(config=True)
    arrivals: Arrivals = AnyTrait(help="The sockets that all seats share.").tag(config=True)

    user_options: dict[str, Any]
    word: str = ""
    _swept: "asyncio.Task[None] | None" = None
    _seat: Seat | None = None

    @property
    def site(self) -> ContainersSite:
        """The settings of the engine."""
        assert self.settings.site.containers is not None
        return self.settings.site.containers

    def docker(self, method: str, *arguments: Any, **named: Any) -> Any:
        """DockerSpawner's calls too go by our engine, with our errors."""
        return self.engine.call(method, *arguments, **named)

    @property
    def _key(self) -> tuple[Any, str, str]:
        return self.state.path, self.user.name, self.name

    def _object_name_default(self) -> str:
        return container_name(*self._key)

    # --- starting -----------------------------------------------------------------------------

    async def start(self) -> str:
        """Start the seat. Whatever fails, no container is left and nothing is remembered."""
        try:
            profile = self.requested_profile()
            self.require_room(profile)
            self.mem_limit, self.cpu_limit = int(profile.memory), profile.cpu
            self.image = image_of(profile, self.site)
            self.user_options = {"profile": profile.name, "language": self.language}
            self.orm_spawner.user_options = self.user_options
            await self._make(profile)
            await self._until_it_serves()
        except EngineError as error:
            await self._forget()
            sentence, reason, status = why_not_started(error, self.image, self.translate)
            raise self._failure(sentence, reason, error, status) from error
        except (OSError, ValueError) as error:
            await self._forget()
            sentence = self.translate(
                "Your seat could not be started on this machine. The admins see why in the hub's log."
            )
            raise self._failure(sentence, "launch-failed", error) from error
        except BaseException:
            await self._forget()
            raise
        log.info(
            "seat.started",
            user=self.user.name,
            server=self.name,
            profile=profile.name,
            container=self.object_id[:12],
        )
        return "http://127.0.0.1:1"  # JupyterHub's record; where it is in truth, `server` knows

    async def _make(self, profile: Profile) -> None:
        await self.arrivals.open()
        self._sweep()
        self._expect(secrets.token_hex(16))
        wanted = self._wanted(profile)
        await self._make_network()
        try:
            made = await self.engine.create(**wanted)
        except NameTaken:
            # Of a start that ended with its hub: nobody can be in it.
            log.warning("seat.replaced", user=self.user.name, server=self.name, container=self.object_name)
            await take_away(self.engine, self.object_name)
            made = await self.engine.create(**wanted)
        self.object_id = made["Id"]
        await self.docker("start", self.object_id)

    def _expect(self, word: str) -> None:
        self.word = word
        self._seat = self.arrivals.expect(word, seat_socket(*self._key), self._has_ended)

    async def _make_network(self) -> None:
        if self.site.network == "outside":
            standing = await asyncio.to_thread(wall)
            if not standing.enforced:
                log.warning("wall.missing", why=standing.reason)
            await networks.make(self.engine, self.state.path, self.user.name)

    def _wanted(self, profile: Profile) -> dict[str, Any]:
        user = self.state.path, self.user.name
        network, volume = network_name(*user) if self.site.network == "outside" else "none", volume_name(*user)
        places = Places(self.arrivals.shown, LAB_SETTINGS_HERE, volume, network)
        return {
            "image": self.image,
            "name": self.object_name,
            "command": [*PROGRAM, *self.get_args(), *self._lab_arguments()],
            "environment": self._environment(profile),
            "working_dir": HOME,
            "labels": {
                LABEL: workbench_id(self.state.path),
                USER_LABEL: self.user.name,
                SERVER_LABEL: self.name,
            },
            "host": host_config(profile, places),
            "devices": devices_of(profile, self.settings.gpu_classes, self.site),
        }

    def _lab_arguments(self) -> list[str]:
        here = str(LAB_SETTINGS_HERE)
        return [one.replace(here, LAB_SETTINGS) for one in lab_arguments(self.settings, self.user_options["language"])]

    def _environment(self, profile: Profile) -> dict[str, str]:
        own = {
            "WERKBANK_DOORS": DOORS,
            "WERKBANK_DOOR_PORTS": self.arrivals.ports,
            "WERKBANK_DOOR_WORD": self.word,
            "HOME": HOME,
        }
        given: dict[str, str] = self.get_env() | self.seat_environment(profile) | own
        return given

    async def _until_it_serves(self) -> None:
        """Wait for the seat's word, or for its container's end. How long is the hub's business."""
        assert self._seat is not None
        watching = asyncio.create_task(self._until_it_is_gone(self._seat), name="containers.start")
        try:
            news: set[asyncio.Future[Any]] = {self._seat.serves, watching}
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
        if not (self._seat.serves.done() and self._seat.serves.result()):
            await self._tell_why()

    async def _until_it_is_gone(self, seat: Seat) -> None:
        """A container whose program never says a word is looked at; one that did is heard when it ends."""
        while not seat.came.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await seat.came.wait()
                    break
            with suppress(EngineSilent):
                if not await self._runs():
                    return
        await asyncio.get_running_loop().create_future()

    async def _runs(self) -> bool:
        try:
            told = await self.docker("inspect_container", self.object_id)
        except NotThere:
            return False
        return bool(told["State"]["Running"])

    async def _tell_why(self) -> None:
        """Raises SpawnException with what the container said last."""
        end = await how_it_ended(self.engine, self.object_id, self._kept_log)
        sentence, reason = why_it_ended(end, self.image, self.translate)
        raise self._failure(sentence, reason, f"the container ended: {end}", 500)

    @property
    def _kept_log(self) -> Path:
        """What a seat said, once its container is gone."""
        return self.state.seat_log(self.user.name, self.name)

    def _failure(self, sentence: str, reason: str, why: object, status: int = 500) -> SpawnException:
        log.warning("seat.failed", user=self.user.name, server=self.name, reason=reason, why=str(why))
        return SpawnException(sentence, reason=reason, log_message=str(why), status_code=status)

    def require_room(self, profile: Profile) -> None:
        """Raises SpawnException when the memory of `profile` cannot be promised."""
        try:
            require_room(profile, self.capacity(), self.translate, self.language)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    # --- running and ending -------------------------------------------------------------------

    async def poll(self) -> int | None:
        """None while the seat's container runs, and while the engine does not answer: unknown is not gone."""
        if not self.object_id:
            return 0
        try:
            if await self._runs():
                return None
            end = await how_it_ended(self.engine, self.object_id, self._kept_log)
            log.info("seat.ended", user=self.user.name, server=self.name, how=str(end))
            await self._clear_away()
        except EngineError as error:
            log.warning("engine.silent", about="seat", user=self.user.name, why=str(error))
            return None
        self.clear_state()
        return end.status

    def _has_ended(self) -> None:
        """Its line broke: look at once; the hub looks only every half minute."""
        # Not while the hub stops it: then whoever stops it is waiting for exactly this.
        if self.ready and not self.pending:
            self._noticing = asyncio.ensure_future(self._notice())

    async def _notice(self) -> None:
        """The engine knows it a moment later than we do."""
        for pause in (*ENDING_S, *LATER_S):
            if await self.poll_and_notify() is not None:
                return
            await asyncio.sleep(pause)

    def _sweep(self) -> None:
        """Once in a hub's life: take away what an earlier one did not get to, since it was killed."""
        if ContainerSpawner._swept is None:
            ContainerSpawner._swept = asyncio.create_task(self._take_away_strangers(), name="containers.sweep")

    async def _take_away_strangers(self) -> None:
        mine = {LABEL: workbench_id(self.state.path)}
        try:
            found = await strangers(self.engine, mine, self._known_names())
            for name in found:
                log.warning("seat.orphan", container=name)
                await take_away(self.engine, name)
        except EngineError as error:
            log.warning("engine.silent", about="orphans", why=str(error))

    def _known_names(self) -> set[str]:
        users = JupyterHub.instance().users.values()
        seats = (spawner for user in users for spawner in user.spawners.values())
        return {spawner.object_name for spawner in seats if isinstance(spawner, ContainerSpawner)}

    async def stop(self, now: bool = False) -> None:
        """End the container and take it away. While the engine is silent this waits for it."""
        if not self.object_id:
            return
        while self.object_id:
            try:
                with suppress(NotThere):
                    await self.docker("stop", self.object_id, timeout=0 if now else STOP_S)
                    await how_it_ended(self.engine, self.object_id, self._kept_log)
                await self._clear_away()
                break
            except EngineError as error:
                # JupyterHub forgets a seat whatever happens here, and nobody would stop a container that nobody knows.
                log.warning("engine.silent", about="stop", user=self.user.name, why=str(error))
                await asyncio.sleep(RETRY_S)
        self.clear_state()
        log.info("seat.stopped", user=self.user.name, server=self.name)

    async def _clear_away(self) -> None:
        """Take away the container, and its network with the last of its user's; the volume stays."""
        await take_away(self.engine, self.object_id)
        if self.site.network == "outside":
            await networks.remove(self.engine, self.state.path, self.user.name)
        self.arrivals.forget(self.word)

    async def _forget(self) -> None:
        """A failed start leaves no container and no choice behind for the next (jupyterhub#3095)."""
        if self.object_id:
            try:
                await self._clear_away()
            except EngineError as error:
                # The next start of this seat, or the next hub, takes it away.
                log.error("seat.stays", user=self.user.name, container=self.object_id[:12], why=str(error))
        self.arrivals.forget(self.word)
        self.clear_state()
        self.user_options = {}
        self.orm_spawner.user_options = {}

    # --- surviving hub restarts ---------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        return state | ({"word": self.word} if self.word and self.object_id else {})

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        if self.object_id and state.get("word"):
            self._expect(state["word"])
            self._opening = asyncio.ensure_future(self.arrivals.open())

    def clear_state(self) -> None:
        super().clear_state()
        self.object_id, self.word, self._seat = "", "", None

    # --- what people see ----------------------------------------------------------------------

    def limits_enforcement(self) -> Enforcement:
        """The engine holds containers to what they were given."""
        return Enforcement(True, "")

    def capacity(self) -> Capacity:
        """This machine's capacity, with all other seats' promises taken off."""
        return Capacity.of_machine(self._other_profiles(), self.settings.site.memory_overcommit)

    # --- where it is --------------------------------------------------------------------------

    def _get_server(self) -> Server | None:
        server = Spawner.server.fget(self)
        if server is None or isinstance(server, SocketServer):
            return server
        self._server = SocketServer(orm_server=server.orm_server)
        self._server.connect_url = f"http+unix://{quote(str(seat_socket(*self._key)), safe='')}"
        return self._server

    server = property(_get_server, Spawner.server.fset)
