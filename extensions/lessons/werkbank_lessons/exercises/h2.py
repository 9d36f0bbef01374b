"""Exercises of lesson H2, "From FHIR to OMOP, and only what you need"."""

from __future__ import annotations

import copy
import math
import numbers

import numpy as np
import pandas as pd

from . import Exercise, NotYetError
from .answers import require_something
from .h2_patients import CONCEPTS, FROM_EHR, HBA1C, LOINC, UNITS, VALID_STATUS, to_ifcc, to_ngsp

K = 5  # smallest group that an extract may contain
SAFE = 10  # smallest count that may leave the environment
BANDS = (0, 40, 60, 80, 130)  # years of age, lower edges and the end
BAND_NAMES = ("0-39", "40-59", "60-79", "80+")

ROW = (
    "person_id",
    "measurement_concept_id",
    "measurement_date",
    "measurement_type_concept_id",
    "value_as_number",
    "unit_concept_id",
)


def measurement(observation: dict, person_id: int) -> dict | None:
    """The OMOP row of one HbA1c result in mmol/mol; None for a result that does not count. Unknown codes become 0."""
    if observation["status"] not in VALID_STATUS:
        return None
    codes = {coding["system"]: coding["code"] for coding in observation["code"]["coding"]}
    quantity = observation["valueQuantity"]
    value = quantity["value"]
    return {
        "person_id": person_id,
        "measurement_concept_id": CONCEPTS.get((LOINC, codes.get(LOINC)), 0),
        "measurement_date": observation["effectiveDateTime"][:10],
        "measurement_type_concept_id": FROM_EHR,
        "value_as_number": to_ifcc(value) if quantity["code"] == "%" else value,
        "unit_concept_id": UNITS["mmol/mol"],
    }


def judge_measurement(answer, rng: np.random.Generator) -> None:
    """Results in both units, in every state, with the code first or last, known and unknown; each row is read back."""
    for unit in ("mmol/mol", "%"):
        for status in VALID_STATUS:
            _judge_row(answer, rng, _result(rng, unit=unit, status=status))
    unknown = _result(rng, unit="mmol/mol")
    unknown["code"]["coding"][-1]["code"] = "99999-9"
    if _row(answer, unknown, 1)["measurement_concept_id"] != 0:
        raise NotYetError("H2-1.unknown")
    withdrawn = _result(rng, status=("entered-in-error", "cancelled")[rng.integers(2)])
    if answer(copy.deepcopy(withdrawn), 1) is not None:
        raise NotYetError("H2-1.status", status=withdrawn["status"])


def _result(rng: np.random.Generator, unit: str = "%", status: str = "final") -> dict:
    ifcc = float(rng.uniform(40, 110))
    value = round(to_ngsp(ifcc), 1) if unit == "%" else round(ifcc)
    coding = [
        {"system": "urn:example:laboratory", "code": f"A1C-{rng.integers(1, 9)}"},
        {"system": LOINC, "code": HBA1C},
    ]
    return {
        "resourceType": "Observation",
        "status": status,
        "subject": {"reference": f"Patient/{rng.integers(100_000, 1_000_000)}"},
        "code": {"coding": coding},
        "effectiveDateTime": f"2024-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}T08:15:00Z",
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
        "note": [{"text": f"Discussed with Proefpersoon {rng.integers(1000)} Fictief."}],
    }


def _row(answer, observation: dict, person_id: int) -> dict:
    """What the answer makes of a result that counts; raises `NotYetError` unless it has exactly our columns."""
    row = answer(copy.deepcopy(observation), person_id)
    if row is Ellipsis or (row is None and observation["status"] == "final"):
        raise NotYetError("check.nothing")
    if not isinstance(row, dict):
        raise NotYetError("H2-1.row", status=observation["status"])
    missing = [column for column in ROW if column not in row]
    if missing:
        raise NotYetError("H2-1.column", column=missing[0])
    extra = [column for column in row if column not in ROW]
    if extra:
        raise NotYetError("H2-1.extra", column=extra[0])
    return row


