"""The room of a workshop: who is there, how far they are, who needs somebody. Written down every few seconds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.exc import SQLAlchemyError

from hub.logs import get_logger
from hub.workshops.progress import Announced, Learner, Progress, Tries, rows_of

log = get_logger("workshops")

FLUSH_PERIOD = 3.0
PRESENT_SECONDS = 90.0
"""Seats report every half minute: after so long without a word somebody is away."""
WORKING_SECONDS = 180.0
STUCK_TRIES = 3
STUCK_SECONDS = 900.0
"""A third try that failed counts for so long: afterwards they did something else."""


class Stage(StrEnum):
    """How somebody is doing. A raised hand goes beside it."""

    ABSENT = "absent"
    """Was never here."""
    AWAY = "away"
    READING = "reading"
    WORKING = "working"
    STUCK = "stuck"
    DONE = "done"


@dataclass(frozen=True)
class Report:
    """What a seat tells of its learner. No cell and nothing that one prints is among it."""

    exercises: Mapping[str, Tries]
    lesson: str | None
    ran_ago: float | None
    """Seconds since a cell last ran; None for never."""
    is_busy: bool


def stage_of(learner: Learner | None, exercises: Collection[str], now: float) -> Stage:
    """How a learner is doing with the exercises of the workshop."""
    if learner is None or not learner.first:
        return Stage.ABSENT
    if exercises and all(_passed(learner, one) for one in exercises):
        return Stage.DONE
    if now - learner.last > PRESENT_SECONDS:
        return Stage.AWAY
    if any(_is_stuck(tries, now) for tries in learner.exercises.values()):
        return Stage.STUCK
    is_working = learner.is_busy or now - learner.ran < WORKING_SECONDS
    return Stage.WORKING if is_working else Stage.READING


def _passed(learner: Learner, exercise: str) -> bool:
    return (tries := learner.exercises.get(exercise)) is not None and tries.passed is not None


def _is_stuck(tries: Tries, now: float) -> bool:
    return tries.passed is None and tries.tries >= STUCK_TRIES and now - tries.last < STUCK_SECONDS


class Room:
    """One workshop's. Used on the event loop only."""

    def __init__(
        self, workshop: str, learners: dict[str, Learner], announced: Announced, tell: Callable[[str, str], None]
    ) -> None:
        """`tell` hears the workshop and whom a change concerns; nobody in particular: everybody in it."""
        self.workshop, self.learners, self.announced, self._tell = workshop, learners, announced, tell
        self._dirty: set[str] = set()
        self._is_dirty = False
        self._bells: set[asyncio.Event] = set()

    @contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever something changes here, until the block ends."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def report(self, user: str, told: Report, now: float) -> None:
        """Take in what a seat tells."""
        learner = self._learner(user)
        gap = now - learner.last
        if learner.first and gap <= PRESENT_SECONDS:
            learner.present_seconds += gap
        learner.first, learner.last = learner.first or now, now
        learner.lesson, learner.is_busy = told.lesson, told.is_busy
        learner.ran = now - told.ran_ago if told.ran_ago is not None else learner.ran
        for exercise, tries in told.exercises.items():
            known = learner.exercises.setdefault(exercise, Tries())
            known.tries, known.last = max(known.tries, tries.tries), max(known.last, tries.last)
            known.passed = known.passed or tries.passed
        self._changed(user)

    def raise_hand(self, user: str, exercise: str | None, now: float) -> None:
        """Somebody asks for help; a hand that is up stays where it is in the line."""
        learner = self._learner(user)
        learner.hand, learner.hand_exercise = learner.hand or now, exercise
        self._changed(user)

    def lower_hand(self, user: str) -> None:
        """Their question is answered."""
        learner = self._learner(user)
        learner.hand = learner.hand_exercise = None
        self._changed(user)

    def ask(self, user: str, now: float) -> None:
        """A trainer asks to see their notebook; who shows it already is not asked."""
        learner = self._learner(user)
        learner.asked = now if learner.shown is None else None
        self._changed(user)

    def show(self, user: str, server: str, now: float) -> None:
        """They let the trainers look at a notebook on one of their seats."""
        learner = self._learner(user)
        learner.shown, learner.shown_server = learner.shown or now, server
        learner.asked = learner.looked = None
        self._changed(user)

    def hide(self, user: str) -> None:
        """They do not, or not any more."""
        learner = self._learner(user)
        learner.shown = learner.shown_server = learner.looked = learner.asked = None
        self._changed(user)

    def looked(self, user: str, now: float) -> None:
        """A trainer goes to look."""
        self._learner(user).looked = now
        self._changed(user)

    def hands(self) -> list[Learner]:
        """Hands that are up, who was first first."""
        up = [learner for learner in self.learners.values() if learner.hand is not None]
        return sorted(up, key=lambda learner: (learner.hand or 0.0, learner.user))

    def say(self, text: str, who: str, now: float) -> None:
        """Tell everybody something; an empty text takes back what was said."""
        said = self.announced
        said.message, said.message_at, said.message_by = text, now, who
        said.message_number += 1
        self.rearrange()

    def give_fresh(self, lesson: str) -> None:
        """Everybody gets a fresh copy of a lesson beside their own."""
        self.announced.fresh_lesson = lesson
        self.announced.fresh_number += 1
        self.rearrange()

    def pause(self, is_paused: bool) -> None:
        """Lift the reservation for a while, or put it back."""
        self.announced.is_paused = is_paused
        self.rearrange()

    def rearrange(self) -> None:
        """Something changed for everybody."""
        self._is_dirty = True
        self.ring()
        self._tell(self.workshop, "")

    def ring(self) -> None:
        """Have everybody who looks look again."""
        for bell in self._bells:
            bell.set()

    @property
    def is_unwritten(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._dirty) or self._is_dirty

    def unwritten(self) -> tuple[list[Learner], bool]:
        """What changed since this was last asked."""
        learners = [self.learners[user] for user in sorted(self._dirty)]
        changed = bool(learners) or self._is_dirty
        self._dirty, self._is_dirty = set(), False
        return learners, changed

    def not_written(self, learners: Iterable[Learner]) -> None:
        """What was asked for by `unwritten` and could not be written."""
        self._dirty |= {learner.user for learner in learners}
        self._is_dirty = True

    def _learner(self, user: str) -> Learner:
        return self.learners.setdefault(user, Learner(user))

    def _changed(self, user: str) -> None:
        self._dirty.add(user)
        self.ring()
        self._tell(self.workshop, user)


