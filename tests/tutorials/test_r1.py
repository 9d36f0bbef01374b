"""R1: right answers in several writings pass, and each usual mistake gets its own hint."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from werkbank_lessons.exercises import NotYetError, exercise

SEEDS = range(20)


def refused(ex_id, answer, seed):
    with pytest.raises(NotYetError) as reason:
        exercise(ex_id).judge(answer, np.random.default_rng(seed))
    return reason.value.key


@pytest.mark.parametrize("seed", SEEDS)
def test_right_answers_written_another_way_pass(seed):
    others = {
        "R1-1": lambda values: statistics.stdev(values.tolist()) * len(values) ** -0.5,
        "R1-2": lambda values: values.mean() + np.array([-2, 2]) * values.std(ddof=1) / len(values) ** 0.5,
        "R1-3": lambda scatter, want: next(n for n in range(1, 10**6) if scatter / n**0.5 <= want),
    }
    for ex_id, answer in others.items():
        exercise(ex_id).judge(answer, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_usual_mistake_gets_its_own_hint(seed):
    assert refused("R1-1", np.std, seed) == "R1-1.scatter"
    assert refused("R1-1", lambda values: np.std(values, ddof=1) / len(values), seed) == "R1-1.root"
    assert refused("R1-1", lambda values: values, seed) == "R1-1.number"
    assert refused("R1-2", lambda values: values.mean(), seed) == "R1-2.pair"
    assert refused("R1-2", lambda values: (0.0, 1.0), seed) == "R1-2.middle"
    assert refused("R1-3", lambda scatter, want: int(scatter / want), seed) == "R1-3.square"
    assert refused("R1-3", lambda scatter, want: int((scatter / want) ** 2), seed) == "R1-3.enough"
