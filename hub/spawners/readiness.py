"""A seat's socket, made before the seat so that nobody can take its port, and the word that it serves."""

import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from hub.spawners.launch import readable

LISTEN, READY = "WERKBANK_LISTEN_FD", "WERKBANK_READY_FD"
BACKLOG = 128


@cache
def knows_doorstep(prefix: Path) -> bool:
    """Whether seats of this environment take a socket and say that they serve: they need the package werkbank-seat."""
    return any((prefix / "lib").glob("python3*/site-packages/werkbank_seat/serving.py"))


class Doorstep:
    """Open it with `with`: our ends are closed afterwards, those that were handed over stay the seat's."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._listener = socket.create_server((address, 0), backlog=BACKLOG)
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def port(self) -> int:
        """Where the seat will be."""
        return int(self._listener.getsockname()[1])

    @property
    def descriptors(self) -> Mapping[str, int]:
        """What the seat gets, by the variables that tell it."""
        return {LISTEN: self._listener.fileno(), READY: self._writer}

    def hand_over(self) -> None:
        """The seat has its ends now; once it lets go of them unasked, `serves` knows."""
        self._listener.close()
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1

    async def serves(self) -> bool:
        """Wait until the seat serves; False when it ended, or let go, before it did."""
        await readable(self._reader)
        return bool(os.read(self._reader, 64))

    def __enter__(self) -> "Doorstep":
        return self

    def __exit__(self, *_: object) -> None:
        self.hand_over()
        os.close(self._reader)
