"""A fork server for multiprocessing that is itself forked, while there is one thread: what it forks imports nothing.

Dask's nanny starts its worker through multiprocessing; "spawn" would import everything again in each.
"""

from __future__ import annotations

import os
import socket
from multiprocessing import connection, forkserver, resource_tracker

from .refresh import draw_lots_again


def open_forkserver() -> None:
    """From here on, processes of multiprocessing's method "forkserver" are forks of what this process is now."""
    server = forkserver._forkserver  # type: ignore[attr-defined]
    resource_tracker.ensure_running()
    address = connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        os.chmod(address, 0o600)
        listener.listen()
        alive_reader, alive_writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(alive_writer)
            _serve(listener.detach(), alive_reader)
    os.close(alive_reader)
    server._forkserver_address, server._forkserver_alive_fd, server._forkserver_pid = address, alive_writer, pid


def _serve(listener: int, alive: int) -> None:
    """Until the last process that knows of it has ended."""
    os.register_at_fork(after_in_child=draw_lots_again)
    try:
        forkserver.main(listener, alive, [])
    finally:
        os._exit(0)