def _judge_row(answer, rng: np.random.Generator, observation: dict) -> None:
    person_id = int(rng.integers(1, 2**40))
    row, wanted = _row(answer, observation, person_id), measurement(observation, person_id)
    assert wanted is not None
    if row["person_id"] != person_id:
        raise NotYetError("H2-1.person")
    if row["measurement_concept_id"] != wanted["measurement_concept_id"]:
        raise NotYetError("H2-1.code")
    if str(row["measurement_date"]).removesuffix(" 00:00:00") != wanted["measurement_date"]:
        raise NotYetError("H2-1.date")
    if row["measurement_type_concept_id"] != FROM_EHR:
        raise NotYetError("H2-1.type")
    _judge_value(row, wanted["value_as_number"], observation["valueQuantity"])


def _judge_value(row: dict, wanted: float, quantity: dict) -> None:
    """The value in mmol/mol, within what the published forms of the master equation differ."""
    value = row["value_as_number"]
    if not isinstance(value, numbers.Real) or math.isnan(value):
        raise NotYetError("H2-1.number")
    if not math.isclose(value, wanted, abs_tol=0.6):
        key = "H2-1.unit" if math.isclose(value, quantity["value"]) else "H2-1.formula"
        raise NotYetError(key, value=quantity["value"], unit=quantity["code"], found=float(value))
    if row["unit_concept_id"] != UNITS["mmol/mol"]:
        raise NotYetError("H2-1.unit_concept")


def extract(persons: pd.DataFrame) -> pd.DataFrame:
    """Pseudonym, gender and age band of every person, and nothing else."""
    age = 2024 - persons["year_of_birth"]
    band = pd.cut(age, list(BANDS), right=False, labels=list(BAND_NAMES)).astype(str)
    return persons[["person_id", "gender_concept_id"]].assign(age_band=band)


def judge_extract(answer, rng: np.random.Generator) -> None:
    """A population in which the asked bands are safe and narrower ones are not; everybody must still be in it."""
    persons = _population(rng)
    table = answer(persons.copy())
    _require_columns(table)
    if len(table) != len(persons) or set(table["person_id"]) != set(persons["person_id"]):
        raise NotYetError("H2-2.people", found=len(table), exact=len(persons))
    both = table.merge(extract(persons), on="person_id", suffixes=("", "_wanted"))
    if not (both["gender_concept_id"] == both["gender_concept_id_wanted"]).all():
        raise NotYetError("H2-2.gender")
    _require_bands(both)
    smallest = int(table.groupby(["gender_concept_id", "age_band"], observed=True, dropna=False).size().min())
    if smallest < K:
        raise NotYetError("H2-2.small", found=smallest, k=K)
    if both["age_band"].nunique() != len(BAND_NAMES):
        raise NotYetError("H2-2.edges")


def _require_bands(both: pd.DataFrame) -> None:
    """No band of the answer may hold people of two of the asked bands; narrower ones are another matter."""
    bands = both["age_band"].astype(str)
    if bands.nunique() == 1:
        raise NotYetError("H2-2.one_band")
    if both.groupby(bands)["age_band_wanted"].nunique().max() > 1:
        raise NotYetError("H2-2.edges")


