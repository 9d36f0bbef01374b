"""The report on a workshop, and a learner's own record: what they count, and whom they name."""

from typing import Any

from hub.workshops.catalogue import catalogue
from hub.workshops.people import How, Member
from hub.workshops.progress import Learner, Tries
from hub.workshops.record import Attended, as_json, record_of
from hub.workshops.report import report_of
from tests.unit.test_workshop_store import workshop

KNOWN = catalogue()
NOW = 1_800_000_000.0


def member(user: str, number: int, **more: Any) -> Member:
    basic = {"how": How.CODE, "name": user.title(), "email": "", "shares_name": False}
    return Member(workshop="one", user=user, number=number, joined=None, **{**basic, **more})  # type: ignore[arg-type]


def learner(user: str, minutes: int = 0, **tries: Tries) -> Learner:
    exercises = {name.replace("_", "-"): one for name, one in tries.items()}
    return Learner(user, first=NOW, last=NOW, present_seconds=60 * minutes, exercises=exercises)


def test_the_report_counts_who_came_and_what_they_passed() -> None:
    members = [member("ann", 1), member("bob", 2), member("eve", 3)]
    learners = {
        "ann": learner("ann", 90, S1_1=Tries(1, NOW, NOW), S1_2=Tries(4, NOW, NOW)),
        "bob": learner("bob", 30, S1_1=Tries(3, NOW)),
    }
    made = report_of(workshop(lessons=["S1"]), members, learners, KNOWN)
    assert (made.signed_up, made.there, made.minutes) == (3, 2, 60)
    first, second, third = made.exercises
    assert (first.id, first.passed, first.tried, first.tries) == ("S1-1", 1, 1, 2)
    assert (second.passed, second.tried, second.tries) == (1, 0, 4)
    assert (third.passed, third.tries) == (0, None)
    assert made.passed_share == 2 / 6
    assert [(row.was_there, row.minutes, row.passed, row.tried) for row in made.learners] == [
        (True, 90, 2, 0),
        (True, 30, 0, 1),
        (False, 0, 0, 0),
    ]


def test_only_whoever_shows_a_name_is_named() -> None:
    roster = [{"name": "Ann Bos", "email": "ann@example.nl", "affiliation": "TU Delft"}]
    members = [member("ann", 1, email="ann@example.nl", shares_name=True), member("bob", 2, email="ann@example.nl")]
    shown, hidden = report_of(workshop(roster=roster), members, {}, KNOWN).learners
    assert (shown.name, shown.affiliation) == ("Ann", "TU Delft")
    assert (hidden.name, hidden.affiliation) == ("", "")


def test_an_empty_workshop_has_a_report_that_says_nothing_of_shares() -> None:
    made = report_of(workshop(), [], {}, KNOWN)
    assert (made.signed_up, made.minutes, made.passed_share) == (0, None, None)


def test_a_record_names_measures_only_of_lessons_in_which_something_was_passed() -> None:
    done = learner("ann", 45, R2_1=Tries(2, NOW, NOW), S1_1=Tries(5, NOW))
    record = record_of("Ann", [Attended(workshop(lessons=["S1", "R2"]), done)], KNOWN, NOW)
    assert record.passed == 1
    assert record.measures == tuple(sorted(KNOWN.lessons["R2"].measures))
    told = as_json(record)
    assert told["workshops"][0]["minutes_present"] == 45
    assert [lesson["passed"] for lesson in told["workshops"][0]["lessons"]] == [
        {},
        {"R2-1": "2027-01-15T08:00:00+00:00"},
    ]
    assert all(measure.startswith("urn:nl:ak:mtr:") for measure in told["measures"])


def test_the_latest_workshop_stands_first_in_a_record() -> None:
    later = workshop("two", starts="2027-05-01 10:00", ends="2027-05-01 12:00")
    record = record_of("Ann", [Attended(workshop(), learner("ann")), Attended(later, learner("ann"))], KNOWN, NOW)
    assert [one.day.month for one in record.workshops] == [5, 3]
