"""Machines that are made of namespaces: a host name, mounts, a network and processes of their own.

A machine is ended by ending its first process: the kernel then ends all that run in it. Who the processes are is
written down, so that whoever comes later can end what was left.
"""

import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from hub.errors import StartError

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer")
"""Of cgroup v1, in which Slurm confines jobs."""
CGROUPS = Path("/sys/fs/cgroup")
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/"}
NEEDED = ("unshare", "nsenter", "ip", "mount", "setpriv")
BEGIN_S, END_S = 20.0, 10.0


@dataclass(frozen=True)
class Process:
    """A process as the host sees it; `began` tells it from a later one that got its number."""

    pid: int
    began: float

    @classmethod
    def of(cls, pid: int) -> "Process":
        """The one that has this number now."""
        return cls(pid, psutil.Process(pid).create_time())

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid)
            return found.create_time() == self.began and found.status() != psutil.STATUS_ZOMBIE
        return False

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal, unless it is gone."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, how)


@dataclass(frozen=True)
class Machine:
    """One that runs."""

    name: str
    first: Process
    """Number 1 inside."""
    holder: Process
    """Its parent on the host."""

    @property
    def enter(self) -> tuple[str, ...]:
        """What stands before a command that runs in it."""
        return ("nsenter", "-t", str(self.first.pid), "--mount", "--uts", "--net", "--pid", "--")

    def run(self, *command: str, user: str = "", timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end. Raises TimeoutExpired."""
        return subprocess.run(
            [*self.enter, *_as(user), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=PLAIN,
            cwd="/",
            check=False,
        )

    def begin(self, *command: str, log: Path, user: str = "") -> Process:
        """Start a daemon in it, in the foreground of nobody; returns the daemon itself."""
        with log.open("ab") as file:
            entering = subprocess.Popen(
                [*self.enter, *_as(user), *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=PLAIN,
                cwd="/",
                start_new_session=True,
            )
        _begun.append(entering)
        return Process.of(child_of(entering))

    def end(self) -> None:
        """End it with all that runs in it, and wait until that is gone."""
        for process in (self.first, self.holder):
            process.end()

        def has_ended() -> bool:
            for entering in _begun:
                # One whose daemon was stopped has stopped as well, and would never collect it.
                entering.send_signal(signal.SIGCONT)
            collect()
            return not (self.first.is_alive or psutil.pid_exists(self.holder.pid))

        until(has_ended, f"{self.name} has ended", END_S)


def begin_machine(folder: Path, name: str, *, with_groups: bool, ways: Sequence[Path] = ()) -> Machine:
    """Make a machine, with control groups of its own where asked; all its accounts get to `ways`. Raises StartError."""
    ready, log = folder / "run" / f"{name}.ready", folder / "log" / f"{name}.machine.log"
    ready.unlink(missing_ok=True)
    for group in groups_of(folder, name) if with_groups else ():
        _make_group(group)
    script = Path(__file__).with_name("machine.sh")
    spaces = (
        "--mount",
        "--uts",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation",
        "private",
    )
    with log.open("ab") as file:
        holder = subprocess.Popen(
            [
                "unshare",
                *spaces,
                "--",
                "/bin/sh",
                script,
                folder,
                name,
                " ".join(CONTROLLERS) if with_groups else "",
                *closed_above(ways),
            ],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=PLAIN,
            start_new_session=True,
        )
    _begun.append(holder)
    machine = Machine(name, Process.of(child_of(holder)), Process.of(holder.pid))
    try:
        until(lambda: ready.exists() or not machine.first.is_alive, f"{name} is there")
        if not machine.first.is_alive:
            raise StartError(f"Machine {name} did not start: {log.read_text()[-500:].strip()}")
    except BaseException:
        machine.end()
        raise
    return machine


def closed_above(ways: Iterable[Path]) -> Iterator[Path]:
    """Pairs: the outermost folder above a way that others may not enter, and the way. Open ways are left out.

    A way inside another one, or one that is named twice, is the other's.
    """
    wanted = sorted({way.resolve() for way in ways})
    for way in wanted:
        above = [folder for folder in reversed(way.parents) if not folder.stat().st_mode & stat.S_IXOTH]
        if above and not any(other in way.parents for other in wanted):
            yield from (above[0], way)


def remove_folder(folder: Path) -> None:
    """Remove a cluster's folder with all that is in it. Raises StartError where something is mounted there."""
    mounted = [place for place in _mounted() if place == folder or folder in place.parents]
    if mounted:
        raise StartError(f"{folder} stays: {mounted[0]} is mounted there, and what is behind it is not ours.")
    shutil.rmtree(folder)


def _mounted() -> Iterator[Path]:
    """Where something is mounted, as this process sees it."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4])
        yield Path(place)


def join_network(machine: Machine, head: Machine, address: str) -> None:
    """A cable between a machine and the bridge of `head`."""
    port = f"v-{machine.name}"
    host("ip", "link", "add", port, "netns", str(head.first.pid), "type", "veth",
         "peer", "name", "eth0", "netns", str(machine.first.pid))  # fmt: skip
    said(head.run("ip", "link", "set", port, "master", "br0", "up"))
    said(machine.run("ip", "addr", "add", f"{address}/24", "dev", "eth0"))
    said(machine.run("ip", "link", "set", "eth0", "up"))


def groups_of(folder: Path, name: str) -> Iterator[Path]:
    """The control groups of a machine, one in each hierarchy."""
    for controller in CONTROLLERS:
        yield CGROUPS / controller / f"werkbank-slurm-{name}-{folder.name}"


def remove_groups(folder: Path, name: str) -> None:
    """Remove a machine's control groups, once nothing runs in them."""
    for group in groups_of(folder, name):
        for inner, _, _ in os.walk(group, topdown=False):
            os.rmdir(inner)


def has_groups() -> bool:
    """Whether this machine has control groups of the first version, with all that Slurm confines by."""
    return all(os.access(CGROUPS / one / "cgroup.procs", os.W_OK) for one in CONTROLLERS)


def missing_programs(programs: Sequence[str]) -> list[str]:
    """Which of them are not installed."""
    return [one for one in programs if shutil.which(one, path=PLAIN["PATH"]) is None]


def host(*command: str) -> str:
    """Run a command on the host. Raises StartError when it fails."""
    run = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=PLAIN, check=False
    )
    return said(run)


