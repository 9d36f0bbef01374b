"""Jupyter's messages as they pass: enough of them is read to know what they are, and answers of our own are written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_client.session import DELIM, Session

Frames = Sequence[bytes]
Header = dict[str, Any]


@dataclass(frozen=True)
class Letter:
    """One message: whose it is, and its parts as they came."""

    idents: list[bytes]
    header: Header
    frames: list[bytes]
    """All of it, to be passed on untouched."""

    @property
    def kind(self) -> str:
        return str(self.header.get("msg_type"))

    @property
    def id(self) -> str:
        return str(self.header.get("msg_id"))

    @property
    def parent(self) -> Header:
        """What it answers."""
        return _json(self._part(3))

    @property
    def content(self) -> dict[str, Any]:
        return _json(self._part(5))

    def _part(self, offset: int) -> bytes:
        place = len(self.idents) + offset
        return self.frames[place] if place < len(self.frames) else b"{}"


def read(frames: Frames) -> Letter | None:
    """The message in these frames; None for what is none. Whether it is signed rightly is for who acts on it."""
    parts = list(frames)
    try:
        delimiter = parts.index(DELIM)
    except ValueError:
        return None
    header = _json(parts[delimiter + 2]) if len(parts) >= delimiter + 6 else {}
    return Letter(parts[:delimiter], header, parts) if header else None


def is_genuine(session: Session, letter: Letter) -> bool:
    """Whether somebody who knows the key wrote it."""
    _, signature, *signed = letter.frames[len(letter.idents) :]
    return bool(session.sign(signed[:4]).decode() == signature.decode("ascii", "replace"))


def written(
    session: Session, kind: str, content: Mapping[str, Any], parent: Header, idents: Sequence[bytes]
) -> list[bytes]:
    """The frames of a message of ours."""
    message = session.msg(kind, content=dict(content), parent={"header": parent})
    frames: list[bytes] = session.serialize(message, ident=list(idents))
    return frames


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
