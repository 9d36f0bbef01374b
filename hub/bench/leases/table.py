"""The report as tables for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table

from hub.bench.leases.run import TARGETS


def table(report: Mapping[str, Any]) -> Group:
    """What was measured, beside what it should be, and what misses that."""
    missed = "\n".join(f"  {sentence}" for sentence in report["missed"])
    verdict = f"Missed:\n{missed}" if missed else "Every target is met."
    return Group(_decisions(report), _http(report), _rest(report), verdict)


def _decisions(report: Mapping[str, Any]) -> Table:
    decision, growth = report["decision"], report["growth"]
    title = f"Decisions, ms: {decision['waiting']} waiting, {decision['users']} users, {decision['devices']} devices"
    counts = list(growth["mean_ms"])
    shown = _table(title, ["n", "p50", "p99", "largest", *(f"at {n}" for n in counts), "grows"])
    for name, figures in decision["by_event"].items():
        grown = growth["by_event"].get(name)
        means = [_number(grown["mean_ms"][n]) for n in counts] if grown else ["–"] * len(counts)
        shown.add_row(name, *_times(figures), *means, f"n^{grown['exponent']:.2f}" if grown else "–")
    shown.add_section()
    means = [_number(growth["mean_ms"][n]) for n in counts]
    shown.add_row("together", *_times(decision), *means, f"n^{growth['exponent']:.2f}")
    shown.caption = (
        f"Target: p99 below {TARGETS['decision_p99_ms']:g} ms. At n: mean CPU with n waiting; "
        f"log n would grow as n^{growth['exponent_of_log_n']:.2f}."
    )

    return shown


def _http(report: Mapping[str, Any]) -> Table:
    plan, http = report["plan"], report["http"]
    columns = ["n", "p50", "p99", "largest", *(f"listening: {name}" for name in ("n", "p50", "p99"))]
    shown = _table(f"Request to answer, ms: {plan['per_second']} requests/s for {plan['seconds']:g} s", columns)
    sides = [http, http["listening"]]
    for name in sorted(set().union(*(side.get("by_event", {}) for side in sides))):
        shown.add_row(name, *_both([side.get("by_event", {}).get(name) for side in sides]))
    shown.add_section()
    shown.add_row("together", *_both([side if side["n"] else None for side in sides]))
    shown.caption = (
        f"Target: p99 below {TARGETS['http_p99_ms']:g} ms. Errors: {sum(http['errors'].values())}; "
        f"{sum(http['listening']['errors'].values())} while every seat listens to its lease. "
        "The hub is a stand-in for its /user "
        f"({http['hub_p50_ms']} ms an answer)."
    )
    return shown


def _both(sides: list[Mapping[str, Any] | None]) -> list[str]:
    alone, listening = (_times(side) if side else ["–"] * 4 for side in sides)
    return [*alone, *listening[:3]]


def _rest(report: Mapping[str, Any]) -> Table:
    records, http = report["records"], report["http"]
    shown = _table(
        "Memory, CPU and records", ["requests", "and all listen", f"{records['count']} ended leases", "ratio"]
    )
    sides = [http, http["listening"], records["http"]]
    shown.add_row("memory, MB", *(_number(side["memory_mb"]) for side in sides), _number(records["memory_ratio"]))
    shown.add_row(
        "CPU per request, ms", *(_number(s["cpu_ms_per_request"]) for s in sides), _number(records["cpu_ratio"])
    )
    shown.add_row("start, s", *(_number(side["start_s"]) for side in sides), "")
    shown.add_row("p50, ms", *(_number(s.get("p50_ms")) for s in sides), _number(records["http_ratio"].get("p50_ms")))
    shown.add_row("a decision, CPU", "", "", "", _number(records["decision_ratio"]["mean_ms"]))
    started = report["kernel_start"]
    shown.add_row("a kernel's first reply, ms", _number(started["plain_ms"]), "", "", "")
    shown.add_row("with a lease on a free device, ms", _number(started["leased_ms"]), "", "", "")
    load = ", ".join(f"{one:.2f}" for one in report["machine"]["load_average"])
    shown.caption = (
        f"Targets: memory below {TARGETS['memory_mb']:g} MB, ratios below {TARGETS['records_ratio']:g}, "
        f"a lease adds less than {TARGETS['lease_adds_ms']:g} ms (here {started['adds_ms']}; devices simulated). "
        f"{report['machine']['cores']} cores, load before: {load}."
    )
    return shown


def _table(title: str, columns: list[str]) -> Table:
    shown = Table(title=title)
    shown.add_column("", no_wrap=True)
    for column in columns:
        shown.add_column(column, justify="right")
    return shown


def _times(figures: Mapping[str, Any]) -> list[str]:
    return [str(figures["n"]), *(_number(figures[name]) for name in ("p50_ms", "p99_ms", "max_ms"))]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"
