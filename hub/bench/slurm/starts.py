"""What somebody waits for: a seat that answers, and the first result of a Dask cluster."""

from collections.abc import Awaitable, Callable

from hub.bench import children
from hub.bench.parts.cluster import times
from hub.bench.seat import StartFailed
from hub.bench.slurm.side import Ground, Side
from hub.errors import StartError


async def measure_seats(ground: Ground) -> None:
    """From the request to the seat's answer through the proxy."""
    await _in_turn(ground, "seat_s", "a seat", _seat)


async def measure_clusters(ground: Ground) -> None:
    """In a seat's kernel: from asking for a cluster of two workers to the first result."""
    await _in_turn(ground, "cluster_s", "a Dask cluster", _cluster)


async def warm_up(ground: Ground) -> None:
    """A first start at each side, not counted: it makes homes and fills the machine's caches. Raises StartError."""
    for side in ground.sides:
        ground.watcher.now(f"{side.hub.name}: a first start, not counted")
        try:
            async with ground.running_seat(side):
                ground.watcher.round_done()
        except StartFailed as problem:
            log = children.tail(side.hub.log)
            raise StartError(f"{side.hub.name} starts no seats: {problem}. The end of its log:\n{log}") from None


async def _in_turn(ground: Ground, figure: str, what: str, step: Callable[[Ground, Side], Awaitable[float]]) -> None:
    runs = ground.plan.runs_of(figure)
    for number in range(1, runs + 1):
        for side in ground.sides:
            ground.watcher.now(f"{side.hub.name}: {what}, run {number} of {runs}")
            await ground.until_quiet()
            await ground.attempt(figure, side, step(ground, side))
            ground.watcher.round_done()


async def _seat(ground: Ground, side: Side) -> float:
    try:
        return (await side.seat.start()).first_200_s
    finally:
        await side.seat.stop()


async def _cluster(ground: Ground, side: Side) -> float:
    async with ground.running_seat(side) as seat:
        found = await times(seat)
    if found["total"] != sum(range(10)):
        raise StartFailed(f"the cluster counted {found['total']}")
    side.add("cluster_created_s", found["created"])
    side.add("cluster_both_s", found["both"])
    return float(found["first"])
