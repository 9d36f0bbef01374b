"""Seats as processes of this machine."""

import asyncio
import os
import pwd
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from werkbank_zygote.confinement import Confinement

from hub.cgroups.devices import device_groups
from hub.cgroups.groups import Enforcement, group_name
from hub.cgroups.limits import controller, empty_and_remove
from hub.errors import Refusal
from hub.logs import get_logger
from hub.names import home_name, own_account
from hub.settings import Profile
from hub.spawners.base import SeatSpawner
from hub.spawners.capacity import Capacity
from hub.spawners.confinement import close_place, confinement_of, open_place, place_of_seat
from hub.spawners.doors import require_account, require_room
from hub.spawners.launch import Forked, ForkExec, Launch, Launcher, SeatProcess
from hub.spawners.readiness import Doorstep, knows_doorstep
from hub.spawners.zygotes import lab_arguments, node_folder, zygote_environment

log = get_logger("spawner")

KEPT_VARIABLES = [
    "LANG",
    "LC_ALL",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
]


MODULE = "jupyterhub.singleuser"


class LocalSpawner(SeatSpawner, LocalProcessSpawner):  # type: ignore[misc]
    """Starts seats as the user who runs Werkbank, or as system accounts when that is root."""

    user_options: dict[str, Any]
    seat: SeatProcess | None = None
    _watched: int | None = None

    # --- starting and stopping --------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Start the seat. Whatever fails, nothing runs afterwards and nothing is remembered."""
        try:
            profile = self.requested_profile()
            self.require_room(profile)
            self._require_account()
            # The limits are JupyterHub's own fields too (its API shows them): set at every start.
            self.mem_limit, self.cpu_limit = int(profile.memory), profile.cpu
            language = str(self.user_options.get("language") or self.language)
            self.user_options = {"profile": profile.name, "language": language}
            self.orm_spawner.user_options = self.user_options
            return await self._start(profile)
        except BaseException:
            await self._forget()
            raise

    async def _start(self, profile: Profile) -> tuple[str, int]:
        with Doorstep() as doorstep:
            self.port = doorstep.port
            knows = knows_doorstep(self.settings.prefix_of(profile))
            if not knows:
                doorstep.hand_over()  # it binds the port itself, and the hub asks until it answers
            await self._launched(self._launch(profile, doorstep if knows else None), profile)
            doorstep.hand_over()
            if knows:
                await self._until_it_serves(doorstep)
        self._limit_cpu(profile)
        self._watch()
        return ("127.0.0.1", self.port)

    async def _launched(self, launch: Launch, profile: Profile) -> None:
        try:
            self.seat = await self._launcher(profile).launch(launch)
        except OSError as error:
            raise SpawnException(
                self.translate("Your seat could not be started on this machine. The admins see why in the hub's log."),
                reason="launch-failed",
                log_message=f"launch failed: {error}",
                status_code=500,
            ) from error
        self.pid = self.seat.pid
        log.info(
            "seat.started", user=self.user.name, server=self.name, profile=profile.name, pid=self.pid, port=self.port
        )

    def _launcher(self, profile: Profile) -> Launcher:
        """How this site starts a seat of that profile."""
        if not self.settings.site.warm or profile.start == "exec":
            return ForkExec()
        folder = node_folder(self.state.path, self.settings, profile.environment)
        return Forked(
            folder / "seat", zygote_environment(self.settings.environments[profile.environment]), otherwise=ForkExec()
        )

    async def _until_it_serves(self, doorstep: Doorstep) -> None:
        """Wait for the seat's word, or for its death: the hub alone would notice that a minute later.

        How long is the hub's business: it cancels a start after `start_timeout`.
        """
        if await doorstep.serves():
            return
        assert self.seat is not None
        status = await self.seat.ended()
        raise SpawnException(
            self.translate("Your seat ended while it started. The admins see why in its log."),
            reason="died-at-start",
            log_message=f"the seat ended with status {status} while starting; see its log",
            status_code=500,
        )

    # --- its end --------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Notice the seat's end when it happens; the hub looks only every half minute."""
        self._unwatch()
        self._watched = self.seat.watch() if self.seat is not None else None
        if self._watched is not None:
            asyncio.get_running_loop().add_reader(self._watched, self._has_ended)

    def _unwatch(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            os.close(self._watched)
            self._watched = None

    def _has_ended(self) -> None:
        self._unwatch()
        # Not while the hub stops it: then whoever stops it is waiting for exactly this.
        if self.ready and not self.pending:
            self._noticing = asyncio.ensure_future(self.poll_and_notify())

    async def _forget(self) -> None:
        """A failed start leaves no process and no choice behind for the next (jupyterhub#3095)."""
        if self.seat is not None and self.seat.poll() is None:
            await self.stop(now=True)
        await self._release()
        self.clear_state()
        self.user_options = {}
        self.orm_spawner.user_options = {}

    async def poll(self) -> int | None:
        """None while the seat runs. Also right for a seat that an earlier hub started."""
        if self.seat is None:
            self.clear_state()
            return 0
        status = self.seat.poll()
        if status is not None:
            log.info("seat.ended", user=self.user.name, server=self.name, status=status)
            await self._release()
            self.clear_state()
        return status

    async def _signal(self, sig: int) -> bool:
        """Signal the seat, never a stranger that was given its pid since."""
        if self.seat is None or self.seat.poll() is not None:
            return False
        os.kill(self.seat.pid, sig)
        return True

    # --- surviving hub restarts -----------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        if self.seat is not None:
            state |= {"pid": self.seat.pid, "started": self.seat.started}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        if "pid" in state and "started" in state:
            self.seat = SeatProcess(state["pid"], state["started"])
            self._watch()

    def clear_state(self) -> None:
        super().clear_state()
        self._unwatch()
        self.seat = None

    # --- the process ----------------------------------------------------------------------------

    @property
    def account(self) -> str | None:
        """The system account the seat runs as; None in same-user mode."""
        return self.user.name if self.settings.site.seats_run_as == "system-accounts" else None

    def _require_account(self) -> None:
        """Raises SpawnException when the seat's system account does not exist."""
        try:
            if self.account:
                require_account(self.account, self.translate)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    def home(self) -> Path:
        """The seat's home folder; made here in same-user mode."""
        if self.account:
            return Path(pwd.getpwnam(self.account).pw_dir)
        home = self.state.homes / home_name(self.user.name)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home

    def _launch(self, profile: Profile, doorstep: Doorstep | None) -> Launch:
        arguments = [
            *self.get_args(),
            *lab_arguments(self.settings, self.user_options["language"]),
        ]
        return Launch(
            argv=[f"{self.settings.prefix_of(profile)}/bin/jupyterhub-singleuser", *arguments],
            module=MODULE,
            env=self.get_env() | self.seat_environment(profile) | self._personal(profile),
            cwd=self.home(),
            log=self.state.seat_log(self.user.name, self.name),
            account=self.account,
            cgroup_procs=[*self._guard_devices(), *self._limit(profile)],
            confinement=self._confinement,
            place=open_place(self._confinement, self._place),
            descriptors=doorstep.descriptors if doorstep else {},
        )

    def _personal(self, profile: Profile) -> dict[str, str]:
        home = str(self.home())
        path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        account = self.account or own_account()
        return {
            "HOME": home,
            "USER": account,
            "LOGNAME": account,
            "SHELL": "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
            "PATH": f"{self.settings.prefix_of(profile)}/bin:{path}",
            "WERKBANK_LESSONS": str(Path(__file__).parents[2] / "tutorials" / "notebooks"),
            **self._warmth(profile),
        }

    def _warmth(self, profile: Profile) -> dict[str, str]:
        """Where the seat has its kernels forked."""
        warm = self.settings.site.warm and profile.start == "fork"
        return {"WERKBANK_NODE": str(node_folder(self.state.path, self.settings, profile.environment))} if warm else {}

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """LocalProcessSpawner asks the account database here; `_personal` does that for us."""
        return env

    # --- limits -----------------------------------------------------------------------------------

    def capacity(self) -> Capacity:
        """This machine's capacity, with all other seats' promises taken off."""
        return Capacity.of_machine(self._other_profiles(), self.settings.site.memory_overcommit)

    def require_room(self, profile: Profile) -> None:
        """Raises SpawnException when the memory of `profile` cannot be promised."""
        try:
            require_room(profile, self.capacity(), self.translate, self.language)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    def limits_enforcement(self) -> Enforcement:
        if self.settings.site.limits == "off":
            return Enforcement(False, "switched off in the settings (site.limits)")
        return controller()[1]

    def _limit(self, profile: Profile) -> list[Path]:
        if not self.limits_enforcement().enforced:
            return []
        layout, _enforcement = controller()
        assert layout is not None
        return layout.create(self._group, int(profile.memory), profile.processes)

    def _limit_cpu(self, profile: Profile) -> None:
        layout, _enforcement = controller()
        if layout is not None and self.limits_enforcement().enforced:
            layout.limit_cpu(self._group, profile.cpu)

    async def _release(self) -> None:
        layout, _enforcement = controller()
        if layout is not None and self.limits_enforcement().enforced:
            await empty_and_remove(layout, self._group)

        self._release_devices()
        await asyncio.to_thread(close_place, self._confinement, self._place)

    def _guard_devices(self) -> list[Path]:
        """The seat begins without any GPU; whoever minds leases opens those that its kernels get."""
        layout, enforcement = device_groups()
        if self.settings.leases.isolation != "enforced":
            return []
        if layout is None:
            raise OSError(f"leases.isolation: {enforcement.reason}")
        return layout.create(self._group)

    def _release_devices(self) -> None:
        layout, _enforcement = device_groups()
        if layout is not None and self.settings.leases.isolation == "enforced":
            layout.remove(self._group)

    @property
    def _confinement(self) -> Confinement:
        return confinement_of(self.settings, self.state)

    @property
    def _place(self) -> str:
        return place_of_seat(self.state, self.user.name, self.name)

    @property
    def _group(self) -> str:
        return group_name(self.state.path, self.user.name, self.name)

    async def stop(self, now: bool = False) -> None:
        await super().stop(now=now)
        await self._release()
        log.info("seat.stopped", user=self.user.name, server=self.name)
