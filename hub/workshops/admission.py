"""What taking part in a workshop opens, while it is on: its profile, and for temporary accounts the workbench at all.

Asked by the hub's own process when somebody starts a seat or shows up again, so it reads the records and nothing else.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from hub.workshops.lifecycle import OPEN, PROMISED, WorkshopState
from hub.workshops.model import Workshop
from hub.workshops.people import GUEST, How, Members
from hub.workshops.store import WorkshopRow, readable


@dataclass(frozen=True)
class Admitted:
    """Somebody's right of a workshop that is on."""

    workshop: str
    profile: str
    is_temporary: bool


class Admission:
    """Who may have what because of a workshop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._members = Members(engine)

    def __deepcopy__(self, _known: dict[int, Any]) -> "Admission":
        """JupyterHub copies its configuration; the connections are shared."""
        return self

    def of(self, user: str) -> list[Admitted]:
        """The workshops that are on and in which `user` learns or trains."""
        joined = {member.workshop: member for member in self._members.of_user(user)}
        rehearses = any(member.how is How.REHEARSAL for member in joined.values())
        return [
            Admitted(one.id, one.profile, one.id in joined and joined[one.id].is_temporary)
            for one in self._in(PROMISED if rehearses else OPEN)
            if one.id in joined or user in one.people
        ]

    def _in(self, states: Collection[WorkshopState]) -> list[Workshop]:
        asked = select(WorkshopRow).where(WorkshopRow.state.in_([str(state) for state in states]))
        with Session(self._engine) as session:
            kept = [readable(row) for row in session.scalars(asked)]
        return [one.workshop for one in kept if one is not None]


def is_guest(user: str) -> bool:
    """Whether it is a temporary account."""
    return user.startswith(GUEST)
