"""A Dask cluster of two workers, asked for in a seat: until its first result, and until both workers are there."""

from collections.abc import Sequence
from typing import Any

from hub.bench import usage
from hub.bench.plan import Plan
from hub.bench.seat import Seat
from hub.bench.side import Side
from hub.seats.kernel import Kernel

BEFORE = "import time, dask_gateway, distributed"
MEASURED = """
began = time.perf_counter()
gateway = dask_gateway.Gateway()
cluster = gateway.new_cluster()
created = time.perf_counter() - began
cluster.scale(2)
client = cluster.get_client()
total = client.submit(sum, range(10)).result(120)
first = time.perf_counter() - began
client.wait_for_workers(2, timeout=120)
both = time.perf_counter() - began
"""
AFTER = """
client.close()
cluster.shutdown()
until = time.perf_counter() + 60
while gateway.list_clusters() and time.perf_counter() < until:
    time.sleep(0.1)
gateway.close()
"""


async def measure(plan: Plan, sides: Sequence[Side]) -> None:
    """In each run a new seat with one cluster."""
    for number in range(1, plan.runs + 1):
        for side in sides:
            side.watcher.now(f"{side.peer.name}: a Dask cluster, run {number} of {plan.runs}")
            await _measure_one(side)
            side.watcher.round_done()


async def _measure_one(side: Side) -> None:
    async with side.running_seats(1) as seats:
        for seat in seats:
            found = await side.attempt(seat.user, times(seat))
            if found is not None and found["total"] == 45:
                side.measured.add(
                    "cluster", created_s=found["created"], first_result_s=found["first"], both_workers_s=found["both"]
                )
                return
    side.measured.fail("cluster")


async def times(seat: Seat) -> dict[str, Any]:
    """Seconds in a kernel of this seat until `created`, `first` result and `both` workers; and the result, `total`."""
    kernel = await Kernel.start(seat.http, seat.path)
    try:
        await kernel.run(BEFORE)
        await usage.wait_until_quiet()
        found = await kernel.run(MEASURED, created="created", first="first", both="both", total="total")
        await kernel.run(AFTER)
        return found
    finally:
        await kernel.end()
