"""A fresh copy that the trainer gives everybody is made once, whatever is started again."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from werkbank_lab.copies import FreshCopies
from werkbank_lab.view import View
from werkbank_lessons.given import Given
from werkbank_lessons.place import Places, place_lessons
from werkbank_lessons.shelf import Shelf

LOG = logging.getLogger("test")
OWN = "tutorials/D2-two-futures/two-futures.en.ipynb"
COPY = "tutorials/D2-two-futures/two-futures.en.copy-1.ipynb"
ENTRY = {"id": "D2", "folder": "D2-two-futures", "stem": "two-futures", "title": {"en": "Two futures"}}
REST = {"track": "x", "level": "beginner", "minutes": {}, "exercises": []}


class Seat:
    """A learner's home, which outlives its server."""

    def __init__(self, folder: Path) -> None:
        self.source, self.home = folder / "lessons", folder / "home"
        self.memory = folder / "data" / "given.json"
        self.places = Places(self.home, folder / "data" / "lessons.json")
        built = self.source / "D2-two-futures" / "two-futures.en.ipynb"
        built.parent.mkdir(parents=True)
        built.write_text("{}")
        (self.source / "catalogue.json").write_text(json.dumps({"lessons": [ENTRY | REST]}))
        self.home.mkdir()
        place_lessons(self.source, self.places, LOG)
        self.starts()

    def starts(self) -> None:
        given = Given(Shelf(self.source, self.places), self.memory)
        self.copies, self.view = FreshCopies(LOG, lambda: given), View(lambda _part, _value: None)

    def hears(self, number: int, lesson: str = "D2") -> Any:
        """The copy that is shown once the trainer has given so many."""
        fresh = {"number": number, "lesson": lesson} if number else None
        self.view.put("workshops", {"workshops": [{"id": "class", "lessons": ["D2"], "fresh": fresh}]})
        self.copies.gather(self.view)
        return self.view.get("copies")["class"]

    def notebooks(self) -> list[str]:
        return sorted(file.relative_to(self.home).as_posix() for file in self.home.rglob("*.ipynb"))


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    return Seat(tmp_path)


def test_a_copy_is_made_when_the_trainer_gives_one_and_the_own_one_stays(seat: Seat) -> None:
    assert seat.hears(0) == {"number": 0, "lesson": "", "path": ""}
    (seat.home / OWN).write_text("mine")
    assert seat.hears(1) == {"number": 1, "lesson": "D2", "path": COPY}
    assert (seat.home / OWN).read_text() == "mine"
    assert (seat.home / COPY).read_text() == "{}"


def test_neither_a_reload_nor_a_seat_that_starts_again_gives_a_second_copy(seat: Seat) -> None:
    seat.hears(0)
    first = seat.hears(1)
    for _time in range(3):
        assert seat.hears(1) == first
        seat.starts()
    assert seat.notebooks() == [COPY, OWN]
    assert seat.hears(2)["path"] == COPY.replace("-1", "-2")


def test_whoever_comes_later_gets_none_while_their_own_is_as_it_came(seat: Seat) -> None:
    assert seat.hears(3) == {"number": 3, "lesson": "D2", "path": ""}
    assert seat.notebooks() == [OWN]


def test_whoever_comes_later_and_has_changed_their_own_gets_one(seat: Seat) -> None:
    (seat.home / OWN).write_text("mine")
    assert seat.hears(3)["path"] == COPY


def test_a_lesson_that_this_seat_does_not_have_is_no_copy_and_no_alarm(seat: Seat) -> None:
    seat.hears(0)
    assert seat.hears(1, "Z9")["path"] == ""


def test_a_full_disk_is_tried_again_later_and_said_once(
    seat: Seat, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat.hears(0)

    def full(_self: Shelf, _lesson: str, _language: str) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Shelf, "fresh", full)
        seat.view.put("copies", {"class": None})
        for _second in range(3):
            seat.view.put("workshops", {"workshops": [{"id": "class", "fresh": {"number": 1, "lesson": "D2"}}]})
            seat.copies.gather(seat.view)
        assert caplog.text.count("lab.copy-not-made") == 1
        assert seat.view.get("copies") == {}
    seat.copies._not_before = 0.0
    assert seat.hears(1)["path"] == COPY


@pytest.mark.parametrize("memory", ["", "{", "[]", '{"class": 1}', '{"class": {"number": "x"}}'])
def test_a_memory_that_cannot_be_read_counts_as_none(seat: Seat, memory: str) -> None:
    seat.memory.write_text(memory)
    seat.starts()
    assert seat.hears(1)["path"] == ""


def test_a_seat_without_lessons_has_no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WERKBANK_LESSONS", raising=False)
    copies, view = FreshCopies(LOG), View(lambda _part, _value: None)
    view.put("workshops", {"workshops": [{"id": "class", "fresh": {"number": 1, "lesson": "D2"}}]})
    copies.gather(view)
    assert view.get("copies") is None
