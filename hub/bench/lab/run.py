"""The measurement: the built files, then a Werkbank of its own and a Chromium that visits it."""

import asyncio
import os
import platform
import tempfile
from contextlib import AsyncExitStack, ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import psutil

from hub import __version__
from hub.bench import children, peers
from hub.bench.lab import bundle, figures, world
from hub.bench.lab.leases import Leases, token_of
from hub.bench.lab.measures import MEASURES, Ground
from hub.bench.lab.plan import Plan
from hub.bench.lab.visits import Visits
from hub.bench.parts.browser import chromium, in_short, why_not
from hub.bench.peers import Peer
from hub.bench.plan import Watcher
from hub.bench.seat import PROBLEMS, Seat
from hub.settings import load

PART_TIMEOUT = 1800.0
REQUEST_TIMEOUT = 30.0


def run(plan: Plan, watcher: Watcher) -> dict[str, Any]:
    """Measure; whatever was started is ended, also when this is interrupted.

    Raises SettingsError before anything is started, NotBuilt, and StartError when Werkbank does not start. What fails
    afterwards is told to `watcher`, and left out.
    """
    load(plan.settings)
    machine = _machine()
    found = {"bundle_kb": figures.bundle(bundle.sizes(bundle.built()))}
    why = why_not()
    if why is None:
        found |= _in_the_browser(plan, watcher, machine)
    report = {"machine": machine, "plan": plan._asdict() | {"settings": plan.settings.name}, **found}
    return report | {"missed": figures.missed(report), "left_out": dict.fromkeys(MEASURES, why) if why else {}}


def _machine() -> dict[str, Any]:
    packages = {package: version(package) for package in ("jupyterlab", "jupyterhub")}
    versions = {"python": platform.python_version(), "werkbank": __version__} | packages
    return {"cores": psutil.cpu_count(), "load_average": list(os.getloadavg()), "versions": versions}


def _in_the_browser(plan: Plan, watcher: Watcher, machine: dict[str, Any]) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="werkbank-bench-")))
        settings = world.write_settings(plan.settings, folder / "werkbank.yaml", plan.leases)
        stack.callback(peers.release_limits, folder / "werkbank", list(world.USERS.values()))
        stack.enter_context(children.none_left())
        watcher.now("Starting Werkbank, and waiting for its warm processes")
        peer = stack.enter_context(peers.werkbank(folder / "werkbank", settings))
        world.disable_plugins(peer)
        found = asyncio.run(_measure(plan, watcher, peer, machine))
        watcher.now("Stopping all")
    return found


async def _measure(plan: Plan, watcher: Watcher, peer: Peer, machine: dict[str, Any]) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        watcher.now("Starting seats")
        seats = {variant: await _running(peer, user, stack) for variant, user in world.USERS.items()}
        headers = {"Authorization": f"token {await token_of(seats['whole'])}"}
        client = httpx.AsyncClient(base_url=peer.address, headers=headers, timeout=REQUEST_TIMEOUT, trust_env=False)
        leases = Leases(await stack.enter_async_context(client))
        browser = await stack.enter_async_context(chromium())
        machine["versions"]["chromium"] = browser.version
        ground = Ground(plan, await Visits.sign_in(peer, browser), leases, watcher)
        watcher.now(f"Getting {plan.leases} leases")
        await stack.enter_async_context(leases.kept_alive())
        for _lease in range(plan.leases):
            await leases.ask()
        await leases.settled(plan.leases)
        return {name: part for name in MEASURES if (part := await _attempt(ground, name)) is not None}


async def _running(peer: Peer, user: str, stack: AsyncExitStack) -> Seat:
    seat = await Seat.sign_in(peer.address, user, peer.password)
    stack.push_async_callback(seat.http.aclose)
    stack.push_async_callback(seat.stop)
    await seat.start()
    return seat


async def _attempt(ground: Ground, name: str) -> dict[str, Any] | None:
    """A figure; None when it could not be measured, which is told."""
    from playwright.async_api import Error

    try:
        async with asyncio.timeout(PART_TIMEOUT):
            return await MEASURES[name](ground)
    except Error as error:
        problem = in_short(error.message)
    except PROBLEMS as error:
        problem = str(error) or type(error).__name__
    log = ground.visits.peer.log_of(world.USERS["whole"])
    ground.watcher.failed(f"{name} was not measured: {problem}", children.tail(log))
    return None
