"""From single starts to the figures of the report. Nothing here touches the world."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

MILESTONES = ("ready_s", "first_200_s", "kernel_reply_s")
USAGE = ("server_cpu_s", "server_pss_mb", "server_and_kernel_pss_mb", "seat_cpu_s")
PER_START = ("hub_cpu_s", "warm_cpu_s", "client_cpu_s")
NO_FIGURES = ("versions", "range")

WANTED_CROWD = 40
HEADLINES = {
    "one_seat": ("users_1", "first_200_s"),
    "one_seat_cpu": ("users_1", "server_cpu_s"),
    "memory_seat_kernel": ("memory", "one_more_mb"),
    "memory_with_zygotes": ("memory", "seat_and_kernel_pss_mb"),
    "kernel_plain": ("kernel", "plain_s"),
    "kernel_imports": ("kernel", "imports_s"),
    "kernel_torch": ("kernel", "torch_s"),
    "cluster": ("cluster", "first_result_s"),
    "first_cell": ("browser", "first_cell_s"),
    "growth": ("growth", "uss_growth_mb"),
}
"""What the report says first, and where it is from; that of seats at once comes between by their number."""


@dataclass(frozen=True)
class Milestones:
    """Seconds from the start request to each, as the seat's user sees them through the proxy.

    Kernels are asked for once all seats of a round answer, so that they do not slow down each other's start.
    """

    ready_s: float
    first_200_s: float
    kernel_reply_s: float


@dataclass(frozen=True)
class Usage:
    """What one seat takes once its first kernel has answered; MB are 10⁶ bytes."""

    server_cpu_s: float
    """CPU of its server alone until all seats of the round answered."""
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
    warm_cpu_s: float = 0.0
    """CPU seconds of the processes that others are forked from, meanwhile."""
    client_cpu_s: float = 0.0
    """CPU seconds of this measurement itself, meanwhile: all users' browsers in one process."""


@dataclass
class Measured:
    """All that was measured at one hub."""

    versions: Mapping[str, str]
    load_average: Sequence[float]
    base_pss_mb: float
    """The running hub with all that belongs to it, before any seat."""
    rounds: dict[int, list[Round]] = field(default_factory=dict)
    """By how many seats they started at once."""
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Values of the other parts: by part and figure."""
    failures: dict[str, int] = field(default_factory=dict)
    """By part: what was tried and gave no value."""

    def add(self, part: str, **values: float) -> None:
        """One run of a part."""
        for name, value in values.items():
            self.samples.setdefault(part, {}).setdefault(name, []).append(value)

    def fail(self, part: str) -> None:
        """One run of a part gave nothing."""
        self.failures[part] = self.failures.get(part, 0) + 1


def report(stock: Measured, lean: Measured, werkbank: Measured) -> dict[str, Any]:
    """All sides, and for each figure stock's (and lean's) divided by ours (above 1: Werkbank takes less)."""
    sides = {"stock": _side(stock), "lean": _side(lean), "werkbank": _side(werkbank)}
    ours = sides["werkbank"]
    return {**sides, "ratio": _ratios(sides["stock"], ours), "ratio_lean": _ratios(sides["lean"], ours)}


def _ratios(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The headlines, then every figure; those of the other parts under `parts`, whose names headlines have too."""
    every = ratio(theirs, ours)
    parts = {name: found for name, found in every.items() if isinstance(found, dict) and not name.startswith("users_")}
    return {
        **headlines(theirs, ours),
        **{name: found for name, found in every.items() if name not in parts},
        **({"parts": parts} if parts else {}),
    }


def headlines(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, float]:
    """Theirs ÷ ours for what is asked of Werkbank, in HEADLINES's order; what was not measured is left out."""
    found = {
        name: _quotient(theirs.get(part, {}).get(figure), ours.get(part, {}).get(figure))
        for name, (part, figure) in _headlines(ours).items()
    }
    return {name: value for name, value in found.items() if value is not None}


