"""What follows from code alone is there before the fork: a start is rehearsed with made-up data, and thrown away.

What stays: specialised bytecode, compiled templates and patterns, class caches, the parsed event schemas of packages
and the system's certificates. What goes: every object of what was rehearsed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

from ..log import log
from . import dask, seat
from .stage import no_trace_in_modules, stage

TIMES = 2  # bytecode is specialised when it runs again


def try_rehearsal(role: str, seat_arguments: list[str]) -> bool:
    """Rehearse what children of this role start; one that fails costs some speed, not the zygote."""
    try:
        if role == "seat":
            seat.prepare()
            _rehearse(lambda: seat.rehearse(seat_arguments), seat.MADE_UP, "jupyterhub-singleuser")
        elif role == "dask":
            dask.prepare()
            _rehearse(dask.rehearse, {}, "dask")
    except (Exception, SystemExit) as problem:
        log("warning", "zygote.no-rehearsal", role=role, why=repr(problem))
        return False
    return True


def _rehearse(start: Callable[[], None], environment: dict[str, str], program: str) -> None:
    for _time in range(TIMES):
        with stage(environment, program), no_trace_in_modules():
            start()
    gc.collect()
