"""`werkbank up`: start everything, say where it is, stop everything on Ctrl-C."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from hub.cgroups.devices import device_groups
from hub.cgroups.limits import controller
from hub.cli.options import DEFAULT_SETTINGS, DEFAULT_STATE, SettingsFile, State, runtime
from hub.containers import doubts as containers_doubts
from hub.errors import SettingsError, StartError
from hub.names import own_account
from hub.running import privileges, slurm_demo
from hub.running.supervisor import READY_TIMEOUT, Supervisor, Tell, resolve_port
from hub.runtime import Runtime
from hub.settings import DemoAuthentication, Settings
from hub.spawners.confinement import shortcomings
from hub.spawners.zygotes import node_folder
from hub.state import StateDirectory

DYING_GRACE = 20.0
SLURM_DEMO = "slurm-demo"

console = Console(stderr=True)


def up(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")] = None,
    simulate_gpus: Annotated[
        int | None, typer.Option(min=0, max=1024, metavar="N", help="Show N simulated GPUs.")
    ] = None,
    settings: SettingsFile = DEFAULT_SETTINGS,
    state: State = DEFAULT_STATE,
    site: Annotated[
        str | None,
        typer.Option(metavar="slurm-demo", help="Around a Slurm cluster of three nodes on this machine, to try it."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready.")] = False,
) -> None:
    """Start hub, proxy, service and Dask Gateway, and print where to sign in."""
    if site is not None:
        _slurm_demo(site, port, settings, simulate_gpus, state, detach=detach)
        return
    wanted = runtime(settings, state, port, simulate_gpus)
    _require_rights(wanted.settings)  # reading the settings is the first check; their problems end it here
    privileges.require_sight(wanted.settings)
    wanted.state.require_own()
    _wait_for_a_dying_run(wanted.state)
    if detach:
        _detached(wanted)
    else:
        _attached(wanted)


def _slurm_demo(
    site: str, port: int | None, settings: Path, simulate_gpus: int | None, state: Path, *, detach: bool
) -> None:
    """The same, around a cluster that begins and ends with it."""
    if site != SLURM_DEMO:
        raise typer.BadParameter(f'There is no site "{site}" to try; {SLURM_DEMO} is one.', param_hint="--site")
    if settings != DEFAULT_SETTINGS or simulate_gpus is not None:
        raise typer.BadParameter("It has settings of its own: leave out --settings and --simulate-gpus.")
    directory = StateDirectory.open(state)
    if detach:
        _detached(runtime(slurm_demo.SETTINGS, state, port), "--site", site)
        return
    console.print("Starting a Slurm cluster of three nodes …", highlight=False)
    if status := slurm_demo.run(directory, port or 0, ["--state", str(directory.path)]):
        raise typer.Exit(status)


def _require_rights(wanted: Settings) -> None:
    if wanted.site.seats_run_as == "system-accounts" and os.geteuid() != 0:
        raise SettingsError(
            "site.seats_run_as: `system-accounts` needs root. Start as root or choose `same-user`. Nothing was started."
        )
    layout, enforcement = device_groups()
    if wanted.leases.isolation == "enforced" and layout is None:
        raise SettingsError(
            f"leases.isolation: this machine cannot enforce it ({enforcement.reason}). "
            "Choose `advisory`, or give Werkbank the right to make control groups. Nothing was started."
        )


def _attached(wanted: Runtime) -> None:
    with wanted.state.held():
        settled, address = resolve_port(wanted)
        if settled.settings.site.kind == "slurm":
            settled.state.close()  # people have accounts on this machine, and none of them has business there
        settled.state.renew_demo_password()
        with _progress() as tell:
            supervisor = Supervisor(settled, address, tell)
            supervisor.run(when_ready=lambda: _announce(settled, address, tell))
        console.print("Werkbank is stopped.")


def _detached(wanted: Runtime, *site: str) -> None:
    with wanted.state.held():  # both checks speak here and not in the child's log
        resolve_port(wanted)
    arguments = [*(site or ("--settings", str(wanted.settings_file))), "--state", str(wanted.state.path)]
    for section, key, option in (("server", "port", "--port"), ("site", "simulate_gpus", "--simulate-gpus")):
        value = wanted.overrides.get(section, {}).get(key)
        arguments += [option, str(value)] if value is not None else []
    log_path = wanted.state.logs / "up.log"
    with log_path.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with console.status("Starting Werkbank"):
            run = _wait_for_child(child, wanted.state, log_path)
    except BaseException:  # Ctrl-C too: what we started does not go on behind our back
        child.terminate()
        raise
    _announce(
        Runtime(wanted.settings_file, wanted.state, run["overrides"]),
        run["address"],
        lambda _sentence: None,
        detached=True,
    )


def _wait_for_child(child: subprocess.Popen[bytes], state: StateDirectory, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_TIMEOUT + 10
    while time.monotonic() < deadline:
        run = state.read_run()
        if run is not None and run["ready"] and child.pid in (run["supervisor"], _around(state)):
            return run
        if child.poll() is not None:
            raise StartError(log.read_text(errors="replace").strip() or "Werkbank ended while starting.")
        time.sleep(0.1)
    raise StartError(f"Werkbank was not ready in time; see {log}.")


def _around(state: StateDirectory) -> int | None:
    """Who runs the demo's cluster that a workbench is in."""
    demo = slurm_demo.runs_in(state)
    return demo.pid if demo else None


