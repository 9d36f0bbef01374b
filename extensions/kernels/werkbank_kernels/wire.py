"""How kernel and provisioner talk: JSON lines over a unix socket of the user's own.

Provisioner → kernel: `lease` (everything the kernel needs to know, again at each change), `bind`, `close`, `ping`,
`refused`, `cpu`. Kernel → provisioner: `hello`, `state` (again at each change), `bound`, `closed`, `pong`, `command`.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import tempfile
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

ADDRESS = "WERKBANK_GATE"
MAX_LINE = 1 << 20  # bytes; a lease is a few thousand
_MAX_SOCKET_PATH = 100  # the kernel allows 108, with a closing zero

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message | None:
    """The message in `line`, None for anything that is not one."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def own_directory() -> Path:
    """A new directory only this user can enter, short enough for a socket's path."""
    runtime = Path(jupyter_runtime_dir())
    if len(os.fsencode(runtime)) > _MAX_SOCKET_PATH - 30:
        return Path(tempfile.mkdtemp(prefix="werkbank-"))
    runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix="werkbank-", dir=runtime))


def is_own(connection: socket.socket) -> bool:
    """Whether the process at the other end runs as this user."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return uid == os.getuid()
