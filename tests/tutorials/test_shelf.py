"""The shelf of lessons tells what there is and how far one is, and never loses a learner's work."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from werkbank_lessons.place import Places, place_lessons
from werkbank_lessons.shelf import Shelf, UnknownLessonError

from .test_place import notebook

ENTRY = {
    "id": "D2",
    "folder": "D2-two-futures",
    "stem": "two-futures",
    "title": {"en": "Two futures", "nl": "Twee toekomsten"},
    "track": "scale-out",
    "level": "beginner",
    "minutes": {"read": 32, "exercises": 18},
    "exercises": [{"id": "D2-1", "kind": "try", "minutes": 5}, {"id": "D2-2", "kind": "change", "minutes": 6}],
}


class Home:
    """A facility's lessons, a learner's home, and the shelf between them."""

    def __init__(self, folder: Path) -> None:
        self.source, self.home = folder / "lessons", folder / "home"
        self.home.mkdir()
        self.places = Places(self.home, folder / "data" / "lessons.json")
        self.catalogue({"lessons": [ENTRY]})
        for language in ("en", "nl"):
            self.offer(f"first {language}", language)
        self.seat_starts()
        self.shelf = Shelf(self.source, self.places)

    def catalogue(self, value) -> None:
        self.source.mkdir(exist_ok=True)
        (self.source / "catalogue.json").write_text(value if isinstance(value, str) else json.dumps(value))

    def offer(self, text, language="en", version="1.0.0") -> None:
        file = self.source / "D2-two-futures" / f"two-futures.{language}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(notebook(text, version))

    def seat_starts(self) -> None:
        place_lessons(self.source, self.places, logging.getLogger("test"))

    def file(self, path="tutorials/D2-two-futures/two-futures.en.ipynb") -> Path:
        return self.home / path

    def english(self) -> dict:
        (lesson,) = self.shelf.all()["lessons"]
        return lesson["notebooks"]["en"]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Home(tmp_path)


def test_a_lesson_is_shown_with_its_languages_and_what_the_learner_has_passed(home, tmp_path):
    record = tmp_path / "data" / "werkbank" / "progress.jsonl"
    record.parent.mkdir(parents=True)
    record.write_text('{"exercise": "D2-1", "event": "tried"}\nnonsense\n{"exercise": "D2-1", "event": "passed"}\n[]\n')
    (lesson,) = home.shelf.all()["lessons"]
    assert [(one["id"], one["passed"]) for one in lesson["exercises"]] == [("D2-1", True), ("D2-2", False)]
    assert lesson["notebooks"]["nl"]["path"] == "tutorials/D2-two-futures/two-futures.nl.ipynb"


def test_a_lesson_tells_which_of_its_extras_this_seat_lacks(home):
    extras = {"here": ["numpy", "Jupyter_Server"], "away": ["numpy", "no-such-distribution"], "none": []}
    home.catalogue({"lessons": [ENTRY | {"extras": ["here", "away", "unheard-of"]}], "extras": extras})
    (lesson,) = home.shelf.all()["lessons"]
    assert lesson["missing"] == ["away"]


@pytest.mark.parametrize("extras", [None, 5, {"bio": 5}, ["bio"]])
def test_a_catalogue_that_does_not_say_what_extras_are_says_of_none_that_it_is_missing(home, extras):
    home.catalogue({"lessons": [ENTRY | {"extras": ["bio"]}], "extras": extras})
    (lesson,) = home.shelf.all()["lessons"]
    assert lesson["missing"] == []


def test_the_panel_knows_what_is_untouched_edited_newer_and_gone(home):
    assert home.english() == {
        "path": "tutorials/D2-two-futures/two-futures.en.ipynb",
        "state": "untouched",
        "newer": False,
    }
    home.file().write_text(notebook("mine"))
    assert (home.english()["state"], home.english()["newer"]) == ("edited", False)
    home.offer("second", version="1.1.0")
    home.seat_starts()
    assert (home.english()["state"], home.english()["newer"]) == ("edited", True)
    home.file().unlink()
    assert home.english()["state"] == "absent"


def test_opening_twice_places_once_and_never_over_edits(home):
    path = home.shelf.open("D2", "en")
    home.file().write_text(notebook("mine"))
    assert home.shelf.open("D2", "en") == path
    assert "mine" in home.file(path).read_text()


def test_opening_what_was_deleted_brings_it_back(home):
    home.file().unlink()
    assert "first en" in home.file(home.shelf.open("D2", "en")).read_text()
    assert home.english()["state"] == "untouched"


def test_fresh_copies_lie_beside_the_learners_own(home):
    home.file().write_text(notebook("mine"))
    paths = [home.shelf.fresh("D2", "en") for _time in range(2)]
    assert paths == [f"tutorials/D2-two-futures/two-futures.en.copy-{number}.ipynb" for number in (1, 2)]
    assert all("first en" in home.file(path).read_text() for path in paths)
    assert "mine" in home.file().read_text()


def test_a_reset_keeps_the_learners_version_under_another_name(home):
    home.file().write_text(notebook("mine"))
    path, kept = home.shelf.reset("D2", "en")
    assert "first en" in home.file(path).read_text()
    assert "mine" in home.file(kept).read_text()
    assert home.english()["state"] == "untouched"
    assert home.shelf.reset("D2", "en") == (path, ""), "there was nothing of theirs this time"


def test_a_reset_does_not_take_a_name_that_is_taken(home):
    for text in ("one", "two"):
        home.file().write_text(notebook(text))
        home.shelf.reset("D2", "en")
    kept = sorted(path.name for path in home.file().parent.glob("*.mine-*"))
    assert kept == ["two-futures.en.mine-1.ipynb", "two-futures.en.mine-2.ipynb"]


@pytest.mark.parametrize(
    "broken",
    [
        "not JSON",
        {"lessons": 5},
        {"lessons": ["D2", None, {"id": "D3"}, ENTRY | {"id": "D4", "title": "Two"}]},
        {"lessons": [ENTRY | {"folder": "../../etc"}]},
        {"lessons": [ENTRY | {"stem": "a/b"}]},
        {"lessons": [ENTRY | {"exercises": ["D2-1"]}]},
        {"lessons": [ENTRY | {"extras": "bio"}]},
    ],
    ids=[
        "no JSON",
        "no list",
        "strange entries",
        "a folder elsewhere",
        "a stem elsewhere",
        "exercises without names",
        "extras that are no list",
    ],
)
def test_what_cannot_be_shown_is_left_out_and_told(home, broken):
    home.catalogue(broken)
    told = home.shelf.all()
    assert told["lessons"] == []
    assert told["problems"] or broken == {"lessons": 5}


def test_one_broken_entry_does_not_hide_the_others(home):
    home.catalogue({"lessons": [{"id": "D9"}, ENTRY]})
    told = home.shelf.all()
    assert [lesson["id"] for lesson in told["lessons"]] == ["D2"]
    assert "D9" in told["problems"][0]


@pytest.mark.parametrize(("lesson", "language"), [("D9", "en"), ("D2", "fr"), ("..", "en")])
def test_a_lesson_that_is_not_there_is_unknown(home, lesson, language):
    with pytest.raises(UnknownLessonError):
        home.shelf.open(lesson, language)


def test_a_link_out_of_the_home_is_not_followed(home, tmp_path):
    outside = tmp_path / "outside.ipynb"
    home.file().unlink()
    home.file().symlink_to(outside)
    with pytest.raises(OSError, match="leads out of the home folder"):
        home.shelf.open("D2", "en")
    assert not outside.exists()
    told = home.shelf.all()
    assert told["lessons"] == []
    assert "leads out of the home folder" in told["problems"][0]
