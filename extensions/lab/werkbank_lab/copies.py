"""In a workshop: the trainer gives everybody a fresh copy of a lesson. The seat makes it, the browser opens it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from werkbank_kernels.words import language

from .reports import workshops_of
from .view import View

AGAIN_S = 15.0
"""After a copy that could not be written, until the next attempt."""


class Gives(Protocol):
    """What makes copies and remembers them, as `werkbank_lessons` has it."""

    def keep_up(self, workshop: str, number: int, lesson: str, language: str) -> dict[str, Any]:
        """The last copy of a workshop: `number`, `lesson` and `path`. Raises OSError."""


def given() -> Gives | None:
    """None in a seat without lessons."""
    try:
        from werkbank_lessons.given import Given
    except ImportError:
        return None
    found: Gives | None = Given.of_seat()
    return found


class FreshCopies:
    """Puts into the view, by workshop, the last copy that was made."""

    def __init__(self, log: logging.Logger, gives: Callable[[], Gives | None] = given) -> None:
        self._log, self._gives = log, gives
        self._given: Gives | None = None
        self._is_asked = False
        self._not_before = 0.0

    def gather(self, view: View) -> None:
        """Make what was not made yet."""
        workshops = workshops_of(view)
        if not workshops or time.monotonic() < self._not_before:
            return
        if not self._is_asked:
            self._is_asked, self._given = True, self._gives()
        if self._given is not None:
            view.put("copies", self._copies(self._given, workshops))

    def _copies(self, given: Gives, workshops: list[dict[str, Any]]) -> dict[str, Any]:
        copies = {}
        for one in workshops:
            fresh = one["fresh"] or {"number": 0, "lesson": ""}
            try:
                copies[one["id"]] = given.keep_up(one["id"], fresh["number"], fresh["lesson"], language())
            except OSError as problem:
                self._not_before = time.monotonic() + AGAIN_S
                self._log.warning("lab.copy-not-made workshop=%s lesson=%s why=%s", one["id"], fresh["lesson"], problem)
        return copies
