"""Hands the broker what admins allow for a while: at once when it is granted, and no longer when it has ended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from hub.errors import BrokerError
from hub.leases.allowances import Allowance
from hub.leases.desk import Desk
from hub.logs import get_logger
from hub.programmes.granted import Granted

log = get_logger("programmes")

PERIOD = 1.0
"""Seconds between looks at what has ended."""


class Allowing:
    """One per service. Use it inside `async with allowing.running()`."""

    def __init__(self, engine: Engine, desk: Desk) -> None:
        self.granted, self._desk = Granted(engine), desk
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Allowing"]:
        """Look now and then until the block ends."""
        await self.look()
        async with asyncio.TaskGroup() as tasks:
            owned = tasks.create_task(self._look_for_ever(), name="programmes.allow")
            try:
                yield self
            finally:
                owned.cancel()

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            try:
                await self.look()
            except (BrokerError, InterfaceError, OperationalError) as error:
                log.error("allowances.not-followed", error=str(error))  # the next look tries again

    async def look(self) -> None:
        """Let the broker go by what holds now."""
        async with self._lock:
            live = await asyncio.to_thread(self.granted.live, self._desk.broker.now())
            if live != self._desk.allowances:
                await self._desk.allow(live)
                log.info("allowances.changed", live=[one.id for one in live])

    async def grant(self, allowance: Allowance) -> Allowance:
        """Keep it, and let it count at once."""
        kept = await asyncio.to_thread(self.granted.grant, allowance)
        await self.look()
        return kept

    async def take_back(self, id: int, who: str) -> Allowance | None:
        """End it at once; None when it is over already."""
        ended = await asyncio.to_thread(self.granted.take_back, id, who, self._desk.broker.now())
        await self.look()
        return ended
