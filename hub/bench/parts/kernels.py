"""Starting a kernel in a running seat: from asking for it to the reply of its first cell."""

import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from hub.bench import usage
from hub.bench.plan import Plan
from hub.bench.seat import Seat
from hub.bench.side import Side
from hub.seats.kernel import Kernel

CELLS = {"plain_s": "1+1", "imports_s": "import numpy, pandas, xarray", "torch_s": "import torch"}


def cells() -> Mapping[str, str]:
    """The first cells to time; without torch where it is not installed."""
    return {name: code for name, code in CELLS.items() if name != "torch_s" or find_spec("torch")}


async def measure(plan: Plan, sides: Sequence[Side]) -> None:
    """In each run a new seat, and in it a kernel for each cell after one that is not counted."""
    for number in range(1, plan.runs + 1):
        for side in sides:
            side.watcher.now(f"{side.peer.name}: kernels, run {number} of {plan.runs}")
            await _measure_one(side)
            side.watcher.round_done()


async def _measure_one(side: Side) -> None:
    async with side.running_seats(1) as seats:
        for seat in seats:
            # What a seat loads for its first kernel is part of the first kernel's time, and measured with the seat's.
            await side.attempt(seat.user, _seconds(seat, "1+1"))
            for name, code in cells().items():
                await usage.wait_until_quiet()
                seconds = await side.attempt(seat.user, _seconds(seat, code))
                if seconds is None:
                    side.measured.fail("kernel")
                else:
                    side.measured.add("kernel", **{name: seconds})
        if not seats:
            side.measured.fail("kernel")


async def _seconds(seat: Seat, code: str) -> float:
    asked = time.perf_counter()
    kernel = await Kernel.start(seat.http, seat.path)
    try:
        await kernel.run(code)
        return time.perf_counter() - asked
    finally:
        await kernel.end()
