"""The workshops of a facility, and who did what to them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Engine, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.audit import Audit, Entry, note
from hub.db import Base
from hub.logs import get_logger
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.model import Workshop
from hub.workshops.people import How, MemberRow, new_code
from hub.workshops.progress import ExerciseRow, PresenceRow, RoomRow

log = get_logger("workshops")


class WorkshopRow(Base):
    """One workshop as it stands."""

    __tablename__ = "workshops"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The workshop as declared."""
    version: Mapped[int]
    """Grows with every change, so that two who edit at once notice."""
    code: Mapped[str] = mapped_column(String(16), unique=True)
    """What people join with; made here, so that a copy for the next time has another one."""


class Changed(Exception):
    """Somebody else changed the workshop meanwhile; nothing was written."""


@dataclass(frozen=True)
class Kept:
    """A workshop with its state and version."""

    workshop: Workshop
    state: WorkshopState
    version: int
    code: str
    """What people join with."""

    @property
    def written_code(self) -> str:
        """The code as it is shown and read aloud: two groups of capitals."""
        return f"{self.code[:4]}-{self.code[4:]}".upper()


class Workshops:
    """Reads and writes workshops; every change is one transaction with its entry in the log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Kept]:
        """Every workshop that can be read, by its start."""
        return sorted(self._read()[0], key=lambda kept: (kept.workshop.starts, kept.workshop.id))

    def count_by_state(self) -> dict[str, int]:
        """How many workshops there are in each state; those that cannot be read are counted too."""
        with Session(self._engine) as session:
            counted = session.execute(select(WorkshopRow.state, func.count()).group_by(WorkshopRow.state))
            return dict(counted.tuples().all())

    def ids(self) -> set[str]:
        """Names that are taken, also by records that cannot be read."""
        with Session(self._engine) as session:
            return set(session.scalars(select(WorkshopRow.id)))

    def people(self, workshop: Workshop) -> frozenset[str]:
        """Users for whom something is kept: those named in it, and those who joined."""
        real = MemberRow.workshop == workshop.id, MemberRow.how != How.REHEARSAL
        with Session(self._engine) as session:
            return workshop.people | set(session.scalars(select(MemberRow.user).where(*real)))

    def unreadable(self) -> set[str]:
        """The ids of records that this version cannot read, as after a step back to an older one."""
        return self._read()[1]

    def _read(self) -> tuple[list[Kept], set[str]]:
        with Session(self._engine) as session:
            found = {row.id: readable(row) for row in session.scalars(select(WorkshopRow))}
        return [kept for kept in found.values() if kept], {id for id, kept in found.items() if kept is None}

    def of(self, id: str) -> Kept | None:
        """The workshop called `id`; None where there is none that can be read."""
        with Session(self._engine) as session:
            row = session.get(WorkshopRow, id)
            return readable(row) if row else None

    def events(self, id: str) -> list[Entry]:
        """What happened to a workshop, oldest first; also to one that was removed."""
        return Audit(self._engine).about(_about(id))

    def by_code(self, code: str) -> Kept | None:
        """The workshop that people join with `code`."""
        with Session(self._engine) as session:
            row = session.scalar(select(WorkshopRow).where(WorkshopRow.code == code)) if code else None
            return readable(row) if row else None

    def put(self, workshop: Workshop, who: str, version: int) -> Kept:
        """Write a draft: a new one with `version` 0, otherwise over the version that was read. Raises Changed."""
        with Session(self._engine) as session, session.begin():
            row = session.get(WorkshopRow, workshop.id, with_for_update=True)
            if version != (row.version if row else 0):
                raise Changed
            if row is None:
                row = WorkshopRow(id=workshop.id, state=WorkshopState.DRAFT, version=0, code=new_code())
                session.add(row)
            row.record, row.version = workshop.model_dump(mode="json"), row.version + 1
            note(session, who, "workshop.written", _about(workshop.id), version=row.version)
            return _kept(row)

    def move(self, kept: Kept, state: WorkshopState, who: str, what: str) -> Kept:
        """Write its new state. Raises Changed when it is no longer as it was read."""
        with Session(self._engine) as session, session.begin():
            row = session.get(WorkshopRow, kept.workshop.id, with_for_update=True)
            if row is None or row.version != kept.version:
                raise Changed
            row.state, row.version = state, row.version + 1
            note(session, who, f"workshop.{what}", _about(row.id), version=row.version)
            return _kept(row)

    def rewrite(self, kept: Kept, workshop: Workshop, who: str, what: str) -> Kept:
        """Write a workshop over itself, in whatever state. Raises Changed when it is no longer as it was read."""
        with Session(self._engine) as session, session.begin():
            row = session.get(WorkshopRow, kept.workshop.id, with_for_update=True)
            if row is None or row.version != kept.version:
                raise Changed
            row.record, row.version = workshop.model_dump(mode="json"), row.version + 1
            note(session, who, f"workshop.{what}", _about(row.id), version=row.version)
            return _kept(row)

    def forget_roster(self, id: str) -> None:
        """Remove the class list of a workshop that is over."""
        with Session(self._engine) as session, session.begin():
            if row := session.get(WorkshopRow, id, with_for_update=True):
                row.record = {**row.record, "roster": []}

    def remove(self, kept: Kept, who: str) -> None:
        """Forget a workshop; its log stays. Raises Changed when it is no longer as it was read."""
        with Session(self._engine) as session, session.begin():
            mine = WorkshopRow.id == kept.workshop.id, WorkshopRow.version == kept.version
            if session.execute(delete(WorkshopRow).where(*mine)).rowcount != 1:  # type: ignore[attr-defined]
                raise Changed
            for table in (MemberRow, ExerciseRow, PresenceRow, RoomRow):
                session.execute(delete(table).where(table.workshop == kept.workshop.id))
            note(session, who, "workshop.removed", _about(kept.workshop.id))


def readable(row: WorkshopRow) -> Kept | None:
    """The workshop of a row; None, and a word in the log, where this version cannot read it."""
    try:
        return _kept(row)
    except ValueError as problem:
        log.error("workshop.unreadable", workshop=row.id, problem=str(problem))
        return None


def _kept(row: WorkshopRow) -> Kept:
    return Kept(Workshop.model_validate(row.record), WorkshopState(row.state), row.version, row.code)


def _about(id: str) -> str:
    """A workshop in the audit log."""
    return f"workshop:{id}"
