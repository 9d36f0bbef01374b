"""Workshops on a running workbench: written down in YAML, published where they fit, kept true, ended."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import command_line
from hub.cli.workshops import EXAMPLE
from hub.errors import WerkbankError
from tests.support.workbench import Visitor, Workbench, eventually, run_werkbank

NEXT_YEAR = (datetime.now() + timedelta(days=365)).strftime("%Y-%m-%d")


def declared(id: str, start: str = "14:00", end: str = "17:00", devices: int = 0, day: str = NEXT_YEAR) -> str:
    gpus = f"gpus: {{gpu_class: simulated, devices: {devices}}}\nprofile: medium" if devices else "profile: small"
    return f"""\
id: {id}
title: {{en: Class {id}, nl: Klas {id}}}
starts: {day} {start}
ends: {day} {end}
trainers: [trainer]
learners: [scientist]
seats: 3
{gpus}
lessons: [S1, R2]
"""


class Office:
    """Somebody at the command line of a workbench, without the time that a new process takes."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self._bench, self._folder = bench, folder

    def __call__(self, *arguments: str, of: str = "workshops") -> tuple[int, str]:
        done = CliRunner().invoke(command_line(), [of, *arguments, "--state", str(self._bench.state)])
        if isinstance(done.exception, WerkbankError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    def put(self, text: str) -> tuple[int, str]:
        file = self._folder / "workshop.yaml"
        file.write_text(text)
        return self("put", str(file))

    def all(self) -> dict[str, dict[str, Any]]:
        _, said = self("--json")
        return {one["workshop"]["id"]: one for one in json.loads(said)}

    def free(self, start: str = "14:00") -> int:
        """Simulated devices that are not promised in that hour."""
        question = ["--seats", "1", "--gpu", "simulated:1", "--at", f"{NEXT_YEAR} {start}", "--for", "1h", "--json"]
        _, said = self(*question, of="fits")
        return int(json.loads(said)["needs"][1]["free"])


@pytest.fixture
def office(facility: Workbench, tmp_path: Path) -> Iterator[Office]:
    """The command line; what a test leaves behind is removed."""
    office = Office(facility, tmp_path)
    yield office
    for id in office.all():
        office("close", id)
        assert office("remove", id)[0] == 0


def test_the_example_is_a_workshop_that_can_be_put(office: Office) -> None:
    assert run_werkbank("workshops", "example").stdout == EXAMPLE
    status, said = office.put(EXAMPLE)
    assert status == 0, said
    assert "first-steps is written down as a draft." in said
    assert "It fits." in said


def test_a_published_workshop_has_its_gpus_reserved_until_it_is_withdrawn(office: Office) -> None:
    assert office.put(declared("one", devices=2))[0] == 0
    assert office.free() == 2
    status, said = office("publish", "one")
    assert (status, said) == (0, "one is published; 2 × simulated are reserved.\n")
    assert (office.free(), office.free("18:00")) == (0, 2)
    assert office("publish", "one") == (status, said)
    assert office("withdraw", "one") == (0, "one is draft.\n")
    assert office.free() == 2
    assert office("withdraw", "one")[0] == 0


def test_a_second_class_that_wants_the_same_gpus_is_refused_with_what_would_fit(office: Office) -> None:
    office.put(declared("one", devices=2))
    office("publish", "one")
    status, said = office.put(declared("two", start="16:00", end="18:00", devices=1))
    assert status == 0
    assert "It does not fit." in said
    assert f"Would fit: another hour, {NEXT_YEAR} 17:00 to 19:00." in said
    assert "Class one (" in said
    status, said = office("publish", "two")
    assert status == 2
    assert "Class two does not fit: there is not enough simulated in its hours." in said
    assert office.all()["two"]["state"] == "draft"
    office.put(declared("two", start="17:00", end="19:00", devices=1))
    assert office("publish", "two")[0] == 0


def test_a_workshop_is_told_from_itself_when_it_is_asked_whether_it_fits(office: Office) -> None:
    office.put(declared("one", devices=2))
    office("publish", "one")
    status, said = office("fits", "one")
    assert status == 0, said


def test_what_is_published_is_changed_only_after_it_is_withdrawn(office: Office) -> None:
    office.put(declared("one"))
    office("publish", "one")
    status, said = office.put(declared("one", end="16:00"))
    assert status == 2
    assert "Withdraw it first, then change it." in said
    assert office("remove", "one")[0] == 2
    office("withdraw", "one")
    assert office.put(declared("one", end="16:00"))[0] == 0
    assert office.all()["one"]["workshop"]["ends"][11:16] == "16:00"


def test_a_workshop_is_shown_as_it_can_be_put_again(office: Office) -> None:
    office.put(declared("one", devices=2))
    status, shown = office("show", "one")
    assert status == 0
    assert shown.startswith("# draft, version 1\n")
    assert office.put(shown.replace("id: one", "id: again"))[0] == 0
    one, again = (office.all()[id]["workshop"] for id in ("one", "again"))
    assert {**one, "id": "again"} == again


def test_the_log_says_who_did_what_also_after_it_was_removed(office: Office) -> None:
    office.put(declared("logged"))
    for action in ("publish", "publish", "close", "remove"):
        assert office(action, "logged")[0] == 0
    status, said = office("log", "logged", "--json")
    assert status == 0
    events = json.loads(said)
    assert [event["what"] for event in events] == [
        f"workshop.{act}" for act in ("written", "published", "closed", "removed")
    ]
    assert {event["who"] for event in events} == {"werkbank-cli"}


def test_what_was_interrupted_is_made_true_when_the_service_comes_back(facility: Workbench, office: Office) -> None:
    office.put(declared("kept", devices=1))
    office("publish", "kept")
    office.put(declared("lost", devices=1))
    office("publish", "lost")
    assert office.free() == 0
    facility.down()
    with sqlite3.connect(facility.state / "werkbank.sqlite") as records:
        # As after a crash between two writes: one is no longer published, another is over.
        records.execute("update workshops set state = 'draft' where id = 'lost'")
    with sqlite3.connect(facility.state / "leases.sqlite") as leases:
        leases.execute("update reservations set is_over = 1 where id = 'workshop-kept'")
    assert facility.up("--simulate-gpus", "2").returncode == 0
    eventually(lambda: office.free() == 1, what="the reservations follow the workshops")
    assert {id: one["state"] for id, one in office.all().items()} == {"kept": "published", "lost": "draft"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("lessons: [S1, R2]", "lessons: [S1, Z9]"), "There is no lesson Z9. Known here: A1,"),
        (("profile: small", "profile: huge"), "There is no profile huge. Known here: small, medium, large."),
        (("seats: 3", "seats: 0"), "line 7: `seats`: 0 does not fit"),
        (("seats: 3", "seats: 1"), "2 people cannot have 1 seats"),
        (("seats: 3", "seats: 1000000"), "line 7: `seats`: 1000000 does not fit"),
        (("seats: 3", "chairs: 3"), "`chairs` is not a key."),
        (("17:00", "13:00"), "which is not after it starts"),
        (("17:00", "25:00"), "no date and time"),
        (("learners: [scientist]", "learners: [trainer]"), "trainer cannot be trainer and learner at once"),
        (("lessons: [S1, R2]", "lessons: []"), "`lessons`"),
        (("lessons: [S1, R2]", "lessons: [S1, R2]\ntimetable: month"), "There is no timetable month."),
        (("lessons: [S1, R2]", "lessons: [S1, R2]\nprogramme: moon"), "There is no programme moon."),
        (("id: bad", "id: ../bad"), "`id`"),
        (("title:", "\ttitle:"), "not valid YAML"),
    ],
)
def test_a_workshop_that_makes_no_sense_is_refused_with_line_and_reason(
    office: Office, change: tuple[str, str], said: str
) -> None:
    text = declared("bad")
    assert change[0] in text
    status, told = office.put(text.replace(*change, 1))
    assert status == 2
    assert said in told
    assert "bad" not in office.all()


