"""A learner lets the trainers of their workshop look at a notebook: who sees what, from when, until when."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.classroom import SERVICE, Learner, Trainer, given
from tests.support.workbench import Visitor, Workbench, eventually, text_of

HOSTILE = "<script>fetch('/hub/api/user')</script><img src=x onerror=alert(1)>"
SEAT = "/user/scientist/werkbank/lab"


@dataclass
class Lesson:
    """A class of one, whose learner works in a seat."""

    bench: Workbench
    trainer: Trainer
    id: str
    visitor: Visitor
    token: str

    def home(self, name: str) -> Path:
        return self.bench.state / "homes" / "scientist" / name

    def write(self, name: str, source: str) -> None:
        cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source}
        cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"text/html": HOSTILE}}]
        self.home(name).write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))

    def show(self, path: object) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}", "Accept": "application/json"}
        url = f"{self.bench.address}{SEAT}/workshops/{self.id}/shown"
        return httpx.post(url, json={"path": path}, headers=headers, trust_env=False, timeout=30)

    def mine(self) -> dict[str, Any]:
        found: dict[str, Any] = Learner(self.visitor, "").api("GET").json()["workshops"][0]
        return found

    def look(self, part: str = "", browser: httpx.Client | None = None) -> httpx.Response:
        return (browser or self.trainer.http).get(f"{SERVICE}/workshops/{self.id}/notebooks/1{part}")

    def in_log(self, what: str) -> int:
        told = self.bench.browser("admin").http.get(f"{SERVICE}/admin/log.csv").text
        return sum(f",notebook.{what},workshop:{self.id}," in line for line in told.splitlines())


@contextmanager
def class_of_one_learner(facility: Workbench, title: str) -> Iterator[Lesson]:
    with given(facility, title) as (trainer, id, code):
        visitor = facility.browser("scientist")
        Learner(visitor, code).join("account")
        visitor.http.get(f"{SERVICE}/join/{code}/seat")
        ready = "their seat is ready"
        eventually(lambda: visitor.hub_user()["servers"].get("", {}).get("ready"), what=ready)
        made = Lesson(facility, trainer, id, visitor, visitor.token())
        made.write("mine.ipynb", "answer = 41 + 1")
        made.write("secret.ipynb", "password = 'hunter2'")
        yield made


@pytest.fixture(scope="module")
def for_all(facility: Workbench) -> Iterator[Lesson]:
    with class_of_one_learner(facility, "Shown") as made:
        yield made


@pytest.fixture
def lesson(for_all: Lesson) -> Iterator[Lesson]:
    """The same for all; nothing is shown before or after."""
    yield for_all
    for_all.show(None)


def test_a_trainer_asks_and_sees_the_notebook_that_the_learner_shows_until_they_stop(lesson: Lesson) -> None:
    assert lesson.look().status_code == 409
    assert "does not show a notebook now" in text_of(lesson.look().text)
    lesson.trainer.in_room(lesson.id, "ask", number="1")
    assert lesson.mine()["asked"] is not None
    assert "asked to show a notebook" in text_of(lesson.trainer.page(f"/{lesson.id}/room"))

    assert lesson.show("mine.ipynb").json()["shown"]["looked"] is None
    assert lesson.mine()["asked"] is None
    assert "shows a notebook" in text_of(lesson.trainer.page(f"/{lesson.id}/room"))
    page = lesson.look()
    assert page.status_code == 200
    assert "mine.ipynb" in text_of(page.text)
    assert "Learner 1" in text_of(page.text)
    assert "scientist" not in page.text
    assert lesson.mine()["shown"]["looked"] is not None

    before = lesson.look("/state").json()
    lesson.write("mine.ipynb", "answer = 43")
    os.utime(lesson.home("mine.ipynb"), (9e8, 9e8))
    assert lesson.look("/state").json()["saved"] == 9e8 != before["saved"]
    assert ">43<" in lesson.look("/content").text

    assert lesson.show(None).json()["shown"] is None
    assert lesson.look("/content").status_code == 409
    said = {
        "saved": None,
        "said": "Learner 1 does not show a notebook now. Ask to see it: they are asked in JupyterLab.",
    }
    assert lesson.look("/state").json() == said
    assert [lesson.in_log(what) for what in ("shown", "looked-at", "hidden")] == [1, 1, 1]


def test_what_is_in_a_notebook_runs_nowhere_and_no_other_is_told(lesson: Lesson) -> None:
    lesson.show("mine.ipynb")
    content = lesson.look("/content")
    policy = content.headers["Content-Security-Policy"]
    assert "sandbox allow-same-origin;" in policy
    assert "default-src 'none';" in policy
    assert "script-src" not in policy
    assert "hunter2" not in content.text
    page = lesson.look()
    assert 'sandbox="allow-same-origin"' in page.text
    assert page.headers["Content-Security-Policy"].startswith("frame-src ")
    assert HOSTILE not in page.text


@pytest.mark.parametrize("path", ["notes.txt", "absent.ipynb", "../../x.ipynb", "", 7])
def test_only_notebooks_of_the_seat_are_shown(lesson: Lesson, path: object) -> None:
    lesson.home("notes.txt").write_text("notes")
    reply = lesson.show(path)
    assert reply.status_code == 400
    assert "is no notebook in this seat" in reply.json()["message"]
    assert lesson.mine()["shown"] is None


@pytest.mark.parametrize("part", ["", "/content", "/state"])
def test_nobody_looks_who_does_not_train_the_workshop(lesson: Lesson, part: str) -> None:
    lesson.show("mine.ipynb")
    assert lesson.look(part, lesson.visitor.http).status_code == 403
    assert lesson.look(part, lesson.bench.browser().http).url.path == "/hub/login"
    strange = lesson.trainer.http.get(f"{SERVICE}/workshops/{lesson.id}/notebooks/7{part}")
    assert "hunter2" not in strange.text
    assert "answer" not in strange.text
    # The seat itself is its learner's, whoever may look.
    assert lesson.trainer.http.get(f"{SEAT}/shown/content").status_code == 403


def test_a_notebook_that_is_removed_is_not_shown_any_more(lesson: Lesson) -> None:
    lesson.write("other.ipynb", "x = 1")
    lesson.show("other.ipynb")
    assert lesson.look().status_code == 200
    lesson.home("other.ipynb").unlink()
    assert lesson.look("/content").status_code == 409


def test_a_seat_that_starts_again_shows_nothing(lesson: Lesson) -> None:
    lesson.show("mine.ipynb")
    assert lesson.look().status_code == 200
    lesson.visitor.stop_seat()
    gone = lesson.look("/state").json()
    assert gone["saved"] is None
    assert "The seat of learner 1 does not run now." in gone["said"]
    lesson.visitor.start_seat("small")
    assert lesson.look("/content").status_code == 409


def test_with_the_workshop_ends_what_was_shown_in_it(facility: Workbench) -> None:
    with class_of_one_learner(facility, "Ends") as lesson:
        lesson.show("mine.ipynb")
        assert lesson.look().status_code == 200
        lesson.trainer.act(lesson.id, "close")
        eventually(lambda: lesson.look("/content").status_code == 409, what="there is nothing to see any more")
        script = {"Accept": "application/json"}
        over = lesson.trainer.http.get(f"{SERVICE}/workshops/{lesson.id}/notebooks/1/state", headers=script)
        assert over.json()["error"]["message"] == "The workshop is not on."
        seat = {"Authorization": f"token {lesson.token}"}
        url = f"{facility.address}{SEAT}/shown/content"
        nothing = "the seat shows nothing either"
        eventually(lambda: httpx.get(url, headers=seat, trust_env=False).status_code == 404, what=nothing)
