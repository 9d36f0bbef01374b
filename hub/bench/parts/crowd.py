"""A hundred idle seats with a kernel each: are all of them well, and does it fit?"""

import asyncio
import time
from typing import Any

from hub.bench import usage
from hub.bench.figures import rounded
from hub.bench.parts.memory import warm_mb
from hub.bench.plan import Plan
from hub.bench.seat import Seat
from hub.bench.side import Side
from hub.seats.kernel import Kernel

MOST_MB = 6 * 2**30 / 1e6
AT_ONCE = 8
"""Kernels asked for at the same moment: this is about many that run, not about their start."""


async def measure(plan: Plan, side: Side) -> dict[str, Any]:
    """Start them, let each compute 1+1, and count their memory with that of what they were forked from."""
    side.watcher.now(f"{side.peer.name}: {plan.crowd} seats with a kernel each")
    began = time.perf_counter()
    async with side.running_seats(plan.crowd) as seats:
        answered = time.perf_counter() - began
        places = asyncio.Semaphore(AT_ONCE)
        pids = await asyncio.gather(*(side.attempt(seat.user, _healthy(seat, places)) for seat in seats))
        replied = time.perf_counter() - began
        kernels = {side.peer.home(seat.user): pid for seat, pid in zip(seats, pids, strict=True) if pid is not None}
        await usage.wait_until_quiet()
        servers, of_kernels = usage.crowd_mb(kernels)
        warm = warm_mb(side)
        side.watcher.now(f"{side.peer.name}: stopping {plan.crowd} seats")
    side.watcher.round_done()
    total = servers + of_kernels + sum(warm.values())
    return {
        "seats": plan.crowd,
        "healthy": len(kernels),
        **rounded({"all_answer_s": answered, "all_kernels_reply_s": replied}),
        "pss_mb": rounded({"servers": servers, "kernels": of_kernels, "zygotes": sum(warm.values()), "total": total}),
        "most_mb": round(MOST_MB),
        "within": len(kernels) == plan.crowd and total < MOST_MB,
    }


async def _healthy(seat: Seat, places: asyncio.Semaphore) -> int:
    """The pid of its kernel, once that has computed something right; the seat itself answers too."""
    async with places:
        kernel = await Kernel.start(seat.http, seat.path)
        try:
            found = await kernel.run("two = 1+1", two="two", pid="__import__('os').getpid()")
        finally:
            kernel.leave()
        (await seat.http.get(f"{seat.path}api/status")).raise_for_status()
    if found["two"] != 2:
        raise ValueError(f"1+1 is {found['two']}")
    return int(found["pid"])