def _population(rng: np.random.Generator) -> pd.DataFrame:
    """Per gender and band 10 to 30 people, also right at the edges, and two of one gender alone above 90."""
    rows = []
    for gender in (8507, 8532):
        for low, high in zip(BANDS, (*BANDS[1:4], 90), strict=False):
            ages = [low, high - 1, *rng.integers(low, high, size=int(rng.integers(8, 29)))]
            rows += [(gender, int(age)) for age in ages]
    rows += [(8507, 93), (8507, 97)]
    made = pd.DataFrame(rows, columns=["gender_concept_id", "age"]).sample(frac=1, random_state=int(rng.integers(1000)))
    made["person_id"] = rng.choice(2**31, size=len(made), replace=False)
    made["year_of_birth"] = 2024 - made["age"]
    made["month_of_birth"] = rng.integers(1, 13, size=len(made))
    made["day_of_birth"] = rng.integers(1, 29, size=len(made))
    made["postcode"] = [f"0{number}" for number in rng.integers(100, 140, size=len(made))]
    columns = ["person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth", "postcode"]
    return made[columns].reset_index(drop=True)


def _require_columns(table) -> None:
    require_something(table)
    if not isinstance(table, pd.DataFrame):
        raise NotYetError("H2-2.table")
    wanted = ("person_id", "gender_concept_id", "age_band")
    for column in wanted:
        if column not in table.columns:
            raise NotYetError("H2-2.column", column=column)
    for column in table.columns:
        if column not in wanted:
            raise NotYetError("H2-2.extra", column=column)


def release(counts: pd.Series) -> pd.Series:
    """``counts`` with every count below `SAFE` hidden (NaN), and more, smallest first, until the hidden ones together,
    which follow from the published total, are at least `SAFE`.
    """
    hidden = counts < SAFE
    while hidden.any() and not hidden.all() and counts[hidden].sum() < SAFE:
        hidden[counts[~hidden].idxmin()] = True
    return counts.where(~hidden)


# Small counts of a case, and between what: none, one, two that are small together, two that are not, all, nobody.
_CASES = ((0, 0, 0), (1, 1, 9), (2, 1, 4), (2, 6, 9), (4, 4, 9), (1, 0, 0))


def judge_release(answer, rng: np.random.Generator) -> None:
    """Counts with none, some and all of them small; what is hidden must be enough, and no more than that."""
    for small, low, high in _CASES:
        counts = _counts(rng, small, low, high)
        found = _released(answer, counts)
        _require_safe(found, counts)
        hidden = found.isna()
        if hidden.any() and not hidden.all() and counts[hidden].sum() < SAFE:
            raise NotYetError("H2-3.difference", total=int(counts.sum()), rest=int(found.sum()))
        needless = counts[hidden & (counts >= SAFE)]
        if len(needless) > (small > 0 and counts[counts < SAFE].sum() < SAFE):
            raise NotYetError("H2-3.limit" if (needless == SAFE).all() else "H2-3.too_much")


def _counts(rng: np.random.Generator, small: int, low: int, high: int) -> pd.Series:
    """Four age bands, ``small`` of them between ``low`` and ``high``, the others safe, one of those just so."""
    values = [int(value) for value in rng.integers(low, high + 1, size=small)]
    values += [int(value) for value in rng.integers(30, 200, size=4 - small)]
    if small < 4:
        values[-1] = SAFE
    order = rng.permutation(4)
    return pd.Series([values[position] for position in order], index=list(BAND_NAMES), name="persons")


def _released(answer, counts: pd.Series) -> pd.Series:
    found = answer(counts.copy())
    require_something(found)
    if not isinstance(found, pd.Series) or list(found.index) != list(counts.index):
        raise NotYetError("H2-3.series")
    return pd.to_numeric(found, errors="coerce")


def _require_safe(found: pd.Series, counts: pd.Series) -> None:
    for band in counts.index:
        if pd.isna(found[band]) or found[band] == counts[band]:
            continue
        raise NotYetError("H2-3.zero" if counts[band] < SAFE and found[band] == 0 else "H2-3.changed", band=band)
    for band in counts.index[counts < SAFE]:
        if pd.notna(found[band]):
            raise NotYetError("H2-3.small", band=band)


EXERCISES = {
    "H2-1": Exercise(measurement, judge_measurement),
    "H2-2": Exercise(extract, judge_extract),
    "H2-3": Exercise(release, judge_release),
}
