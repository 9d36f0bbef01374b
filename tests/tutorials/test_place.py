"""Lessons come into a home folder and never over the learner's work."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from werkbank_lessons import place
from werkbank_lessons.place import Places, place_lessons

NAME = Path("D2-two-futures") / "two-futures.en.ipynb"


def notebook(text, version="1.0.0"):
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": text}]
    return json.dumps(
        {"cells": cells, "metadata": {"werkbank": {"version": version}}, "nbformat": 4, "nbformat_minor": 5}
    )


class Seat:
    """A home folder and a facility's folder of lessons; `start` does what a seat start does."""

    def __init__(self, folder):
        self.source = folder / "facility"
        self.home = folder / "home"
        self.home.mkdir()
        self.places = Places(self.home, self.home / ".local" / "share" / "werkbank" / "lessons.json")
        self.lesson = self.home / "tutorials" / NAME

    def publish(self, text, version="1.0.0", name=NAME):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook(text, version))

    def start(self):
        return place_lessons(self.source, self.places, logging.getLogger("seat"))

    def notebooks(self):
        return sorted(path.name for path in self.lesson.parent.iterdir())


@pytest.fixture
def seat(tmp_path):
    seat = Seat(tmp_path)
    seat.publish("first")
    return seat


def test_a_missing_lesson_is_placed(seat):
    assert seat.start().actions == {"placed": 1}
    assert seat.lesson.read_text() == notebook("first")


def test_an_untouched_lesson_follows_the_facility(seat):
    seat.start()
    seat.publish("second", "1.1.0")
    assert seat.start().actions == {"updated": 1}
    assert seat.lesson.read_text() == notebook("second", "1.1.0")
    assert seat.notebooks() == [NAME.name]


def test_an_edited_lesson_is_kept_and_the_new_version_laid_beside_it(seat):
    seat.start()
    seat.lesson.write_text("my work")
    seat.publish("second", "1.1.0")
    assert seat.start().actions == {"kept, new version beside it": 1}
    assert seat.lesson.read_text() == "my work"
    assert (seat.lesson.parent / "two-futures.en.v1.1.0.ipynb").read_text() == notebook("second", "1.1.0")


def test_an_edited_lesson_without_news_is_left_alone(seat):
    seat.start()
    seat.lesson.write_text("my work")
    assert seat.start().actions == {"kept": 1}
    assert seat.notebooks() == [NAME.name]


def test_a_new_version_that_the_learner_threw_away_does_not_come_back(seat):
    seat.start()
    seat.lesson.write_text("my work")
    seat.publish("second", "1.1.0")
    seat.start()
    (seat.lesson.parent / "two-futures.en.v1.1.0.ipynb").unlink()
    seat.start()
    assert seat.notebooks() == [NAME.name]


def test_a_new_version_never_overwrites_what_lies_beside(seat):
    seat.start()
    seat.lesson.write_text("my work")
    beside = seat.lesson.parent / "two-futures.en.v1.1.0.ipynb"
    beside.write_text("also my work")
    seat.publish("second", "1.1.0")
    seat.start()
    assert beside.read_text() == "also my work"
    assert len(seat.notebooks()) == 3


def test_a_learner_who_goes_back_to_the_original_gets_updates_again(seat):
    seat.start()
    seat.lesson.write_text("my work")
    seat.start()
    seat.lesson.write_text(notebook("first"))
    seat.publish("second", "1.1.0")
    assert seat.start().actions == {"updated": 1}


def test_a_deleted_lesson_comes_back(seat):
    seat.start()
    seat.lesson.unlink()
    assert seat.start().actions == {"placed": 1}


def test_a_copy_that_was_there_before_the_memory_is_adopted_when_equal_and_kept_when_not(seat):
    seat.publish("other", name=NAME.with_name("other.en.ipynb"))
    seat.lesson.parent.mkdir(parents=True)
    seat.lesson.write_text(notebook("first"))
    (seat.lesson.parent / "other.en.ipynb").write_text("mine")
    assert seat.start().actions == {"unchanged": 1, "kept, new version beside it": 1}
    assert (seat.lesson.parent / "other.en.ipynb").read_text() == "mine"


