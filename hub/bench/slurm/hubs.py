"""The two hubs on the head of the cluster, and how each is begun. They end with the head."""

import json
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from ruamel.yaml import YAML

from hub.bench import children
from hub.errors import StartError
from hub.running.slurm_demo import SETTINGS
from hub.runtime import proxy_command
from hub.settings import load
from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.configuration import HEAD_ADDRESS
from hub.slurm.demo.machines import PLAIN, Process, until
from hub.state import StateDirectory

USERS = {"stock": "bench-stock", "werkbank": "bench-werkbank"}
"""Whose seats are measured, by side. The homes of both are new."""
GIVEN = "WERKBANK_BENCH_STOCK"
"""The variable in which stock's two configurations find what they are given."""
HUB_PORT, GATEWAY_PORT = 8081, 8787
"""Stock JupyterHub's own, and one of the head's that nothing else has."""
STOCK_PERIOD_S = 30.0
"""How often JupyterHub looks for each seat, where nothing else is configured."""
READY_S = 120.0
NOTES = (
    "stock has an environment of its own with all that Werkbank's seats have, in the same versions, but for Werkbank's "
    "own packages",
    "stock is given, besides names and addresses of this cluster: absolute paths of its programs; cores and memory of "
    "Werkbank's seats; for Dask, what its programs are called now (dask scheduler, dask worker); and --no-requeue, "
    "without which it would never see that a node died",
    "all else of stock is as it comes: seats are looked for every 30 s (Werkbank's every 5 s), jobs run below srun, "
    "what asks Slurm becomes the user by sudo",
    "stock has no kernels that are jobs: who wants a GPU there starts a whole server with one, for as long as it runs",
    "simulated seats are spawners that JupyterHub's own timer polls, each with a job that waits in Slurm's line; every "
    "squeue is counted by Slurm itself (sdiag)",
)


@dataclass(frozen=True)
class Hub:
    """A running hub, as it is reached from here."""

    name: str
    address: str
    user: str
    password: str
    log: Path
    has_kernels: bool = False
    """Whether kernels with a GPU are jobs of their own there."""


def werkbank(made: Cluster, folder: Path, port: int) -> Hub:
    """Begin Werkbank as `up --site slurm-demo` does, with `poll_period` as it is anywhere. Raises StartError."""
    settings = _write_settings(folder / "werkbank.yaml")
    state = StateDirectory.open(folder / "werkbank")
    log = state.logs / "up.log"
    files = ("--settings", str(settings), "--state", str(state.path))
    process = _begin(made, folder, log, {}, sys.executable, "-m", "hub.cli", "up", *files, "--port", str(port))

    def is_ready() -> bool:
        run = state.read_run()
        return run is not None and bool(run["ready"])

    _until_ready(is_ready, process, log, "Werkbank")
    address = f"http://127.0.0.1:{port}"
    return Hub("werkbank", address, USERS["werkbank"], state.demo_password(), state.logs / "hub.log", has_kernels=True)


def stock(made: Cluster, folder: Path, environment: Path, port: int) -> Hub:
    """Begin stock JupyterHub and Dask Gateway, as installed in `environment`. Raises StartError."""
    profile = load(SETTINGS).profiles[0]
    password, programs = secrets.token_hex(16), environment / "bin"
    given = {
        "head": HEAD_ADDRESS,
        "port": port,
        "hub_port": HUB_PORT,
        "gateway_port": GATEWAY_PORT,
        "gateway_token": secrets.token_hex(16),
        "password": password,
        "programs": str(programs),
        "proxy": proxy_command(),
        "cores": int(profile.cpu),
        "memory_mib": int(profile.memory) >> 20,
    }
    variables = {GIVEN: json.dumps(given), "PATH": f"{programs}:{PLAIN['PATH']}"}
    own = folder / "stock"
    own.mkdir()
    here, python = Path(__file__).parent, str(programs / "python")
    log, address = own / "hub.log", f"http://127.0.0.1:{port}"
    # The gateway first: the hub waits for services that it knows. One log for both, as Werkbank has it.
    words = ("dask_gateway_server", "-f", f"{here}/stock_gateway_config.py")
    gateway = _begin(made, own, log, variables, python, "-m", *words)
    hub = _begin(made, own, log, variables, python, "-m", "jupyterhub", "-f", f"{here}/stock_hub_config.py")
    _until_ready(lambda: _answers(f"{address}/hub/api/"), hub, log, "Stock JupyterHub")
    health = f"{address}/services/dask-gateway/api/health"
    _until_ready(lambda: _answers(health), gateway, log, "Stock Dask Gateway")
    return Hub("stock", address, USERS["stock"], password, log)


def _write_settings(file: Path) -> Path:
    yaml = YAML(typ="safe")
    tree = yaml.load(SETTINGS)
    tree["authentication"]["users"] = {USERS["werkbank"]: []}
    # The demo looks more often, as somebody tries it alone.
    del tree["site"]["slurm"]["poll_period"]
    with file.open("w") as opened:
        yaml.dump(tree, opened)
    return file


def _begin(made: Cluster, folder: Path, log: Path, variables: dict[str, str], *command: str) -> Process:
    """Begin a program on the head, with `folder` as its own and as its home."""
    given = [f"{name}={value}" for name, value in ({"HOME": str(folder)} | variables).items()]
    return made.head.begin("env", f"--chdir={folder}", *given, *command, log=log)


def _until_ready(is_ready: Callable[[], bool], process: Process, log: Path, what: str) -> None:
    until(lambda: is_ready() or not process.is_alive, f"{what} is ready", READY_S)
    if not process.is_alive:
        raise StartError(f"{what} did not start. Its last words:\n{children.tail(log)}")


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).is_success
    except httpx.HTTPError:
        return False
