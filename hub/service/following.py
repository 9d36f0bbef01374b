"""Follows the settings file while the service runs: what is safe takes effect everywhere in it, and together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.datastructures import State

from hub.errors import BrokerError
from hub.logs import get_logger
from hub.settings import Current, Settings

log = get_logger("settings")

PERIOD = 1.0
"""Seconds between looks at the file."""


class Following:
    """Hands new settings to whoever holds the old ones."""

    def __init__(self, current: Current, state: State) -> None:
        self._current, self._state = current, state

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Following"]:
        """Look now and then until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            owned = tasks.create_task(self._follow_for_ever(), name="settings.follow")
            try:
                yield self
            finally:
                owned.cancel()

    async def _follow_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            await self.look()

    async def look(self) -> None:
        """Read the file if it changed, and act on it at once."""
        await asyncio.to_thread(self._current.look)
        settings = self._current.settings
        if settings is not self._state.settings:
            await self._hand_out(settings)

    async def _hand_out(self, settings: Settings) -> None:
        try:
            await self._state.leases.follow(settings)
        except BrokerError as error:
            log.error("settings.not-followed", error=str(error))  # the next look tries again
            return
        self._state.organiser.settings = self._state.accounts.settings = settings
        self._state.settings = settings
