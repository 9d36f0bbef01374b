"""Exercises that check themselves: judge what an answer does, never how it is written.

`check` tells the learner whether an answer works, and where to look when it does not; `use` lets the lesson go on
with the reference when it does not. Every call draws new random cases, so an answer cannot be fitted to them.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import numpy as np

from .exercises import Exercise, NotYetError, exercise
from .progress import progress_path
from .words import language, tr


class ExerciseFailedError(AssertionError):
    """Raised instead of printing where ``WERKBANK_STRICT`` is set: tests and rehearsals must see a failure."""


def check(ex_id: str, answer, *, seed: int | None = None) -> None:
    """Judge ``answer`` and print one sentence: passed, or what to look at.

    ``seed`` repeats the same random cases (for tests). An unfinished answer never stops the notebook. Raises KeyError
    for an unknown exercise, and `ExerciseFailedError` in strict mode only.
    """
    task = exercise(ex_id)
    hint = _judge(task, answer, seed)
    _remember(ex_id, passed=hint is None)
    if hint is None:
        print(tr("check.passed", exercise=ex_id))
    elif os.environ.get("WERKBANK_STRICT"):
        raise ExerciseFailedError(hint)
    else:
        print(tr("check.not_yet", exercise=ex_id, hint=hint))


def use(ex_id: str, mine, *, seed: int | None = None):
    """Return ``mine`` when it passes, else the reference, so that no exercise blocks the rest of a lesson."""
    task = exercise(ex_id)
    if _judge(task, mine, seed) is None:
        return mine
    print(tr("check.reference_used", exercise=ex_id))
    return task.reference


def _judge(task: Exercise, answer, seed: int | None) -> str | None:
    """None when the answer passes, else the hint."""
    if answer is None or answer is Ellipsis:
        return tr("check.nothing")
    try:
        task.judge(answer, np.random.default_rng(seed))
    except NotYetError as reason:
        return tr(reason.key, **reason.values)
    except NotImplementedError:
        return tr("check.nothing")
    except Exception as problem:  # the learner's code may raise anything; that is a finding, not a crash
        return tr("check.raised", problem=f"{type(problem).__name__}: {problem}")
    return None


def _remember(ex_id: str, passed: bool) -> None:
    """Append one event to the learner's record: no code, no name. A full or read-only disk does not stop a lesson."""
    event = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "exercise": ex_id,
        "event": "passed" if passed else "tried",
        "language": language(),
    }
    path = progress_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as record:
            record.write(json.dumps(event) + "\n")
    except OSError as problem:
        print(tr("check.not_recorded", problem=problem))
