"""Many seats between their start and their end: spawner objects that JupyterHub's own timer polls.

Run on the head as `python crowd.py FILE`, in the environment of one side: only stock's has batchspawner, and only
Werkbank's has `hub`. The file says whose seats they are (`side`, `user`), their `jobs` and Werkbank's `settings`; the
file that it calls `begun` is made once all is imported. This ends when it is ended, or when a seat was taken for gone.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main(file: Path) -> None:
    """Poll for ever."""
    given = json.loads(file.read_text())
    seats = SIDES[given["side"]](given)
    Path(given["begun"]).touch()
    asyncio.run(poll(seats))


def stock(given: dict[str, Any]) -> list[Any]:
    """As stock has them."""
    from batchspawner import SlurmSpawner

    user = SimpleNamespace(name=given["user"])
    # What a job keeps of its environment is of no use here, and asks a hub.
    return [SlurmSpawner(user=user, job_id=str(job), req_keepvars="PATH") for job in given["jobs"]]


def werkbank(given: dict[str, Any]) -> list[Any]:
    """As Werkbank has them, with one watch for all."""
    from hub.settings import Current
    from hub.slurm.commands import Slurm
    from hub.slurm.names import SEAT
    from hub.slurm.watch import Watch
    from hub.spawners.slurm import Given, SlurmSpawner

    current, watch = Current(Path(given["settings"])), Watch(Slurm(), SEAT)
    site = current.settings.site.slurm
    assert site is not None
    seats = [SlurmSpawner(current=current, watch=watch, poll_interval=site.poll_period) for _job in given["jobs"]]
    for seat, job in zip(seats, given["jobs"], strict=True):
        seat.given = Given(job, given["user"], "127.0.0.1")
    return seats


SIDES = {"stock": stock, "werkbank": werkbank}


async def poll(seats: Sequence[Any]) -> None:
    """For ever, each at its own moment, as seats that began at some time. Raises SystemExit when one is lost."""
    gone = asyncio.Event()

    async def begin(seat: Any, after: float) -> None:
        await asyncio.sleep(after)
        seat.add_poll_callback(gone.set)
        await seat.poll_and_notify()
        seat.start_polling()

    async with asyncio.TaskGroup() as tasks:
        for number, seat in enumerate(seats):
            tasks.create_task(begin(seat, seat.poll_interval * number / len(seats)))
        await gone.wait()
        sys.exit("A seat was taken for gone.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
