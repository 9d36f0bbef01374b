"""Exercises of lesson N1, "Breeding a better crop: genomic prediction"."""

from __future__ import annotations

import numpy as np

from . import Exercise, NotYetError
from .answers import require_something


def relationship(genotypes: np.ndarray) -> np.ndarray:
    """Genomic relationship (lines × lines) of ``genotypes`` (lines × markers, alleles counted 0, 1, 2), by VanRaden's
    first method.
    """
    frequency = genotypes.mean(axis=0) / 2
    centred = genotypes - 2 * frequency
    return centred @ centred.T / (2 * (frequency * (1 - frequency)).sum())


def judge_relationship(answer, rng: np.random.Generator) -> None:
    """Compare on random genotypes, some of them heterozygous; what is only proportional has another denominator."""
    for _ in range(3):
        genotypes = _genotypes(rng)
        found = _matrix(answer(genotypes.copy()), genotypes)
        exact = relationship(genotypes)
        if not np.allclose(found, exact, atol=1e-8):
            raise NotYetError(
                _which_relationship(genotypes, found),
                found=float(found.diagonal().mean()),
                exact=float(exact.diagonal().mean()),
            )


def _genotypes(rng: np.random.Generator) -> np.ndarray:
    """A few lines and markers; every marker occurs in both forms."""
    lines, markers = rng.integers(6, 12), rng.integers(40, 80)
    genotypes = rng.binomial(2, rng.uniform(0.1, 0.9, size=markers), size=(lines, markers)).astype(float)
    genotypes[:2] = [[0], [2]]
    return rng.permuted(genotypes, axis=0)


def _matrix(found, genotypes: np.ndarray) -> np.ndarray:
    """The answer's matrix; raises `NotYetError` unless it has a finite number for each pair of lines."""
    require_something(found)
    lines, markers = genotypes.shape
    if np.shape(found) == (markers, markers):
        raise NotYetError("N1-1.markers", lines=lines, markers=markers)
    if np.shape(found) != (lines, lines):
        raise NotYetError("N1-1.shape", lines=lines)
    matrix = np.asarray(found, dtype=float)
    if not np.isfinite(matrix).all():
        raise NotYetError("N1-1.number")
    return matrix


def _which_relationship(genotypes: np.ndarray, found: np.ndarray) -> str:
    """The hint that fits a wrong matrix: right but for a factor, or one of the usual other definitions."""
    centred = genotypes - genotypes.mean(axis=0)
    others = {
        "N1-1.scale": centred,
        "N1-1.centre": genotypes,
        "N1-1.line": genotypes - genotypes.mean(axis=1, keepdims=True),
        "N1-1.frequency": genotypes - genotypes.mean(axis=0) / 2,
        "N1-1.standardised": centred / genotypes.std(axis=0),
        "N1-1.expected": centred / np.sqrt(genotypes.mean(axis=0) * (1 - genotypes.mean(axis=0) / 2)),
    }
    for hint, used in others.items():
        if _is_proportional(found, used @ used.T):
            return "N1-1.standardised" if hint == "N1-1.expected" else hint
    return "N1-1.definition"


def _is_proportional(found: np.ndarray, other: np.ndarray) -> bool:
    factor = (found * other).sum() / (other * other).sum()
    return bool(factor > 0 and np.allclose(found, factor * other, atol=1e-8 * factor * np.abs(other).max()))


