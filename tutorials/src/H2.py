# %% [markdown] lid="title"
# # {{title}}
#
# **For** researchers, data stewards and engineers who have used `pandas`. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network. Lesson H1 helps, because it tells how the data were found. FHIR and OMOP are explained where they appear.
#
# **Why here.** The government's letter on this facility says: “{{claim.health-ri-compute.quote}}” (*{{claim.health-ri-compute.en}}*). Computing with health data means that people must be able to rely on you. This lesson is that part of the craft.
#
# All patients are fictional: they are called *Fictief* and live at postal codes that do not exist. Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import hashlib
import hmac
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from pprint import pprint

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.exercises.h2_patients import (
    CONCEPTS, FROM_EHR, GENDERS, LOINC, UNITS, VALID_STATUS, make_resources, to_ifcc,
)
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="fhir-text" minutes=6
# ## 1 · Read what a hospital sends ({{section.minutes}} min)
#
# Our question: *of the people with type 2 diabetes in this hospital, how many had an HbA1c above 53 mmol/mol in 2024, by sex and age?* HbA1c tells how high blood sugar was over the past two to three months; 53 mmol/mol (7.0 %) is an often used target.
#
# Hospitals exchange such data in **FHIR**: a *resource* for each thing, as JSON. Here come patients, conditions and observations. This is one observation, a laboratory result:

# %% lid="fhir-look"
resources = make_resources(seed=2026)
print(f"{tr('H2.line.resources')}: {len(resources)}")
pprint(resources[1], sort_dicts=False, width=110)

# %% [markdown] lid="fhir-validate-text"
# The library `fhir.resources` knows the form of every resource (we use release R4B; for these three it says the same as R4). Let it judge each one before you use it:

# %% lid="fhir-validate"
def validate(resources):
    valid, rejected = [], []
    for resource in resources:
        try:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            valid.append(resource)
        except ValidationError as problem:
            rejected.append(problem)
    return valid, rejected


valid, rejected = validate(resources)
print(f"{tr('H2.line.rejected')}: {len(rejected)}")
for problem in rejected[:2]:
    print("  ", problem.title, problem.errors()[0]["loc"], problem.errors()[0]["msg"])

patients = [resource for resource in valid if resource["resourceType"] == "Patient"]
unknown = [patient["gender"] for patient in patients if patient["gender"] not in GENDERS]
print(f"{tr('H2.line.gender')}: {len(unknown)} {set(unknown)}")

# %% [markdown] lid="fhir-after"
# {{expected.rejected}} resources are broken in form. But {{expected.gender}} patients passed with a gender that FHIR does not have: the library checks *form*, not whether a code is in its list. Count what you refuse and what you do not understand, and report both. Do not repair by guessing: `man` may look clear, `V` may not.

# %% [markdown] lid="pseudonym-text" minutes=8
# ## 2 · Replace names by pseudonyms ({{section.minutes}} min)
#
# To link a result to a person you need *that* it is the same person, not *who*. So the patient number is replaced by a **pseudonym**. A common way is a hash: the same number always gives the same string, and nobody can calculate back. Or can they?

# %% lid="pseudonym-plain"
def plain_hash(number):
    return hashlib.sha256(number.encode()).hexdigest()


numbers = [patient["id"] for patient in patients]
pseudonyms = {plain_hash(number) for number in numbers}
guesses = (str(guess) for guess in range(1_000_000))
found = [guess for guess in guesses if plain_hash(guess) in pseudonyms]
print(f"{tr('H2.line.plain')}: {100 * len(found) / len(numbers):.0f} %")

# %% [markdown] lid="pseudonym-after"
# Calculating back is not needed. There are only a million numbers of six digits: hash them all and look. A citizen service number (BSN) has nine digits and a check digit, so fewer than a hundred million possibilities. That is a matter of minutes.
#
# The cure is a **key**: a secret that only the hospital, or a third party that both sides trust, holds. With a keyed hash (HMAC) you can only try numbers if you have the key:

# %% lid="pseudonym-keyed"
KEY = secrets.token_bytes(32)


def pseudonym(number, key):
    digest = hmac.new(key, number.encode(), "sha256").digest()
    return int.from_bytes(digest[:6])


