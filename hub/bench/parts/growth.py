"""How much memory of its own a seat takes while JupyterLab asks it things."""

from collections.abc import Sequence
from itertools import cycle, islice

from hub.bench import usage
from hub.bench.plan import GROWTH_RUNS, Plan
from hub.bench.seat import Seat
from hub.bench.side import Side

REQUESTS = 300
PATHS = ("lab", "lab/api/settings", "api/contents", "lab/api/translations/en")


async def measure(plan: Plan, sides: Sequence[Side]) -> None:
    """In each run a new seat."""
    runs = min(plan.runs, GROWTH_RUNS)
    for number in range(1, runs + 1):
        for side in sides:
            side.watcher.now(f"{side.peer.name}: {REQUESTS} requests to a seat, run {number} of {runs}")
            await _measure_one(side)
            side.watcher.round_done()


async def _measure_one(side: Side) -> None:
    async with side.running_seats(1) as seats:
        for seat in seats:
            home = side.peer.home(seat.user)
            await usage.wait_until_quiet()
            before, cpu = usage.uss_mb(home), usage.servers([home])[home]
            if await side.attempt(seat.user, _ask(seat)):
                after = usage.uss_mb(home)
                side.measured.add(
                    "growth",
                    uss_growth_mb=after - before,
                    uss_before_mb=before,
                    uss_after_mb=after,
                    requests_cpu_s=usage.servers([home])[home] - cpu,
                )
                return
    side.measured.fail("growth")


async def _ask(seat: Seat) -> bool:
    for path in islice(cycle(PATHS), REQUESTS):
        reply = await seat.http.get(f"{seat.path}{path}", follow_redirects=True)
        reply.raise_for_status()
    return True
