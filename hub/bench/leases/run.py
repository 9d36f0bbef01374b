"""The measurement: decisions first, then the service with few and with many ended leases in its database."""

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from hub import __version__
from hub.bench import children
from hub.bench.leases import decision, kernels, records, service
from hub.bench.leases.figures import percentile, ratios, rounded, summaries
from hub.bench.leases.load import Measured, Seats
from hub.bench.leases.service import Service, Workplace
from hub.bench.leases.world import Size
from hub.leases.state import State
from hub.settings import load

WARM_UP_SECONDS = 3.0
KEEP_ALIVE = 3.0
"""Seconds that an idle connection is used again; less than the service keeps it open."""
HUB_ANSWERS = 50
"""Answers of the stand-in that are timed on their own."""
TARGETS = {"decision_p99_ms": 5.0, "http_p99_ms": 30.0, "memory_mb": 300.0, "records_ratio": 1.2, "lease_adds_ms": 50.0}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    settings: Path
    waiting: int = 1_000
    growth: tuple[int, ...] = (100, 1_000, 10_000)
    played_seconds: int = 90
    """Seconds of virtual time whose decisions are timed."""
    per_second: int = 100
    seconds: float = 15.0
    """How long requests are sent to the service, each time."""
    records: int = 100_000
    kernels: int = 15
    """Kernels with and without a lease that are started."""


@dataclass(frozen=True)
class Run:
    """One run of the service under load."""

    measured: Measured
    streams: int
    memory_mb: float
    cpu_ms: float
    """CPU of the service per request."""
    hub_ms: list[float]
    start_s: float


def run(plan: Plan, tell: Tell) -> dict[str, Any]:
    """Measure; whatever was started is ended, also when this is interrupted. Raises SettingsError, StartError."""
    load(plan.settings)  # a file that cannot be used is told at once
    machine = _machine()
    decisions, growth = decision.measure(plan.waiting, plan.growth, plan.played_seconds, tell)
    with tempfile.TemporaryDirectory(prefix="werkbank-bench-") as folder, children.none_left():
        few, few_decisions = _serve(plan, Path(folder) / "few", 0, tell)
        many, many_decisions = _serve(plan, Path(folder) / "many", plan.records, tell)
        listening, _same = _serve(plan, Path(folder) / "listening", 0, tell, listening=True)
        started = kernels.measure(plan.settings, Path(folder) / "kernels", plan.kernels, tell)
    report = {
        "machine": machine,
        "plan": {name: value for name, value in asdict(plan).items() if name != "settings"},
        "decision": decisions,
        "http": _http(few) | {"listening": _http(listening)},
        "memory_mb": max(_http(few)["memory_mb"], _http(listening)["memory_mb"]),
        "records": _records(plan, (few, many), (few_decisions, many_decisions)),
        "growth": growth,
        "kernel_start": started,
    }
    return report | {"missed": missed(report)}


def missed(report: Mapping[str, Any]) -> list[str]:
    """The targets that this report misses, each with what was measured instead."""
    events, http = report["decision"]["by_event"], report["http"]
    growing = report["growth"]["by_event"]
    slow = [f"decision, {name}: p99 {x['p99_ms']} ms" for name, x in events.items() if _over("decision_p99_ms", x)]
    slow += [f"HTTP: p99 {http['p99_ms']} ms"] if _over("http_p99_ms", http) else []
    slow += [f"HTTP while all listen: p99 {http['listening'].get('p99_ms')} ms"] if _is_late(http["listening"]) else []
    failed = [f"errors: {side['errors']}" for side in (http, http["listening"]) if side["errors"]]
    large = [f"memory: {report['memory_mb']} MB"] if report["memory_mb"] >= TARGETS["memory_mb"] else []
    linear = [f"growth, {name}: n^{growing[name]['exponent']}" for name in report["growth"]["linear"]]
    ratio = report["records"]["cpu_ratio"], *report["records"]["decision_ratio"].values()
    slower = [f"many records: {max(ratio)} times the CPU"] if max(ratio) > TARGETS["records_ratio"] else []
    adds = report["kernel_start"]["adds_ms"]
    late = [f"a lease adds {adds} ms to a kernel's start"] if adds >= TARGETS["lease_adds_ms"] else []
    return [*slow, *failed, *large, *linear, *slower, *late]


