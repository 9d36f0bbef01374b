"""Workshops on disk: what was written is read, who edits late notices, and what cannot be read harms nobody else."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.db import connect
from hub.workshops.lifecycle import WorkshopState, after
from hub.workshops.model import Workshop
from hub.workshops.store import Changed, Workshops


def workshop(id: str = "one", **more: object) -> Workshop:
    declared = {
        "id": id,
        "title": {"en": "One", "nl": "Een"},
        "starts": "2027-03-28 01:30",
        "ends": "2027-03-28 04:00",
        "trainers": ["trainer"],
        "seats": 5,
        "profile": "small",
        "lessons": ["S1"],
    }
    return Workshop.model_validate(declared | more)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'workshops.sqlite'}"


@pytest.fixture
def workshops(url: str) -> Workshops:
    return Workshops(connect(url))


def test_what_was_written_is_read_whole(workshops: Workshops) -> None:
    written = workshop(gpus={"gpu_class": "h200"}, place="Zaal <3>", retention="2h", learners=["ä", "b"])
    assert workshops.put(written, "admin", 0).version == 1
    kept = workshops.of("one")
    assert kept is not None
    assert (kept.workshop, kept.state, kept.version) == (written, WorkshopState.DRAFT, 1)
    assert [one.workshop for one in workshops.all()] == [written]


def test_who_changes_an_older_version_notices_and_nothing_is_written(workshops: Workshops) -> None:
    first = workshops.put(workshop(), "a", 0)
    workshops.put(workshop(seats=6), "b", first.version)
    for late in (
        lambda: workshops.put(workshop(seats=7), "a", first.version),
        lambda: workshops.put(workshop(seats=7), "a", 0),
        lambda: workshops.move(first, WorkshopState.PUBLISHED, "a", "published"),
        lambda: workshops.remove(first, "a"),
    ):
        with pytest.raises(Changed):
            late()
    kept = workshops.of("one")
    assert kept is not None
    assert (kept.workshop.seats, kept.state) == (6, WorkshopState.DRAFT)
    assert [(event.who, event.what) for event in workshops.events("one")] == [
        ("a", "workshop.written"),
        ("b", "workshop.written"),
    ]


def test_the_log_outlives_the_workshop(workshops: Workshops) -> None:
    workshops.remove(workshops.put(workshop(), "a", 0), "b")
    assert workshops.of("one") is None
    assert [event.what for event in workshops.events("one")] == ["workshop.written", "workshop.removed"]


def test_a_record_that_cannot_be_read_hides_no_other(workshops: Workshops, url: str) -> None:
    workshops.put(workshop(), "a", 0)
    workshops.put(workshop("two"), "a", 0)
    with connect(url).begin() as connection:
        record = json.dumps({"id": "two", "of": "a later version"})
        connection.execute(text("update workshops set record = :record where id = 'two'"), {"record": record})
    assert [one.workshop.id for one in workshops.all()] == ["one"]
    assert workshops.of("two") is None
    assert workshops.unreadable() == {"two"}


def test_workshops_are_listed_by_their_start(workshops: Workshops) -> None:
    workshops.put(workshop("later", starts="2027-05-01 10:00", ends="2027-05-01 12:00"), "a", 0)
    workshops.put(workshop("sooner"), "a", 0)
    assert [one.workshop.id for one in workshops.all()] == ["sooner", "later"]


@pytest.mark.parametrize(
    ("state", "action", "leads_to"),
    [
        ("draft", "publish", "published"),
        ("published", "publish", "published"),
        ("closed", "publish", None),
        ("published", "withdraw", "draft"),
        ("draft", "withdraw", "draft"),
        ("closed", "withdraw", None),
        ("draft", "close", "closed"),
        ("published", "close", "closed"),
        ("closed", "close", "closed"),
    ],
)
def test_an_action_leads_where_it_should_or_nowhere(state: str, action: str, leads_to: str | None) -> None:
    assert after(WorkshopState(state), action) == leads_to
