"""`werkbank warm`: a class finds its seats running."""

import json
import re
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from hub.cli.options import DEFAULT_STATE, State
from hub.errors import WerkbankError
from hub.pages.filters import span
from hub.seats.warming import Outcome, counts, read_roster, warm
from hub.settings import load
from hub.state import StateDirectory
from hub.web.hub_client import HubClient

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


class BadTime(WerkbankError):
    """That is no time of day; no seat was started."""


class NoSuchProfile(WerkbankError):
    """There is no such profile; no seat was started."""


class NotRunning(WerkbankError):
    """Werkbank does not run here: start it with `./werkbank up`. No seat was started."""


def warm_seats(
    users: Annotated[Path, typer.Option(help="A file with a user name on each line (or in the first column).")],
    profile: Annotated[str, typer.Option(help="The profile of the seats.")],
    at: Annotated[str, typer.Option(metavar="HH:MM", help="Begin then, today or tomorrow; left out, now.")] = "",
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Start the seats of a class ahead of time, within the machine's limits. Exit 1 when somebody's is not ready."""
    roster = read_roster(users)
    directory = StateDirectory.open(state)
    _require_profile(directory, profile)
    console = Console(stderr=True)
    if at:
        _wait_until(next_time(at, datetime.now().astimezone()), console)
    outcomes = _warm(HubClient(directory, timeout=180), roster, profile, console)
    if as_json:
        typer.echo(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    else:
        _show(outcomes)
    raise typer.Exit(0 if all(outcome.is_ready for outcome in outcomes) else 1)


def next_time(text: str, now: datetime) -> datetime:
    """The next moment at which a clock shows `text`. Raises BadTime."""
    found = _CLOCK.fullmatch(text.strip())
    hour, minute = map(int, found.groups()) if found else (99, 99)
    if hour > 23 or minute > 59:
        raise BadTime(f'--at: "{text[:20]}" is no time of day; give one like 13:55. No seat was started.')
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)


def _require_profile(directory: StateDirectory, profile: str) -> None:
    run = directory.read_run()
    if run is None or not directory.is_held():
        raise NotRunning
    known = [known.name for known in load(Path(run["settings"]), run["overrides"]).profiles]
    if profile not in known:
        raise NoSuchProfile(
            f'--profile: there is no "{profile[:40]}"; known here: {", ".join(known)}. No seat was started.'
        )


def _wait_until(moment: datetime, console: Console) -> None:
    with console.status("") as status:
        while (left := (moment - datetime.now().astimezone()).total_seconds()) > 0:
            status.update(f"Starting at {moment:%a %d %b %H:%M}, in {span(int(left), 'en')}. Ctrl-C ends this.")
            time.sleep(min(left, 1.0))


def _warm(hub: HubClient, roster: list[str], profile: str, console: Console) -> list[Outcome]:
    columns = (TextColumn("Starting seats"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(roster))
        return warm(hub, roster, profile, lambda _outcome: progress.advance(task))


def _show(outcomes: list[Outcome]) -> None:
    table = Table(box=None, header_style="bold")
    for title in ("user", "seat", "seconds", "why"):
        table.add_column(title, justify="right" if title == "seconds" else "left")
    for outcome in outcomes:
        colour = "green" if outcome.is_ready else "red"
        table.add_row(outcome.user, f"[{colour}]{outcome.state}[/]", f"{outcome.seconds:.2f}", outcome.why)
    console = Console()
    console.print(table)
    console.print(", ".join(f"{count} {state}" for state, count in counts(outcomes)) + ".")
