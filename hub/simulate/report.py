"""How many GPUs each policy needs, and how long cells wait with fewer: the figures, and as a table."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.simulate.replay import Outcome, PolicyMaker, replay
from hub.simulate.trace import Trace

PER_SERVER, CULLED, LEASES, IN_PLACE = "per_server", "cull_30min", "leases", "leases_in_place"
"""`leases`: a parked kernel returns to any GPU; `leases_in_place`: only to its own, as it is without migration."""
QUANTILES = {"p50_s": 0.5, "p90_s": 0.9, "p99_s": 0.99}
STRIDES = 64
TABLE_SHARES = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3)
"""Rows of the table of waits: parts of what `per_server` needs."""


@dataclass(frozen=True)
class Study:
    """Replays of one trace under several policies; each is done once."""

    trace: Trace
    policies: Mapping[str, PolicyMaker]
    most_wait: float
    """Seconds that no cell may wait longer than."""
    watch: Callable[[str, int], None]
    """Told of every replay before it: policy, GPUs."""
    _done: dict[tuple[str, int], Outcome]

    @classmethod
    def of(
        cls,
        trace: Trace,
        policies: Mapping[str, PolicyMaker],
        most_wait: float,
        watch: Callable[[str, int], None] = lambda _policy, _gpus: None,
    ) -> "Study":
        """A study in which nothing was replayed yet."""
        return cls(trace, policies, most_wait, watch, {})

    def outcome(self, policy: str, gpus: int) -> Outcome:
        """What comes of a policy with so many GPUs."""
        if (policy, gpus) not in self._done:
            self.watch(policy, gpus)
            self._done[policy, gpus] = replay(self.trace, self.policies[policy], gpus)
        return self._done[policy, gpus]

    def is_enough(self, policy: str, gpus: int) -> bool:
        """Whether no cell waits longer than allowed."""
        return not self.outcome(policy, gpus).waited_over(self.most_wait)

    def needed(self, policy: str) -> int:
        """The smallest number that is enough together with every larger one that was tried.

        More GPUs do not always mean shorter waits, so a number that happens to be enough below one that
        is not does not count. The search goes down from a GPU for every session that lives at the same
        time, which is always enough: one by one, or in `STRIDES` strides where that would be more, and
        then one by one through the last of them.
        """
        enough = self.trace.most_at_once
        for stride in sorted({max(1, enough // STRIDES), 1}, reverse=True):
            while enough - stride >= self.least and self.is_enough(policy, enough - stride):
                enough -= stride
        return enough

    @property
    def least(self) -> int:
        """GPUs without which some session could never run."""
        return max(session.gpus for session in self.trace.sessions)


def report(study: Study) -> dict[str, Any]:
    """The whole result: plain numbers, seconds and GPU-hours."""
    trace = study.trace
    needed = {policy: study.needed(policy) for policy in study.policies}
    half = max(study.least, needed[PER_SERVER] // 2)
    return {
        "trace": {
            "source": trace.source,
            "sessions": len(trace.sessions),
            "gpu_cells": trace.cells,
            "reserved_gpu_hours": _rounded(trace.reserved_hours),
            "active_gpu_hours": _rounded(trace.gpu_hours),
            "most_sessions_gpus_at_once": trace.most_at_once,
            "most_cells_gpus_at_once": trace.most_busy,
        },
        "most_wait_s": study.most_wait,
        "gpus_needed": needed,
        "ratio": _rounded(needed[LEASES] / needed[PER_SERVER]),
        "at_needed": {policy: figures(study.outcome(policy, gpus), study.most_wait) for policy, gpus in needed.items()},
        "half": half,
        "waits": {policy: figures(study.outcome(policy, half), study.most_wait) for policy in study.policies},
        "table": [_row(study, gpus) for gpus in _counts(needed[PER_SERVER], study.least)],
    }


def figures(outcome: Outcome, most_wait: float) -> dict[str, Any]:
    """Waits of all cells (seconds), of those that waited at all, and what it took."""
    waited = [wait for wait in outcome.waits if wait > 0]
    return {
        "gpus": outcome.gpus,
        **{name: _rounded(quantile(outcome.waits, part)) for name, part in QUANTILES.items()},
        "max_s": _rounded(max(outcome.waits)),
        "mean_s": _rounded(sum(outcome.waits) / len(outcome.waits)),
        "cells_waited": len(waited),
        "p50_of_those_s": _rounded(quantile(waited, 0.5)) if waited else 0.0,
        "cells_over_most_wait": outcome.waited_over(most_wait),
        "held_gpu_hours": _rounded(outcome.held_hours),
        "used_gpu_hours": _rounded(outcome.used_hours),
        "parks": outcome.parks,
        "resumes": outcome.resumes,
        "states_lost": outcome.states_lost,
        "most_parked_gb": _rounded(outcome.parked_bytes / 1e9),
    }


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least `part` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def _row(study: Study, gpus: int) -> dict[str, Any]:
    waits = {policy: figures(study.outcome(policy, gpus), study.most_wait) for policy in study.policies}
    return {"gpus": gpus, **waits}


def _counts(per_server: int, least: int) -> list[int]:
    return sorted({max(least, round(share * per_server)) for share in TABLE_SHARES}, reverse=True)


def _rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")
