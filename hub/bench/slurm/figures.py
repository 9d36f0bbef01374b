"""From single values to the figures of the report, each beside its goal. Nothing here touches the world."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from hub.bench.figures import rounded
from hub.bench.slurm.plan import BESIDE, GOALS, SIDES

Samples = Mapping[str, Mapping[str, Sequence[float]]]
"""By side, then by figure."""


def judged(figure: str, samples: Samples, failures: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Each side's median and range, stock ÷ Werkbank, and whether Werkbank meets the goal; then what is told beside it.

    None stands for what was not measured, and for a ratio that is none.
    """
    sides = _sides(figure, samples, failures)
    ours, theirs = sides["werkbank"]["median"], sides["stock"]["median"]
    ratio = rounded({"ratio": theirs / ours})["ratio"] if ours and theirs is not None else None
    goal = GOALS[figure]
    judgement = {"ratio": ratio, "goal": goal, "met": ours is not None and ours <= goal}
    beside = {name: _sides(name, samples, failures) for name in BESIDE.get(figure, ())}
    return {**sides, **judgement, "beside": beside}


def _sides(name: str, samples: Samples, failures: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    return {side: _summary(samples[side].get(name, ()), failures[side].get(name, 0)) for side in SIDES}


def missed(report: Mapping[str, Any]) -> list[str]:
    """The figures of this report that miss their goal."""
    return [figure for figure in GOALS if figure in report and not report[figure]["met"]]


def _summary(values: Sequence[float], failed: int) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(values), "failed": failed, "median": None, "range": None}
    if values:
        found |= rounded({"median": median(values)})
        found["range"] = [*rounded({"low": min(values), "high": max(values)}).values()]
    return found
