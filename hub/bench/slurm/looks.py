"""What Slurm is asked about many seats that run: its own count of questions about jobs."""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from hub.bench import children, usage
from hub.bench.slurm.side import Ground, Side
from hub.errors import StartError
from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.machines import Process, until
from hub.slurm.names import SEAT

FIGURE = "squeue_per_5s"
CPU = "asking_cpu_percent"
"""CPU of the process with the spawners and of all that it starts to ask, in percent of a core."""
ASKED = re.compile(r"^\s*REQUEST_JOB_(?:INFO|INFO_SINGLE|USER_INFO)\s.*count:(\d+)", re.MULTILINE)
"""In what `sdiag` prints: each squeue is one of these, whoever runs it and by whatever way."""
PER_S = 5.0
BEGIN_S = 60.0
SETTLE_S = 2.5
"""Past the first question, and in the middle between two of Werkbank's."""


async def measure(ground: Ground) -> None:
    """So many seats at each side, whose jobs Slurm keeps in its line."""
    runs, seats = ground.plan.runs_of(FIGURE), ground.plan.seats
    jobs = {side.hub.name: _give(ground.made, side.hub.user, seats) for side in ground.sides}
    try:
        for number in range(1, runs + 1):
            for side in ground.sides:
                ground.watcher.now(f"{side.hub.name}: {seats} seats that run, {number} of {runs}")
                with _crowd(ground, side, jobs[side.hub.name]) as process:
                    await ground.attempt(FIGURE, side, _asked(ground, side, process))
                ground.watcher.round_done()
    finally:
        for side in ground.sides:
            ground.made.run("scancel", f"--user={side.hub.user}")


def _give(made: Cluster, user: str, count: int) -> list[int]:
    """So many jobs that wait, as Slurm is to tell of as many seats: a cluster of this size could not run them."""
    options = f"--parsable --hold --job-name={SEAT} --output=/dev/null --chdir=/ --wrap=true"
    script = f'for _ in $(seq "$1"); do sbatch {options} || exit 1; done'
    said = made.run("sh", "-c", script, "sh", str(count), user=user, timeout=300)
    return [int(line.split(";")[0]) for line in said.split()]


@contextmanager
def _crowd(ground: Ground, side: Side, jobs: Sequence[int]) -> Iterator[Process]:
    """The spawners of these seats, polled on the head. Raises StartError."""
    name, begun = side.hub.name, ground.folder / f"crowd-{side.hub.name}.begun"
    settings = str(ground.folder / "werkbank.yaml")
    given = {"side": name, "user": side.hub.user, "jobs": list(jobs), "begun": str(begun), "settings": settings}
    file, log = ground.folder / f"crowd-{name}.json", ground.folder / f"crowd-{name}.log"
    file.write_text(json.dumps(given))
    begun.unlink(missing_ok=True)
    program = (str(ground.python[name]), "-P", str(Path(__file__).with_name("crowd.py")), str(file))
    process = ground.made.head.begin("env", f"HOME={ground.folder}", *program, log=log)
    try:
        until(lambda: begun.exists() or not process.is_alive, f"{len(jobs)} seats are there", BEGIN_S)
        yield process
        if not process.is_alive:
            raise StartError(f"The simulated seats ended. Their last words:\n{children.tail(log)}")
    finally:
        process.end()
        until(lambda: not process.is_alive, f"{name}'s simulated seats have ended")


async def _asked(ground: Ground, side: Side, process: Process) -> float:
    await asyncio.sleep(SETTLE_S)
    watched = [psutil.Process(process.pid)]
    before, cpu, began = _count(ground.made), usage.cpu_s(watched), time.monotonic()
    await asyncio.sleep(ground.plan.seconds)
    after, took = _count(ground.made), time.monotonic() - began
    side.add(CPU, 100 * (usage.cpu_s(watched) - cpu) / took)
    return PER_S * (after - before) / took


def _count(made: Cluster) -> int:
    """Questions about jobs that Slurm has answered so far."""
    return sum(int(count) for count in ASKED.findall(made.run("sdiag")))
