"""Exercises of lesson A2, "Open Dutch text: curate it, protect people, answer with sources"."""

from __future__ import annotations

import numbers
from collections.abc import Callable

import numpy as np

from . import Exercise, NotYetError
from .answers import require_something

_WEIGHTS = np.array([9, 8, 7, 6, 5, 4, 3, 2, -1])


def bsn_ok(number: str) -> bool:
    """Whether ``number`` is nine digits that pass the 11-test of Dutch citizen service numbers: nothing but digits,
    and the sum of digit times weight (9, 8 … 2, and -1 for the last) is divisible by 11.
    """
    return _is_nine_digits(number) and int(_digits(number) @ _WEIGHTS) % 11 == 0


def _is_nine_digits(text: str) -> bool:
    return len(text) == 9 and text.isascii() and text.isdigit()


def _digits(number: str) -> np.ndarray:
    return np.array([int(digit) for digit in number])


def judge_bsn_ok(answer, rng: np.random.Generator) -> None:
    """Numbers that pass, the same with a typing mistake, numbers that pass a related test, and no numbers at all."""
    valid = [_valid(rng) for _ in range(60)]
    valid.append(_valid(rng, first=0))
    invalid = [_mistyped(rng, number) for number in valid]
    verdicts = {number: _verdict(answer, number) for number in (*valid, *invalid)}
    refused = [number for number in valid if not verdicts[number]]
    passed = [number for number in invalid if verdicts[number]]
    if refused or passed:
        raise NotYetError(_which_test(answer, rng, verdicts), number=(refused or passed)[0])
    for text in _no_numbers(rng):
        if _verdict(answer, text):
            raise NotYetError("A2-1.length", number=text)


def _valid(rng: np.random.Generator, first: int | None = None) -> str:
    """A number that passes, which begins with ``first``."""
    while True:
        digits = rng.integers(0, 10, size=9)
        digits[0] = rng.integers(1, 10) if first is None else first
        digits[8] = digits[:8] @ _WEIGHTS[:8] % 11
        if digits[8] < 10:
            return "".join(map(str, digits))


def _mistyped(rng: np.random.Generator, number: str) -> str:
    """One digit different, or two neighbours that differ changed places: neither can pass."""
    digits, place = list(number), int(rng.integers(0, 8))
    if rng.random() < 0.5 and digits[place] != digits[place + 1]:
        digits[place], digits[place + 1] = digits[place + 1], digits[place]
    else:
        digits[place] = str((int(digits[place]) + int(rng.integers(1, 10))) % 10)
    return "".join(digits)


def _no_numbers(rng: np.random.Generator) -> list[str]:
    """Text whose digits add up, and which still is not nine digits."""
    number = _valid(rng)
    longer = _valid(rng, first=0)
    return [longer[1:], f"{number}0", f"0{number}", ""]


def _verdict(answer, number: str) -> bool:
    found = answer(number)
    require_something(found)
    if not isinstance(found, (bool, np.bool_)):
        raise NotYetError("A2-1.truth", kind=type(found).__name__)
    return bool(found)


def _which_test(answer, rng: np.random.Generator, verdicts: dict[str, bool]) -> str:
    """The hint for wrong verdicts: everything or nothing passes, or another test of nine digits fits them."""
    if all(verdicts.values()):
        return "A2-1.only_digits"
    if not any(verdicts.values()):
        return "A2-1.none"
    for hint, weights in (
        ("A2-1.last", np.array([9, 8, 7, 6, 5, 4, 3, 2, 1])),
        ("A2-1.order", np.array([1, 2, 3, 4, 5, 6, 7, 8, 9])),
        ("A2-1.order", np.array([-1, 2, 3, 4, 5, 6, 7, 8, 9])),
        ("A2-1.eight", np.array([9, 8, 7, 6, 5, 4, 3, 2, 0])),
    ):
        if _agrees(answer, rng, verdicts, lambda number, weights=weights: int(_digits(number) @ weights) % 11 == 0):
            return hint
    return "A2-1.weights"


def _agrees(answer, rng: np.random.Generator, verdicts: dict[str, bool], test: Callable[[str], bool]) -> bool:
    """Whether ``test`` gives these verdicts, and those on more numbers."""
    more = ["".join(map(str, rng.integers(0, 10, size=9))) for _ in range(100)]
    return all(verdicts[number] == test(number) for number in verdicts) and all(
        _verdict(answer, number) == test(number) for number in more
    )


def found_share(similarity: float, bands: int, rows: int) -> float:
    """The share of pairs with this Jaccard similarity that agree in all ``rows`` of at least one of ``bands``."""
    return 1 - (1 - similarity**rows) ** bands


def bands_and_rows(similarity: float, recall: float, permutations: int) -> tuple[int, int]:
    """Bands and rows with which at least ``recall`` of the pairs with this similarity are found, the most rows for
    which that is so; they use no more than ``permutations`` values. Raises ValueError where there are none.
    """
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if found_share(similarity, bands, rows) >= recall:
            return bands, rows
    raise ValueError(f"{permutations} permutations are too few to find {recall:.0%} of pairs as alike as {similarity}")


def judge_bands_and_rows(answer, rng: np.random.Generator) -> None:
    """Random demands; rows are judged by what they let through, bands only by what they find."""
    for _ in range(12):
        asked = (float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.9, 0.99)), int(rng.integers(60, 260)))
        bands, rows = _pair(answer(*asked))
        if bands * rows > asked[2]:
            raise NotYetError("A2-2.budget", used=bands * rows, permutations=asked[2])
        if found_share(asked[0], bands, rows) < asked[1]:
            raise NotYetError(_why_missed(bands, rows, *asked), **_told(bands, rows, *asked))
        if rows < bands_and_rows(*asked)[1]:
            raise NotYetError("A2-2.candidates", **_told(bands, rows, *asked))


