"""The report as a table for people."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

TITLES = {
    "hub_mb": "hub, unpacked, MB",
    "lab_mb": "lab, unpacked, MB",
    "worker_mb": "worker, unpacked, MB",
    "werkbank_mb": "werkbank, unpacked, MB",
    "cold_s": "hub, lab and worker built from nothing, s",
    "unchanged_s": "the same, when nothing has changed, s",
    "stock_s": "stock JupyterHub in the image of the hub, from `run` to its answer, s",
    "hub_s": "hub: hub, service and gateway, s",
    "werkbank_s": "werkbank: the whole workbench, s",
    "lab_s": "lab: a JupyterLab, s",
    "worker_s": "worker: a Dask scheduler, s",
}


def table(report: Mapping[str, Any]) -> Table:
    """A row per figure: median (smallest to largest), and the goal where there is one."""
    shown = Table(
        title="Images", caption=f"starts of each in turn: {report['runs']}; {report['cores']} cores, {report['engine']}"
    )
    shown.add_column("")
    shown.add_column("", justify="right")
    shown.add_column("goal", justify="right")
    shown.add_column("")
    for figure, title in TITLES.items():
        goal = report["goals"].get(figure)
        verdict = "" if goal is None or report["figures"][figure] is None else "met"
        shown.add_row(
            title,
            _cell(report, figure),
            "" if goal is None else f"≤ {goal:g}",
            "missed" if figure in report["missed"] else verdict,
        )
    return shown


def _cell(report: Mapping[str, Any], figure: str) -> str:
    value, start = report["figures"][figure], report["starts"].get(figure.removesuffix("_s"))
    if value is None:
        return "not measured"
    if figure.endswith("_mb"):
        return f"{value:.0f}"
    return f"{value:.2f} ({start['least']:.2f} to {start['most']:.2f})" if start else f"{value:.1f}"