def folds(family: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Fold (0 to ``count`` - 1) of each line: whole families, drawn at random, equally many per fold give or take
    one.
    """
    names, which = np.unique(family, return_inverse=True)
    return rng.permutation(np.arange(names.size) % count)[which]


def judge_folds(answer, rng: np.random.Generator) -> None:
    """Shuffled lines of families of unequal size; several draws, because chance may balance one of them."""
    for _ in range(6):
        family, count = _families(rng), int(rng.integers(3, 6))
        drawn = [_folds(answer, family, count, int(rng.integers(2**31))) for _ in range(4)]
        for found in drawn:
            _require_whole_families(family, found)
            _require_balance(family, found, count)
        if all(np.array_equal(found, drawn[0]) for found in drawn):
            raise NotYetError("N1-2.same")


def _families(rng: np.random.Generator) -> np.ndarray:
    """Family of each line, in no order."""
    sizes = rng.integers(4, 12, size=int(rng.integers(11, 18)))
    numbers = rng.choice(100, size=sizes.size, replace=False)
    return rng.permutation(np.repeat([f"C{number:02d}" for number in numbers], sizes))


def _folds(answer, family: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The answer's folds; raises `NotYetError` unless they are whole numbers below ``count``, one per line, all
    used.
    """
    found = answer(family.copy(), count, np.random.default_rng(seed))
    require_something(found)
    if np.shape(found) != family.shape:
        raise NotYetError("N1-2.shape", lines=family.size)
    numbers = np.asarray(found)
    if numbers.dtype.kind not in "iuf" or not np.array_equal(numbers, np.rint(numbers)):
        raise NotYetError("N1-2.number")
    if numbers.min() < 0 or numbers.max() >= count:
        raise NotYetError("N1-2.count", count=count, last=count - 1, low=int(numbers.min()), high=int(numbers.max()))
    return numbers.astype(int)


def _require_whole_families(family: np.ndarray, found: np.ndarray) -> None:
    for name in np.unique(family):
        parts = np.unique(found[family == name]).size
        if parts > 1:
            raise NotYetError("N1-2.split", family=name, parts=parts)


def _require_balance(family: np.ndarray, found: np.ndarray, count: int) -> None:
    """Equally many families per fold, or as equally many lines as whole families allow."""
    families = [np.unique(family[found == fold]).size for fold in range(count)]
    lines = np.bincount(found, minlength=count)
    largest = np.unique(family, return_counts=True)[1].max()
    if min(families) == 0 or (max(families) - min(families) > 1 and lines.max() - lines.min() > largest):
        raise NotYetError("N1-2.uneven", fewest=min(families), most=max(families))


def response(predicted: np.ndarray, true_value: np.ndarray, share: float) -> float:
    """Selection response (t/ha): mean true value of the best ``share`` of the lines by prediction, minus that of
    all.
    """
    count = round(share * len(predicted))
    chosen = np.argsort(predicted)[-count:]
    return float(true_value[chosen].mean() - true_value.mean())


def judge_response(answer, rng: np.random.Generator) -> None:
    """Predictions that are right only in part, on a scale of their own, so that each mix-up gives another number."""
    for _ in range(3):
        predicted, truth, share = _candidates(rng)
        found = answer(predicted.copy(), truth.copy(), share)
        require_something(found)
        if isinstance(found, str) or np.ndim(found) != 0 or not np.isfinite(found):
            raise NotYetError("N1-3.number")
        if not np.isclose(float(found), response(predicted, truth, share)):
            raise NotYetError(_which_response(predicted, truth, share, float(found)), found=float(found))


def _candidates(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Predictions and true values with correlation of about 0.6, and a share that makes a whole number of lines."""
    lines = 20 * int(rng.integers(5, 15))
    shared, own, error = rng.normal(size=(3, lines))
    truth = rng.uniform(6, 12) + 0.5 * (0.6 * shared + 0.8 * own)
    predicted = rng.uniform(20, 30) + 2 * (shared + 0.2 * error)
    return predicted, truth, float(rng.choice([0.05, 0.1, 0.2]))


def _which_response(predicted: np.ndarray, truth: np.ndarray, share: float, found: float) -> str:
    """The hint that fits a wrong number: another choice of lines, or another pair of means."""
    count = round(share * len(predicted))
    best, worst = np.argsort(predicted)[-count:], np.argsort(predicted)[:count]
    usual = (
        ("N1-3.difference", truth[best].mean()),
        ("N1-3.lowest", truth[worst].mean() - truth.mean()),
        ("N1-3.hoped", predicted[best].mean() - predicted.mean()),
        ("N1-3.hindsight", np.sort(truth)[-count:].mean() - truth.mean()),
        ("N1-3.sign", truth.mean() - truth[best].mean()),
        ("N1-3.rest", truth[best].mean() - np.delete(truth, best).mean()),
        ("N1-3.scales", truth[best].mean() - predicted.mean()),
        ("N1-3.scales", predicted[best].mean() - truth.mean()),
    )
    return next((hint for hint, value in usual if np.isclose(found, value)), "N1-3.other")


EXERCISES = {
    "N1-1": Exercise(relationship, judge_relationship),
    "N1-2": Exercise(folds, judge_folds),
    "N1-3": Exercise(response, judge_response),
}
