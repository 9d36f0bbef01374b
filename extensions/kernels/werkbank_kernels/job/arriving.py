"""A job that has begun tells the broker where its host listens."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

TRIES_S = 600.0
"""For how long a broker that does not answer is told again: it may be starting anew."""
PATIENCE_S = 10.0


def tell_arrival(job: Mapping[str, str], port: int, key: str, given_up: threading.Event) -> bool:
    """Tell it, however long that takes; False when the broker does not want to know (any more), or once `given_up`."""
    facts = {
        "job": int(os.environ["SLURM_JOB_ID"]),
        "port": port,
        "key": key,
    }
    request = urllib.request.Request(  # noqa: S310 - the address is the broker's
        f"{job['api']}/leases/{job['lease']}/arrived",
        json.dumps(facts).encode(),
        {"Authorization": f"Bearer {job['token']}", "Content-Type": "application/json"},
    )
    # The broker is in reach; a proxy of the facility is for the world outside.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end, pause = time.monotonic() + TRIES_S, 0.2
    while time.monotonic() < end and not given_up.is_set():
        try:
            opener.open(request, timeout=PATIENCE_S).close()
            return True
        except urllib.error.HTTPError as error:
            note(f"arrival: {error.code} {error.read(500)!r}")
            error.close()
            if error.code < 500:
                return False
        except OSError as problem:
            note(f"arrival: {problem}")
        given_up.wait(pause)
        pause = min(5.0, pause * 2)
    return False


def note(words: str) -> None:
    """Write it to the log, if there is room for it."""
    with contextlib.suppress(OSError):  # the disk may be full
        print(words, flush=True)
