"""The seat's end of the line to a host. Used in the background loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import zmq
import zmq.asyncio

from .wire import Contact, Message, decode, encode, keep_alive, know

TRY_AGAIN_S = 2.0


class NoAnswer(Exception):
    """The host did not answer in time; what it does is not known."""


class HostRefused(Exception):
    """The host could not do what it was asked; the text says why."""


class HostLine:
    """One per host. `ended` gets the exit status of the kernel's process when that ends."""

    def __init__(self, context: zmq.asyncio.Context, contact: Contact, token: str, ended: Callable[[int, int], None]):
        self.contact, self._token, self._ended = contact, token, ended
        self._socket: zmq.asyncio.Socket = context.socket(zmq.DEALER)
        keep_alive(self._socket)
        know(self._socket, contact.key)
        self._socket.connect(contact.address)
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._listening = asyncio.get_running_loop().create_task(self._listen(), name="werkbank-host-line")

    async def ask(self, act: str, within_s: float, **facts: Any) -> Message:
        """Ask until there is an answer: doing it twice is doing it once. Raises NoAnswer and HostRefused."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s):
                while not answer.done():
                    await self._socket.send(encode({"act": act, "n": number, "token": self._token, **facts}))
                    await asyncio.wait({answer}, timeout=TRY_AGAIN_S)
        except TimeoutError:
            raise NoAnswer from None
        finally:
            del self._answers[number]
        if "error" in answer.result():
            raise HostRefused(str(answer.result()["error"]))
        return answer.result()

    def tell(self, act: str, **facts: Any) -> None:
        """Ask once, and wait for nothing."""
        message = {"act": act, "n": 0, "token": self._token, **facts}
        self._sending = asyncio.ensure_future(self._socket.send(encode(message)))

    async def _listen(self) -> None:
        while True:
            message = decode(await self._socket.recv())
            if message is None:
                continue
            if "ended" in message:
                self._ended(int(message["pid"]), int(message["ended"]))
            elif (answer := self._answers.get(int(message.get("n") or 0))) is not None and not answer.done():
                answer.set_result(message)

    def close(self) -> None:
        self._listening.cancel()
        self._socket.close()
