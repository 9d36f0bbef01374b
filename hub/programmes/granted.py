"""Where allowances are kept: in the service's database, each with who granted it, why and until when.

An allowance is never changed: it is granted, and it ends, by its time or because an admin takes it back.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Boolean, Engine, Float, Integer, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.audit import note
from hub.db import Base
from hub.leases.allowances import Allowance, Kind

ITSELF = "werkbank"
"""Who ends what ends by its time."""
MOST_PAST = 50


class AllowanceRow(Base):
    """An allowance, and whether it is over."""

    __tablename__ = "allowances"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(9))
    name: Mapped[str] = mapped_column(String(255))
    hours: Mapped[float] = mapped_column(Float)
    devices: Mapped[int] = mapped_column(Integer)
    start: Mapped[float] = mapped_column(Float)
    end: Mapped[float] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(String(300))
    by: Mapped[str] = mapped_column(String(255))
    is_over: Mapped[bool] = mapped_column(Boolean, index=True)


class Granted:
    """Reads and writes. Blocking: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def grant(self, allowance: Allowance) -> Allowance:
        """Keep a new one, with its entry in the log; the same with the id that it got."""
        with Session(self._engine) as session, session.begin():
            row = AllowanceRow(**{name: getattr(allowance, name) for name in _FIELDS}, is_over=False)
            session.add(row)
            session.flush()
            facts = {"hours": row.hours, "gpus": row.devices, "until": _written(row.end), "reason": row.reason}
            note(session, row.by, "exception.granted", _about(row), id=row.id, **facts)
            return _allowance(row)

    def take_back(self, id: int, who: str, now: float) -> Allowance | None:
        """End one before its time; None when there is none, or it is over already."""
        with Session(self._engine) as session, session.begin():
            row = session.get(AllowanceRow, id, with_for_update=True)
            if row is None or row.is_over:
                return None
            row.is_over, row.end = True, min(row.end, now)
            note(session, who, "exception.taken-back", _about(row), id=row.id)
            return _allowance(row)

    def live(self, now: float) -> tuple[Allowance, ...]:
        """Those that hold at `now` (Unix seconds), the first granted first; those whose end has come are ended."""
        with Session(self._engine) as session, session.begin():
            rows = list(session.scalars(_not_over()))
            for row in (row for row in rows if row.end <= now):
                row.is_over = True
                note(session, ITSELF, "exception.ended", _about(row), id=row.id)
            return tuple(_allowance(row) for row in rows if not row.is_over)

    def past(self, programme: str, users: Iterable[str] = ()) -> list[Allowance]:
        """What a programme and these users were allowed once, the latest first."""
        of_users = (AllowanceRow.kind == "user") & AllowanceRow.name.in_(sorted(users))
        of_programme = (AllowanceRow.kind == "programme") & (AllowanceRow.name == programme)
        asked = select(AllowanceRow).where(AllowanceRow.is_over, of_programme | of_users)
        with Session(self._engine) as session:
            rows = session.scalars(asked.order_by(AllowanceRow.end.desc(), AllowanceRow.id.desc()).limit(MOST_PAST))
            return [_allowance(row) for row in rows]


_FIELDS = ("kind", "name", "hours", "devices", "start", "end", "reason", "by")


def _not_over() -> Select[AllowanceRow]:
    return select(AllowanceRow).where(~AllowanceRow.is_over).order_by(AllowanceRow.id)


def _allowance(row: AllowanceRow) -> Allowance:
    kind: Kind = "programme" if row.kind == "programme" else "user"
    rest = {name: getattr(row, name) for name in _FIELDS if name != "kind"}
    return Allowance(id=row.id, kind=kind, **rest)


def _about(row: AllowanceRow) -> str:
    return f"{row.kind}:{row.name}"


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="minutes")
