"""Which processes belong to a workbench, and ending them."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from hub.runtime import STATE
from hub.state import StateDirectory

ROLES = {
    "proxy": "configurable-http-proxy",
    "service": "hub.service",
    "dask-gateway": "dask_gateway_server",
    "idle-culler": "jupyterhub_idle_culler",
    "hub": "jupyterhub_config.py",
}
GRACE = 10.0


def of_workbench(state: StateDirectory) -> list[psutil.Process]:
    """The workbench's own processes, found by the environment `up` gave them; seats are not among them.

    This also finds what a killed hub left behind, and Dask clusters whose gateway is gone: by their folder, as forked
    ones show the environment of the process they were forked from.
    """
    gateway = f"http://127.0.0.1:{state.ports().gateway}/"
    return [
        process
        for process, env, folder in _mine()
        if _belongs(env, str(state.path), gateway) or folder.is_relative_to(state.clusters)
    ]


def by_role(state: StateDirectory) -> dict[str, int]:
    """Pids by what they do: hub, proxy, service, dask-gateway, idle-culler."""
    pids: dict[str, int] = {}
    for process in of_workbench(state):
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            for role, mark in ROLES.items():
                if mark in line:
                    pids.setdefault(role, process.pid)
                    break
    return pids


def end(processes: Iterable[psutil.Process]) -> None:
    """Ask them to end, and after a grace period make them."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _gone, alive = psutil.wait_procs(processes, timeout=GRACE)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=GRACE)


def _mine() -> Iterator[tuple[psutil.Process, dict[str, str], Path]]:
    me = psutil.Process()
    lineage = {me.pid, *(parent.pid for parent in me.parents())}
    for process in psutil.process_iter():
        # Other users' processes cannot be read and are none of our business.
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in lineage and process.uids().real == me.uids().real:
                yield process, process.environ(), Path(process.cwd())


def _belongs(env: dict[str, str], state: str, gateway: str) -> bool:
    return env.get(STATE) == state or env.get("DASK_GATEWAY_API_URL", "").startswith(gateway)
