"""The whole workbench on the head of a real Slurm, run by an account that is not root and has one file of sudo's."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hub.slurm.demo.cluster import Cluster
from tests.support.notebook import Notebook
from tests.support.slurm import ANN, BEN, CYN, SERVICE_USER, end_all_jobs
from tests.support.slurm.rights import no_sudo_rules, sudo_rules
from tests.support.slurm.site import SlurmWorkbench, jobs_of, slurm_workbench, told_of_failure
from tests.support.workbench import Visitor, eventually, processes_around

WHO = "import getpass, os; print(getpass.getuser(), os.environ['CUDA_VISIBLE_DEVICES'])"
DASK = """
from dask_gateway import Gateway
cluster = Gateway().new_cluster(worker_memory=0.5)
cluster.scale(1)
client = cluster.get_client()
client.wait_for_workers(1)
def who():
    import getpass
    return getpass.getuser()
print(client.submit(who).result(timeout=60), client.submit(lambda: 6 * 7).result(timeout=60))
"""
ASKS_FOR_A_PAGE = f"""
import asyncio, subprocess, time
from hub.slurm import commands
from hub.slurm.submit import ESTIMATE_PATIENCE_S, JobRequest, expected

def runs():
    return subprocess.run(["pgrep", "-x", "sbatch"], stdout=subprocess.DEVNULL).returncode == 0

async def ask():
    began = time.monotonic()
    try:
        await expected("{BEN}", JobRequest("test", "/", 1, 2**20, 60))
    except commands.SlurmSilent:
        assert time.monotonic() - began < ESTIMATE_PATIENCE_S + 5
        print("gave up", "and it runs on" if runs() else "and it is gone")

asyncio.run(ask())
"""
AS_SERVICE = ("setpriv", "--reuid", SERVICE_USER, "--regid", SERVICE_USER, "--init-groups", "--")


@pytest.fixture(scope="module")
def allowed(slurm: Cluster) -> Iterator[None]:
    """The service's account may give jobs of members of one group, and nothing else."""
    with sudo_rules(slurm):
        yield


@pytest.fixture(scope="module")
def bench(slurm: Cluster, allowed: None) -> Iterator[SlurmWorkbench]:
    end_all_jobs(slurm)
    folder = slurm.folder / "home" / SERVICE_USER / "workbench"
    folder.mkdir()
    with slurm_workbench(slurm, folder, runs_as=SERVICE_USER) as made:
        yield made


@pytest.fixture
def ann(bench: SlurmWorkbench, slurm: Cluster) -> Iterator[Visitor]:
    """Ann, without a seat before and after."""
    visitor = bench.browser(ANN)
    yield visitor
    visitor.stop_seat()
    end_all_jobs(slurm)


def said(visitor: Visitor, code: str, kernel: str = "python3") -> str:
    """The last line that a cell prints."""
    notebook = Notebook(visitor, kernel)
    try:
        return notebook.done(notebook.run(code), 90).strip().splitlines()[-1]
    finally:
        notebook.close()


def refused(made: Cluster, user: str, *command: str) -> str:
    """What an account reads that may not do something on the head."""
    run = made.head.run(*command, user=user)
    assert run.returncode != 0, run.stdout
    return run.stderr


