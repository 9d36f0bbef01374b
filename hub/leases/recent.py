"""Leases that ended of late, so that people see what just happened."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from hub.leases.events import Action, SaveLease
from hub.leases.model import ENDED, Lease
from hub.leases.store import Store
from hub.logs import get_logger

log = get_logger("leases")

RECENT_PERIOD = 86400.0
"""Seconds for which an ended lease is shown."""
MOST_RECENT = 10
"""Ended leases of one person that are shown, the latest first."""
MOST_USERS = 1000
"""People whose ended leases are kept at hand."""

Ended = tuple[Lease, float]
"""An ended lease, and the seconds it was parked."""


class Recent:
    """Reads what ended from the records when somebody looks, and again once another lease of theirs has ended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, list[Ended]] = {}
        self._ends = 0

    def observe(self, actions: tuple[Action, ...]) -> None:
        """Hear of decisions, after they were written."""
        for action in actions:
            if isinstance(action, SaveLease) and action.lease.state in ENDED:
                self._ends += 1
                self._known.pop(action.lease.user, None)

    async def of_user(self, user: str, now: float) -> list[Ended]:
        """What ended in the last day, the latest first; nothing while the database does not answer."""
        known = self._known.get(user)
        if known is None:
            known = await self._read(user, now)
        return [(lease, parked) for lease, parked in known if lease.since >= now - RECENT_PERIOD]

    async def _read(self, user: str, now: float) -> list[Ended]:
        ends = self._ends
        try:
            found = await asyncio.to_thread(self._store.recently_ended, user, now - RECENT_PERIOD, MOST_RECENT)
        except SQLAlchemyError as error:
            # What people hold is known without the database, and is what they came for.
            log.warning("leases.unread", error=str(error))
            return []
        if ends == self._ends:  # else one may have ended while the records were read
            if len(self._known) >= MOST_USERS:
                self._known.clear()
            self._known[user] = found
        return found
