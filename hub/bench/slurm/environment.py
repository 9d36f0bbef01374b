"""What stock runs in: an environment of its own with all that Werkbank's seats have, but nothing of Werkbank's."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from hub.errors import StartError
from hub.runtime import ROOT
from hub.slurm.demo.cluster import Cluster

LOCK, SEAT = ROOT / "images" / "workbench.lock", ROOT / "images" / "lab" / "requirements.in"
BATCHSPAWNER = "batchspawner==1.3.0"
PACKAGES = ("jupyterhub", "jupyterlab", "ipykernel", "dask", "distributed", "dask-gateway", "dask-gateway-server")
INSTALL_S = 300.0
LAST_LINES = 5


def make_environment(folder: Path) -> None:
    """Install stock there, in the versions that Werkbank has of what both have. Raises StartError."""
    uv = Path(sys.prefix) / "bin" / "uv"
    if not uv.exists():
        raise StartError(f"Stock cannot be installed: {uv} is not there; `./werkbank` brings it. Nothing was started.")
    _run(uv, "venv", "--quiet", "--python", sys.executable, folder)
    # Compiled here: on the cluster nobody may write there, and each start would compile it anew.
    options = ("--quiet", "--python", folder / "bin" / "python", "--compile-bytecode", "--constraint", LOCK)
    _run(uv, "pip", "install", *options, "--requirements", SEAT, "dask-gateway-server", BATCHSPAWNER)
    os.sync()  # Slurm writes down what it does, and would wait behind all this


def versions(made: Cluster, python: Path) -> dict[str, str]:
    """Of what is compared; batchspawner's as installed in the environment of `python`."""
    code = "from importlib.metadata import version; print(version('batchspawner'))"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    slurm = made.run("squeue", "--version").split()[-1]
    return {**{name: version(name) for name in PACKAGES}, "batchspawner": said.stdout.strip(), "slurm": slurm}


def _run(*command: str | Path) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise StartError(f"Stock could not be installed within {INSTALL_S:g} s.") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise StartError(f"Stock could not be installed: {' '.join(lines[-LAST_LINES:])[:600]}")
