"""Exercises of lesson S1, "Start here: find your way in a first session"."""

from __future__ import annotations

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, row_of_numbers

_GIB = 2**30


def memory_gib(environment) -> float | None:
    """``MEM_LIMIT`` (bytes, as text) of ``environment`` in GiB; None when it is not stated."""
    limit = environment.get("MEM_LIMIT")
    return None if limit is None else int(limit) / _GIB


def judge_memory_gib(answer, rng: np.random.Generator) -> None:
    """Three random limits, then an environment that states none."""
    for _ in range(3):
        limit = int(rng.integers(1, 64)) * _GIB + int(rng.integers(0, _GIB))
        found = finite_number(answer(_environment(rng, MEM_LIMIT=str(limit))), "S1-1.number")
        _compare_memory(found, limit)
    try:
        silent = answer(_environment(rng))
    except KeyError:
        raise NotYetError("S1-1.missing") from None
    if silent is not None:
        raise NotYetError("S1-1.zero")


def _environment(rng: np.random.Generator, **more: str) -> dict[str, str]:
    """What a seat may say besides, so that an answer must look for the name it wants."""
    return {"CPU_LIMIT": str(rng.integers(1, 9)), "OMP_NUM_THREADS": "1", "WERKBANK_PROFILE": "small"} | more


def _compare_memory(found: float, limit: int) -> None:
    exact = limit / _GIB
    if np.isclose(found, exact, rtol=1e-6):
        return
    if np.isclose(found, limit / 10**9, rtol=1e-6):
        raise NotYetError("S1-1.gigabyte")
    raise NotYetError("S1-1.size", bytes=limit, found=found)


def waits(arrives, lasts) -> np.ndarray:
    """Minutes that each request waits for one device which serves in order of arrival (both arrays sorted by
    arrival, in minutes).
    """
    free, found = arrives[0], []
    for arrival, length in zip(arrives, lasts, strict=True):
        begins = max(arrival, free)
        found.append(begins - arrival)
        free = begins + length
    return np.array(found)


def judge_waits(answer, rng: np.random.Generator) -> None:
    """A queue that never empties, then one with a pause in which nobody uses the device."""
    _judge_queue(answer, *_crowd(rng), pause=False)
    arrives, lasts = _crowd(rng)
    more, also = _crowd(rng)
    later = arrives[-1] + lasts.sum() + rng.integers(20, 60)
    _judge_queue(answer, np.concatenate([arrives, more + later]), np.concatenate([lasts, also]), pause=True)


