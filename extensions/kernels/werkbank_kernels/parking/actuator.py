"""The actuator: reads requests from standard input, one JSON object a line, and answers each on standard output.

It is never interrupted in a driver call: what is told to end, or has lost its seat, ends the act it is in first.
"""

import contextlib
import json
import logging
import os
import select
import signal
from collections.abc import Iterator
from typing import Any

from .answers import BROKEN, REFUSED, Answer
from .parker import Parker
from .requests import BadRequest, id_of, parse

log = logging.getLogger(__name__)

LONGEST_LINE = 4 * 2**20


class Lines:
    """The lines of a file descriptor, until it ends or the process is told to stop."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._wake, self._woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._told_to_stop = False

    def listen(self) -> None:
        """SIGTERM stops from now on; the interrupt of a terminal is meant for a kernel, not for this."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _stop(self, *_: Any) -> None:
        self._told_to_stop = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._woken, b"x")

    def ended(self) -> bool:
        """Whether to stop: told so, or nobody is left who could ask."""
        poll = select.poll()
        poll.register(self._descriptor, 0)
        return self._told_to_stop or any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))

    def __iter__(self) -> Iterator[bytes]:
        buffer = b""
        while not self._told_to_stop:
            ready, _, _ = select.select([self._descriptor, self._wake], [], [])
            if self._wake in ready:
                return
            chunk = os.read(self._descriptor, 65536)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                if self._told_to_stop:
                    return
                yield line
            if len(buffer) > LONGEST_LINE:
                log.error("a line without end: no more is read")
                return


def answer_to(parker: Parker, line: bytes) -> dict[str, Any]:
    """The answer to one line, whatever is in it."""
    try:
        request = parse(line)
    except BadRequest as problem:
        refusal = Answer(REFUSED, "bad-request", details={"error": str(problem)})
        return {"id": id_of(line), **refusal.as_json()}
    try:
        answer = parker.obey(request)
    except Exception as defect:
        # Nothing is known of the process then: the broker must not give its device away.
        log.exception("%s of lease %s", request.act, request.lease)
        answer = Answer(BROKEN, "defect", details={"error": repr(defect)})
    log.info("%s lease=%s pid=%s: %s %s", request.act, request.lease, request.pid, answer.outcome, answer.reason)
    return {"id": request.id, **answer.as_json()}


def serve(parker: Parker, lines: Lines, out: int) -> None:
    """Answers until there is nothing more to read or nobody who reads."""
    for line in lines:
        if not line.strip():
            continue
        text = json.dumps(answer_to(parker, line)).encode() + b"\n"
        try:
            while text:
                text = text[os.write(out, text) :]
        except BrokenPipeError:
            return
