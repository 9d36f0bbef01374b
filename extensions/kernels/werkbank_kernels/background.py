"""One thread with an event loop of its own, where all leases of this process are looked after.

Kernel managers come blocking and asynchronous; a blocking one runs its loop only while it is called, and a lease needs
its heartbeat in between.
"""

from __future__ import annotations

import asyncio
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