def _crowd(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Six to nine requests, each of which comes while the device is taken and stays longer than the next is away."""
    count = int(rng.integers(6, 10))
    arrives = rng.integers(1, 30) + np.concatenate([[0], np.cumsum(rng.integers(1, 6, count - 1))])
    return arrives, rng.integers(8, 40, count)


def _judge_queue(answer, arrives: np.ndarray, lasts: np.ndarray, pause: bool) -> None:
    exact = waits(arrives, lasts)
    found = _waits(answer(arrives.copy(), lasts.copy()), exact.size)
    if np.allclose(found, exact):
        return
    if np.allclose(found, exact + arrives):
        raise NotYetError("S1-2.begins")
    if (found < 0).any():
        raise NotYetError("S1-2.negative")
    first = int(np.flatnonzero(~np.isclose(found, exact))[0])
    if pause:
        raise NotYetError("S1-2.idle", found=found[first], exact=exact[first])
    raise NotYetError("S1-2.chain", number=first + 1, found=found[first], exact=exact[first])


def _waits(found, count: int) -> np.ndarray:
    """The answer as ``count`` finite numbers; raises `NotYetError` when it is not that."""
    numbers = row_of_numbers(found, count, "S1-2.shape")
    if not np.isfinite(numbers).all():
        raise NotYetError("S1-2.shape", count=count)
    return numbers


def smallest_profile(profiles: list[dict], need: dict) -> str | None:
    """Name of the profile with the least memory that has at least the ``cpu``, ``memory_gib`` (GiB) and ``gpu`` that
    are needed; None when there is none.
    """
    fitting = [profile for profile in profiles if _fits(profile, need)]
    return min(fitting, key=lambda profile: profile["memory_gib"])["name"] if fitting else None


def _fits(profile: dict, need: dict) -> bool:
    enough = profile["cpu"] >= need["cpu"] and profile["memory_gib"] >= need["memory_gib"]
    return enough and (need["gpu"] is None or need["gpu"] in profile["gpus"])


def judge_smallest_profile(answer, rng: np.random.Generator) -> None:
    """Needs that fit exactly, that ask for a GPU, and that nothing fits, on profiles in random order.

    The profiles grow in everything together, so that exactly one is the smallest for each need; the largest comes
    first once, and last once.
    """
    names = [f"p{number}" for number in rng.permutation(9)[:4]]
    steps = np.cumsum(rng.integers(1, 4, 4))
    ladder = [
        {"name": name, "cpu": int(step), "memory_gib": int(4 * step), "gpus": gpus}
        for name, step, gpus in zip(names, steps, ([], [], ["slice"], ["slice", "whole"]), strict=True)
    ]
    middle = {"cpu": ladder[1]["cpu"] - 0.5, "memory_gib": ladder[1]["memory_gib"] - 1, "gpu": None}
    _require_some_answer(answer, ladder, middle)
    _expect(answer, ladder[::-1], middle, names[1], "S1-3.first")
    _expect(answer, ladder, middle | {"gpu": "slice"}, names[2], "S1-3.gpu")
    exact = middle | {"cpu": ladder[1]["cpu"], "memory_gib": ladder[1]["memory_gib"]}
    _expect(answer, _shuffled(rng, ladder), exact, names[1], "S1-3.exact")
    _expect_none(answer, _shuffled(rng, ladder), middle | {"memory_gib": ladder[3]["memory_gib"] + 1})
    _expect_none(answer, _shuffled(rng, ladder), middle | {"gpu": "other"})


def _shuffled(rng: np.random.Generator, ladder: list[dict]) -> list[dict]:
    return [ladder[place] for place in rng.permutation(len(ladder))]


def _require_some_answer(answer, ladder: list[dict], need: dict) -> None:
    """An answer that finds nothing for anybody has not been written yet."""
    modest = {"cpu": 0, "memory_gib": 0, "gpu": None}
    found = [answer([dict(profile) for profile in ladder], one) for one in (modest, dict(need))]
    if all(one is None or one is Ellipsis for one in found):
        raise NotYetError("check.nothing")


def _expect(answer, profiles: list[dict], need: dict, name: str, hint: str) -> None:
    found = answer([dict(profile) for profile in profiles], dict(need))
    if found is Ellipsis:
        raise NotYetError("check.nothing")
    if found is not None and not isinstance(found, str):
        raise NotYetError("S1-3.name")
    if found == name:
        return
    if found is None:
        raise NotYetError("S1-3.exact" if hint == "S1-3.exact" else "S1-3.missed")
    raise NotYetError(_why(profiles, need, found, hint))


def _why(profiles: list[dict], need: dict, found: str, hint: str) -> str:
    """The hint for a name that is not the smallest fitting profile."""
    chosen = next((profile for profile in profiles if profile["name"] == found), None)
    if chosen is None:
        return "S1-3.name"
    if not _fits(chosen, need | {"gpu": None}):
        return "S1-3.too_small"
    if not _fits(chosen, need):
        return "S1-3.gpu"
    return hint if hint == "S1-3.exact" else "S1-3.first"


def _expect_none(answer, profiles: list[dict], need: dict) -> None:
    try:
        found = answer([dict(profile) for profile in profiles], dict(need))
    except (ValueError, IndexError):
        raise NotYetError("S1-3.none") from None
    if found is not None:
        raise NotYetError("S1-3.none")


EXERCISES = {
    "S1-1": Exercise(memory_gib, judge_memory_gib),
    "S1-2": Exercise(waits, judge_waits),
    "S1-3": Exercise(smallest_profile, judge_smallest_profile),
}
