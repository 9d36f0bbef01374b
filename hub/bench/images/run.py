"""The measurement: containers started in turn until they answer, and builds."""

import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from hub.bench.figures import summary
from hub.bench.images.plan import BUILT, GOALS, MEASURED, STARTS, Plan, Start
from hub.bench.plan import Watcher
from hub.images.build import Builder
from hub.images.known import megabytes_of
from hub.images.program import ImagesError, Program, last_lines
from hub.images.recipes import RECIPES

PATIENCE_S = 120.0
LOOK_S = 0.05


def run(plan: Plan, engine: Program, base: str, watcher: Watcher) -> dict[str, Any]:
    """Measure, and take away every container that was started. Raises ImagesError where an image is not there."""
    figures: dict[str, float | None] = {f"{name}_mb": megabytes_of(engine, name) for name in MEASURED}
    builds = {"cold_s": _cold(engine, base, watcher) if plan.cold else None}
    # What was built from nothing is what is there now.
    builds["unchanged_s"] = _unchanged(engine, base, watcher)
    seconds = _starts(plan, engine, watcher)
    starts = {side: summary(values) for side, values in seconds.items()}
    figures |= builds | {f"{side}_s": told["median"] for side, told in starts.items()}
    return {
        "figures": figures,
        "goals": GOALS,
        "missed": [name for name, goal in GOALS.items() if (value := figures[name]) is not None and value > goal],
        "starts": starts,
        "runs": plan.runs,
        "engine": engine.run("--version").stdout.strip(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }


def _cold(engine: Program, base: str, watcher: Watcher) -> float:
    watcher.now("Building hub, lab and worker from nothing, which takes minutes")
    return _built(Builder(engine, base, anew=True), BUILT, watcher)


def _unchanged(engine: Program, base: str, watcher: Watcher) -> float:
    """Once before it is measured, for what has changed since the images were built."""
    watcher.now("Building what has changed")
    builder = Builder(engine, base)
    _built(builder, MEASURED, watcher)
    watcher.now("Building where nothing has changed")
    return _built(builder, BUILT, watcher)


def _built(builder: Builder, names: Sequence[str], watcher: Watcher) -> float:
    began = time.monotonic()
    for _one in builder.build(names, lambda words: watcher.now(words.removesuffix(" …"))):
        pass
    return round(time.monotonic() - began, 2)


def _starts(plan: Plan, engine: Program, watcher: Watcher) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {side: [] for side in STARTS}
    for number in range(plan.runs + 1):
        for side, start in STARTS.items():
            watcher.now(f"{side}: {f'start {number}' if number else 'a first start, not counted'}")
            try:
                taken = _seconds_of(engine, start)
                seconds[side] += [taken] if number else []
            except ImagesError as error:
                watcher.failed(f"{side}: {error}", "")
            watcher.round_done()
    return seconds


def _seconds_of(engine: Program, start: Start) -> float:
    """From the command to the answer of all that it should answer. Raises ImagesError."""
    began = time.monotonic()
    with _started(engine, start) as (name, address), httpx.Client(base_url=address, trust_env=False) as client:
        # One after the other: a hub that is asked for what is not there yet has a page to make each time.
        for path in start.paths:
            while not _answers(client, path):
                if time.monotonic() - began > PATIENCE_S:
                    said = engine.run("logs", name)
                    raise ImagesError(f"{path} does not answer: {last_lines(said.stdout + said.stderr)}")
                time.sleep(LOOK_S)
        return time.monotonic() - began


@contextmanager
def _started(engine: Program, start: Start) -> Iterator[tuple[str, str]]:
    publish = f"--publish=127.0.0.1::{start.port}"
    name = engine.run("run", "--detach", publish, RECIPES[start.image].tag, *start.command).stdout.strip()
    try:
        yield name, f"http://{engine.run('port', name, str(start.port)).stdout.split()[0]}"
    finally:
        engine.run("rm", "--force", "--volumes", name)


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).is_success
    except httpx.HTTPError:
        return False
