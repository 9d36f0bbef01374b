"""Exercises of lesson H4, "Medical images: de-identify, segment, know when to doubt"."""

from __future__ import annotations

import copy
import math

import numpy as np
from pydicom.dataset import Dataset

from . import Exercise, NotYetError
from .answers import finite_number, require_something, row_of_numbers
from .h4_scans import ACTIONS, days_for, elements, make_scans, moved, new_uid, pseudonym

# Without these a CT image cannot be drawn, or not be measured.
NEEDED = (
    "Rows",
    "Columns",
    "BitsStored",
    "PixelRepresentation",
    "PixelData",
    "PixelSpacing",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "Modality",
)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID")


def deidentify(image: Dataset, key: bytes) -> Dataset:
    """A copy of ``image`` in which `ACTIONS` was applied to every element, also in sequences; others are removed."""
    days = days_for(image.PatientID, key)
    clean = copy.deepcopy(image)
    clean.remove_private_tags()

    def act(dataset, element):
        action = ACTIONS.get(element.keyword, "X")
        if action == "X":
            del dataset[element.tag]
        elif action == "Z":
            element.clear()
        elif action == "D":
            element.value = pseudonym(element.value, key)
        elif action == "U":
            element.value = new_uid(element.value, key)
        elif action == "C":
            element.value = moved(element.value, days)

    clean.walk(act)
    return clean


def judge_deidentify(answer, rng: np.random.Generator) -> None:
    """Five scans of three people: what is needed is still there, nobody is, and what belonged together still does."""
    scans, key = make_scans(rng), rng.bytes(32)
    cleaned = [_cleaned(answer, scan, key) for scan in scans]
    for scan, clean in zip(scans, cleaned, strict=True):
        _require_needed(scan, clean)
        _require_public(clean)
        _require_nobody(scan, clean)
    _require_uids(scans, cleaned)
    _require_people(scans, cleaned)
    _require_dates(scans, cleaned)
    again = _cleaned(answer, scans[0], rng.bytes(32))
    if again.PatientID == cleaned[0].PatientID or again.SOPInstanceUID == cleaned[0].SOPInstanceUID:
        raise NotYetError("H4-1.key")


def _cleaned(answer, scan: Dataset, key: bytes) -> Dataset:
    clean = answer(copy.deepcopy(scan), key)
    require_something(clean)
    if not isinstance(clean, Dataset):
        raise NotYetError("H4-1.dataset")
    return clean


def _require_needed(scan: Dataset, clean: Dataset) -> None:
    for keyword in NEEDED:
        if clean.get(keyword) != scan.get(keyword):
            raise NotYetError("H4-1.needed", keyword=keyword)
    if clean.get("SOPClassUID") != scan.SOPClassUID:
        raise NotYetError("H4-1.class")


def _require_public(clean: Dataset) -> None:
    """No private element is left, neither at the top nor in a sequence."""
    top = sum(element.tag.is_private for element in clean)
    every = sum(element.tag.is_private for element in elements(clean))
    if top:
        raise NotYetError("H4-1.private", count=top)
    if every:
        raise NotYetError("H4-1.private_nested", count=every)


def _require_nobody(scan: Dataset, clean: Dataset) -> None:
    """Nothing of what the letters say must go has stayed, and no other element has what identifies the patient."""
    secrets = (scan.PatientID, "Fictief", "Zonnedal", "ZONNEDAL", "Verzonnen", scan.PatientBirthDate)
    for element in elements(clean):
        said = str(element.value)
        if any(secret in said for secret in secrets):
            raise NotYetError("H4-1.identity", name=element.name)
        action = ACTIONS.get(element.keyword, "X")
        if action in "XZ" and said not in ("", "None", "[]") and said == str(scan.get(element.keyword)):
            raise NotYetError("H4-1.stayed", name=element.name, action=action)


