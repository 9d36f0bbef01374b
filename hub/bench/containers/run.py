"""The measurement: a seat at each of three hubs in turn, from the request to its answer through the proxy."""

import asyncio
import contextlib
import json
import os
import platform
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import psutil
from ruamel.yaml import YAML

from hub.bench import children, peers
from hub.bench.figures import summary
from hub.bench.peers import ADDRESS, PASSWORD, PUBLIC_STATE, SEAT, WITHOUT_CORRECTIONS, WITHOUT_EXTENSIONS, Peer
from hub.bench.plan import Watcher
from hub.bench.seat import Seat, StartFailed
from hub.bench.settings import generated
from hub.containers.engine import Engine, EngineError
from hub.containers.names import LABEL, volume_name, workbench_id
from hub.errors import StartError
from hub.running import ports
from hub.settings import load
from hub.state import StateDirectory

STOCK_CONFIG = Path(__file__).with_name("stock_config.py")
USER = "bench"
SIDES = ("dockerspawner", "containers", "forked")


@dataclass(frozen=True)
class Plan:
    """What is measured, and with what."""

    settings: Path
    socket: Path
    image: str
    network: str
    """Of Werkbank's seats: `outside` or `none`."""
    runs: int

    @property
    def rounds(self) -> int:
        """Starts altogether: the first at each hub is not counted."""
        return (self.runs + 1) * len(SIDES)


def run(plan: Plan, watcher: Watcher) -> dict[str, Any]:
    """Start the hubs, measure, and end all that was started. Raises StartError, SettingsError."""
    with tempfile.TemporaryDirectory(prefix="werkbank-bench-") as place, children.none_left(), ExitStack() as stack:
        folder = Path(place)
        profile = load(plan.settings).profiles[0]
        watcher.now("Starting stock JupyterHub with DockerSpawner")
        limits = {"memory": int(profile.memory), "cpu": profile.cpu}
        hubs = {"dockerspawner": stack.enter_context(_stock(folder / "stock", plan, limits))}
        watcher.now("Starting Werkbank with seats as containers")
        docked = _docked(generated(plan.settings, folder / "docked.yaml", [USER]), plan)
        hubs["containers"] = stack.enter_context(_werkbank(folder / "docked", docked, plan))
        watcher.now("Starting Werkbank, and waiting for its warm processes")
        local = generated(plan.settings, folder / "local.yaml", [USER])
        hubs["forked"] = stack.enter_context(peers.werkbank(folder / "local", local))
        seconds = asyncio.run(_measure(plan, watcher, hubs))
        watcher.now("Stopping all")
    return {
        "unit": "seconds from the request for a seat to its answer through the proxy",
        **{side: summary(values) for side, values in seconds.items()},
        "runs": plan.runs,
        "image": plan.image,
        "network": plan.network,
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in ("jupyterhub", "dockerspawner", "docker")},
    }


async def _measure(plan: Plan, watcher: Watcher, hubs: dict[str, Peer]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {side: [] for side in hubs}
    async with AsyncExitStack() as stack:
        seats = {side: await Seat.sign_in(peer.address, USER, peer.password) for side, peer in hubs.items()}
        for seat in seats.values():
            stack.push_async_callback(seat.http.aclose)
        for number in range(plan.runs + 1):
            for side, seat in seats.items():
                watcher.now(f"{side}: {f'start {number}' if number else 'a first start, not counted'}")
                try:
                    answered = await seat.start()
                    seconds[side] += [answered.first_200_s] if number else []
                except StartFailed as error:
                    watcher.failed(str(error), children.tail(hubs[side].log_of(USER)))
                finally:
                    await seat.stop()
                watcher.round_done()
    return seconds


def _docked(settings: Path, plan: Plan) -> Path:
    """The settings in this file, with seats as containers."""
    yaml = YAML(typ="safe")
    tree = yaml.load(settings)
    tree["site"] |= {
        "kind": "containers",
        "containers": {"socket": str(plan.socket), "image": plan.image, "network": plan.network},
    }
    tree["gateway"] = {"enabled": False}
    with settings.open("w") as file:
        yaml.dump(tree, file)
    return settings


@contextmanager
def _werkbank(folder: Path, settings: Path, plan: Plan) -> Iterator[Peer]:
    """As `up` starts it; what it leaves at the engine is taken away."""
    state = StateDirectory.open(folder).path
    try:
        with peers.werkbank(folder, settings) as peer:
            yield peer
    finally:
        engine = Engine(str(plan.socket))
        _clear_away(engine, f"{LABEL}={workbench_id(state)}")
        with contextlib.suppress(EngineError):
            engine.ask("remove_volume", volume_name(state, USER))


@contextmanager
def _stock(folder: Path, plan: Plan, limits: dict[str, Any]) -> Iterator[Peer]:
    state = StateDirectory.open(folder)
    address = f"http://127.0.0.1:{ports.choose('127.0.0.1', 0, state.ports())}"
    engine, number = Engine(str(plan.socket)), workbench_id(state.path)
    name = f"werkbank-bench-{number}"
    engine.ask("create_network", name, driver="bridge", labels={"werkbank-bench": number})
    seat = {
        "socket": str(plan.socket),
        "image": plan.image,
        "prefix": name,
        "network": name,
        "hub": _own_address(),
        "arguments": WITHOUT_EXTENSIONS,
        "variables": WITHOUT_CORRECTIONS,
        **limits,
    }
    environment = os.environ | WITHOUT_CORRECTIONS | {ADDRESS: address, PASSWORD: state.demo_password()}
    environment |= {PUBLIC_STATE: str(state.path), SEAT: json.dumps(seat)}
    command = [sys.executable, "-m", "jupyterhub", "-f", str(STOCK_CONFIG)]
    log = state.logs / "hub.log"
    try:
        with children.child(command, environment, state.path, log, signal.SIGTERM) as process:
            children.wait_until(lambda: _answers(f"{address}/hub/api/"), process, log, "Stock JupyterHub")
            hub = psutil.Process(process.pid)
            yield Peer("dockerspawner", address, state.demo_password(), state, hub, hub, log_of=lambda _user: log)
    finally:
        _clear_away(engine, f"werkbank-bench={number}")


def _clear_away(engine: Engine, label: str) -> None:
    """Networks with this label; containers have ended with their hubs."""
    with contextlib.suppress(EngineError):
        for network in engine.ask("networks", filters={"label": [label]}):
            engine.ask("remove_network", network["Id"])


def _own_address() -> str:
    """By which containers reach this machine. Raises StartError where it has none but loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            raise StartError("This machine has no address by which stock's seats could reach their hub.") from None
        return str(probe.getsockname()[0])


def _answers(address: str) -> bool | None:
    try:
        return httpx.get(address, trust_env=False).is_success or None
    except httpx.HTTPError:
        return None
