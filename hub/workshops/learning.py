"""What a learner's seat hears of their workshops, and what it tells: for the extension in JupyterLab."""

import time
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from hub.leases.listening import LOOK_PERIOD
from hub.leases.routes import language_of
from hub.settings.types import Name
from hub.web.auth import ApiPerson, RecentPerson
from hub.web.hub_api import Person
from hub.web.problems import WITH_A_BODY, Problem, answers
from hub.words import later
from hub.workshops.classroom import Class, Classroom
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.looking import Looking
from hub.workshops.progress import Learner, Tries
from hub.workshops.room import Report

api = APIRouter(prefix="/api/v1/me/workshops", tags=["workshops"])

WorkshopId = Annotated[Name, Path()]
ExerciseId = Annotated[str, Field(pattern=r"^[A-Z]\d{1,3}-\d{1,3}$")]
MOST_EXERCISES = 500


class HandView(BaseModel):
    """The learner's raised hand."""

    since: float
    exercise: str | None
    place: int
    """1 for whoever is helped next."""


class MessageView(BaseModel):
    """What the trainer said to everybody, last."""

    number: int
    text: str
    at: float
    by: str


class FreshView(BaseModel):
    """A lesson of which the trainer gave everybody a fresh copy; a higher number is another one."""

    number: int
    lesson: str


class ShownView(BaseModel):
    """The learner lets the trainers look at a notebook."""

    since: float
    server: str
    """On which of their seats; "" is the default one."""
    looked: float | None
    """When a trainer last went to look; None for not yet."""


class MyWorkshop(BaseModel):
    """A workshop that is on, as one of its learners sees it. Times are Unix seconds."""

    id: str
    title: str
    state: Literal["warm", "live"]
    starts: float
    ends: float
    lessons: list[str]
    number: int
    """What the trainer sees instead of a name."""
    shows_name: bool
    hand: HandView | None
    message: MessageView | None
    fresh: FreshView | None
    shown: ShownView | None
    asked: float | None
    """Since when a trainer asks to see my notebook."""
    gpus_paused: bool
    """The trainer has lifted the reservation for a while."""


class MyWorkshops(BaseModel):
    """All of a learner's that are on."""

    workshops: list[MyWorkshop]


class ExerciseReport(BaseModel):
    """One exercise."""

    model_config = ConfigDict(extra="forbid")

    tries: int = Field(ge=0, le=100_000)
    last: float = Field(ge=0, le=1e11, description="When it was last tried, in Unix seconds.")
    passed: float | None = Field(default=None, ge=0, le=1e11, description="When it was first passed.")


class ProgressReport(BaseModel):
    """How far a learner is. There is no place in it for what they wrote."""

    model_config = ConfigDict(extra="forbid")

    exercises: dict[ExerciseId, ExerciseReport] = Field(default={}, max_length=MOST_EXERCISES)
    lesson: str | None = Field(default=None, pattern=r"^[A-Z]\d{1,3}$")
    ran_ago: float | None = Field(default=None, ge=0, le=1e9, description="Seconds since a cell last ran.")
    busy: bool = False


class HandWish(BaseModel):
    """Raise or lower the hand."""

    model_config = ConfigDict(extra="forbid")

    raised: bool
    exercise: ExerciseId | None = None


class ShownWish(BaseModel):
    """Let the trainers look at a notebook, or not any more. Which one, the seat knows and does not tell."""

    model_config = ConfigDict(extra="forbid")

    shown: bool
    server: str = Field(default="", max_length=255, description="Which of my seats; empty for the default one.")


class NameWish(BaseModel):
    """Show the trainer one's name, or a number."""

    model_config = ConfigDict(extra="forbid")

    shown: bool


async def classroom_of(request: Request) -> Classroom:
    classroom: Classroom = request.app.state.classroom
    return classroom


async def _looking(request: Request) -> Looking:
    looking: Looking = request.app.state.looking
    return looking


InClass = Annotated[Classroom, Depends(classroom_of)]
Looks = Annotated[Looking, Depends(_looking)]


@api.get("", responses=answers(401, 503))
async def mine(request: Request, person: ApiPerson, classroom: InClass) -> MyWorkshops:
    """The workshops that are on and in which I learn."""
    return my_workshops(classroom, person.name, language_of(request))


@api.put("/{id}/progress", status_code=204, responses=answers(401, 404, 503, *WITH_A_BODY))
async def progress(person: RecentPerson, classroom: InClass, id: WorkshopId, told: ProgressReport) -> None:
    """Tell how far I am; only what belongs to the workshop's lessons is kept."""
    found = _found(classroom, person.name, id)
    known = set(found.exercises)
    exercises = {name: _tries(one) for name, one in told.exercises.items() if name in known}
    lesson = told.lesson if told.lesson in found.workshop.lessons else None
    found.room.report(person.name, Report(exercises, lesson, told.ran_ago, told.busy), time.time())