class Rooms:
    """The rooms that somebody has used since the service began."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.listeners: list[Callable[[str, str], None]] = []
        """Hear of every change: which workshop, and which user; "" for everybody in it."""
        self._rooms: dict[str, Room] = {}
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Rooms"]:
        """Write what changes every few seconds, and all of it at the end."""
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write_for_ever(), name="workshops.rooms")
            try:
                yield self
            finally:
                writing.cancel()
                await asyncio.shield(self.write())

    async def of(self, workshop: str) -> Room:
        """The room of a workshop, read when it is first asked for."""
        async with self._turn:
            if workshop not in self._rooms:
                learners, announced = await asyncio.to_thread(self._progress.load, workshop)
                self._rooms[workshop] = Room(workshop, learners, announced, self._tell)
            return self._rooms[workshop]

    def _tell(self, workshop: str, user: str) -> None:
        for listener in self.listeners:
            listener(workshop, user)

    def keep_only(self, workshops: Collection[str]) -> None:
        """Let go of rooms of others that are written down: they are read again when somebody asks."""
        for id in self._rooms.keys() - set(workshops):
            if not self._rooms[id].is_unwritten:
                del self._rooms[id]

    async def forget(self, workshop: str) -> None:
        """Remove what is known of everybody in it."""
        async with self._turn:
            self._rooms.pop(workshop, None)
            await asyncio.to_thread(self._progress.forget, workshop)

    async def _write_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_PERIOD)
            await self.write()

    async def write(self) -> None:
        """Write what changed."""
        for room in list(self._rooms.values()):
            learners, changed = room.unwritten()
            if not changed:
                continue
            try:
                await asyncio.to_thread(self._progress.save, rows_of(room.workshop, learners, room.announced))
            except SQLAlchemyError as error:
                log.error("workshop.room-not-written", workshop=room.workshop, error=str(error))
                room.not_written(learners)
