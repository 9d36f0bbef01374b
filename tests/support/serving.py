"""A service of this process over real HTTP, on a port of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

from tests.support.workbench import eventually


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve until the block ends; the client follows no redirects."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, name="service")
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive(), what="the service answers")
        assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)
