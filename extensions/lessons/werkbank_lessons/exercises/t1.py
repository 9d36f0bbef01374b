"""Exercises of lesson T1, "Prepare a workshop: find out today what would go wrong tomorrow"."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, require_something

ONE_SPARE_FOR = 20  # people


def seats(people: int) -> int:
    """A seat for each of ``people`` learners, one for the trainer, and a spare one for every twenty begun."""
    return people + 1 + math.ceil(people / ONE_SPARE_FOR)


def judge_seats(answer, rng: np.random.Generator) -> None:
    """Round numbers of people, and numbers just above and below them."""
    tens = ONE_SPARE_FOR * int(rng.integers(2, 8))
    for people in (tens, tens + 1, tens - 1, int(rng.integers(2, 19)), int(rng.integers(150, 400))):
        found, exact = finite_number(answer(people), "T1-1.number"), seats(people)
        if found != exact:
            raise NotYetError(_why_seats(found, people), people=people, found=found, exact=exact)


def _why_seats(found: float, people: int) -> str:
    spare = math.ceil(people / ONE_SPARE_FOR)
    if found == people or (found == people + spare and people % ONE_SPARE_FOR == 0):
        return "T1-1.trainer"
    if found == people + 1:
        return "T1-1.spare"
    if found == people + 1 + people / ONE_SPARE_FOR:
        return "T1-1.half"
    if found in (people + 1 + people // ONE_SPARE_FOR, people + 1 + round(people / ONE_SPARE_FOR)):
        return "T1-1.begun"
    return "T1-1.other"


def largest_class(memory: float, kept: float, seat: float, seats_for: Callable[[int], int]) -> int:
    """The most people whose ``seats_for`` them (of ``seat`` GiB each) fit in ``memory`` GiB, of which ``kept`` are for
    the machine itself; 0 when not even one person fits.
    """
    people = 0
    while seats_for(people + 1) * seat <= memory - kept:
        people += 1
    return people


def _class_in(memory: float, kept: float, seat: float) -> int:
    return largest_class(memory, kept, seat, seats)


def judge_largest_class(answer, rng: np.random.Generator) -> None:
    """Machines in which a class just fits, does not just fit, and no class fits at all."""
    for _ in range(4):
        people, seat = int(rng.integers(5, 90)), float(rng.choice([1.0, 2.0]))
        kept = seat * int(rng.integers(10, 17))  # so much that to forget it cannot look like another mistake
        _expect_class(answer, kept + seats(people) * seat, kept, seat)
        _expect_class(answer, kept + seats(people) * seat + seat * rng.uniform(0.1, 0.9), kept, seat)
        _expect_class(answer, kept + seats(people) * seat - seat * rng.uniform(0.1, 0.9), kept, seat)
    _expect_class(answer, 8.0, 4.0, 2.0)
    _expect_class(answer, 4.0, 6.0, 2.0)


def _expect_class(answer, memory: float, kept: float, seat: float) -> None:
    found, exact = finite_number(answer(memory, kept, seat, seats), "T1-2.number"), _class_in(memory, kept, seat)
    if found == exact:
        return
    case = {"memory": memory, "kept": kept, "seat": seat, "found": found}
    raise NotYetError(_why_class(found, exact, memory, kept, seat), **case)


def _why_class(found: float, exact: int, memory: float, kept: float, seat: float) -> str:
    """The hint for a class of the wrong size."""
    if found != int(found):
        return "T1-2.whole"
    if found < 0 or exact == 0:
        return "T1-2.nobody"
    if found == _class_in(memory, 0, seat) or found == memory // seat:
        return "T1-2.kept"
    if found == (memory - kept) // seat:
        return "T1-2.seats"
    if found < exact:
        return "T1-2.smaller"
    return "T1-2.larger"


def pauses(minutes: list[int], most: int) -> list[int]:
    """The positions in ``minutes`` before which a pause comes, so that nobody sits longer than ``most`` minutes
    between two pauses; as few as possible.
    """
    before, sitting = [], 0
    for position, lasts in enumerate(minutes):
        if sitting + lasts > most:
            before.append(position)
            sitting = 0
        sitting += lasts
    return before


def judge_pauses(answer, rng: np.random.Generator) -> None:
    """Days that need no pause, days that fit exactly, and long days at random."""
    _expect_pauses(answer, [30, 40], 105)
    _expect_pauses(answer, [60, 45, 60, 45], 105)
    for _ in range(8):
        most = int(rng.integers(60, 121))
        _expect_pauses(answer, [int(lasts) for lasts in rng.integers(15, 61, int(rng.integers(4, 12)))], most)


def _expect_pauses(answer, minutes: list[int], most: int) -> None:
    found = _positions(answer(list(minutes), most), len(minutes))
    longest = max(sum(part) for part in _sittings(minutes, found))
    if longest > most:
        shifted = [position - 1 for position in found if position > 1]
        late = bool(found) and max(sum(part) for part in _sittings(minutes, shifted)) <= most
        raise NotYetError("T1-3.late" if late else "T1-3.long", longest=longest, most=most)
    fewest = len(pauses(minutes, most))
    if len(found) > fewest:
        if not fewest:
            raise NotYetError("T1-3.none", total=sum(minutes), most=most)
        raise NotYetError("T1-3.many", found=len(found), fewest=fewest)


def _positions(found, count: int) -> list[int]:
    require_something(found)
    if not isinstance(found, (list, tuple, np.ndarray)):
        raise NotYetError("T1-3.kind")
    positions = [finite_number(one, "T1-3.kind") for one in found]
    if any(one != int(one) for one in positions):
        raise NotYetError("T1-3.kind")
    if any(one < 1 or one >= count for one in positions) or len(set(positions)) < len(positions):
        raise NotYetError("T1-3.outside", last=count - 1)
    return sorted(map(int, positions))


def _sittings(minutes: list[int], before: list[int]) -> list[list[int]]:
    """The parts of a day between its pauses."""
    edges = [0, *before, len(minutes)]
    return [minutes[begin:end] for begin, end in pairwise(edges)]


EXERCISES = {
    "T1-1": Exercise(seats, judge_seats),
    "T1-2": Exercise(largest_class, judge_largest_class),
    "T1-3": Exercise(pauses, judge_pauses),
}
