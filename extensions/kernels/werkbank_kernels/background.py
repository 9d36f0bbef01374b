"""One thread with an event loop of its own, where all leases of this process are looked after.

Kernel managers come blocking and asynchronous; a blocking one runs its loop only while it is called, and a lease needs
its heartbeat in between.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def loop() -> asyncio.AbstractEventLoop:
    """The loop of the thread, which is started on first use and ends with the process."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="werkbank-leases", daemon=True).start()
    return _loop


async def there(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` in that thread; cancelling the caller cancels the work."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop()))


_outliving: set[asyncio.Task[Any]] = set()


def outlive(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that goes on when its kernel is gone, and is held until it is done. Call it in that thread."""
    task = asyncio.get_running_loop().create_task(work, name="werkbank-outliving")
    _outliving.add(task)
    task.add_done_callback(_outliving.discard)
    return task


class Tasks:
    """The tasks of one kernel: held, their failures logged, ended together. Used in that thread."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"werkbank-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.error("lease.task %s failed", task.get_name(), exc_info=task.exception())

    def cancel(self) -> None:
        """End them all; does not wait."""
        for task in list(self._tasks):
            task.cancel()
