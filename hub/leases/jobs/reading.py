"""What Slurm's list of jobs says of leases. Pure."""

from collections.abc import Iterator, Mapping

from hub.leases.events import Event, Foretold, JobOver
from hub.leases.model import Lease, LeaseState, Outlook
from hub.slurm.jobs import Job, JobState
from hub.slurm.names import KERNEL
from hub.slurm.words import HOPELESS

ARRIVES_WITHIN_S = 90.0
"""A job that runs for so long without a word from its host is ended."""

ENDS = {
    "TIMEOUT": "job-timeout",
    "DEADLINE": "job-timeout",
    "NODE_FAIL": "job-node",
    "BOOT_FAIL": "job-node",
    "OUT_OF_MEMORY": "job-memory",
    "CANCELLED": "job-cancelled",
    "PREEMPTED": "job-preempted",
}
"""The code for how a job ended, by Slurm's word; any other has failed."""


def news_of(lease: Lease, job: Job | None, line: list[int], now: float) -> Iterator[Event]:
    """What has become of a lease whose job was given to Slurm before the list was asked for."""
    if job is None:
        yield JobOver(lease.id, "job-gone")
    elif job.restarts:
        yield JobOver(lease.id, "job-requeued")
    elif job.state is JobState.ENDED or (job.state is JobState.ENDING and job.slurm_state in ENDS):
        yield JobOver(lease.id, how_over(job))
    elif job.state is JobState.ENDING:
        return  # how, Slurm says when it is over
    elif job.state is JobState.PENDING:
        yield JobOver(lease.id, "job-hopeless") if job.reason in HOPELESS else Foretold(lease.id, _waits(job, line))
    elif lease.state is not LeaseState.QUEUED:
        yield Foretold(lease.id, Outlook(ends=job.ends))
    elif job.starts and now - job.starts > ARRIVES_WITHIN_S:
        yield JobOver(lease.id, "job-never-arrived")
    else:
        yield Foretold(lease.id, Outlook(reason="starting", ends=job.ends))


def how_over(job: Job) -> str:
    """Why a lease ends whose job did so unasked: a code of `sentences.ENDED`."""
    return ENDS.get(job.slurm_state, "job-failed")


def _waits(job: Job, line: list[int]) -> Outlook:
    place = line.index(job.id) + 1 if job.id in line else None
    return Outlook(place=place, of=len(line), reason=job.reason or "submitted", starts=job.starts)


def line_of(jobs: Mapping[int, Job], partition: str | None, kind: str) -> list[int]:
    """The jobs that wait for GPUs of this type in a partition, in the order in which Slurm thinks of them.

    "" is any type, as in `Tres.gpus`.
    """
    waiting = (
        job
        for job in jobs.values()
        if job.state is JobState.PENDING and partition in (None, job.partition) and _wants(job, kind)
    )
    return [job.id for job in sorted(waiting, key=lambda job: (-job.priority, job.submitted, job.id))]


def _wants(job: Job, kind: str) -> bool:
    return any(not kind or other in ("", kind) for other in job.tres.gpus)


def orphans(jobs: Mapping[int, Job], leases: Mapping[str, Lease]) -> Iterator[Job]:
    """Jobs that name a lease that is not live, or is another job; who knows whose they are decides."""
    for job in jobs.values():
        if job.name != KERNEL or job.state not in (JobState.PENDING, JobState.RUNNING):
            continue
        lease = leases.get(job.comment)
        if lease is None or lease.job not in (0, job.id):
            yield job