pseudonyms = {pseudonym(number, KEY) for number in numbers}
guessed_key = secrets.token_bytes(32)
found = [number for number in numbers if pseudonym(number, guessed_key) in pseudonyms]
print(f"{tr('H2.line.keyed')}: {100 * len(found) / len(numbers):.0f} %")
print(f"{tr('H2.line.different')}: {len(pseudonyms)}")

# %% [markdown] lid="pseudonym-law"
# The key is made new each time and shown nowhere. `int.from_bytes` makes a whole number of it, because OMOP wants numbers.
#
# Pseudonymised data are still **personal data** in the sense of the GDPR (Dutch: AVG), because somebody can make the link. And often no link is needed at all: a date of birth and a postal code tell as much as a name. We come back to that in section 5.

# %% [markdown] lid="omop-text" minutes=12
# ## 3 · Say it in OMOP ({{section.minutes}} min)
#
# FHIR is made to *exchange* data about one patient. To *analyse* many patients, in the same way in every hospital, there is the **OMOP Common Data Model**: a few tables (`person`, `condition_occurrence`, `measurement` …) in which every meaning is a number, a *standard concept*. Our lesson needs seven of millions; look up yours in the OHDSI vocabularies (Athena):
#
# | in FHIR | concept |
# |---|---|
# | gender `male`, `female` | 8507, 8532 |
# | SNOMED CT 44054006, type 2 diabetes mellitus | 201826 |
# | LOINC 4548-4, HbA1c in blood | 3004410 |
# | UCUM `%`, `mmol/mol` | 8554, 9579 |
# | “comes from a patient record” | 32817 |
# | anything that we do not know | **0** |
#
# ### Exercise 1 · try ({{exercise.H2-1}} min)
#
# The function below turns a FHIR observation into a row of the table `measurement`. It runs, and has four mistakes that all occur in practice. Run it, read what the check says, and mend one after the other. The row must
#
# - have exactly these six columns, and no text about the patient;
# - take the concept of the **LOINC** code, or 0 when that is not in `CONCEPTS`;
# - give the value in **mmol/mol**, and the concept of that unit;
# - be `None` when the status is not one of `VALID_STATUS`.
#
# <details><summary>Hint</summary>
#
# Print an observation. Where is the LOINC code in the list `coding`? `quantity["code"]` tells the unit, and `to_ifcc(percent)` converts. `CONCEPTS` has pairs as keys: `(LOINC, "4548-4")`; a dictionary's `get(key, 0)` gives 0 when there is no such key.
#
# </details>

# %% lid="omop-start" tags=["exercise"] exercise="H2-1"
def my_measurement(observation, person_id):
    coding = observation["code"]["coding"][0]
    quantity = observation["valueQuantity"]
    return {
        "person_id": person_id,
        "measurement_concept_id": CONCEPTS.get((coding["system"], coding["code"]), 0),
        "measurement_date": observation["effectiveDateTime"][:10],
        "measurement_type_concept_id": FROM_EHR,
        "value_as_number": quantity["value"],
        "unit_concept_id": UNITS["mmol/mol"],
        "note": observation["note"][0]["text"],
    }


# %% lid="omop-solution" tags=["solution"] exercise="H2-1"
def my_measurement(observation, person_id):
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


# %% lid="omop-wrong-note" tags=["wrong"] exercise="H2-1" hint="H2-1.extra"
def my_measurement(observation, person_id):
    quantity = observation["valueQuantity"]
    return {
        "person_id": person_id,
        "measurement_concept_id": CONCEPTS[LOINC, "4548-4"],
        "measurement_date": observation["effectiveDateTime"][:10],
        "measurement_type_concept_id": FROM_EHR,
        "value_as_number": quantity["value"],
        "unit_concept_id": UNITS["mmol/mol"],
        "value_source_value": observation["note"][0]["text"],
    }


# %% lid="omop-wrong-first" tags=["wrong"] exercise="H2-1" hint="H2-1.code"
def my_measurement(observation, person_id):
    coding = observation["code"]["coding"][0]
    quantity = observation["valueQuantity"]
    return {
        "person_id": person_id,
        "measurement_concept_id": CONCEPTS.get((coding["system"], coding["code"]), 0),
        "measurement_date": observation["effectiveDateTime"][:10],
        "measurement_type_concept_id": FROM_EHR,
        "value_as_number": quantity["value"],
        "unit_concept_id": UNITS["mmol/mol"],
    }


