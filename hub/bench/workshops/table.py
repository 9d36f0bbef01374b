"""The report as a table for people."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

ROWS = (
    ("join", "lesson_s", "from the click to the first lesson, the slowest, s"),
    ("join", "page_p99_s", "a page of the service while they come, p99, s"),
    ("room", "first_paint_ms", "first paint of a room, the slowest of five, ms"),
    ("room", "event_ms", "a hand is seen in the room, the slowest of ten, ms"),
    ("room", "core_percent", "CPU of the service with all rooms open, % of a core"),
    ("fits", "capacity_ms", "whether a class fits, the slowest of fifty answers, ms"),
)


def table(report: Mapping[str, Any]) -> Table:
    """A row per figure: what was measured, its goal and whether that is met."""
    plan = report["plan"]
    title = (
        f"{report['join']['there']} of {plan['learners']} came in; {plan['rooms']} rooms with {plan['seats']} seats; "
        f"{plan['reservations']} reservations and {plan['leases']} leases"
    )
    shown = Table(title=title)
    shown.add_column("")
    shown.add_column("measured", justify="right")
    shown.add_column("goal", justify="right")
    shown.add_column("")
    for part, name, words in ROWS:
        found, goal = report[part].get(name), report["goals"][name]
        if found is None:
            shown.add_row(words, "not measured", f"< {goal:g}", report[part].get("left_out", ""))
        else:
            shown.add_row(words, f"{found:g}", f"< {goal:g}", "✔" if found < goal else "✖")
    return shown
