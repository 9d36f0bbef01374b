"""The audit log: what is told is kept in order, found again, and written with what it is about or not at all."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from hub.audit import PAGE, Audit, note
from hub.db import connect
from hub.web.sheets import cell


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return connect(f"sqlite:///{tmp_path / 'service.sqlite'}")


@pytest.fixture
def audit(engine: Engine) -> Audit:
    return Audit(engine)


def test_what_is_told_is_kept_in_order_with_its_details(audit: Audit) -> None:
    audit.tell("ann", "device.drained", "device:GPU-1", why="fan")
    audit.tell("bob", "device.back", "device:GPU-1")
    first, second = audit.about("device:GPU-1")
    assert (first.who, first.what, first.detail, first.at.tzinfo is not None) == (
        "ann",
        "device.drained",
        {"why": "fan"},
        True,
    )
    assert second.number > first.number
    assert [entry.who for entry in audit.latest()] == ["bob", "ann"]
    assert [entry.who for entry in audit.all()] == ["ann", "bob"]


def test_who_last_did_something_to_each_of_some_things(audit: Audit) -> None:
    for who, what, about in (
        ("ann", "device.drained", "device:MIG-1/2:3"),
        ("bob", "device.drained", "device:MIG-1/2:3"),
        ("eve", "device.returned", "device:MIG-1/2:3"),
        ("ann", "device.drained", "device:GPU-2"),
        ("ann", "device.drained", "device:GPU-3"),
    ):
        audit.tell(who, what, about)
    found = audit.last("device.drained", ["device:MIG-1/2:3", "device:GPU-2", "device:GPU-9"])
    assert {name: entry.who for name, entry in found.items()} == {"MIG-1/2:3": "bob", "GPU-2": "ann"}
    assert audit.last("device.drained", []) == {}


def test_an_entry_is_not_written_when_what_it_tells_of_is_not(audit: Audit, engine: Engine) -> None:
    with Session(engine) as session:
        note(session, "ann", "settings.saved", "settings")
        session.flush()
        session.rollback()
    assert audit.latest() == []


def test_words_are_looked_for_as_they_are_written(audit: Audit) -> None:
    audit.tell("ann", "workshop.published", "workshop:deep_1")
    audit.tell("ann", "workshop.closed", "workshop:deep-1")
    assert [entry.about for entry in audit.latest("ANN deep_")] == ["workshop:deep_1"]
    assert audit.latest("%") == []


def test_older_entries_follow_page_by_page(audit: Audit) -> None:
    for number in range(PAGE + 3):
        audit.tell("ann", "x", f"thing:{number}")
    newest = audit.latest()
    assert len(newest) == PAGE
    assert [entry.about for entry in audit.latest(before=newest[-1].number)] == ["thing:2", "thing:1", "thing:0"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_spreadsheet_takes_a_cell_for_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(f"a{text}") == f"a{text}"
