"""Lessons run from top to bottom, offline, and print the numbers that their text promises.

Lessons that no change touches are left out, and said so: see `touched`. Those that only the kit touches run in one
language of each kind, English solved and Dutch as a learner gets it; a lesson that changed itself runs in all.
"""

from __future__ import annotations

import json
import os

import nbformat
import pytest
from werkbank_lessons.words import LANGUAGES, tr

from tutorials.build import variants
from tutorials.build.catalogue import ROOT, lessons, read_entry
from tutorials.build.execution import MEBIBYTES, SECONDS
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import Cell
from tutorials.build.verdict import complaints, figures_without_alt, is_hint, numbers, passed, printed

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(params=lessons())
def lesson(request):
    return request.param


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


def assert_sound(lesson, run, language):
    """Quiet, true to its numbers, and within its bounds."""
    entry = read_entry(lesson)
    assert complaints(run.notebook) == []
    assert [number.sentence() for number in numbers(lesson, run.notebook, language) if not number.is_kept] == []
    assert run.seconds <= SECONDS
    assert run.peak_mib <= min(MEBIBYTES, 1024 * entry.resources.memory_gb)


@pytest.mark.enough_in("nl")
def test_the_committed_notebook_runs_with_every_exercise_left_open(execute_cells, tmp_path, lesson, language):
    entry = read_entry(lesson)
    path = ROOT / "notebooks" / entry.folder / f"{entry.stem}.{language}.ipynb"
    cells = [Cell(cell.id, cell.cell_type, cell.source) for cell in nbformat.read(path, as_version=4).cells]
    run = execute_cells(lesson, cells, language)
    assert_sound(lesson, run, language)
    for exercise in entry.exercises:
        assert f"◔ {exercise.id}: " in printed(run.notebook)
    record = (tmp_path / "data" / "werkbank" / "progress.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in record]
    assert [event["exercise"] for event in events] == [exercise.id for exercise in entry.exercises]
    assert {(event["event"], event["language"]) for event in events} == {("tried", language)}


@pytest.mark.enough_in("en")
def test_the_solved_notebook_passes_every_check_strictly_and_shows_its_figures(execute_cells, lesson, language):
    entry = read_entry(lesson)
    run = execute_cells(lesson, variants.solved(lesson_cells(lesson, language)), language, WERKBANK_STRICT="1")
    assert_sound(lesson, run, language)
    assert passed(entry, run.notebook, language) == [exercise.id for exercise in entry.exercises]
    assert "◔" not in printed(run.notebook)
    assert any("figure" in cell.metadata.get("tags", []) for cell in run.notebook.cells)
    assert figures_without_alt(run.notebook) == []


@pytest.mark.enough_in("nl")
def test_every_wrong_answer_and_every_starter_is_refused_with_its_hint(execute_cells, lesson, language):
    cells = lesson_cells(lesson, language)
    pairs = variants.mutations(cells)
    attempts = []
    for number, (answer, check) in enumerate(pairs):
        attempts += [Cell(f"answer-{number}", "code", answer.text), Cell(f"check-{number}", "code", check.text)]
    trial = [*variants.setup(cells), *attempts]
    run = execute_cells(lesson, trial, language, allow_errors=True, WERKBANK_STRICT="1")
    outputs = {cell.id: cell.outputs for cell in run.notebook.cells}
    for number, (answer, _) in enumerate(pairs):
        assert outputs[f"answer-{number}"] == [], answer.lid
        (error,) = [output for output in outputs[f"check-{number}"] if output.output_type == "error"]
        assert error.ename == "ExerciseFailedError", (answer.lid, error.evalue)
        if hint := answer.more.get("hint"):
            assert is_hint(hint, error.evalue, language), (answer.lid, error.evalue)
        else:
            assert len(error.evalue) > 20
            assert not is_hint("check.unexpected", error.evalue, language), (answer.lid, error.evalue)


def test_a_lesson_under_test_cannot_reach_the_network(run_cells):
    attempt = Cell("out", "code", "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)")
    executed = run_cells([attempt], allow_errors=True)
    assert executed.cells[0].outputs[0].ename == "NetworkRefusedError"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network of its own")
def test_nor_can_what_does_not_know_the_guard(run_cells):
    look = Cell("look", "code", "print(sorted(line.split(':')[0].strip() for line in list(open('/proc/net/dev'))[2:]))")
    assert printed(run_cells([look])) == "['lo']\n"


def test_a_deprecation_in_a_lessons_own_cell_is_an_error(run_cells):
    old = Cell("old", "code", "import warnings\nwarnings.warn('no more', DeprecationWarning)")
    executed = run_cells([old], allow_errors=True)
    assert complaints(executed) == ["old: DeprecationWarning: no more"]


def test_hints_are_recognised_whatever_is_filled_in():
    for language in LANGUAGES:
        said = tr("D2-3.months", language, calendar="noleap", found=1.5, exact=2.5)
        assert is_hint("D2-3.months", said, language)
        assert not is_hint("D2-3.years", said, language)
