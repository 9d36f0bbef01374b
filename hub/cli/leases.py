"""`werkbank leases` and `werkbank drain`: who has which GPU, why does somebody wait, what is out of service."""

import json
import time
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.cli.options import DEFAULT_STATE, State
from hub.pages.filters import span
from hub.running.broker_client import BrokerClient
from hub.state import StateDirectory

app = typer.Typer(help="GPU leases: who has which GPU, and why does somebody wait?", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LeaseId = Annotated[str, typer.Argument(metavar="LEASE", help="The lease's id, or the beginning of it.")]


@app.callback()
def leases(context: typer.Context, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List all live leases and devices."""
    if context.invoked_subcommand is None:
        client = BrokerClient(StateDirectory.open(state))
        live, devices = client.get("/leases"), client.get("/devices")
        if as_json:
            typer.echo(json.dumps({"leases": live, "devices": devices}, indent=2))
        else:
            _show(live, devices)


@app.command("explain")
def explain(lease: LeaseId, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Why does it wait, who holds what it waits for, since when?"""
    client = BrokerClient(StateDirectory.open(state))
    told = client.get(f"/leases/{quote(_whole(client, lease), safe='')}")
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _explain(told)


@app.command("release")
def release(lease: LeaseId, state: State = DEFAULT_STATE) -> None:
    """End a lease. Its kernel runs on without a GPU and is told so."""
    client = BrokerClient(StateDirectory.open(state))
    ended = client.post(f"/leases/{quote(_whole(client, lease), safe='')}/release", {})
    typer.echo(f"{ended['id']} ({ended['user']}) is {ended['state']}.")


def drain(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The device's UUID, or the beginning of it.")],
    undo: Annotated[bool, typer.Option("--undo", help="Put it back into service.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """Take a device out of service: its present lease goes on, nobody gets it anew."""
    client = BrokerClient(StateDirectory.open(state))
    known = [row["uuid"] for row in client.get("/devices")]
    found = [uuid for uuid in known if uuid.startswith(device)]
    if len(found) != 1:
        kind = "is no device" if not found else f"fits {len(found)} devices"
        raise typer.BadParameter(f"{device!r} {kind}; there are: {', '.join(known) or 'none'}.")
    row = client.post(f"/devices/{quote(found[0], safe='')}/drain", {"draining": not undo})
    if undo:
        typer.echo(f"{row['uuid']} is in service again.")
    elif row["lease"]:
        typer.echo(f"{row['uuid']} is out of service once lease {row['lease']} ends. Undo with --undo.")
    else:
        typer.echo(f"{row['uuid']} is out of service. Undo with --undo.")


def _whole(client: BrokerClient, beginning: str) -> str:
    """The whole id of a live lease; an ended one has to be named whole."""
    found = [lease["id"] for lease in client.get("/leases") if lease["id"].startswith(beginning)]
    if len(found) > 1:
        raise typer.BadParameter(f"{beginning!r} is the beginning of {len(found)} leases; give more of it.")
    return found[0] if found else beginning


def _show(live: list[dict[str, Any]], devices: list[dict[str, Any]]) -> None:
    console = Console()
    table = Table("Device", "Class", "State", "Lease", title="Devices", title_justify="left")
    for row in devices:
        state = row["state"] + (", draining" if row["draining"] else "") + ("" if row["visible"] else ", not seen")
        table.add_row(row["uuid"], row["gpu_class"] + _simulated(row), state, (row["lease"] or "")[:8])
    console.print(table)
    table = Table("Lease", "User", "Class", "State", "Since", "Waits", "What", title="Leases", title_justify="left")
    for lease in live:
        state = lease["state"] + (" (busy)" if lease["busy"] else "")
        since = span(int(time.time() - lease["since"]))
        table.add_row(
            lease["id"][:8], lease["user"], lease["gpu_class"], state, since, _waits(lease), lease["holder"] or "-"
        )
    console.print(table if live else "No leases.")


def _simulated(row: dict[str, Any]) -> str:
    return " (simulated)" if row["simulated"] and "simulated" not in row["gpu_class"] else ""


def _waits(lease: dict[str, Any]) -> str:
    if lease["reason"] is None:
        return ""
    place = f"{lease['place']} of {lease['of']}" if lease["place"] else "held back"
    estimate = f", about {span(int(lease['estimate_s']))}" if lease["estimate_s"] is not None else ""
    return place + estimate


def _explain(told: dict[str, Any]) -> None:
    console, lease = Console(), told["lease"]
    table = Table.grid(padding=(0, 2))
    rows = {
        "Lease": lease["id"],
        "User": lease["user"],
        "What": lease["holder"] or "-",
        "State": lease["state"] + (f", {_waits(lease)}" if lease["reason"] else ""),
        "Why": told["why"] or (lease["ended"] or {"text": ""})["text"],
        "Devices": ", ".join(device["uuid"] for device in lease["devices"]),
        "Held": f"{span(int(lease['held_seconds']))}, {span(int(lease['busy_seconds']))} of it busy",
        "Not parkable": (lease["unparkable"] or {"text": ""})["text"],
    }
    for name, text in rows.items():
        if text:
            table.add_row(f"[bold]{name}", text)
    console.print(table)
    _show_devices(console, told["devices"])
    show_line(console, told["line"], lease["id"])
    if told["change"]:
        console.print(f"[bold]What would change it[/]  {escape(told['change'])}")
    for step in told["history"]:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(step["at"]))
        console.print(f"  {when}  {step['before'] or '-'} → {step['after']}  {step['why']}")


def _show_devices(console: Console, devices: list[dict[str, Any]]) -> None:
    for row in devices:
        since = span(int(time.time() - row["since"]))
        who = f"{row['user']} ({row['holder'] or row['lease'][:8]}), " if row["lease"] else ""
        console.print(f"  no. {row['number']}: {escape(who)}{row['state']}, since {since}. {escape(row['why'])}")


def show_line(console: Console, line: list[dict[str, Any]], asked: str = "") -> None:
    """The line in order, with the numbers behind it; the lease that was asked about is marked."""
    if not line:
        return
    table = Table("", "User", "Programme", "Since", "Goes first as", title="The line", title_justify="left")
    for column in ("Programme's use, h", "share", "use/share", "User's use, h"):
        table.add_column(column, justify="right")
    for row in line:
        mark = ">" if row["lease"] == asked else ""
        since = span(int(time.time() - row["since"])) + (", no longer overtaken" if row["aged"] else "")
        numbers = (f"{row[name]:g}" for name in ("programme_hours", "share", "weighed", "user_hours"))
        place = f"{row['place']}{mark}" if row["place"] else f"held back{mark}"
        table.add_row(place, escape(row["user"]), escape(row["programme"] or "-"), since, row["rank"], *numbers)
    console.print(table)
