"""`werkbank workshops`: write a class down in YAML, ask whether it fits, publish it, end it."""

import io
import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from hub.cli.fits import show_answer
from hub.cli.options import DEFAULT_STATE, State
from hub.declared import Declaration
from hub.errors import WerkbankError
from hub.running.broker_client import BrokerClient
from hub.state import StateDirectory
from hub.workshops.model import Workshop

app = typer.Typer(help="Workshops: a class as one object.", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WorkshopId = Annotated[str, typer.Argument(metavar="ID", help="The workshop's short name.")]


class BadWorkshop(WerkbankError):
    """The workshop cannot be used; nothing was changed."""


WORKSHOP = Declaration(
    Workshop,
    noun="the workshop",
    error=BadWorkshop,
    needs="`./werkbank workshops example` prints one to begin with.",
)

EXAMPLE = """\
id: first-steps
title: {en: First steps, nl: Eerste stappen}
starts: 2027-01-14 14:00     # as this machine's clock shows it
ends: 2027-01-14 17:00
place: Room 3.12             # left out, it is online
trainers: [trainer]
learners: [scientist]        # user names
seats: 6                     # learners, trainers and spare ones together
profile: small
# gpus: {gpu_class: h200, devices: enough}   # or a number
lessons: [S1, R2]
timetable: taster
retention: 30d               # how long afterwards its records are kept
"""


@app.callback()
def workshops(context: typer.Context, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List all workshops."""
    if context.invoked_subcommand is None:
        found = _client(state).get("/workshops")
        if as_json:
            typer.echo(json.dumps(found, indent=2))
        else:
            _list(found)


@app.command("example")
def example() -> None:
    """Print a workshop to begin with."""
    typer.echo(EXAMPLE, nl=False)


@app.command("put")
def put(file: Annotated[Path, typer.Argument(help="The workshop in YAML.")], state: State = DEFAULT_STATE) -> None:
    """Write a workshop down as a draft: a new one, or over the draft of the same name. Then say whether it fits."""
    declared = WORKSHOP.read(file)
    client = _client(state)
    before = {one["workshop"]["id"]: one["version"] for one in client.get("/workshops")}
    body = {"workshop": declared.model_dump(mode="json"), "version": before.get(declared.id, 0)}
    client.put(f"/workshops/{declared.id}", body)
    typer.echo(f"{declared.id} is written down as a draft.")
    show_answer(client.get(f"/workshops/{declared.id}/fits"), declared.seats)


@app.command("show")
def show(workshop: WorkshopId, state: State = DEFAULT_STATE) -> None:
    """Print a workshop in YAML, as `put` reads it: change its id and dates for the next time."""
    found = _client(state).get(_path(workshop))
    text = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump({key: value for key, value in found["workshop"].items() if value not in (None, "", [])}, text)
    typer.echo(f"# {found['state']}, version {found['version']}\n{text.getvalue()}", nl=False)


@app.command("fits")
def fits(workshop: WorkshopId, state: State = DEFAULT_STATE) -> None:
    """Would it fit, and what would if not? Exit 1 when it does not fit."""
    client = _client(state)
    seats = client.get(_path(workshop))["workshop"]["seats"]
    answer = client.get(f"{_path(workshop)}/fits")
    show_answer(answer, seats)
    raise typer.Exit(0 if answer["fits"] else 1)


@app.command("publish")
def publish(workshop: WorkshopId, state: State = DEFAULT_STATE) -> None:
    """Reserve what it needs. Refused where it does not fit."""
    _act(workshop, "publish", state)


@app.command("withdraw")
def withdraw(workshop: WorkshopId, state: State = DEFAULT_STATE) -> None:
    """Make it a draft again, which can be changed; nothing is kept for it any more."""
    _act(workshop, "withdraw", state)


@app.command("close")
def close(workshop: WorkshopId, state: State = DEFAULT_STATE) -> None:
    """End it, or call it off. One that is over is closed by itself."""
    _act(workshop, "close", state)


@app.command("remove")
def remove(workshop: WorkshopId, state: State = DEFAULT_STATE) -> None:
    """Forget a draft or a closed workshop; its log stays."""
    client = _client(state)
    client.delete(f"{_path(workshop)}?version={client.get(_path(workshop))['version']}")
    typer.echo(f"{workshop} is removed.")


@app.command("log")
def log(workshop: WorkshopId, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Who did what to it, oldest first."""
    events = _client(state).get(f"{_path(workshop)}/events")
    if as_json:
        typer.echo(json.dumps(events, indent=2))
        return
    table = Table("At (UTC)", "Who", "What", box=None, header_style="bold")
    for event in events:
        table.add_row(event["at"][:16].replace("T", " "), event["who"], event["what"])
    Console(highlight=False).print(table if events else f"Nothing is known of {workshop}.")


def _act(workshop: str, action: str, state: Path) -> None:
    done = _client(state).post(f"{_path(workshop)}/{action}", {})
    reserved = f"; {done['devices']} × {done['workshop']['gpus']['gpu_class']} are reserved" if done["devices"] else ""
    kept = f"; whole nodes are kept for it: {', '.join(done['nodes'])}" if done["nodes"] else ""
    typer.echo(f"{workshop} is {done['state']}{reserved + kept if done['state'] == 'published' else ''}.")


def _path(workshop: str) -> str:
    return f"/workshops/{quote(workshop, safe='')}"


def _client(state: Path) -> BrokerClient:
    return BrokerClient(StateDirectory.open(state), part="")


def _list(found: list[dict[str, Any]]) -> None:
    table = Table("Workshop", "State", "Starts", "Ends", "Seats", "GPUs", "Lessons", box=None, header_style="bold")
    for one in found:
        workshop = one["workshop"]
        gpus = f"{one['devices']} × {workshop['gpus']['gpu_class']}" if one["devices"] else "-"
        times = (workshop[key][:16] for key in ("starts", "ends"))
        row = (workshop["id"], one["state"], *times, str(workshop["seats"]), gpus, " ".join(workshop["lessons"]))
        table.add_row(*row)
    Console(highlight=False).print(table if found else "No workshops. `./werkbank workshops example` prints one.")
