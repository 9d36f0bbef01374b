"""A learner's own record of what they did in workshops: for the AI literacy that article 4 of the AI Act asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.settings.model import Words
from hub.workshops.catalogue import Catalogue
from hub.workshops.model import Workshop
from hub.workshops.progress import Learner


@dataclass(frozen=True)
class Attended:
    """A workshop in which somebody took part."""

    workshop: Workshop
    learner: Learner


@dataclass(frozen=True)
class LessonDone:
    """How far somebody came in one lesson."""

    id: str
    title: Words
    version: str
    goals: tuple[Words, ...]
    measures: tuple[str, ...]
    """Of the Algoritmekader, by their stable names."""
    passed: tuple[tuple[str, float], ...]
    """Exercises with when they were first passed."""
    exercises: int

    @property
    def is_whole(self) -> bool:
        """Whether all of its exercises were passed."""
        return len(self.passed) == self.exercises


@dataclass(frozen=True)
class WorkshopDone:
    """One workshop in the record."""

    title: Words
    day: datetime
    trainers: tuple[str, ...]
    minutes: int
    """Present."""
    lessons: tuple[LessonDone, ...]


@dataclass(frozen=True)
class Record:
    """All of it."""

    name: str
    made: datetime
    workshops: tuple[WorkshopDone, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """Of the Algoritmekader: of every lesson of which at least one exercise was passed."""
        lessons = [lesson for workshop in self.workshops for lesson in workshop.lessons if lesson.passed]
        return tuple(sorted({measure for lesson in lessons for measure in lesson.measures}))

    @property
    def passed(self) -> int:
        """Exercises passed in all."""
        return sum(len(lesson.passed) for workshop in self.workshops for lesson in workshop.lessons)


def record_of(name: str, attended: Iterable[Attended], known: Catalogue, now: float) -> Record:
    """The record of somebody who calls themselves `name`, the latest workshop first."""
    done = sorted((_workshop(one, known) for one in attended), key=lambda one: one.day, reverse=True)
    return Record(name, datetime.fromtimestamp(now, UTC), tuple(done))


def _workshop(one: Attended, known: Catalogue) -> WorkshopDone:
    lessons = tuple(_lesson(id, one.learner, known) for id in one.workshop.lessons if id in known.lessons)
    minutes = round(one.learner.present_seconds / 60)
    return WorkshopDone(one.workshop.title, one.workshop.starts, one.workshop.trainers, minutes, lessons)


def _lesson(id: str, learner: Learner, known: Catalogue) -> LessonDone:
    lesson = known.lessons[id]
    tried = ((exercise, learner.exercises.get(exercise)) for exercise in lesson.exercises)
    passed = tuple((exercise, tries.passed) for exercise, tries in tried if tries and tries.passed is not None)
    return LessonDone(
        id, lesson.title, lesson.version, lesson.goals, lesson.measures, passed, exercises=len(lesson.exercises)
    )


def as_json(record: Record) -> dict[str, Any]:
    """The record for programs, such as a register of trainings. Times are ISO 8601."""
    return {
        "name": record.name,
        "made": record.made.isoformat(timespec="seconds"),
        "basis": "Regulation (EU) 2024/1689, article 4",
        "workshops": [
            {
                "title": one.title.model_dump(),
                "day": one.day.date().isoformat(),
                "trainers": list(one.trainers),
                "minutes_present": one.minutes,
                "lessons": [_lesson_json(lesson) for lesson in one.lessons],
            }
            for one in record.workshops
        ],
        "measures": list(record.measures),
    }


def _lesson_json(lesson: LessonDone) -> dict[str, Any]:
    return {
        "id": lesson.id,
        "version": lesson.version,
        "title": lesson.title.model_dump(),
        "measures": list(lesson.measures),
        "exercises": lesson.exercises,
        "passed": {id: datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for id, at in lesson.passed},
    }
