"""One hub while it is measured, and its users."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from hub.bench import children
from hub.bench.figures import Measured
from hub.bench.peers import Peer
from hub.bench.plan import Watcher
from hub.bench.seat import PROBLEMS, Seat, StartFailed

STEP_TIMEOUT = 240.0

T = TypeVar("T")


@dataclass(frozen=True)
class Side:
    """One hub, its users who have signed in, and what was measured so far."""

    peer: Peer
    seats: Sequence[Seat]
    measured: Measured
    watcher: Watcher

    async def attempt(self, user: str, step: Awaitable[T]) -> T | None:
        """The outcome of a step of this user; None when it failed, which is told and counted by who asked."""
        try:
            async with asyncio.timeout(STEP_TIMEOUT):
                return await step
        except PROBLEMS as error:
            self.tell(StartFailed(f"{user}: {str(error) or type(error).__name__}"), user)
            return None

    def tell(self, problem: StartFailed, user: str) -> None:
        """Say that something failed at this hub."""
        self.watcher.failed(f"{self.peer.name}: {problem}", children.tail(self.peer.log_of(user)))

    @asynccontextmanager
    async def running_seats(self, count: int) -> AsyncIterator[list[Seat]]:
        """That many seats, asked for at once and answering; fewer when some failed. They are stopped at the end."""
        seats = self.seats[:count]
        try:
            outcomes = await asyncio.gather(*(seat.start() for seat in seats), return_exceptions=True)
            for seat, outcome in zip(seats, outcomes, strict=True):
                if isinstance(outcome, StartFailed):
                    self.tell(outcome, seat.user)
                elif isinstance(outcome, BaseException):
                    raise outcome
            pairs = zip(seats, outcomes, strict=True)
            yield [seat for seat, outcome in pairs if not isinstance(outcome, BaseException)]
        finally:
            await asyncio.gather(*(seat.stop() for seat in seats))
