"""`werkbank use`: who used what, as the admins' page tells it."""

import json
import sys
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.accounting.exports import as_csv
from hub.accounting.report import Line, UseReport
from hub.cli.options import DEFAULT_STATE, State
from hub.errors import WerkbankError
from hub.pages.filters import figures, hours, span, written
from hub.running.broker_client import BrokerClient
from hub.state import StateDirectory

MOST, SHOWN = 20_000, 40
"""Lines that are asked for, and that the table shows."""
TABLE_WIDTH = 130
GROUPINGS = "programme, user, workshop, gpu_class, profile, device, lesson, day or month"


class BadQuestion(WerkbankError):
    """That cannot be asked."""


def use(
    by: Annotated[str, typer.Option(metavar="WHAT", help=f"Told by {GROUPINGS}.")] = "programme",
    month: Annotated[str, typer.Option(metavar="PERIOD", help="2026-11, 2026-Q4 or 2026; left out, this month.")] = "",
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day, such as 2026-11-01.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day, included.")] = "",
    words: Annotated[str, typer.Option("--search", metavar="WORDS", help="Only lines with these words.")] = "",
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_table_file: Annotated[bool, typer.Option("--csv", help="Print CSV, with every line and column.")] = False,
) -> None:
    """Who used what: GPU-hours, waits, seats, jobs of the cluster, energy."""
    if as_json and as_table_file:
        raise BadQuestion("Ask for --json or for --csv, not for both.")
    asked = {"by": by, "period": month, "from": first, "to": last, "words": words, "limit": str(MOST)}
    query = urlencode({name: value for name, value in asked.items() if value})
    told: dict[str, Any] = BrokerClient(StateDirectory.open(state)).get(f"/use?{query}")
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    report = UseReport.model_validate(told)
    if as_table_file:
        sys.stdout.write(as_csv(report, report.lines))
    else:
        # In a file or a pipe there is room for all columns.
        Console(width=None if Console().is_terminal else TABLE_WIDTH).print(_table(report))


def _table(report: UseReport) -> Table:
    by = report.by.replace("_", " ")
    shown = Table(title=f"Use by {by}, {report.first} to {report.last} (UTC)", title_justify="left")
    shown.add_column(by.capitalize(), overflow="fold")
    columns = ["GPU-hours held", "busy", "Leases", "Wait, mean", "GPU energy, kWh", "CO2e, kg", "Seat-hours"]
    if report.jobs is not None:
        columns += ["Jobs", "Core-hours", "Their energy, kWh"]
    for column in columns:
        shown.add_column(column, justify="right")
    for line in report.lines[:SHOWN]:
        shown.add_row(*_cells(line)[: 1 + len(columns)])
    shown.add_section()
    for line in report.total:
        shown.add_row(*_cells(line)[: 1 + len(columns)])
    more = f"{report.count - SHOWN} more lines: --csv or --json. " if report.count > SHOWN else ""
    shown.caption = more + ("Use from before is still being counted. " if report.is_filling else "") + _unknown(report)
    return shown


def _unknown(report: UseReport) -> str:
    """What is not known of jobs, so that nobody takes it for nothing."""
    if report.jobs is None or not report.jobs.is_unknown:
        return ""
    until = report.jobs.counted_until
    since = f"since {written(until)}" if until is not None else "so far"
    return f"What jobs used is unknown {since}: Slurm's accounting does not answer."


def _cells(line: Line) -> list[str]:
    marks = [word for word, holds in (("simulated", line.simulated), ("runs now", line.is_live)) if holds]
    return [
        escape(f"{line.title} ({', '.join(marks)})" if marks else line.title),
        hours(line.gpu_hours_held),
        _busy(line),
        str(line.leases),
        span(int(line.wait_mean_s)) if line.wait_mean_s is not None else "-",
        *_energy(line),
        hours(line.seat_hours),
        str(line.jobs),
        hours(line.core_hours_jobs),
        figures(line.job_energy_kwh) if line.job_energy_kwh is not None else "not reported" if line.jobs else "-",
    ]


def _busy(line: Line) -> str:
    if line.gpu_busy_share is not None:
        return f"{100 * line.gpu_busy_share:.0f}%"
    return "not measured" if line.gpu_hours_held else "-"


def _energy(line: Line) -> tuple[str, str]:
    """Kilowatt-hours, and kilograms of CO2e."""
    if line.gpu_energy_kwh is None:
        return ("-" if line.simulated or not line.gpu_hours_held else "not measured"), "-"
    return figures(line.gpu_energy_kwh), figures(line.co2e_g / 1000) if line.co2e_g is not None else "not reported"
