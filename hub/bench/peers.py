"""The two hubs that are measured: how each is started, and where its parts are."""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from hub.bench import children
from hub.cgroups.groups import group_name
from hub.cgroups.limits import controller
from hub.names import home_name
from hub.running import ports
from hub.runtime import ROOT
from hub.state import StateDirectory

STOCK_CONFIG = Path(__file__).with_name("stock_config.py")
ADDRESS, PASSWORD, PUBLIC_STATE = "WERKBANK_BENCH_ADDRESS", "WERKBANK_BENCH_PASSWORD", "WERKBANK_BENCH_STATE"

LogOf = Callable[[str], Path]


@dataclass(frozen=True)
class Peer:
    """A running hub."""

    name: str
    address: str
    password: str
    state: StateDirectory
    parts: psutil.Process
    """The process that all parts of it descend from."""
    hub: psutil.Process
    log_of: LogOf
    """Where the output of a user's seat goes."""

    def home(self, user: str) -> Path:
        return self.state.homes / home_name(user)

    def family(self) -> list[psutil.Process]:
        """The hub and everything that runs for it, seats too."""
        return [self.parts, *self.parts.children(recursive=True)]


@contextmanager
def stock(folder: Path) -> Iterator[Peer]:
    """JupyterHub with its own spawner for local processes and a configuration of what it cannot do without."""
    state = StateDirectory.open(folder)
    address = f"http://127.0.0.1:{ports.choose('127.0.0.1', 0)}"
    password = state.demo_password()
    environment = os.environ | {ADDRESS: address, PASSWORD: password, PUBLIC_STATE: str(state.path), "PATH": _path()}
    command = [sys.executable, "-m", "jupyterhub", "-f", str(STOCK_CONFIG)]
    log = state.logs / "hub.log"
    with children.child(command, environment, state.path, log, signal.SIGTERM) as process:
        children.wait_until(lambda: _answers(address), process, log, "Stock JupyterHub")
        hub = psutil.Process(process.pid)
        # Its spawner leaves the seats' output on the hub's own.
        yield Peer("stock", address, password, state, hub, hub, log_of=lambda _user: log)


@contextmanager
def werkbank(folder: Path, settings: Path) -> Iterator[Peer]:
    """Werkbank as `up` starts it."""
    state = StateDirectory.open(folder)
    command = [sys.executable, "-m", "hub.cli", "up", "--settings", str(settings), "--state", str(state.path)]
    log = state.logs / "up.log"
    with children.child(command, os.environ, ROOT, log, signal.SIGINT) as process:
        run = children.wait_until(lambda: _ready(state), process, log, "Werkbank")
        yield Peer(
            "werkbank",
            run["address"],
            state.demo_password(),
            state,
            psutil.Process(process.pid),
            psutil.Process(run["hub"]),
            log_of=lambda user: state.seat_log(user, ""),
        )


def release_limits(workbench: Path, users: Iterable[str]) -> None:
    """Remove the cgroups of seats whose hub was ended before it could."""
    layout, _enforcement = controller()
    if layout is None:
        return
    for user in users:
        layout.remove(group_name(workbench, user, ""))


def _ready(state: StateDirectory) -> dict[str, Any] | None:
    run = state.read_run()
    return run if run is not None and run["ready"] else None


def _answers(address: str) -> bool | None:
    try:
        return httpx.get(f"{address}/hub/api/", trust_env=False).is_success or None
    except httpx.HTTPError:
        return None


def _path() -> str:
    """With the environment's programs first: stock looks for the seat's program there."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
