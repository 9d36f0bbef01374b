"""GPU kernels as jobs of a real Slurm: where they wait, what they survive, and what of Slurm nobody has to know."""

from collections.abc import Iterator
from typing import Any

import pytest

from hub.slurm.demo.cluster import Cluster
from tests.support.notebook import Notebook
from tests.support.slurm import ANN, BEN, PROGRAMME_ACCOUNT, end_all_jobs, give, wait_until
from tests.support.slurm.site import SlurmWorkbench, slurm_workbench
from tests.support.workbench import Visitor, eventually

KERNEL = "python3-h200"
WHERE = "import os, socket; print(socket.gethostname(), os.getpid(), os.environ['CUDA_VISIBLE_DEVICES'] or 'none')"


@pytest.fixture(scope="module")
def bench(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmWorkbench]:
    end_all_jobs(slurm)
    with slurm_workbench(slurm, tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture(scope="module")
def seated(bench: SlurmWorkbench) -> Iterator[Visitor]:
    """Ann, with a seat."""
    visitor = bench.browser(ANN)
    visitor.start_seat()
    yield visitor
    visitor.stop_seat()


@pytest.fixture
def ann(seated: Visitor, slurm: Cluster) -> Iterator[Visitor]:
    """Ann, with a seat and no other job before and after."""
    yield seated
    for job in jobs_named(slurm, "werkbank-kernel") + jobs_named(slurm, "job.sh"):
        slurm.run("scancel", str(job))
    eventually(lambda: not jobs_named(slurm, "werkbank-kernel"), 30, "no kernel's job is left")


@pytest.fixture
def notebook(ann: Visitor) -> Iterator[Notebook]:
    made = Notebook(ann, KERNEL)
    yield made
    made.close()


def jobs_named(made: Cluster, name: str, user: str = "") -> list[int]:
    whose = [f"--user={user}"] if user else []
    return [int(one) for one in made.run("squeue", "--noheader", f"--name={name}", "--format=%A", *whose).split()]


def kill_processes_of(made: Cluster, job: int) -> None:
    """End a job where it runs, without a word to anybody."""
    node = made.machines[node_of(made, job)]
    told = node.run("scontrol", "listpids", str(job)).stdout.splitlines()[1:]
    pids = [line.split()[0] for line in told if line.split()[0] != "-1"]
    assert pids, told
    node.run("kill", "-9", *pids)


def node_of(made: Cluster, job: int) -> str:
    return made.run("squeue", "--noheader", f"--job={job}", "--format=%B").strip()


def state_of(notebook: Notebook) -> str:
    told = notebook._http.get(f"{notebook.seat}api/kernels/{notebook.id}", headers=notebook._headers)
    return str(told.json().get("execution_state", ""))


def said(notebook: Notebook, code: str) -> str:
    """The last line that a cell prints; before it may stand how long it waited."""
    return notebook.done(notebook.run(code)).strip().splitlines()[-1]


def lease_of(notebook: Notebook) -> dict[str, Any]:
    """What the seat tells the lab of the kernel's lease."""
    path = f"{notebook.seat}werkbank/kernels/{notebook.id}/lease"
    told = notebook._http.get(path, headers=notebook._headers)
    assert told.is_success, told.text
    lease: dict[str, Any] = told.json()["lease"] or {}
    return lease


def test_a_gpu_kernel_is_a_job_of_its_own_with_the_class_s_devices(notebook: Notebook, slurm: Cluster) -> None:
    node, _pid, device = said(notebook, WHERE).split()
    (job,) = jobs_named(slurm, "werkbank-kernel")
    shown = slurm.run("scontrol", "show", "job", str(job))
    for fact in (
        f"UserId={ANN}",
        f"Account={PROGRAMME_ACCOUNT}",
        f"NodeList={node}",
        "TresPerNode=gres:gpu:h200:1",
        "Requeue=0",
    ):
        assert fact in shown
    assert device != "none"
    lease = lease_of(notebook)
    assert (lease["state"], lease["job"]["id"], lease["job"]["node"]) == ("active", job, node)
    notebook.close()
    eventually(lambda: not jobs_named(slurm, "werkbank-kernel"), 30, "the job has ended with the kernel")


def test_a_cell_waits_in_a_live_notebook_and_says_what_slurm_says(ann: Visitor, slurm: Cluster) -> None:
    whole = [give(slurm, BEN, "--gres=gpu:h200:2", "--mem=100M") for _node in range(3)]
    for job in whole:
        wait_until(slurm, job, "RUNNING")
    notebook = Notebook(ann, KERNEL)
    try:
        cell = notebook.run(WHERE)
        shown = notebook.shows(cell, "number 1 of 1 in the queue")
        assert "H200 (simulated)" in shown
        notebook.shows(cell, "The cluster is full now")
        assert "number 1 of 1" in notebook.done(notebook.run("%werkbank queue"))
        lease = lease_of(notebook)
        assert (lease["state"], lease["place"], lease["reason"]["code"]) == ("queued", 1, "Resources")
        slurm.run("scancel", str(whole[1]))
        assert "after waiting" in notebook.done(cell)
        assert lease_of(notebook)["state"] == "active"
    finally:
        notebook.close()


def test_who_stops_waiting_gives_the_place_up_and_the_next_cell_asks_anew(ann: Visitor, slurm: Cluster) -> None:
    whole = [give(slurm, BEN, "--gres=gpu:h200:2", "--mem=100M") for _node in range(3)]
    for job in whole:
        wait_until(slurm, job, "RUNNING")
    notebook = Notebook(ann, KERNEL)
    try:
        cell = notebook.run("print('never')")
        notebook.shows(cell, "The cluster is full now")
        (first,) = jobs_named(slurm, "werkbank-kernel")
        notebook.interrupt()
        assert "Its request is withdrawn" in notebook.done(cell)
        eventually(lambda: not jobs_named(slurm, "werkbank-kernel"), 20, "the job is taken back")
        for job in whole:
            slurm.run("scancel", str(job))
        assert said(notebook, "print('now')") == "now"
        assert jobs_named(slurm, "werkbank-kernel") != [first]
    finally:
        notebook.close()


def test_a_cell_that_runs_is_interrupted(notebook: Notebook) -> None:
    cell = notebook.run("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    notebook.shows(cell, "begun")
    notebook.interrupt()
    assert "KeyboardInterrupt" in notebook.done(cell)
    assert said(notebook, "print(1 + 1)") == "2"


def test_a_restart_keeps_the_job_and_its_devices(notebook: Notebook, slurm: Cluster) -> None:
    node, pid, _device = said(notebook, f"here = 1\n{WHERE}").split()
    (job,) = jobs_named(slurm, "werkbank-kernel")
    notebook.restart()
    again = said(notebook, WHERE).split()
    assert again[0] == node
    assert again[1] != pid
    assert "NameError" in notebook.done(notebook.run("here"))
    assert jobs_named(slurm, "werkbank-kernel") == [job]


def test_a_kernel_that_crashes_is_started_again_in_its_job(notebook: Notebook, slurm: Cluster) -> None:
    said(notebook, WHERE)
    (job,) = jobs_named(slurm, "werkbank-kernel")
    notebook.run("import os; os.kill(os.getpid(), 9)")
    eventually(lambda: "starting" in state_of(notebook) or "restarting" in state_of(notebook), 20, "it is missed")
    notebook.reconnect()
    assert said(notebook, "print('back')") == "back"
    assert jobs_named(slurm, "werkbank-kernel") == [job]


def test_a_kernel_outlives_its_seat_and_the_next_one_finds_it(bench: SlurmWorkbench, slurm: Cluster) -> None:
    ben = bench.browser(BEN)
    ben.start_seat()
    notebook = Notebook(ben, KERNEL)
    node, pid, _device = said(notebook, f"kept = 42\n{WHERE}").split()
    (job,) = jobs_named(slurm, "werkbank-kernel")
    (seat,) = jobs_named(slurm, "werkbank-seat", BEN)
    kill_processes_of(slurm, seat)
    eventually(lambda: not jobs_named(slurm, "werkbank-seat", BEN), 30, "the seat is dead")
    eventually(lambda: not ben.hub_user()["servers"], 30, "the hub knows")
    assert jobs_named(slurm, "werkbank-kernel") == [job]
    notebook.leave()
    ben.start_seat()
    again = Notebook(ben, KERNEL, running=notebook.id)
    assert said(again, "print(kept)") == "42"
    assert said(again, WHERE).split()[:2] == [node, pid]
    assert lease_of(again)["state"] == "active"
    again.close()
    eventually(lambda: not jobs_named(slurm, "werkbank-kernel"), 30, "the job ends with the kernel")
    ben.stop_seat()


def test_kernels_end_with_a_seat_that_its_user_stops(bench: SlurmWorkbench, slurm: Cluster) -> None:
    ben = bench.browser(BEN)
    ben.start_seat()
    notebook = Notebook(ben, KERNEL)
    said(notebook, WHERE)
    assert len(jobs_named(slurm, "werkbank-kernel")) == 1
    notebook.leave()
    ben.stop_seat()
    eventually(lambda: not jobs_named(slurm, "werkbank-kernel"), 30, "the kernel's job has ended, too")


def test_a_cancelled_job_says_so_and_a_restart_asks_anew(notebook: Notebook, slurm: Cluster) -> None:
    said(notebook, WHERE)
    cell = notebook.run("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    notebook.shows(cell, "begun")
    (job,) = jobs_named(slurm, "werkbank-kernel")
    slurm.run("scancel", str(job))
    assert "was cancelled in Slurm" in notebook.done(cell)
    assert "was cancelled in Slurm" in notebook.done(notebook.run("1"))
    notebook.restart()
    assert said(notebook, "print('anew')") == "anew"
    assert jobs_named(slurm, "werkbank-kernel") != [job]


def test_a_lost_node_takes_the_kernel_and_its_user_reads_why(ann: Visitor, slurm: Cluster) -> None:
    (seat,) = jobs_named(slurm, "werkbank-seat", ANN)
    here = node_of(slurm, seat)
    others = [name for name in slurm.shape.names if name != here]
    blocker = give(slurm, BEN, f"--nodelist={here}", "--gres=gpu:h200:2", "--mem=100M")
    wait_until(slurm, blocker, "RUNNING")
    notebook = Notebook(ann, KERNEL)
    try:
        node = said(notebook, WHERE).split()[0]
        assert node in others
        cell = notebook.run("import time\nprint('begun', flush=True)\ntime.sleep(600)")
        notebook.shows(cell, "begun")
        slurm.end_node(node)
        try:
            assert "broke down" in notebook.done(cell, 40)
            notebook.restart()
            assert said(notebook, WHERE).split()[0] not in (node, here)
        finally:
            slurm.begin_node(node)
    finally:
        notebook.close()
