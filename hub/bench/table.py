"""The report as a table for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

TITLES = {
    "ready_s": "ready, s",
    "first_200_s": "answers, s",
    "kernel_reply_s": "kernel replies, s",
    "all_ready_s": "all ready, s",
    "all_first_200_s": "all answer, s",
    "all_kernel_reply_s": "all kernels reply, s",
    "server_pss_mb": "server, MB",
    "server_and_kernel_pss_mb": "and kernel, MB",
    "seat_cpu_s": "CPU of the seat, s",
    "hub_cpu_s": "CPU of the hub, s",
}


def table(report: Mapping[str, Any]) -> Table:
    """A row per figure: median (smallest to largest) of both, and stock ÷ Werkbank."""
    stock, ours, ratio = report["stock"], report["werkbank"], report["ratio"]
    shown = Table(title="Starting seats: stock JupyterHub and Werkbank", caption=_caption(stock, ours))
    shown.add_column("")
    for title in ("stock", "Werkbank", "ratio"):
        shown.add_column(title, justify="right")
    shown.add_row("hub alone, MB", *(_number(side["base_pss_mb"]) for side in (stock, ours, ratio)))
    for name in (name for name in stock if name.startswith("users_")):
        shown.add_section()
        shown.add_row(f"[bold]{_heading(name)}", f"n={stock[name]['n']}", f"n={ours[name]['n']}", "")
        for row in _rows(stock[name], ours[name], ratio[name], alone=name == "users_1"):
            shown.add_row(*row)
    return shown


def _heading(name: str) -> str:
    count = name.removeprefix("users_")
    return "one seat" if count == "1" else f"{count} seats at once"


def _rows(stock: Mapping[str, Any], ours: Mapping[str, Any], ratio: Mapping[str, Any], *, alone: bool) -> Iterator[Any]:
    for name, title in TITLES.items():
        if alone and name.startswith("all_"):  # the same as its own
            continue
        yield title, _cell(stock, name), _cell(ours, name), _number(ratio.get(name))


def _cell(side: Mapping[str, Any], name: str) -> str:
    if name not in side:
        return "–"
    low, high = side["range"][name]
    return f"{_number(side[name])} ({_number(low)}–{_number(high)})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _caption(stock: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in ours["versions"].items())
    load = ", ".join(f"{load:.2f}" for load in stock["load_average"])
    return f"Median (smallest–largest); ratio: stock ÷ Werkbank; memory: PSS. Load before: {load}.\n{versions}"
