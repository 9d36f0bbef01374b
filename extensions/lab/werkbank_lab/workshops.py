"""What the browser asks for in a workshop.

POST /werkbank/lab/workshops/{id}/hand     {"raised": true, "exercise": "D2-1" or null}: raise my hand, or lower it
POST /werkbank/lab/workshops/{id}/name     {"shown": true}: the trainer sees my name, or a number again
POST /werkbank/lab/workshops/{id}/shown    {"path": "D2.ipynb" or null}: the trainers may look at that one, or at none
POST /werkbank/lab/lesson                  {"lesson": "D2" or null}: what the learner looks at; told on only where it
                                           is one of a workshop that is on
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from tornado import web
from werkbank_kernels.errors import Told
from werkbank_kernels.words import tr

from .errors import NoAnswer, Refused
from .follow import Follower
from .reports import Front, workshops_of
from .showing import Showing, server
from .view import View

if TYPE_CHECKING:
    from .broker import Broker

WORKSHOP = r"(?P<workshop>[a-z0-9][a-z0-9-]{0,31})"
EXERCISE = re.compile(r"[A-Z]\d{1,3}-\d{1,3}")
LESSON = re.compile(r"[A-Z]\d{1,3}")


class WorkshopHandler(APIHandler):
    """What all of them have in common: bodies that are checked, and answers that people can read."""

    def initialize(self, follower: Follower, view: View, front: Front) -> None:
        self._follower, self._view, self._front = follower, view, front

    def _broker(self) -> Broker:
        if (broker := self._follower.broker()) is None:
            raise Told(tr("workshops.none_here"), 404)
        return broker

    def _flag(self, name: str) -> bool:
        """A field that is true or false. Raises Told 400."""
        value = self._field(name)
        if not isinstance(value, bool):
            raise Told(tr("workshops.bad_flag", name=name, value=json.dumps(value)), 400)
        return value

    def _id(self, name: str, known: re.Pattern[str], example: str) -> str | None:
        """A field with an id, or without one. Raises Told 400."""
        value = self._field(name)
        if value is None or (isinstance(value, str) and known.fullmatch(value)):
            return value
        raise Told(tr("workshops.bad_id", name=name, value=json.dumps(value), example=example), 400)

    def _field(self, name: str) -> Any:
        body = self.get_json_body()
        return body.get(name) if isinstance(body, dict) else None

    async def _answer(self, asked: Awaitable[dict[str, Any]]) -> None:
        """Give the workshop as it is then to whoever asked, and to every other tab."""
        try:
            told = await asked
        except Refused as refusal:
            raise Told(str(refusal), refusal.status) from refusal
        except NoAnswer as problem:
            self.log.warning("lab.workshop-silent why=%s", problem)
            raise Told(tr("workshops.no_answer"), 503) from problem
        known = workshops_of(self._view)
        self._view.put("workshops", {"workshops": [told if one["id"] == told["id"] else one for one in known]})
        self.finish(json.dumps(told))


class HandHandler(WorkshopHandler):
    """My hand."""

    @web.authenticated
    async def post(self, workshop: str) -> None:
        is_raised, exercise = self._flag("raised"), self._id("exercise", EXERCISE, "D2-1")
        await self._answer(self._broker().hand(workshop, is_raised, exercise))


class NameHandler(WorkshopHandler):
    """What the trainer sees of me."""

    @web.authenticated
    async def post(self, workshop: str) -> None:
        is_shown = self._flag("shown")
        await self._answer(self._broker().name(workshop, is_shown))


class ShownHandler(WorkshopHandler):
    """The notebook that the trainers may look at: what I choose, and nothing before I do."""

    def initialize(self, follower: Follower, view: View, front: Front, showing: Showing) -> None:  # type: ignore[override]
        super().initialize(follower, view, front)
        self._showing = showing

    @web.authenticated
    async def post(self, workshop: str) -> None:
        path = self._field("path")
        if path is None:
            self._showing.end()  # first: whatever the service says, nothing is seen from here on
            await self._answer(self._broker().shown(workshop, False))
        else:
            await self._require_notebook(path)
            await self._answer(self._shown(workshop, path))
        self._showing.gather(self._view)

    async def _shown(self, workshop: str, path: str) -> dict[str, Any]:
        told = await self._broker().shown(workshop, True, server())
        self._showing.agree(workshop, path)
        return told

    async def _require_notebook(self, path: Any) -> None:
        """Raises Told 400 for what is no notebook of this seat."""
        try:
            model = await ensure_async(self.contents_manager.get(path, content=False)) if isinstance(path, str) else {}
        except (web.HTTPError, OSError):
            model = {}
        if model.get("type") != "notebook":
            raise Told(tr("workshops.no_notebook", value=json.dumps(path)), 400)


class LessonHandler(WorkshopHandler):
    """What is in front of me."""

    @web.authenticated
    def post(self) -> None:
        self._front.lesson = self._id("lesson", LESSON, "D2")
        self.set_status(204)
        self.finish()


def handlers(
    follower: Follower, view: View, front: Front, showing: Showing
) -> list[tuple[str, type[WorkshopHandler], dict[str, Any]]]:
    """Paths below /werkbank/lab, with what answers them."""
    known = {"follower": follower, "view": view, "front": front}
    return [
        (f"workshops/{WORKSHOP}/hand", HandHandler, known),
        (f"workshops/{WORKSHOP}/name", NameHandler, known),
        (f"workshops/{WORKSHOP}/shown", ShownHandler, {**known, "showing": showing}),
        ("lesson", LessonHandler, known),
    ]
