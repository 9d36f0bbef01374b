"""The report as a table for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hub.bench.slurm.plan import GOALS, SIDES

TITLES = {
    "seat_s": "a seat, from the request to its answer through the proxy, s",
    "cluster_s": "a Dask cluster of two workers, to its first result, s",
    "kernel_s": "a GPU kernel as a job, from asking for it to its first reply, s",
    "squeue_per_5s": "squeue in 5 s, with {seats} simulated seats",
    "death_s": "a node dies: until the hub says that the seat is gone, s",
    "cluster_created_s": "  until the cluster is there, s",
    "cluster_both_s": "  until both workers are there, s",
    "asking_cpu_percent": "  CPU that asking takes, % of a core",
    "slurm_death_s": "  until Slurm itself says so, s",
}


def table(report: Mapping[str, Any]) -> Group:
    """A row per figure: median (smallest to largest) of each side, stock ÷ Werkbank's, and the goal."""
    shown = Table(
        title="Stock batchspawner and Dask Gateway, and Werkbank, on one Slurm cluster", caption=_caption(report)
    )
    shown.add_column("")
    for title in ("stock", "Werkbank", "stock ÷", "goal"):
        shown.add_column(title, justify="right")
    shown.add_column("")
    for figure in (name for name in GOALS if name in report):
        found = report[figure]
        title = TITLES[figure].format(seats=report["plan"]["seats"])
        cells = (_cell(found[side]) for side in SIDES)
        verdict = "not measured" if found["werkbank"]["median"] is None else "met" if found["met"] else "missed"
        shown.add_row(title, *cells, _number(found["ratio"]), f"≤ {found['goal']:g}", verdict)
        for name, sides in found["beside"].items():
            shown.add_row(TITLES[name], *(_cell(sides[side]) for side in SIDES), "", "", "")
    return Group(shown, *(Text(sentence) for sentence in _sentences(report)))


def _cell(side: Mapping[str, Any]) -> str:
    if side["median"] is None:
        return "–"
    low, high = side["range"]
    return f"{_number(side['median'])} ({_number(low)}–{_number(high)})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _sentences(report: Mapping[str, Any]) -> Iterator[str]:
    for figure in (name for name in GOALS if name in report):
        for side in SIDES:
            if failed := report[figure][side]["failed"]:
                yield f"{side}: {figure} failed {failed} times."
    for note in report["notes"]:
        yield f"{note[0].upper()}{note[1:]}."


def _caption(report: Mapping[str, Any]) -> str:
    machine, plan = report["machine"], report["plan"]
    load = ", ".join(f"{one:.2f}" for one in machine["load_average"])
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    return (
        f"Median (smallest–largest) of {plan['runs']} runs, fewer of the last two. {machine['nodes']} nodes on one "
        f"machine with {machine['cores']} cores, load before: {load}; "
        f"SlurmdTimeout {machine['node_timeout_s']} s.\n{versions}"
    )
