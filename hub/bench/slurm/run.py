"""The measurement: a cluster of its own with both hubs on its head, measured in turn."""

import asyncio
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from hub import __version__
from hub.bench import children
from hub.bench.plan import Watcher
from hub.bench.seat import PROBLEMS
from hub.bench.slurm import deaths, environment, figures, hubs, looks, starts
from hub.bench.slurm.hubs import Hub
from hub.bench.slurm.machines import WAYS, furnish
from hub.bench.slurm.plan import Plan
from hub.bench.slurm.side import Ground, signed_in
from hub.errors import StartError
from hub.slurm.demo import relay
from hub.slurm.demo.cluster import Cluster, cluster, why_not
from hub.slurm.demo.configuration import Shape
from hub.slurm.demo.machines import missing_programs, remove_folder

ACCOUNT = "bench"
MEASURES = {
    "seat_s": starts.measure_seats,
    "cluster_s": starts.measure_clusters,
    "kernel_s": starts.measure_kernels,
    "squeue_per_5s": looks.measure,
    "death_s": deaths.measure,
}
"""How each of GOALS is measured."""


def run(plan: Plan, watcher: Watcher) -> dict[str, Any]:
    """The report; whatever was started is ended, also when this is interrupted.

    Raises StartError where no cluster can be made, and where something does not start. What fails afterwards is told to
    `watcher` and counted.
    """
    require_cluster()
    machine = {"cores": psutil.cpu_count(), "load_average": list(os.getloadavg())}
    shape = Shape()
    with children.none_left(), _folder() as folder, ExitStack() as stack:
        python = {"stock": folder / "stock-environment" / "bin" / "python", "werkbank": Path(sys.executable)}
        watcher.now("Installing stock in an environment of its own")
        environment.make_environment(python["stock"].parents[1])
        watcher.now(f"Starting a Slurm cluster of {shape.nodes} nodes")
        made = stack.enter_context(_cluster(folder, shape))
        watcher.now("Starting stock JupyterHub with Dask Gateway, and Werkbank")
        both = _hubs(made, folder, python["stock"].parents[1], stack)
        ground = Ground(plan, watcher, made, folder, python, [])
        asyncio.run(_measure(ground, both))
        versions = {"python": platform.python_version(), "werkbank": __version__}
        versions |= environment.versions(made, python["stock"])
        watcher.now("Stopping all")
    samples = {side.hub.name: side.samples for side in ground.sides}
    failures = {side.hub.name: side.failures for side in ground.sides}
    found = {figure: figures.judged(figure, samples, failures) for figure in plan.figures}
    return {
        "machine": machine | {"nodes": shape.nodes, "node_timeout_s": shape.node_timeout},
        "versions": versions,
        "plan": plan._asdict() | {"figures": list(plan.figures)},
        **found,
        "missed": figures.missed(found),
        "notes": list(hubs.NOTES),
    }


def require_cluster() -> None:
    """Raises StartError where no cluster can be made on which stock would run."""
    reason = why_not()
    if not reason and missing_programs(["sudo"]):
        reason = "sudo is not installed, by which stock gives jobs (apt-get install sudo)"
    if reason:
        raise StartError(f"No Slurm cluster can be made here: {reason}. Nothing was started.")


@contextmanager
def _folder() -> Iterator[Path]:
    """One that all accounts of the cluster get to, as they must."""
    folder = Path(tempfile.mkdtemp(prefix="werkbank-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        remove_folder(folder)


@contextmanager
def _cluster(folder: Path, shape: Shape) -> Iterator[Cluster]:
    place = Path(tempfile.mkdtemp(prefix="slurm-", dir=folder))  # control groups are named for it
    place.chmod(0o755)
    with cluster(place, list(hubs.USERS.values()), shape, WAYS) as made:
        furnish(made, folder)
        made.run("sacctmgr", "--immediate", "add", "account", ACCOUNT)
        made.run("sacctmgr", "--immediate", "add", "user", ",".join(hubs.USERS.values()), f"account={ACCOUNT}")
        yield made


def _hubs(made: Cluster, folder: Path, stock: Path, stack: ExitStack) -> list[Hub]:
    """Both, each reached by a port of this machine that leads to the same one of the head."""
    listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _side in hubs.USERS]
    passes_on = relay.begin(made.head, listeners)
    stack.callback(passes_on.wait, 10)
    assert passes_on.stdin is not None
    stack.callback(passes_on.stdin.close)
    theirs, ours = (one.getsockname()[1] for one in listeners)
    return [hubs.stock(made, folder, stock, theirs), hubs.werkbank(made, folder, ours)]


async def _measure(ground: Ground, both: list[Hub]) -> None:
    for hub in both:
        ground.sides.append(await signed_in(hub))
    try:
        await starts.warm_up(ground)
        for figure in ground.plan.figures:
            await _attempt(ground, figure)
    finally:
        for side in ground.sides:
            await side.seat.http.aclose()


async def _attempt(ground: Ground, figure: str) -> None:
    """Measure one; when that goes wrong altogether, others may still be had."""
    try:
        await MEASURES[figure](ground)
    except PROBLEMS as problem:
        for side in ground.sides:
            ground.failed(figure, side, str(problem) or type(problem).__name__)
