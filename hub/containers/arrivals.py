"""The sockets by which seats in containers reach the workbench, and by which it knows that they are there."""

import asyncio
import json
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from werkbank_seat.arriving import ARRIVALS
from werkbank_seat.doors import both_ways

from hub.logs import get_logger

log = get_logger("containers")

LINE_WITHIN_S = 10.0
BACKLOG = 128


@dataclass
class Seat:
    """A seat that may come, or is there. Its futures and event belong to the hub's loop."""

    word: str
    """What it proves itself with."""
    serving: Path
    """Where the proxy finds it."""
    ended: Callable[[], None]
    """Called when a seat that served lets go of its line."""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Its container runs our program."""
    serves: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """False when it ended before it served."""


class Arrivals:
    """Serves the folder that all seats are shown: sockets stand in it, and nothing of anybody. One for a hub."""

    def __init__(self, folder: Path, doors: dict[str, int]) -> None:
        """`doors` are ports of this machine's loopback by the name of their socket."""
        self.folder, self._doors = folder, doors
        self._seats: dict[str, Seat] = {}
        self._servers: list[asyncio.Server] = []
        self._opening: asyncio.Task[None] | None = None

    def __deepcopy__(self, _memo: object) -> "Arrivals":
        """Configuration is copied for each spawner, and all share this."""
        return self

    @property
    def shown(self) -> Path:
        """What seats see."""
        return self.folder / "doors"

    @property
    def ports(self) -> str:
        """What seats are told of it."""
        return " ".join(f"{port}={name}" for name, port in self._doors.items())

    async def open(self) -> None:
        """Listen. Once: later calls wait for the first. Raises OSError."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.create_task(self._open(), name="containers.doors")
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        for folder, mode in ((self.folder.parent, 0o711), (self.folder, 0o700), (self.folder / "serving", 0o700)):
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
        self.shown.mkdir(mode=0o755, exist_ok=True)
        self.shown.chmod(0o755)
        for name, port in self._doors.items():
            self._servers.append(await asyncio.start_unix_server(_to(port), sock=_listener(self.shown / name, 0o666)))
        line = _listener(self.shown / ARRIVALS, 0o666)
        self._servers.append(await asyncio.start_unix_server(self._line, sock=line))

    def expect(self, word: str, serving: Path, ended: Callable[[], None]) -> Seat:
        """Let a seat in that comes with this word."""
        self._seats[word] = seat = Seat(word, serving, ended)
        return seat

    def forget(self, word: str) -> None:
        """It is not let in any more."""
        if (seat := self._seats.pop(word, None)) is not None:
            with suppress(OSError):
                seat.serving.unlink()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One seat's line, from its word to its end."""
        try:
            async with asyncio.timeout(LINE_WITHIN_S):
                said = _read(await reader.readline())
            seat = self._known(str(said.get("word", "")))
            if seat is None:
                return
            try:
                if not said.get("again"):
                    self._hand_over(seat, writer)
                await self._listen(seat, reader)
            finally:
                self._let_go(seat)
        except (TimeoutError, OSError, ValueError) as error:
            log.info("seat.line-broken", why=str(error))
        except asyncio.CancelledError:
            return  # the hub ends; nobody waits for this
        finally:
            writer.close()

    def _known(self, word: str) -> Seat | None:
        said = word.encode()
        return next((one for own, one in self._seats.items() if secrets.compare_digest(own.encode(), said)), None)

    def _hand_over(self, seat: Seat, writer: asyncio.StreamWriter) -> None:
        """Give the seat the socket that it serves on. Its path is ours: no seat can put anything else there."""
        with _listener(seat.serving, 0o600) as listener, socket.socket(fileno=_copy(writer)) as line:
            socket.send_fds(line, [b"+"], [listener.fileno()])
        seat.came.set()

    async def _listen(self, seat: Seat, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if _read(line).get("serves") and not seat.serves.done():
                seat.serves.set_result(True)

    def _let_go(self, seat: Seat) -> None:
        """Its line has ended, in whatever way."""
        if not seat.serves.done():
            seat.serves.set_result(False)
        elif known := self._seats.get(seat.word):
            known.ended()


def _read(line: bytes) -> dict[str, object]:
    said = json.loads(line or b"{}")
    if not isinstance(said, dict):
        raise ValueError("a seat says words by name")
    return said


def _copy(writer: asyncio.StreamWriter) -> int:
    return os.dup(writer.get_extra_info("socket").fileno())


def _listener(path: Path, mode: int) -> socket.socket:
    """A new socket there, in place of what an earlier hub left."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        with suppress(asyncio.CancelledError):  # the hub ends; nobody waits for this
            await both_ways((reader, writer), there)

    return passing
