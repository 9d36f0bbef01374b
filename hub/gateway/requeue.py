"""Workers that Slurm may put back in the line: what has become of one that the scheduler lost. Pure.

Such a worker keeps its name, its job and its place in the cluster's count while Slurm decides: nothing is put in its
place meanwhile, so no work runs twice and no more workers come than were asked for.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from dask_gateway_server.backends.db_base import JobStatus

from hub.slurm.jobs import Job, JobState

LOST = "lost"
"""In a worker's state: when its scheduler lost it (Unix seconds). Kept over restarts of the gateway."""
DECIDES_WITHIN_S = 600.0
"""A job that runs for so long without a word from its worker is given up. Slurm takes five minutes to notice that a
node is dead, unless it is told otherwise (SlurmdTimeout); a worker that began again is there within seconds."""


def may_return(worker: Any) -> bool:
    """Whether a worker that its scheduler lost may come back by itself: nobody asked it to go."""
    is_wanted = worker.target == JobStatus.RUNNING and not worker.close_expected
    return bool(is_wanted and worker.status in (JobStatus.SUBMITTED, JobStatus.RUNNING) and worker.state.get("job"))


def newly_lost(workers: Mapping[str, Any], closed: Iterable[str]) -> list[Any]:
    """Of the workers whose end a scheduler tells (again and again), those that are lost since now."""
    told = (workers[name] for name in closed if name in workers)
    return [worker for worker in told if may_return(worker) and LOST not in worker.state]


def returned(workers: Mapping[str, Any], active: Iterable[str]) -> list[Any]:
    """Of the workers that a scheduler has, those that were lost."""
    return [workers[name] for name in active if name in workers and LOST in workers[name].state]


def is_over(job: Job | None, lost: float, now: float) -> bool:
    """Whether a lost worker's job will not bring it back. Times are Unix seconds."""
    if job is None or job.state is JobState.ENDED:
        return True
    return job.state is JobState.RUNNING and now - max(lost, job.starts) > DECIDES_WITHIN_S
