"""`werkbank status`: what runs, where, and who can sign in."""

import json
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from hub.cli.options import DEFAULT_STATE, State
from hub.running import processes
from hub.settings import DemoAuthentication, load
from hub.state import StateDirectory
from hub.versions import versions
from hub.web.hub_client import HubClient, PublicClient


def status(
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show address, processes, demo users and versions. Exit 1 when nothing runs."""
    report = describe(StateDirectory.open(state))
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(report)
    raise typer.Exit(0 if report["running"] else 1)


def describe(state: StateDirectory) -> dict[str, Any]:
    """All that is known of the workbench in this state directory."""
    run = state.read_run()
    running = run is not None and run["ready"] and state.is_held()
    report: dict[str, Any] = {"running": running, "state": str(state.path), "versions": versions()}
    if run is None or not running:
        return report | {"address": None, "pids": {}, "demo_users": [], "password_file": None, "seats": []}
    settings = load(Path(run["settings"]), run["overrides"])
    demo = settings.authentication if isinstance(settings.authentication, DemoAuthentication) else None
    health = PublicClient(run["address"]).health()
    return report | {
        "address": run["address"],
        "pids": {"up": run["supervisor"], **processes.by_role(state)},
        "settings": run["settings"],
        "demo_users": list(demo.users) if demo else [],
        "password_file": str(state.password_file) if demo else None,
        "simulated_gpus": settings.site.simulate_gpus,
        "healthy": bool(health and health["ok"]),
        "seats": _seats(state),
    }


def _seats(state: StateDirectory) -> list[str] | None:
    """Running seats; None while the hub does not answer."""
    try:
        return [f"{seat.user}/{seat.server}" for seat in HubClient(state).seats()]
    except httpx.HTTPError:
        return None


def _show(report: dict[str, Any]) -> None:
    if not report["running"]:
        typer.echo(f"Werkbank does not run (state in {report['state']}). `./werkbank up` starts it.")
        return
    seats = report["seats"]
    table = Table.grid(padding=(0, 2))
    rows = {
        "Address": report["address"],
        "Health": "everything answers" if report["healthy"] else "something is missing: see /services/werkbank/health",
        "Demo users": ", ".join(report["demo_users"]) or "none",
        "Password": f"in {report['password_file']}" if report["password_file"] else "as your provider says",
        "Seats": "unknown: the hub does not answer" if seats is None else ", ".join(seats) or "none",
        "Processes": ", ".join(f"{name} {pid}" for name, pid in report["pids"].items()),
        "Versions": ", ".join(f"{name} {number}" for name, number in report["versions"].items()),
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}", str(value))
    Console().print(table)
