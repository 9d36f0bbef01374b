"""The report as a table for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

SIDES = ("stock", "lean", "werkbank")
TITLES = {
    "ready_s": "ready, s",
    "first_200_s": "answers, s",
    "kernel_reply_s": "kernel replies, s",
    "all_ready_s": "all ready, s",
    "all_first_200_s": "all answer, s",
    "all_kernel_reply_s": "all kernels reply, s",
    "server_cpu_s": "CPU of the server until it answers, s",
    "seat_cpu_s": "and of the kernel, s",
    "hub_cpu_s": "CPU of the hub per seat, s",
    "warm_cpu_s": "CPU of zygotes per seat, s",
    "client_cpu_s": "CPU of this measurement per seat, s",
    "server_pss_mb": "server, MB",
    "server_and_kernel_pss_mb": "and kernel, MB",
}
PARTS = {
    "kernel": (
        "a kernel in a running seat",
        {"plain_s": "replies, s", "imports_s": "has numpy, pandas and xarray, s", "torch_s": "has torch, s"},
    ),
    "memory": (
        "seats with a kernel that has imported these",
        {
            "one_more_mb": "each more takes, MB",
            "seat_and_kernel_pss_mb": "each with its share of zygotes, MB",
            "server_pss_mb": "server, MB",
            "kernel_pss_mb": "kernel, MB",
            "zygote_seat_pss_mb": "zygote of seats, MB",
            "zygote_kernel_pss_mb": "zygote of kernels, MB",
            "zygote_dask_pss_mb": "zygote of Dask, MB",
            "zygote_node_pss_mb": "their daemon, MB",
        },
    ),
    "cluster": (
        "a Dask cluster of two workers",
        {"created_s": "created, s", "first_result_s": "first result, s", "both_workers_s": "both workers, s"},
    ),
    "browser": (
        "in a browser, from the sign-in form",
        {"lab_s": "to JupyterLab, s", "first_cell_s": "to an output, s"},
    ),
    "growth": (
        "a seat's own memory over 300 requests",
        {
            "uss_growth_mb": "growth, MB",
            "uss_before_mb": "before, MB",
            "uss_after_mb": "after, MB",
            "requests_cpu_s": "CPU, s",
        },
    ),
}


def table(report: Mapping[str, Any]) -> Group:
    """A row per figure: median (smallest to largest) of each side, and theirs ÷ Werkbank's; then what is not a row."""
    shown = Table(title="Stock JupyterHub, the same with lean seats, and Werkbank", caption=_caption(report))
    shown.add_column("")
    for title in ("stock", "lean", "Werkbank", "stock ÷", "lean ÷"):
        shown.add_column(title, justify="right")
    base = [_number(report[side]["base_pss_mb"]) for side in SIDES]
    shown.add_row("hub alone, MB", *base, *_ratios(report, None, "base_pss_mb"))
    for name in (name for name in report["stock"] if name.startswith("users_")):
        titles = {key: title for key, title in TITLES.items() if name != "users_1" or not key.startswith("all_")}
        _section(shown, report, name, _heading(name), titles)
    for name, (heading, titles) in PARTS.items():
        if any(name in report[side] for side in SIDES):
            _section(shown, report, name, heading, titles)
    return Group(shown, *(Text(sentence) for sentence in _sentences(report)))


def _section(shown: Table, report: Mapping[str, Any], part: str, heading: str, titles: Mapping[str, str]) -> None:
    cells = [report[side].get(part, {}) for side in SIDES]
    shown.add_section()
    shown.add_row(f"[bold]{heading}", *(f"n={cell.get('n', 0)}" for cell in cells), "", "")
    for name, title in titles.items():
        if part.startswith("users_") or any(name in cell for cell in cells):
            shown.add_row(title, *(_cell(cell, name) for cell in cells), *_ratios(report, part, name))


def _ratios(report: Mapping[str, Any], part: str | None, name: str) -> Iterator[str]:
    for key in ("ratio", "ratio_lean"):
        every = report[key]
        of_parts = {
            **every.get("parts", {}),
            **{key: found for key, found in every.items() if key.startswith("users_")},
        }
        yield _number((every if part is None else of_parts.get(part, {})).get(name))


def _heading(name: str) -> str:
    count = name.removeprefix("users_")
    return "one seat" if count == "1" else f"{count} seats at once"


def _cell(side: Mapping[str, Any], name: str) -> str:
    if name not in side:
        return "–"
    low, high = side["range"][name]
    return f"{_number(side[name])} ({_number(low)}–{_number(high)})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _sentences(report: Mapping[str, Any]) -> Iterator[str]:
    if crowd := report.get("crowd"):
        verdict = "within" if crowd["within"] else "NOT within"
        yield (
            f"{crowd['seats']} seats with a kernel: {crowd['healthy']} are well, {crowd['pss_mb']['total']:.0f} MB "
            f"together with zygotes, {verdict} {crowd['most_mb']} MB."
        )
    for name, why in report.get("left_out", {}).items():
        yield f"Not measured: {name}: {why}."
    for name, note in report.get("notes", {}).items():
        yield f"{name}: {note}."


def _caption(report: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in report["werkbank"]["versions"].items())
    load = ", ".join(f"{load:.2f}" for load in report["stock"]["load_average"])
    return f"Median (smallest–largest); ratio: theirs ÷ Werkbank's; memory: PSS. Load before: {load}.\n{versions}"
