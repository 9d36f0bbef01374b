"""The catalogue keeps its promises: valid, complete, and true to the lessons and the letter."""

from __future__ import annotations

import copy

import pytest
from pydantic import ValidationError
from werkbank_lessons.exercises import exercise

from tutorials.build import catalogue
from tutorials.build.catalogue import ROOT, Entry, lessons, read_claims, read_entry, read_expected
from tutorials.build.source import read_source

SECTION_LIMIT = 12  # minutes: attention, not taste


@pytest.fixture(params=lessons())
def entry(request):
    return read_entry(request.param)


@pytest.fixture
def raw():
    return catalogue._yaml(ROOT / "catalogue" / "D2.yaml")


def test_there_is_a_lesson():
    assert "D2" in lessons()


def test_minutes_of_the_sections_add_up_to_what_the_catalogue_promises(entry):
    minutes = [cell.more["minutes"] for cell in read_source(entry.id) if "minutes" in cell.more]
    assert sum(minutes) == entry.minutes.total
    assert max(minutes) <= SECTION_LIMIT


def test_every_section_says_how_long_it_takes(entry):
    headings = [cell for cell in read_source(entry.id) if cell.kind == "markdown" and cell.text.startswith("## ")]
    assert headings
    assert all("minutes" in cell.more and "{{section.minutes}}" in cell.text.splitlines()[0] for cell in headings)


def test_every_exercise_has_starter_solution_wrong_answer_check_and_judge(entry):
    cells = read_source(entry.id)
    for promised in entry.exercises:
        roles = [cell.role for cell in cells if cell.exercise == promised.id]
        assert (roles.count("exercise"), roles.count("solution"), roles.count("check")) == (1, 1, 1)
        assert "wrong" in roles
        assert exercise(promised.id).judge
    assert {cell.exercise for cell in cells if cell.exercise} == {promised.id for promised in entry.exercises}


def test_claims_are_literal_words_of_the_letter(entry):
    letter = " ".join((ROOT / "data" / "letter-ai-faciliteit.txt").read_text(encoding="utf-8").split())
    claims = read_claims()
    for name in entry.claims:
        assert claims[name].quote in letter


def test_prerequisites_and_next_lessons_exist_and_never_go_round_in_circles(entry):
    known = {lesson: read_entry(lesson) for lesson in lessons()}
    assert {*entry.next, *(before.id for before in entry.prerequisites)} <= set(known)

    def before(lesson, path=()):
        assert lesson not in path
        for earlier in known[lesson].prerequisites:
            before(earlier.id, (*path, lesson))

    before(entry.id)


def test_goals_start_with_a_verb_that_can_be_observed(entry):
    observable = {
        "en": {"Compute", "Select", "Determine", "Measure", "Compare", "Write", "Explain", "Convert", "Choose"},
        "nl": {"Bereken", "Selecteer", "Bepaal", "Meet", "Vergelijk", "Schrijf", "Leg", "Reken", "Kies"},
    }
    for language, verbs in observable.items():
        assert {getattr(goal, language).split()[0] for goal in entry.goals} <= verbs


def test_expected_numbers_are_read_by_the_text(entry):
    text = "".join(cell.text for cell in read_source(entry.id) if cell.kind == "markdown")
    assert {"warming_a1b", "warming_e1", "separation"} <= read_expected(entry.id).keys()
    assert "{{expected.warming_a1b}}" in text
    assert "{{expected.warming_e1}}" in text


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("minutes", "exercises"), 99, "add up to"),
        (("naam",), "x", "Extra inputs"),
        (("version",), "new", "pattern"),
        (("folder",), "../elsewhere", "pattern"),
        (("measured", "cpu2_seconds"), 500, "less than or equal to 120"),
        (("goals",), [], "at least 3"),
        (("title",), {"en": "Only English"}, "nl"),
    ],
)
def test_a_wrong_entry_is_refused_with_what_is_wrong(raw, path, value, said):
    wrong = copy.deepcopy(raw)
    place = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValidationError, match=said):
        Entry.model_validate(wrong)
