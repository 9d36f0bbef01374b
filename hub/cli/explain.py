"""`werkbank explain`: why may somebody (not) have something, and what would a quota have held back?"""

import json
import time
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.cli.leases import AsJson, show_line
from hub.cli.options import DEFAULT_STATE, State
from hub.pages.filters import hours, span
from hub.running.broker_client import BrokerClient
from hub.state import StateDirectory

app = typer.Typer(help="Why may somebody (not) have something, and what would change it?", no_args_is_help=True)

BAR = 20
"""Characters of the longest bar."""


@app.command("user")
def user(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who.")],
    profile: Annotated[str, typer.Option(metavar="PROFILE", help="May they start a seat with it now?")] = "",
    gpu: Annotated[str, typer.Option(metavar="CLASS", help="Could a kernel of theirs get such a GPU now?")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """May somebody start a profile, or get a GPU, now; why not, and what would change it?"""
    if bool(profile) == bool(gpu):
        raise typer.BadParameter("give --profile or --gpu, one of both.")
    told = _ask(state, "user", {"name": name, "profile": profile, "gpu": gpu})
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _show_answer(told)


@app.command("quota")
def quota(
    programme: Annotated[str, typer.Argument(metavar="PROGRAMME", help="Its short name.")],
    gpu_hours: Annotated[float | None, typer.Option(metavar="HOURS", min=0, help="GPU-hours per week.")] = None,
    gpus: Annotated[int | None, typer.Option(metavar="N", min=0, help="GPUs at once.")] = None,
    month: Annotated[str, typer.Option(metavar="PERIOD", help="2026-11, 2026-Q4 or 2026; left out, last month.")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """What would this quota have held back last month: whose, how many hours, week by week?"""
    asked = {"programme": programme, "gpu_hours": gpu_hours, "gpus": gpus, "period": month}
    told = _ask(state, "quota", asked)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _show_quota(told)


def _ask(state: State, what: str, asked: dict[str, Any]) -> dict[str, Any]:
    query = urlencode({name: value for name, value in asked.items() if value not in (None, "")})
    told: dict[str, Any] = BrokerClient(StateDirectory.open(state)).get(f"/explain/{what}?{query}")
    return told


def _show_answer(told: dict[str, Any]) -> None:
    console, table = Console(), Table.grid(padding=(0, 2))
    console.print(f"[bold]{escape(told['sentence'])}")
    for fact in told["facts"]:
        table.add_row(escape(fact["label"]), escape(fact["text"]))
    console.print(table)
    for row in told["devices"]:
        since = span(int(time.time() - row["since"]))
        console.print(f"  no. {row['number']}: {escape(row['user'] or '-')}, {row['state']} for {since}. {row['why']}")
    show_line(console, told["line"], told["asked"])
    if told["changes"]:
        console.print("[bold]What would change it")
        for change in told["changes"]:
            console.print(f"  - {escape(change)}")


def _show_quota(told: dict[str, Any]) -> None:
    console = Console()
    console.print(
        f"[bold]{told['period']}: of {told['requests']} requests of {escape(told['programme'])}, "
        f"{told['held_back']} would have been held back ({hours(told['hours_held_back'])} of "
        f"{hours(told['hours'])} GPU-hours), {told['not_served']} of them beyond the end."
    )
    _show_weeks(console, told["weeks"])
    if told["held_back"]:
        table = Table("Person", title="Whose", title_justify="left")
        for column in ("Requests", "Held back", "Not served", "GPU-hours", "Longest delay"):
            table.add_column(column, justify="right")
        for one in told["people"]:
            counts = (str(one[name]) for name in ("requests", "held_back", "not_served"))
            table.add_row(escape(one["user"]), *counts, hours(one["hours"]), span(int(one["longest"])))
        console.print(table)
    for sentence in told["assumptions"]:
        console.print(f"  - {escape(sentence)}", style="dim")


def _show_weeks(console: Console, weeks: list[dict[str, Any]]) -> None:
    most = max((max(week["as_it_was"], week["under_quota"]) for week in weeks), default=0) or 1
    table = Table("Week from", "", title="GPU-hours by week", title_justify="left")
    for column in ("As it was", "Under the quota", "Held back"):
        table.add_column(column, justify="right")
    for week in weeks:
        was, under = (round(BAR * week[name] / most) for name in ("as_it_was", "under_quota"))
        day = time.strftime("%Y-%m-%d", time.gmtime(week["start"]))
        numbers = (hours(week["as_it_was"]), hours(week["under_quota"]), str(week["held_back"]))
        table.add_row(day, f"{'█' * was}\n{'▒' * under}", *numbers)
    console.print(table)
