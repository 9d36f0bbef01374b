"""`werkbank simulate`: how many GPUs do people need, and how long do they wait with fewer?"""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hub.errors import WerkbankError
from hub.leases.model import Rules
from hub.simulate.generator import DAYS, SESSIONS, generate
from hub.simulate.leases import Seats, leases
from hub.simulate.plot import draw, require_plotting
from hub.simulate.policies import Culled, PerServer
from hub.simulate.replay import PolicyMaker
from hub.simulate.report import CULLED, IN_PLACE, LEASES, PER_SERVER, Study, report
from hub.simulate.table import NAMES, tables
from hub.simulate.trace import Trace, read

MOST_SESSIONS, MOST_DAYS, LONGEST = 1_000, 60.0, 86_400.0
RULES, HANDOVER, MOST_WAIT, TICK = Rules(), 30.0, 60.0, 5.0


class BadOption(WerkbankError):
    """That cannot be simulated."""


def simulate(
    sessions: Annotated[int, typer.Option(help="Sessions in the synthetic trace.")] = SESSIONS,
    days: Annotated[float, typer.Option(help="Days that it lasts.")] = DAYS,
    seed: Annotated[int, typer.Option(help="The same seed, the same trace.")] = 0,
    trace: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Replay this trace instead.")] = None,
    handover: Annotated[float, typer.Option(help="Seconds to bring a GPU from one kernel to another.")] = HANDOVER,
    min_idle: Annotated[float, typer.Option(help="Seconds a kernel is idle before it may be parked.")] = RULES.min_idle,
    min_hold: Annotated[float, typer.Option(help="Seconds a kernel keeps a GPU at least.")] = RULES.min_hold,
    notice: Annotated[float, typer.Option(help="Seconds between notice and parking.")] = RULES.notice,
    patience: Annotated[
        float, typer.Option(help="Seconds somebody waits before a kernel idle for a minute makes room.")
    ] = RULES.patience,
    restart_after: Annotated[
        float | None, typer.Option(help="Seconds a parked kernel waits before its user restarts it, losing its state.")
    ] = None,
    ask_at_first_cell: Annotated[
        bool, typer.Option("--ask-at-first-cell", help="Kernels ask for a lease at their first GPU cell, not at start.")
    ] = False,
    most_wait: Annotated[float, typer.Option(help="Seconds that no cell may wait longer than.")] = MOST_WAIT,
    tick: Annotated[float, typer.Option(help="Seconds between two looks of the broker at the time.")] = TICK,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw waits against number of GPUs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay how people use notebooks under three ways to share GPUs; leases are decided by the broker's own rules."""
    _check("--sessions", sessions, 1, MOST_SESSIONS)
    _check("--days", days, 0.25, MOST_DAYS)
    _check("--seed", seed, 0, 2**63 - 1)
    for option, value in (("--handover", handover), ("--min-idle", min_idle), ("--min-hold", min_hold)):
        _check(option, value, 0, LONGEST)
    for option, value in (("--notice", notice), ("--most-wait", most_wait), ("--restart-after", restart_after or 0)):
        _check(option, value, 0, LONGEST)
    _check("--tick", tick, 0.5, 60)
    if plot is not None:
        require_plotting(plot)
    found = read(trace) if trace else generate(sessions, days, seed)
    rules = replace(RULES, min_idle=min_idle, min_hold=min_hold, notice=notice, patience=patience)
    seats = Seats(
        handover,
        tick,
        asks_at_start=not ask_at_first_cell,
        restarts_after=math.inf if restart_after is None else restart_after,
    )
    _study(found, rules, seats, most_wait, plot, as_json=as_json)


def _study(found: Trace, rules: Rules, seats: Seats, most_wait: float, plot: Path | None, *, as_json: bool) -> None:
    """Replay, and print what came of it."""
    gpus = max(session.gpus for session in found.sessions)
    policies: dict[str, PolicyMaker] = {
        PER_SERVER: PerServer,
        CULLED: Culled,
        IN_PLACE: leases(rules, seats, gpus),
        LEASES: leases(replace(rules, migration=True), seats, gpus),
    }
    with Console(stderr=True).status("Simulating …") as status:
        study = Study.of(found, policies, most_wait, lambda policy, n: status.update(f"{NAMES[policy]}: {n} GPUs …"))
        result = report(study)
        if plot is not None:
            draw(study, result, plot)
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    else:
        Console().print(tables(result))


def _check(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadOption(f"{option}: {value:.12g} is not a number from {low:g} to {high:g}. Nothing was simulated.")
