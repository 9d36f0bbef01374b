"""Lessons run from top to bottom, offline, and print the numbers that their text promises."""

from __future__ import annotations

import json
import re

import nbformat
import pytest
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.catalogue import ROOT, read_entry, read_expected
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import Cell

from .support import printed


def numbers(text, language):
    """The expected numbers as a lesson printed them, by name."""
    found = {}
    for name, number in read_expected("D2").items():
        lines = re.findall(rf"(?m)^{re.escape(getattr(number.label, language))}: ([-+]?\d+(?:\.\d+)?)", text)
        assert len(lines) == 1, f"{name}: {lines}"
        found[name] = float(lines[0])
    return found


def assert_as_promised(text, language):
    for name, found in numbers(text, language).items():
        number = read_expected("D2")[name]
        assert found == pytest.approx(number.value, abs=number.tolerance + 1e-9), name


def assert_quiet(executed):
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", f"{cell.id}: {output.get('text')}"


def memory_mib(text):
    return sum(float(mib) for mib in re.findall(r"(\d+) MiB", text))


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_committed_notebook_runs_with_every_exercise_left_open(run_cells, tmp_path, language):
    path = ROOT / "notebooks" / "D2-two-futures" / f"two-futures.{language}.ipynb"
    cells = [Cell(cell.id, cell.cell_type, cell.source) for cell in nbformat.read(path, as_version=4).cells]
    executed = run_cells(cells, language)
    text = printed(executed)
    assert_quiet(executed)
    assert_as_promised(text, language)
    assert tr("scale.local", language, workers=2, reason=tr("scale.gateway_absent", language)) in text
    for exercise in read_entry("D2").exercises:
        assert tr("check.reference_used", language, exercise=exercise.id) in text
    assert memory_mib(text) < 1024 * read_entry("D2").resources.memory_gb
    events = [json.loads(line) for line in (tmp_path / "data" / "werkbank" / "progress.jsonl").read_text().splitlines()]
    assert [(event["exercise"], event["event"]) for event in events] == [
        ("D2-1", "tried"),
        ("D2-2", "tried"),
        ("D2-3", "tried"),
    ]
    assert {event["language"] for event in events} == {language}


def test_the_solved_notebook_passes_every_check_strictly(run_cells, tmp_path):
    executed = run_cells(variants.solved(lesson_cells("D2", "en")), WERKBANK_STRICT="1")
    text = printed(executed)
    assert_quiet(executed)
    assert_as_promised(text, "en")
    assert text.count("✔") == 3
    assert "◔" not in text
    assert '"event": "passed"' in (tmp_path / "data" / "werkbank" / "progress.jsonl").read_text()


def test_figures_reach_a_screen_reader(run_cells):
    executed = run_cells(variants.solved(lesson_cells("D2", "nl")), "nl", WERKBANK_STRICT="1")
    figures = [cell for cell in executed.cells if "figure" in cell.metadata.get("tags", [])]
    assert len(figures) == 3
    for cell in figures:
        (shown,) = [output for output in cell.outputs if output.output_type == "display_data"]
        assert f'alt="{cell.metadata.alt}"' in shown.data["text/html"]


def test_the_lesson_computes_on_dask_gateway_and_gives_the_cluster_back(run_cells, gateway):
    from dask_gateway import Gateway

    executed = run_cells(variants.solved(lesson_cells("D2", "en")), WERKBANK_STRICT="1", DASK_GATEWAY__ADDRESS=gateway)
    text = printed(executed)
    assert_quiet(executed)
    assert_as_promised(text, "en")
    assert tr("scale.gateway", "en", workers=2) in text
    assert Gateway(gateway, auth="basic").list_clusters() == []


def test_a_lesson_under_test_cannot_reach_the_network(run_cells):
    attempt = Cell("out", "code", "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)")
    executed = run_cells([attempt], allow_errors=True)
    assert executed.cells[0].outputs[0].ename == "NetworkRefusedError"


def test_workers_that_cannot_see_the_file_get_the_data_sent(run_cells):
    blind = Cell("blind", "code", "workers.can_read = lambda path: False")
    cells = variants.solved(lesson_cells("D2", "en"))
    start = next(index for index, cell in enumerate(cells) if cell.lid == "cluster-start")
    executed = run_cells([*cells[: start + 1], blind, *cells[start + 1 :]], WERKBANK_STRICT="1")
    assert_as_promised(printed(executed), "en")


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_wrong_answer_and_every_starter_is_refused_with_its_hint(run_cells, language):
    cells = lesson_cells("D2", language)
    pairs = variants.mutations(cells)
    attempts = []
    for number, (answer, check) in enumerate(pairs):
        attempts += [Cell(f"answer-{number}", "code", answer.text), Cell(f"check-{number}", "code", check.text)]
    executed = run_cells([*variants.setup(cells), *attempts], language, allow_errors=True, WERKBANK_STRICT="1")
    outputs = {cell.id: cell.outputs for cell in executed.cells}
    assert len(pairs) == 13
    for number, (answer, _) in enumerate(pairs):
        assert outputs[f"answer-{number}"] == []
        (error,) = outputs[f"check-{number}"]
        assert error.ename == "ExerciseFailedError", (answer.lid, error.evalue)
        if hint := answer.more.get("hint"):
            beginning = tr(hint, language, found=0, exact=0, calendar="").split("0.0")[0].split("  ")[0]
            assert error.evalue.startswith(beginning), (answer.lid, error.evalue)
        else:
            assert answer.role == "exercise"
            assert len(error.evalue) > 20