def _require_uids(scans: list[Dataset], cleaned: list[Dataset]) -> None:
    """Old UIDs are gone; equal ones became equal ones, different ones different ones, and references still point."""
    old = {scan[keyword].value for scan in scans for keyword in UIDS}
    table: dict[str, str] = {}
    for scan, clean in zip(scans, cleaned, strict=True):
        for keyword in UIDS:
            found = _uid(clean, keyword, old)
            if table.setdefault(scan[keyword].value, found) != found:
                raise NotYetError("H4-1.uid_unlike", keyword=keyword)
    if len(set(table.values())) != len(table):
        raise NotYetError("H4-1.uid_merged")
    for clean in cleaned[1:3]:
        if not clean.get("ReferencedImageSequence"):
            raise NotYetError("H4-1.reference_gone")
        found = clean.ReferencedImageSequence[0].get("ReferencedSOPInstanceUID")
        if found in old:
            raise NotYetError("H4-1.uid_nested")
        if found != cleaned[0].SOPInstanceUID:
            raise NotYetError("H4-1.reference")


def _uid(clean: Dataset, keyword: str, old: set[str]) -> str:
    element = clean.get(keyword)
    if not element or not getattr(element, "is_valid", True):
        raise NotYetError("H4-1.uid_gone", keyword=keyword)
    if element in old:
        raise NotYetError("H4-1.uid_old", keyword=keyword)
    return str(element)


def _require_people(scans: list[Dataset], cleaned: list[Dataset]) -> None:
    """One pseudonym per patient, and another one for another patient."""
    pairs = {(scan.PatientID, str(clean.get("PatientID") or "")) for scan, clean in zip(scans, cleaned, strict=True)}
    people = len({scan.PatientID for scan in scans})
    if any(not name for _, name in pairs) or len(pairs) != people or len({name for _, name in pairs}) != people:
        raise NotYetError("H4-1.pseudonym")


def _require_dates(scans: list[Dataset], cleaned: list[Dataset]) -> None:
    """All dates of a patient move equally far, and those of other patients differently."""
    shifts: dict[str, set[int]] = {}
    for scan, clean in zip(scans, cleaned, strict=True):
        for keyword in ("StudyDate", "AcquisitionDate"):
            shifts.setdefault(scan.PatientID, set()).add(_days(clean, keyword) - _days(scan, keyword))
    if {0} in shifts.values():
        raise NotYetError("H4-1.date_stayed")
    if any(len(days) > 1 for days in shifts.values()):
        raise NotYetError("H4-1.interval")
    if len(set.union(*shifts.values())) == 1:
        raise NotYetError("H4-1.everybody")


def _days(dataset: Dataset, keyword: str) -> int:
    """The date as a number of days."""
    said = str(dataset.get(keyword) or "")
    try:
        return int(np.datetime64(f"{said[:4]}-{said[4:6]}-{said[6:]}", "D").astype(int))
    except ValueError:
        raise NotYetError("H4-1.date_gone", keyword=keyword) from None


