"""What an answer may not do to the notebook that judges it: go on for ever, end it, or fill the page.

Answers run on the kernel's main thread, where Python hands out signals: a timer ends what computes or waits too long,
also when the answer catches every exception. Out of reach are C code that never returns to Python, and answers that
are judged on another thread.
"""

from __future__ import annotations

import io
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from types import FrameType, FunctionType

PATIENCE = 5  # an answer may wait (for workers, for a busy machine) this many times as long as it may compute
_TICK = 0.05  # seconds between looks at the clock
_INSISTING = 0.001  # seconds between attempts to end an answer that catches everything: one will come between


class TimeUp(BaseException):
    """The answer had its time. Not an Exception: a broad ``except`` in the answer must not swallow it."""


def call_within(seconds: float, work: FunctionType) -> None:
    """Call ``work``; raise `TimeUp` in it when it has computed for ``seconds``, or taken `PATIENCE` times as long.

    Computing is counted and not the clock on the wall, so that a busy machine does not end a right answer. Without
    timers, or on another thread, there is no limit.
    """
    if not _on_main_thread() or not hasattr(signal, "setitimer"):
        work()
        return
    computed, began = time.thread_time(), time.monotonic()

    def look(_signal, frame) -> None:
        too_much = time.thread_time() - computed > seconds or time.monotonic() - began > PATIENCE * seconds
        if too_much and _is_inside(frame, work):
            signal.setitimer(signal.ITIMER_REAL, _INSISTING, _INSISTING)
            raise TimeUp

    previous = signal.signal(signal.SIGALRM, look)
    delay, interval = signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    try:
        work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if delay:  # somebody else's timer goes on where it was
            signal.setitimer(signal.ITIMER_REAL, max(delay - (time.monotonic() - began), _TICK), interval)


def _is_inside(frame: FrameType | None, work: FunctionType) -> bool:
    """Whether ``work`` still runs: once it is left, nothing may be raised into whoever cleans up."""
    while frame is not None and frame.f_code is not work.__code__:
        frame = frame.f_back
    return frame is not None


@dataclass
class Interruption:
    """Whether the person at the keyboard, and not the answer, asked to stop."""

    came: bool = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Note a real interrupt in the block, and pass it on."""
    noted = Interruption()
    if not _on_main_thread():
        yield noted
        return
    previous = signal.getsignal(signal.SIGINT)
    passed_on = previous if callable(previous) else signal.default_int_handler

    def note(number, frame) -> None:
        noted.came = True
        passed_on(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, previous)


class Printed(io.TextIOBase):
    """Keeps the beginning of what is written to it and counts the rest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.beginning, self.length = "", 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.beginning += text[: self._most - len(self.beginning)]
        self.length += len(text)
        return len(text)


@contextmanager
def captured(most: int) -> Iterator[Printed]:
    """What the block prints, at most ``most`` characters of it, instead of showing it."""
    printed = Printed(most)
    with redirect_stdout(printed), redirect_stderr(printed):
        yield printed


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
