"""Lesson H3: its judges know right from wrong however it is written, its masks hide and cancel, each hospital's
patients stay on one worker, and its numbers hold for other divisions too.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from werkbank_lessons.exercises.h3 import masked, reconstruct
from werkbank_lessons.exercises.h3_stations import CASES, decode, encode, make_stations, mask
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import Cell
from tutorials.build.verdict import complaints, numbers, printed

from .lesson_support import answer_of, judged, wrong_cells

EXERCISES = ["H3-1", "H3-2", "H3-3"]
NO_PROCESSES = Cell(
    "no-processes",
    "code",
    "from werkbank_lessons import scaling\n\n\ndef refuse(*asked):\n"
    "    raise scaling.UnavailableError('no processes here')\n\n\nscaling._start_local = refuse",
)


def patient_by_patient(models, sizes):
    return np.repeat(models, sizes, axis=0).mean(axis=0)


def one_after_the_other(models, sizes):
    total = [0.0] * models.shape[1]
    for model, size in zip(models, sizes, strict=True):
        total = [known + size * value for known, value in zip(total, model, strict=True)]
    return [value / sum(sizes) for value in total]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("mine", [patient_by_patient, one_after_the_other])
def test_an_average_written_another_way_passes_too(mine, seed):
    assert judged("H3-1", mine, seed) is None


def the_other_way_round(numbers, me, secrets):
    for other, secret in secrets.items():
        numbers = numbers - mask(secret, len(numbers)) if me < other else numbers + mask(secret, len(numbers))
    return numbers


def in_wide_integers(numbers, me, secrets):
    total = numbers.astype(np.int64)
    for other, secret in secrets.items():
        total += np.sign(me - other) * mask(secret, len(numbers)).astype(np.int64)
    return (total % 2**32).tolist()


def by_the_secret(numbers, me, secrets):
    """Signs that depend on the pair, and masks of another making."""
    for other, secret in secrets.items():
        shift = np.random.default_rng([secret, 7]).integers(0, 2**32, len(numbers), dtype=np.uint32)
        numbers = numbers + shift if (me < other) == (secret % 2 == 0) else numbers - shift
    return numbers


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("mine", [the_other_way_round, in_wide_integers, by_the_secret])
def test_masks_made_another_way_pass_too(mine, seed):
    assert judged("H3-2", mine, seed) is None


def as_a_list(before, after):
    *weights, intercept = (after - before).tolist()
    return [[weight / intercept for weight in weights], int(intercept < 0)]


@pytest.mark.parametrize("seed", range(10))
def test_a_patient_given_as_a_list_passes_too(seed):
    assert judged("H3-3", as_a_list, seed) is None


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("cell", wrong_cells("H3"))
def test_every_wrong_answer_gets_its_own_hint(cell, seed):
    assert judged(cell.exercise, answer_of(cell, mask=mask), seed) == cell.more["hint"]


def all_plus(numbers, me, secrets):
    return numbers + np.sum([mask(secret, len(numbers)) for secret in secrets.values()], axis=0, dtype=np.uint32)


def small_masks(numbers, me, secrets):
    for other, secret in secrets.items():
        shift = mask(secret, len(numbers)) >> 12
        numbers = numbers + shift if me < other else numbers - shift
    return numbers


def with_intercept(before, after):
    difference = after - before
    return difference / difference[-1], difference[-1] < 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("H3-1", lambda models, sizes: models.mean(axis=0), "H3-1.plain"),
        ("H3-1", lambda models, sizes: models.sum(axis=0), "H3-1.sum"),
        ("H3-1", lambda models, sizes: models, "H3-1.shape"),
        ("H3-1", lambda models, sizes: np.median(models, axis=0), "H3-1.other"),
        ("H3-1", lambda models, sizes: models[sizes.argmax()], "H3-1.other"),
        ("H3-2", all_plus, "H3-2.sum"),
        ("H3-2", small_masks, "H3-2.narrow"),
        ("H3-2", lambda numbers, me, secrets: numbers, "H3-2.bare"),
        ("H3-2", lambda numbers, me, secrets: masked(numbers, me, secrets)[:-1], "H3-2.whole"),
        ("H3-2", lambda numbers, me, secrets: masked(numbers, me, secrets).astype(float), "H3-2.whole"),
        ("H3-3", with_intercept, "H3-3.shape"),
        ("H3-3", lambda before, after: reconstruct(before, after)[0], "H3-3.pair"),
        ("H3-3", lambda before, after: (reconstruct(before, after)[0], "malignant"), "H3-3.truth"),
        ("H3-3", lambda before, after: (reconstruct(before, after)[0], True), "H3-3.label"),
        ("H3-3", lambda before, after: (np.ones(before.size - 1), True), "H3-3.other"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_a_seat_without_the_libraries_can_judge_all_the_same():
    program = (
        "import sys; sys.modules.update(opacus=None, torch=None, sklearn=None)\n"
        "from werkbank_lessons.exercises import exercise\n"
        "import numpy as np\n"
        "for number in (1, 2, 3):\n"
        "    task = exercise(f'H3-{number}')\n"
        "    task.judge(task.reference, np.random.default_rng())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_patient_is_in_one_hospital_or_in_the_reference_set(seed):
    hospitals, reference = make_stations(seed)
    assert {name: (truth.sum(), (truth == 0).sum()) for name, (_, truth) in hospitals.items()} == CASES
    everybody = np.vstack([measurements for measurements, _ in (*hospitals.values(), reference)])
    assert everybody.shape == (569, 30)
    assert len(np.unique(everybody, axis=0)) == 569
    assert np.array_equal(make_stations(seed)[1][0], reference[0])
    assert not np.array_equal(make_stations(seed + 1)[1][0], reference[0])


def test_malignant_tumours_are_the_larger_ones():
    measurements, malignant = make_stations(1)[1]
    radius = measurements[:, 0]
    assert radius[malignant == 1].mean() > radius[malignant == 0].mean() + 3


def test_numbers_on_the_clock_are_read_back_and_so_is_their_sum():
    values = np.array([[0.0, -1.5, 800.25, -32000], [1e-3, 1.25, -900, 31000]])
    assert decode(encode(values)) == pytest.approx(values, abs=2**-17)
    assert decode(encode(values).sum(axis=0, dtype=np.uint32)) == pytest.approx(values.sum(axis=0), abs=2**-16)


def test_a_mask_follows_from_its_secret_and_is_spread_over_the_whole_clock():
    assert np.array_equal(mask(5, 1000), mask(5, 1000))
    counts, _ = np.histogram(mask(5, 16_000), bins=16, range=(0, 2**32))
    assert counts.min() > 850
    assert abs(np.corrcoef(mask(5, 4000), mask(6, 4000))[0, 1]) < 0.1


def solved(old, new):
    """The cells of the solved lesson without its figures, in which ``new`` stands for ``old``."""
    cells = [cell for cell in variants.solved(lesson_cells("H3", "en")) if "figure" not in cell.tags]
    assert any(old in cell.text for cell in cells)
    return [replace(cell, text=cell.text.replace(old, new)) for cell in cells]


def kept(notebook):
    assert complaints(notebook) == []
    assert [number.sentence() for number in numbers("H3", notebook, "en") if not number.is_kept] == []
    return {number.name: number.found[0] for number in numbers("H3", notebook, "en")}


@pytest.mark.parametrize("seed", [1, 5])
def test_without_processes_the_notebook_plays_the_stations_and_the_numbers_hold_for_other_divisions(
    execute_cells, seed
):
    cells = solved("SEED = 16", f"SEED = {seed}")
    start = next(place for place, cell in enumerate(cells) if cell.lid == "stations-start")
    notebook = execute_cells("H3", [*cells[:start], NO_PROCESSES, *cells[start:]], WERKBANK_STRICT="1").notebook
    found = kept(notebook)
    assert found["brier_federated"] < found["brier_pooled"] + 0.005
    assert found["brier_d"] > 4 * found["brier_pooled"]
    assert found["private_one"] < found["private_none"] + 0.01
    assert found["alone_one"] > 2 * found["private_one"]
    assert found["alone_middle"] > 0.235 > found["private_strong"]
    assert "no processes here" in printed(notebook)
    assert tr("H3.line.shared", "en", workers=1, stations=4) in printed(notebook)


def test_on_dask_gateway_stations_share_the_workers_there_are_and_no_patient_moves(execute_cells, gateway):
    from dask_gateway import Gateway

    cells = [cell for cell in variants.solved(lesson_cells("H3", "en")) if "figure" not in cell.tags]
    notebook = execute_cells("H3", cells, WERKBANK_STRICT="1", DASK_GATEWAY__ADDRESS=gateway).notebook
    kept(notebook)
    text = printed(notebook)
    assert tr("scale.gateway", "en", workers=2) in text
    assert tr("H3.line.shared", "en", workers=2, stations=4) in text
    assert f"{tr('H3.line.copies', 'en')}: 1" in text
    assert Gateway(gateway, auth="basic").list_clusters() == []
