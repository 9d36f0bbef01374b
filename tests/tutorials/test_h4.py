"""Lesson H4: its judges know right from wrong however it is written, its rules are those of the standard, and its
numbers hold for other slices and other networks.
"""

from __future__ import annotations

import copy
import io
import math
import re
from contextlib import redirect_stdout

import numpy as np
import pydicom
import pytest
import torch
from pydicom.dataset import Dataset
from werkbank_lessons.exercises import h4_scans
from werkbank_lessons.exercises.h4 import NEEDED, deidentify, dice, margin
from werkbank_lessons.exercises.h4_scans import ACTIONS, days_for, elements, make_scans, moved, new_uid, pseudonym
from werkbank_lessons.exercises.h4_slices import PIXEL_AREA, SIZE, make_slices

from tutorials.build import variants
from tutorials.build.catalogue import read_expected
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, judged, wrong_cells

KNOWN = {"copy": copy, "math": math, "pydicom": pydicom, **vars(h4_scans)}
KEY = bytes(range(32))


@pytest.mark.parametrize("seed", range(5))
def test_a_recursion_by_hand_that_deletes_at_the_end_passes_too(seed):
    def clean_one(dataset, key, days):
        gone = []
        for element in dataset:
            action = "X" if element.tag.is_private else ACTIONS.get(element.keyword, "X")
            if action == "X":
                gone.append(element.tag)
            elif element.VR == "SQ":
                for item in element.value:
                    clean_one(item, key, days)
            elif action == "Z":
                element.value = ""
            elif action in "DUC":
                element.value = {
                    "D": lambda text: pseudonym(text, key),
                    "U": lambda text: new_uid(text, key),
                    "C": lambda text: moved(text, days),
                }[action](element.value)
        for tag in gone:
            del dataset[tag]

    def mine(image, key):
        clean_one(image, key, days_for(image.PatientID, key))
        return image

    assert judged("H4-1", mine, seed) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_stricter_and_a_more_elaborate_copy_pass_too(seed):
    def mine(image, key):
        clean = deidentify(image, key)
        del clean.Manufacturer
        clean.PatientName = "Anonymous"
        clean.PatientIdentityRemoved = "YES"
        return clean

    assert judged("H4-1", mine, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_dice_score_written_as_a_loop_and_one_with_a_tiny_number_added_pass_too(seed):
    def looped(found, truth):
        scores = []
        for one, other in zip(found, truth, strict=True):
            together = one.sum() + other.sum()
            scores.append(2 * (one & other).sum() / together if together else 1.0)
        return scores

    def nudged(found, truth):
        flat, other = found.reshape(len(found), -1), truth.reshape(len(truth), -1)
        return (2 * (flat & other).sum(1) + 1e-6) / (flat.sum(1) + other.sum(1) + 1e-6)

    assert judged("H4-2", looped, seed) is None
    assert judged("H4-2", nudged, seed) is None
    assert judged("H4-2", lambda found, truth: torch.tensor(dice(found, truth)), seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_margin_as_a_quantile_with_the_corrected_level_passes_too(seed):
    def exact(errors, miss):
        level = math.ceil((errors.size + 1) * (1 - miss)) / errors.size
        return np.inf if level > 1 else np.quantile(errors, level, method="inverted_cdf")

    def higher(errors, miss):
        level = math.ceil((errors.size + 1) * (1 - miss)) / errors.size
        return np.inf if level > 1 else np.quantile(errors, level, method="higher")

    def counted(errors, miss):
        for value in sorted(errors):
            if (errors <= value).sum() / (errors.size + 1) >= 1 - miss:
                return value
        return float("inf")

    for mine in (exact, higher, counted):
        assert judged("H4-3", mine, seed) is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cell", wrong_cells("H4"))
def test_every_wrong_answer_gets_its_own_hint(cell, seed):
    assert judged(cell.exercise, answer_of(cell, **KNOWN), seed) == cell.more["hint"]


def changed(change):
    """The reference with a mistake made afterwards: ``change`` gets the clean copy, the image and the key."""

    def mine(image, key):
        clean = deidentify(image, key)
        change(clean, image, key)
        return clean

    return mine


def put_back(*keywords):
    def change(clean, image, key):
        for keyword in keywords:
            setattr(clean, keyword, image[keyword].value)

    return change


def private_in_a_sequence(clean, image, key):
    for item in clean.get("ReferencedImageSequence", []):
        item.private_block(0x0009, "X", create=True).add_new(1, "LO", "something")


def one_uid_for_all(clean, image, key):
    clean.SOPInstanceUID = clean.SeriesInstanceUID


def other_reference(clean, image, key):
    for item in clean.get("ReferencedImageSequence", []):
        item.ReferencedSOPInstanceUID = "1.2.3"


def shift_together(clean, image, key):
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(clean, keyword, moved(image[keyword].value, -100))


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (put_back("InstitutionName"), "H4-1.identity"),
        (put_back("PatientAge"), "H4-1.stayed"),
        (put_back("StudyTime"), "H4-1.stayed"),
        (put_back("StudyInstanceUID"), "H4-1.uid_old"),
        (put_back("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), "H4-1.date_stayed"),
        (put_back("StudyDate"), "H4-1.interval"),
        (private_in_a_sequence, "H4-1.private_nested"),
        (one_uid_for_all, "H4-1.uid_merged"),
        (other_reference, "H4-1.reference"),
        (shift_together, "H4-1.everybody"),
        (lambda clean, image, key: setattr(clean, "SeriesInstanceUID", ""), "H4-1.uid_gone"),
        (lambda clean, image, key: clean.pop("ReferencedImageSequence", None), "H4-1.reference_gone"),
        (lambda clean, image, key: setattr(clean, "PatientID", "anonymous"), "H4-1.pseudonym"),
        (lambda clean, image, key: setattr(clean, "StudyDate", ""), "H4-1.date_gone"),
        (lambda clean, image, key: setattr(clean, "PixelSpacing", [1, 1]), "H4-1.needed"),
    ],
)
def test_a_copy_that_is_wrong_in_one_place_is_told_which(change, hint):
    assert judged("H4-1", changed(change), 1) == hint


def test_a_copy_that_anybody_can_repeat_is_refused():
    assert judged("H4-1", lambda image, key: deidentify(image, b"well known"), 1) == "H4-1.key"


def test_what_is_no_dataset_is_refused():
    assert judged("H4-1", lambda image, key: image.to_json_dict(), 1) == "H4-1.dataset"


@pytest.mark.parametrize(
    ("mine", "hint"),
    [
        (lambda found, truth: dice(found, truth)[:-1], "H4-2.shape"),
        (lambda found, truth: dice(found, truth) / 2, "H4-2.half"),
        (lambda found, truth: 1 - dice(found, truth), "H4-2.other"),
        (
            lambda found, truth: np.where(found.any((1, 2)) & truth.any((1, 2)), dice(found, truth), np.nan),
            "H4-2.empty_nan",
        ),
        (lambda found, truth: np.where(found.any((1, 2)) & truth.any((1, 2)), dice(found, truth), 1), "H4-2.one_empty"),
        (lambda found, truth: (found & truth).sum((1, 2)) / np.maximum(truth.sum((1, 2)), 1), "H4-2.sensitivity"),
    ],
)
def test_other_scores_are_told_apart(mine, hint):
    assert judged("H4-2", mine, 1) == hint


@pytest.mark.parametrize(
    ("mine", "hint"),
    [
        (lambda errors, miss: np.max(errors), "H4-3.largest"),
        (lambda errors, miss: math.inf, "H4-3.never"),
        (lambda errors, miss: math.nan, "H4-3.number"),
        (lambda errors, miss: np.sort(errors)[len(errors) // 2], "H4-3.other"),
        (lambda errors, miss: errors.mean() + 2 * errors.std(), "H4-3.between"),
    ],
)
def test_other_margins_are_told_apart(mine, hint):
    assert judged("H4-3", mine, 1) == hint


# DICOM PS3.15, table E.1-1 (2024b): what the Basic Profile allows, with modified dates where it has a letter for them.
STANDARD = {
    "Z": "AccessionNumber PatientName PatientBirthDate PatientSex ReferringPhysicianName StudyID StudyTime",
    "ZD": "ContentTime ContrastBolusAgent PatientID",
    "X": "PatientAge PatientWeight OtherPatientIDsSequence ImageComments StudyDescription AdditionalPatientHistory",
    "XZD": "InstitutionName StationName InstanceCreationTime",
    "XZ": "AcquisitionTime",
    "XD": "SeriesTime InstanceCreationDate",
    "U": "SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID InstanceCreatorUID",
    "C": "StudyDate SeriesDate AcquisitionDate ContentDate",
}


def test_the_letters_are_allowed_by_the_standard():
    for letters, keywords in STANDARD.items():
        for keyword in keywords.split():
            assert ACTIONS.get(keyword, "X") in letters, keyword
    kept = {keyword for keyword, letter in ACTIONS.items() if letter == "K"}
    assert set(NEEDED) | {"SOPClassUID"} <= kept
    assert not kept & {keyword for keywords in STANDARD.values() for keyword in keywords.split()}
    assert all(pydicom.datadict.tag_for_keyword(keyword) for keyword in ACTIONS)


def test_the_scans_are_fictional_and_what_is_made_of_them_is_a_valid_ct_image():
    for scan in make_scans(np.random.default_rng(1)):
        assert scan.PatientName.family_name == "Fictief"
        clean = deidentify(scan, KEY)
        assert not any(element.tag.is_private for element in elements(clean))
        file = io.BytesIO()
        clean.save_as(file)
        file.seek(0)
        read = pydicom.dcmread(file)
        assert isinstance(read, Dataset)
        assert np.array_equal(read.pixel_array, scan.pixel_array)
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "KVP"):
            assert keyword in read, f"{keyword} is of type 2 in a CT image"


def test_the_key_decides_everything_that_is_made_up():
    for tool in (pseudonym, new_uid, days_for):
        assert tool("100203", KEY) == tool("100203", KEY)
        assert len({tool("100203", bytes([first]) * 32) for first in range(20)}) == 20
    assert all(-3650 <= days_for(str(number), KEY) <= -1 for number in range(2000))
    assert moved("20240301", -1) == "20240229"
    assert moved("", -1) == ""
    assert pydicom.uid.UID(new_uid("1.2.3", KEY)).is_valid


@pytest.mark.parametrize("seed", range(3))
def test_the_margin_holds_for_any_errors_on_average(seed):
    rng = np.random.default_rng(seed)
    within = [rng.lognormal() <= margin(rng.lognormal(size=19), 0.1) for _ in range(2000)]
    assert np.mean(within) == pytest.approx(0.9, abs=0.03)


def test_the_slices_have_the_lesions_that_are_told():
    images, truth = make_slices(5, 200)
    assert images.shape == truth.shape == (200, SIZE, SIZE)
    assert truth.any(axis=(1, 2)).mean() == pytest.approx(0.75, abs=0.1)
    assert images[~truth].mean() == pytest.approx(100, abs=5)
    assert -60 < images[truth].mean() - images[~truth].mean() < -15
    brighter, where = make_slices(5, 50, darker=(-60, -15))
    assert brighter[where].mean() > brighter[~where].mean() + 15
    assert pytest.approx(0.04) == PIXEL_AREA
    assert np.array_equal(images, make_slices(5, 200)[0])


@pytest.fixture(scope="module", params=[1, 2, 3])
def said(request):
    """What the solved lesson prints when its slices and networks begin with this seed, without checks and figures."""
    names: dict = {}
    out = io.StringIO()
    with redirect_stdout(out):
        for cell in variants.solved(lesson_cells("H4", "en")):
            if cell.kind == "code" and cell.role != "check" and "figure" not in cell.tags:
                exec(compile(cell.text.replace("SEED = 1", f"SEED = {request.param}"), cell.lid, "exec"), names)
    return out.getvalue()


def test_the_numbers_of_the_lesson_hold_for_other_seeds(said):
    for name, number in read_expected("H4").items():
        (found,) = re.findall(rf"(?m)^{re.escape(number.label.en)}: ([\d.]+)", said)
        assert float(found) == pytest.approx(number.value, abs=number.tolerance + 1e-9), name


def test_the_text_says_what_the_numbers_say(said):
    def found(label):
        return float(re.findall(rf"(?m)^{re.escape(label)}: ([\d.]+)", said)[0])

    sharp = found("Calibration error, undecided pixels, Dice loss")
    assert sharp > 3 * found("Calibration error, undecided pixels, ensemble")
    assert sharp > 3 * found("Calibration error, undecided pixels, one network of the ensemble")
    assert found("Dice per slice after referring a fifth") > found("Dice per slice, mean") + 0.04
    assert found("Outside the margin, noisy scanner") > 3 * found("Outside the margin, same hospital")
    assert found("Outside and not referred, bright lesions") > 2 * found("Outside and not referred, same hospital")
    assert found("Days between the two visits, before") == found("Days between the two visits, after")
