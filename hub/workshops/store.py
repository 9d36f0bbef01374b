"""The workshops of a facility, and who did what to them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.db import Base
from hub.logs import get_logger
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.model import Workshop

log = get_logger("workshops")

MOST_EVENTS = 1000


class WorkshopRow(Base):
    """One workshop as it stands."""

    __tablename__ = "workshops"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The workshop as declared."""
    version: Mapped[int]
    """Grows with every change, so that two who edit at once notice."""


class WorkshopEvent(Base):
    """Something that somebody did to a workshop. Never changed and never removed."""

    __tablename__ = "workshop_events"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    workshop: Mapped[str] = mapped_column(String(32), index=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    who: Mapped[str] = mapped_column(String(255))
    what: Mapped[str] = mapped_column(String(32))


class Changed(Exception):
    """Somebody else changed the workshop meanwhile; nothing was written."""


@dataclass(frozen=True)
class Kept:
    """A workshop with its state and version."""

    workshop: Workshop
    state: WorkshopState
    version: int


@dataclass(frozen=True)
class Event:
    """Who did what, and when."""

    at: datetime
    who: str
    what: str


class Workshops:
    """Reads and writes workshops; every change is one transaction with its entry in the log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Kept]:
        """Every workshop that can be read, by its start."""
        return sorted(self._read()[0], key=lambda kept: (kept.workshop.starts, kept.workshop.id))

    def unreadable(self) -> set[str]:
        """The ids of records that this version cannot read, as after a step back to an older one."""
        return self._read()[1]

    def _read(self) -> tuple[list[Kept], set[str]]:
        with Session(self._engine) as session:
            found = {row.id: _readable(row) for row in session.scalars(select(WorkshopRow))}
        return [kept for kept in found.values() if kept], {id for id, kept in found.items() if kept is None}

    def of(self, id: str) -> Kept | None:
        """The workshop called `id`; None where there is none that can be read."""
        with Session(self._engine) as session:
            row = session.get(WorkshopRow, id)
            return _readable(row) if row else None

    def events(self, id: str) -> list[Event]:
        """What happened to a workshop, oldest first."""
        asked = select(WorkshopEvent).where(WorkshopEvent.workshop == id).order_by(WorkshopEvent.number)
        with Session(self._engine) as session:
            return [Event(_utc(row.at), row.who, row.what) for row in session.scalars(asked.limit(MOST_EVENTS))]

    def put(self, workshop: Workshop, who: str, version: int) -> Kept:
        """Write a draft: a new one with `version` 0, otherwise over the version that was read. Raises Changed."""
        with Session(self._engine) as session, session.begin():
            row = session.get(WorkshopRow, workshop.id, with_for_update=True)
            if version != (row.version if row else 0):
                raise Changed
            if row is None:
                row = WorkshopRow(id=workshop.id, state=WorkshopState.DRAFT, version=0)
                session.add(row)
            row.record, row.version = workshop.model_dump(mode="json"), row.version + 1
            session.add(_event(workshop.id, who, "written"))
            return _kept(row)

    def move(self, kept: Kept, state: WorkshopState, who: str, what: str) -> Kept:
        """Write its new state. Raises Changed when it is no longer as it was read."""
        with Session(self._engine) as session, session.begin():
            row = session.get(WorkshopRow, kept.workshop.id, with_for_update=True)
            if row is None or row.version != kept.version:
                raise Changed
            row.state, row.version = state, row.version + 1
            session.add(_event(row.id, who, what))
            return _kept(row)

    def remove(self, kept: Kept, who: str) -> None:
        """Forget a workshop; its log stays. Raises Changed when it is no longer as it was read."""
        with Session(self._engine) as session, session.begin():
            mine = WorkshopRow.id == kept.workshop.id, WorkshopRow.version == kept.version
            if session.execute(delete(WorkshopRow).where(*mine)).rowcount != 1:  # type: ignore[attr-defined]
                raise Changed
            session.add(_event(kept.workshop.id, who, "removed"))


def _readable(row: WorkshopRow) -> Kept | None:
    try:
        return _kept(row)
    except ValueError as problem:
        log.error("workshop.unreadable", workshop=row.id, problem=str(problem))
        return None


def _kept(row: WorkshopRow) -> Kept:
    return Kept(Workshop.model_validate(row.record), WorkshopState(row.state), row.version)


def _event(workshop: str, who: str, what: str) -> WorkshopEvent:
    return WorkshopEvent(workshop=workshop, at=datetime.now(UTC), who=who, what=what)


def _utc(value: datetime) -> datetime:
    """SQLite forgets time zones; everything here is UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value
