"""Lesson H2: its judges know right from wrong however it is written, and its numbers hold for other patients too."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from werkbank_lessons.checks import check
from werkbank_lessons.exercises.h2 import SAFE, K, extract, measurement, release
from werkbank_lessons.exercises.h2_patients import GENDERS, VALID_STATUS, make_resources, to_ifcc, to_ngsp

from tutorials.build import variants
from tutorials.build.catalogue import read_expected
from tutorials.build.notebooks import lesson_cells

from .lesson_support import judged

EXERCISES = ["H2-1", "H2-2", "H2-3"]


@pytest.fixture(scope="module")
def lesson():
    """What the setup cells of the lesson define."""
    names: dict = {}
    for cell in variants.setup(lesson_cells("H2", "en")):
        exec(cell.text, names)
    return names


@pytest.mark.parametrize("seed", range(5))
def test_a_row_with_whole_numbers_a_date_and_the_other_form_of_the_equation_passes_too(seed):
    def mine(observation, person_id):
        row = measurement(observation, person_id)
        if row is None:
            return None
        quantity = observation["valueQuantity"]
        value = 10.93 * quantity["value"] - 23.5 if quantity["code"] == "%" else quantity["value"]
        return row | {
            "value_as_number": round(value),
            "measurement_date": dt.date.fromisoformat(row["measurement_date"]),
        }

    assert judged("H2-1", mine, seed) is None


@pytest.mark.parametrize("seed", range(5))
def test_bands_made_by_hand_under_other_names_and_in_another_order_pass_too(seed):
    def mine(persons):
        age = 2024 - persons["year_of_birth"]
        names = np.select([age < 40, age < 60, age < 80], ["young", "middle", "older"], "oldest")
        table = pd.DataFrame({"age_band": pd.Categorical(names), "person_id": persons["person_id"]})
        return table.assign(gender_concept_id=persons["gender_concept_id"]).sort_values("age_band")

    assert judged("H2-2", mine, seed) is None


@pytest.mark.parametrize("seed", range(5))
def test_hiding_another_second_count_than_the_smallest_passes_too(seed):
    def mine(counts):
        hidden = [band for band in counts.index if counts[band] < 10]
        if hidden and sum(counts[hidden]) < 10 and len(hidden) < len(counts):
            hidden.append(counts.drop(hidden).idxmax())
        return pd.Series([None if band in hidden else counts[band] for band in counts.index], index=counts.index)

    assert judged("H2-3", mine, seed) is None


def mutations():
    return [(cell, cell.exercise) for cell, _ in variants.mutations(lesson_cells("H2", "en"))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("cell", "ex_id"), mutations(), ids=lambda part: getattr(part, "lid", ""))
def test_every_wrong_answer_gets_its_own_hint(lesson, cell, ex_id, seed):
    names = dict(lesson)
    exec(cell.text, names)
    (answer,) = (value for name, value in names.items() if name.startswith("my_"))
    key = judged(ex_id, answer, seed)
    assert key is not None
    if hint := cell.more.get("hint"):
        assert key == hint


@pytest.mark.parametrize("ex_id", EXERCISES)
@pytest.mark.parametrize(
    "bad",
    [
        lambda *given: {"person_id": 1},
        lambda *given: pd.Series([1, 2, 3]),
        lambda *given: pd.DataFrame({"person_id": [1], "gender_concept_id": [np.nan], "age_band": [None]}),
        lambda first, *rest: first,
        lambda first, *rest: first.clear() if isinstance(first, dict) else first.iloc[:0],
    ],
)
def test_an_answer_of_a_kind_like_the_right_one_is_told_so(ex_id, bad, capsys):
    check(ex_id, bad)
    assert f"◔ {ex_id}: not yet." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"value_as_number": float("nan")}, "H2-1.number"),
        ({"value_as_number": "60"}, "H2-1.number"),
        ({"person_id": 0}, "H2-1.person"),
        ({"measurement_date": "2024-01"}, "H2-1.date"),
        ({"measurement_type_concept_id": 0}, "H2-1.type"),
        ({"unit_concept_id": 8554}, "H2-1.unit_concept"),
        ({"value_as_number": 0.0}, "H2-1.formula"),
    ],
)
def test_a_row_that_is_wrong_in_one_place_is_told_which(change, hint):
    def mine(observation, person_id):
        row = measurement(observation, person_id)
        return row if row is None else row | change

    assert judged("H2-1", mine, 1) == hint


@pytest.mark.parametrize(
    ("mine", "hint"),
    [
        (lambda counts: counts, "H2-3.small"),
        (lambda counts: counts.where(counts >= SAFE, 0), "H2-3.zero"),
        (lambda counts: counts.where(counts >= SAFE, -1), "H2-3.changed"),
        (lambda counts: counts[counts >= SAFE], "H2-3.series"),
    ],
)
def test_other_ways_to_let_counts_out_are_refused(mine, hint):
    assert judged("H2-3", mine, 1) == hint


@pytest.mark.parametrize("seed", range(20))
def test_what_is_released_never_lets_a_small_number_be_computed(seed):
    rng = np.random.default_rng(seed)
    counts = pd.Series(rng.integers(0, 40, size=6))
    hidden = release(counts).isna()
    assert not (counts[~hidden] < SAFE).any()
    assert not hidden.any() or hidden.all() or counts[hidden].sum() >= SAFE


def test_the_two_scales_of_hba1c_agree_with_what_is_printed_on_reports():
    assert to_ngsp(53) == pytest.approx(7.0, abs=0.01)
    assert to_ifcc(6.5) == pytest.approx(48, abs=0.6)
    assert to_ifcc(to_ngsp(75)) == pytest.approx(75)


def test_nobody_in_the_data_can_exist():
    for resource in make_resources(0, patients=50):
        if resource["resourceType"] == "Patient":
            assert resource["name"][0]["family"] == "Fictief"
            assert resource["address"][0]["postalCode"].startswith("0")


@pytest.mark.parametrize("seed", [1, 2, 2026])
def test_the_numbers_of_the_lesson_hold_for_other_seeds(lesson, seed):
    found = _numbers(make_resources(seed))
    for name, value in found.items():
        number = read_expected("H2")[name]
        assert value == pytest.approx(number.value, abs=number.tolerance + 0.5), name


def _numbers(resources):
    """The lesson's numbers, computed without the lesson's code where that is possible."""
    people = [one for one in resources if one["resourceType"] == "Patient" and one["birthDate"] != "1970-13-01"]
    results = [one for one in resources if one["resourceType"] == "Observation" and one.get("status") in VALID_STATUS]
    ill = {one["subject"]["reference"] for one in resources if one["resourceType"] == "Condition"}
    ill &= {f"Patient/{one['id']}" for one in people}
    latest = {one["subject"]["reference"]: one for one in sorted(results, key=lambda one: one["effectiveDateTime"])}
    quantities = [latest[who]["valueQuantity"] for who in ill if who in latest]
    ifcc = [to_ifcc(one["value"]) if one["code"] == "%" else one["value"] for one in quantities]
    keys = [(one["birthDate"][:4], one["address"][0]["postalCode"][:4], one["gender"]) for one in people]
    return {
        "above": 100 * np.mean([value > 53 for value in ifcc]),
        "above_raw": 100 * np.mean([one["value"] > 53 for one in quantities]),
        "unique_year": 100 * np.mean([keys.count(key) == 1 for key in keys]),
        "gender": sum(one["gender"] not in GENDERS for one in people),
    }


def test_the_extract_of_the_whole_hospital_is_k_anonymous():
    people = [one for one in make_resources(2026) if one["resourceType"] == "Patient" and one["gender"] in GENDERS]
    persons = pd.DataFrame(
        {
            "person_id": range(len(people)),
            "gender_concept_id": [GENDERS[one["gender"]] for one in people],
            "year_of_birth": [int(one["birthDate"][:4]) for one in people],
        }
    )
    table = extract(persons)
    assert not table.isna().any(axis=None)
    assert table.groupby(["gender_concept_id", "age_band"]).size().min() >= K
    assert len(table) == len(people)