# %% lid="omop-wrong-unit" tags=["wrong"] exercise="H2-1" hint="H2-1.unit"
def my_measurement(observation, person_id):
    codes = {coding["system"]: coding["code"] for coding in observation["code"]["coding"]}
    quantity = observation["valueQuantity"]
    return {
        "person_id": person_id,
        "measurement_concept_id": CONCEPTS.get((LOINC, codes.get(LOINC)), 0),
        "measurement_date": observation["effectiveDateTime"][:10],
        "measurement_type_concept_id": FROM_EHR,
        "value_as_number": quantity["value"],
        "unit_concept_id": UNITS["mmol/mol"],
    }


# %% lid="omop-wrong-status" tags=["wrong"] exercise="H2-1" hint="H2-1.status"
def my_measurement(observation, person_id):
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


# %% lid="omop-check" tags=["check"] exercise="H2-1"
check("H2-1", my_measurement)

# %% [markdown] lid="omop-after"
# Now the whole hospital. Patients and conditions are simpler; you see them here in full:

# %% lid="omop-tables"
measurement_row = use("H2-1", my_measurement)


def person_row(patient, person_id):
    year, month, day = (int(part) for part in patient["birthDate"].split("-"))
    return {
        "person_id": person_id,
        "gender_concept_id": GENDERS.get(patient["gender"], 0),
        "year_of_birth": year,
        "month_of_birth": month,
        "day_of_birth": day,
        "postcode": patient["address"][0]["postalCode"],
    }


def condition_row(condition, person_id):
    coding = condition["code"]["coding"][0]
    return {"person_id": person_id, "condition_concept_id": CONCEPTS.get((coding["system"], coding["code"]), 0)}


def to_omop(resources, key):
    rows = {"Patient": [], "Condition": [], "Observation": []}
    make_row = {"Patient": person_row, "Condition": condition_row, "Observation": measurement_row}
    for resource in resources:
        kind = resource["resourceType"]
        number = resource["id"] if kind == "Patient" else resource["subject"]["reference"].removeprefix("Patient/")
        rows[kind].append(make_row[kind](resource, pseudonym(number, key)))
    return [pd.DataFrame([row for row in found if row is not None]) for found in rows.values()]


person, condition_occurrence, measurement = to_omop(valid, KEY)
print(f"{tr('H2.line.persons')}: {len(person)}")
print(f"{tr('H2.line.measurements')}: {len(measurement)}")
measurement.head(3)

# %% [markdown] lid="unit-text" minutes=5
# ## 4 · Two units in one column ({{section.minutes}} min)
#
# Why so much fuss about a unit? Dutch laboratories report HbA1c in mmol/mol (IFCC), laboratories elsewhere often in % (NGSP), and older records hold both. (Strictly, LOINC has a code of its own for the IFCC result, 59261-8; in practice one code often covers both, as here, and only the unit can save you.) The two scales are a straight line apart: % = 0.09148 × mmol/mol + 2.152.

# %% lid="unit-figure" tags=["figure"] alt="H2.figure.alt_unit"
counted = [one for one in valid if one["resourceType"] == "Observation" and one["status"] in VALID_STATUS]
as_sent = pd.DataFrame(
    {
        "person_id": [pseudonym(one["subject"]["reference"].removeprefix("Patient/"), KEY) for one in counted],
        "date": [one["effectiveDateTime"] for one in counted],
        "value": [one["valueQuantity"]["value"] for one in counted],
    }
)
converted = measurement.rename(columns={"measurement_date": "date", "value_as_number": "value"})

