"""Starts a Dask scheduler and a worker that compute something, and throws them away."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import types
from typing import Any

LOOPBACK = "127.0.0.1"


def prepare() -> None:
    """What is shared from now on: the commands that packages add to `dask`, and the system's certificates."""
    if "dask.cli" in sys.modules:
        _find_commands_once(sys.modules["dask.cli"])
    if "tornado.netutil" in sys.modules:
        # Tornado has one for every connection of the process, and Dask brings its own certificates.
        sys.modules["tornado.netutil"]._client_ssl_defaults()
        sys.modules["tornado.netutil"]._server_ssl_defaults()


def _find_commands_once(cli: Any) -> None:
    """Each `dask …` asks all installed packages for its commands. They change with the packages, as the zygote does."""
    found = {"dask_cli": list(cli.importlib_metadata.entry_points(group="dask_cli"))}
    for command in found["dask_cli"]:
        command.load()
    cli.importlib_metadata = types.SimpleNamespace(entry_points=lambda group: found[group])


def rehearse() -> None:
    """Raises what Dask raises."""
    if "distributed.scheduler" in sys.modules:
        import dask

        with dask.config.set({"temporary-directory": os.getcwd()}):
            asyncio.run(_compute())
        _forget_loops()
        _forget_threads()
        _forget_remembered()


async def _compute() -> None:
    from distributed import Client, Scheduler, Worker

    pages = f"{LOOPBACK}:0"
    async with (
        Scheduler(host=LOOPBACK, port=0, dashboard_address=pages) as scheduler,
        Worker(scheduler.address, host=LOOPBACK, nthreads=1, dashboard_address=pages),
        Client(scheduler.address, asynchronous=True, set_as_default=False) as client,
    ):
        await client.submit(sum, range(10))


def _forget_loops() -> None:
    from tornado.ioloop import IOLoop

    for loop in [loop for loop in IOLoop._ioloop_for_asyncio if loop.is_closed()]:
        del IOLoop._ioloop_for_asyncio[loop]


def _forget_threads() -> None:
    """Dask serialises on a thread of its own, which no child would have."""
    utils: Any = sys.modules["distributed.utils"]
    utils._offload_executor.shutdown()
    utils._offload_executor = type(utils._offload_executor)(max_workers=1, thread_name_prefix="Dask-Offload")


def _forget_remembered() -> None:
    """Functions that remember what they were asked hold on to schedulers and workers."""
    for name, module in list(sys.modules.items()):
        for function in list(vars(module).values()) if name.startswith("distributed.") else ():
            if isinstance(function, functools._lru_cache_wrapper):
                function.cache_clear()
            elif getattr(function, "__qualname__", "").startswith("memoize.<locals>"):
                for cell in function.__closure__:
                    if isinstance(cell.cell_contents, dict):
                        cell.cell_contents.clear()
