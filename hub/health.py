"""Is every dependency there, and since when? Each is asked by name, all at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
from sqlalchemy.exc import SQLAlchemyError

from hub.logs import get_logger
from hub.web.hub_api import HubUnreachable

log = get_logger("health")

Check = Callable[[], Awaitable[bool]]
TIMEOUT = 5.0
LOOK_PERIOD = 10.0
"""Seconds between two looks at all dependencies, so that a page knows since when one is away."""
AWAY_PERIOD = 2.0
"""The same while one is away: it is soon seen that it is back, or that it has come up after the service."""


@dataclass(frozen=True)
class Health:
    """One dependency: does it answer, and if not, what was said."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Seen:
    """A dependency as it was last seen, and since when it is so."""

    name: str
    ok: bool
    detail: str
    since: float | None
    """Unix seconds; None where it is so for as long as anybody has looked."""


async def check_all(checks: dict[str, Check]) -> list[Health]:
    """Ask every dependency; none can hold up the others for longer than TIMEOUT seconds."""
    return list(await asyncio.gather(*(_check(name, check) for name, check in checks.items())))


async def _check(name: str, check: Check) -> Health:
    try:
        async with asyncio.timeout(TIMEOUT):
            ok = await check()
        return Health(name, ok, "" if ok else "it answers, and says that it is not well")
    except TimeoutError:
        return Health(name, False, f"no answer within {TIMEOUT:g} s")
    except (HubUnreachable, OSError, httpx.HTTPError, SQLAlchemyError) as error:
        return Health(name, False, str(error) or type(error).__name__)


class Sightings:
    """Remembers since when each dependency is there or away. Used on the event loop only."""

    def __init__(self, checks: dict[str, Check], now: Callable[[], float]) -> None:
        self._checks, self._now = checks, now
        self.seen: tuple[Seen, ...] = ()
        """The last look at each, in the order of the checks."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Sightings"]:
        """Look now and then until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            owned = tasks.create_task(self._look_for_ever(), name="health.look")
            try:
                yield self
            finally:
                owned.cancel()

    async def _look_for_ever(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_PERIOD if all(seen.ok for seen in self.seen) else AWAY_PERIOD)

    async def look(self) -> None:
        """Ask all of them now."""
        before = {seen.name: seen for seen in self.seen}
        found = await check_all(self._checks)
        self.seen = tuple(self._seen(before.get(health.name), health) for health in found)

    def _seen(self, before: Seen | None, health: Health) -> Seen:
        if before is not None and before.ok == health.ok:
            return Seen(health.name, health.ok, health.detail, before.since)
        if health.ok and before is not None:
            log.info("dependency.back", name=health.name)
        elif not health.ok:
            log.warning("dependency.away", name=health.name, detail=health.detail)
        # Away at the very first look: that moment is the best that is known.
        since = self._now() if before is not None or not health.ok else None
        return Seen(health.name, health.ok, health.detail, since)
