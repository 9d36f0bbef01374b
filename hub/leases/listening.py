"""What streams of events have in common: whom a change concerns, how long they look away, how long they live."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sse_starlette import ServerSentEvent

from hub.leases.events import Action, SaveLease

WAIT_PERIOD = 2.0
"""Seconds between looks while something of the listener's waits: others move the line."""
LOOK_PERIOD = 5.0
"""Seconds between looks otherwise: what others do changes no more than how many devices are free."""
PING_SECONDS = 10
"""Seconds after which a listener hears that the service is still there; a proxy may keep a dead connection open."""
STREAM_LIFE = 600.0
"""Seconds after which a listener is asked to connect again, and so to prove again who listens."""


class Bells:
    """Rings for the people whose leases change. Used on the event loop only."""

    def __init__(self) -> None:
        self._of: dict[str, set[asyncio.Event]] = {}

    def observe(self, actions: tuple[Action, ...]) -> None:
        """Hear of decisions, after they were written."""
        for action in actions:
            if isinstance(action, SaveLease):
                for bell in self._of.get(action.lease.user, ()):
                    bell.set()

    def ring(self, user: str) -> None:
        """Something else of this user changed."""
        for bell in self._of.get(user, ()):
            bell.set()

    @contextmanager
    def of(self, user: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever a lease of this user changes, until the block ends."""
        bell = asyncio.Event()
        self._of.setdefault(user, set()).add(bell)
        try:
            yield bell
        finally:
            self._of[user].discard(bell)
            if not self._of[user]:
                del self._of[user]


async def rung_within(bell: asyncio.Event, seconds: float) -> None:
    """Return when the bell rings or the time is over."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return


def ping() -> ServerSentEvent:
    """A sign of life."""
    # A comment would keep the connection open as well, but scripts do not see it.
    return ServerSentEvent("here", event="ping")