@contextmanager
def silent(made: Cluster) -> Iterator[None]:
    """Meanwhile slurmctld takes connections and does not answer."""
    pid = str(made.daemons["slurmctld"].pid)
    os.kill(int(pid), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(int(pid), signal.SIGCONT)


def test_seat_gpu_kernel_and_dask_cluster_are_jobs_of_their_person_and_all_end(ann: Visitor, slurm: Cluster) -> None:
    ann.start_seat()
    assert said(ann, "import getpass; print(getpass.getuser(), 6 * 7)") == f"{ANN} 42"
    gpu = Notebook(ann, "python3-h200")
    user, device = gpu.done(gpu.run(WHO)).strip().splitlines()[-1].split()
    assert (user, device.isdecimal()) == (ANN, True)
    assert said(ann, DASK) == f"{ANN} 42"
    names = sorted(slurm.run("squeue", "--noheader", f"--user={ANN}", "--format=%j").split())
    assert names == ["werkbank-dask", "werkbank-dask", "werkbank-kernel", "werkbank-seat"]
    assert set(slurm.run("squeue", "--noheader", "--format=%u").split()) == {ANN}
    gpu.leave()
    ann.stop_seat()
    eventually(lambda: jobs_of(slurm, ANN) == [], 60, "kernel and cluster have ended with the seat")


def test_nothing_runs_as_root_and_nobody_else_gets_into_the_state(bench: SlurmWorkbench, slurm: Cluster) -> None:
    service = slurm.run("id", "-u", SERVICE_USER).strip()
    # sudo is root's while it hands something to Slurm, and nothing else is.
    running = [one for one in processes_around(bench.state) if one.name() != "sudo"]
    assert len(running) >= 5, "hub, proxy, service, gateway and culler"
    assert {str(one.uids().real) for one in running} == {service}
    assert {file.lstat().st_uid for file in bench.state.rglob("*")} == {int(service)}
    assert "Permission denied" in refused(slurm, ANN, "ls", str(bench.state))


def test_the_service_reads_no_home_and_runs_nothing_but_slurm_s_two_programs(
    bench: SlurmWorkbench, slurm: Cluster
) -> None:
    home = str(slurm.folder / "home" / ANN)
    assert "Permission denied" in refused(slurm, SERVICE_USER, "ls", home)
    as_ann = ("sudo", "-n", "-u", ANN, "--")
    for program in ("cat", "sh", "scontrol", "srun", "squeue"):
        assert "a password is required" in refused(slurm, SERVICE_USER, *as_ann, program, home)
    assert "a password is required" in refused(slurm, SERVICE_USER, "sudo", "-n", "-u", "root", "--", "scancel", "1")
    assert slurm.head.run(*as_ann, "scancel", "--version", user=SERVICE_USER).returncode == 0


def test_who_is_not_in_the_group_reads_that_their_jobs_may_not_be_given(bench: SlurmWorkbench, slurm: Cluster) -> None:
    cyn = bench.browser(CYN)
    assert f"may not start jobs as {CYN} here" in told_of_failure(cyn)
    assert "seat.failed" in bench.hub_log
    assert "a password is required" in bench.hub_log
    assert jobs_of(slurm, CYN) == []


def test_a_job_that_may_not_be_taken_back_any_more_is_told_to_the_admins(bench: SlurmWorkbench, slurm: Cluster) -> None:
    ben = bench.browser(BEN)
    ben.start_seat()
    (job,) = jobs_of(slurm, BEN)
    with no_sudo_rules(slurm):
        ben.http.delete(f"/hub/api/users/{BEN}/server", headers=ben.api_headers())
        eventually(lambda: "seat.stays" in bench.hub_log, 30, "it is in the log")
    (line,) = (line for line in bench.hub_log.splitlines() if "seat.stays" in line)
    assert f"job={job}" in line
    assert "a password is required" in line
    end_all_jobs(slurm)
    eventually(lambda: not ben.hub_user()["servers"], 30, "the hub knows")


def test_a_seat_that_dies_at_its_start_says_its_last_words_although_its_log_cannot_be_read(
    bench: SlurmWorkbench, slurm: Cluster
) -> None:
    settings = slurm.folder / "home" / BEN / ".jupyter" / "jupyter_server_config.py"
    slurm.run("install", "-d", "-m", "700", str(settings.parent), user=BEN)
    settings.write_text("raise SystemExit('no luck today')\n")
    try:
        assert "no luck today" in told_of_failure(bench.browser(BEN))
    finally:
        settings.unlink()
    eventually(lambda: jobs_of(slurm, BEN) == [], 30, "the job is over")


def test_a_slurm_that_is_silent_is_said_to_be_so_and_nothing_of_sudo_stays(
    bench: SlurmWorkbench, slurm: Cluster
) -> None:
    ben = bench.browser(BEN)
    with silent(slurm):
        assert "Slurm does not answer now, so nothing was started" in told_of_failure(ben)
        eventually(lambda: slurm.head.run("pgrep", "sbatch").returncode == 1, 30, "sudo has ended what it ran")
    eventually(lambda: jobs_of(slurm, BEN) == [], 30, "nothing was given")
    ben.start_seat()
    ben.stop_seat()


def test_what_a_page_asks_is_given_up_in_time_and_sudo_ends_it(slurm: Cluster, allowed: None) -> None:
    with silent(slurm):
        asks = slurm.head.run(*AS_SERVICE, sys.executable, "-P", "-W", "error", "-c", ASKS_FOR_A_PAGE, timeout=60)
    assert (asks.stdout, asks.stderr) == ("gave up and it is gone\n", "")
