"""Fictional patients of lesson H2 in FHIR, and the few codes that the lesson maps to OMOP.

Nobody here can exist: the family name is *Fictief*, postal codes begin with 0 (the Netherlands begin at 1000), numbers
and addresses are marked as examples.
"""

from __future__ import annotations

import numpy as np

LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
HBA1C, TYPE_2_DIABETES = "4548-4", "44054006"

# Standard concepts of the OMOP vocabularies; 0 means "no matching concept".
CONCEPTS = {(LOINC, HBA1C): 3004410, (SNOMED, TYPE_2_DIABETES): 201826}
GENDERS = {"male": 8507, "female": 8532}
UNITS = {"%": 8554, "mmol/mol": 9579}
FROM_EHR = 32817  # type concept: the record comes from an electronic health record

# A result counts only in these states (FHIR observation-status).
VALID_STATUS = ("final", "amended", "corrected")


def to_ifcc(percent):
    """HbA1c in mmol/mol (IFCC) of HbA1c in % (NGSP), by the master equation NGSP = 0.09148 · IFCC + 2.152."""
    return (percent - 2.152) / 0.09148


def to_ngsp(ifcc):
    """HbA1c in % (NGSP) of HbA1c in mmol/mol (IFCC), by the same equation."""
    return 0.09148 * ifcc + 2.152


def make_resources(seed: int = 0, patients: int = 2000) -> list[dict]:
    """FHIR resources (JSON) as one hospital sends them: patients, conditions, observations, and some that are wrong.

    Six are broken in form (an impossible date, a result without status), four say *man* where FHIR says *male*.
    """
    rng = np.random.default_rng(seed)
    numbers = rng.choice(np.arange(100_000, 1_000_000), size=patients, replace=False)
    resources: list[dict] = []
    for number in numbers:
        resources += _one_patient(rng, int(number))
    _spoil(rng, resources)
    return resources


def _one_patient(rng: np.random.Generator, number: int) -> list[dict]:
    diabetes = rng.random() < 0.6
    age = int(np.clip(rng.normal(66, 14), 18, 99))
    subject = {"reference": f"Patient/{number}"}
    made = [_patient(rng, number, age)]
    if diabetes:
        made.append(_condition(rng, subject))
    level = rng.normal(60 - 0.1 * age, 13) if diabetes else rng.normal(37, 3)
    for _ in range(int(rng.integers(1, 4))):
        made.append(_observation(rng, subject, max(level + rng.normal(0, 3), 22)))
    return made


def _patient(rng: np.random.Generator, number: int, age: int) -> dict:
    letters = "".join(rng.choice(list("ABCDEFGHJKLMNPRSTUVWXZ"), size=2))
    return {
        "resourceType": "Patient",
        "id": str(number),
        "identifier": [{"system": "urn:example:patient-number", "value": str(number)}],
        "name": [{"family": "Fictief", "given": ["Proefpersoon", str(number)]}],
        "gender": ("female", "male")[rng.integers(2)],
        "birthDate": f"{2024 - age}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}",
        "address": [{"city": "Zonnedal", "postalCode": f"0{rng.integers(100, 140)} {letters}"}],
    }


def _condition(rng: np.random.Generator, subject: dict) -> dict:
    return {
        "resourceType": "Condition",
        "subject": subject,
        "code": {"coding": [{"system": SNOMED, "code": TYPE_2_DIABETES, "display": "Type 2 diabetes mellitus"}]},
        "onsetDateTime": f"{rng.integers(2000, 2024)}-{rng.integers(1, 13):02d}",
    }


def _observation(rng: np.random.Generator, subject: dict, ifcc: float) -> dict:
    """One HbA1c result; three in ten laboratories still report in %, and one result in a hundred is withdrawn."""
    unit, value = ("%", round(to_ngsp(ifcc), 1)) if rng.random() < 0.3 else ("mmol/mol", round(ifcc))
    withdrawn = rng.random() < 0.01
    number = subject["reference"].rpartition("/")[2]
    return {
        "resourceType": "Observation",
        "status": "entered-in-error" if withdrawn else "final",
        "subject": subject,
        "code": {
            "coding": [
                {"system": "urn:example:laboratory", "code": f"A1C-{rng.integers(1, 4)}"},
                {"system": LOINC, "code": HBA1C, "display": "Hemoglobin A1c/Hemoglobin.total in Blood"},
            ]
        },
        "effectiveDateTime": f"2024-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}T08:{rng.integers(60):02d}:00Z",
        "valueQuantity": {"value": value * 10 if withdrawn else value, "unit": unit, "system": UCUM, "code": unit},
        "note": [{"text": f"Discussed with Proefpersoon {number} Fictief by telephone."}],
    }


def _spoil(rng: np.random.Generator, resources: list[dict]) -> None:
    """Break three dates of birth and three results in form, and four genders in meaning."""
    people = [one for one in resources if one["resourceType"] == "Patient"]
    results = [one for one in resources if one["resourceType"] == "Observation"]
    chosen = rng.choice(len(people), size=7, replace=False)
    for position in chosen[:3]:
        people[position]["birthDate"] = "1970-13-01"
    for position in chosen[3:]:
        people[position]["gender"] = "man"
    for position in rng.choice(len(results), size=3, replace=False):
        del results[position]["status"]
