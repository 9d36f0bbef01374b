"""One side while it is measured, and what both stand on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.bench import children, usage
from hub.bench.plan import Watcher
from hub.bench.seat import PROBLEMS, Seat
from hub.bench.slurm.hubs import Hub
from hub.bench.slurm.plan import Plan
from hub.slurm.demo.cluster import Cluster

STEP_TIMEOUT = 300.0


@dataclass(frozen=True)
class Side:
    """A hub, its user who has signed in, and what was measured so far, by figure."""

    hub: Hub
    seat: Seat
    samples: dict[str, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, figure: str, value: float) -> None:
        """One more value."""
        self.samples.setdefault(figure, []).append(value)


@dataclass(frozen=True)
class Ground:
    """What is measured where: a cluster with both sides on its head."""

    plan: Plan
    watcher: Watcher
    made: Cluster
    folder: Path
    """For files that both sides read."""
    python: dict[str, Path]
    """That of each side's environment."""
    sides: list[Side]

    async def until_quiet(self) -> None:
        """No jobs, all nodes ready, and the machine left alone, as far as others let it. Raises StartError."""
        self.made.wait_until_idle()  # nothing else goes on here meanwhile
        await usage.wait_until_quiet()

    @asynccontextmanager
    async def running_seat(self, side: Side) -> AsyncIterator[Seat]:
        """The side's seat, answering; it is stopped at the end. Raises StartFailed."""
        try:
            await side.seat.start()
            yield side.seat
        finally:
            await side.seat.stop()

    async def attempt(self, figure: str, side: Side, step: Awaitable[float]) -> None:
        """Add what a step measures; when it fails, that is told and counted."""
        try:
            async with asyncio.timeout(STEP_TIMEOUT):
                side.add(figure, await step)
        except PROBLEMS as error:
            self.failed(figure, side, str(error) or type(error).__name__)

    def failed(self, figure: str, side: Side, problem: str) -> None:
        """Say that something failed at a side, and count it."""
        side.failures[figure] += 1
        self.watcher.failed(f"{side.hub.name}: {figure}: {problem}", children.tail(side.hub.log))


async def signed_in(hub: Hub) -> Side:
    """A side whose user has signed in. Raises StartFailed."""
    return Side(hub, await Seat.sign_in(hub.address, hub.user, hub.password))
