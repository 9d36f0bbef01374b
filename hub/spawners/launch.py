"""The launch step: from a finished description of a seat's process to a running one.

Spawners know nothing of how a process comes to be; a launcher knows nothing of users and profiles.
"""

import os
import pwd
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil


@dataclass(frozen=True)
class Launch:
    """All that is needed to start one seat."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    account: str | None
    """System account to become; None stays who we are."""
    cgroup_procs: Sequence[Path]


@dataclass
class SeatProcess:
    """A running seat, recognised again after a hub restart by pid and start time."""

    pid: int
    started: float
    child: subprocess.Popen[bytes] | None = None

    def poll(self) -> int | None:
        """None while it runs, else its exit status (0 when another hub started it: unknown)."""
        if self.child is not None:
            return self.child.poll()
        return None if self._is_same_process() else 0

    def _is_same_process(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


class Launcher(Protocol):
    """Starts seats."""

    async def launch(self, launch: Launch) -> SeatProcess:
        """Start the process. Raises OSError when it cannot be started; then nothing runs."""


class ForkExec:
    """Starts each seat as a new process of this machine."""

    async def launch(self, launch: Launch) -> SeatProcess:
        descriptor = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = subprocess.Popen(  # noqa: ASYNC220 - returns at once; nothing waits for the child here
                list(launch.argv),
                env=dict(launch.env),
                cwd=launch.cwd,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C must not reach people's kernels
                preexec_fn=_before_exec(launch),
            )
        finally:
            os.close(descriptor)
        return SeatProcess(child.pid, psutil.Process(child.pid).create_time(), child)


def _before_exec(launch: Launch) -> Callable[[], None]:
    """What the child does first: enter its cgroups, then become its user for good."""
    procs = [os.fspath(path) for path in launch.cgroup_procs]
    account = pwd.getpwnam(launch.account) if launch.account else None
    groups = os.getgrouplist(account.pw_name, account.pw_gid) if account else []

    def before_exec() -> None:
        for path in procs:
            with open(path, "w") as file:
                file.write("0")
        if account is not None:
            os.setgroups(groups)
            os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
            os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
        os.umask(0o077)

    return before_exec
