"""What somebody waits for: a seat that answers, the first result of a Dask cluster, the first reply of a kernel."""

import time
from collections.abc import Awaitable, Callable, Sequence

from hub.bench import children
from hub.bench.parts.cluster import times
from hub.bench.seat import Seat, StartFailed
from hub.bench.slurm.side import Ground, Side
from hub.errors import StartError
from hub.seats.kernel import Kernel

GPU_KERNEL = "python3-h200"
"""Of the demo's GPU class."""


async def measure_seats(ground: Ground) -> None:
    """From the request to the seat's answer through the proxy."""
    await _in_turn(ground, "seat_s", "a seat", _seat)


async def measure_clusters(ground: Ground) -> None:
    """In a seat's kernel: from asking for a cluster of two workers to the first result."""
    await _in_turn(ground, "cluster_s", "a Dask cluster", _cluster)


async def measure_kernels(ground: Ground) -> None:
    """In a seat that has had one: a kernel with a free GPU, from asking for it to the reply of its first cell.

    Stock has none to compare with: who wants a GPU there starts a whole server as a job with one.
    """
    await _in_turn(ground, "kernel_s", "a GPU kernel", _kernel, [one for one in ground.sides if one.hub.has_kernels])


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


async def _in_turn(
    ground: Ground,
    figure: str,
    what: str,
    step: Callable[[Ground, Side], Awaitable[float]],
    sides: Sequence[Side] = (),
) -> None:
    runs = ground.plan.runs_of(figure)
    for number in range(1, runs + 1):
        for side in sides or ground.sides:
            ground.watcher.now(f"{side.hub.name}: {what}, run {number} of {runs}")
            await ground.until_quiet()
            await ground.attempt(figure, side, step(ground, side))
            ground.watcher.round_done()


async def _seat(ground: Ground, side: Side) -> float:
    try:
        return (await side.seat.start()).first_200_s
    finally:
        await side.seat.stop()


async def _kernel(ground: Ground, side: Side) -> float:
    async with ground.running_seat(side) as seat:
        await _first_reply(seat)  # what a seat loads for its first kernel is not the second one's
        return await _first_reply(seat)


async def _first_reply(seat: Seat) -> float:
    asked = time.perf_counter()
    kernel = await Kernel.start(seat.http, seat.path, GPU_KERNEL)
    try:
        await kernel.run("1+1")
        return time.perf_counter() - asked
    finally:
        await kernel.end()


async def _cluster(ground: Ground, side: Side) -> float:
    async with ground.running_seat(side) as seat:
        found = await times(seat)
    if found["total"] != sum(range(10)):
        raise StartFailed(f"the cluster counted {found['total']}")
    side.add("cluster_created_s", found["created"])
    side.add("cluster_both_s", found["both"])
    return float(found["first"])
