"""Keeping an idle seat: a few times, for a while, never for ever."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import DateTime, Engine, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.db import Base
from hub.errors import Refusal
from hub.logs import get_logger
from hub.settings import Culling
from hub.words import later

log = get_logger("seats")


class Keep(Base):
    """How often one running seat was kept, and until when."""

    __tablename__ = "keeps"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    server: Mapped[str] = mapped_column(String(255), primary_key=True)
    started: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the seat started: a new seat of the same name begins with all its keeps."""
    count: Mapped[int]
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Keeps:
    """The record of kept seats."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, user: str, server: str, started: datetime) -> tuple[datetime | None, int]:
        """Until when the seat is kept (None: it never was) and how many keeps it used."""
        with Session(self._engine) as session:
            keep = session.get(Keep, (user, server))
            if keep is None or _utc(keep.started) != started:
                return None, 0
            return _utc(keep.until), keep.count

    def keep(self, user: str, server: str, started: datetime, culling: Culling, now: datetime) -> datetime:
        """Keep the seat for `culling.keep_for` from now. Raises Refusal when its keeps are used up."""
        with Session(self._engine) as session, session.begin():
            keep = session.get(Keep, (user, server), with_for_update=True)
            if keep is None or _utc(keep.started) != started:
                session.execute(delete(Keep).where(Keep.user == user, Keep.server == server))
                keep = Keep(user=user, server=server, started=started, count=0, until=now)
            if keep.count >= culling.keeps:
                raise Refusal(
                    later("You have kept this seat as often as it can be kept."), reason="keeps-used", status_code=409
                )
            keep.count += 1
            keep.until = now + timedelta(seconds=culling.keep_for)
            session.merge(keep)
            log.info("seat.kept", user=user, server=server, count=keep.count, until=keep.until.isoformat())
            return keep.until

    def reachable(self) -> bool:
        """Whether the database answers."""
        with Session(self._engine) as session:
            return session.execute(select(1)).scalar() == 1


def _utc(value: datetime) -> datetime:
    """SQLite forgets time zones; everything here is UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value