def said(run: subprocess.CompletedProcess[str]) -> str:
    """What a command said. Raises StartError with it when it failed."""
    if run.returncode:
        raise StartError(f"{run.args[-1]}: {(run.stderr or run.stdout).strip()[-500:]}")
    return run.stdout


def until(condition: Callable[[], object], what: str, seconds: float = BEGIN_S) -> None:
    """Wait until `condition()` is true. Raises StartError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise StartError(f"Waited {seconds:g} s in vain: {what}.")
        time.sleep(0.03)


def collect() -> None:
    """Take note of ended children of this process, so that none is left a zombie."""
    _begun[:] = [one for one in _begun if one.poll() is None]


_begun: list[subprocess.Popen[bytes]] = []


def _as(user: str) -> tuple[str, ...]:
    return ("setpriv", "--reuid", user, "--regid", user, "--init-groups", "--") if user else ()


def child_of(parent: subprocess.Popen[bytes]) -> int:
    """The process that `unshare` or `nsenter` made."""
    children: list[psutil.Process] = []

    def came() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            children[:] = psutil.Process(parent.pid).children()
        return bool(children) or parent.poll() is not None

    until(came, "a process begins")
    if not children:
        raise StartError(f"A machine did not start; {parent.args!r} ended with {parent.returncode}.")
    return children[0].pid


def _make_group(group: Path) -> None:
    group.mkdir(exist_ok=True)
    if group.parent.name == "cpuset":
        for file in ("cpuset.cpus", "cpuset.mems"):
            (group / file).write_text((group.parent / file).read_text())
        (group / "cgroup.clone_children").write_text("1")