def test_a_workshop_that_is_over_cannot_be_published(office: Office) -> None:
    office.put(declared("old", day="2020-01-14"))
    status, said = office("publish", "old")
    assert status == 2
    assert "It is over already." in said


# --- the same by the API --------------------------------------------------------------------------


def ask(visitor: Visitor, method: str, path: str, **more: Any) -> Any:
    headers = {"Authorization": f"token {visitor.token()}", "Accept": "application/json"}
    return visitor.http.request(method, f"/services/werkbank/api/v1/workshops{path}", headers=headers, **more)


def test_two_who_edit_at_once_notice(facility: Workbench, office: Office) -> None:
    office.put(declared("one"))
    admin = facility.browser("admin")
    read = ask(admin, "GET", "/one").json()
    office.put(declared("one", end="16:00"))
    late = ask(admin, "PUT", "/one", json={"workshop": read["workshop"], "version": read["version"]})
    assert late.status_code == 409
    assert "Somebody else changed the workshop meanwhile" in late.json()["error"]["message"]
    assert ask(admin, "DELETE", "/one", params={"version": read["version"]}).status_code == 409
    new = ask(admin, "GET", "/one").json()
    assert new["workshop"]["ends"][11:16] == "16:00"
    assert ask(admin, "PUT", "/one", json={"workshop": new["workshop"], "version": new["version"]}).status_code == 200