@api.post("/{id}/hand", responses=answers(401, 404, 503, *WITH_A_BODY))
async def hand(request: Request, person: ApiPerson, classroom: InClass, id: WorkshopId, wish: HandWish) -> MyWorkshop:
    """Raise my hand, or lower it."""
    found = _found(classroom, person.name, id)
    if wish.raised:
        exercise = wish.exercise if wish.exercise in found.exercises else None
        found.room.raise_hand(person.name, exercise, time.time())
    else:
        found.room.lower_hand(person.name)
    return _view(found, person.name, language_of(request))


@api.post("/{id}/shown", responses=answers(401, 404, 503, *WITH_A_BODY))
async def shown(
    request: Request, person: ApiPerson, classroom: InClass, looking: Looks, id: WorkshopId, wish: ShownWish
) -> MyWorkshop:
    """Let the trainers look at a notebook of mine, or not any more; also the answer when one asks."""
    found = _found(classroom, person.name, id)
    if wish.shown:
        _require_seat(person, wish.server)
        await looking.show(found, person.name, wish.server)
    else:
        await looking.hide(found, person.name)
    return _view(found, person.name, language_of(request))


@api.post("/{id}/name", responses=answers(401, 404, 503, *WITH_A_BODY))
async def name(request: Request, person: ApiPerson, classroom: InClass, id: WorkshopId, wish: NameWish) -> MyWorkshop:
    """Show the trainer my name from now on, or a number again."""
    _found(classroom, person.name, id)
    await classroom.show_name(id, person.name, wish.shown)
    return _view(_found(classroom, person.name, id), person.name, language_of(request))


class WorkshopNews:
    """One listener's: tells of their workshops when something about them changed."""

    def __init__(self, classroom: Classroom, user: str, language: str) -> None:
        self._classroom, self._user, self._language = classroom, user, language
        self._told = ""

    def news(self) -> BaseModel | None:
        """What is to be told now, if anything."""
        view = my_workshops(self._classroom, self._user, self._language)
        told, self._told = self._told, view.model_dump_json()
        return view if told != self._told else None

    def seconds_left(self) -> float:
        """How long the next look has time, unless the bell rings."""
        return LOOK_PERIOD


def my_workshops(classroom: Classroom, user: str, language: str) -> MyWorkshops:
    """The classes in which `user` learns, by their start."""
    classes = sorted(classroom.of(user), key=lambda one: (one.workshop.starts, one.workshop.id))
    return MyWorkshops(workshops=[_view(one, user, language) for one in classes])


def _found(classroom: Classroom, user: str, id: str) -> Class:
    """The class. Raises Problem 404, the same for one that is not on as for one of others."""
    found = next((one for one in classroom.of(user) if one.workshop.id == id), None)
    if found is None:
        sentence = later("You are in no workshop of this name that is on.")
        raise Problem(404, "no-such-workshop", sentence, later("Open the link of the workshop once more."))
    return found


def _require_seat(person: Person, server: str) -> None:
    """Raises Problem 404 for a seat that they do not have now."""
    if server not in {seat.server for seat in person.seats}:
        sentence = later("You have no seat {server} now.")
        raise Problem(404, "no-such-seat", sentence, "", {"server": server or "-"})


def _view(one: Class, user: str, language: str) -> MyWorkshop:
    workshop, said, member = one.workshop, one.room.announced, one.members[user]
    places: Mapping[str, int] = {learner.user: place for place, learner in enumerate(one.room.hands(), 1)}
    learner = one.room.learners.get(user)
    up = learner if learner is not None and learner.hand is not None else None
    return MyWorkshop(
        id=workshop.id,
        title=workshop.title.in_language(language),
        state="live" if one.kept.state is WorkshopState.LIVE else "warm",
        starts=workshop.window.start,
        ends=workshop.window.end,
        lessons=list(workshop.lessons),
        number=member.number,
        shows_name=member.shares_name,
        hand=HandView(since=up.hand or 0, exercise=up.hand_exercise, place=places[user]) if up else None,
        message=_message(one) if said.message else None,
        fresh=FreshView(number=said.fresh_number, lesson=said.fresh_lesson) if said.fresh_number else None,
        shown=_shown(learner),
        asked=learner.asked if learner else None,
        gpus_paused=said.is_paused,
    )


def _shown(learner: Learner | None) -> ShownView | None:
    if learner is None or learner.shown is None:
        return None
    return ShownView(since=learner.shown, server=learner.shown_server or "", looked=learner.looked)


def _message(one: Class) -> MessageView:
    said = one.room.announced
    return MessageView(number=said.message_number, text=said.message, at=said.message_at, by=said.message_by)


def _tries(report: ExerciseReport) -> Tries:
    return Tries(report.tries, report.last, report.passed)
