"""Fresh copies of lessons that a trainer gives everybody in a workshop: each is made once, whatever starts again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .place import Places, write_whole
from .progress import progress_path
from .shelf import Shelf, UnknownLessonError

Copy = dict[str, Any]
"""`number` of the copy, `lesson`, and `path` in the home; the path is empty where no copy was made."""


class Given:
    """The copies of one learner. Which were made is kept in `given.json`, beside the record of exercises."""

    def __init__(self, shelf: Shelf, memory: Path) -> None:
        self._shelf, self._memory = shelf, memory
        self._copies: dict[str, Copy] = _read(memory)

    @classmethod
    def of_seat(cls) -> Given | None:
        """This seat's; None where it has no lessons."""
        source = os.environ.get("WERKBANK_LESSONS")
        if not source:
            return None
        return cls(Shelf(Path(source), Places.of_user()), progress_path().with_name("given.json"))

    def keep_up(self, workshop: str, number: int, lesson: str, language: str) -> Copy:
        """Make the copy of this number unless it was made; the last one of the workshop. 0 is for none so far.

        Whoever comes later gets one only when they have changed their own: else theirs is fresh already. Raises OSError
        when nothing can be written.
        """
        known = self._copies.get(workshop)
        if known is None or number > known["number"]:
            path = self._copy(lesson, language, is_first=known is None) if number else ""
            self._copies[workshop] = {"number": number, "lesson": lesson, "path": path}
            write_whole(self._memory, (json.dumps(self._copies, indent=1) + "\n").encode())
        return self._copies[workshop]

    def _copy(self, lesson: str, language: str, is_first: bool) -> str:
        try:
            spoken = self._shelf.language_of(lesson, language)
            if is_first and not self._shelf.is_changed(lesson, spoken):
                return ""
            return self._shelf.fresh(lesson, spoken)
        except UnknownLessonError:  # this facility's shelf does not have it
            return ""


def _read(memory: Path) -> dict[str, Copy]:
    """What was made; nothing where that cannot be read."""
    try:
        told = json.loads(memory.read_text(encoding="utf-8"))
        return {
            str(name): {"number": int(one["number"]), "lesson": str(one["lesson"]), "path": str(one["path"])}
            for name, one in told.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