def _told(bands: int, rows: int, similarity: float, recall: float, permutations: int) -> dict[str, float]:
    return {
        "similarity": similarity,
        "bands": bands,
        "rows": rows,
        "found": 100 * found_share(similarity, bands, rows),
        "recall": 100 * recall,
        "other": 100 * found_share(0.3, bands, rows),
    }


def _pair(found) -> tuple[int, int]:
    """The answer as two whole numbers of at least 1; raises `NotYetError` otherwise."""
    require_something(found)
    if not isinstance(found, (tuple, list, np.ndarray)) or np.shape(found) != (2,):
        raise NotYetError("A2-2.pair")
    if not all(isinstance(one, numbers.Real) and one >= 1 and one == int(one) for one in found):
        raise NotYetError("A2-2.pair")
    bands, rows = (int(one) for one in found)
    return bands, rows


def _why_missed(bands: int, rows: int, similarity: float, recall: float, permutations: int) -> str:
    """The hint for too low a recall: the two changed places, the rule of thumb, or something else."""
    if found_share(similarity, rows, bands) >= recall and rows > bands:
        return "A2-2.swapped"
    near = {one for one in range(1, permutations + 1) if (1 / (permutations // one)) ** (1 / one) <= similarity}
    return "A2-2.thumb" if rows == max(near, default=0) else "A2-2.missed"


def threshold(scores: np.ndarray, right: np.ndarray, cost_wrong: float, cost_silent: float) -> float:
    """The threshold with the lowest total cost on these questions: the assistant answers where the score reaches it.

    ``right`` says whether its answer to a question would be right; a wrong answer costs ``cost_wrong``, silence
    ``cost_silent``. Infinity where it had better never answer.
    """
    candidates = np.append(np.unique(scores), np.inf)
    costs = [total_cost(one, scores, right, cost_wrong, cost_silent) for one in candidates]
    return float(candidates[int(np.argmin(costs))])


def total_cost(threshold: float, scores: np.ndarray, right: np.ndarray, cost_wrong: float, cost_silent: float) -> float:
    """What all questions cost together with this threshold."""
    answers = scores >= threshold
    return float(cost_wrong * (answers & ~right).sum() + cost_silent * (~answers).sum())


def judge_threshold(answer, rng: np.random.Generator) -> None:
    """Questions in which right answers score higher as a rule; then one where all are wrong, and one where all are
    right.
    """
    for _ in range(4):
        scores, right = _questions(rng)
        costs = (float(rng.uniform(4, 8)), float(rng.uniform(0.8, 1.2)))
        _judge_cost(answer, scores, right, *costs)
    scores, right = _questions(rng)
    _judge_cost(answer, scores, np.zeros_like(right), 5.0, 1.0)
    _judge_cost(answer, scores, np.ones_like(right), 5.0, 1.0)
    _judge_cost(answer, scores, right, 1.0, 50.0)


def _questions(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores between 0 and 1, all different, and whether the answer is right: seldom below, mostly above; the highest
    score is wrong, and the threshold that is best divides neighbours.
    """
    scores = rng.permutation(np.linspace(0.02, 0.98, 60) + rng.uniform(-0.007, 0.007, 60))
    right = rng.random(60) < 1 / (1 + np.exp(-9 * (scores - rng.uniform(0.35, 0.55))))
    order = np.argsort(scores)
    right[order[-1]] = False
    right[order[-8:-1]] = True
    return scores, right


def _judge_cost(answer, scores: np.ndarray, right: np.ndarray, cost_wrong: float, cost_silent: float) -> None:
    found = _number(answer(scores.copy(), right.copy(), cost_wrong, cost_silent))
    case = (scores, right, cost_wrong, cost_silent)
    lowest = total_cost(threshold(*case), *case)
    if np.isclose(total_cost(found, *case), lowest):
        return
    raise NotYetError(_why_dear(found, *case), cost=total_cost(found, *case), lowest=lowest)


def _number(found) -> float:
    """The answer's threshold; it may be infinite."""
    require_something(found)
    if isinstance(found, np.ndarray) and found.shape == ():
        found = found.item()
    if isinstance(found, (bool, np.bool_)) or not isinstance(found, numbers.Real) or np.isnan(found):
        raise NotYetError("A2-3.number")
    return float(found)


def _why_dear(found: float, scores: np.ndarray, right: np.ndarray, cost_wrong: float, cost_silent: float) -> str:
    """The hint for a threshold that costs too much."""
    if not right.any():
        return "A2-3.silence"
    if right.all() or cost_silent > cost_wrong:
        return "A2-3.answer_all"
    answers = scores >= found
    if answers.all():
        return "A2-3.always"
    if not answers.any() or found > scores[~right].max():
        return "A2-3.never_wrong"
    case = (scores, right, cost_wrong, cost_silent)
    if np.isclose(total_cost(np.nextafter(found, np.inf), *case), total_cost(threshold(*case), *case)):
        return "A2-3.edge"
    return "A2-3.costs"


EXERCISES = {
    "A2-1": Exercise(bsn_ok, judge_bsn_ok),
    "A2-2": Exercise(bands_and_rows, judge_bands_and_rows),
    "A2-3": Exercise(threshold, judge_threshold),
}
