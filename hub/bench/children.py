"""Processes of the benchmark: started by it, and all gone at its end, whoever their parent is by then."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

from hub.errors import StartError
from hub.running import processes

READY_TIMEOUT = 130.0
STOP_TIMEOUT = 60.0
PR_SET_CHILD_SUBREAPER = 36
TAIL = 15

T = TypeVar("T")


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """Whatever is started inside is ended at the exit, also what its own parent left behind.

    Seats and kernels have sessions of their own and outlive a killed hub. As long as this holds,
    orphans below us become our children instead of the machine's, so that none is lost sight of.
    """
    before = {child.pid for child in psutil.Process().children()}
    _adopt_orphans(True)
    try:
        yield
    finally:
        with _undisturbed():
            left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
            processes.end(left)
            _adopt_orphans(False)


@contextlib.contextmanager
def child(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, stop_with: signal.Signals
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs inside the block and is asked to stop, with time to do so, at its end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is for us; we stop it in order
        )
    try:
        yield process
    finally:
        with _undisturbed():
            _stop(process, stop_with)


def wait_until(ready: Callable[[], T | None], process: subprocess.Popen[bytes], log: Path, what: str) -> T:
    """What `ready` returns once it is not None. Raises StartError with the log's end when that does not come."""
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline:
        if (value := ready()) is not None:
            return value
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise StartError(f"{what} did not start. Its last words:\n{tail(log)}")


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-TAIL:]
    except OSError:
        lines = ["(no log)"]
    return "\n".join(f"  {line}" for line in lines)


def _stop(process: subprocess.Popen[bytes], stop_with: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop_with)
    deadline = time.monotonic() + STOP_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        # A dead orphan looks alive to the one who waits for it, until we have taken its status.
        _reap_orphans(process)
        time.sleep(0.05)


def _reap_orphans(own: subprocess.Popen[bytes]) -> None:
    for orphan in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if orphan.pid != own.pid and orphan.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(orphan.pid, os.WNOHANG)


def _adopt_orphans(yes: bool) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C does not cut clearing up short; clearing up has its own time limits."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
