"""A notebook is told why its kernel died, below the cell that ran, where the machine says it: memory.

JupyterLab itself says only that a kernel died. What is said here comes before the word that it restarts, after which
JupyterLab takes no more output for that cell.
"""

from __future__ import annotations

from typing import Any

from jupyter_client.session import DELIM
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

_HEADER, _PARENT = 2, 3
"""Frames of a message after the delimiter and the signature."""


class SeatConnection(ZMQChannelsWebsocketConnection):
    """As stock; it remembers which cell runs."""

    _cell: dict[str, Any] | None = None

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """As stock. A kernel publishes `execute_input` as it begins with a cell."""
        if getattr(stream, "channel", stream) == "iopub":
            self._note(outgoing_msg)
        super().handle_outgoing_message(stream, outgoing_msg)

    def _note(self, frames: list[Any]) -> None:
        parts = [bytes(frame) for frame in frames]
        if DELIM not in parts:
            return
        header, parent = parts[parts.index(DELIM) + _HEADER : parts.index(DELIM) + _PARENT + 1]
        if b"execute_input" in header:
            self._cell = self.session.unpack(parent)

    def on_kernel_restarted(self) -> None:
        """As stock; first the reason, if it is memory."""
        self._say_why()
        super().on_kernel_restarted()

    def on_restart_failed(self) -> None:
        """Likewise."""
        self._say_why()
        super().on_restart_failed()

    def _say_why(self) -> None:
        reason = getattr(self.multi_kernel_manager, "reason_of_death", lambda _: "")(self.kernel_id)
        if reason and self._cell is not None:
            iopub = self.channels.get("iopub")
            if iopub and not iopub.closed():
                iopub.flush()  # what the cell showed before comes first
            self.write_stderr(reason, self._cell)
