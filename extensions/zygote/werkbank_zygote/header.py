"""The first bytes of a request: fixed length, numbers only, so that nothing has to be parsed to know who asks."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = b"WBZ2"
SELF = 0xFFFFFFFF  # "as the user who calls"
LENGTH = 28
NOWHERE = bytes(16)
LONGEST_REQUEST = 1 << 20
_FORMAT = struct.Struct(">4sII16s")


class BadHeader(ValueError):
    """Not the beginning of a request."""


@dataclass(frozen=True)
class Header:
    """For whom (a user id, or SELF), how many bytes of request follow, and where: whose private folders."""

    uid: int
    length: int
    place: bytes = NOWHERE

    def pack(self) -> bytes:
        return _FORMAT.pack(MAGIC, self.uid, self.length, self.place)

    @property
    def folder(self) -> str:
        """The name of the place's folder: hexadecimal digits, so that no path can be made of it; empty for none."""
        return "" if self.place == NOWHERE else self.place.hex()


def unpack(data: bytes) -> Header:
    """The header in these bytes. BadHeader when it is none."""
    if len(data) != LENGTH:
        raise BadHeader(f"{len(data)} bytes instead of {LENGTH}")
    magic, uid, length, place = _FORMAT.unpack(data)
    if magic != MAGIC:
        raise BadHeader("not a request")
    if not 0 < length <= LONGEST_REQUEST:
        raise BadHeader(f"a request of {length} bytes; at most {LONGEST_REQUEST}")
    return Header(uid, length, place)
