"""A learner lets the trainers of their workshop look at a notebook: who sees what, from when, until when."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.classroom import SERVICE, Learner, Trainer, field, given
from tests.support.workbench import Visitor, Workbench, eventually, text_of

SEAT = "/user/scientist"
SHOWN = f"{SEAT}/werkbank/lab/shown"
HOSTILE = "<script>fetch('/hub/api/user')</script><img src=x onerror=alert(1)>"


@dataclass
class Lesson:
    """A class of one, whose learner works in a seat."""

    bench: Workbench
    trainer: Trainer
    id: str
    visitor: Visitor
    token: str

    def write(self, name: str, source: str) -> None:
        cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source}
        cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"text/html": HOSTILE}}]
        text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
        (self.bench.state / "homes" / "scientist" / name).write_text(text)

    def show(self, path: str | None) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}", "Accept": "application/json"}
        url = f"{self.bench.address}{SEAT}/werkbank/lab/workshops/{self.id}/shown"
        return httpx.post(url, json={"path": path}, headers=headers, trust_env=False, timeout=30)

    def mine(self) -> dict[str, Any]:
        found: dict[str, Any] = Learner(self.visitor, "").api("GET").json()["workshops"][0]
        return found

    def look(self) -> httpx.Response:
        """The room's button; the first time the hub asks whether the seat may know who comes."""
        return entered(self.trainer.http, self.trainer.in_room(self.id, "look", number="1"))