ROUTES = [
    ("GET", ""),
    ("GET", "/one"),
    ("GET", "/one/events"),
    ("GET", "/one/fits"),
    ("PUT", "/one"),
    ("POST", "/one/publish"),
    ("DELETE", "/one?version=1"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_learners_may_nothing_of_it(facility: Workbench, method: str, path: str) -> None:
    body = {"json": {"workshop": {}}} if method == "PUT" else {}
    assert ask(facility.browser("scientist"), method, path, **body).status_code == 403


@pytest.mark.parametrize(("method", "path"), ROUTES[1:])
def test_for_a_trainer_a_workshop_of_others_is_not_there(
    facility: Workbench, office: Office, method: str, path: str
) -> None:
    office.put(declared("one").replace("trainers: [trainer]", "trainers: [somebody]"))
    trainer = facility.browser("trainer")
    body = {"json": {"workshop": office.all()["one"]["workshop"], "version": 1}} if method == "PUT" else {}
    assert ask(trainer, method, path, **body).status_code == (403 if method == "PUT" else 404)
    assert ask(trainer, "GET", "").json() == []
    assert office.all()["one"]["version"] == 1


def test_a_trainer_gives_workshops_of_their_own_with_profiles_of_their_own(facility: Workbench, office: Office) -> None:
    office.put(declared("one"))
    trainer = facility.browser("trainer")
    (mine,) = ask(trainer, "GET", "").json()
    assert ask(trainer, "POST", "/one/publish").json()["state"] == "published"
    body = {"workshop": {**mine["workshop"], "trainers": ["somebody"]}, "version": 0}
    assert "You would not be one of its trainers." in ask(trainer, "PUT", "/two", json=body).text


def test_what_is_not_there_is_told_so(facility: Workbench) -> None:
    admin = facility.browser("admin")
    assert ask(admin, "GET", "/nothing").status_code == 404
    assert ask(admin, "POST", "/nothing/publish").status_code == 404
    assert ask(admin, "POST", "/one/explode").status_code == 422
    refused = ask(admin, "PUT", "/one", json={"workshop": {"seats": "<b>many</b>"}})
    assert refused.status_code == 422
    assert ask(admin, "GET", "/..%2Fone").status_code in (404, 405, 422)
