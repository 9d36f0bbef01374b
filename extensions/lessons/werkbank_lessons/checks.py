"""Exercises that check themselves: judge what an answer does, never how it is written.

`check` tells the learner whether an answer works, and where to look when it does not; `use` lets the lesson go on
with the reference when it does not. Every call draws new random cases, so an answer cannot be fitted to them.
Whatever an answer does, it costs one sentence and never the notebook; only the learner's own interrupt gets through.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import numpy as np

from .exercises import Exercise, NotYetError, exercise
from .guard import Printed, TimeUp, call_within, captured, interruption
from .progress import progress_path
from .words import language, tr

_PRINTED = 400  # characters of an answer's own output that are shown
_TOLD = 300  # characters of an error's message that are shown


class ExerciseFailedError(AssertionError):
    """Raised instead of printing where ``WERKBANK_STRICT`` is set: tests and rehearsals must see a failure."""


def check(ex_id: str, answer, *, seed: int | None = None) -> None:
    """Judge ``answer`` and print one sentence: passed, or what to look at; before it, what the answer printed.

    ``seed`` repeats the same random cases (for tests). An unfinished answer never stops the notebook. Raises KeyError
    for an unknown exercise, and `ExerciseFailedError` in strict mode only.
    """
    hint, printed = _judge(exercise(ex_id), answer, seed)
    _remember(ex_id, passed=hint is None)
    if printed.length:
        print(tr("check.printed", shown=len(printed.beginning), length=printed.length))
        print(printed.beginning.rstrip("\n"))
    if hint is None:
        print(tr("check.passed", exercise=ex_id))
    elif os.environ.get("WERKBANK_STRICT"):
        raise ExerciseFailedError(hint)
    else:
        print(tr("check.not_yet", exercise=ex_id, hint=hint))


def use(ex_id: str, mine, *, seed: int | None = None):
    """Return ``mine`` when it passes, else the reference, so that no exercise blocks the rest of a lesson."""
    task = exercise(ex_id)
    if _judge(task, mine, seed)[0] is None:
        return mine
    print(tr("check.reference_used", exercise=ex_id))
    return task.reference


def _judge(task: Exercise, answer, seed: int | None) -> tuple[str | None, Printed]:
    """None when the answer passes, else the hint; and what the answer printed meanwhile."""
    with captured(_PRINTED) as printed, interruption() as learner:
        try:
            hint = _hint(task, answer, seed)
        except BaseException as problem:  # also SystemExit and what an answer raises to look like an interrupt
            if learner.came:
                raise
            hint = _of_error(problem, task, answer)
    if learner.came:  # the answer swallowed it
        raise KeyboardInterrupt
    return hint, printed


def _hint(task: Exercise, answer, seed: int | None) -> str | None:
    """What the judge says; raises whatever judge or answer raise."""
    if answer is None or answer is Ellipsis:
        return tr("check.nothing")
    if callable(task.reference) and not callable(answer):
        return tr("check.no_function", kind=type(answer).__name__)
    try:
        call_within(task.seconds, lambda: task.judge(answer, np.random.default_rng(seed)))
    except NotYetError as reason:
        return tr(reason.key, **reason.values)
    return None


def _of_error(problem: BaseException, task: Exercise, answer) -> str:
    """The sentence for an error: the learner's own, or the judge's about an answer of an unexpected kind."""
    if isinstance(problem, NotImplementedError):
        return tr("check.nothing")
    if isinstance(problem, TimeUp):
        return tr("check.too_long", seconds=task.seconds)
    said = f"{type(problem).__name__}: {_message(problem)}"
    key = "check.raised" if _is_in_answer(problem, answer) else "check.unexpected"
    return tr(key, problem=said)


def _message(problem: BaseException) -> str:
    try:
        text = str(problem)
    except Exception:  # an error of the learner's own making may be broken too
        return "?"
    return text if len(text) <= _TOLD else f"{text[:_TOLD]} …"


def _is_in_answer(problem: BaseException, answer) -> bool:
    """Whether the error came out of the learner's code: their function, or anything else in their cells."""
    code = getattr(answer, "__code__", None)
    if code is None and callable(answer):
        return True  # something from a library, or an object of theirs: their choice either way
    trace = problem.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code is code or frame.f_globals.get("__name__") == "__main__":
            return True
        trace = trace.tb_next
    return False


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
