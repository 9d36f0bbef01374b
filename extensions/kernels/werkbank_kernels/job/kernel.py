"""A kernel on another machine, as its provisioner and its lease's keeper see it: a process that can be signalled and
waited for, and a link to a gate.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import zmq.asyncio
from jupyter_client.session import Session

from ..background import loop
from ..cell import why_interrupted
from ..gate import OVER
from ..lease import Lease
from ..link_server import NotConnected
from ..specs import FAR_KERNEL
from ..wire import Message
from ..words import duration, tr
from .far_gate import FarGate, over_sentence
from .line import HostLine, HostRefused, NoAnswer
from .relay import Detached, Relay, front_of
from .wire import Contact

START_S, AGAIN_S = 60.0, 2.0
WARN_S = 900.0  # so long before the end of a job its user is told
STATUS_S = 5.0  # between looks whether the kernel lives, should the word of its end be lost

_context: zmq.asyncio.Context | None = None


def context() -> zmq.asyncio.Context:
    """The one of this process. Used in the background loop."""
    global _context
    if _context is None:
        _context = zmq.asyncio.Context()
    return _context


@dataclass(frozen=True)
class Launch:
    """How the kernel is to be started."""

    argv: list[str]
    env: Mapping[str, str]
    cwd: str
    connection: Mapping[str, Any]
    connection_file: str
    session: str
    """The id in the headers of its messages, ours included: for JupyterLab another id is another kernel."""
    answers: Mapping[str, Any] | None
    """What it will say of itself, told to clients that ask before it is there; None where that is not known."""

    @property
    def command(self) -> list[str]:
        """With the id of the session, which only our own kernels are known to take."""
        is_ours = FAR_KERNEL in self.argv
        return [*self.argv, f"--Session.session={self.session}"] if is_ours else list(self.argv)

    @property
    def key(self) -> str:
        key = self.connection["key"]
        return key.decode() if isinstance(key, bytes) else str(key)


class JobKernel:
    """One per kernel: its process by turns (`poll`, `send_signal` …, from any thread) and the keeper's link to it.

    The link's methods are those of `LinkServer` and run in the background loop.
    """

    path = ""
    pid: int | None = None
    stdin = stdout = stderr = None

    def __init__(self, heard: Callable[[Message], None], log: logging.Logger) -> None:
        self._heard, self._log = heard, log
        self.gate = FarGate()
        self.gate.notify = self._notice
        self.gate.command = lambda name: self._soon({"type": "command", "name": name})
        self._told: Message | None = None
        self._launch: Launch | None = None
        self._relay: Relay | None = None
        self._line: HostLine | None = None
        self._remote = 0
        self._warned_of = 0.0
        self.adopted = False
        """Whether it should run already, since an earlier seat."""
        self._watching: asyncio.Task[None] | None = None
        self.returncode: int | None = None

    # The process, as a kernel manager knows processes.

    def poll(self) -> int | None:
        return self.returncode

    def wait(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        loop().call_soon_threadsafe(self._send_signal, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _send_signal(self, number: int) -> None:
        if number == signal.SIGINT and self.gate.interrupt(why_interrupted):
            return
        if self._line is not None and self._remote:
            self._line.tell("signal", signal=int(number))
        elif number in (signal.SIGTERM, signal.SIGKILL):
            self.returncode = -number  # there was nothing else to end

    async def launch(self, launch: Launch) -> None:
        """Stand for the kernel from now on; it starts when its job's host is there."""
        self._launch, self.returncode, self._remote = launch, None, 0
        front = front_of(launch.connection)
        if self._relay is None or self._relay.addresses != front:
            await self._close_relay()
            scheme = launch.connection["signature_scheme"]
            session = Session(session=launch.session, key=launch.key.encode(), signature_scheme=scheme)
            self._relay = Relay(context(), front, session, self.gate, self._log)
        self._relay.show()
        self._relay.answers, self._relay.asked_to_end = launch.answers, self._asked_to_end
        self.gate.bound, self._told = False, None
        self._greet()
        self._notice()

    def _greet(self) -> None:
        if self._launch is not None:
            self._soon({"type": "hello", "pid": os.getpid()})

    async def _close_relay(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            await relay.close()

    # The link, as a lease's keeper knows links.

    @property
    def connected(self) -> bool:
        return self._launch is not None

    async def start(self) -> None:
        """Nothing to listen for: the gate is here."""

    def tell(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lease":
            lease = Lease.from_json(message["lease"]) if message.get("lease") else None
            if message["gate"] == OVER and self._remote and lease is not None:
                self._log.info("kernel.lost lease=%s why=%s", lease.id, lease.why_ended)
                if self._line is not None:
                    self._line.tell("end")  # Slurm may have lost sight of a job that runs
                self._let_go(over_sentence(lease))
            self.gate.tell(message["gate"], lease, bool(message.get("silent")))
            self._mind_the_time(lease)
        elif kind == "refused":
            self.gate.refuse(str(message.get("sentence", "")))
        elif kind == "note":
            self.gate.note(f"said:{message.get('sentence', '')}")

    def _mind_the_time(self, lease: Lease | None) -> None:
        """Say once, with the next cell, that the time of the job is nearly over."""
        ends = (lease.raw.get("job") or {}).get("ends_at") if lease is not None and not lease.ended else None
        if not ends or not self._remote or self._warned_of == ends or ends - time.time() > WARN_S:
            return
        self._warned_of = float(ends)
        left, at = duration(max(0.0, ends - time.time())), f"{datetime.fromtimestamp(ends).astimezone():%H:%M}"
        if self._relay is not None:
            self._relay.say(tr("note.time_ends", time=at, left=left))

    async def ask(self, message: Message, _timeout_s: float) -> Message:
        """Only `bind` is done here; what else is asked for is about parking. Raises NotConnected."""
        if message["type"] != "bind":
            return {"ok": message["type"] == "ping"}
        lease = Lease.from_json(message["lease"])
        if self._relay is None or self._launch is None:
            raise NotConnected
        try:
            await self._begin(lease, str(message["token"]))
        except NoAnswer:
            # What the host does is not known; Slurm will say whether its node is there. Until then it is asked again.
            self._log.warning("kernel.host-silent lease=%s", lease.id)
            asyncio.get_running_loop().call_later(AGAIN_S, self._greet)
            raise NotConnected from None
        except Detached:
            raise NotConnected from None  # its end is known to whoever starts it anew
        except (HostRefused, ValueError, KeyError) as problem:
            self._log.error("kernel.not-started lease=%s why=%s", lease.id, problem)
            return {"ok": False, "reason": "job-failed"}
        return {"ok": True}

    async def _begin(self, lease: Lease, token: str) -> None:
        """Start the kernel at its host, and pass on to it."""
        contact = Contact.of(str((lease.raw.get("job") or {}).get("contact") or ""))
        if self._line is None or self._line.contact != contact:
            self._hang_up()
            self._line = HostLine(context(), contact, token, self._ended)
        launch, relay = self._launch, self._relay
        assert launch is not None
        assert relay is not None
        told = await self._line.ask(
            "start",
            START_S,
            argv=launch.command,
            env=dict(launch.env) | lease.environment,
            cwd=launch.cwd,
            key=launch.key,
            signature_scheme=launch.connection["signature_scheme"],
            connection_file=launch.connection_file,
        )
        if relay is not self._relay:
            raise NoAnswer
        self._remote = int(told["pid"])
        try:
            await relay.attach(contact.machine, told["ports"], str(told["key"]).encode())
        except TimeoutError:
            raise HostRefused("the kernel says nothing") from None
        if self.adopted and told["began"]:
            self.gate.note(f"said:{tr('note.began_anew')}")
        self.adopted = False
        self.gate.bound = True
        self._watching = asyncio.get_running_loop().create_task(self._watch(self._line), name="werkbank-host-watch")

    async def stop(self) -> None:
        await self._close_relay()
        if self._line is not None:
            self._line.tell("end")
            await asyncio.sleep(0)
        self._hang_up()
        self._launch = None

    # What becomes of the kernel.

    async def _watch(self, line: HostLine) -> None:
        while True:
            await asyncio.sleep(STATUS_S)
            try:
                told = await line.ask("status", STATUS_S)
            except (NoAnswer, HostRefused):
                continue
            if told.get("status") is not None:
                self._ended(int(told["pid"]), int(told["status"]))

    def _asked_to_end(self) -> None:
        """A client asks a kernel to end that has not begun."""
        if not self._remote:
            self.returncode = 0

    def _ended(self, pid: int, status: int) -> None:
        """The kernel's process has ended by itself or at our signal, and its job goes on."""
        if pid != self._remote:
            return
        self._let_go()
        self.returncode = status

    def _let_go(self, why: str = "") -> None:
        self._remote = 0
        self.gate.bound = False
        if self._watching is not None:
            self._watching.cancel()
        if self._relay is not None:
            self._relay.detach(why)

    def _hang_up(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self._line is not None:
            self._line.close()
        self._line = None

    def _notice(self) -> None:
        state = {"type": "state", **self.gate.state()}
        if state != self._told:
            self._told = state
            self._soon(state)

    def _soon(self, message: Message) -> None:
        """Later in the loop: whoever hears it may tell us something in turn."""
        loop().call_soon_threadsafe(self._heard, message)
