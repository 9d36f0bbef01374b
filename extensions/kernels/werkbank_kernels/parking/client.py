"""The seat's side of the actuator: starts it when it is needed, and again when it died."""

import asyncio
import contextlib
import itertools
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .answers import BROKEN, LATER, Answer
from .requests import CAPABILITIES, PARK, RECOVER, RESUME, STATE

log = logging.getLogger(__name__)

LONGEST_LINE = 2**20


class ActuatorDied(Exception):
    """The actuator ended before it answered."""


class ClientClosed(RuntimeError):
    """The client was closed: nothing can be asked any more."""


@dataclass(frozen=True)
class Kernel:
    """Who is to be parked, under which lease, and how: the parts of a lease's JSON that parking needs."""

    lease: str
    epoch: int
    pid: int
    pid_started: str
    devices: Sequence[str]
    modules: Sequence[str] = ()
    lock_timeout_s: float = 10.0
    host_reserve: int = 0
    host_budget: int | None = None
    driver: str = "cuda"
    migration: bool = False

    def as_request(self) -> dict[str, Any]:
        return {**vars(self), "devices": list(self.devices), "modules": list(self.modules)}

    @property
    def identity(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("lease", "epoch", "pid", "pid_started", "driver")}


@dataclass(eq=False)
class _Running:
    """One actuator process, the answers it owes, and the two tasks that listen to it."""

    process: asyncio.subprocess.Process
    owed: dict[int, "asyncio.Future[Answer]"] = field(default_factory=dict)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None and not self.tasks[0].done()

    def listen(self) -> None:
        self.tasks = [
            asyncio.create_task(self._read_answers(), name="parking-answers"),
            asyncio.create_task(self._read_log(), name="parking-log"),
        ]

    async def ask(self, number: int, request: Mapping[str, Any]) -> Answer:
        """The answer to one request. ActuatorDied. When the caller gives up, the act goes on and is only logged."""
        assert self.process.stdin
        self.owed[number] = asyncio.get_running_loop().create_future()
        try:
            self.process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
            with contextlib.suppress(ConnectionError):
                # Who cannot be written to has ended, and the reading task says so.
                await self.process.stdin.drain()
            return await self.owed[number]
        finally:
            self.owed.pop(number, None)

    async def ended(self) -> None:
        """Waits for the process, which ends the act it is in first, and for both tasks. Reaps it."""
        assert self.process.stdin
        self.process.stdin.close()
        await self.process.wait()
        await asyncio.gather(*self.tasks)

    async def _read_answers(self) -> None:
        assert self.process.stdout
        try:
            async for line in self.process.stdout:
                self._deliver(json.loads(line))
        except ValueError:
            log.exception("the actuator said something else than an answer")
        finally:
            for waiting in self.owed.values():
                if not waiting.done():
                    waiting.set_exception(ActuatorDied())

    def _deliver(self, answer: dict[str, Any]) -> None:
        number = answer.pop("id")
        waiting = self.owed.get(number)
        if waiting is None or waiting.done():
            log.warning("nobody waits any more for answer %s: %s", number, answer)
        else:
            waiting.set_result(Answer(**answer))

    async def _read_log(self) -> None:
        assert self.process.stderr
        while line := await self.process.stderr.readline():
            level, _, text = line.decode(errors="replace").rstrip().partition(" ")
            known = logging.getLevelNamesMapping().get(level)
            # What has no level was not meant for the log: the end of a traceback, or of a library.
            log.log(known or logging.WARNING, "actuator: %s", text if known else f"{level} {text}")


class ParkingClient:
    """Parks and resumes kernels of this user. One for a seat; its calls queue in the actuator, one act at a time.

    `journal` is a folder that outlives the seat but need not outlive the machine. `environment` is added to the
    actuator's. A call that gets no answer within `answer_timeout` seconds ends as "broken": the driver is stuck,
    and the actuator is left to it.
    """

    def __init__(
        self,
        journal: Path,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        answer_timeout: float = 600,
    ):
        self._command = [sys.executable, "-P", "-m", __package__, "--journal", str(journal), *options]
        self._environment = {**os.environ, **(environment or {})}
        self._answer_timeout = answer_timeout
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._running: _Running | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The actuator's, while it runs."""
        return self._running.process.pid if self._running and self._running.alive else None

    async def park(self, kernel: Kernel) -> Answer:
        """Takes the kernel's device memory to the host. Its outcome is one of done, refused, later and broken."""
        return await self._act(PARK, kernel)

    async def resume(self, kernel: Kernel) -> Answer:
        """Gives it back, on its devices of now. "later" when they have no room yet; "broken" when it is lost."""
        return await self._act(RESUME, kernel)

    async def state(self, kernel: Kernel) -> Answer:
        """The driver's word for the kernel's state, in the details."""
        return await self._answer({"act": STATE, **kernel.identity})

    async def capabilities(self, devices: Sequence[str], driver: str = "cuda") -> Answer:
        """Whether kernels on these devices can be parked at all. Ask while the devices are still free: a canary
        needs a little of their memory.
        """
        return await self._answer({"act": CAPABILITIES, "devices": list(devices), "driver": driver})

    async def recover(self) -> Answer:
        """Ends what an actuator before this one left unfinished; what became of it is in the details."""
        return await self._answer({"act": RECOVER})

    async def close(self) -> None:
        """Waits for the act that is going on, however long, then ends the actuator. Nothing can be asked after."""
        self._closed = True
        async with self._starting:
            running, self._running = self._running, None
        if running:
            await running.ended()

    async def _act(self, act: str, kernel: Kernel) -> Answer:
        try:
            return await self._asked({"act": act, **kernel.as_request()})
        except ActuatorDied:
            log.error("the actuator died in the %s of lease %s", act, kernel.lease)
        except TimeoutError:
            return Answer(BROKEN, "no-answer")
        try:
            return await self._answer({"act": RECOVER, "of": act, **kernel.identity})
        except ClientClosed:
            # The journal has it: the next seat's recover() ends it.
            return Answer(LATER, "interrupted")

    async def _answer(self, request: Mapping[str, Any]) -> Answer:
        """As _asked(), with an answer where there is none."""
        try:
            return await self._asked(request)
        except ActuatorDied:
            return Answer(LATER if request["act"] in (STATE, CAPABILITIES) else BROKEN, "actuator-died")
        except TimeoutError:
            return Answer(BROKEN, "no-answer")

    async def _asked(self, request: Mapping[str, Any]) -> Answer:
        running = await self._started()
        async with asyncio.timeout(self._answer_timeout):
            return await running.ask(next(self._numbers), request)

    async def _started(self) -> _Running:
        async with self._starting:
            if self._closed:
                raise ClientClosed("this client is closed")
            if self._running and not self._running.alive:
                ended, self._running = self._running, None
                await ended.ended()
            if self._running is None:
                self._running = await self._start()
            return self._running

    async def _start(self) -> _Running:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            limit=LONGEST_LINE,
            # The interrupt that a terminal sends to the seat's group is not for the actuator.
            start_new_session=True,
            cwd="/",
        )
        running = _Running(process)
        running.listen()
        return running
