"""Exercises of lesson H3, "The algorithm travels, the data stays"."""

from __future__ import annotations

import itertools

import numpy as np

from . import Exercise, NotYetError
from .answers import require_something
from .h3_stations import mask

_MODULUS = 2**32  # the numbers that stations send wrap around here


def average(models: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mean of ``models`` (stations × numbers), each station counted with its number of patients in ``sizes``."""
    return np.average(models, axis=0, weights=sizes)


def judge_average(answer, rng: np.random.Generator) -> None:
    """Stations of very different size; one station alone; and all of the same size."""
    for stations in (4, int(rng.integers(2, 7)), 1):
        sizes = rng.permutation(np.geomspace(20, 900, stations).astype(int) + rng.integers(0, 9, size=stations))
        _judge_one_average(answer, rng, sizes)
    _judge_one_average(answer, rng, np.full(3, int(rng.integers(20, 200))))


def _judge_one_average(answer, rng: np.random.Generator, sizes: np.ndarray) -> None:
    models = rng.normal(0, 2, size=(sizes.size, int(rng.integers(8, 32))))
    found = answer(models.copy(), sizes.copy())
    require_something(found)
    if np.shape(found) == sizes.shape != models.shape[1:]:
        raise NotYetError("H3-1.axis", stations=sizes.size, numbers=models.shape[1])
    if np.shape(found) != models.shape[1:] or np.asarray(found).dtype.kind not in "biuf":
        raise NotYetError("H3-1.shape", numbers=models.shape[1])
    if not np.allclose(found, average(models, sizes), atol=1e-6):
        raise NotYetError(_which_average(models, sizes, np.asarray(found)))


def _which_average(models: np.ndarray, sizes: np.ndarray, found: np.ndarray) -> str:
    """The hint that fits a wrong average."""
    usual = (
        ("H3-1.plain", models.mean(axis=0)),
        ("H3-1.sum", sizes @ models),
        ("H3-1.sum", models.sum(axis=0)),
        ("H3-1.stations", sizes @ models / sizes.size),
        ("H3-1.inverse", np.average(models, axis=0, weights=1 / sizes)),
    )
    return next((hint for hint, value in usual if np.allclose(found, value, atol=1e-6)), "H3-1.other")


def masked(numbers: np.ndarray, me: int, secrets: dict[int, int]) -> np.ndarray:
    """What station ``me`` sends instead of ``numbers`` (uint32): plus a mask for each station with a higher number,
    minus one for each with a lower number; ``secrets`` has the secret that it shares with each.
    """
    for other, secret in secrets.items():
        shift = mask(secret, len(numbers))
        numbers = numbers + shift if me < other else numbers - shift
    return numbers


def judge_masked(answer, rng: np.random.Generator) -> None:
    """Several federations: a message tells nothing to fewer than all other stations together, and the sum is exact."""
    for count in (3, int(rng.integers(3, 6)), 2):
        stations = np.sort(rng.choice(50, size=count, replace=False)).tolist()
        secrets: dict[int, dict[int, int]] = {station: {} for station in stations}
        for one, other in itertools.combinations(stations, 2):
            secrets[one][other] = secrets[other][one] = int(rng.integers(2**62))
        numbers = rng.integers(-(2**24), 2**24, size=(count, int(rng.integers(20, 40)))).astype(np.uint32)
        _judge_messages(answer, dict(zip(stations, numbers, strict=True)), secrets)


def _judge_messages(answer, numbers: dict[int, np.ndarray], secrets: dict[int, dict[int, int]]) -> None:
    messages = [_message(answer, numbers[one], one, secrets[one]) for one in numbers]
    for message, (one, bare) in zip(messages, numbers.items(), strict=True):
        _require_hidden(message - bare, secrets[one])
    if not np.array_equal(np.sum(messages, axis=0, dtype=np.uint32), np.sum([*numbers.values()], 0, dtype=np.uint32)):
        raise NotYetError("H3-2.sum")


def _message(answer, numbers: np.ndarray, me: int, secrets: dict[int, int]) -> np.ndarray:
    """The answer's message (uint32); raises `NotYetError` unless it has a whole number for each number."""
    found = answer(numbers.copy(), me, dict(secrets))
    require_something(found)
    if np.shape(found) != numbers.shape or np.asarray(found).dtype.kind not in "iu":
        raise NotYetError("H3-2.whole", count=numbers.size)
    found = np.asarray(found)
    if (found < 0).any() or (found >= _MODULUS).any():
        raise NotYetError("H3-2.wrap")
    return found.astype(np.uint32)


def _require_hidden(shift: np.ndarray, secrets: dict[int, int]) -> None:
    """Raise `NotYetError` unless ``shift`` (message minus numbers, modulo 2³²) has a mask of every other station, or is
    as wide as masks that we do not know.
    """
    if not shift.any():
        raise NotYetError("H3-2.bare")
    masks = [mask(secret, shift.size) for secret in secrets.values()]
    for signs in itertools.product((-1, 0, 1), repeat=len(masks)):
        total = sum((sign * one.astype(np.int64) for sign, one in zip(signs, masks, strict=True)), np.int64(0))
        if np.array_equal(total % _MODULUS, shift):
            if 0 in signs:
                raise NotYetError("H3-2.few", used=len(signs) - signs.count(0), others=len(signs))
            return
    if np.abs(shift.astype(np.int32).astype(float)).max() < _MODULUS / 8:
        raise NotYetError("H3-2.narrow")


def reconstruct(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, bool]:
    """Measurements of the one patient who is in the gradient sum ``after`` and not in ``before``, and whether the
    tumour is malignant. The last number of a sum belongs to the intercept.
    """
    difference = after - before
    return difference[:-1] / difference[-1], bool(difference[-1] < 0)


def judge_reconstruct(answer, rng: np.random.Generator) -> None:
    """Patients of both kinds, at a model that says something else of each."""
    for malignant in rng.permutation([0, 0, 1, 1]).tolist():
        inputs = rng.normal(size=(int(rng.integers(8, 40)), int(rng.integers(5, 31))))
        inputs[:, -1] = 1
        labels = rng.integers(0, 2, size=len(inputs))
        labels[-1] = malignant
        model = rng.normal(0, 0.5 / np.sqrt(inputs.shape[1]), size=inputs.shape[1])
        each = (1 / (1 + np.exp(-inputs @ model)) - labels)[:, np.newaxis] * inputs
        _judge_patient(answer, each, inputs[-1, :-1], bool(malignant))


def _judge_patient(answer, each: np.ndarray, patient: np.ndarray, malignant: bool) -> None:
    """``each`` has the gradient of one patient per row, the wanted one last."""
    before, after = each[:-1].sum(axis=0), each.sum(axis=0)
    found = answer(before.copy(), after.copy())
    require_something(found)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise NotYetError("H3-3.pair")
    require_something(found[0])
    if np.shape(found[0]) != patient.shape or np.asarray(found[0]).dtype.kind not in "biuf":
        raise NotYetError("H3-3.shape", numbers=patient.size, given=after.size)
    if not np.allclose(found[0], patient, atol=1e-6):
        raise NotYetError(_which_patient(before, after, patient, np.asarray(found[0], dtype=float)))
    if np.ndim(found[1]) != 0 or isinstance(found[1], str) or found[1] not in (0, 1):
        raise NotYetError("H3-3.truth")
    if bool(found[1]) != malignant:
        raise NotYetError("H3-3.label")


def _which_patient(before: np.ndarray, after: np.ndarray, patient: np.ndarray, found: np.ndarray) -> str:
    """The hint that fits wrong measurements."""
    everybody = after[:-1] / after[-1], before[:-1] / before[-1]
    if any(np.allclose(found, one, atol=1e-6) for one in everybody):
        return "H3-3.everybody"
    if np.allclose(found, -patient, atol=1e-6):
        return "H3-3.sign"
    along = np.abs(found @ patient) / max(np.linalg.norm(found) * np.linalg.norm(patient), 1e-300)
    return "H3-3.scale" if np.isclose(along, 1, atol=1e-9) else "H3-3.other"


EXERCISES = {
    "H3-1": Exercise(average, judge_average),
    "H3-2": Exercise(masked, judge_masked),
    "H3-3": Exercise(reconstruct, judge_reconstruct),
}
