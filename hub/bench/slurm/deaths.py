"""A node dies, and the users of its seats learn of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from hub.bench.seat import StartFailed
from hub.bench.slurm.hubs import STOCK_PERIOD_S
from hub.bench.slurm.machines import begin_node
from hub.bench.slurm.side import Ground, Side
from hub.slurm.commands import Slurm
from hub.slurm.jobs import Job, JobState, jobs

FIGURE, SLURM = "death_s", "slurm_death_s"
NOTICE_S = 150.0
LOOK_S = 0.2


async def measure(ground: Ground) -> None:
    """Both sides' seats run on nodes that die at one moment. When Slurm itself says so is noted, too.

    Each time they have run longer before that, so that death does not always come just before a look, or after one.
    """
    runs = ground.plan.runs_of(FIGURE)
    for number in range(runs):
        ground.watcher.now(f"a node dies, run {number + 1} of {runs}")
        await ground.until_quiet()
        try:
            started = [side for side in ground.sides if await _starts(ground, side)]
            await asyncio.sleep(STOCK_PERIOD_S * number / runs)
            await _one_death(ground, started)
        finally:
            for side in ground.sides:
                await side.seat.stop()
        ground.watcher.round_done()


async def _starts(ground: Ground, side: Side) -> bool:
    try:
        await side.seat.start()
    except StartFailed as problem:
        ground.failed(FIGURE, side, str(problem))
        return False
    return True


async def _one_death(ground: Ground, sides: list[Side]) -> None:
    slurm = Slurm(ground.made.head.enter)
    seats = {side.hub.name: await _job_of(slurm, side) for side in sides}
    nodes = {job.node for job in seats.values()}
    began = time.monotonic()
    for node in nodes:
        ground.made.end_node(node)
    try:
        hears = [ground.attempt(FIGURE, side, _seconds(began, side.seat.is_forgotten)) for side in sides]
        knows = [
            ground.attempt(SLURM, side, _seconds(began, _has_ended(slurm, seats[side.hub.name]))) for side in sides
        ]
        await asyncio.gather(*hears, *knows)
    finally:
        for node in nodes:
            begin_node(ground.made, node, ground.folder)


async def _job_of(slurm: Slurm, side: Side) -> Job:
    """The one that is the side's seat. Raises ValueError where that is not clear."""
    # squeue 22.05 tells everybody's jobs as JSON, whomever it is asked about.
    told = (await jobs(slurm)).values()
    (job,) = [one for one in told if one.user == side.hub.user and one.state is JobState.RUNNING]
    return job


def _has_ended(slurm: Slurm, seat: Job) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        job = (await jobs(slurm)).get(seat.id)
        return job is None or job.state is not JobState.RUNNING

    return asked


async def _seconds(began: float, happened: Callable[[], Awaitable[bool]]) -> float:
    """Until something has happened. Raises StartFailed when it takes too long."""
    while not await happened():
        if time.monotonic() - began > NOTICE_S:
            raise StartFailed(f"not noticed within {NOTICE_S:g} s")
        await asyncio.sleep(LOOK_S)
    return time.monotonic() - began
