"""Exercises of lesson N2, "Medicines: is your model fooling you?"."""

from __future__ import annotations

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, require_something


def tanimoto(one: np.ndarray, other: np.ndarray) -> float:
    """Tanimoto similarity (0 to 1) of two fingerprints (bits, 0 or 1): shared bits over bits that at least one has."""
    shared = np.count_nonzero(one & other)
    return shared / np.count_nonzero(one | other)


def judge_tanimoto(answer, rng: np.random.Generator) -> None:
    """Compare on fingerprints as RDKit makes them, and then on such that share more bits than a byte can count."""
    for _ in range(4):
        one, other = _pair(rng, bits=1024, few=30, many=90)
        found = finite_number(answer(one.copy(), other.copy()), "N2-1.number")
        exact = tanimoto(one, other)
        if not np.isclose(found, exact, atol=1e-3):
            raise NotYetError(_which_similarity(one, other, found), found=found, exact=exact)
    one, other = _pair(rng, bits=2048, few=280, many=330)
    found, exact = finite_number(answer(one.copy(), other.copy()), "N2-1.number"), tanimoto(one, other)
    if not np.isclose(found, exact, atol=1e-3):
        raise NotYetError("N2-1.large", found=found, exact=exact, shared=int((one & other).sum()))


def _pair(rng: np.random.Generator, *, bits: int, few: int, many: int) -> tuple[np.ndarray, np.ndarray]:
    """Two fingerprints (unsigned bytes): ``few`` to ``many`` shared bits, and each some of its own, the first more."""
    places = rng.permutation(bits)
    shared, first, second = rng.integers(few, many), rng.integers(30, 50), rng.integers(10, 25)
    one, other = np.zeros((2, bits), dtype=np.uint8)
    one[places[: shared + first]] = 1
    other[places[:shared]] = 1
    other[places[shared + first : shared + first + second]] = 1
    return one, other


def _which_similarity(one: np.ndarray, other: np.ndarray, found: float) -> str:
    """The hint that fits a wrong similarity: another numerator, another denominator, or another scale."""
    shared = float((one & other).sum())
    first, second = float(one.sum()), float(other.sum())
    usual = (
        ("N2-1.length", shared / one.size),
        ("N2-1.zeros", (one == other).mean()),
        ("N2-1.twice", shared / (first + second)),
        ("N2-1.dice", 2 * shared / (first + second)),
        ("N2-1.one_sided", shared / first),
        ("N2-1.one_sided", shared / second),
        ("N2-1.cosine", shared / np.sqrt(first * second)),
        ("N2-1.distance", 1 - tanimoto(one, other)),
        ("N2-1.percent", 100 * tanimoto(one, other)),
    )
    return next((hint for hint, value in usual if np.isclose(found, value, atol=1e-6)), "N2-1.other")


