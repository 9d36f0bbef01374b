"""The lessons and timetables that a workshop can name."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hub.settings.model import Words

PATH = Path(__file__).parents[2] / "tutorials" / "notebooks" / "catalogue.json"


@dataclass(frozen=True)
class Lesson:
    """A lesson, as far as a workshop needs to know it."""

    id: str
    title: Words
    minutes: int
    """To read it and do its exercises."""
    exercises: tuple[str, ...]
    """Ids, in the order in which they come."""
    version: str
    goals: tuple[Words, ...]
    measures: tuple[str, ...]
    """Of the Algoritmekader, by their stable names."""


@dataclass(frozen=True)
class Block:
    """A part of a day: a talk, a pause, lessons of which one is chosen."""

    kind: str
    minutes: int
    title: Words | None
    lessons: tuple[str, ...]


@dataclass(frozen=True)
class Timetable:
    """How a class of a usual length is divided."""

    id: str
    title: Words
    days: tuple[tuple[Block, ...], ...]

    @property
    def lessons(self) -> tuple[str, ...]:
        """The lessons that it prescribes, in order; where one of several is chosen, none is."""
        blocks = (block for day in self.days for block in day)
        return tuple(dict.fromkeys(block.lessons[0] for block in blocks if len(block.lessons) == 1))


@dataclass(frozen=True)
class Catalogue:
    """All there are."""

    lessons: Mapping[str, Lesson]
    timetables: Mapping[str, Timetable]

    def minutes_of(self, lessons: tuple[str, ...]) -> int:
        """How long these lessons take together; one that is not known takes none."""
        return sum(self.lessons[id].minutes for id in lessons if id in self.lessons)


def catalogue() -> Catalogue:
    """The catalogue as it lies on disk now."""
    return _read(PATH.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read(_written: int) -> Catalogue:
    data = json.loads(PATH.read_text(encoding="utf-8"))
    return Catalogue(
        lessons={entry["id"]: _lesson(entry) for entry in data["lessons"]},
        timetables={entry["id"]: _timetable(entry) for entry in data["timetables"]},
    )


def _lesson(entry: Mapping[str, Any]) -> Lesson:
    exercises = tuple(exercise["id"] for exercise in entry["exercises"])
    return Lesson(
        id=entry["id"],
        title=Words(**entry["title"]),
        minutes=sum(entry["minutes"].values()),
        exercises=exercises,
        version=entry["version"],
        goals=tuple(Words(**goal) for goal in entry["goals"]),
        measures=tuple(entry["measures"]),
    )


def _timetable(entry: Mapping[str, Any]) -> Timetable:
    days = tuple(tuple(_blocks(day)) for day in entry["days"])
    return Timetable(entry["id"], Words(**entry["title"]), days)


def _blocks(day: Mapping[str, Any]) -> Iterator[Block]:
    for block in day["blocks"]:
        title = Words(**block["talk"]) if "talk" in block else None
        yield Block(block["kind"], block["minutes"], title, tuple(block["lessons"]))
