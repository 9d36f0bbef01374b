"""What this workbench offers a class: its lessons, and the timetables to give them by."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..shelf import CATALOGUE
from ..words import language, tr

_SOURCE = "WERKBANK_LESSONS"
_EXAMPLE = {
    "blocks": [
        {"at": "10:00", "kind": "talk", "minutes": 10, "talk": {"en": "Welcome", "nl": "Welkom"}},
        {"at": "10:10", "kind": "lessons", "minutes": 36, "lessons": ["S1"]},
        {"at": "10:46", "kind": "lessons", "minutes": 40, "lessons": ["R2"]},
    ]
}


@dataclass(frozen=True)
class Block:
    """A part of a day: it begins ``at`` minutes after midnight, takes ``minutes``, and is a ``talk``, a ``pause`` or
    ``lessons`` (by id, of which each learner does one).
    """

    at: int
    minutes: int
    kind: str
    title: str
    lessons: tuple[str, ...]

    @property
    def clock(self) -> str:
        """When it begins, as a clock shows it."""
        return f"{self.at // 60:02}:{self.at % 60:02}"


@dataclass(frozen=True)
class Offer:
    """The catalogue of a seat: ``lessons`` by id, ``extras`` with their distributions, ``timetables`` by id."""

    folder: Path | None = None
    lessons: dict[str, dict[str, Any]] = field(default_factory=dict)
    extras: dict[str, list[str]] = field(default_factory=dict)
    timetables: dict[str, dict[str, Any]] = field(default_factory=dict)

    def days(self, timetable: str) -> list[list[Block]]:
        """The days of a timetable as blocks; of an example where there is no offer. KeyError names what there is."""
        if not self.timetables:
            return [[self._block(block) for block in _EXAMPLE["blocks"]]]
        if timetable not in self.timetables:
            raise KeyError(tr("preflight.no_timetable", name=timetable, known=", ".join(self.timetables)))
        return [[self._block(block) for block in day["blocks"]] for day in self.timetables[timetable]["days"]]

    def notebook(self, lesson: str, of: str) -> Path | None:
        """The notebook of ``lesson`` in the language ``of``; None where it is not on offer."""
        entry = self.lessons.get(lesson)
        path = self.folder / entry["folder"] / f"{entry['stem']}.{of}.ipynb" if self.folder and entry else None
        return path if path and path.is_file() else None

    def _block(self, block: dict[str, Any]) -> Block:
        hour, minute = map(int, block["at"].split(":"))
        lessons = tuple(block.get("lessons", ()))
        title = block["talk"][language()] if "talk" in block else self._title(lessons)
        return Block(60 * hour + minute, block["minutes"], block["kind"], title, lessons)

    def _title(self, lessons: tuple[str, ...]) -> str:
        if not lessons:
            return tr("preflight.pause")
        if len(lessons) > 1:
            return tr("preflight.choice", lessons=", ".join(lessons))
        title = self.lessons.get(lessons[0], {}).get("title", {}).get(language(), "")
        return f"{lessons[0]} {title}".strip()


def read_offer() -> Offer:
    """What this seat offers; prints a sentence, and is empty, where this is no seat or its catalogue cannot be read."""
    folder = os.environ.get(_SOURCE)
    if not folder:
        print(tr("preflight.no_seat"))
        return Offer()
    try:
        found = json.loads(Path(folder, CATALOGUE).read_text(encoding="utf-8"))
        lessons = {entry["id"]: entry for entry in found["lessons"]}
        timetables = {one["id"]: one for one in found["timetables"]}
        return Offer(Path(folder), lessons, found["extras"], timetables)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        print(tr("preflight.no_catalogue", problem=f"{type(problem).__name__}: {problem}"))
        return Offer()
