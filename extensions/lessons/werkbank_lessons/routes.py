"""The seat's own interface to the lessons, for the panel in JupyterLab.

GET  /werkbank/lessons                                  all lessons, with what the learner has done
GET  /werkbank/lessons/{lesson}/{language}              to that lesson in JupyterLab: a link to give to anybody
POST /werkbank/lessons/{lesson}/{language}/open         the path of the learner's notebook
POST /werkbank/lessons/{lesson}/{language}/fresh        another copy, as it came
POST /werkbank/lessons/{lesson}/{language}/reset        as it came; the learner's version is kept under another name
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import url_escape, url_path_join
from tornado import web

from .shelf import Shelf, UnknownLessonError
from .words import tr

_LESSON = r"(?P<lesson>[A-Za-z0-9-]{1,40})/(?P<language>[a-z]{2})"
_ACT = rf"{_LESSON}/(?P<act>[a-z]{{1,20}})"


class LessonsHandler(APIHandler):
    """What there is."""

    def initialize(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @web.authenticated
    def get(self) -> None:
        self.finish(json.dumps(self._shelf.all()))


class GoHandler(JupyterHandler):
    """A link to a lesson, wherever the learner's notebook lies."""

    def initialize(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @web.authenticated
    def get(self, lesson: str, language: str) -> None:
        try:
            path = self._shelf.open(lesson, language)
        except UnknownLessonError:
            raise web.HTTPError(404, tr("shelf.unknown", lesson=lesson, language=language)) from None
        except OSError as problem:
            self.log.warning("lessons.open lesson=%s failed: %s", lesson, problem)
            raise web.HTTPError(409, tr("shelf.not_written", problem=problem.strerror or str(problem))) from None
        self.redirect(url_path_join(self.base_url, "lab", "tree", url_escape(path)))


class ActHandler(APIHandler):
    """What a learner does with one lesson."""

    def initialize(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @web.authenticated
    def post(self, lesson: str, language: str, act: str) -> None:
        try:
            self.finish(json.dumps(self._do(lesson, language, act)))
        except UnknownLessonError:
            self._refuse(404, tr("shelf.unknown", lesson=lesson, language=language))
        except OSError as problem:
            self.log.warning("lessons.%s lesson=%s failed: %s", act, lesson, problem)
            self._refuse(409, tr("shelf.not_written", problem=problem.strerror or str(problem)))

    def _do(self, lesson: str, language: str, act: str) -> dict[str, Any]:
        if act == "open":
            return {"path": self._shelf.open(lesson, language)}
        if act == "fresh":
            return {"path": self._shelf.fresh(lesson, language)}
        if act == "reset":
            path, kept = self._shelf.reset(lesson, language)
            return {"path": path, "kept": kept}
        raise UnknownLessonError(lesson, language)

    def _refuse(self, status: int, sentence: str) -> None:
        self.set_status(status)
        self.finish(json.dumps({"message": sentence, "reason": None}))


def add_routes(serverapp: Any, shelf: Shelf) -> None:
    """Serve the lessons of `shelf`."""
    base = url_path_join(serverapp.base_url, "werkbank", "lessons")
    paths = [("", LessonsHandler), (_LESSON, GoHandler), (_ACT, ActHandler)]
    handlers = [(url_path_join(base, path).rstrip("/"), handler, {"shelf": shelf}) for path, handler in paths]
    serverapp.web_app.add_handlers(".*$", handlers)
