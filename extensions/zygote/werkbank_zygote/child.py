"""A child's way from the fork to its program."""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import sys
import threading
from dataclasses import dataclass, field

from . import become, hooks, refresh
from .caller import NotAllowed
from .header import SELF, BadHeader
from .log import log
from .parent import Peer, note_read
from .request import BadRequest, Request, read_header, read_request
from .watch import end_with

GO = b"g"
GO_TIMEOUT_S = 30.0
INTERRUPTED = -signal.SIGINT


@dataclass(frozen=True)
class Manner:
    """How this zygote's children are made: settings of the site, never of a request."""

    may_name: int | None = None
    """The user id that may ask for children of other users: the hub's."""
    bounds: become.Bounds = field(default_factory=become.Bounds)


def run(connection: socket.socket, peer: Peer, read_writer: int, manner: Manner) -> int:
    """From the fork to the end of the program; its exit status."""
    become.leave_parent()
    try:
        request, descriptors = _take_request(connection, peer, read_writer, manner)
    except (BadHeader, BadRequest, NotAllowed, OSError) as problem:
        # Not to the caller: who guesses learns nothing.
        log("warning", "zygote.refused", uid=peer.uid, why=problem)
        return 65
    _put_on(request, descriptors)
    if not _start_signal(connection):
        return 66
    become.show_to_user()
    gc.enable()
    if request.parent_pid:
        end_with(request.parent_pid)
    # From here on the user's own files are read, and may be run.
    return _status_of(request)


def _take_request(connection: socket.socket, peer: Peer, read_writer: int, manner: Manner) -> tuple[Request, list[int]]:
    """Become the user, then read what is wanted. A caller who may name no user is not even heard before."""
    if manner.may_name is None or peer.uid != manner.may_name:
        become.become(peer.uid, peer.pid, peer.uid, manner.bounds)
        header, descriptors = read_header(connection)
        become.user_for(None if header.uid == SELF else header.uid, peer.uid, manner.may_name)
    else:
        header, descriptors = read_header(connection)
        uid = become.user_for(None if header.uid == SELF else header.uid, peer.uid, manner.may_name)
        become.become(uid, peer.pid, peer.uid, manner.bounds, header.folder)
    request = read_request(connection, header.length)
    if len(descriptors) != 3 + len(request.descriptors):
        raise BadRequest(f"{len(descriptors)} descriptors for {3 + len(request.descriptors)} names")
    note_read(read_writer)
    return request, descriptors


def _put_on(request: Request, descriptors: list[int]) -> None:
    """Environment, descriptors, folder and name of its own."""
    os.umask(request.umask)
    os.environ.clear()  # in place: modules hold on to this very object
    os.environ.update(request.env)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for name, descriptor in zip(request.descriptors, descriptors[3:], strict=True):
        os.environ[name] = str(descriptor)
    with contextlib.suppress(OSError):
        os.chdir("/")
        os.chdir(request.cwd)
    sys.argv = list(request.argv)
    _take_title(request.title or " ".join(request.argv))


def _take_title(title: str) -> None:
    import setproctitle

    setproctitle.setproctitle(title)
    setproctitle.setthreadtitle(os.path.basename(title.split(" ")[0])[:15])


def _start_signal(connection: socket.socket) -> bool:
    """Say who we are and wait for the word: the caller may have to move us to a control group first."""
    own = os.pidfd_open(os.getpid())
    try:
        connection.settimeout(GO_TIMEOUT_S)
        socket.send_fds(connection, [json.dumps({"pid": os.getpid()}).encode() + b"\n"], [own])
        return connection.recv(1) == GO
    except OSError:
        return False
    finally:
        os.close(own)
        connection.close()


def _status_of(request: Request) -> int:
    """Run it, and end as an interpreter ends, but without un-sharing every page of it."""
    status = _run(request)
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    if status == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever waits shall see that it was interrupted
        os.kill(os.getpid(), signal.SIGINT)
    return status & 0xFF if abs(status) < 1 << 63 else 255  # as an interpreter does with what is no status


def _run(request: Request) -> int:
    try:
        refresh.renew(request.env)
        with hooks.around(request.module):
            # With `alter_sys` it is `__main__`: else multiprocessing's "spawn" would run the zygote again.
            runpy.run_module(request.module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as problem:
        sys.excepthook(type(problem), problem, problem.__traceback__)
        return INTERRUPTED if isinstance(problem, KeyboardInterrupt) else 1
    return 0
