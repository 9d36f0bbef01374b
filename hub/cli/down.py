"""`werkbank down`: stop a workbench that runs elsewhere (another terminal, `--detach`)."""

import os
import signal
from typing import Annotated

import psutil
import typer

from hub.cli.options import DEFAULT_STATE, State
from hub.errors import StateError
from hub.running import processes, slurm_demo
from hub.state import StateDirectory

TIMEOUT = 90.0


def down(
    state: State = DEFAULT_STATE,
    seats: Annotated[bool, typer.Option("--seats", help="End running seats and their kernels too.")] = False,
) -> None:
    """Stop hub, proxy, service and gateway. Running seats and their kernels stay for the next `up`."""
    directory = StateDirectory.open(state)
    how = signal.SIGINT if seats else signal.SIGTERM
    slurm_demo.clear_away(directory)
    if (demo := slurm_demo.runs_in(directory)) is not None:
        _end(demo.pid, how, directory)
        typer.echo("Werkbank is stopped, and its Slurm cluster with all that ran there.")
        return
    run = directory.read_run()
    if run is None or not directory.is_held():
        processes.end(processes.of_workbench(directory))
        directory.clear_run()
        typer.echo("Werkbank does not run here; nothing to stop.")
        return
    _end(run["supervisor"], how, directory)
    kept = "" if seats else " Running seats stay and the next `up` finds them; `down --seats` ends them too."
    typer.echo(f"Werkbank is stopped.{kept}")


def _end(pid: int, how: signal.Signals, directory: StateDirectory) -> None:
    os.kill(pid, how)
    try:
        psutil.Process(pid).wait(TIMEOUT)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        raise StateError(f"Werkbank did not stop within {TIMEOUT:g} s; its log is in {directory.logs}.") from None