def entered(browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    if page.url.path != "/hub/api/oauth2/authorize":
        return page
    form = {"_xsrf": field(page.text, "_xsrf"), "scopes": "access:servers!server=scientist/"}
    return browser.post(str(page.url), data=form, headers={"Referer": str(page.url)})


@pytest.fixture(scope="module")
def class_of_one(facility: Workbench) -> Iterator[Lesson]:
    with given(facility, "Shown") as (trainer, id, code):
        visitor = facility.browser("scientist")
        Learner(visitor, code).join("account")
        visitor.http.get(f"{SERVICE}/join/{code}/seat")
        ready = "their seat is ready"
        eventually(lambda: visitor.hub_user()["servers"].get("", {}).get("ready"), what=ready)
        made = Lesson(facility, trainer, id, visitor, visitor.token())
        made.write("mine.ipynb", "answer = 41 + 1")
        made.write("secret.ipynb", "password = 'hunter2'")
        yield made


@pytest.fixture
def lesson(class_of_one: Lesson) -> Iterator[Lesson]:
    """The same for all; nothing is shown before or after."""
    yield class_of_one
    class_of_one.show(None)


def test_a_trainer_looks_at_the_notebook_that_a_learner_shows_and_at_nothing_else(lesson: Lesson) -> None:
    refused = lesson.trainer.in_room(lesson.id, "look", number="1")
    assert refused.status_code == 409
    assert "does not show a notebook" in text_of(refused.text)
    lesson.trainer.in_room(lesson.id, "ask", number="1")
    assert lesson.mine()["asked"] is not None
    assert "asked to show a notebook" in text_of(lesson.trainer.page(f"/{lesson.id}/room"))

    assert lesson.show("mine.ipynb").json()["shown"]["looked"] is None
    assert "shows a notebook" in text_of(lesson.trainer.page(f"/{lesson.id}/room"))
    page = lesson.look()
    assert (page.status_code, page.url.path) == (200, SHOWN)
    assert "mine.ipynb" in text_of(page.text)
    assert "Read only" in text_of(page.text)
    assert lesson.mine()["shown"]["looked"] is not None
    assert lesson.mine()["asked"] is None

    content = lesson.trainer.http.get(f"{SHOWN}/content")
    assert "answer" in content.text
    assert "hunter2" not in content.text
    policy = content.headers["Content-Security-Policy"]
    assert "sandbox allow-same-origin;" in policy
    assert "default-src 'none';" in policy
    before = lesson.trainer.http.get(f"{SHOWN}/state").json()
    lesson.write("mine.ipynb", "answer = 43")
    os.utime(lesson.bench.state / "homes" / "scientist" / "mine.ipynb", (9e8, 9e8))
    assert lesson.trainer.http.get(f"{SHOWN}/state").json()["saved"] == 9e8 != before["saved"]
    assert "43" in lesson.trainer.http.get(f"{SHOWN}/content").text

    _nothing_else(lesson)

    assert lesson.show(None).json()["shown"] is None
    for path in (SHOWN, f"{SHOWN}/content", f"{SHOWN}/state"):
        assert lesson.trainer.http.get(path).status_code == 404
    assert "does not show a notebook" in text_of(lesson.trainer.http.get(SHOWN).text)
    assert shares(lesson) == []
    told = lesson.bench.browser("admin").http.get(f"{SERVICE}/admin/log", params={"words": "notebook."}).text
    assert [told.count(f"notebook.{what}") > 0 for what in ("shown", "looked-at", "hidden")] == [True] * 3


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
OTHERS = [
    ("GET", "/lab"),
    ("GET", "/api/contents"),
    ("GET", "/api/contents/secret.ipynb"),
    ("GET", "/files/secret.ipynb"),
    ("GET", "/nbconvert/html/secret.ipynb"),
    ("GET", "/api/kernels"),
    ("POST", "/api/kernels"),
    ("GET", "/api/sessions"),
    ("GET", "/api/terminals"),
    ("POST", "/api/terminals"),
    ("GET", "/api/me"),
    ("POST", "/api/shutdown"),
    ("GET", "/proxy/8080/"),
    ("GET", "/werkbank/lab/state"),
    ("GET", "/werkbank/lab/clusters"),
    ("POST", "/werkbank/lab/workshops/shown/shown"),
    ("GET", "/werkbank/lessons"),
    ("GET", "/lab/api/settings/@jupyterlab/apputils-extension:themes"),
]


def _nothing_else(lesson: Lesson) -> None:
    browser, cookies = lesson.trainer.http, lesson.trainer.http.cookies
    xsrf = next((c.value for c in cookies.jar if c.name == "_xsrf" and c.path.startswith(SEAT)), "") or ""
    answers = {}
    for method, path in OTHERS:
        body = {} if method == "POST" else None
        reply = browser.request(method, SEAT + path, headers={"X-XSRFToken": xsrf}, json=body)
        answers[method, path] = reply.status_code
        assert "hunter2" not in reply.text
    assert answers == dict.fromkeys(OTHERS, 403)
    assert "at nothing else" in text_of(browser.get(f"{SEAT}/lab").text)
    kernel = "00000000-0000-0000-0000-000000000000"
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
    for path in (f"/api/kernels/{kernel}/channels", "/terminals/websocket/1", "/api/events/subscribe"):
        assert not opens(browser, SEAT + path, upgrade), path


def opens(browser: httpx.Client, path: str, headers: dict[str, str]) -> bool:
    """Whether a websocket is answered by anything else than a refusal; some just hang up."""
    try:
        return browser.get(path, headers=headers).status_code != 403
    except httpx.RemoteProtocolError:
        return False


def shares(lesson: Lesson) -> list[Any]:
    admin = lesson.bench.browser("admin")
    told = admin.http.get("/hub/api/shares/scientist", headers=admin.api_headers()).json()
    return [one["user"]["name"] for one in (told["items"] if isinstance(told, dict) else told)]


def test_only_notebooks_of_the_seat_are_shown(lesson: Lesson) -> None:
    (lesson.bench.state / "homes" / "scientist" / "notes.txt").write_text("notes")
    for path in ("notes.txt", "absent.ipynb", "../../x.ipynb", "", 7):
        reply = lesson.show(path)  # type: ignore[arg-type]
        assert reply.status_code == 400, path
        assert "is no notebook in this seat" in reply.json()["message"]
    assert lesson.mine()["shown"] is None


def test_who_trains_nothing_here_cannot_look(lesson: Lesson) -> None:
    lesson.show("mine.ipynb")
    assert lesson.bench.browser().http.get(SHOWN).url.path == "/hub/login"
    # Nor does a trainer get in who has not come by the room, where it is written down.
    assert lesson.bench.browser("trainer").http.get(SHOWN).status_code == 403


def test_a_seat_that_starts_again_shows_nothing_and_lets_nobody_in(lesson: Lesson) -> None:
    lesson.show("mine.ipynb")
    assert lesson.look().status_code == 200
    assert shares(lesson) == ["trainer"]
    lesson.visitor.stop_seat()
    lesson.visitor.start_seat("small")
    assert shares(lesson) == []
    assert lesson.trainer.http.get(f"{SEAT}/api/contents").status_code == 403


def test_with_the_workshop_ends_what_was_shown_in_it(lesson: Lesson) -> None:
    lesson.show("mine.ipynb")
    assert lesson.look().status_code == 200
    lesson.trainer.act(lesson.id, "close")
    eventually(lambda: shares(lesson) == [], what="nobody is let in any more")
    eventually(lambda: lesson.trainer.http.get(SHOWN).status_code in (403, 404), what="there is nothing to see")


def test_an_admin_can_visit_a_seat_as_before(lesson: Lesson) -> None:
    admin = lesson.bench.browser("admin")
    lab = admin.http.get(f"{SEAT}/lab")
    if lab.url.path == "/hub/api/oauth2/authorize":
        scopes = ["access:servers!server=scientist/", "delete:servers!server=scientist/"]
        form = {"_xsrf": field(lab.text, "_xsrf"), "scopes": scopes}
        lab = admin.http.post(str(lab.url), data=form, headers={"Referer": str(lab.url)})
    assert (lab.status_code, lab.url.path) == (200, f"{SEAT}/lab")
    assert admin.http.get(f"{SEAT}/api/contents").status_code == 200
