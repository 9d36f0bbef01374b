"""Ends this process when the one it serves has ended: a thread sleeps until then, instead of a look every second."""

from __future__ import annotations

import os
import select
import threading


def end_with(pid: int) -> None:
    """Exit with status 1 once the process `pid` is gone; at once when it is gone already."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        os._exit(1)
    end = select.poll()
    end.register(descriptor, select.POLLIN)

    def wait() -> None:
        end.poll()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end-with-seat").start()
