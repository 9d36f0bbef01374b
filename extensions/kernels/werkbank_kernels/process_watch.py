"""Notices the end of a kernel's process, whoever ended it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class ProcessWatch:
    """Watches one process at a time, in the event loop of the caller."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._pidfd: int | None = None

    def watch(self, pid: int) -> None:
        """Call `ended` when this child ends; the one watched before is forgotten."""
        self.stop()
        self._pidfd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._notice)

    def stop(self) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
        self._pidfd = None

    def _notice(self) -> None:
        self.stop()
        self._ended()
