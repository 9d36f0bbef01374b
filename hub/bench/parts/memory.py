"""Memory of seats with a kernel each that has imported what data scientists import, all running at once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec

from hub.bench import usage
from hub.bench.plan import MEMORY_RUNS, Plan
from hub.bench.side import Side

PACKAGES = ("numpy", "pandas", "xarray", "torch")


def imports() -> str:
    """A cell that imports those of PACKAGES that are installed."""
    return "import " + ", ".join(name for name in PACKAGES if find_spec(name))


async def measure(plan: Plan, sides: Sequence[Side]) -> None:
    """Each hub's seats run while the others have none."""
    runs = min(plan.runs, MEMORY_RUNS)
    for number in range(1, runs + 1):
        for side in sides:
            side.watcher.now(f"{side.peer.name}: memory of {plan.memory} seats with kernels, run {number} of {runs}")
            await _measure_one(side, plan.memory)
            side.watcher.round_done()


async def _measure_one(side: Side, count: int) -> None:
    async with side.running_seats(count) as seats:
        replies = await asyncio.gather(*(side.attempt(seat.user, seat.first_kernel(imports())) for seat in seats))
        kernels = {
            side.peer.home(seat.user): reply[1] for seat, reply in zip(seats, replies, strict=True) if reply is not None
        }
        if len(kernels) < count:
            side.measured.fail("memory")
            return
        await usage.wait_until_quiet()
        servers, of_kernels = usage.crowd_mb(kernels)
        private, warm = usage.uss_mb(*kernels), warm_mb(side)
    total = servers + of_kernels + sum(warm.values())
    side.measured.add(
        "memory",
        seats=count,
        one_more_mb=private / count,
        seat_and_kernel_pss_mb=total / count,
        server_pss_mb=servers / count,
        kernel_pss_mb=of_kernels / count,
        **{f"zygote_{role}_pss_mb": size for role, size in warm.items()},
    )


def warm_mb(side: Side) -> dict[str, float]:
    """PSS of what seats are forked from, by role. Nothing for stock."""
    found: Counter[str] = Counter()
    for role, process in side.peer.warm():
        found[role] += usage.pss_mb([process])  # type: ignore[assignment]
    return dict(found)
