"""A real Slurm of three nodes for tests, and jobs on it."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.slurm.commands import Slurm
from hub.slurm.demo.cluster import Cluster, cluster, why_not
from hub.slurm.demo.configuration import FIRST_UID, Shape
from tests.support.workbench import ROOT, eventually

ANN, BEN, CYN = USERS = ("ann", "ben", "cyn")
SERVICE_USER, PEOPLE = "werkbank", "scientists"
"""Who runs the workbench where root does not, unknown to Slurm; and the Unix group of those who may have seats."""
ACCOUNT, PROGRAMME_ACCOUNT = "climate", "ai-ned"
"""Everybody's, and one that only Ann has besides."""
PEOPLE_GID = FIRST_UID + 100

WAYS = (ROOT, Path(sys.prefix), Path(sys.base_prefix))
"""What seats on nodes run."""


@contextmanager
def slurm_cluster(shape: Shape | None = None, ways: Sequence[Path] = WAYS) -> Iterator[Cluster]:
    """A cluster with three users of one account. Where none can be made, whoever asks is skipped, with the reason."""
    if reason := why_not():
        pytest.skip(f"no Slurm cluster here: {reason}")
    # Other accounts go through it, and sockets lie in it: no folder of pytest's, which is private and deep.
    with tempfile.TemporaryDirectory(prefix="werkbank-slurm-", ignore_cleanup_errors=False) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with cluster(folder, (*USERS, SERVICE_USER), shape or Shape(), ways, ways_on_head=True) as made:
            with (folder / "etc" / "group").open("a") as groups:
                groups.write(f"{PEOPLE}:x:{PEOPLE_GID}:{ANN},{BEN}\n")
            made.run("sacctmgr", "--immediate", "add", "account", f"{ACCOUNT},{PROGRAMME_ACCOUNT}")
            made.run("sacctmgr", "--immediate", "add", "user", ",".join(USERS), f"account={ACCOUNT}")
            made.run("sacctmgr", "--immediate", "add", "user", ANN, f"account={PROGRAMME_ACCOUNT}")
            yield made


def slurm_of(made: Cluster) -> Slurm:
    """Slurm's programs, run on the cluster's head."""
    return Slurm(made.head.enter)


def give(made: Cluster, user: str, *options: str, script: str = "sleep 300") -> int:
    """Submit a job; its number."""
    home = made.folder / "home" / user
    file = home / "job.sh"
    file.write_text(f"#!/bin/bash\n{script}\n")
    said = made.run("sbatch", "--parsable", f"--chdir={home}", "--output=%j.out", *options, str(file), user=user)
    return int(said.split(";")[0])


def output(made: Cluster, user: str, job: int) -> str:
    """What a job printed, once it has ended."""
    wait_until(made, job, "COMPLETED", "FAILED", "OUT_OF_MEMORY", "")
    file = made.folder / "home" / user / f"{job}.out"
    return file.read_text() if file.exists() else ""


def wait_until(made: Cluster, job: int, *states: str, seconds: float = 60) -> None:
    """Wait until a job is in one of these states of Slurm's; "" is for one that squeue does not tell any more."""

    def state() -> bool:
        asks = ("squeue", "--noheader", "--states=all", f"--jobs={job},{job}", "--format=%T")
        told = made.head.run(*asks).stdout.split()
        return (told[0] if told else "") in states

    eventually(state, seconds, f"job {job} is {states}")


def end_all_jobs(made: Cluster) -> None:
    """Cancel every job, and wait until the nodes are free; one that Slurm took out of use is put back."""
    for user in made.users:
        made.run("scancel", f"--user={user}")
    for line in made.run("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines():
        node, state = line.split()
        if state.startswith(("drain", "down", "fail")):
            put_back(made, node)
    made.wait_until_idle()


def put_back(made: Cluster, node: str) -> None:
    """Have Slurm use a node again; it says that this is no state for it where it came back by itself meanwhile."""
    made.head.run("scontrol", "update", f"NodeName={node}", "State=RESUME")


def wait_until_saved(made: Cluster, job: int) -> None:
    """Wait until slurmctld has written down that a job runs: killed before, it would not know when it is back."""
    wait_until(made, job, "RUNNING")
    began, file = time.time(), made.folder / "state" / "job_state"
    # Where nothing has changed since it last wrote, it does not write again.
    made.run("scontrol", "update", f"JobId={job}", "Comment=changed")
    eventually(lambda: file.exists() and file.stat().st_mtime > began, 30, "the state is saved")