figure, panels = plt.subplots(1, 2, figsize=(12, 4), sharey=True, layout="constrained")
bins = np.arange(0, 112, 2)
panels[0].hist(as_sent["value"], bins=bins, color=OKABE_ITO["vermilion"])
panels[1].hist(converted["value"], bins=bins, color=OKABE_ITO["blue"])
panels[0].set(xlabel=tr("H2.figure.value_sent"), ylabel=tr("H2.figure.results"))
panels[0].set_title(tr("H2.figure.as_sent"))
panels[1].set_xlabel(tr("H2.figure.value_converted"))
panels[1].set_title(tr("H2.figure.converted"))
panels[1].axvline(53, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
panels[1].text(54.5, panels[1].get_ylim()[1] * 0.97, tr("H2.figure.target"), va="top", color=MUTED)
show(figure, tr("H2.figure.alt_unit"))

# %% lid="unit-share"
with_diabetes = condition_occurrence[condition_occurrence["condition_concept_id"] == 201826]["person_id"]
cohort = person[person["person_id"].isin(with_diabetes)]["person_id"]


def percent_above_target(results):
    latest = results.sort_values("date").groupby("person_id")["value"].last()
    return 100 * (latest[latest.index.isin(cohort)] > 53).mean()


print(f"{tr('H2.line.cohort')}: {len(cohort)}")
print(f"{tr('H2.line.above')}: {percent_above_target(converted):.0f} %")
print(f"{tr('H2.line.above_raw')}: {percent_above_target(as_sent):.0f} %")

# %% [markdown] lid="unit-after"
# Of the people with type 2 diabetes {{expected.above}} were above the target at their last measurement. Without units you would have reported {{expected.above_raw}}, and no error message would have warned you. The spike at 4 to 12 would: **plot what you receive before you compute with it.** In one unit, what remains are people without diabetes (around 37) and with it (around 54).

# %% [markdown] lid="minimal-text" minutes=11
# ## 5 · Take only what you need ({{section.minutes}} min)
#
# The names are gone. Is anybody still recognisable? Count who is the only one with their combination of properties:

# %% lid="minimal-unique"
def unique_percent(table, columns):
    size = table.groupby(columns)["person_id"].transform("size")
    return 100 * (size == 1).mean()


people = person.assign(
    birth=person["year_of_birth"] * 10000 + person["month_of_birth"] * 100 + person["day_of_birth"],
    area=person["postcode"].str[:4],
)
print(f"{tr('H2.line.unique_birth')}: {unique_percent(people, ['birth', 'postcode', 'gender_concept_id']):.0f} %")
print(f"{tr('H2.line.unique_year')}: {unique_percent(people, ['year_of_birth', 'area', 'gender_concept_id']):.0f} %")

# %% [markdown] lid="minimal-exercise"
# With date of birth, postal code and sex {{expected.unique_birth}} of the people are unique: whoever knows when a neighbour was born finds that neighbour's record. Even with year of birth and four digits of the postal code it is {{expected.unique_year}}.
#
# The question needs neither. **Minimise**: what you do not have, you cannot lose. The GDPR asks for it (article 5), the EHDS does too (article 66), and a holder that assesses your request will ask for every column what you need it for.
#
# ### Exercise 2 · change ({{exercise.H2-2}} min)
#
# The function below adds the age and keeps everything. Change it so that the table has only `person_id`, `gender_concept_id` and `age_band`: the age reached in 2024, in the bands 0–39, 40–59, 60–79, and 80 and over. The names of the bands are yours. Everybody stays in, and nobody stands in a group of fewer than 5 (we then speak of *k-anonymity* with k = 5).
#
# <details><summary>Hint</summary>
#
# `pd.cut(age, edges, right=False)` puts an age that equals an edge in the upper band. Is the last edge high enough for the oldest? Choosing columns: `persons[["a", "b"]]`.
#
# </details>

# %% lid="minimal-start" tags=["exercise"] exercise="H2-2"
def my_extract(persons):
    age = 2024 - persons["year_of_birth"]
    return persons.assign(age_band=age)


# %% lid="minimal-solution" tags=["solution"] exercise="H2-2"
def my_extract(persons):
    age = 2024 - persons["year_of_birth"]
    band = pd.cut(age, [0, 40, 60, 80, 130], right=False, labels=["0–39", "40–59", "60–79", "80+"])
    return persons[["person_id", "gender_concept_id"]].assign(age_band=band.astype(str))


# %% lid="minimal-wrong-age" tags=["wrong"] exercise="H2-2" hint="H2-2.small"
def my_extract(persons):
    age = 2024 - persons["year_of_birth"]
    return persons[["person_id", "gender_concept_id"]].assign(age_band=age)


# %% lid="minimal-wrong-drop" tags=["wrong"] exercise="H2-2" hint="H2-2.people"
def my_extract(persons):
    age = 2024 - persons["year_of_birth"]
    table = persons[["person_id", "gender_concept_id"]].assign(age_band=age)
    return table[table.groupby(["gender_concept_id", "age_band"])["person_id"].transform("size") >= 5]


# %% lid="minimal-wrong-edges" tags=["wrong"] exercise="H2-2" hint="H2-2.edges"
def my_extract(persons):
    age = 2024 - persons["year_of_birth"]
    band = pd.cut(age, [-1, 40, 60, 80, 130]).astype(str)
    return persons[["person_id", "gender_concept_id"]].assign(age_band=band)


# %% lid="minimal-wrong-extra" tags=["wrong"] exercise="H2-2" hint="H2-2.extra"
def my_extract(persons):
    age = 2024 - persons["year_of_birth"]
    band = pd.cut(age, [0, 40, 60, 80, 130], right=False).astype(str)
    return persons.assign(age_band=band)


# %% lid="minimal-check" tags=["check"] exercise="H2-2"
check("H2-2", my_extract)

# %% lid="minimal-answer"
extract = use("H2-2", my_extract)
known = person[person["gender_concept_id"] != 0]
small = extract(known)
print(f"{tr('H2.line.unique_band')}: {unique_percent(small, ['gender_concept_id', 'age_band']):.0f} %")
print(f"{tr('H2.line.left_out')}: {len(person) - len(known)}")

# %% [markdown] lid="minimal-after"
# Nobody is unique any more. We did leave out the patients whose gender we did not understand, and say so: they would have been a group of {{expected.gender}}.
#
# k-anonymity is a floor and not a proof. If all five people of a group have the same diagnosis, the group tells it of each of them.

# %% [markdown] lid="release-text" minutes=11
# ## 6 · Let numbers out, and nobody with them ({{section.minutes}} min)
#
# You compute in a secure environment. Only results leave it, after an **output check** by the holder. A common rule of thumb: every published count is at least 10. (The holder decides; 5 and 20 occur as well.) Suppose the total is published too. Here is a table from which somebody hid one small count:

# %% lid="release-attack"
published = pd.Series({"0–39": np.nan, "40–59": 96, "60–79": 214, "80+": 87}, name="persons")
total = 401
print(published.to_string())
print(f"{tr('H2.line.total')}: {total}")
print(f"{tr('H2.line.hidden')}: {total - published.sum():.0f}")

# %% [markdown] lid="release-exercise"
# Subtracting is enough. This is called *differencing*, and it is why one hidden cell is never enough: what is hidden **together** also follows from the total, and must be safe as well.
#
# ### Exercise 3 · transfer ({{exercise.H2-3}} min)
#
# Write a function that makes a Series of counts safe to publish together with its total. It returns the same Series with `NaN` where a count is hidden:
#
# - every count below 10 is hidden, also 0 (“nobody” says something about people, too);
# - what the hidden ones add up to is at least 10, or everything is hidden;
# - hide no more than that needs, and change no other number.
#
# You may count on it that the total itself is at least 10.
#
# <details><summary>Hint</summary>
#
# `hidden = counts < 10` is a Series of yes and no, and `counts.where(~hidden)` puts NaN where it says yes. While the hidden ones together are too few: which of the others do you miss least? `idxmin()` names the smallest.
#
# </details>

# %% lid="release-start" tags=["exercise"] exercise="H2-3"
def my_release(counts):
    ...


# %% lid="release-solution" tags=["solution"] exercise="H2-3"
def my_release(counts):
    hidden = counts < 10
    while hidden.any() and not hidden.all() and counts[hidden].sum() < 10:
        hidden[counts[~hidden].idxmin()] = True
    return counts.where(~hidden)


# %% lid="release-wrong-primary" tags=["wrong"] exercise="H2-3" hint="H2-3.difference"
def my_release(counts):
    return counts.where(counts >= 10)


# %% lid="release-wrong-one" tags=["wrong"] exercise="H2-3" hint="H2-3.difference"
def my_release(counts):
    hidden = counts < 10
    if hidden.sum() == 1:
        hidden[counts[~hidden].idxmin()] = True
    return counts.where(~hidden)


# %% lid="release-wrong-limit" tags=["wrong"] exercise="H2-3" hint="H2-3.limit"
def my_release(counts):
    hidden = counts <= 10
    while hidden.any() and not hidden.all() and counts[hidden].sum() < 10:
        hidden[counts[~hidden].idxmin()] = True
    return counts.where(~hidden)


# %% lid="release-wrong-round" tags=["wrong"] exercise="H2-3" hint="H2-3.changed"
def my_release(counts):
    return (counts / 10).round() * 10


# %% lid="release-wrong-all" tags=["wrong"] exercise="H2-3" hint="H2-3.too_much"
def my_release(counts):
    return counts * np.nan


# %% lid="release-check" tags=["check"] exercise="H2-3"
check("H2-3", my_release)

# %% lid="release-answer"
release = use("H2-3", my_release)
print(release(pd.Series({"0–39": 4, "40–59": 96, "60–79": 214, "80+": 87})).to_string())

# %% [markdown] lid="release-after"
# Counts are the simple case. Whoever checks output also looks for rows about single persons, for sums to which one member contributes most (*dominance*), for groups in which everybody has the property, and for two tables that together tell more than each.

# %% [markdown] lid="blind-text" minutes=5
# ## 7 · Send the script, not yourself ({{section.minutes}} min)
#
# SURF's **SANE** (Secure ANalysis Environment) has two forms. In *Tinker* you see the data and cannot take them out. In *Blind* you never see them: you hand in a script, the holder runs it without internet, checks the output and releases it. The agreement is one line:
#
# `python3 script.py -i <input> -o <output> -t <temporary> 1> stdout.txt 2> stderr.txt`
#
# Beside it lies a `requirements.txt` with the packages that it needs. You develop on made-up data, such as ours, and cannot correct anything afterwards. So keep the script small, and let it do the output check itself. We now play both roles. First the researcher writes:

# %% lid="blind-script"
SCRIPT = '''
import argparse
from pathlib import Path

import pandas as pd


def release(counts):
    hidden = counts < 10
    while hidden.any() and not hidden.all() and counts[hidden].sum() < 10:
        hidden[counts[~hidden].idxmin()] = True
    return counts.where(~hidden)


parser = argparse.ArgumentParser()
for option in ("-i", "-o", "-t"):
    parser.add_argument(option, type=Path, required=True)
folder = parser.parse_args()

person = pd.read_csv(folder.i / "person.csv")
measurement = pd.read_csv(folder.i / "measurement.csv")
latest = measurement.sort_values("measurement_date").groupby("person_id", as_index=False).last()
cohort = person.merge(latest, on="person_id")
cohort["above"] = cohort["value_as_number"] > 53

table = cohort.groupby(["gender_concept_id", "age_band"])["above"].agg(persons="size", above="sum")
rarest = pd.concat([table["above"], table["persons"] - table["above"]], axis=1).min(axis=1)
safe = rarest.groupby("gender_concept_id", group_keys=False).apply(release).notna()
table.where(safe).to_csv(folder.o / "above_target.csv")
print(len(table), "cells,", int((~safe).sum()), "hidden")
'''

# %% [markdown] lid="blind-after"
# Note `rarest`: a cell is also unsafe when fewer than 10 people are *not* above the target. Now the holder, with data that you have not seen, runs the script:

# %% lid="blind-run"
work = tempfile.TemporaryDirectory()
folders = {name: Path(work.name) / name for name in ("input", "output", "temporary")}
for folder in folders.values():
    folder.mkdir()

unseen, _ = validate(make_resources(seed=4711))
unseen_person, unseen_condition, unseen_measurement = to_omop(unseen, secrets.token_bytes(32))
wanted = unseen_person["person_id"].isin(unseen_condition["person_id"]) & (unseen_person["gender_concept_id"] != 0)
extract(unseen_person[wanted]).to_csv(folders["input"] / "person.csv", index=False)
unseen_measurement.to_csv(folders["input"] / "measurement.csv", index=False)

script = Path(work.name) / "script.py"
script.write_text(SCRIPT, encoding="utf-8")
command = [sys.executable, script, "-i", folders["input"], "-o", folders["output"], "-t", folders["temporary"]]
with (folders["output"] / "stdout.txt").open("w") as out, (folders["output"] / "stderr.txt").open("w") as err:
    status = subprocess.run(command, stdout=out, stderr=err).returncode

print(f"{tr('H2.line.status')}: {status}")
print((folders["output"] / "stdout.txt").read_text(), (folders["output"] / "stderr.txt").read_text())

# %% [markdown] lid="blind-check-text"
# The holder looks at *everything* in the output folder, also at `stdout.txt`: a forgotten `print(person)` is a leak. Then the result comes out:

# %% lid="blind-figure" tags=["figure"] alt="H2.figure.alt_blind"
result = pd.read_csv(folders["output"] / "above_target.csv")
assert not (result[["persons", "above"]] < 10).any(axis=None)
bands = sorted(result["age_band"].unique())
LABEL = {"facecolor": "white", "edgecolor": "none", "pad": 4}

figure, panels = plt.subplots(1, 2, figsize=(12, 4), sharey=True, layout="constrained")
for axes, (gender, colour) in zip(panels, (("female", "purple"), ("male", "blue")), strict=True):
    part = result[result["gender_concept_id"] == GENDERS[gender]].set_index("age_band").loc[bands]
    shown = part["persons"].notna().to_numpy()
    places = np.arange(len(bands))
    share = 100 * part["above"] / part["persons"]
    axes.bar(places[shown], share[shown], color=OKABE_ITO[colour], width=0.7)
    axes.bar(places[~shown], 100, color="none", edgecolor=LINE, hatch="///", width=0.7)
    for place, value, persons in zip(places[shown], share[shown], part["persons"][shown], strict=True):
        axes.text(place, value + 2, f"{value:.0f} %\nn = {persons:.0f}", ha="center", color=INK)
    for place in places[~shown]:
        axes.text(place, 50, tr("H2.figure.hidden"), ha="center", va="center", color=MUTED, bbox=LABEL)
    axes.set_xticks(places, bands)
    axes.set(ylim=(0, 100), xlabel=tr("H2.figure.age"))
    axes.set_title(tr(f"H2.figure.{gender}"))
panels[0].set_ylabel(tr("H2.figure.share"))
show(figure, tr("H2.figure.alt_blind"))

# %% [markdown] lid="blind-lesson"
# Among the women the youngest band is too small, so it is hidden, and a larger one with it, or you could subtract. That is the price of a band that was too narrow. With 0–39 and 40–59 taken together nothing would have been hidden: think of the output check when you choose your bands, not afterwards.

# %% [markdown] lid="cost-text" minutes=2
# ## 8 · What it cost, and what you keep ({{section.minutes}} min)
#
# Most of the time went into looking at every resource, twice, and into a million hashes. The output check cost next to nothing.

# %% lid="cost"
work.cleanup()
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - A validator checks form. Count what it refuses *and* what you do not understand.
# - A hash without a key is no pseudonym: {{expected.plain}} of the numbers came back. Pseudonymised data remain personal data.
# - Code, unit and status belong to a value. Without units {{expected.above}} became {{expected.above_raw}}.
# - Minimise before you analyse: with birth date and postal code {{expected.unique_birth}} of the people were unique, with two columns nobody.
# - Hide small counts, and enough others that nobody can subtract.
#
# ### What next
#
# - Merge the two youngest bands in exercise 2 and in the script. How much less is hidden?
# - Working in an environment such as SANE goes in eight steps, in the words of SURF: publish metadata (lesson H1), find data, request access, request an environment, transfer data, process data, output check, publish results. Which of them has your project arranged?
# - Under the EHDS (Regulation (EU) 2025/327, secondary use mostly from March 2029) you apply to a health data access body, work in a secure processing environment, and take out only what is not personal.
#
# **Sources.** HL7, *FHIR* R4B (2022) · OHDSI, *OMOP Common Data Model* v5.4 · NGSP, *IFCC standardization of HbA1c* (master equation) · SURF, *Working with Blind SANE as a researcher* and *Sensitive data management in practice* · M. Brandt and others (2010), *Guidelines for the checking of output based on microdata research*, ESSnet SDC · L. Sweeney (2002), *k-anonymity: a model for protecting privacy*, IJUFKS 10(5) · Regulations (EU) 2016/679 and 2025/327 · Data: generated for this lesson, fictional.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Short of time?** Leave out 7 and tell it.
#
# **Questions that come**
#
# - *Is pseudonymised data anonymous?* No: it is personal data (AVG, article 4).
# - *Why hide 0?* It says that nobody has it.
# - *Who sets the 10?* The data holder.
