"""The result of a simulation as tables for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

NAMES = {
    "per_server": "per server",
    "cull_30min": "culled",
    "leases_in_place": "leases in place",
    "leases": "leases",
}


def tables(result: Mapping[str, Any]) -> Group:
    """What each policy needs, and how long cells wait with fewer GPUs."""
    return Group(Text(_heading(result)), "", _needed(result), "", _waits(result), Text(_caption(result)))


def _heading(result: Mapping[str, Any]) -> str:
    trace = result["trace"]
    return (
        f"Simulated: {trace['source']}. {trace['gpu_cells']} GPU cells in {trace['sessions']} sessions; "
        f"{trace['active_gpu_hours']:.0f} of {trace['reserved_gpu_hours']:.0f} reserved GPU-hours in a cell; at most "
        f"{trace['most_sessions_gpus_at_once']} GPUs reserved and {trace['most_cells_gpus_at_once']} computing at once."
    )


def _needed(result: Mapping[str, Any]) -> Table:
    shown = Table(title=f"GPUs needed so that no cell waits longer than {result['most_wait_s']:g} s")
    for title in ("", "GPUs", "held, GPU-h", "used, GPU-h", "longest wait, s", "parks", "states lost"):
        shown.add_column(title, justify="left" if not title else "right", no_wrap=not title)
    for policy, name in NAMES.items():
        at = result["at_needed"][policy]
        cells = (at["gpus"], at["held_gpu_hours"], at["used_gpu_hours"], at["max_s"], at["parks"], at["states_lost"])
        shown.add_row(name, *map(_number, cells))
    return shown


def _waits(result: Mapping[str, Any]) -> Table:
    shown = Table(title="Waits of cells, by number of GPUs (seconds)")
    shown.add_column("GPUs", justify="right")
    shown.add_column("", no_wrap=True)
    for title in ("p50", "p90", "p99", "longest", f"over {result['most_wait_s']:g} s", "parks", "states lost"):
        shown.add_column(title, justify="right")
    for row in _with_half(result):
        shown.add_section()
        for policy, name in NAMES.items():
            at = row[policy]
            waits = (at["p50_s"], at["p90_s"], at["p99_s"], at["max_s"])
            counts = (at["cells_over_most_wait"], at["parks"], at["states_lost"])
            shown.add_row(_number(row["gpus"]) if policy == "per_server" else "", name, *map(_number, waits + counts))
    return shown


def _with_half(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The rows of the table, with the one for half of what a GPU per server needs if it is not among them."""
    rows = {row["gpus"]: row for row in result["table"]}
    rows.setdefault(result["half"], {"gpus": result["half"], **result["waits"]})
    return (rows[gpus] for gpus in sorted(rows, reverse=True))


def _caption(result: Mapping[str, Any]) -> str:
    half, leases, cells = result["half"], result["waits"]["leases"], result["trace"]["gpu_cells"]
    return (
        f"Leases need {result['ratio']:.0%} of the GPUs that a GPU per server needs. With half of those ({half}), "
        f"{leases['cells_waited']} of {cells} cells wait under leases, {leases['cells_over_most_wait']} of them "
        f"longer than {result['most_wait_s']:g} s. Where kernels come back on their own GPU only (migration off) they "
        f"need {result['gpus_needed']['leases_in_place']}. No policy can do with much fewer than "
        f"{result['trace']['most_cells_gpus_at_once']}: so many compute at once."
    )


def _number(value: float) -> str:
    return f"{value:,.0f}"
