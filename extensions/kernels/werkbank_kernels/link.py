"""The kernel's end of the link to its provisioner: a thread of its own that outlives broken connections."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable

from .cuda import process_start
from .gate import Gate
from .lease import Lease
from .wire import MAX_LINE, Message, decode, encode, is_own

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0  # seconds between attempts to connect


class GateLink(threading.Thread):
    """Carries what the provisioner says to the gate, and what the gate knows to the provisioner."""

    def __init__(self, gate: Gate, path: str) -> None:
        super().__init__(name="werkbank-gate", daemon=True)
        # Debuggers must not stop it: a stopped link looks like a hung kernel.
        self.pydev_do_not_trace = self.is_pydev_daemon_thread = True
        self._gate, self._path = gate, path
        self._socket: socket.socket | None = None
        self._sending = threading.Lock()
        self._told: Message | None = None
        self._handlers: dict[str, Callable[[Message], None]] = {
            "lease": self._lease,
            "bind": self._bind,
            "close": self._close,
            "ping": self._ping,
            "refused": lambda message: gate.refuse(str(message.get("sentence", ""))),
            "note": lambda message: gate.note(f"said:{message.get('sentence', '')}"),
            "cpu": self._cpu,
        }
        gate.notify = self.tell_state
        gate.command = lambda name: self.send({"type": "command", "name": name})

    def run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            if self._connect():
                pause = _FIRST_PAUSE
                self._listen()
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def send(self, message: Message) -> None:
        """Send `message`, or lose it: after a broken connection `hello` and `state` say everything again."""
        with self._sending:
            self._push(message)

    def tell_state(self) -> None:
        """Tell the provisioner the gate's state if it differs from what was told last."""
        with self._sending:
            state = {"type": "state", **self._gate.state()}
            if state != self._told:
                self._push(state)
                self._told = state

    def _push(self, message: Message) -> None:
        """Never blocks: a provisioner that does not read must not hold up the user's code."""
        if self._socket is None:
            return
        data = encode(message)
        try:
            whole = self._socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) == len(data)
        except OSError:
            whole = False
        if not whole:
            self._drop()

    def _drop(self) -> None:
        """Give the connection up; the listening thread notices and connects again."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        self._socket = None

    def _connect(self) -> bool:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            return False
        if not is_own(connection):
            connection.close()
            return False
        with self._sending:
            self._socket, self._told = connection, None
        pid = os.getpid()
        self.send({"type": "hello", "pid": pid, "started": process_start(pid), "bound": self._gate.bound})
        self.tell_state()
        return True

    def _listen(self) -> None:
        connection = self._socket
        if connection is None:
            return
        try:
            with connection.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE):
                    self._handle(line)
        except (OSError, ValueError):
            pass
        with self._sending:
            self._drop()

    def _handle(self, line: bytes) -> None:
        message = decode(line)
        handler = self._handlers.get(message["type"]) if message else None
        if handler is None:
            return
        # A line this version does not understand must not end the link.
        with contextlib.suppress(KeyError, TypeError, ValueError):
            handler(message)

    def _lease(self, message: Message) -> None:
        lease = Lease.from_json(message["lease"]) if message.get("lease") else None
        self._gate.tell(message["gate"], lease, bool(message.get("silent")))

    def _bind(self, message: Message) -> None:
        lease = Lease.from_json(message["lease"])
        self.send({"type": "bound", "n": message["n"], "ok": self._gate.bind(lease.environment, lease)})

    def _close(self, message: Message) -> None:
        self.send({"type": "closed", "n": message["n"], "ok": self._gate.close()})

    def _ping(self, message: Message) -> None:
        self.send({"type": "pong", "n": message["n"]})

    def _cpu(self, message: Message) -> None:
        self._gate.cpu = True
        self.tell_state()
