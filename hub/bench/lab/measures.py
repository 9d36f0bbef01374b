"""The measurements in the browser, one after the other."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hub.bench.lab import figures
from hub.bench.lab.figures import VARIANTS
from hub.bench.lab.leases import API, Leases
from hub.bench.lab.plan import Plan
from hub.bench.lab.visits import Started, Visits
from hub.bench.plan import Watcher
from hub.leases.counters import COUNT_PERIOD

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

HOUR = 3600
WARM_UP_HOURS = 1
LEASE_CHANGES = 60
"""Seconds from one change of a lease to the next, in the hours that are played."""
PACE_MS = 8
"""Real milliseconds that COUNT_PERIOD takes then, at least: so that graphs are drawn many times an hour."""


@dataclass(frozen=True)
class Ground:
    """Where is measured: the seats in the browser, and the leases of one of them."""

    plan: Plan
    visits: Visits
    leases: Leases
    watcher: Watcher


async def panel(ground: Ground) -> dict[str, Any]:
    """From pressing the panel's tab until all cards are painted; each time in a page that has not shown it yet."""
    found = []
    for number in range(1, ground.plan.runs + 1):
        ground.watcher.now(f"The panel with {ground.plan.leases} leases, run {number} of {ground.plan.runs}")
        async with ground.visits.panel(ground.plan.leases) as (_page, milliseconds):
            found.append(milliseconds)
        ground.watcher.round_done()
    return figures.times("panel_ms", found)


async def events(ground: Ground) -> dict[str, Any]:
    """From the broker's answer to a release until the panel is painted without that lease."""
    found = []
    async with ground.visits.panel(ground.plan.leases) as (page, _milliseconds):
        for number in range(1, ground.plan.runs + 1):
            ground.watcher.now(f"A lease that is given back, run {number} of {ground.plan.runs}")
            found.append(await _exchange_one(ground, page))
            ground.watcher.round_done()
    return figures.times("event_ms", found)


async def _exchange_one(ground: Ground, page: "Page") -> float:
    """Give a device back, and wait until another lease has it and the panel shows as many again."""
    lease = (await ground.leases.held())[0]
    script = "([address, token, holder]) => werkbankBench.release(address, token, holder)"
    facts = [f"{API}/leases/{lease['id']}/release", ground.leases.token(lease["id"]), lease["holder"]]
    milliseconds: float = await page.evaluate(script, facts)
    await ground.leases.ask()
    await ground.leases.settled(ground.plan.leases)
    await page.evaluate("cards => werkbankBench.shows(cards)", ground.plan.leases)
    return milliseconds


async def heap(ground: Ground) -> dict[str, Any]:
    """The heap after hours of events beside that after the first hour, with the panel open all the time."""
    async with ground.visits.panel(ground.plan.leases, "hours.js") as (page, _milliseconds):
        session = await page.context.new_cdp_session(page)
        await _exchange_one(ground, page)  # what changes is told, and can be told again
        await page.wait_for_function("werkbankHours.isReady()")
        ground.watcher.now("A first hour of events, not counted")
        await _play(page, WARM_UP_HOURS)
        before = await _memory(session)
        ground.watcher.now(f"{ground.plan.hours} hours of events")
        told = await _play(page, ground.plan.hours)
        after = await _memory(session)
        ground.watcher.round_done()
    return {"events": told, **figures.heap(before, after, ground.plan.hours)}


async def _play(page: "Page", hours: int) -> int:
    facts = {"seconds": hours * HOUR, "period": COUNT_PERIOD, "change": LEASE_CHANGES, "pace": PACE_MS}
    told: int = await page.evaluate("facts => werkbankHours.play(facts)", facts)
    return told


async def _memory(session: "CDPSession") -> dict[str, int]:
    """Bytes of the heap, and DOM nodes that are there or that something still refers to."""
    # What the first collection lets go of may be the last that held something else.
    for _time in range(3):
        await session.send("HeapProfiler.collectGarbage")
    used, counted = await session.send("Runtime.getHeapUsage"), await session.send("Memory.getDOMCounters")
    return {"heap": int(used["usedSize"]), "nodes": int(counted["nodes"])}


async def start(ground: Ground) -> dict[str, Any]:
    """From the navigation until JupyterLab is there with its launcher: the variants in turns, with empty caches."""
    found: dict[str, list[Started]] = {variant: [] for variant in VARIANTS}
    for number in range(ground.plan.runs + 1):  # what a seat loads for its first page is not counted
        for variant in _turned(VARIANTS, number):
            ground.watcher.now(f"JupyterLab's start ({variant}), run {number} of {ground.plan.runs}")
            started = await ground.visits.start(variant)
            if number:
                found[variant].append(started)
            ground.watcher.round_done()
    milliseconds = {variant: [one.milliseconds for one in all] for variant, all in found.items()}
    return figures.start(milliseconds, {variant: [one.cpu_ms for one in all] for variant, all in found.items()})


def _turned(variants: Sequence[str], number: int) -> Sequence[str]:
    """Each begins as often as the others."""
    first = number % len(variants)
    return [*variants[first:], *variants[:first]]


MEASURES: dict[str, Callable[[Ground], Awaitable[dict[str, Any]]]] = {
    "panel_ms": panel,
    "event_ms": events,
    "heap_mb": heap,
    "start_ms": start,
}
