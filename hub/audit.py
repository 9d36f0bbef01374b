"""Who did what to the workbench, and when: one log for everything, never changed and never shortened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, String, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.db import Base

PAGE = 100
_CHUNK = 1000


class AuditRow(Base):
    """Something that somebody did."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    who: Mapped[str] = mapped_column(String(255))
    what: Mapped[str] = mapped_column(String(64))
    about: Mapped[str] = mapped_column(String(300), index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


@dataclass(frozen=True)
class Entry:
    """One act."""

    number: int
    at: datetime
    """UTC."""
    who: str
    """A user, `werkbank-cli` for the command line, `werkbank` for what happened by itself."""
    what: str
    """Noun and participle, such as `workshop.published`."""
    about: str
    """What it was done to, such as `workshop:gpus-for-beginners`."""
    detail: dict[str, Any]


class Audit:
    """Reads the log; whoever changes something writes its entry in the same transaction, with `note`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tell(self, who: str, what: str, about: str, **detail: Any) -> None:
        """An entry of its own, for what is not done in the service's database."""
        with Session(self._engine) as session, session.begin():
            note(session, who, what, about, **detail)

    def about(self, subject: str, at_most: int = 1000) -> list[Entry]:
        """What was done to one thing, oldest first."""
        asked = select(AuditRow).where(AuditRow.about == subject).order_by(AuditRow.number).limit(at_most)
        with Session(self._engine) as session:
            return [_entry(row) for row in session.scalars(asked)]

    def last(self, what: str, subjects: Sequence[str]) -> dict[str, Entry]:
        """Who last did this to each of some things, by the name behind the colon; only those it was ever done to."""
        found: dict[str, Entry] = {}
        with Session(self._engine) as session:
            for first in range(0, len(subjects), _CHUNK):
                some = AuditRow.about.in_(subjects[first : first + _CHUNK])
                asked = select(AuditRow).where(some, AuditRow.what == what).order_by(AuditRow.number)
                found |= {row.about.partition(":")[2]: _entry(row) for row in session.scalars(asked)}
        return found

    def latest(self, words: str = "", before: int | None = None) -> list[Entry]:
        """The latest `PAGE` entries in which every one of `words` occurs, newest first; older than number `before`."""
        asked = select(AuditRow).order_by(AuditRow.number.desc()).limit(PAGE)
        if before is not None:
            asked = asked.where(AuditRow.number < before)
        for word in words.lower().split()[:10]:
            columns = (AuditRow.who, AuditRow.what, AuditRow.about)
            asked = asked.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
        with Session(self._engine) as session:
            return [_entry(row) for row in session.scalars(asked)]

    def all(self) -> Iterator[Entry]:
        """Everything, oldest first, read piece by piece."""
        with Session(self._engine) as session:
            for row in session.scalars(select(AuditRow).order_by(AuditRow.number).execution_options(yield_per=_CHUNK)):
                yield _entry(row)


def note(session: Session, who: str, what: str, about: str, **detail: Any) -> None:
    """Write an entry with whatever else `session` writes: both or neither."""
    session.add(AuditRow(at=datetime.now(UTC), who=who, what=what, about=about, detail=detail))


def _entry(row: AuditRow) -> Entry:
    # SQLite forgets time zones; everything here is UTC.
    at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    return Entry(row.number, at, row.who, row.what, row.about, row.detail)
