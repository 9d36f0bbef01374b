"""The report as a table for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hub.bench.lab.figures import GOALS

Row = tuple[str, str, str, str, str]
"""What it is, the figure, what else is known of it, its goal, and whether that is met."""
TITLES = {
    "bundle_kb": "files that a browser loads, gzipped, kB",
    "panel_ms": "the panel opens, ms",
    "event_ms": "a change at the broker is shown, ms",
    "heap_mb": "the page grows, MB",
    "start_ms": "added to JupyterLab's start, ms",
}


def table(report: Mapping[str, Any]) -> Group:
    """A row per figure: what was measured, more about it, its goal and whether that is met."""
    plan = report["plan"]
    title = f"Werkbank inside JupyterLab: {plan['leases']} leases, {plan['hours']} hours of events, {plan['runs']} runs"
    shown = Table(title=title, caption=_caption(report))
    shown.add_column("")
    shown.add_column("measured", justify="right")
    shown.add_column("of which")
    shown.add_column("goal", justify="right")
    shown.add_column("")
    for name in GOALS:
        for row in _rows(report, name):
            shown.add_row(*row)
    return Group(shown, *(Text(sentence) for sentence in _sentences(report)))


def _rows(report: Mapping[str, Any], name: str) -> Iterator[Row]:
    found, goal = report.get(name), f"< {GOALS[name]:g}"
    if found is None:
        yield TITLES[name], "–", "", goal, "not measured"
        return
    verdict = "met" if found["met"] else "missed"
    match name:
        case "bundle_kb":
            yield TITLES[name], _number(found["total"]), f"{len(found['files'])} files", goal, verdict
        case "heap_mb":
            more = f"{_number(found['before'])} → {_number(found['after'])}, "
            more += f"DOM nodes {found['nodes_before']} → {found['nodes_after']}; {found['events']} events"
            yield TITLES[name], _number(found["growth"]), more, goal, verdict
        case "start_ms":
            yield from _starts(found, goal, verdict)
        case _:
            more = f"worst of {found['n']}: {_number(found['worst'])}"
            yield TITLES[name], _number(found["median"]), more, goal, verdict


def _starts(found: Mapping[str, Any], goal: str, verdict: str) -> Iterator[Row]:
    spans = {name: f"{_number(found[name])} ({low}–{high})" for name, (low, high) in found["range"].items()}
    yield TITLES["start_ms"], _number(found["adds"]), f"{spans['whole']}; without it {spans['without']}", goal, verdict
    only = f"with its startup plugin only {spans['startup']}"
    yield "  and to the start with its startup plugin", _number(found["adds_to_startup"]), only, goal, verdict
    cpu = {name: _number(value) for name, value in found["cpu_ms"].items()}
    others = f"with its startup plugin only {cpu['startup']}; without it {cpu['without']}"
    yield "  the page's CPU for its start, ms", cpu["whole"], others, "", ""


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _sentences(report: Mapping[str, Any]) -> Iterator[str]:
    for name, why in report["left_out"].items():
        yield f"Not measured: {name}: {why}."


def _caption(report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    load = ", ".join(f"{one:.2f}" for one in machine["load_average"])
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        "Medians are judged; of the two of the start, the larger. Devices are simulated; in the hours of events they "
        "tell made-up numbers as real ones do. Plugins that are left out are disabled, their files still come. "
        f"{machine['cores']} cores, load before: {load}.\n{versions}"
    )
