"""From single starts to the figures of the report. Nothing here touches the world."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

MILESTONES = ("ready_s", "first_200_s", "kernel_reply_s")
USAGE = ("server_pss_mb", "server_and_kernel_pss_mb", "seat_cpu_s")


@dataclass(frozen=True)
class Milestones:
    """Seconds from the start request to each, as the seat's user sees them through the proxy."""

    ready_s: float
    first_200_s: float
    kernel_reply_s: float


@dataclass(frozen=True)
class Usage:
    """What one seat takes once its first kernel has answered; MB are 10⁶ bytes."""

    server_pss_mb: float
    server_and_kernel_pss_mb: float
    seat_cpu_s: float


@dataclass(frozen=True)
class Round:
    """So many seats asked for at the same moment, once."""

    milestones: Sequence[Milestones]
    usages: Sequence[Usage]
    hub_cpu_s: float
    """CPU seconds of the hub's process from the first request to the last kernel reply, all seats together."""
    busy_before: float
    """Share of the machine's cores that were busy just before, 0 to 1."""
    failed: int = 0


@dataclass
class Measured:
    """All that was measured at one hub; rounds by how many seats they started at once."""

    versions: Mapping[str, str]
    load_average: Sequence[float]
    base_pss_mb: float
    """The running hub with all that belongs to it, before any seat."""
    rounds: dict[int, list[Round]] = field(default_factory=dict)


def report(stock: Measured, werkbank: Measured) -> dict[str, Any]:
    """The whole result: both sides, and for each figure stock's divided by ours (above 1: Werkbank takes less)."""
    sides = {"stock": _side(stock), "werkbank": _side(werkbank)}
    return {**sides, "ratio": ratio(sides["stock"], sides["werkbank"])}


def ratio(stock: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Stock ÷ ours for each figure that both have; what is no figure is left out."""
    found: dict[str, Any] = {}
    for name in stock.keys() & ours.keys():
        if name.startswith("users_"):
            found[name] = ratio(stock[name], ours[name])
        elif name.endswith(("_s", "_mb")) and ours[name]:
            found[name] = _rounded(stock[name] / ours[name])
    return {name: found[name] for name in stock if name in found}


def values(rounds: Iterable[Round]) -> dict[str, list[float]]:
    """Every measured value by figure. `all_…` is the time until the last seat of a round was there.

    A round in which a seat failed says nothing about when the last was there, nor about the hub's
    CPU for one start; its other seats count.
    """
    rounds = list(rounds)
    whole = [one for one in rounds if one.milestones and not one.failed]
    found = {name: [getattr(seat, name) for one in rounds for seat in one.milestones] for name in MILESTONES}
    found |= {
        f"all_{name}": [max(getattr(seat, name) for seat in one.milestones) for one in whole] for name in MILESTONES
    }
    found |= {name: [getattr(seat, name) for one in rounds for seat in one.usages] for name in USAGE}
    found["hub_cpu_s"] = [one.hub_cpu_s / len(one.milestones) for one in whole]
    return {name: measured for name, measured in found.items() if measured}


def _side(measured: Measured) -> dict[str, Any]:
    return {
        "versions": dict(measured.versions),
        "load_average": [_rounded(load) for load in measured.load_average],
        "base_pss_mb": _rounded(measured.base_pss_mb),
        **{f"users_{count}": _cell(rounds) for count, rounds in measured.rounds.items()},
    }


def _cell(rounds: Sequence[Round]) -> dict[str, Any]:
    found = values(rounds)
    return {
        "n": sum(len(one.milestones) for one in rounds),
        "rounds": len(rounds),
        "failed": sum(one.failed for one in rounds),
        "busy_before": _rounded(median(one.busy_before for one in rounds)),
        **{name: _rounded(median(measured)) for name, measured in found.items()},
        "range": {name: [_rounded(min(measured)), _rounded(max(measured))] for name, measured in found.items()},
    }


def _rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")
