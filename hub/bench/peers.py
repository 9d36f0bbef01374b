"""The hubs that are measured: how each is started, and where its parts are.

`stock` is JupyterHub and JupyterLab as they come; `lean` is the same hub with the seats that Werkbank starts: its
corrections to libraries and its choice of server extensions, but each started anew. What lies between `stock` and
`lean` is that choice; what lies between `lean` and `werkbank` is how the processes come to be.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil

from hub.bench import children
from hub.cgroups.groups import group_name
from hub.cgroups.limits import controller
from hub.errors import StartError
from hub.names import home_name
from hub.running import ports
from hub.runtime import ROOT
from hub.settings import load
from hub.spawners.zygotes import lab_arguments
from hub.state import StateDirectory

STOCK_CONFIG = Path(__file__).with_name("stock_config.py")
STOCK_GATEWAY_CONFIG = Path(__file__).with_name("stock_gateway_config.py")
ADDRESS, PASSWORD, PUBLIC_STATE = "WERKBANK_BENCH_ADDRESS", "WERKBANK_BENCH_PASSWORD", "WERKBANK_BENCH_STATE"
SEAT = "WERKBANK_BENCH_SEAT"
NODE_MODULE = "werkbank_zygote.node"

WITHOUT_CORRECTIONS = {"WERKBANK_SEAT_CORRECTIONS": "0"}
WITHOUT_EXTENSIONS = [
    f"--ServerApp.jpserver_extensions={extension}={enabled}"
    for extension, enabled in {
        "werkbank_kernels": False,
        "werkbank_lab": False,
        "werkbank_lessons": False,
        "jupyter_lsp": True,
        "notebook_shim": True,
    }.items()
]
"""What our packages change in the environment's server extensions, changed back."""

WITHOUT_OUR_LAB = {"disabledExtensions": {"werkbank-lab": True}}
"""What our package adds to JupyterLab in the browser, left out."""

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
        """The hub and everything that runs for it, seats too unless they are a zygote's children."""
        return [self.parts, *self.parts.children(recursive=True)]

    def warm(self) -> list[tuple[str, psutil.Process]]:
        """What is kept so that seats can be forked: node daemons and their zygotes, with their roles."""
        found: list[tuple[str, psutil.Process]] = []
        for daemon in self.parts.children():
            with contextlib.suppress(psutil.Error):
                if NODE_MODULE in daemon.cmdline():
                    found += [("node", daemon), *((_role(zygote), zygote) for zygote in daemon.children())]
        return found


def _role(zygote: psutil.Process) -> str:
    """The role that its title names: `werkbank-zygote kernel`."""
    words = " ".join(zygote.cmdline()).split()
    return words[1] if words[:1] == ["werkbank-zygote"] and len(words) > 1 else "zygote"


@contextmanager
def stock(folder: Path, *, gateway: bool) -> Iterator[Peer]:
    """JupyterHub with its own spawner for local processes and a configuration of what it cannot do without."""
    _require_switch()
    config = folder / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps(WITHOUT_OUR_LAB))
    variables = WITHOUT_CORRECTIONS | {"JUPYTER_CONFIG_PATH": str(config.parent)}
    with _stock("stock", folder, gateway, {"arguments": WITHOUT_EXTENSIONS, "variables": variables}) as peer:
        yield peer


@contextmanager
def lean(folder: Path, settings: Path, *, gateway: bool) -> Iterator[Peer]:
    """The same with seats that import what Werkbank's import, and are started as Werkbank's are without a zygote."""
    arguments = [argument for argument in lab_arguments(load(settings), "en") if argument != "--allow-root"]
    with _stock("lean", folder, gateway, {"arguments": arguments, "variables": {}}) as peer:
        yield peer


