"""Lesson R1: its judges know right from wrong however it is written, its register refuses what the standard refuses,
and its numbers hold for other draws too.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate
from werkbank_lessons import words
from werkbank_lessons.exercises.r1 import entry, false_alarms, thresholds
from werkbank_lessons.exercises.r1_register import TITLES, Registration, problems

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import read_source
from tutorials.build.verdict import complaints, numbers

from .lesson_support import answer_of, judged, wrong_cells

EXERCISES = ["R1-1", "R1-2", "R1-3"]
FACTS = {
    "language": "en",
    "name": "Proposing which benefit files to check",
    "organization": "Gemeente Duinmeer",
    "contact": "algoritmes@duinmeer.example",
    "in_use": False,
    "goal": "To find files in which somebody gets too much or too little.",
    "reason": "changes of income",
    "decides": "two employees together",
    "false_alarms": {"A": 5.1, "B": 4.9},
    "watch": "Each year we measure this in files drawn by lot.",
}


def in_a_frame(error, selected, group):
    files = pd.DataFrame({"selected": selected, "group": group})[~error]
    return files.groupby("group").selected.mean()


def by_loop(error, selected, group):
    alarms, clean = {}, {}
    for wrong, chosen, name in zip(error, selected, group, strict=True):
        if not wrong:
            clean[name] = clean.get(name, 0) + 1
            alarms[name] = alarms.get(name, 0) + int(chosen)
    return {name: round(alarms[name] / clean[name], 4) for name in clean}


def of_the_library(error, selected, group):
    return MetricFrame(
        metrics=false_positive_rate, y_true=error, y_pred=selected, sensitive_features=pd.Series(group, name="group")
    ).by_group


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mine", [in_a_frame, by_loop, of_the_library])
def test_false_alarms_counted_another_way_pass_too(mine, seed):
    assert judged("R1-1", mine, seed) is None


def by_halving(score, group, error, places):
    low, high, names = 0.0, 1.0, np.unique(group)
    for _ in range(30):
        share = (low + high) / 2
        trial = {name: np.quantile(score[(group == name) & ~error], 1 - share) for name in names}
        fits = sum(np.sum(score[group == name] >= trial[name]) for name in names) <= places
        low, high = (share, high) if fits else (low, share)
    return {name: np.quantile(score[(group == name) & ~error], 1 - low) for name in names}


def by_counting(score, group, error, places):
    clean = {name: np.sort(score[(group == name) & ~error])[::-1] for name in set(group.tolist())}
    for share in np.arange(1, 0, -0.004):
        trial = {name: float(scores[int(share * len(scores))]) for name, scores in clean.items() if share < 1}
        if trial and sum(np.sum(score[group == name] >= level) for name, level in trial.items()) <= places:
            return pd.Series(trial)
    return None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mine", [by_halving, by_counting])
def test_thresholds_found_another_way_pass_too(mine, seed):
    assert judged("R1-2", mine, seed) is None


def in_own_words(facts):
    alarms = facts["false_alarms"]
    return {
        "name": facts["name"],
        "organization": facts["organization"],
        "contact_email": facts["contact"],
        "status": "In gebruik" if facts["in_use"] else "In ontwikkeling",
        "publication_category": "Hoog-risico AI-systeem",
        "description_short": f"We cannot look into every file. {facts['reason'].capitalize()}: that counts most.",
        "goal": facts["goal"],
        "human_intervention": f"{facts['decides'].capitalize()} look at each file, and at nothing but the file.",
        "risks": f"Group A: {alarms['A']:.0f} per cent for nothing. Group B: {str(alarms['B']).replace('.', ',')}. "
        f"And: {facts['watch'].lower()}",
    }


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_an_entry_in_own_words_passes_in_both_languages(language, seed, monkeypatch):
    monkeypatch.setattr(words, "_chosen", language)
    (solution,) = [cell for cell in read_source("R1") if cell.lid == "register-solution"]
    for mine in (in_own_words, answer_of(solution), entry):
        assert judged("R1-3", mine, seed) is None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cell", wrong_cells("R1"))
def test_every_wrong_answer_gets_its_own_hint(cell, seed):
    assert judged(cell.exercise, answer_of(cell), seed) == cell.more["hint"]


def with_field(**more):
    return lambda facts: in_own_words(facts) | more


def describing(text):
    return lambda facts: in_own_words(facts) | {"description_short": text.format(**facts)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("R1-1", lambda e, s, g: {name: s[g == name].mean() for name in np.unique(g)}, "R1-1.selected"),
        ("R1-1", lambda e, s, g: {name: 1 - s[e & (g == name)].mean() for name in np.unique(g)}, "R1-1.missed"),
        ("R1-1", lambda e, s, g: dict.fromkeys(np.unique(g), s[~e].mean()), "R1-1.together"),
        ("R1-1", lambda e, s, g: {name: 1 - one for name, one in false_alarms(e, s, g).items()}, "R1-1.opposite"),
        ("R1-1", lambda e, s, g: {name: 100 * one for name, one in false_alarms(e, s, g).items()}, "R1-1.percent"),
        ("R1-1", lambda e, s, g: {name: (s & ~e & (g == name)).sum() for name in np.unique(g)}, "R1-1.count"),
        ("R1-1", lambda e, s, g: dict.fromkeys(np.unique(g), 0.999), "R1-1.other"),
        ("R1-1", lambda e, s, g: list(false_alarms(e, s, g).values()), "R1-1.groups"),
        ("R1-1", lambda e, s, g: {"north": 0.1, "south": 0.1, "east": 0.1, "west": 0.1}, "R1-1.groups"),
        ("R1-2", lambda s, g, e, p: dict.fromkeys(np.unique(g), np.sort(s)[-p]), "R1-2.one"),
        ("R1-2", lambda s, g, e, p: dict.fromkeys(np.unique(g), 0.0), "R1-2.capacity"),
        ("R1-2", lambda s, g, e, p: dict.fromkeys(np.unique(g), np.inf), "R1-2.groups"),
        ("R1-2", lambda s, g, e, p: np.sort(s)[-p], "R1-2.groups"),
        ("R1-2", lambda s, g, e, p: thresholds(s, g, e, p // 3), "R1-2.few"),
        ("R1-3", lambda facts: "an entry", "R1-3.entry"),
        ("R1-3", lambda facts: {}, "R1-3.missing"),
        ("R1-3", with_field(goal="  "), "R1-3.missing"),
        ("R1-3", with_field(naam="x"), "R1-3.unknown"),
        ("R1-3", with_field(description_short="words " * 70), "R1-3.long"),
        ("R1-3", with_field(status="In use"), "R1-3.choice"),
        ("R1-3", with_field(contact_email="the desk"), "R1-3.contact"),
        ("R1-3", with_field(risks=5), "R1-3.text"),
        ("R1-3", with_field(organization="Gemeente Elders"), "R1-3.facts"),
        ("R1-3", with_field(goal="To find fraud."), "R1-3.facts"),
        ("R1-3", with_field(status="In gebruik"), "R1-3.status"),
        ("R1-3", lambda facts: in_own_words(facts) | {"risks": str(facts["false_alarms"])}, "R1-3.watch"),
        ("R1-3", with_field(human_intervention="A person."), "R1-3.human"),
        ("R1-3", with_field(risks="Of group A 30.5 per cent, of group B none."), "R1-3.measured"),
        ("R1-3", describing("The model says whom we check."), "R1-3.reason"),
        ("R1-3", describing("{reason} " + "and so on " * 9), "R1-3.sentence"),
        ("R1-3", describing("Het model let op {reason}. De drempelwaarde is 0,3."), "R1-3.jargon"),
        ("R1-3", describing("Wie verdachte {reason} heeft, controleren we."), "R1-3.accusing"),
        ("R1-3", describing("This fraud model looks at {reason}."), "R1-3.accusing"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_everyday_words_are_not_taken_for_jargon():
    plain = describing("We look at {reason}. The rocket, labelled or not, outputted nothing; fair and square.")
    assert judged("R1-3", plain, 1) is None


def test_with_too_few_places_nobody_is_selected():
    score, group, error = (
        np.array([0.9, 0.8, 0.2, 0.1]),
        np.array(["A", "B", "A", "B"]),
        np.array([True] * 2 + [False] * 2),
    )
    found = thresholds(score, group, error, 0)
    assert all(score.max() < threshold for threshold in found.values())


def test_a_seat_without_the_libraries_of_fairness_can_judge_all_the_same():
    program = (
        "import sys; sys.modules.update(fairlearn=None, shap=None, sklearn=None, pandas=None)\n"
        "from werkbank_lessons.exercises import exercise, r1_register\n"
        "import numpy as np\n"
        "for number in (1, 2, 3):\n"
        "    task = exercise(f'R1-{number}')\n"
        "    task.judge(task.reference, np.random.default_rng())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_our_own_entry_fits_the_register_and_tells_what_was_measured(language):
    own = entry(FACTS | {"language": language})
    assert problems(own) == []
    assert list(Registration(**own).model_dump()) == list(TITLES)
    assert all(f"{share:.1f}" in own["risks"].replace(",", ".") for share in (5.1, 4.9))
    assert ("5,1" in own["risks"]) == (language == "nl")


@pytest.mark.parametrize(
    ("field", "fits", "refused"),
    [("name", 99, 100), ("organization", 99, 100), ("description_short", 349, 350), ("goal", 2499, 2500)],
)
def test_limits_are_those_of_the_publication_standard(field, fits, refused):
    assert problems(entry(FACTS) | {field: "x" * fits}) == []
    assert problems(entry(FACTS) | {field: "x" * refused}) == [(field, "string_too_long")]


@pytest.mark.parametrize("address", ["https://duinmeer.example/algoritmes", "a.b@duinmeer.example"])
def test_a_page_and_an_address_are_ways_to_ask(address):
    assert problems(entry(FACTS) | {"contact_email": address}) == []


@pytest.mark.parametrize("seed", [1, 3])  # and 2, with which the lesson runs
def test_the_numbers_and_what_the_text_says_of_them_hold_for_other_seeds(execute_cells, seed):
    cells = variants.solved(lesson_cells("R1", "en"))
    computing = [cell for cell in cells if "figure" not in cell.tags]
    made = [replace(cell, text=cell.text.replace("SEED = 2", f"SEED = {seed}")) for cell in computing]
    assert made != computing
    run = execute_cells("R1", made, WERKBANK_STRICT="1")
    assert complaints(run.notebook) == []
    assert [number.sentence() for number in numbers("R1", run.notebook, "en") if not number.is_kept] == []
    found = {number.name: number.found[0] for number in numbers("R1", run.notebook, "en")}
    assert found["found_a"] > 2 * found["found_b"]
    assert abs(found["error_a"] - found["error_b"]) < 1.5
    assert found["hits_record_a"] > found["hits_record_b"] + 10
    assert found["hits_truth_b"] > found["hits_truth_a"] + 10
    assert found["selected_balanced"] > 3 * 2000
    assert min(found["alarms_balanced_a"], found["alarms_balanced_b"]) > 2 * found["alarms_record_a"]
    gap = {
        way: found[f"alarms_{way}_a"] - found[f"alarms_{way}_b"]
        for way in ("record", "without", "balanced", "thresholds", "repaired", "lots")
    }
    assert gap["record"] > gap["without"] + 1.5
    assert gap["without"] > 3
    assert all(abs(gap[way]) < 2 for way in ("balanced", "thresholds", "repaired", "lots"))
    assert found["errors_repaired"] > found["errors_record"] + 20
    assert found["errors_lots"] < found["errors_record"] / 2
    assert found["elsewhere"] > 0.85 * found["wronged"]
