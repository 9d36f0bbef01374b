"""`werkbank down`: stop a workbench that runs elsewhere (another terminal, `--detach`)."""

import os
import signal
from typing import Annotated

import psutil
import typer

from hub.cli.options import DEFAULT_STATE, State
from hub.errors import StateError
from hub.running import processes
from hub.state import StateDirectory

TIMEOUT = 90.0


def down(
    state: State = DEFAULT_STATE,
    seats: Annotated[bool, typer.Option("--seats", help="End running seats and their kernels too.")] = False,
) -> None:
    """Stop hub, proxy, service and gateway. Running seats and their kernels stay for the next `up`."""
    directory = StateDirectory.open(state)
    run = directory.read_run()
    if run is None or not directory.is_held():
        processes.end(processes.of_workbench(directory))
        directory.clear_run()
        typer.echo("Werkbank does not run here; nothing to stop.")
        return
    os.kill(run["supervisor"], signal.SIGINT if seats else signal.SIGTERM)
    try:
        psutil.Process(run["supervisor"]).wait(TIMEOUT)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        raise StateError(f"Werkbank did not stop within {TIMEOUT:g} s; its log is in {directory.logs}.") from None
    kept = "" if seats else " Running seats stay and the next `up` finds them; `down --seats` ends them too."
    typer.echo(f"Werkbank is stopped.{kept}")
