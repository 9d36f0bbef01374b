"""The launch step: from a finished description of a seat's process to a running one.

Spawners know nothing of how a process comes to be; a launcher knows nothing of users and profiles.
"""

import asyncio
import os
import pwd
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil
from prometheus_client import Counter
from werkbank_zygote.client import NoZygote, Process, fork
from werkbank_zygote.confinement import Confinement
from werkbank_zygote.exec_only import needs_exec

from hub.logs import get_logger

log = get_logger("spawner")

STARTS = Counter("werkbank_seat_starts", "Seats started: forked, executed, or executed for want of a zygote.", ["how"])


@dataclass(frozen=True)
class Launch:
    """All that is needed to start one seat."""

    argv: Sequence[str]
    """The program, and its arguments."""
    module: str
    """The module that the program runs."""
    env: Mapping[str, str]
    cwd: Path
    log: Path
    account: str | None
    """System account to become; None stays who we are."""
    cgroup_procs: Sequence[Path]
    confinement: Confinement
    place: str = ""
    """The name of its private folders, which are there; empty for none."""
    descriptors: Mapping[str, int] = field(default_factory=dict)
    """Variables that tell the seat the numbers of descriptors it gets."""


@dataclass
class SeatProcess:
    """A running seat, recognised again after a hub restart by pid and start time."""

    pid: int
    started: float
    child: subprocess.Popen[bytes] | Process | None = None

    def poll(self) -> int | None:
        """None while it runs, else its exit status (0 when another hub started it: unknown)."""
        if self.child is not None:
            return self.child.poll()
        return None if self._is_same_process() else 0

    def watch(self) -> int | None:
        """A descriptor that becomes readable when the seat ends; the caller closes it. None when it is gone already."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return None
        if self.poll() is None:
            return descriptor
        os.close(descriptor)
        return None

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        if (descriptor := self.watch()) is not None:
            try:
                await readable(descriptor)
            finally:
                os.close(descriptor)
        return self.poll() or 0

    def _is_same_process(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


async def readable(descriptor: int) -> None:
    """Wait until something can be read there, or its end has come."""
    loop = asyncio.get_running_loop()
    news: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: None if news.done() else news.set_result(None))
    try:
        await news
    finally:
        loop.remove_reader(descriptor)


class Launcher(Protocol):
    """Starts seats."""

    async def launch(self, launch: Launch) -> SeatProcess:
        """Start the process. Raises OSError when it cannot be started; then nothing runs."""


class ForkExec:
    """Starts each seat as a new process of this machine."""

    async def launch(self, launch: Launch) -> SeatProcess:
        with _output(launch) as descriptor, _told_as_os_error():
            child = subprocess.Popen(  # noqa: ASYNC220 - returns at once; nothing waits for the child here
                list(launch.argv),
                env={**launch.env, **{name: str(number) for name, number in launch.descriptors.items()}},
                cwd=launch.cwd,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C must not reach people's kernels
                preexec_fn=_before_exec(launch),
                pass_fds=list(launch.descriptors.values()),
            )
        STARTS.labels("executed").inc()
        return SeatProcess(child.pid, psutil.Process(child.pid).create_time(), child)


@contextmanager
def _told_as_os_error() -> Iterator[None]:
    """What goes wrong in the child before it runs the program, subprocess does not name."""
    try:
        yield
    except subprocess.SubprocessError as problem:
        raise OSError("the new process could not enter its control groups, be confined or become its user") from problem


class Forked:
    """Has each seat forked by the zygote at `address`; where that fails, it is started in the ordinary way."""

    def __init__(self, address: Path, environment: Mapping[str, str], otherwise: Launcher) -> None:
        """`environment` is what the zygote was started with."""
        self._address, self._environment, self._otherwise = address, environment, otherwise

    async def launch(self, launch: Launch) -> SeatProcess:
        if reason := needs_exec(launch.env, self._environment):
            log.info("seat.not-forked", why=reason)
            return await self._otherwise.launch(launch)
        try:
            child = await asyncio.to_thread(self._fork, launch)
        except NoZygote as problem:
            STARTS.labels("fallback").inc()
            log.warning("seat.not-forked", why=str(problem))
            return await self._otherwise.launch(launch)
        STARTS.labels("forked").inc()
        return SeatProcess(child.pid, _started(child), child)

    def _fork(self, launch: Launch) -> Process:
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            with _output(launch) as output:
                return fork(
                    self._address,
                    launch.module,
                    launch.argv,
                    launch.env,
                    launch.cwd,
                    (nothing, output, output),
                    uid=pwd.getpwnam(launch.account).pw_uid if launch.account else None,
                    place=launch.place,
                    descriptors=launch.descriptors,
                    before_start=lambda pid: _enter(launch.cgroup_procs, str(pid)),
                )
        finally:
            os.close(nothing)


def _started(child: Process) -> float:
    try:
        return psutil.Process(child.pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0  # it has ended already, and `poll` will say how


@contextmanager
def _output(launch: Launch) -> Iterator[int]:
    descriptor = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _enter(files: Sequence[Path | str], pid: str) -> None:
    for path in files:
        with open(path, "w") as file:
            file.write(pid)


def _before_exec(launch: Launch) -> Callable[[], None]:
    """What the child does first: enter its cgroups, confine itself, then become its user for good."""
    procs = [os.fspath(path) for path in launch.cgroup_procs]
    account = pwd.getpwnam(launch.account) if launch.account else None
    groups = os.getgrouplist(account.pw_name, account.pw_gid) if account else []

    def before_exec() -> None:
        _enter(procs, "0")
        if account is not None:
            launch.confinement.enter(account.pw_dir, launch.place)
        launch.confinement.put_on(account.pw_dir if account else "")
        if account is not None:
            os.setgroups(groups)
            os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
            os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
        os.umask(0o077)

    return before_exec
