"""The provisioner's end of the link to its kernel."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import Callable

from .wire import MAX_LINE, Message, decode, encode, is_own, own_directory


class NotConnected(Exception):
    """The kernel is not there, or did not answer in time."""


class LinkServer:
    """Listens for one kernel at a time; a new connection replaces the old one.

    `heard` gets each message of the kernel but answers, `lost` is called when a connection ends.
    """

    def __init__(self, heard: Callable[[Message], None], lost: Callable[[], None]) -> None:
        self._heard, self._lost = heard, lost
        self._directory = own_directory()
        self.path = str(self._directory / "gate")
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Message]] = {}

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=MAX_LINE)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._hang_up()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def connected(self) -> bool:
        return self._writer is not None

    def tell(self, message: Message) -> None:
        """Send without an answer; nothing happens while no kernel is connected."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode(message))

    async def ask(self, message: Message, timeout_s: float) -> Message:
        """Send and wait for the answer with the same number; raises NotConnected when none comes."""
        if self._writer is None:
            raise NotConnected
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            self.tell(message | {"n": number})
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError as late:
            raise NotConnected from late
        finally:
            del self._answers[number]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_own(writer.get_extra_info("socket")):
            writer.close()
            return
        self._hang_up()
        self._writer = writer
        try:
            while line := await reader.readline():
                if (message := decode(line)) is not None:
                    self._receive(message)
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass
        finally:
            if self._writer is writer:
                self._hang_up()
                self._lost()
            with contextlib.suppress(RuntimeError):
                writer.close()

    def _receive(self, message: Message) -> None:
        answer = self._answers.get(message.get("n", 0))
        if answer is None:
            self._heard(message)
        elif not answer.done():
            answer.set_result(message)

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(NotConnected())
