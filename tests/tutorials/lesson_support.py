"""What the tests of single lessons share: how answers are judged, and the numbers that a lesson promises."""

from __future__ import annotations

import re

import numpy as np
import pytest
from werkbank_lessons.exercises import NotYetError, exercise
from werkbank_lessons.words import tr

from tutorials.build.catalogue import read_expected
from tutorials.build.source import Cell, read_source


def wrong_cells(lesson: str) -> list:
    """The typical mistakes of a lesson, as parameters of a test."""
    return [pytest.param(cell, id=cell.lid) for cell in read_source(lesson) if cell.role == "wrong"]


def answer_of(cell: Cell, **names):
    """The function that an exercise cell defines, with ``names`` known to it."""
    space = {"np": np, **names}
    exec(compile(cell.text, cell.lid, "exec"), space)
    return next(found for name, found in space.items() if name.startswith("my_"))


def judged(ex_id: str, answer, seed: int) -> str | None:
    """The key of the hint, whose sentence can be said, or None when the answer passes."""
    try:
        exercise(ex_id).judge(answer, np.random.default_rng(seed))
    except NotYetError as reason:
        tr(reason.key, **reason.values)
        return reason.key
    return None


def refused(ex_id: str, answer, seed: int) -> str:
    """The key of the hint with which a judge refuses ``answer``."""
    with pytest.raises(NotYetError) as reason:
        exercise(ex_id).judge(answer, np.random.default_rng(seed))
    return reason.value.key


def promised(lesson: str, text: str, language: str) -> None:
    """Fail unless each expected number was printed once, within its tolerance."""
    for name, number in read_expected(lesson).items():
        label = re.escape(getattr(number.label, language))
        lines = re.findall(rf"(?m)^{label}: ([-+]?\d+(?:\.\d+)?)", text)
        assert len(lines) == 1, f"{name}: {lines}"
        assert float(lines[0]) == pytest.approx(number.value, abs=number.tolerance + 1e-9), name
