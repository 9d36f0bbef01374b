"""The timetable in a workshop's room: which part of the day it is."""

import pytest

from hub.workshops.catalogue import catalogue
from hub.workshops.model import Workshop
from hub.workshops.room_view import Part, parts_of_day
from hub.workshops.window import read_moment

pytestmark = pytest.mark.usefixtures("amsterdam")


def workshop(starts: str, ends: str, timetable: str | None) -> Workshop:
    return Workshop.model_validate(
        {
            "id": "one",
            "title": {"en": "One", "nl": "Een"},
            "starts": starts,
            "ends": ends,
            "trainers": ["trainer"],
            "seats": 5,
            "profile": "small",
            "lessons": ["S1", "S2", "D1", "D2", "R2"],
            "timetable": timetable,
        }
    )


def parts_at(one: Workshop, moment: str) -> list[Part]:
    return list(parts_of_day(one, catalogue(), "en", read_moment(moment).timestamp()))


@pytest.mark.parametrize(
    ("starts", "ends", "second"),
    [
        ("2027-03-02 09:30", "2027-03-03 16:00", "2027-03-03 09:31"),
        ("2027-03-27 09:30", "2027-03-28 16:00", "2027-03-28 09:31"),
    ],
    ids=["an ordinary night", "the night in which the clock changes"],
)
def test_the_second_day_begins_at_the_hour_of_the_first(starts: str, ends: str, second: str) -> None:
    one = workshop(starts, ends, "two-days")
    parts = parts_at(one, second)
    assert parts[0].starts == read_moment(second).timestamp() - 60
    assert [part.is_now for part in parts].index(True) == 0
    assert parts[0].title != parts_at(one, starts)[0].title


def test_without_a_timetable_the_lessons_follow_each_other() -> None:
    one = workshop("2027-03-02 09:30", "2027-03-02 16:00", None)
    parts = parts_at(one, "2027-03-02 09:30")
    assert [part.lessons for part in parts] == [("S1",), ("S2",), ("D1",), ("D2",), ("R2",)]
    assert [part.starts for part in parts[1:]] == [part.ends for part in parts[:-1]]
    assert parts[0].is_now
