"""Starts target.py and talks to it."""

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.cuda.standin import StandIn


class Target:
    """A process that may hold device memory. Use it as a context manager: it ends with the block."""

    def __init__(self, machine: StandIn, **environment: str):
        program = Path(__file__).with_name("target.py")
        self.process = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **machine.environment(), **environment},
        )
        self.pid = self.process.pid
        self.ask("pid")

    @property
    def started(self) -> str:
        """Its start time, as a lease carries it."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[19]

    def send(self, op: str, **arguments: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
        self.process.stdin.flush()

    def answers_within(self, seconds: float) -> bool:
        """Whether there is an answer to read; a process that waits for its device gives none."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def receive(self) -> Any:
        answer = json.loads(self._stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def ask(self, op: str, **arguments: Any) -> Any:
        """The value of an operation. RuntimeError with what the driver said."""
        self.send(op, **arguments)
        return self.receive()

    def with_memory(self, mib: int = 16, device: int = 0) -> Self:
        self.ask("context", device=device)
        self.ask("alloc", mib=mib)
        return self

    @property
    def _stdout(self):
        assert self.process.stdout
        return self.process.stdout

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # A parked process waits for its device for ever when asked to end kindly.
        self.process.kill()
        self.process.communicate()
