"""What a child takes over from its caller, as it would from a parent: control groups, namespaces, limits.

Runs with the parent's rights, before a byte of the request is read. What cannot be taken over is refused, not skipped:
the caller then starts its program in the ordinary way, within all of its bounds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from .confinement.calls import LIBC, insist, no_new_privileges

GROUP = "/werkbank/"
_ENTERED = ("mnt", "ipc", "uts")
_SHARED = ("user", "pid", "net", "cgroup", "time")
_NS_GET_USERNS = 0xB701
_LIMITS = {
    "cpu time": resource.RLIMIT_CPU,
    "file size": resource.RLIMIT_FSIZE,
    "data size": resource.RLIMIT_DATA,
    "stack size": resource.RLIMIT_STACK,
    "core file size": resource.RLIMIT_CORE,
    "resident set": resource.RLIMIT_RSS,
    "processes": resource.RLIMIT_NPROC,
    "open files": resource.RLIMIT_NOFILE,
    "locked memory": resource.RLIMIT_MEMLOCK,
    "address space": resource.RLIMIT_AS,
    "pending signals": resource.RLIMIT_SIGPENDING,
    "msgqueue size": resource.RLIMIT_MSGQUEUE,
    "nice priority": resource.RLIMIT_NICE,
    "realtime priority": resource.RLIMIT_RTPRIO,
    "realtime timeout": resource.RLIMIT_RTTIME,
}
_LIMIT = re.compile(r"^Max (.+?) {2,}(\w+) +(\w+)", re.MULTILINE)


class NotAllowed(Exception):
    """This caller is not served."""


class Caller:
    """The process that called. All is asked through its /proc folder, which never becomes another process's."""

    def __init__(self, pid: int, uid: int) -> None:
        """NotAllowed when it is gone, or is no longer wholly its user's (it ran a set-uid program)."""
        self._pid = pid
        try:
            self._folder = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            raise NotAllowed(f"process {pid} is gone") from problem
        self._status = dict(_pairs(self._read("status")))
        if set(self._status["Uid"].split()) != {str(uid)}:
            raise NotAllowed(f"process {pid} is not only user {uid}'s")

    def close(self) -> None:
        os.close(self._folder)

    def share_bounds(self, own_filters: int = 0) -> None:
        """Its resource limits, niceness, processors, place in the memory queue and renunciation of new privileges.

        Filters for system calls cannot be taken over: it may have `own_filters` more than we, which we put on later.
        """
        for name, soft, hard in _LIMIT.findall(self._read("limits")):
            if name in _LIMITS:
                _limit(_LIMITS[name], _number(soft), _number(hard))
        nice, processors = os.getpriority(os.PRIO_PROCESS, self._pid), os.sched_getaffinity(self._pid)
        self._read("status")  # it still lives, so that these were its own and not those of a later process
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            os.sched_setaffinity(0, processors)
            Path("/proc/self/oom_score_adj").write_text(self._read("oom_score_adj"))
        if self._status.get("NoNewPrivs") == "1":
            no_new_privileges()
        own = dict(_pairs(Path("/proc/self/status").read_text()))
        if int(self._status.get("Seccomp_filters", 0)) > int(own.get("Seccomp_filters", 0)) + own_filters:
            raise NotAllowed(f"process {self._pid} has filters for system calls, which cannot be taken over")

    def join_groups(self) -> None:
        """Enter its control groups, those of the workbench: a kernel lives within the limits of its seat."""
        own = set(Path("/proc/self/cgroup").read_text().splitlines())
        for line in self._read("cgroup").splitlines():
            _number, controllers, path = line.split(":", 2)
            if path.startswith(GROUP) and ".." not in path and line not in own:
                _enter_group(controllers, path)

    def join_namespaces(self) -> None:
        """Enter its namespaces: a kernel sees the /tmp of its seat.

        Never those that a user made: there every file, also /etc/passwd and what set-uid programs read, may be theirs.
        """
        with contextlib.ExitStack() as after:
            different = [name for name in (*_ENTERED, *_SHARED) if self._differs(name)]
            if out_of_reach := [name for name in different if name in _SHARED]:
                raise NotAllowed(f"process {self._pid} has namespaces of its own: {', '.join(out_of_reach)}")
            opened = []
            for name in different:  # all, before the first is entered: then /proc is another
                opened.append(os.open(f"ns/{name}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder))
                after.callback(os.close, opened[-1])
                _insist_on_owner(opened[-1], name)
            for namespace in opened:
                insist(LIBC.setns(namespace, 0), "setns")
        if not os.path.samestat(os.stat("root", dir_fd=self._folder), os.stat("/")):
            raise NotAllowed(f"process {self._pid} has a root folder of its own")

    def _differs(self, name: str) -> bool:
        try:
            own = os.stat(f"/proc/self/ns/{name}")
        except FileNotFoundError:
            return False  # this kernel has no such namespaces
        return not os.path.samestat(os.stat(f"ns/{name}", dir_fd=self._folder), own)

    def _read(self, name: str) -> str:
        try:
            with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder), errors="replace") as file:
                return file.read()
        except OSError as problem:
            raise NotAllowed(f"process {self._pid} is gone") from problem


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _colon, value = line.partition(":")
        yield name, value.strip()


def _limit(which: int, soft: int, hard: int) -> None:
    try:
        resource.setrlimit(which, (soft, hard))
    except (OSError, ValueError):  # no right to raise ours: as far as it goes
        most = resource.getrlimit(which)[1]
        hard = min(hard, most, key=_size)
        resource.setrlimit(which, (min(soft, hard, key=_size), hard))


def _number(limit: str) -> int:
    return resource.RLIM_INFINITY if limit == "unlimited" else int(limit)


def _size(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _enter_group(controllers: str, path: str) -> None:
    for name in controllers.split(",") if controllers else [""]:
        procs = Path(f"/sys/fs/cgroup/{name.removeprefix('name=')}{path}/cgroup.procs")
        if procs.exists():
            procs.write_text("0")
            return
    raise NotAllowed(f"no way into the control group {path}")


def _insist_on_owner(namespace: int, name: str) -> None:
    owner = fcntl.ioctl(namespace, _NS_GET_USERNS)
    try:
        if not os.path.samestat(os.fstat(owner), os.stat("/proc/self/ns/user")):
            raise NotAllowed(f"the {name} namespace was made by a user")
    finally:
        os.close(owner)