def _wait_for_a_dying_run(state: StateDirectory) -> None:
    """An earlier `up` whose hub was killed is clearing up: give it the time, then start."""
    run = state.read_run()
    if run is None or not state.is_held() or _alive(run["hub"]):
        return
    deadline = time.monotonic() + DYING_GRACE
    while state.is_held() and time.monotonic() < deadline:
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


@contextlib.contextmanager
def _progress() -> Iterator[Tell]:
    """Tells what happens: on a terminal in one changing line, elsewhere a line each."""
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        status = stack.enter_context(console.status("")) if console.is_terminal else None

        def tell(sentence: str) -> None:
            if status is not None:
                status.update(f"{sentence} …" if sentence else "")
            elif sentence and sentence not in said[-1:]:
                console.print(f"{sentence} …", highlight=False)
            said.append(sentence)

        yield tell


def _announce(ready: Runtime, address: str, tell: Tell, *, detached: bool = False) -> None:
    tell("")
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]Open", f"[link={address}]{address}[/link]")
    sign_in = ready.settings.authentication
    if isinstance(sign_in, DemoAuthentication):
        table.add_row("[bold]Sign in as", ", ".join(sign_in.users))
        table.add_row("[bold]Password", ready.state.demo_password())
    table.add_row("[bold]Stop with", "./werkbank down" if detached else "Ctrl-C (ends seats and kernels too)")
    out = Console()
    out.print(Panel(table, title="Werkbank is ready", expand=False, border_style="green"))
    for warning in _warnings(ready):
        out.print(f"! {warning}", style="yellow", highlight=False)


def _warnings(ready: Runtime) -> Iterator[str]:
    site = ready.settings.site
    yield from privileges.shortcomings(ready.settings)
    yield from privileges.lacks(ready.settings)
    if site.kind == "slurm":
        return  # accounts, limits and confinement of jobs are the cluster's
    if site.kind == "containers":
        yield from containers_doubts.shortcomings(ready.settings)
        yield from _simulated(ready)
        return
    if site.seats_run_as == "same-user":
        user = own_account()
        yield (
            f"Every seat runs as {user}, the user who started Werkbank: whoever signs in can do what {user} can. "
            "For more people than yourself set site.seats_run_as to system-accounts."
        )
    if site.limits == "auto" and not controller()[1].enforced:
        yield f"CPU and memory limits of seats are not enforced here: {controller()[1].reason}."
    yield from shortcomings(ready.settings)
    yield from _cold(ready)
    yield from _simulated(ready)


def _simulated(ready: Runtime) -> Iterator[str]:
    if count := ready.settings.site.simulate_gpus:
        yield f"Simulated GPUs: {count}. They exist on paper only, and every page says so."


def _cold(ready: Runtime) -> Iterator[str]:
    """Environments whose warm processes are a service's that does not run."""
    settings = ready.settings
    if not settings.site.warm or settings.site.node != "service":
        return
    for name in sorted({profile.environment for profile in settings.profiles}):
        if not (node_folder(ready.state.path, settings, name) / "seat.pid").exists():
            yield f"Nothing is warm for {name}: werkbank-node@{name}.service does not run. Seats take seconds to start."
