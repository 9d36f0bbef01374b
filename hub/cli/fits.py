"""`werkbank fits`: would a class fit, and what would where it does not?"""

import json
import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.cli.options import DEFAULT_STATE, State
from hub.errors import WerkbankError
from hub.running.broker_client import BrokerClient
from hub.settings.types import duration
from hub.state import StateDirectory
from hub.workshops.capacity import MEMORY
from hub.workshops.window import NoSuchTime, read_moment

_GPUS = re.compile(r"([a-z0-9][a-z0-9-]{0,31})(?::([0-9]{1,6}))?")


TOO_LARGE = (
    "All nodes of the cluster together are too small for it: a kernel with a GPU takes as much of a node as a seat."
)


class BadQuestion(WerkbankError):
    """That cannot be asked."""


def fits(
    seats: Annotated[int, typer.Option(min=1, max=10_000, help="Seats, yours and spare ones included.")],
    gpu: Annotated[
        str, typer.Option(metavar="CLASS[:N]", help="GPUs for the class, such as h200:8; without N, one for 8 seats.")
    ] = "",
    at: Annotated[str, typer.Option(metavar="TIME", help='When, such as "2027-01-14 14:00"; left out, now.')] = "",
    lasts: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long, such as 90m or 2h.")] = "2h",
    profile: Annotated[
        str, typer.Option(help="The profile of the seats; left out, the first that may lease the GPUs.")
    ] = "",
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Would a class fit, beside running seats and reservations? If not, what would? Exit 1 when it does not fit."""
    question = _question(seats, gpu, at, lasts, profile)
    told = BrokerClient(StateDirectory.open(state), part="").get(f"/fits?{urlencode(question)}")
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        show_answer(told, seats)
    raise typer.Exit(0 if told["fits"] else 1)


def _question(seats: int, gpu: str, at: str, lasts: str, profile: str) -> dict[str, str]:
    asked = {"seats": str(seats), "profile": profile}
    try:
        asked["for"] = str(duration(lasts))
    except ValueError as problem:
        raise BadQuestion(f'--for: "{lasts[:20]}": {problem}.') from None
    if gpu:
        found = _GPUS.fullmatch(gpu)
        if found is None:
            raise BadQuestion(f'--gpu: "{gpu[:40]}" is no GPU class with a number; write it as h200:8.')
        asked |= {"gpu": found[1]} | ({"devices": found[2]} if found[2] else {})
    if at:
        try:
            asked["at"] = read_moment(at).isoformat()
        except NoSuchTime as problem:
            raise BadQuestion(f"--at: {problem}.") from None
    return asked


def show_answer(told: dict[str, Any], seats: int) -> None:
    """Print an answer of the API, for so many seats."""
    console = Console(highlight=False, soft_wrap=True)
    verdict = "[green]It fits.[/]" if told["fits"] else "[red]It does not fit.[/]"
    console.print(f"{verdict} {seats} seats of profile {told['profile']}, {_when(told)}.")
    table = Table("Needed", "Wanted", "Free", "Of", "Taken by", box=None, header_style="bold")
    for need in told["needs"]:
        figures = (_amount(need, need[key]) for key in ("wanted", "free", "total"))
        taken = "\n".join(
            f"{one['title'] or 'somebody else'} ({_amount(need, one['amount'])}, {_when(one)})" for one in need["taken"]
        )
        # A title is what somebody wrote, and no markup.
        table.add_row(f"{'✔' if need['fits'] else '✖'} {need['what']}", *figures, escape(taken) or "-")
    console.print(table)
    if told["placement"]:
        show_placement(console, told["placement"])
    if told["is_tight"]:
        memory = f"{told['machine_memory'] / 2**30:.0f} GiB"
        console.print(
            f"Mind: this machine has {memory}. Should every seat use all of its own at once, it is not enough."
        )
    for one in told["alternatives"]:
        console.print(f"Would fit: {_alternative(one)}")
    if not told["fits"] and not told["alternatives"]:
        console.print("Nothing near it fits: ask for less, or for another machine.")


def show_placement(console: Console, placement: dict[str, Any]) -> None:
    """Print which nodes it would have, and why not others."""
    if placement["nodes"]:
        names = ", ".join(placement["nodes"])
        console.print(f"Whole nodes would be kept for it, since Slurm reserves no single GPUs: {names}.")
    elif not placement["is_possible"]:
        console.print(TOO_LARGE)
    else:
        console.print("Too few nodes are free from its beginning until its end:")
        for one in placement["hindrances"]:
            console.print(f"  {escape(_hindrance(one))}")
    if placement["followed"]:
        console.print(f"From {_moment(placement['followed'])} some are another reservation's: jobs there end then.")


def _hindrance(one: dict[str, Any]) -> str:
    until = f" until {_moment(one['until'])}" if one["until"] else ""
    if one["reservation"]:
        return f"{one['node']} is kept for {one['reservation']}{until}."
    if one["jobs"]:
        jobs = f"jobs {', '.join(map(str, one['jobs']))}" if len(one["jobs"]) > 1 else f"job {one['jobs'][0]}"
        return f"{one['node']} may be held by {jobs}{until or ', which has no end'}."
    return f"{one['node']} takes no jobs now."


def _moment(told: str) -> str:
    return f"{datetime.fromisoformat(told).astimezone():%Y-%m-%d %H:%M}"


def _alternative(one: dict[str, Any]) -> str:
    return {
        "seats": f"{one['seats']} seat{'' if one['seats'] == 1 else 's'}.",
        "devices": f"{one['devices']} × {one['gpu_class']}.",
        "gpu_class": f"{one['devices']} × {one['gpu_class']} instead.",
        "start": f"another hour, {_when(one)}.",
    }[one["changed"]]


def _amount(need: dict[str, Any], amount: int) -> str:
    return f"{amount / 2**30:.1f} GiB" if need["what"] == MEMORY else str(amount)


def _when(span: dict[str, Any]) -> str:
    """From when to when, as this machine's clock shows it."""
    start, end = (datetime.fromisoformat(span[key]).astimezone() for key in ("start", "end"))
    same_day = start.date() == end.date()
    return f"{start:%Y-%m-%d %H:%M} to {end:%H:%M}" if same_day else f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
