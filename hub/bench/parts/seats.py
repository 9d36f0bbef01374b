"""Starting seats: one, and many at once; and the first kernel of each."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from hub.bench import usage
from hub.bench.figures import Milestones, Round
from hub.bench.plan import Plan
from hub.bench.seat import Answered, Seat, StartFailed
from hub.bench.side import Side

T = TypeVar("T")


async def measure(plan: Plan, sides: Sequence[Side]) -> None:
    """Rounds of each size at all hubs in turn."""
    for count in plan.counts:
        for number in range(1, plan.runs + 1):
            for side in sides:
                side.watcher.now(f"{side.peer.name}: {count} at once, run {number} of {plan.runs}")
                side.measured.rounds.setdefault(count, []).append(await one_round(side, count))
                side.watcher.round_done()


async def one_round(side: Side, count: int) -> Round:
    """Ask for so many seats at once, then for a kernel in each; stop them."""
    seats = side.seats[:count]
    busy = await usage.wait_until_quiet()
    try:
        return await _started(side, seats, busy)
    finally:
        await asyncio.gather(*(seat.stop() for seat in seats))


async def _started(side: Side, seats: Sequence[Seat], busy: float) -> Round:
    spent = _Spent(side)
    answered = _told(side, seats, await asyncio.gather(*(seat.start() for seat in seats), return_exceptions=True))
    server_cpu = usage.servers([side.peer.home(seat.user) for seat in answered])
    kernels = _told(
        side,
        list(answered),
        await asyncio.gather(*(seat.first_kernel() for seat in answered), return_exceptions=True),
    )
    hub, warm, client = spent.until_now()
    found = usage.usages({side.peer.home(seat.user): pid for seat, (_at, pid) in kernels.items()}, server_cpu)
    milestones = _milestones(answered, kernels)
    return Round(milestones, found, hub, busy, len(seats) - len(milestones), warm, client)


class _Spent:
    """CPU seconds of those who do not belong to one seat, from its making on."""

    def __init__(self, side: Side) -> None:
        self._hub, self._warm = side.peer.hub, [process for _role, process in side.peer.warm()]
        self._began = self._now()

    def until_now(self) -> tuple[float, float, float]:
        """Of the hub's process, of zygotes and their daemon, and of this process."""
        hub, warm, client = (now - began for now, began in zip(self._now(), self._began, strict=True))
        return hub, warm, client

    def _now(self) -> tuple[float, float, float]:
        warm = 0.0
        for process in self._warm:
            with suppress(OSError):  # relieved meanwhile
                warm += usage.own_cpu_s(process)
        return usage.own_cpu_s(self._hub), warm, time.process_time()


def _told(side: Side, seats: Sequence[Seat], outcomes: Sequence[T | BaseException]) -> dict[Seat, T]:
    """Outcomes of those that succeeded; why the others did not is said."""
    found: dict[Seat, T] = {}
    for seat, outcome in zip(seats, outcomes, strict=True):
        if isinstance(outcome, StartFailed):
            side.tell(outcome, seat.user)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            found[seat] = outcome
    return found


def _milestones(answered: Mapping[Seat, Answered], kernels: Mapping[Seat, tuple[float, int]]) -> list[Milestones]:
    return [
        Milestones(answered[seat].ready_s, answered[seat].first_200_s, at - answered[seat].asked)
        for seat, (at, _pid) in kernels.items()
    ]
