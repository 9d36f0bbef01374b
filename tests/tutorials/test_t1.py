"""Lesson T1: its judges know right from wrong, and its pre-flight tells what would go wrong, and what to do."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import SimpleNamespace

import dask
import numpy as np
import pytest
from werkbank_lessons import preflight, words
from werkbank_lessons.exercises import exercise
from werkbank_lessons.exercises.t1 import seats
from werkbank_lessons.preflight import Finding, Findings, looks, read_offer, verdict
from werkbank_lessons.scaling import cluster
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.catalogue import ROOT, read_entry
from tutorials.build.notebooks import lesson_cells
from tutorials.build.timetables import read_timetables
from tutorials.build.verdict import complaints, printed

from .lesson_support import answer_of, judged, wrong_cells

SEEDS = range(20)


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setattr(words, "_chosen", "en")


@pytest.fixture
def offer(monkeypatch):
    monkeypatch.setenv("WERKBANK_LESSONS", str(ROOT / "notebooks"))
    return read_offer()


@pytest.mark.parametrize("seed", SEEDS)
def test_seats_in_whole_numbers_pass_too(seed):
    assert judged("T1-1", lambda people: people + 1 - -people // 20, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_class_found_by_halving_passes_too(seed):
    def halving(memory, kept, seat, seats_for):
        low, high = 0, 1000
        while low < high:
            middle = math.ceil((low + high) / 2)
            low, high = (middle, high) if seats_for(middle) * seat <= memory - kept else (low, middle - 1)
        return low if seats_for(low) * seat <= memory - kept else 0

    assert judged("T1-2", halving, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_pauses_in_other_places_pass_when_they_are_as_few(seed):
    def from_the_end(minutes, most):
        before, sitting = [], 0
        for position in reversed(range(len(minutes))):
            if sitting + minutes[position] > most:
                before.append(position + 1)
                sitting = 0
            sitting += minutes[position]
        return np.array(before, dtype=int)

    assert judged("T1-3", from_the_end, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("T1"))
def test_every_wrong_answer_gets_its_own_hint(cell, seed):
    assert judged(cell.exercise, answer_of(cell, math=math), seed) == cell.more["hint"]


@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("T1-1", lambda people: people + 1, "T1-1.spare"),
        ("T1-1", lambda people: 2 * people, "T1-1.other"),
        ("T1-2", lambda memory, kept, seat, seats_for: int(memory / seat), "T1-2.kept"),
        ("T1-2", lambda memory, kept, seat, seats_for: 1.5, "T1-2.whole"),
        ("T1-2", lambda memory, kept, seat, seats_for: 1, "T1-2.smaller"),
        ("T1-3", lambda minutes, most: list(range(len(minutes))), "T1-3.outside"),
        ("T1-3", lambda minutes, most: [1, 1], "T1-3.outside"),
        ("T1-3", lambda minutes, most: [0.5], "T1-3.kind"),
        ("T1-3", lambda minutes, most: 2, "T1-3.kind"),
        ("T1-3", lambda minutes, most: [], "T1-3.long"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint):
    assert judged(ex_id, mine, 1) == hint


def test_the_exercise_uses_the_function_that_it_is_given():
    assert exercise("T1-2").reference(64, 8, 2, seats) == 25
    assert exercise("T1-2").reference(64, 8, 2, lambda people: people) == 28


def test_the_programme_is_that_of_the_timetables_in_the_chosen_language(offer, monkeypatch):
    for timetable in read_timetables():
        days = offer.days(timetable.id)
        assert [[block.minutes for block in day] for day in days] == [
            [block.lasts for block in day.blocks] for day in timetable.days
        ]
        assert [day[0].clock for day in days] == [day.begins for day in timetable.days]
    monkeypatch.setattr(words, "_chosen", "nl")
    assert offer.days("taster")[0][1].title == f"S1 {read_entry('S1').title.nl}"
    with pytest.raises(KeyError, match="er is geen rooster week; wel taster, half-day, two-days"):
        offer.days("week")


def test_without_a_seat_there_is_an_example_and_a_sentence(monkeypatch, capsys):
    monkeypatch.delenv("WERKBANK_LESSONS", raising=False)
    found = read_offer()
    assert capsys.readouterr().out.strip() == tr("preflight.no_seat")
    assert [block.lessons for block in found.days("taster")[0]] == [(), ("S1",), ("R2",)]


@pytest.mark.parametrize("content", ["", "[]", '{"lessons": 3}', '{"lessons": [{}], "timetables": [], "extras": {}}'])
def test_a_catalogue_that_is_spoilt_is_told_and_nothing_stops(content, monkeypatch, tmp_path, capsys):
    (tmp_path / "catalogue.json").write_text(content)
    monkeypatch.setenv("WERKBANK_LESSONS", str(tmp_path))
    assert read_offer().lessons == {}
    assert "cannot be read" in capsys.readouterr().out


def test_lessons_that_are_there_with_their_libraries_are_in_order(offer):
    assert {one.state for one in preflight.of_lessons(offer, ["S1", "R2"])} == {"good"}


def test_a_lesson_that_is_absent_or_lacks_its_libraries_is_told_with_what_to_do(offer, monkeypatch, tmp_path):
    (absent,) = preflight.of_lessons(offer, ["Z9"])
    assert (absent.state, absent.said) == ("wrong", "no notebook in: en, nl.")
    monkeypatch.setitem(offer.extras, "torch", ["no-such-distribution"])
    (bare,) = preflight.of_lessons(offer, ["S2"])
    assert bare.said == "this environment lacks its libraries: torch."
    assert "./werkbank lessons install torch" in bare.advice


def test_the_first_cells_of_lessons_run(offer):
    assert [(one.state, one.what) for one in preflight.of_setups(offer, ["S1", "Z9"])] == [("good", "First cell of S1")]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("import sys; sys.exit(3)", "exit status 3"),
        ("while True: pass", "not done after 1 s"),
    ],
)
def test_a_first_cell_that_does_not_run_is_told_with_the_reason(program, said, offer, monkeypatch):
    monkeypatch.setattr(looks, "_setup_of", lambda notebook: program)
    monkeypatch.setattr(looks, "SETUP_TIMEOUT", 1.0)
    (found,) = preflight.of_setups(offer, ["S1"])
    assert (found.state, found.said) == ("wrong", f"stops with: {said}")


def test_files_and_words_of_the_kit_are_whole(monkeypatch, tmp_path):
    assert [one.state for one in (*preflight.of_data(), *preflight.of_words())] == ["good", "good"]
    monkeypatch.setattr(looks.data, "path_of", lambda name: tmp_path / name)
    monkeypatch.setattr(looks, "differences", lambda: ["D2.axis.year"])
    unreadable, untranslated = *preflight.of_data(), *preflight.of_words()
    assert "letter-ai-faciliteit.txt" in unreadable.said
    assert untranslated.said == "missing in one of them: D2.axis.year."
    assert unreadable.state == untranslated.state == "wrong"


@pytest.mark.parametrize(("free", "state"), [(5e9, "good"), (2.2e9, "mind"), (4.4e9, "good"), (2.1e9, "wrong")])
def test_a_disk_must_hold_what_a_class_keeps_and_better_twice(free, state, monkeypatch):
    monkeypatch.setattr(looks.shutil, "disk_usage", lambda home: SimpleNamespace(free=free))
    (found,) = preflight.of_disk(22)
    assert found.state == state
    assert bool(found.advice) == (state != "good")


def test_versions_of_a_local_cluster_agree():
    with dask.config.set({"gateway.address": None}), cluster(workers=1) as workers:
        (found,) = preflight.of_versions(workers)
    assert found.state == "good"


def test_versions_on_the_real_gateway_agree_and_its_server_is_asked(gateway, monkeypatch):
    with dask.config.set({"gateway.address": gateway}), cluster(workers=1) as workers:
        (good,) = preflight.of_versions(workers)
        monkeypatch.setattr(looks, "_gateway_unlike", lambda: ["dask-gateway"])
        (wrong,) = preflight.of_versions(workers)
    assert (good.state, wrong.state) == ("good", "wrong")
    assert "They differ in: dask-gateway." in wrong.said


def test_a_worker_with_another_version_is_named():
    ours = {"packages": {"python": "3.11.7", "dask": "2026.8.0"}}
    theirs = {"packages": {"python": "3.11.7", "dask": "2025.1.0"}}
    versions = {"client": ours, "scheduler": ours, "workers": {"tcp://a": ours, "tcp://b": theirs}}
    fake = SimpleNamespace(kind="local", sentence="Here.", client=SimpleNamespace(get_versions=lambda: versions))
    (found,) = preflight.of_versions(fake)
    assert (found.state, found.said) == ("wrong", "Here. They differ in: dask.")


def test_a_table_grows_as_it_is_looked_and_nothing_in_it_is_taken_for_markup(tmp_path, monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda table: shown.append(len(table)))
    monkeypatch.setattr("werkbank_lessons.preflight.findings.display", lambda table, display_id: handle)
    found = Findings()
    found.gather([verdict(True, "Words", "all <b>there</b>")], [Finding("mind", "Disk", "tight", "look again")])
    assert shown == [1, 2]
    assert found.summary() == "1 in order, 1 to mind, 0 wrong."
    html = found._repr_html_()
    assert "all &lt;b&gt;there&lt;/b&gt;" in html
    assert len(re.findall(r'<th scope="row"', html)) == 2
    report = found.write(tmp_path / "preflight.md").read_text(encoding="utf-8")
    assert "- ✔ Words: all <b>there</b>" in report
    assert "- ▲ Disk: tight look again" in report


@pytest.mark.parametrize("timetable", ["half-day", "two-days"])
def test_the_lesson_runs_for_every_programme(timetable, execute_cells):
    cells = [cell for cell in variants.learner(lesson_cells("T1", "nl"), "nl") if not cell.lid.startswith("preflight")]
    chosen = [replace(cell, text=cell.text.replace('"taster"', f'"{timetable}"')) for cell in cells]
    assert chosen != cells
    notebook = execute_cells("T1", chosen, "nl").notebook
    assert complaints(notebook) == []
    assert "Welkom" in printed(notebook)


def test_the_report_of_the_taster_names_each_lesson(execute_cells):
    notebook = execute_cells("T1", variants.solved(lesson_cells("T1", "en")), WERKBANK_STRICT="1").notebook
    (table,) = [
        output.data["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "in order," in output.get("data", {}).get("text/plain", "")
    ]
    assert "✔ Lesson R2" in table
    assert "✔ First cell of S1" in table
