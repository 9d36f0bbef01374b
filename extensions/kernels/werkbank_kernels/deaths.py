"""Why kernels died, as far as the machine tells."""

from __future__ import annotations

import os
import signal
from typing import Any

from .memory import EndedForMemory
from .words import size, tr


class Deaths:
    """All connections of one kernel are told the same of it."""

    def __init__(self, ended: EndedForMemory) -> None:
        self._ended = ended
        self._known: dict[tuple[str, int], str] = {}

    def reason(self, kernel_id: str, process: Any) -> str:
        """A sentence; empty where nothing is known. `process` is the one that died, as its provisioner has it."""
        status = process.poll() if process is not None else None
        if status != -signal.SIGKILL:
            return ""
        key = kernel_id, int(getattr(process, "pid", 0))
        if key not in self._known:
            self._known[key] = tr("died.memory", limit=_limit()) if self._ended.is_new() else ""
        return self._known[key]


def _limit() -> str:
    """What the seat may use, as people say it."""
    try:
        return size(float(os.environ["MEM_LIMIT"]))
    except (KeyError, ValueError):
        return "?"