@pytest.mark.parametrize(
    "memory", ["", "{", "[]", '{"format": 99, "lessons": {}}', '{"format": 1, "lessons": {"a": 3}}', "\x00\x01"]
)
def test_with_an_unreadable_memory_every_difference_counts_as_edited_and_the_log_says_so(seat, memory, caplog):
    seat.start()
    seat.publish("second", "1.1.0")
    seat.places.state.write_text(memory)
    seat.start()
    assert seat.lesson.read_text() == notebook("first")
    assert "lessons.json cannot be read" in caplog.text
    assert "counts as edited" in caplog.text
    caplog.clear()
    seat.start()
    assert caplog.text == ""


def test_nothing_is_written_through_a_link_out_of_the_home(seat, tmp_path, caplog):
    outside = tmp_path / "outside"
    outside.mkdir()
    (seat.home / "tutorials").symlink_to(outside)
    report = seat.start()
    assert list(outside.iterdir()) == []
    assert "leads out of the home folder" in report.problems[0]
    assert "leads out of the home folder" in caplog.text


def test_a_lesson_that_is_a_link_out_of_the_home_is_not_followed(seat, tmp_path):
    outside = tmp_path / "outside.ipynb"
    outside.write_text("not yours")
    seat.lesson.parent.mkdir(parents=True)
    seat.lesson.symlink_to(outside)
    assert "leads out" in seat.start().problems[0]
    assert outside.read_text() == "not yours"


def test_a_dangling_link_out_of_the_home_creates_nothing(seat, tmp_path):
    seat.lesson.parent.mkdir(parents=True)
    seat.lesson.symlink_to(tmp_path / "outside.ipynb")
    assert seat.start().problems
    assert not (tmp_path / "outside.ipynb").exists()


def test_a_tutorials_folder_elsewhere_in_the_home_works(seat):
    (seat.home / "disk").mkdir()
    (seat.home / "tutorials").symlink_to(seat.home / "disk")
    assert seat.start().actions == {"placed": 1}
    assert (seat.home / "disk" / NAME).exists()


def test_one_bad_lesson_does_not_keep_the_others_away(seat):
    other = NAME.with_name("other.en.ipynb")
    seat.publish("other", name=other)
    seat.lesson.mkdir(parents=True)
    report = seat.start()
    assert report.actions == {"placed": 1}
    assert len(report.problems) == 1
    assert NAME.name in report.problems[0]
    assert (seat.home / "tutorials" / other).exists()


class DiskIsFull:
    """`os.replace` of a disk that is full at the last step."""

    def __call__(self, *arguments):
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_no_half_notebook_and_no_litter(seat, monkeypatch):
    seat.start()
    seat.publish("second", "1.1.0")
    monkeypatch.setattr(place.os, "replace", DiskIsFull())
    report = seat.start()
    assert "No space left" in report.problems[0]
    assert seat.lesson.read_text() == notebook("first")
    assert seat.notebooks() == [NAME.name]


def test_a_facility_without_lessons_is_one_sentence_in_the_log(seat, caplog):
    seat.source = seat.source / "missing"
    assert seat.start().actions == {}
    assert "there is no folder with lessons" in caplog.text


@pytest.mark.parametrize("version", ["../../escape", "1/2", "", 7, None])
def test_a_version_from_a_notebook_cannot_lead_to_another_folder(seat, version):
    seat.start()
    seat.lesson.write_text("my work")
    seat.publish("second", version)
    assert seat.start().problems == []
    assert len(seat.notebooks()) == 2
    assert {path.parent for path in seat.home.rglob("*.ipynb")} == {seat.lesson.parent}


def test_a_pass_without_news_writes_nothing_and_reads_each_file_once(seat, monkeypatch):
    for number in range(40):
        seat.publish(f"lesson {number} " + "text " * 5000, name=Path(f"L{number}") / "lesson.en.ipynb")
    seat.start()
    before = {path: path.stat().st_mtime_ns for path in seat.home.rglob("*")}
    read, read_bytes = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path), read_bytes(path))[1])
    assert seat.start().actions == {"unchanged": 41}
    assert {path: path.stat().st_mtime_ns for path in seat.home.rglob("*")} == before
    assert len(read) == len(set(read)) == 2 * 41


def test_places_follow_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert Places.of_user().state == tmp_path / ".local" / "share" / "werkbank" / "lessons.json"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Places.of_user().state == tmp_path / "data" / "werkbank" / "lessons.json"