def _headlines(side: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    counts = {int(name.removeprefix("users_")) for name in side if name.startswith("users_")} - {1}
    crowd = WANTED_CROWD if WANTED_CROWD in counts else max(counts, default=0)
    among = {f"seats_{crowd}": (f"users_{crowd}", "all_first_200_s")}
    among[f"seats_{crowd}_cpu"] = (f"users_{crowd}", "server_cpu_s")
    one = {name: place for name, place in HEADLINES.items() if place[0] == "users_1"}
    return {**one, **(among if crowd else {}), **HEADLINES}


def _quotient(theirs: float | None, ours: float | None) -> float | None:
    """None without one of them, and where one is nothing, or less (memory that was given back)."""
    return None if theirs is None or ours is None or min(theirs, ours) <= 0 else _rounded(theirs / ours)


def ratio(stock: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Stock ÷ ours for each figure that both have; what is no figure is left out."""
    found: dict[str, Any] = {}
    for name in (stock.keys() & ours.keys()) - set(NO_FIGURES):
        if isinstance(ours[name], Mapping):
            found[name] = ratio(stock[name], ours[name])
        elif name.endswith(("_s", "_mb")) and (quotient := _quotient(stock[name], ours[name])) is not None:
            found[name] = quotient
    return {name: found[name] for name in stock if name in found}


def values(rounds: Iterable[Round]) -> dict[str, list[float]]:
    """Every measured value by figure. `all_…` is the time until the last seat of a round was there.

    A round in which a seat failed says nothing about when the last was there, nor about the CPU that the
    hub and others take for one start; its other seats count.
    """
    rounds = list(rounds)
    whole = [one for one in rounds if one.milestones and not one.failed]
    found = {name: [getattr(seat, name) for one in rounds for seat in one.milestones] for name in MILESTONES}
    found |= {
        f"all_{name}": [max(getattr(seat, name) for seat in one.milestones) for one in whole] for name in MILESTONES
    }
    found |= {name: [getattr(seat, name) for one in rounds for seat in one.usages] for name in USAGE}
    found |= {name: [getattr(one, name) / len(one.milestones) for one in whole] for name in PER_START}
    return {name: measured for name, measured in found.items() if measured}


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Each with as many digits as mean something."""
    return {name: _rounded(value) for name, value in values.items()}


def _side(measured: Measured) -> dict[str, Any]:
    return {
        "versions": dict(measured.versions),
        "load_average": [_rounded(load) for load in measured.load_average],
        "base_pss_mb": _rounded(measured.base_pss_mb),
        **{f"users_{count}": _cell(rounds) for count, rounds in measured.rounds.items()},
        **{part: _part(measured, part) for part in dict.fromkeys([*measured.samples, *measured.failures])},
    }


def _cell(rounds: Sequence[Round]) -> dict[str, Any]:
    return {
        "n": sum(len(one.milestones) for one in rounds),
        "rounds": len(rounds),
        "failed": sum(one.failed for one in rounds),
        "busy_before": _rounded(median(one.busy_before for one in rounds)),
        **_summary(values(rounds)),
    }


def _part(measured: Measured, part: str) -> dict[str, Any]:
    samples = measured.samples.get(part, {})
    return {
        "n": max(map(len, samples.values()), default=0),
        "failed": measured.failures.get(part, 0),
        **_summary(samples),
    }


def _summary(found: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The median of each figure, and under `range` its smallest and largest value."""
    return {
        **{name: _rounded(median(measured)) for name, measured in found.items()},
        "range": {name: [_rounded(min(measured)), _rounded(max(measured))] for name, measured in found.items()},
    }


def _rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")


def summary(values: Sequence[float]) -> dict[str, float | None]:
    """Median, smallest and largest, in the unit of the values; None each where nothing was measured."""
    if not values:
        return {"median": None, "least": None, "most": None}
    return {"median": round(median(values), 3), "least": round(min(values), 3), "most": round(max(values), 3)}
