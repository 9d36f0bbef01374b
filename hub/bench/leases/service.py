"""The web service as the hub starts it, on a database that was filled before; and the stand-in for the hub."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from ruamel.yaml import YAML

from hub.bench import children, usage
from hub.bench.leases import world
from hub.bench.leases.play import HELD_BEFORE, Play
from hub.bench.leases.world import Size
from hub.leases.identity import Tokens
from hub.leases.rules import rules_of
from hub.leases.state import State
from hub.leases.store import Store
from hub.runtime import ROOT, Runtime
from hub.settings import load
from hub.state import StateDirectory, free_ports

PREFIX = "/services/werkbank/"
SEED = 21


@dataclass(frozen=True)
class Workplace:
    """A state directory whose database has leases in it; nothing runs there yet."""

    runtime: Runtime
    size: Size

    @property
    def database(self) -> Path:
        return self.runtime.state.path / "leases.sqlite"

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.runtime.state.secret("leases"))


@dataclass(frozen=True)
class Service:
    """The running service."""

    api: str
    """Address of its API."""
    process: psutil.Process
    start_s: float
    """Seconds from its start until it answered."""
    hub: str
    """Address of the stand-in's API."""

    def memory_mb(self) -> float:
        """Resident memory now, in 10⁶ bytes."""
        return float(self.process.memory_info().rss) / 1e6

    def cpu_s(self) -> float:
        """CPU seconds that it has taken so far."""
        return usage.own_cpu_s(self.process)


def prepare(folder: Path, settings: Path, size: Size) -> tuple[Workplace, State]:
    """A workplace in `folder` in the middle of its day: devices held, `size.waiting` in line."""
    folder.mkdir()
    yaml = YAML(typ="safe")
    tree = world.settings(yaml.load(settings), size)
    with (folder / "werkbank.yaml").open("w") as file:
        yaml.dump(tree, file)
    runtime = Runtime(folder / "werkbank.yaml", StateDirectory.open(folder / "state"))
    place = Workplace(runtime, size)
    return place, _filled(place)


def _filled(place: Workplace) -> State:
    rules = rules_of(load(place.runtime.settings_file))
    play = Play(place.size, rules, SEED, start=time.time() - HELD_BEFORE)
    play.fill()
    store = Store(f"sqlite:///{place.database}")
    try:
        store.begin_term()
        store.save(play.actions)
    finally:
        store.close()
    return play.state


@contextmanager
def running(place: Workplace) -> Iterator[Service]:
    """The service on this workplace, inside the block."""
    port, hub_port = free_ports(2)
    logs = place.runtime.state.logs
    stand_in = [sys.executable, "-m", "hub.bench.leases.stand_in", str(hub_port)]
    hub = f"http://127.0.0.1:{hub_port}/hub/api"
    environment = os.environ | place.runtime.environment() | _from_hub(hub, port)
    with (
        children.child(stand_in, os.environ, ROOT, logs / "hub.log", signal.SIGTERM) as hub_process,
        children.child(
            [sys.executable, "-m", "hub.service"], environment, ROOT, logs / "up.log", signal.SIGTERM
        ) as own,
    ):
        began = time.monotonic()
        api = f"http://127.0.0.1:{port}{PREFIX}api/v1"
        children.wait_until(lambda: _status(f"{hub}/user", 403), hub_process, logs / "hub.log", "The stand-in")
        children.wait_until(lambda: _status(f"{api}/leases", 401), own, logs / "up.log", "The service")
        yield Service(api, psutil.Process(own.pid), time.monotonic() - began, hub)


def _from_hub(hub: str, port: int) -> dict[str, str]:
    """The variables that JupyterHub gives a service."""
    return {
        "JUPYTERHUB_CLIENT_ID": "service-werkbank",
        "JUPYTERHUB_API_TOKEN": "bench-service",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_NAME": "werkbank",
        "JUPYTERHUB_API_URL": hub,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
    }


def _status(url: str, expected: int) -> bool | None:
    try:
        return httpx.get(url, trust_env=False).status_code == expected or None
    except httpx.HTTPError:
        return None