def dice(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The Dice score of each slice (slices × height × width, yes or no); 1 where both are empty."""
    both = (found & truth).sum(axis=(1, 2))
    together = found.sum(axis=(1, 2)) + truth.sum(axis=(1, 2))
    return np.where(together == 0, 1, 2 * both / np.maximum(together, 1))


def judge_dice(answer, rng: np.random.Generator) -> None:
    """Random slices with small and large lesions, without one, found for nothing, missed, and rightly left alone."""
    found, truth = _masks(rng)
    scores = answer(found.copy(), truth.copy())
    require_something(scores)
    if np.ndim(scores) == 0:
        raise NotYetError("H4-2.pooled")
    scores, exact = row_of_numbers(scores, len(found), "H4-2.shape"), dice(found, truth)
    empty = ~found.any(axis=(1, 2)) & ~truth.any(axis=(1, 2))
    full = found.any(axis=(1, 2)) & truth.any(axis=(1, 2))
    _require_overlap(scores[full], found[full], truth[full])
    if np.isnan(scores).any():
        raise NotYetError("H4-2.empty_nan")
    if not np.allclose(scores[empty], 1, atol=1e-3):
        raise NotYetError("H4-2.empty", found=float(scores[empty][0]))
    if not np.allclose(scores, exact, atol=1e-3):
        raise NotYetError("H4-2.one_empty", found=float(scores[~empty & ~full][0]))


def _masks(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Nine slices: six lesions of 2 × 2 pixels and more, found in part; one missed; one found for nothing; none."""
    side = int(rng.integers(20, 30))
    found, truth = np.zeros((2, 9, side, side), dtype=bool)
    for place, width in enumerate((2, 3, 5, 7, 9, 11)):
        row, column = rng.integers(0, side - width - 2, size=2)
        truth[place, row : row + width, column : column + width] = True
        found[place, row + 1 : row + width + 1, column : column + width + 1] = True
    truth[6, 3:6, 4:9] = True
    found[7, 5:9, 2:6] = True
    order = rng.permutation(9)
    return found[order], truth[order]


def _require_overlap(scores: np.ndarray, found: np.ndarray, truth: np.ndarray) -> None:
    """The scores of slices in which there is something and something was found."""
    exact = dice(found, truth)
    if np.allclose(scores, exact, atol=1e-3):
        return
    axes = (1, 2)
    if np.allclose(scores, exact / (2 - exact), atol=1e-3):
        raise NotYetError("H4-2.jaccard")
    if np.allclose(scores, (found == truth).mean(axis=axes), atol=1e-3):
        raise NotYetError("H4-2.accuracy")
    if np.allclose(scores, (found & truth).sum(axis=axes) / truth.sum(axis=axes), atol=1e-3):
        raise NotYetError("H4-2.sensitivity")
    if np.allclose(scores, exact / 2, atol=1e-3):
        raise NotYetError("H4-2.half")
    errors = np.abs(scores - exact)
    key = "H4-2.smooth" if errors.max() < 0.15 and errors.argmax() == truth.sum(axis=axes).argmin() else "H4-2.other"
    worst = int(errors.argmax()) if np.isfinite(errors).all() else 0
    raise NotYetError(key, pixels=int(truth[worst].sum()), found=float(scores[worst]), exact=float(exact[worst]))


def margin(errors: np.ndarray, miss: float) -> float:
    """The smallest error that a new one exceeds with a probability of at most ``miss``, or infinity when there are too
    few ``errors`` to say so.
    """
    rank = math.ceil((len(errors) + 1) * (1 - miss))
    return float(np.sort(errors)[rank - 1]) if rank <= len(errors) else math.inf


def judge_margin(answer, rng: np.random.Generator) -> None:
    """Errors in several numbers, in which the correction matters; and so few that no margin can be given."""
    for miss in (0.1, 0.2, 0.05):
        count = _count(rng, miss)
        _judge_margin(answer, rng.gamma(2, size=count), miss)
    few = rng.gamma(2, size=int(rng.integers(4, 9)))
    found = answer(few.copy(), 0.1)
    require_something(found)
    if np.ndim(found) != 0 or found != math.inf:
        raise NotYetError("H4-3.few", count=len(few))


def _count(rng: np.random.Generator, miss: float) -> int:
    """A number of errors for which the correction changes the rank, rounding does not, and a quantile that is
    interpolated falls between two errors.
    """
    while True:
        count = int(rng.integers(2 / miss, 200))
        between, plain, corrected = ((count + more) * (1 - miss) for more in (-1, 0, 1))
        whole = any(abs(rank - round(rank)) < 1e-6 for rank in (between, plain, corrected))
        if not whole and math.ceil(plain) != math.ceil(corrected) < count:
            return count


def _judge_margin(answer, errors: np.ndarray, miss: float) -> None:
    """The corrected rank, or one more: so do programs that ask for a quantile and take the higher value."""
    found = answer(errors.copy(), miss)
    require_something(found)
    if np.ndim(found) == 0 and found == math.inf:
        raise NotYetError("H4-3.never", count=len(errors))
    value, ordered = finite_number(found, "H4-3.number"), np.sort(errors)
    rank = math.ceil((len(errors) + 1) * (1 - miss))
    if any(math.isclose(value, one, rel_tol=1e-9) for one in ordered[rank - 1 : rank + 1]):
        return
    if math.isclose(value, ordered[-1]):
        raise NotYetError("H4-3.largest")
    if value <= np.quantile(errors, min(2 * miss, 0.5)):
        raise NotYetError("H4-3.tail", within=100 * float(np.mean(errors <= value)))
    if not np.isclose(ordered, value, rtol=1e-9).any():
        raise NotYetError("H4-3.between")
    if math.isclose(value, ordered[rank - 2]):
        raise NotYetError("H4-3.correction", count=len(errors))
    raise NotYetError("H4-3.other", within=100 * float(np.mean(errors <= value)))


EXERCISES = {
    "H4-1": Exercise(deidentify, judge_deidentify),
    "H4-2": Exercise(dice, judge_dice),
    "H4-3": Exercise(margin, judge_margin),
}
