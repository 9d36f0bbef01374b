"""Stands in a seat for a kernel on another machine: clients connect here, and stay while kernels come and go behind.

Until there is a kernel, cells wait here as they do at any gate, and what needs no kernel is answered. Once there is
one, all that passes is passed on untouched; only cells that are nothing but `%werkbank` are still answered here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.session import DELIM, Session

from ..background import Tasks
from ..cell import WaitingCell, note_sentence
from ..gate import Gate, Verdict
from ..magics import answer, question
from ..words import tr
from .answers import answer_without_kernel
from .messages import Header, Letter, is_genuine, read, written
from .wire import CHANNELS, keep_alive, know

_FRONT = {"shell": zmq.ROUTER, "control": zmq.ROUTER, "stdin": zmq.ROUTER, "hb": zmq.ROUTER, "iopub": zmq.PUB}
_BACK = {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER, "iopub": zmq.SUB}
_IPC = "ipc://"
HEARD_WITHIN_S = 240.0  # the packages of an environment may come over a network
# They may touch the device: they wait like cells, and in their order.
_WAIT = frozenset({"execute_request", "comm_open", "comm_msg", "comm_close"})


class Detached(Exception):
    """The kernel is gone."""


class Relay:
    """One per kernel, in the background loop. `front` has the addresses by channel."""

    def __init__(
        self, context: zmq.asyncio.Context, front: Mapping[str, str], session: Session, gate: Gate, log: logging.Logger
    ) -> None:
        self._context, self._session, self.gate, self.addresses = context, session, gate, dict(front)
        self.answers: Mapping[str, Any] | None = None
        """What the kernel will say of itself, for those who ask before it is there."""
        self.asked_to_end: Callable[[], None] = lambda: None
        """Called when a client ends a kernel that is not there."""
        self._tasks = Tasks(log)
        self._back: dict[str, zmq.asyncio.Socket] = {}
        self._back_tasks = Tasks(log)
        self._line: asyncio.Queue[Letter] = asyncio.Queue()
        self._running: dict[str, Letter] = {}
        """Cells that the kernel was given and has not finished, by the id of their message."""
        self._count = 0
        self._probes: set[str] = set()
        """Requests of our own; nobody in front waits for the replies."""
        self._busy_since_before: set[str] = set()
        """Cells that waited here, whose clients know already that they are being worked on."""
        self._heard = asyncio.Event()
        self._front = {name: self._bound(name, address) for name, address in front.items()}
        self._begin("line", self._serve_line())
        for name, serve in (("shell", self._from_shell), ("control", self._from_control)):
            self._begin(name, self._each(self._front[name], serve))
        self._begin("stdin", self._each(self._front["stdin"], self._from_stdin))
        self._begin("hb", self._each(self._front["hb"], self._front["hb"].send_multipart))

    def _bound(self, name: str, address: str) -> zmq.asyncio.Socket:
        socket: zmq.asyncio.Socket = self._context.socket(_FRONT[name])
        socket.set(zmq.LINGER, 200)
        socket.set(zmq.SNDHWM, 0)
        socket.bind(_own_name(address))
        return socket

    def show(self) -> None:
        """Be found at the addresses: a kernel manager removes their files whenever a kernel has ended."""
        for address in self.addresses.values():
            if address.startswith(_IPC):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(address.removeprefix(_IPC))
                os.link(_own_name(address).removeprefix(_IPC), address.removeprefix(_IPC))

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.begin(f"relay-{name}", work)

    async def _each(self, socket: zmq.asyncio.Socket, serve: Any) -> None:
        while True:
            await serve(await socket.recv_multipart())

    # A kernel behind.

    async def attach(self, machine: str, ports: Mapping[str, int], key: bytes) -> None:
        """Pass on to this kernel from now on, and return once it is heard; one before it is forgotten.

        Raises TimeoutError for one that says nothing, and Detached where it ends before it has said anything.
        """
        self.detach()
        # The kernel answers on stdin whom it heard on shell: both have one name.
        name = uuid.uuid4().bytes
        for channel, kind in _BACK.items():
            socket: zmq.asyncio.Socket = self._context.socket(kind)
            keep_alive(socket)
            know(socket, key)
            if kind == zmq.DEALER:
                socket.set(zmq.IDENTITY, name if channel in ("shell", "stdin") else uuid.uuid4().bytes)
            else:
                socket.subscribe(b"")
            socket.connect(f"{machine}:{ports[f'{channel}_port']}")
            self._back[channel] = socket
        for channel in ("control", "stdin"):
            self._back_tasks.begin(f"relay-{channel}-back", self._pass_back(channel))
        self._back_tasks.begin("relay-shell-back", self._replies())
        self._back_tasks.begin("relay-iopub-back", self._published())
        async with asyncio.timeout(HEARD_WITHIN_S):
            await self._until_heard()

    async def _until_heard(self) -> None:
        """What a kernel publishes before we are subscribed is lost: ask it something until an echo of that is heard."""
        self._heard, pause = asyncio.Event(), 0.05
        while not self._heard.is_set():
            frames = written(self._session, "kernel_info_request", {}, {}, [])
            asked = read(frames)
            assert asked is not None
            if not self._back:
                raise Detached
            self._probes.add(asked.id)
            await self._back["shell"].send_multipart(frames)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), pause)
            pause = min(1.0, pause * 1.5)

    def detach(self, why: str = "") -> None:
        """The kernel is gone; with `why`, cells that it had are told so."""
        self._back_tasks.cancel()
        for socket in self._back.values():
            socket.close()
        self._back, self._probes = {}, set()
        running, self._running = self._running, {}
        for letter in running.values():
            self.gate.leave()
            if why:
                self._begin("failed", self._not_run(letter, Verdict(False, why)))

    async def _pass_back(self, channel: str) -> None:
        while True:
            await self._front[channel].send_multipart(await self._back[channel].recv_multipart())

    async def _replies(self) -> None:
        while True:
            frames = await self._back["shell"].recv_multipart()
            letter = read(frames)
            if letter is not None and letter.parent.get("msg_id") in self._probes:
                continue
            if letter is not None and letter.kind == "execute_reply":
                self._count = int(letter.content.get("execution_count") or self._count)
            await self._front["shell"].send_multipart(frames)

    async def _published(self) -> None:
        while True:
            frames = await self._back["iopub"].recv_multipart(copy=False)
            self._heard.set()
            topic = bytes(frames[0])
            # What may be large is not read, only passed on.
            is_small = topic in (b"", DELIM) or topic.endswith(b"status")
            letter = read([bytes(frame) for frame in frames]) if is_small else None
            if letter is not None and self._is_ours(letter):
                continue
            await self._front["iopub"].send_multipart(frames, copy=False)
            if letter is not None:
                self._heard_status(letter)

    def _is_ours(self, letter: Letter) -> bool:
        """Whether it tells only us something: that it starts, that we have subscribed, or an echo of our own questions.

        To clients it has been there all the time, and busy with a cell since that began to wait.
        """
        state, parent = letter.content.get("execution_state"), str(letter.parent.get("msg_id"))
        if state == "busy" and parent in self._busy_since_before:
            self._busy_since_before.discard(parent)
            return True
        if state == "starting":
            return True
        return letter.kind == "iopub_welcome" or letter.parent.get("msg_id") in self._probes

    def _heard_status(self, letter: Letter) -> None:
        if letter.content.get("execution_state") != "idle":
            return
        if self._running.pop(str(letter.parent.get("msg_id")), None) is not None:
            self.gate.leave()

    # Clients in front.

    async def _from_shell(self, frames: list[bytes]) -> None:
        letter = read(frames)
        if letter is None or not is_genuine(self._session, letter):
            return
        asked = question(str(letter.content.get("code"))) if letter.kind == "execute_request" else None
        if asked is not None:
            await self._answered(letter, asked)
        elif letter.kind in _WAIT:
            await self._line.put(letter)
        elif self._back:
            await self._back["shell"].send_multipart(frames)
        else:
            await self._answer(letter, "shell")

    async def _from_control(self, frames: list[bytes]) -> None:
        letter = read(frames)
        if self._back:
            await self._back["control"].send_multipart(frames)
        elif letter is not None and is_genuine(self._session, letter):
            await self._answer(letter, "control")

    async def _from_stdin(self, frames: list[bytes]) -> None:
        if self._back:
            await self._back["stdin"].send_multipart(frames)

    async def _serve_line(self) -> None:
        """One after the other, as a kernel does."""
        while True:
            letter = await self._line.get()
            verdict = Verdict(True) if self.gate.enter() else await self._admitted(letter)
            if not verdict.admitted:
                await self._not_run(letter, verdict)
            elif not self._back:  # lost in this moment
                self.gate.leave()
                await self._not_run(letter, Verdict(False, tr("stopped.over_unknown")))
            else:
                if letter.kind == "execute_request" and not letter.content.get("silent"):
                    for note in self.gate.take_notes():
                        await self._say(note_sentence(note), letter)
                self._running[letter.id] = letter
                await self._back["shell"].send_multipart(letter.frames)

    async def _admitted(self, letter: Letter) -> Verdict:
        if letter.kind != "execute_request":
            return await self.gate.admit()
        await self._status("busy", letter.header)
        self._busy_since_before.add(letter.id)
        silent = bool(letter.content.get("silent"))
        return await WaitingCell(self.gate, None if silent else self._display(letter.header)).admitted()

    def _display(self, parent: Header) -> Any:
        """A display of one cell that is shown once and then changed in place."""
        display_id, kinds = uuid.uuid4().hex, iter(["display_data"])

        def show(data: dict[str, str]) -> None:
            content = {"data": data, "metadata": {}, "transient": {"display_id": display_id}}
            self._begin("show", self._publish(next(kinds, "update_display_data"), content, parent))

        return show

    def say(self, sentence: str) -> None:
        """Show something at once in the cell that runs; where none does, with the next one."""
        shown = [letter for letter in self._running.values() if letter.kind == "execute_request"]
        if shown:
            self._begin("say", self._say(sentence, shown[0]))
        else:
            self.gate.note(f"said:{sentence}")

    async def _say(self, sentence: str, letter: Letter) -> None:
        data = {"data": {"text/plain": sentence}, "metadata": {}, "transient": {}}
        await self._publish("display_data", data, letter.header)

    # Answers of our own.

    async def _answered(self, letter: Letter, asked: str) -> None:
        await self._status("busy", letter.header)
        if not letter.content.get("silent"):
            text = {"name": "stdout", "text": f"{answer(asked, self.gate)}\n"}
            await self._publish("stream", text, letter.header)
        done = {"status": "ok", "execution_count": self._count + 1, "user_expressions": {}, "payload": []}
        await self._reply(letter, "execute_reply", done)
        await self._status("idle", letter.header)

    async def _not_run(self, letter: Letter, verdict: Verdict) -> None:
        self._busy_since_before.discard(letter.id)
        if letter.kind == "execute_request":
            name = "KeyboardInterrupt" if verdict.interrupted else "NoGPU"
            error = {"ename": name, "evalue": verdict.sentence, "traceback": [f"{name}: {verdict.sentence}"]}
            if not letter.content.get("silent"):
                await self._publish("error", error, letter.header)
            done = {"status": "error", "execution_count": self._count + 1, "user_expressions": {}, "payload": []}
            await self._reply(letter, "execute_reply", done | error)
        await self._status("idle", letter.header)

    async def _answer(self, letter: Letter, channel: str) -> None:
        found = answer_without_kernel(letter, self.answers)
        if found is None:
            return
        await self._status("busy", letter.header)
        await self._reply(letter, letter.kind.replace("_request", "_reply"), found, channel)
        await self._status("idle", letter.header)
        if letter.kind == "shutdown_request":
            self.asked_to_end()

    async def _reply(self, letter: Letter, kind: str, content: Mapping[str, Any], channel: str = "shell") -> None:
        frames = written(self._session, kind, content, letter.header, letter.idents)
        await self._front[channel].send_multipart(frames)

    async def _status(self, state: str, parent: Header) -> None:
        await self._publish("status", {"execution_state": state}, parent)

    async def _publish(self, kind: str, content: Mapping[str, Any], parent: Header) -> None:
        frames = written(self._session, kind, content, parent, [f"kernel.relay.{kind}".encode()])
        await self._front["iopub"].send_multipart(frames)

    async def close(self) -> None:
        """Let go of the clients."""
        self.detach()
        self._tasks.cancel()
        for socket in self._front.values():
            socket.close()


def _own_name(address: str) -> str:
    """A socket that is bound under another name than it is found by outlives the other."""
    return f"{address}r" if address.startswith(_IPC) else address


def front_of(info: Mapping[str, Any]) -> dict[str, str]:
    """The addresses of a connection file, by channel."""
    separator = "-" if info["transport"] == "ipc" else ":"
    base = f"{info['transport']}://{info['ip']}"
    return {name: f"{base}{separator}{info[f'{name}_port']}" for name in CHANNELS}
