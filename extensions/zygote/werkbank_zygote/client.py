"""Asks a zygote for a process. Blocking: callers with a loop use a thread."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .child import GO
from .header import NOWHERE, SELF, Header

ANSWER_TIMEOUT_S = 5.0
UNKNOWN_STATUS = 1


class NoZygote(OSError):
    """Nobody forks there, or it did not: start the program the ordinary way."""


class Process:
    """A forked process, with what callers use of subprocess.Popen. Safe against reused pids: signals go to a pidfd."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, pidfd: int, connection: socket.socket) -> None:
        self.pid, self._pidfd, self._connection = pid, pidfd, connection
        self.returncode: int | None = None

    def fileno(self) -> int:
        """A descriptor that becomes readable when the process has ended."""
        return self._pidfd

    def poll(self) -> int | None:
        if self.returncode is None and _readable(self._pidfd, 0):
            self.returncode = self._read_status()
            self.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status. TimeoutError after `timeout` seconds."""
        if self.returncode is None and not _readable(self._pidfd, timeout):
            raise TimeoutError(f"process {self.pid} still runs")
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._pidfd, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Let go of it; it runs on."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
            self._connection.close()

    def _read_status(self) -> int:
        """What the zygote says; a status that nobody collected (the zygote was gone) is UNKNOWN_STATUS."""
        try:
            self._connection.settimeout(1)
            data = self._connection.recv(4)
        except OSError:
            return UNKNOWN_STATUS
        return int(struct.unpack(">i", data)[0]) if len(data) == 4 else UNKNOWN_STATUS


def fork(
    address: Path,
    module: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path | str,
    stdio: tuple[int, int, int],
    uid: int | None = None,
    place: str = "",
    descriptors: Mapping[str, int] | None = None,
    title: str = "",
    umask: int = 0o077,
    parent_pid: int = 0,
    before_start: Callable[[int], None] = lambda pid: None,
) -> Process:
    """Run `python -m module` with `argv` (its first word is the program's name) as a fork of the zygote at `address`.

    `place` names the private folders it gets where the zygote was told of any (32 hexadecimal digits).
    `descriptors` are handed over; the child finds their numbers in the environment variables that name them.
    `before_start` is called with the pid before the program runs. NoZygote when there is none: then nothing runs.
    """
    extra = dict(descriptors or {})
    request = {
        "module": module,
        "argv": list(argv),
        "env": dict(env),
        "cwd": str(cwd),
        "umask": umask,
        "title": title,
        "descriptors": list(extra),
        "parent_pid": parent_pid,
    }
    body = json.dumps(request).encode()
    connection = _connect(address)
    try:
        where = bytes.fromhex(place) if place else NOWHERE
        head = Header(SELF if uid is None else uid, len(body), where).pack()
        socket.send_fds(connection, [head], [*stdio, *extra.values()])
        connection.sendall(body)
        pid, pidfd = _answer(connection)
    except (OSError, ValueError, LookupError, TypeError) as problem:
        connection.close()
        raise NoZygote(f"{address.name}: {problem}") from problem
    try:
        before_start(pid)
        connection.sendall(GO)
    except BaseException as problem:
        os.close(pidfd)
        connection.close()  # without the word the child ends by itself
        if isinstance(problem, OSError):
            raise NoZygote(f"{address.name}: {problem}") from problem
        raise
    connection.settimeout(None)
    return Process(pid, pidfd, connection)


def _connect(address: Path) -> socket.socket:
    """Through the folder's descriptor: a socket's own path may have 107 characters only."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # Not `settimeout`: without waiting, a queue that is full for a moment would be an error.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(ANSWER_TIMEOUT_S), 0))
    try:
        folder = os.open(address.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{folder}/{address.name}")
        finally:
            os.close(folder)
    except OSError as problem:
        connection.close()
        raise NoZygote(f"{address}: {problem.strerror or problem}") from problem
    connection.settimeout(ANSWER_TIMEOUT_S)
    return connection


def _readable(descriptor: int, timeout: float | None) -> bool:
    """Not with `select`: a busy hub has more descriptors than that can name."""
    look = select.poll()
    look.register(descriptor, select.POLLIN)
    return bool(look.poll(None if timeout is None else timeout * 1000))


def _answer(connection: socket.socket) -> tuple[int, int]:
    data, descriptors, _flags, _address = socket.recv_fds(connection, 4096, 1)
    if not data.endswith(b"\n") or len(descriptors) != 1:
        for descriptor in descriptors:
            os.close(descriptor)
        raise OSError("no process came of it")
    return int(json.loads(data)["pid"]), descriptors[0]
