"""How a seat and the host of its kernel talk: JSON over CurveZMQ, each request with a number and the lease's token.

Seat → host: `start` (what to run; the answer has the kernel's ports and key), `signal`, `status`, `end`. Host → seat:
the answer with the same number, and `ended` unasked, when the kernel's process has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import zmq

Message = dict[str, Any]

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
ALIVE_S = 5.0  # between signs of life on a connection
DEAD_S = 20.0  # without one it is made anew


@dataclass(frozen=True)
class Contact:
    """Where a host listens, and the key by which it is known."""

    address: str
    key: bytes

    @classmethod
    def of(cls, text: str) -> Contact:
        """From "tcp://10.0.0.7:40123 KEY", as the broker tells it; raises ValueError for anything else."""
        address, _, key = text.partition(" ")
        if not address.startswith("tcp://") or len(key) != 40:
            raise ValueError(f"not a contact: {text[:60]!r}")
        return cls(address, key.encode())

    @property
    def machine(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0]


def encode(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def decode(data: bytes) -> Message | None:
    """The message in `data`, None for anything that is not one."""
    try:
        message = json.loads(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def keep_alive(socket: zmq.Socket[Any]) -> None:
    """Notice a connection that is dead without a word, such as a cut cable's, and make it anew; drop nothing."""
    socket.set(zmq.LINGER, 500)
    socket.set(zmq.SNDHWM, 0)
    socket.set(zmq.RCVHWM, 0)
    socket.set(zmq.IPV6, 1)
    socket.set(zmq.HEARTBEAT_IVL, int(ALIVE_S * 1000))
    socket.set(zmq.HEARTBEAT_TIMEOUT, int(DEAD_S * 1000))


def know(socket: zmq.Socket[Any], key: bytes) -> None:
    """Talk only with the owner of this public key, and encrypted."""
    public, secret = zmq.curve_keypair()
    socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, key
