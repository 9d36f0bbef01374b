"""The measurement: stock, lean and Werkbank in turn, part by part."""

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hub import __version__
from hub.bench import children, figures, peers, usage
from hub.bench.figures import Measured
from hub.bench.parts import browser, cluster, crowd, growth, kernels, memory, seats
from hub.bench.peers import Peer
from hub.bench.plan import Plan, Watcher
from hub.bench.seat import Seat
from hub.bench.settings import generated
from hub.bench.side import Side
from hub.settings import load

PACKAGES = ("jupyterhub", "jupyterlab", "jupyter_server", "ipykernel", "dask", "dask-gateway")
MEASURES = {
    "seats": seats.measure,
    "kernel": kernels.measure,
    "memory": memory.measure,
    "cluster": cluster.measure,
    "browser": browser.measure,
    "growth": growth.measure,
}
CLUSTER_WORKERS = 2
STOCK_GATEWAY = (
    "stock and lean are measured with stock dask-gateway-server beside the hub (UnsafeLocalBackend, "
    "SimpleAuthenticator), whose schedulers and workers are started anew and without corrections to libraries"
)
NOT_WARM = "no zygotes run (site.warm, or an environment without Python): its seats were started in the ordinary way"


def run(plan: Plan, watcher: Watcher) -> dict[str, Any]:
    """Start the hubs, measure, and end all that was started, also when this is interrupted.

    Raises SettingsError before anything is started and StartError when a hub does not start.
    What fails afterwards is told to `watcher` and counted.
    """
    load_average = os.getloadavg()
    left_out = _left_out(plan)
    plan = plan._replace(parts=[part for part in plan.parts if part not in left_out])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="werkbank-bench-")))
        settings = generated(plan.settings, folder / "werkbank.yaml", plan.users)
        stack.callback(peers.release_limits, folder / "werkbank", plan.users)
        stack.enter_context(children.none_left())
        hubs = _start(folder, settings, plan, watcher, stack)
        measured = [_unmeasured(peer, load_average) for peer in hubs]
        is_warm = bool(hubs[-1].warm())
        began, cpu = time.perf_counter(), time.process_time()
        crowded = asyncio.run(_measure(plan, watcher, list(zip(hubs, measured, strict=True))))
        client = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
        watcher.now("Stopping all")
    more: dict[str, Any] = {"crowd": crowded} if crowded else {}
    more |= {"client": figures.rounded(client), "cores": os.cpu_count(), "left_out": left_out}
    notes = {"cluster": STOCK_GATEWAY} if "cluster" in plan.parts else {}
    notes |= {} if is_warm else {"werkbank": NOT_WARM}
    more |= {"notes": notes} if notes else {}
    return figures.report(*measured) | more


def _left_out(plan: Plan) -> dict[str, str]:
    """Parts and figures that were asked for and cannot be had here, and why."""
    found: dict[str, str] = {}
    if {"kernel", "memory"} & set(plan.parts) and not find_spec("torch"):
        found["kernel_torch"] = "torch is not installed"
    if "browser" in plan.parts and (why := browser.why_not()):
        found["browser"] = why
    settings = load(plan.settings)
    if "cluster" in plan.parts and not settings.gateway.enabled:
        found["cluster"] = "the settings have no gateway"
    elif "cluster" in plan.parts and settings.profiles[0].dask.workers < CLUSTER_WORKERS:
        found["cluster"] = f"the first profile has less than {CLUSTER_WORKERS} Dask workers"
    return found


def _start(folder: Path, settings: Path, plan: Plan, watcher: Watcher, stack: ExitStack) -> list[Peer]:
    gateway = "cluster" in plan.parts
    watcher.now("Starting stock JupyterHub")
    stock = stack.enter_context(peers.stock(folder / "stock", gateway=gateway))
    watcher.now("Starting stock JupyterHub with lean seats")
    lean = stack.enter_context(peers.lean(folder / "lean", settings, gateway=gateway))
    watcher.now("Starting Werkbank, and waiting for its warm processes")
    return [stock, lean, stack.enter_context(peers.werkbank(folder / "werkbank", settings))]


def _unmeasured(peer: Peer, load_average: Sequence[float]) -> Measured:
    versions = {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    if peer.name == "werkbank":
        versions["werkbank"] = __version__
    return Measured(versions, load_average, usage.pss_mb(peer.family()))


async def _measure(plan: Plan, watcher: Watcher, hubs: Sequence[tuple[Peer, Measured]]) -> dict[str, Any] | None:
    """All parts; what the crowd came to, if there was to be one."""
    watcher.now("Signing in")
    async with AsyncExitStack() as stack:
        sides = [Side(peer, await _sign_in(peer, plan.users, stack), measured, watcher) for peer, measured in hubs]
        for side in sides:
            watcher.now(f"{side.peer.name}: a first start, not counted")
            await seats.one_round(side, 1)
            watcher.round_done()
        for part in plan.parts:
            await MEASURES[part](plan, sides)
        return await crowd.measure(plan, sides[-1]) if plan.crowd else None


async def _sign_in(peer: Peer, users: Sequence[str], stack: AsyncExitStack) -> list[Seat]:
    found = [await Seat.sign_in(peer.address, user, peer.password) for user in users]
    for seat in found:
        stack.push_async_callback(seat.http.aclose)
    return found
