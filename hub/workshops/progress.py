"""How far learners are and what was said in a workshop, on disk: so that a restart of the service loses none of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from sqlalchemy import Boolean, Engine, Float, Integer, String, Table, Text, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.db import Base, upsert_rows


class ExerciseRow(Base):
    """One learner's tries at one exercise in one workshop."""

    __tablename__ = "workshop_exercises"

    workshop: Mapped[str] = mapped_column(String(32), primary_key=True)
    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    exercise: Mapped[str] = mapped_column(String(16), primary_key=True)
    tries: Mapped[int] = mapped_column(Integer)
    last: Mapped[float] = mapped_column(Float)
    """When it was last tried, in Unix seconds."""
    passed: Mapped[float | None] = mapped_column(Float)
    """When it was first passed."""


class PresenceRow(Base):
    """One learner's presence in one workshop, the hand that they raise and whether they show a notebook."""

    __tablename__ = "workshop_presence"

    workshop: Mapped[str] = mapped_column(String(32), primary_key=True)
    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    first: Mapped[float] = mapped_column(Float)
    last: Mapped[float] = mapped_column(Float)
    present_seconds: Mapped[float] = mapped_column(Float)
    hand: Mapped[float | None] = mapped_column(Float)
    hand_exercise: Mapped[str | None] = mapped_column(String(16))
    shown: Mapped[float | None] = mapped_column(Float, index=True)
    """Since when the trainers may look at a notebook of theirs."""
    shown_server: Mapped[str | None] = mapped_column(String(255))


class RoomRow(Base):
    """What the trainer said and did for everybody."""

    __tablename__ = "workshop_rooms"

    workshop: Mapped[str] = mapped_column(String(32), primary_key=True)
    message: Mapped[str] = mapped_column(Text)
    message_number: Mapped[int] = mapped_column(Integer)
    message_at: Mapped[float] = mapped_column(Float)
    message_by: Mapped[str] = mapped_column(String(255))
    is_paused: Mapped[bool] = mapped_column(Boolean)
    fresh_lesson: Mapped[str] = mapped_column(String(16))
    fresh_number: Mapped[int] = mapped_column(Integer)


@dataclass
class Tries:
    """A learner and an exercise."""

    tries: int = 0
    last: float = 0.0
    passed: float | None = None


@dataclass
class Learner:
    """What is known of one learner. Times are Unix seconds."""

    user: str
    first: float = 0.0
    """When they were first seen; 0 for never."""
    last: float = 0.0
    present_seconds: float = 0.0
    hand: float | None = None
    """Since when the hand is up."""
    hand_exercise: str | None = None
    shown: float | None = None
    """Since when the trainers may look at a notebook of theirs."""
    shown_server: str | None = None
    """On which seat; "" is the default one."""
    looked: float | None = None
    """When a trainer last went to look; not kept over restarts, nor is the next."""
    asked: float | None = None
    """Since when a trainer asks to see their notebook."""
    exercises: dict[str, Tries] = field(default_factory=dict)
    lesson: str | None = None
    """The lesson in front of them; not kept over restarts."""
    ran: float = 0.0
    """When a cell last ran; not kept over restarts."""
    is_busy: bool = False


@dataclass
class Announced:
    """What the trainer said and did for everybody."""

    message: str = ""
    message_number: int = 0
    message_at: float = 0.0
    message_by: str = ""
    is_paused: bool = False
    """The reservation is lifted for a while, so that others get its GPUs."""
    fresh_lesson: str = ""
    fresh_number: int = 0
    """Grows when everybody gets a fresh copy of `fresh_lesson`."""


class Rows(NamedTuple):
    """What is to be written of a room, as it was at one moment: the room itself goes on meanwhile."""

    announced: list[dict[str, Any]]
    presence: list[dict[str, Any]]
    exercises: list[dict[str, Any]]


class Progress:
    """Reads and writes rooms."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, workshop: str) -> tuple[dict[str, Learner], Announced]:
        """A room as it was last written."""
        learners: dict[str, Learner] = {}
        with Session(self._engine) as session:
            for row in session.scalars(select(PresenceRow).where(PresenceRow.workshop == workshop)):
                learners[row.user] = Learner(row.user, **{name: getattr(row, name) for name in _PRESENCE})
            for tries in session.scalars(select(ExerciseRow).where(ExerciseRow.workshop == workshop)):
                learner = learners.setdefault(tries.user, Learner(tries.user))
                learner.exercises[tries.exercise] = Tries(tries.tries, tries.last, tries.passed)
            room = session.get(RoomRow, workshop)
            announced = Announced() if room is None else Announced(**{name: getattr(room, name) for name in _SAID})
        return learners, announced

    def save(self, rows: Rows) -> None:
        """Write what is known of some of a room's learners, and what was announced."""
        with self._engine.begin() as connection:
            upsert_rows(connection, _table(RoomRow), rows.announced)
            upsert_rows(connection, _table(PresenceRow), rows.presence)
            upsert_rows(connection, _table(ExerciseRow), rows.exercises)

    def shown(self) -> list[tuple[str, str]]:
        """Workshop and user of everybody who shows a notebook."""
        asked = select(PresenceRow.workshop, PresenceRow.user).where(PresenceRow.shown.is_not(None))
        with Session(self._engine) as session:
            return [(workshop, user) for workshop, user in session.execute(asked)]

    def hide(self, workshop: str, user: str) -> None:
        """They show none any more."""
        whose = (PresenceRow.workshop == workshop) & (PresenceRow.user == user)
        with Session(self._engine) as session, session.begin():
            session.execute(update(PresenceRow).where(whose).values(shown=None, shown_server=None))

    def forget(self, workshop: str) -> None:
        """Remove all of it."""
        with Session(self._engine) as session, session.begin():
            for table in (ExerciseRow, PresenceRow, RoomRow):
                session.execute(delete(table).where(table.workshop == workshop))


_SAID = tuple(Announced.__dataclass_fields__)
_PRESENCE = ("first", "last", "present_seconds", "hand", "hand_exercise", "shown", "shown_server")


def rows_of(workshop: str, learners: Iterable[Learner], announced: Announced) -> Rows:
    """These learners and what was announced, as they are now."""
    rows = Rows([{"workshop": workshop, **vars(announced)}], [], [])
    for learner in learners:
        whose = {"workshop": workshop, "user": learner.user}
        rows.presence.append(whose | {name: getattr(learner, name) for name in _PRESENCE})
        rows.exercises.extend(whose | {"exercise": id, **vars(one)} for id, one in learner.exercises.items())
    return rows


def _table(rows: type[Base]) -> Table:
    return cast("Table", rows.__table__)
