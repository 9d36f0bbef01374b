"""The process that everything is forked from: accepts, asks the kernel who calls, forks, reaps. It reads no request."""

from __future__ import annotations

import collections
import contextlib
import gc
import os
import select
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from . import holes
from .log import log

MOST_UNREAD = 64  # children of one user whose request has not been read yet
MOST_CHILDREN = 2048  # living children of one user; a cgroup's pids.max is the real bound
_CREDENTIALS = struct.Struct("iII")
_PID = struct.Struct("i")
_FULL_PAUSE_S = 0.1
_TELL_AGAIN_S = 10.0


@dataclass(frozen=True)
class Peer:
    """Who called, as the kernel says."""

    pid: int
    uid: int
    gid: int


@dataclass
class Child:
    """A living child. `connection` is our end, for the word of its end."""

    peer: Peer
    connection: socket.socket
    was_read: bool = False


@dataclass
class Parent:
    """`run_child` is called in the forked child and its result is the exit status. `admits` says whom to serve.

    `lifeline` is a descriptor whose end of file means that nobody wants this process any more; children live on.
    After `most_forks` there should be a new one: `tell_full` asks for it once, and it ends this one when it is there.
    Without `tell_full` this one stops accepting.
    """

    listener: socket.socket
    run_child: Callable[[socket.socket, Peer, int], int]
    admits: Callable[[Peer], bool]
    lifeline: int | None = None
    most_forks: int = 2000
    tell_full: Callable[[], None] | None = None
    children: dict[int, Child] = field(default_factory=dict)
    forks: int = 0
    _ending: bool = False
    _told_full: bool = False
    _told_too_many: dict[int, float] = field(default_factory=dict)

    def serve(self) -> None:
        """Until SIGTERM or the end of the lifeline: then no new children, and back when none is left."""
        self.listener.setblocking(False)
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._read_reader, self._read_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # poll, not epoll: an epoll object would be shared with every child.
        self._selector = selectors.PollSelector()
        self._selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._reap)
        self._selector.register(self._read_reader, selectors.EVENT_READ, self._note_read)
        if self.lifeline is not None:
            self._selector.register(self.lifeline, selectors.EVENT_READ, self._lose_lifeline)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # or every child would print what is waiting there
        gc.collect()
        holes.fill()
        gc.freeze()  # the collector must not touch, and so un-share, what was there before the fork
        while not self._ending or self.children:
            for key, _events in self._selector.select():
                key.data()
            if self.forks >= self.most_forks and not self._told_full:
                self._be_full()

    def _be_full(self) -> None:
        self._told_full = True
        log("info", "zygote.full", forks=self.forks)
        if self.tell_full is None:
            self._end()
        else:
            self.tell_full()

    def _end(self, *_: object) -> None:
        if not self._ending:
            self._ending = True
            self._selector.unregister(self.listener)
            self.listener.close()

    def _lose_lifeline(self) -> None:
        assert self.lifeline is not None
        if os.read(self.lifeline, 64):
            return
        # Nobody supervises us: seats and kernels run on without us, as they do after a crash.
        log("info", "zygote.left-alone", children=len(self.children))
        os._exit(0)

    def _accept(self) -> None:
        try:
            connection, _address = self.listener.accept()
        except BlockingIOError:
            return  # the one that relieves us was faster
        except OSError as problem:
            if not self._ending:  # no descriptors or memory left: it stays so until a child ends
                log("error", "zygote.cannot-accept", why=problem)
                time.sleep(_FULL_PAUSE_S)
            return
        peer = Peer(*_CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))
        if _has_left(connection) or not self.admits(peer) or self._asks_too_much(peer.uid):
            connection.close()
            return
        self.forks += 1
        try:
            pid = os.fork()
        except OSError as problem:
            log("error", "zygote.cannot-fork", why=problem)
            connection.close()
            return
        if pid == 0:
            self._become_child(connection, peer)
        self.children[pid] = Child(peer, connection)

    def _asks_too_much(self, uid: int) -> bool:
        mine = collections.Counter(child.was_read for child in self.children.values() if child.peer.uid == uid)
        if mine[False] < MOST_UNREAD and mine.total() < MOST_CHILDREN:
            return False
        now = time.monotonic()
        if now >= self._told_too_many.get(uid, 0):  # a flood of callers is no flood of lines
            self._told_too_many[uid] = now + _TELL_AGAIN_S
            log("warning", "zygote.too-many", uid=uid, unread=mine[False], children=mine.total())
        return True

    def _become_child(self, connection: socket.socket, peer: Peer) -> None:
        status = 70
        try:
            signal.set_wakeup_fd(-1)
            self.listener.close()
            for other in self.children.values():
                other.connection.close()
            self.children.clear()
            _close_all_but(0, 1, 2, connection.fileno(), self._read_writer)
            status = self.run_child(connection, peer, self._read_writer)
        except BaseException as problem:
            log("error", "zygote.child-failed", uid=peer.uid, why=repr(problem))
        finally:
            # Not through the interpreter's end: it would run what the parent registered, and un-share its memory.
            os._exit(status)

    def _note_read(self) -> None:
        """Children say with their pid that they have read their request."""
        data = os.read(self._read_reader, _PID.size * 512)
        for (pid,) in _PID.iter_unpack(data[: len(data) - len(data) % _PID.size]):
            if (child := self.children.get(pid)) is not None:
                child.was_read = True

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (child := self.children.pop(pid, None)) is not None:
                self._tell_end(child, os.waitstatus_to_exitcode(status))

    @staticmethod
    def _tell_end(child: Child, status: int) -> None:
        try:
            child.connection.setblocking(False)
            child.connection.send(struct.pack(">i", status))
        except OSError:
            pass  # nobody waits for it any more
        child.connection.close()


def _has_left(connection: socket.socket) -> bool:
    """Whether the caller is gone already: nothing is forked for them. No byte is read."""
    look = select.poll()
    look.register(connection, 0)
    return bool(look.poll(0))


def _close_all_but(*kept: int) -> None:
    """Whatever the parent has open, a child has only these: also what an imported library opened."""
    begin = 0
    for number in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        if begin < number:  # an empty range that ends at 0 would be all of them
            os.closerange(begin, number)
        begin = number + 1


def note_read(writer: int) -> None:
    """In a child: the request was read."""
    os.write(writer, _PID.pack(os.getpid()))
    os.close(writer)