def split(groups: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Test set (True for each compound in it) of whole groups drawn at random, as near to ``share`` of the compounds as
    the order of drawing allows.
    """
    names, position, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(names.size)
    held_out = np.cumsum(sizes[order])
    last = np.abs(held_out - share * len(groups)).argmin()
    return np.isin(position, order[: last + 1])


_MISS = 0.06  # how far the test set may be from the share that was asked for, in the mean over all draws


def judge_split(answer, rng: np.random.Generator) -> None:
    """Several groupings, by name and by number; whole groups in each draw, the share on average, and chance in it."""
    misses, asked, held_out, same = [], [], [], True
    for case in range(6):
        groups, share = _groups(rng, named=case != 2), float(rng.choice([0.1, 0.3, 0.4]))
        draws = [_test_set(answer, groups, share, int(rng.integers(2**31))) for _ in range(3)]
        for test in draws:
            _require_whole_groups(groups, test)
            misses.append(abs(test.mean() - share))
        asked.append(share)
        held_out.append(np.mean([test.mean() for test in draws]))
        same = same and all(np.array_equal(test, draws[0]) for test in draws)
    if np.allclose(np.add(asked, held_out), 1, atol=2 * _MISS):
        raise NotYetError("N2-2.inverted")
    if np.mean(misses) > _MISS:
        raise NotYetError("N2-2.share", asked=100 * asked[0], found=100 * held_out[0])
    if same:
        raise NotYetError("N2-2.same")


def _groups(rng: np.random.Generator, *, named: bool) -> np.ndarray:
    """Group of each compound, in no order: small groups, one of them without a name (as acyclic molecules have no
    scaffold); or their numbers.
    """
    sizes = rng.integers(1, 7, size=int(rng.integers(36, 48)))
    numbers = np.sort(rng.choice(900, size=sizes.size, replace=False) + 100)
    names = np.array(["", *(f"c1ccc(C{number})cc1" for number in numbers[1:])])
    return rng.permutation(np.repeat(names if named else numbers, sizes))


def _test_set(answer, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The answer's test set; raises `NotYetError` unless it says yes or no for each compound, and both occur."""
    found = answer(groups.copy(), share, np.random.default_rng(seed))
    require_something(found)
    test = _decisions(found, len(groups))
    if test is None:
        raise NotYetError("N2-2.mask", compounds=len(groups))
    if test.all() or not test.any():
        raise NotYetError("N2-2.empty")
    return test


def _decisions(found, count: int) -> np.ndarray | None:
    """``found`` as ``count`` booleans, or None when it is nothing of the kind."""
    if isinstance(found, str) or np.shape(found) != (count,):
        return None
    values = np.asarray(found)
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        return None
    return values.astype(bool)


def _require_whole_groups(groups: np.ndarray, test: np.ndarray) -> None:
    divided = np.intersect1d(groups[test], groups[~test])
    if divided.size == 1:
        raise NotYetError("N2-2.cut", group=str(divided[0]))
    if divided.size:
        raise NotYetError("N2-2.both", divided=divided.size, groups=np.unique(groups).size)


def similarities(known: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of each new compound with each known one (new × known), from their bits."""
    known, new = known.astype(float), new.astype(float)
    shared = new @ known.T
    return shared / (new.sum(axis=1, keepdims=True) + known.sum(axis=1) - shared)


def domain(known: np.ndarray, new: np.ndarray, least: float) -> np.ndarray:
    """Whether each of the ``new`` compounds (compounds × bits) has a similarity of ``least`` or more with at least one
    of the ``known``.
    """
    return similarities(known, new).max(axis=1) >= least


def judge_domain(answer, rng: np.random.Generator) -> None:
    """Relatives of one known compound among strangers; ``least`` lies between them, or is met exactly."""
    for _ in range(3):
        known, new = _strangers(rng, int(rng.integers(25, 40))), _strangers(rng, int(rng.integers(10, 20)))
        relatives = rng.permutation(len(new))[: len(new) // 2]
        new[relatives] = known[rng.choice(len(known), size=relatives.size)] & (rng.random((relatives.size, 512)) < 0.9)
        least = float(rng.uniform(0.5, 0.65))
        found = _inside(answer, known, new, least)
        if not np.array_equal(found, domain(known, new, least)):
            raise NotYetError(_which_domain(known, new, least, found))
    known = _strangers(rng, 30)
    new = known[:9].copy()
    for one in new:
        one[np.flatnonzero(one)[20:]] = 0
    if not _inside(answer, known, new, 0.5).all():
        raise NotYetError("N2-3.edge", least=0.5)


def _strangers(rng: np.random.Generator, count: int) -> np.ndarray:
    """Fingerprints with 40 of 512 bits each, which have little in common."""
    found = np.zeros((count, 512), dtype=np.uint8)
    for one in found:
        one[rng.choice(512, size=40, replace=False)] = 1
    return found


def _inside(answer, known: np.ndarray, new: np.ndarray, least: float) -> np.ndarray:
    """The answer's decisions; raises `NotYetError` unless there is one for each new compound."""
    found = answer(known.copy(), new.copy(), least)
    require_something(found)
    if np.shape(found) == (len(known),):
        raise NotYetError("N2-3.axis", known=len(known), new=len(new))
    inside = _decisions(found, len(new))
    if inside is None:
        raise NotYetError("N2-3.decision", new=len(new))
    return inside


def _which_domain(known: np.ndarray, new: np.ndarray, least: float, found: np.ndarray) -> str:
    """The hint that fits wrong decisions."""
    if np.array_equal(found, ~domain(known, new, least)):
        return "N2-3.inverted"
    if found.all():
        return "N2-3.all"
    if not found.any():
        return "N2-3.none"
    return "N2-3.other"


EXERCISES = {
    "N2-1": Exercise(tanimoto, judge_tanimoto),
    "N2-2": Exercise(split, judge_split),
    "N2-3": Exercise(domain, judge_domain),
}
