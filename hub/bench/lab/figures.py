"""From single measurements to the figures of the report, each beside its goal. Nothing here touches the world."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from hub.bench.figures import rounded

GOALS = {"bundle_kb": 300.0, "panel_ms": 200.0, "event_ms": 1000.0, "heap_mb": 10.0, "start_ms": 100.0}
"""What each figure should stay below; for `start_ms` what the extension may add."""
VARIANTS = ("whole", "startup", "without")
"""JupyterLab with all our plugins, with only the one that makes its start faster, and with none."""


def bundle(sizes: Mapping[str, int]) -> dict[str, Any]:
    """The files (name → bytes after gzip) together, in 10³ bytes."""
    total = sum(sizes.values()) / 1e3
    return _judged("bundle_kb", total, rounded({"total": total}) | {"files": dict(sizes)})


def times(name: str, milliseconds: Sequence[float]) -> dict[str, Any]:
    """Median and worst; the median is judged. ValueError without any."""
    if not milliseconds:
        raise ValueError(f"{name}: nothing was measured")
    found = {"median": median(milliseconds), "worst": max(milliseconds)}
    return _judged(name, found["median"], {"n": len(milliseconds), **rounded(found)})


def heap(before: Mapping[str, int], after: Mapping[str, int], hours: int) -> dict[str, Any]:
    """Growth of the JavaScript heap (`heap`, bytes) in 10⁶ bytes, and the DOM nodes (`nodes`) before and after."""
    found = {"growth": (after["heap"] - before["heap"]) / 1e6}
    found |= {"before": before["heap"] / 1e6, "after": after["heap"] / 1e6}
    nodes = {"nodes_before": before["nodes"], "nodes_after": after["nodes"]}
    return _judged("heap_mb", found["growth"], {"hours": hours, **rounded(found), **nodes})


def start(milliseconds: Mapping[str, Sequence[float]], cpu_ms: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Medians of each of VARIANTS, and what the whole extension adds to both others; the larger is judged.

    What it adds is the median over rounds, each a start of every variant: how busy the machine is differs between
    rounds more than within them. `cpu_ms` is the page's. ValueError without any.
    """
    found: dict[str, Any] = {"n": len(milliseconds["whole"])}
    found |= rounded({name: median(milliseconds[name]) for name in VARIANTS})
    adds = {
        "adds": _between(milliseconds["without"], milliseconds["whole"]),
        "adds_to_startup": _between(milliseconds["startup"], milliseconds["whole"]),
    }
    found["range"] = {name: [round(min(milliseconds[name])), round(max(milliseconds[name]))] for name in VARIANTS}
    found["cpu_ms"] = rounded({name: median(cpu_ms[name]) for name in VARIANTS})
    return _judged("start_ms", max(adds.values()), found | rounded(adds))


def _between(before: Sequence[float], after: Sequence[float]) -> float:
    return median(late - early for early, late in zip(before, after, strict=True))


def missed(report: Mapping[str, Any]) -> list[str]:
    """The figures of this report that were measured and miss their goal."""
    return [name for name in GOALS if name in report and not report[name]["met"]]


def _judged(name: str, value: float, found: dict[str, Any]) -> dict[str, Any]:
    return found | {"goal": GOALS[name], "met": value < GOALS[name]}