def _over(target: str, figures: Mapping[str, Any]) -> bool:
    return bool(figures["p99_ms"] >= TARGETS[target])


def _is_late(figures: Mapping[str, Any]) -> bool:
    return figures["n"] == 0 or _over("http_p99_ms", figures)


def _machine() -> dict[str, Any]:
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total
    versions = {"python": platform.python_version(), "werkbank": __version__}
    return {"cores": cores, "memory_gb": rounded(memory / 1e9), "load_average": list(os.getloadavg())} | versions


def _serve(
    plan: Plan, folder: Path, ended: int, tell: Tell, *, listening: bool = False
) -> tuple[Run, Mapping[str, Any]]:
    """One run of the service, and what decisions on its database take."""
    tell("The service, while every seat listens" if listening else f"The service with {ended} ended leases")
    size = Size(waiting=plan.waiting)
    place, state = service.prepare(folder, plan.settings, size)
    if ended:
        records.add_ended(place.database, size, ended, time.time())
    os.sync()  # what was just written is not written back while answers are timed
    decisions = {} if listening else decision.with_records(place.database, plan.played_seconds // 3)
    with service.running(place) as served:
        return asyncio.run(_load(plan, place, state, served, listening)), decisions


async def _load(plan: Plan, place: Workplace, state: State, served: Service, listening: bool) -> Run:
    async with AsyncExitStack() as stack:
        timeout = aiohttp.ClientTimeout(total=None)  # streams stay open; each request has its own
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE), timeout=timeout
        )
        http = await stack.enter_async_context(session)
        hub_ms = await _hub_answers(http, served)
        seats = Seats(http, served.api, state.leases, place.tokens)
        if listening:
            await stack.enter_async_context(seats.listening())
        await seats.speak(plan.per_second, WARM_UP_SECONDS)
        seats.measured = Measured()
        before = served.cpu_s()
        await seats.speak(plan.per_second, plan.seconds)
        cpu_ms = (served.cpu_s() - before) * 1000 / (plan.per_second * plan.seconds)
        return Run(seats.measured, seats.streams, served.memory_mb(), cpu_ms, hub_ms, served.start_s)


async def _hub_answers(http: aiohttp.ClientSession, served: Service) -> list[float]:
    """Milliseconds in which the stand-in for the hub tells who somebody is."""
    times = []
    for _answer in range(HUB_ANSWERS):
        began = time.perf_counter()
        async with http.get(f"{served.hub}/user", headers={"Authorization": "token bench-user-00001"}) as reply:
            await reply.read()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _http(run: Run) -> dict[str, Any]:
    measured = run.measured
    figures = summaries(measured.times) if measured.times else {"n": 0}
    return figures | {
        "streams": run.streams,
        "refusals": dict(measured.refusals),
        "errors": dict(measured.errors),
        "cpu_ms_per_request": rounded(run.cpu_ms),
        "memory_mb": rounded(run.memory_mb),
        "start_s": rounded(run.start_s),
        "hub": "stand-in for its /user",
        "hub_p50_ms": rounded(percentile(run.hub_ms, 0.5)),
    }


def _records(plan: Plan, runs: tuple[Run, Run], decisions: tuple[Any, Any]) -> dict[str, Any]:
    few, many = (_http(run) for run in runs)
    return {
        "count": plan.records,
        "http": many,
        "http_ratio": ratios({k: v for k, v in few.items() if k in ("mean_ms", "p50_ms", "p99_ms")}, many),
        "cpu_ratio": rounded(runs[1].cpu_ms / runs[0].cpu_ms),
        "memory_ratio": rounded(runs[1].memory_mb / runs[0].memory_mb),
        "decision_ratio": ratios({name: decisions[0][name] for name in ("mean_ms", "p50_ms")}, decisions[1]),
    }
