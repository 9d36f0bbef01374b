"""Workshops for tests of what happens in them: planned by the demo's trainer, joined by people with a browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.support.workbench import Visitor, Workbench, eventually, text_of

SERVICE = "/services/werkbank"


def field(page: str, name: str) -> str:
    """The value of a form's field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


class Trainer:
    """Somebody who plans and gives workshops in a browser."""

    def __init__(self, visitor: Visitor) -> None:
        self.http = visitor.http

    def page(self, path: str = "", **query: str) -> str:
        reply = self.http.get(f"{SERVICE}/workshops{path}", params=query)
        assert reply.status_code == 200, text_of(reply.text)
        return reply.text

    def post(self, path: str, fields: dict[str, Any], page: str = "", **more: Any) -> httpx.Response:
        """Send a form of a page as a browser does."""
        form = {"csrf": field(self.page(page), "csrf"), **fields}
        return self.http.post(f"{SERVICE}/workshops{path}", data=form, **more)

    def plan(self, **fields: str) -> httpx.Response:
        return self.post("/new", fields_of(**fields), "/new")

    def act(self, id: str, action: str) -> httpx.Response:
        return self.post(f"/{id}/act", {"action": action}, f"/{id}")

    def in_room(self, id: str, action: str, **fields: str) -> httpx.Response:
        return self.post(f"/{id}/room", {"action": action, **fields}, f"/{id}/room")

    def state(self, id: str) -> str:
        """The step at which a workshop is."""
        found = re.search(r'aria-current="step"><span>(\w+)</span>', self.page(f"/{id}"))
        assert found
        return found[1]

    def code(self, id: str) -> str:
        found = re.search(rf"{SERVICE}/join/([a-z0-9]+)", self.page(f"/{id}"))
        assert found
        return found[1]


def fields_of(**fields: str) -> dict[str, str]:
    """The form of a small workshop of next year, with some of it otherwise."""
    day = f"{datetime.now() + timedelta(days=365):%Y-%m-%d}"
    basic = {"title": "Pages", "starts": f"{day}T09:00", "ends": f"{day}T12:00", "trainers": "trainer", "seats": "3"}
    return basic | {"profile": "small", "lessons": "S1", "retention": "30", "join": "on"} | fields


@contextmanager
def given(bench: Workbench, title: str, minutes: float = 60, **fields: str) -> Iterator[tuple[Trainer, str, str]]:
    """A workshop that is on now for so many minutes: its trainer, id and code. It is ended and removed afterwards."""
    trainer, now = Trainer(bench.browser("trainer")), datetime.now()
    hours = {"starts": f"{now:%Y-%m-%dT%H:%M}", "ends": f"{now + timedelta(minutes=minutes + 1):%Y-%m-%dT%H:%M}"}
    planned = trainer.plan(title=title, **hours | fields)
    assert planned.status_code == 200, text_of(planned.text)
    id = planned.url.path.rsplit("/", 1)[1]
    try:
        assert trainer.act(id, "publish").status_code == 200
        eventually(lambda: trainer.state(id) == "Live", what=f"{id} is live")
        yield trainer, id, trainer.code(id)
    finally:
        trainer.act(id, "close")
        trainer.act(id, "remove")
        stop_seats(bench)


def stop_seats(bench: Workbench) -> None:
    """Stop what was started for a workshop, so that others find the workbench as it was."""
    admin = bench.browser("admin")

    def running() -> list[tuple[str, str]]:
        users = admin.http.get("/hub/api/users?state=active", headers=admin.api_headers()).json()
        return [(user["name"], server) for user in users for server in user["servers"]]

    def stopped() -> bool:
        for user, server in running():
            tail = f"servers/{server}" if server else "server"
            admin.http.delete(f"/hub/api/users/{user}/{tail}", headers=admin.api_headers())
        return not running()

    eventually(stopped, what="no seat runs")


class Learner:
    """Somebody who joins a workshop."""

    def __init__(self, visitor: Visitor, code: str) -> None:
        self.visitor, self.http, self.code = visitor, visitor.http, code
        if hasattr(visitor, "user"):
            self.http.get(f"{SERVICE}/join/{code}/sign-in")  # the door's button

    def door(self, **query: str) -> httpx.Response:
        return self.http.get(f"{SERVICE}/join/{self.code}", params=query)

    def join(self, how: str, **fields: str) -> httpx.Response:
        """Come in by the door's form; `link` names the invitation."""
        query = {"for": fields.pop("link")} if "link" in fields else {}
        form = {"csrf": field(self.door(**query).text, "csrf"), "how": how, **fields}
        return self.http.post(f"{SERVICE}/join/{self.code}", params=query, data=form)

    def api(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        """The interface of a learner's seat."""
        url = f"{SERVICE}/api/v1/me/workshops{path}"
        return self.http.request(method, url, headers={"Accept": "application/json"}, **more)

    def report(self, id: str, **told: Any) -> None:
        reply = self.api("PUT", f"/{id}/progress", json={"ran_ago": 1, **told})
        assert reply.status_code == 204, reply.text
