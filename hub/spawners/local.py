"""Seats as processes of this machine."""

import asyncio
import os
import pwd
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from jupyterhub.utils import random_port

from hub.cgroups.devices import device_groups
from hub.cgroups.groups import Enforcement, group_name
from hub.cgroups.limits import controller, empty_and_remove
from hub.errors import Refusal
from hub.logs import get_logger
from hub.names import home_name, own_account
from hub.settings import Profile
from hub.spawners.base import SeatSpawner
from hub.spawners.launch import ForkExec, Launch, Launcher, SeatProcess

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


LISTEN_CHECK_PERIOD = 0.05
"""Seconds between looks at a starting seat's port: one system call on this machine."""


class LocalSpawner(SeatSpawner, LocalProcessSpawner):  # type: ignore[misc]
    """Starts seats as the user who runs Werkbank, or as system accounts when that is root."""

    launcher: Launcher = ForkExec()
    user_options: dict[str, Any]
    seat: SeatProcess | None = None

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
        self.port = random_port()
        launch = self._launch(profile)
        try:
            self.seat = await self.launcher.launch(launch)
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
        await self._until_it_listens(self.seat)
        self._limit_cpu(profile)
        return ("127.0.0.1", self.port)

    async def _until_it_listens(self, seat: SeatProcess) -> None:
        """Wait for the seat's port, or for its death: the hub alone would notice that a minute later.

        How long is the hub's business: it cancels a start after `start_timeout`.
        """
        while not await _listens(self.port):
            if (status := seat.poll()) is not None:
                raise SpawnException(
                    self.translate("Your seat ended while it started. The admins see why in its log."),
                    reason="died-at-start",
                    log_message=f"the seat ended with status {status} while starting; see its log",
                    status_code=500,
                )
            await asyncio.sleep(LISTEN_CHECK_PERIOD)

    async def _forget(self) -> None:
        """A failed start leaves no process and no choice behind for the next (jupyterhub#3095)."""
        if self.seat is not None and self.seat.poll() is None:
            await self.stop(now=True)
        await self._release_limits()
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
            await self._release_limits()
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

    def clear_state(self) -> None:
        super().clear_state()
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
                pwd.getpwnam(self.account)
        except KeyError:
            sentence = self.translate("This machine has no account called {name}. Ask the admins to make one.")
            refusal = Refusal(sentence.format(name=self.account), reason="no-account", status_code=403)
            raise self._refused(refusal) from None

    def home(self) -> Path:
        """The seat's home folder; made here in same-user mode."""
        if self.account:
            return Path(pwd.getpwnam(self.account).pw_dir)
        home = self.state.homes / home_name(self.user.name)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home

    def _launch(self, profile: Profile) -> Launch:
        prefix = self.settings.prefix_of(profile)
        arguments = [
            *self.get_args(),
            *self.lab_arguments(),
            *(["--allow-root"] if os.geteuid() == 0 and not self.account else []),
        ]
        return Launch(
            argv=[f"{prefix}/bin/jupyterhub-singleuser", *arguments],
            env=self.get_env() | self.seat_environment(profile) | self._personal(profile),
            cwd=self.home(),
            log=self.state.seat_log(self.user.name, self.name),
            account=self.account,
            cgroup_procs=[*self._guard_devices(), *self._limit(profile)],
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
        }

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """LocalProcessSpawner asks the account database here; `_personal` does that for us."""
        return env

    # --- limits -----------------------------------------------------------------------------------

    def limits_enforcement(self) -> Enforcement:
        if self.settings.site.limits == "off":
            return Enforcement(False, "switched off in the settings (site.limits)")
        return controller()[1]

    def _limit(self, profile: Profile) -> list[Path]:
        if not self.limits_enforcement().enforced:
            return []
        layout, _enforcement = controller()
        assert layout is not None
        return layout.create(self._group, int(profile.memory))

    def _limit_cpu(self, profile: Profile) -> None:
        layout, _enforcement = controller()
        if layout is not None and self.limits_enforcement().enforced:
            layout.limit_cpu(self._group, profile.cpu)

    async def _release_limits(self) -> None:
        layout, _enforcement = controller()
        if layout is not None and self.limits_enforcement().enforced:
            await empty_and_remove(layout, self._group)

        self._release_devices()

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
    def _group(self) -> str:
        return group_name(self.state.path, self.user.name, self.name)

    async def stop(self, now: bool = False) -> None:
        await super().stop(now=now)
        await self._release_limits()
        log.info("seat.stopped", user=self.user.name, server=self.name)


async def _listens(port: int) -> bool:
    """Whether somebody accepts connections on this port of this machine."""
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
