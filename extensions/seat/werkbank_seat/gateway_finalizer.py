"""dask-gateway: finalizers that run on the event loop's own thread must not wait for that loop.

`Gateway.__del__` and `GatewayCluster.__del__` close synchronously: they hand a coroutine to the client's
loop and wait. Python may collect them on any thread, the loop's too; there the wait never ends and every
later call of any gateway object in the process hangs. A refused `new_cluster()` is enough, because its
traceback holds the objects in a cycle. Seen with dask-gateway 2026.3.0.
"""

import asyncio
import functools
import threading


def apply(client):
    """Correct the classes of the freshly imported module `dask_gateway.client`."""
    for kind in (client.Gateway, client.GatewayCluster):
        kind.__del__ = _off_the_loop(kind.__del__)


def _off_the_loop(finalize):
    @functools.wraps(finalize)
    def finalizer(self):
        if _runs_on_the_loop_of(self):
            threading.Thread(target=finalize, args=(self,), daemon=True, name="gateway-finalizer").start()
        else:
            finalize(self)

    return finalizer


def _runs_on_the_loop_of(self):
    try:
        return asyncio.get_running_loop() is self.loop.asyncio_loop
    except (RuntimeError, AttributeError):
        # No loop runs on this thread, or the object was never finished: nothing to wait for.
        return False
