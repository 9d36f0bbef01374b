"""What the room's page shows, worked out from the class, its reservation and its timetable. Plain values."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from hub.leases.model import Lease
from hub.workshops.catalogue import Block, Catalogue
from hub.workshops.classroom import Class
from hub.workshops.model import Workshop
from hub.workshops.people import Member
from hub.workshops.progress import Announced, Learner, Tries
from hub.workshops.room import Stage, stage_of

STAGES = (Stage.STUCK, Stage.WORKING, Stage.READING, Stage.DONE, Stage.AWAY, Stage.ABSENT)
"""As the room counts them: who needs somebody first."""
MINUTE = 60.0


class Tile(NamedTuple):
    """One seat, as it is seen from the back of the room."""

    number: int
    name: str
    """Empty unless they show it."""
    stage: Stage
    exercise: str
    """The one they tried last and have not passed; else the last that they passed."""
    tries: int
    passed: int
    """Of the workshop's exercises."""
    hand: int
    """Place in the line of hands; 0 for none."""
    gpu: str
    """"has", "waits" or nothing."""
    notebook: str
    """"shown", "asked" or nothing: whether they let the trainers look at one."""


@dataclass(frozen=True)
class ExerciseBar:
    """How many have passed and how many only tried an exercise."""

    id: str
    passed: int
    tried: int


@dataclass(frozen=True)
class Hand:
    """One that is up."""

    number: int
    name: str
    exercise: str
    minutes: int


@dataclass(frozen=True)
class Part:
    """A part of the timetable. Times are Unix seconds."""

    kind: str
    title: str
    """Empty for lessons and pauses."""
    lessons: tuple[str, ...]
    starts: float
    ends: float
    is_now: bool


@dataclass(frozen=True)
class RoomView:
    """The whole of it, as it is at one moment."""

    tiles: tuple[Tile, ...]
    counts: tuple[tuple[Stage, int], ...]
    bars: tuple[tuple[str, tuple[ExerciseBar, ...]], ...]
    """By lesson."""
    hands: tuple[Hand, ...]
    parts: tuple[Part, ...]
    minutes_left: int
    part_minutes_left: int | None
    holding: int
    waiting: int
    reserved: int
    announced: Announced
    learners: int
    nodes: tuple[str, ...]
    lends: bool


def room_view(
    one: Class, leases: Mapping[str, Collection[Lease]], known: Catalogue, language: str, now: float
) -> RoomView:
    """The room at `now`; `leases` are its learners' live ones."""
    exercises, members = one.exercises, sorted(one.members.values(), key=lambda member: member.number)
    places = {learner.user: place for place, learner in enumerate(one.room.hands(), 1)}
    tiles = tuple(
        _tile(member, one.room.learners.get(member.user), exercises, places, leases.get(member.user, ()), now)
        for member in members
    )
    counted = Counter(tile.stage for tile in tiles)
    parts = tuple(parts_of_day(one.workshop, known, language, now))
    current = next((part for part in parts if part.is_now), None)
    live = [lease for own in leases.values() for lease in own]
    gpus = one.workshop.gpus
    return RoomView(
        tiles=tiles,
        counts=tuple((stage, counted[stage]) for stage in STAGES),
        bars=tuple(_bars(one, known)),
        hands=tuple(_hand(one, learner, now) for learner in one.room.hands() if learner.user in one.members),
        parts=parts,
        minutes_left=max(0, round((one.workshop.window.end - now) / MINUTE)),
        part_minutes_left=max(0, round((current.ends - now) / MINUTE)) if current else None,
        holding=sum(not lease.is_waiting for lease in live),
        waiting=sum(lease.is_waiting for lease in live),
        reserved=gpus.count_for(one.workshop.seats) if gpus and not one.room.announced.is_paused else 0,
        announced=Announced(**vars(one.room.announced)),
        learners=len(members),
        nodes=one.nodes,
        lends=one.lends,
    )


def _tile(
    member: Member,
    learner: Learner | None,
    exercises: Collection[str],
    places: Mapping[str, int],
    leases: Collection[Lease],
    now: float,
) -> Tile:
    exercise, tries = _latest(learner)
    waits = any(lease.is_waiting for lease in leases)
    return Tile(
        number=member.number,
        name=member.name if member.shares_name else "",
        stage=stage_of(learner, exercises, now),
        exercise=exercise,
        tries=tries.tries if tries.passed is None else 0,
        passed=sum(_is_passed(learner, one) for one in exercises),
        hand=places.get(member.user, 0),
        gpu="waits" if waits else "has" if leases else "",
        notebook=_notebook(learner),
    )


def _notebook(learner: Learner | None) -> str:
    if learner is None or (learner.shown, learner.asked) == (None, None):
        return ""
    return "asked" if learner.shown is None else "shown"


def _latest(learner: Learner | None) -> tuple[str, Tries]:
    """The exercise that somebody tried last."""
    tried = learner.exercises.items() if learner else ()
    return max(tried, key=lambda pair: pair[1].last, default=("", Tries()))


def _is_passed(learner: Learner | None, exercise: str) -> bool:
    return learner is not None and (tries := learner.exercises.get(exercise)) is not None and tries.passed is not None


def _bars(one: Class, known: Catalogue) -> Iterator[tuple[str, tuple[ExerciseBar, ...]]]:
    learners = [learner for user, learner in one.room.learners.items() if user in one.members]
    for id in one.workshop.lessons:
        if id in known.lessons:
            yield id, tuple(_bar(exercise, learners) for exercise in known.lessons[id].exercises)


def _bar(exercise: str, learners: Collection[Learner]) -> ExerciseBar:
    tries = [learner.exercises[exercise] for learner in learners if exercise in learner.exercises]
    passed = sum(one.passed is not None for one in tries)
    return ExerciseBar(exercise, passed, len(tries) - passed)


def _hand(one: Class, learner: Learner, now: float) -> Hand:
    member = one.members[learner.user]
    name = member.name if member.shares_name else ""
    return Hand(member.number, name, learner.hand_exercise or "", int((now - (learner.hand or now)) // MINUTE))


def parts_of_day(workshop: Workshop, known: Catalogue, language: str, now: float) -> Iterator[Part]:
    """The timetable of the day, from the hour at which the workshop starts; without one, its lessons in order."""
    timetable = known.timetables.get(workshop.timetable or "")
    if timetable:
        # By the days and hours of the clock on the wall: a night in which it changes is not 24 hours long.
        start = workshop.starts.astimezone().replace(tzinfo=None)
        passed = (datetime.fromtimestamp(now).astimezone().date() - start.date()).days
        day = min(max(0, passed), len(timetable.days) - 1)
        blocks, at = timetable.days[day], (start + timedelta(days=day)).timestamp()
    else:
        lessons = (known.lessons[id] for id in workshop.lessons if id in known.lessons)
        blocks = tuple(Block("lessons", lesson.minutes, None, (lesson.id,)) for lesson in lessons)
        at = workshop.window.start
    for block in blocks:
        ends = at + block.minutes * MINUTE
        chosen = tuple(id for id in block.lessons if id in workshop.lessons) or block.lessons
        title = block.title.in_language(language) if block.title else ""
        yield Part(block.kind, title, chosen, at, ends, at <= now < ends)
        at = ends
