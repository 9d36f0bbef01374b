"""What a workshop came to: who was there, how far they came, exercise by exercise. Plain values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import median

from hub.workshops.catalogue import Catalogue
from hub.workshops.model import Workshop
from hub.workshops.people import Member
from hub.workshops.progress import Learner


@dataclass(frozen=True)
class LearnerRow:
    """One learner, under a number unless they show their name."""

    number: int
    name: str
    affiliation: str
    """From the class list, where they show their name."""
    was_there: bool
    minutes: int
    """Present."""
    passed: int
    tried: int
    """Tried and not passed."""


@dataclass(frozen=True)
class ExerciseRow:
    """One exercise, over everybody who was there."""

    id: str
    passed: int
    tried: int
    """Tried and not passed."""
    tries: float | None
    """The median of tries of those who tried; None for nobody."""


@dataclass(frozen=True)
class Report:
    """All of it."""

    signed_up: int
    there: int
    minutes: float | None
    """The median of those who were there."""
    exercises: tuple[ExerciseRow, ...]
    learners: tuple[LearnerRow, ...]

    @property
    def passed_share(self) -> float | None:
        """Of all exercises that those who were there could pass; None where there were none."""
        possible = self.there * len(self.exercises)
        return sum(row.passed for row in self.exercises) / possible if possible else None


def report_of(
    workshop: Workshop, members: Collection[Member], learners: Mapping[str, Learner], known: Catalogue
) -> Report:
    """The report of a workshop."""
    ids = [one for id in workshop.lessons if id in known.lessons for one in known.lessons[id].exercises]
    listed = {one.email: one.affiliation for one in workshop.roster}
    rows = [_row(member, learners.get(member.user), ids, listed) for member in members]
    there = [learners[member.user] for member in members if _was_there(learners.get(member.user))]
    return Report(
        signed_up=len(rows),
        there=len(there),
        minutes=median(row.minutes for row in rows if row.was_there) if there else None,
        exercises=tuple(_exercise(id, there) for id in ids),
        learners=tuple(sorted(rows, key=lambda row: row.number)),
    )


def _was_there(learner: Learner | None) -> bool:
    return learner is not None and learner.first > 0


def _row(member: Member, learner: Learner | None, ids: Collection[str], listed: Mapping[str, str]) -> LearnerRow:
    tries = [learner.exercises[id] for id in ids if id in learner.exercises] if learner else []
    passed = sum(one.passed is not None for one in tries)
    return LearnerRow(
        number=member.number,
        name=member.name if member.shares_name else "",
        affiliation=listed.get(member.email, "") if member.shares_name else "",
        was_there=_was_there(learner),
        minutes=round(learner.present_seconds / 60) if learner else 0,
        passed=passed,
        tried=len(tries) - passed,
    )


def _exercise(id: str, there: Collection[Learner]) -> ExerciseRow:
    tries = [learner.exercises[id] for learner in there if id in learner.exercises]
    passed = sum(one.passed is not None for one in tries)
    return ExerciseRow(id, passed, len(tries) - passed, median(one.tries for one in tries) if tries else None)
