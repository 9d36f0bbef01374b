"""From single measurements to the figures of the report. Nothing here touches the world."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

NOISE = 1.25
"""Two measurements of the same differ by less than this factor."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all do not exceed. ValueError without any."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Count, mean, p50, p99 and largest; times in milliseconds."""
    return {
        "n": len(values),
        "mean_ms": rounded(sum(values) / len(values)),
        "p50_ms": rounded(percentile(values, 0.5)),
        "p99_ms": rounded(percentile(values, 0.99)),
        "max_ms": rounded(max(values)),
    }


def summaries(times: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """All together, and each kind on its own under `by_event`."""
    everything = [value for values in times.values() for value in values]
    return summary(everything) | {"by_event": {kind: summary(times[kind]) for kind in sorted(times)}}


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The slope of the line through these points by least squares, and the squares that are left."""
    mean_x = sum(x for x, _y in points) / len(points)
    mean_y = sum(y for _x, y in points) / len(points)
    found = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _y in points)
    return found, sum((y - mean_y - found * (x - mean_x)) ** 2 for x, y in points)


def exponent(cost_by_n: Mapping[int, float]) -> float:
    """The b of the best cost ≈ a·n^b. Needs two different n."""
    return slope([(math.log(n), math.log(max(cost, 1e-9))) for n, cost in cost_by_n.items()])[0]


def growth(cost_by_n: Mapping[int, float]) -> dict[str, Any]:
    """How a cost (milliseconds) grows with n, beside what something proportional to log n would do."""
    return {
        "mean_ms": {str(n): rounded(cost) for n, cost in cost_by_n.items()},
        "exponent": rounded(exponent(cost_by_n)),
        "exponent_of_log_n": rounded(exponent({n: math.log(n) for n in cost_by_n})),
        "is_linear": is_linear(cost_by_n),
    }


def is_linear(cost_by_n: Mapping[int, float]) -> bool:
    """Whether a + b·n describes the cost better than a + b·log n, and it grows more than log n alone would."""
    fewest, most = min(cost_by_n), max(cost_by_n)
    by_n = slope([(float(n), cost) for n, cost in cost_by_n.items()])[1]
    by_log = slope([(math.log(n), cost) for n, cost in cost_by_n.items()])[1]
    return by_n < by_log and cost_by_n[most] / cost_by_n[fewest] > NOISE * math.log(most) / math.log(fewest)


def ratios(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, float]:
    """What `after` has divided by what `before` has, for each figure in milliseconds of both."""
    return {
        name: rounded(after[name] / before[name])
        for name in before
        if name.endswith("_ms") and name in after and before[name]
    }


def rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")
