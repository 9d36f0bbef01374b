"""What Slurm says, as typed values: jobs, nodes, and the difference between "no" and "no answer"."""

import asyncio
import signal
import time

import pytest

from hub.slurm.commands import Slurm, SlurmRefused, SlurmSilent
from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.configuration import GPU_TYPE, PARTITION
from hub.slurm.jobs import Job, JobState, jobs
from hub.slurm.nodes import Free, free_in, nodes
from tests.support.slurm import ANN, BEN, give, put_back, slurm_of, wait_until, wait_until_saved
from tests.support.workbench import eventually

ONE_GPU = f"--gres=gpu:{GPU_TYPE}:1"


def told(made: Cluster) -> dict[int, Job]:
    return asyncio.run(jobs(slurm_of(made)))


def free(made: Cluster) -> Free:
    return free_in(PARTITION, asyncio.run(nodes(slurm_of(made))).values())


def test_what_is_free_is_what_no_job_holds(quiet: Cluster) -> None:
    assert free(quiet) == Free(3, 3, cpus=24, cpus_free=24, gpus={GPU_TYPE: 6}, gpus_free={GPU_TYPE: 6})
    for _ in range(2):
        wait_until(quiet, give(quiet, ANN, ONE_GPU, "--cpus-per-task=3", "--mem=500M"), "RUNNING")
    eventually(lambda: free(quiet).gpus_free == {GPU_TYPE: 4}, 10, "two GPUs are taken")
    assert free(quiet).cpus_free == 18
    held = [node.memory - node.memory_free for node in asyncio.run(nodes(slurm_of(quiet))).values()]
    assert sum(held) == 1000 * 2**20


def test_a_node_that_is_drained_has_nothing_free_and_says_why(quiet: Cluster) -> None:
    quiet.run("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=new fan | at noon")
    try:
        assert free(quiet).gpus_free == {GPU_TYPE: 4}
        node = asyncio.run(nodes(slurm_of(quiet)))["n2"]
        assert (node.takes_jobs, node.reason, node.gpus) == (False, "new fan | at noon", {GPU_TYPE: 2})
    finally:
        put_back(quiet, "n2")


def test_a_running_job_tells_what_it_holds_and_where(quiet: Cluster) -> None:
    before = time.time()
    job = give(quiet, BEN, ONE_GPU, "--cpus-per-task=2", "--mem=300M", "--time=30", "--nodelist=n2", "--job-name=a,b|c")
    wait_until(quiet, job, "RUNNING")
    one = told(quiet)[job]
    assert (one.state, one.slurm_state, one.user, one.node, one.name) == (
        JobState.RUNNING, "RUNNING", BEN, "n2", "a,b|c",
    )  # fmt: skip
    assert (one.tres.cpus, one.tres.memory, one.tres.gpu_count) == (2, 300 * 2**20, 1)
    assert before - 2 <= one.starts <= time.time() + 2
    assert one.ends - one.starts == 1800


def test_a_job_that_waits_tells_why_and_when_slurm_thinks_that_it_begins(quiet: Cluster) -> None:
    for _ in range(6):
        wait_until(quiet, give(quiet, ANN, ONE_GPU, "--time=10"), "RUNNING")
    waiting = give(quiet, BEN, ONE_GPU)
    one = eventually(
        lambda: next((job for job in [told(quiet)[waiting]] if job.starts and job.reason), None),
        30,
        "the scheduler has thought of it",
    )
    assert (one.state, one.reason, one.node) == (JobState.PENDING, "Resources", "")
    assert 0 < one.starts - time.time() <= 600


def test_a_job_that_ended_tells_how(quiet: Cluster) -> None:
    failed = give(quiet, ANN, script="exit 3")
    wait_until(quiet, failed, "FAILED")
    cancelled = give(quiet, ANN)
    wait_until(quiet, cancelled, "RUNNING")
    quiet.run("scancel", str(cancelled))
    wait_until(quiet, cancelled, "CANCELLED")
    seen = told(quiet)
    assert (seen[failed].state, seen[failed].slurm_state, seen[failed].reason) == (
        JobState.ENDED, "FAILED", "NonZeroExitCode",
    )  # fmt: skip
    assert (seen[cancelled].state, seen[cancelled].slurm_state) == (JobState.ENDED, "CANCELLED")


def test_no_and_no_answer_are_two_things(quiet: Cluster) -> None:
    slurm = slurm_of(quiet)
    with pytest.raises(SlurmRefused, match="Invalid job id"):
        asyncio.run(slurm.ask("scontrol", "show", "job", "999999"))
    with pytest.raises(SlurmRefused, match="not installed"):
        asyncio.run(Slurm(("/no/such/program",)).ask("squeue"))
    quiet.daemons["slurmctld"].end(signal.SIGSTOP)
    try:
        with pytest.raises(SlurmSilent, match="gave no answer within 1 s"):
            asyncio.run(slurm.ask("squeue", patience=1))
    finally:
        quiet.daemons["slurmctld"].end(signal.SIGCONT)


@pytest.mark.parametrize("daemon", ["slurmctld", "munged"])
def test_while_a_daemon_is_away_slurm_is_silent_and_jobs_run_on(quiet: Cluster, daemon: str) -> None:
    job = give(quiet, ANN)
    wait_until_saved(quiet, job)
    quiet.daemons[daemon].end()
    try:
        eventually(lambda: not quiet.daemons[daemon].is_alive, what=f"{daemon} is gone")
        for program in ("squeue", "sinfo"):
            with pytest.raises(SlurmSilent):
                asyncio.run(slurm_of(quiet).ask(program, patience=6))
    finally:
        getattr(quiet, f"begin_{daemon}")()
    eventually(lambda: _runs(quiet, job), 30, "the job is told again")


def _runs(made: Cluster, job: int) -> bool:
    try:
        return told(made)[job].state is JobState.RUNNING
    except SlurmSilent:
        return False