@contextmanager
def _stock(name: str, folder: Path, gateway: bool, seat: dict[str, Any]) -> Iterator[Peer]:
    state = StateDirectory.open(folder)
    address = f"http://127.0.0.1:{ports.choose('127.0.0.1', 0, state.ports())}"
    password = state.demo_password()
    # The hub itself is without corrections in both: they are for seats.
    environment = os.environ | WITHOUT_CORRECTIONS | {"PATH": _path(), ADDRESS: address, PASSWORD: password}
    environment |= {PUBLIC_STATE: str(state.path), SEAT: json.dumps(seat)}
    command = [sys.executable, "-m", "jupyterhub", "-f", str(STOCK_CONFIG)]
    log = state.logs / "hub.log"
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(children.child(command, environment, state.path, log, signal.SIGTERM))
        children.wait_until(lambda: _answers(f"{address}/hub/api/"), process, log, "Stock JupyterHub")
        if gateway:
            stack.enter_context(_stock_gateway(state, environment))
        hub = psutil.Process(process.pid)
        # Its spawner leaves the seats' output on the hub's own.
        yield Peer(name, address, password, state, hub, hub, log_of=lambda _user: log)


@contextmanager
def _stock_gateway(state: StateDirectory, environment: dict[str, str]) -> Iterator[None]:
    """Stock Dask Gateway beside it: JupyterHub has none of its own."""
    log = state.logs / "gateway.log"
    command = [sys.executable, "-m", "dask_gateway_server", "-f", str(STOCK_GATEWAY_CONFIG)]
    with children.child(command, environment, state.path, log, signal.SIGTERM) as process:
        health = f"http://127.0.0.1:{state.ports().gateway}/api/health"
        children.wait_until(lambda: _answers(health), process, log, "Stock Dask Gateway")
        yield


@contextmanager
def werkbank(folder: Path, settings: Path) -> Iterator[Peer]:
    """Werkbank as `up` starts it, once its zygotes are ready."""
    state = StateDirectory.open(folder)
    command = [sys.executable, "-m", "hub.cli", "up", "--settings", str(settings), "--state", str(state.path)]
    log = state.logs / "up.log"
    with children.child(command, os.environ, ROOT, log, signal.SIGINT) as process:
        run = children.wait_until(lambda: _ready(state), process, log, "Werkbank")
        children.wait_until(lambda: _is_warm(process), process, state.logs / "node.log", "Werkbank's warm processes")
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


def _require_switch() -> None:
    """Raises StartError where the corrections cannot be left out: what is called stock would not be."""
    code = "import sys; print([finder for finder in sys.meta_path if 'werkbank' in getattr(finder, '__module__', '')])"
    said = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | WITHOUT_CORRECTIONS, capture_output=True, text=True, check=False
    )
    if said.stdout != "[]\n":
        raise StartError(
            "The installed werkbank-seat cannot be switched off, so that stock would be measured with its corrections. "
            "`./werkbank` brings .venv up to date. Nothing was started."
        )


def _is_warm(process: subprocess.Popen[bytes]) -> bool | None:
    """True when every zygote there is to be can fork; None before.

    A daemon writes down the pid of each that can. One that has ended has none to wait for: where there is no such
    Python, seats start in the ordinary way, or cannot start and say why.
    """
    return all((folder / f"{role}.pid").exists() for folder, role in _posts(process)) or None


def _posts(process: subprocess.Popen[bytes]) -> Iterator[tuple[Path, str]]:
    """Folders and roles of the node daemons that live, as their command lines say."""
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.Error):
            words = child.cmdline()
            if NODE_MODULE in words:
                options = list(pairwise(words))
                folder = next(Path(value) for option, value in options if option == "--folder")
                yield from ((folder, value) for option, value in options if option == "--role")


def _ready(state: StateDirectory) -> dict[str, Any] | None:
    run = state.read_run()
    return run if run is not None and run["ready"] else None


def _answers(address: str) -> bool | None:
    try:
        return httpx.get(address, trust_env=False).is_success or None
    except httpx.HTTPError:
        return None


def _path() -> str:
    """With the environment's programs first: stock looks for the seat's program there."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
