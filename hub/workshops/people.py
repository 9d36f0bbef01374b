"""Who takes part in a workshop: signed up by name, from the class list, by the code, or with a temporary account."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Boolean, DateTime, Engine, Integer, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.audit import note
from hub.db import Base
from hub.workshops.model import Listed, Workshop

GUEST = "guest-"
"""Names of temporary accounts begin so, and no others."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another when read from a screen."""


class How(StrEnum):
    """How somebody came to take part."""

    NAMED = "named"
    """By user name in the workshop itself."""
    ROSTER = "roster"
    """By their own link from the class list."""
    CODE = "code"
    """With an account, by the code."""
    TEMPORARY = "temporary"
    """With a temporary account, by the code or by their own link."""
    REHEARSAL = "rehearsal"
    """Nobody: an account of a dress rehearsal."""


class MemberRow(Base):
    """One learner of one workshop."""

    __tablename__ = "workshop_members"

    workshop: Mapped[str] = mapped_column(String(32), primary_key=True)
    user: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)
    number: Mapped[int] = mapped_column(Integer)
    """What the trainer sees instead of a name."""
    how: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    """What they call themselves, or the class list does; the trainer sees it only if `shares_name`."""
    email: Mapped[str] = mapped_column(String(254))
    """Their line of the class list; "" for who is on none."""
    shares_name: Mapped[bool] = mapped_column(Boolean)
    joined: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When they read what the trainer sees, and agreed."""
    key: Mapped[str] = mapped_column(String(64))
    """Hash of what a temporary account comes back with; "" for others."""


@dataclass(frozen=True)
class Member:
    """A learner of a workshop."""

    workshop: str
    user: str
    number: int
    how: How
    name: str
    email: str
    shares_name: bool
    joined: datetime

    @property
    def is_temporary(self) -> bool:
        """Whether their account exists for this workshop alone."""
        return self.how in (How.TEMPORARY, How.REHEARSAL)


@dataclass(frozen=True)
class Places:
    """How many places a workshop has for learners, and who has them."""

    learners: int
    """Seats without those of trainers."""
    kept: int
    """For people who are named in it or on its class list."""
    by_code: int
    """Taken by people who joined with the code."""
    code_limit: int
    """That may be taken so."""

    @property
    def left(self) -> int:
        """Places that can still be taken with the code."""
        return max(0, self.code_limit - self.by_code)


class Members:
    """Reads and writes who takes part."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_workshop(self, workshop: str) -> list[Member]:
        """By number; nobody who does not exist."""
        real = MemberRow.workshop == workshop, MemberRow.how != How.REHEARSAL
        asked = select(MemberRow).where(*real).order_by(MemberRow.number)
        with Session(self._engine) as session:
            return [_member(row) for row in session.scalars(asked)]

    def of_user(self, user: str) -> list[Member]:
        """In whichever workshop."""
        with Session(self._engine) as session:
            return [_member(row) for row in session.scalars(select(MemberRow).where(MemberRow.user == user))]

    def enrol(
        self, workshop: str, user: str, how: How, name: str, email: str, shares_name: bool, key: str = ""
    ) -> Member:
        """Let somebody take part; who does already changes what they said of themselves and keeps their number."""
        with Session(self._engine) as session, session.begin():
            row = session.get(MemberRow, (workshop, user))
            if row is None:
                most = session.scalar(select(func.max(MemberRow.number)).where(MemberRow.workshop == workshop))
                row = MemberRow(
                    workshop=workshop, user=user, number=(most or 0) + 1, how=how, email=email, key=_hash(key)
                )
                row.joined = datetime.now(UTC)
                session.add(row)
                note(session, user, "workshop.joined", f"workshop:{workshop}", how=str(how))
            row.name, row.shares_name = name[:200], shares_name
            session.flush()
            return _member(row)

    def rehearsing(self) -> list[Member]:
        """Accounts of dress rehearsals, of whichever workshop."""
        with Session(self._engine) as session:
            return [_member(row) for row in session.scalars(select(MemberRow).where(MemberRow.how == How.REHEARSAL))]

    def add_extras(self, workshop: str, users: list[str]) -> None:
        """Let accounts of a dress rehearsal take part."""
        with Session(self._engine) as session, session.begin():
            for number, user in enumerate(users, 1):
                row = MemberRow(workshop=workshop, user=user, number=-number, how=How.REHEARSAL, name="", email="")
                row.shares_name, row.joined, row.key = False, datetime.now(UTC), ""
                session.add(row)

    def leave(self, workshop: str, user: str) -> None:
        """Take somebody out."""
        mine = MemberRow.workshop == workshop, MemberRow.user == user
        with Session(self._engine) as session, session.begin():
            session.execute(delete(MemberRow).where(*mine))

    def show_name(self, workshop: str, user: str, is_shown: bool) -> None:
        """Show the trainer somebody's name, or not."""
        with Session(self._engine) as session, session.begin():
            if row := session.get(MemberRow, (workshop, user)):
                row.shares_name = is_shown

    def back(self, workshop: str, key: str) -> Member | None:
        """The temporary account that comes back with `key`."""
        asked = select(MemberRow).where(MemberRow.workshop == workshop, MemberRow.key == _hash(key))
        with Session(self._engine) as session:
            row = session.scalar(asked) if key else None
            return _member(row) if row else None

    def counts(self, workshop: Workshop) -> Places:
        """The places of a workshop, and how many are taken."""
        of = select(func.count()).select_from(MemberRow).where(MemberRow.workshop == workshop.id)
        mine = MemberRow.email == "", MemberRow.user.not_in(workshop.learners), MemberRow.how != How.REHEARSAL
        by_code = of.where(*mine)
        with Session(self._engine) as session:
            taken = session.scalar(by_code) or 0
        learners = workshop.seats - len(workshop.trainers)
        kept = len(workshop.learners) + len(workshop.roster)
        limit = max(0, learners - kept)
        if workshop.join is None:
            limit = 0
        elif workshop.join.limit is not None:
            limit = min(limit, workshop.join.limit)
        return Places(learners, kept, taken, limit)

    def forget(self, workshop: str) -> None:
        """Remove all of a workshop's learners."""
        with Session(self._engine) as session, session.begin():
            session.execute(delete(MemberRow).where(MemberRow.workshop == workshop))


def new_code() -> str:
    """A code to join with: eight letters and digits, such as "k7qf3mxp"."""
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


def read_code(typed: str) -> str:
    """A code as it is kept, however somebody typed it: "K7QF-3MXP" is "k7qf3mxp"."""
    return "".join(one for one in typed.lower() if one.isascii() and one.isalnum())[:16]


def guest_name() -> str:
    """A new name for a temporary account."""
    return GUEST + "".join(secrets.choice(_LETTERS) for _ in range(8))


def invitation(secret: str, workshop: str, listed: Listed) -> str:
    """What makes somebody's own link theirs: nobody can make one up, and it says nothing."""
    return hmac.new(secret.encode(), f"{workshop} {listed.email.lower()}".encode(), sha256).hexdigest()[:20]


def invited(secret: str, workshop: Workshop, typed: str) -> Listed | None:
    """Who on the class list has this invitation."""
    for listed in workshop.roster:
        if hmac.compare_digest(invitation(secret, workshop.id, listed).encode(), typed.encode()):
            return listed
    return None


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest() if key else ""


def _member(row: MemberRow) -> Member:
    joined = row.joined if row.joined.tzinfo else row.joined.replace(tzinfo=UTC)
    return Member(row.workshop, row.user, row.number, How(row.how), row.name, row.email, row.shares_name, joined)
