"""The node daemon: keeps a zygote for each role, on sockets that outlive them.

A zygote that dies is replaced. One that has forked often, is old, or imported packages that have changed since is
relieved: the next one is ready before the old one stops accepting, and the old one's children live on.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .exec_only import is_exec_only
from .log import log
from .preload import FOR_OTHERS, PRELOADS

BACKLOG = 512
LOOK_PERIOD_S = 2.0
MOST_AGE_S = 3600.0
SHORTEST_LIFE_S = 5.0
MOST_PAUSE_S = 60.0


@dataclass
class Zygote:
    """One process, from its start to its end."""

    process: subprocess.Popen[bytes]
    words: int
    """Descriptor on which it says that it can fork, and later that it has forked enough; its end is the zygote's."""
    began: float
    """When it could fork for the first time; before that, when it was started."""
    packages: float
    """When the newest package was changed, at its start."""
    is_ready: bool = False
    is_full: bool = False


@dataclass
class Post:
    """A role on this node: its socket, who serves it now, and who is to relieve him."""

    role: str
    listener: socket.socket
    options: list[str]
    current: Zygote | None = None
    next: Zygote | None = None
    failures: int = 0
    not_before: float = 0.0
    relieved: list[subprocess.Popen[bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class Manner:
    """How zygotes are started: settings of the site."""

    folder: Path
    may_name: int | None
    preload_uid: int | None
    most_forks: int
    most_age: float
    confinement: str
    public: bool
    """Kernels of other users may be asked for: only with root."""


class Node:
    """Keeps the posts until SIGTERM or the end of its lifeline (standard input, when that is a pipe)."""

    def __init__(self, manner: Manner, roles: Sequence[str], seat_arguments: str) -> None:
        self._manner = manner
        self._selector = selectors.PollSelector()
        self._ending = False
        self._lifeline, self._lifeline_writer = os.pipe2(os.O_CLOEXEC)
        self._others_come = manner.public or manner.may_name not in (None, os.geteuid())
        manner.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _insist_on_own(manner.folder)
        manner.folder.chmod(0o711 if self._others_come else 0o700)
        more = {"seat": ["--seat-arguments", seat_arguments]}
        self._posts = [Post(role, self._listen(role), more.get(role, [])) for role in roles]

    def run(self) -> None:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer)  # or a signal would wait for the end of the next look
        self._selector.register(reader, selectors.EVENT_READ, lambda: os.read(reader, 64))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        if os.path.exists("/proc/self/fd/0") and not os.isatty(0) and _is_pipe(0):
            self._selector.register(0, selectors.EVENT_READ, self._end)
        log("info", "node.started", pid=os.getpid(), folder=self._manner.folder)
        while not self._ending:
            for post in self._posts:
                self._look_after(post)
            for key, _events in self._selector.select(LOOK_PERIOD_S):
                key.data()
        for post in self._posts:
            for zygote in filter(None, (post.current, post.next)):
                zygote.process.terminate()  # it lets go of its children, which live on
        log("info", "node.ended")

    def _end(self, *_: object) -> None:
        self._ending = True

    def _listen(self, role: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        folder = os.open(self._manner.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            path = f"/proc/self/fd/{folder}/{role}"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            before = os.umask(0o177)
            try:
                listener.bind(path)
            finally:
                os.umask(before)
            if self._manner.public and role not in FOR_OTHERS:
                os.chmod(path, 0o666)  # noqa: S103 - whoever calls gets a process of their own
            elif role in FOR_OTHERS and self._manner.may_name not in (None, os.geteuid()):
                os.chown(path, self._manner.may_name, -1)
        finally:
            os.close(folder)
        listener.listen(BACKLOG)
        return listener

    # --- one post --------------------------------------------------------------------------------

    def _look_after(self, post: Post) -> None:
        post.relieved = [process for process in post.relieved if process.poll() is None]
        now = time.monotonic()
        if post.current is not None and post.current.process.poll() is not None:
            self._lost(post, post.current, now)
            post.current = None
        if post.next is not None and post.next.process.poll() is not None:
            self._lost(post, post.next, now)
            post.next = None
        if post.next is None and now >= post.not_before and self._wants_relief(post, now):
            post.next = self._start(post, now)

    def _wants_relief(self, post: Post, now: float) -> bool:
        current = post.current
        if current is None:
            return True
        return current.is_full or now - current.began > self._manner.most_age or newest_package() != current.packages

    def _lost(self, post: Post, zygote: Zygote, now: float) -> None:
        status = zygote.process.returncode
        post.failures = 1 if zygote.is_ready and now - zygote.began > SHORTEST_LIFE_S else post.failures + 1
        pause = min(MOST_PAUSE_S, 2.0 ** (post.failures - 1) - 1)
        post.not_before = now + pause
        log("error", "zygote.lost", role=post.role, status=status, again_in=pause)
        self._forget_words(zygote)

    def _start(self, post: Post, now: float) -> Zygote:
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        packages = newest_package()  # before it imports any: one that changes meanwhile is noticed
        handed = (post.listener.fileno(), writer, self._lifeline)
        command = [
            *(sys.executable, "-P", "-s", "-m", __package__, post.role),
            *("--socket", str(handed[0]), "--ready", str(handed[1]), "--lifeline", str(handed[2])),
            *("--most-forks", str(self._manner.most_forks)),
            *post.options,
        ]
        if self._manner.may_name is not None and post.role in FOR_OTHERS:
            command += ["--may-name", str(self._manner.may_name)]
        if self._manner.preload_uid is not None:
            command += ["--preload-uid", str(self._manner.preload_uid)]
        if self._manner.confinement:
            command += ["--confinement", self._manner.confinement]
        try:
            process = subprocess.Popen(
                command,
                env=_plain_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=handed,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(writer)
        zygote = Zygote(process, reader, now, packages)
        self._selector.register(reader, selectors.EVENT_READ, lambda: self._heard(post, zygote))
        return zygote

    def _heard(self, post: Post, zygote: Zygote) -> None:
        """It is ready, or full, or at its end."""
        try:
            words = os.read(zygote.words, 64).split()
        except BlockingIOError:
            return
        if not words:
            self._forget_words(zygote)
            with contextlib.suppress(subprocess.TimeoutExpired):
                zygote.process.wait(SHORTEST_LIFE_S)  # then the next look finds it ended
            return
        zygote.is_full = zygote.is_full or b"FULL=1" in words
        if b"READY=1" in words and post.next is zygote:
            self._relieve(post, zygote)

    def _relieve(self, post: Post, zygote: Zygote) -> None:
        """From now on this one accepts; the one before lets go of the socket, which is never without either."""
        zygote.is_ready, zygote.began = True, time.monotonic()
        old, post.current, post.next = post.current, zygote, None
        if old is not None:
            self._forget_words(old)
            old.process.terminate()
            post.relieved.append(old.process)
        _write(self._manner.folder / f"{post.role}.pid", f"{zygote.process.pid}\n")

    def _forget_words(self, zygote: Zygote) -> None:
        if zygote.words >= 0:
            with contextlib.suppress(KeyError):
                self._selector.unregister(zygote.words)
            os.close(zygote.words)
            zygote.words = -1


def _write(path: Path, text: str) -> None:
    """Who reads meanwhile finds the old text or the new one, never none."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)


def newest_package() -> float:
    """When packages of this environment were installed, changed or removed for the last time."""
    folders = {path for path in sys.path if path.endswith(("site-packages", "dist-packages")) and os.path.isdir(path)}
    return max((os.stat(folder).st_mtime for folder in folders), default=0.0)


def _plain_environment() -> dict[str, str]:
    """What a zygote may know: nothing of users, and nothing of the workbench. What only exec can set is kept."""
    plain = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH")
    names = {name for name in os.environ if name in plain or is_exec_only(name)}
    return {**{name: os.environ[name] for name in names}, "HOME": "/nonexistent", "WERKBANK_ZYGOTE": "1"}


def _insist_on_own(folder: Path) -> None:
    """Who may write to the folder of the sockets could put their own in the place of one."""
    facts = folder.stat()
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise SystemExit(f"{folder}: belongs to user {facts.st_uid}, or others may write to it")


def _is_pipe(descriptor: int) -> bool:
    return stat.S_ISFIFO(os.fstat(descriptor).st_mode)


def main() -> None:
    parser = argparse.ArgumentParser(prog="werkbank-node", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the sockets are")
    parser.add_argument("--role", action="append", choices=list(PRELOADS), required=True)
    parser.add_argument("--may-name", type=int, help="the user id that may ask for seats of other users")
    parser.add_argument("--preload-uid", type=int, help="import as this user (root only)")
    parser.add_argument("--most-forks", type=int, default=2000)
    parser.add_argument("--most-age", type=float, default=MOST_AGE_S, help="seconds")
    parser.add_argument("--confinement", default="", help="of all children (JSON)")
    parser.add_argument("--public", action="store_true", help="every local user may ask for kernels of their own")
    parser.add_argument("--seat-arguments", default="[]", help="what every seat is started with (JSON)")
    given = parser.parse_args()
    bounds = (given.most_forks, given.most_age, given.confinement, given.public)
    manner = Manner(given.folder, given.may_name, given.preload_uid, *bounds)
    Node(manner, given.role, given.seat_arguments).run()


if __name__ == "__main__":
    main()
