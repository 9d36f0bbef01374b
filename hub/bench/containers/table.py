"""The report as a table for people."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

TITLES = {
    "dockerspawner": "stock JupyterHub with DockerSpawner",
    "containers": "Werkbank, a seat as a container",
    "forked": "Werkbank, a seat that is forked (local site)",
}


def table(report: Mapping[str, Any]) -> Table:
    """A row for each side: median, smallest and largest."""
    shown = Table(
        title="A seat, from the request to its answer through the proxy",
        caption=f"{report['runs']} runs, {report['cores']} cores, image {report['image']}, network {report['network']}",
    )
    shown.add_column("")
    for title in ("median, s", "least", "most"):
        shown.add_column(title, justify="right")
    for side, title in TITLES.items():
        shown.add_row(title, *(_number(report[side][name]) for name in ("median", "least", "most")))
    return shown


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"
