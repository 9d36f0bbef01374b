"""GPU kernels as jobs of a real Slurm: where they wait, what they survive, and what of Slurm nobody has to know."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.machines import Machine
from tests.support.notebook import Notebook
from tests.support.slurm import (
    ANN,
    BEN,
    CYN,
    PROGRAMME_ACCOUNT,
    end_all_jobs,
    give,
    put_back,
    wait_until,
    wait_until_saved,
)
from tests.support.slurm.site import SlurmWorkbench, slurm_workbench
from tests.support.workbench import ROOT, Visitor, eventually, service_process

KERNEL = "python3-h200"
UNHEARD_S = 45
QUICK = f"""
leases:
  heartbeat_period: 2s
  unheard_life: {UNHEARD_S}s
  min_idle: 3s
  min_idle_crowded: 3s
  min_hold: 3s
  idle_life: 5s
  farewell: 8s
  keep_for: 5s
"""
"""What takes minutes in daily use takes seconds here."""
CONFORM = """
import os, subprocess, sys
paths = os.environ | {{"JUPYTER_PATH": {folder!r}, "PYTHONPATH": {root!r}}}
run = subprocess.run([sys.executable, "-W", "error", "-m", "unittest", "tests.support.slurm.conform"],
                     env=paths, cwd={folder!r}, capture_output=True, text=True)
print(run.stdout[-2000:], run.stderr[-8000:], run.returncode)
"""
WHERE = "import os, socket; print(socket.gethostname(), os.getpid(), os.environ['CUDA_VISIBLE_DEVICES'] or 'none')"


@pytest.fixture(scope="module")
def bench(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmWorkbench]:
    end_all_jobs(slurm)
    with slurm_workbench(slurm, tmp_path_factory.mktemp("slurm"), QUICK) as made:
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


@pytest.fixture
def far_notebook(ann: Visitor, slurm: Cluster) -> Iterator[Notebook]:
    """One whose kernel is not on the node of its seat."""
    (seat,) = jobs_named(slurm, "werkbank-seat", ANN)
    blocker = give(slurm, BEN, f"--nodelist={node_of(slurm, seat)}", "--gres=gpu:h200:2", "--mem=100M")
    wait_until(slurm, blocker, "RUNNING")
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


def act(notebook: Notebook, name: str) -> None:
    """Press a button of the lease."""
    path = f"{notebook.seat}werkbank/kernels/{notebook.id}/lease/{name}"
    told = notebook._http.post(path, headers=notebook._headers)
    assert told.is_success, told.text


def cable(made: Cluster, node: str, state: str) -> None:
    """Cut the cable of a node, or mend it."""
    made.run("ip", "link", "set", f"v-{node}", state)


def is_back(made: Cluster, node: str) -> None:
    """Wait until Slurm gives a node work again."""
    wanted = ("sinfo", "--noheader", f"--nodes={node}", "--format=%T")

    def is_in_use() -> bool:
        state = made.run(*wanted).strip()
        if "down" in state:
            put_back(made, node)
        return state in ("idle", "mixed", "allocated")

    eventually(is_in_use, 60, f"{node} is back")


def said_by_node(node: Machine, *command: str) -> None:
    run = node.run(*command)
    assert run.returncode == 0, run.stderr


def service_answers(notebook: Notebook) -> bool:
    path = f"{notebook.seat}werkbank/kernels/{notebook.id}/lease"
    told = notebook._http.get(path, headers=notebook._headers)
    return told.is_success and not told.json()["silent"]


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
    log = slurm.folder / "home" / ANN / ".local" / "state" / "werkbank" / f"kernel-{lease_of(notebook)['id']}.log"
    notebook.run("import os; os.kill(os.getpid(), 9)")
    eventually(lambda: log.read_text().count("began") == 2, 20, "another has begun")
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


def test_a_lost_node_takes_the_kernel_and_its_user_reads_why(far_notebook: Notebook, slurm: Cluster) -> None:
    node = said(far_notebook, WHERE).split()[0]
    cell = far_notebook.run("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    far_notebook.shows(cell, "begun")
    slurm.end_node(node)
    try:
        assert "broke down" in far_notebook.done(cell, 40)
        far_notebook.restart()
        assert said(far_notebook, WHERE).split()[0] != node
    finally:
        slurm.begin_node(node)
    is_back(slurm, node)


def test_jupyter_s_own_tests_of_kernels_pass_through_a_job(ann: Visitor, slurm: Cluster) -> None:
    folder = slurm.folder / "home" / ANN / "conform"
    spec = folder / "kernels" / "leased" / "kernel.json"
    spec.parent.mkdir(parents=True)
    config = {"gpu_class": "h200", "count": 1, "gated": True}
    description = {
        "argv": [sys.executable, "-m", "werkbank_kernels.job.far_kernel", "-f", "{connection_file}"],
        "display_name": "Leased",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": "werkbank", "config": config}},
    }
    spec.write_text(json.dumps(description))
    notebook = Notebook(ann, "python3")
    try:
        told = notebook.done(notebook.run(CONFORM.format(folder=str(folder), root=str(ROOT))), 300)
    finally:
        notebook.close()
    assert told.rstrip().endswith(" 0"), told


def test_who_has_as_many_gpus_as_allowed_waits_for_their_own_and_slurm_is_not_asked(
    ann: Visitor, slurm: Cluster
) -> None:
    books = [Notebook(ann, KERNEL) for _one in range(3)]
    try:
        for book in books[:2]:
            said(book, WHERE)
        cell = books[2].run(WHERE)
        books[2].shows(cell, "You have as many GPUs as one person can have at once (2)")
        assert len(jobs_named(slurm, "werkbank-kernel")) == 2
        books[0].close()
        assert "after waiting" in books[2].done(cell)
    finally:
        for book in books:
            book.close()


def test_a_service_that_is_gone_for_a_while_takes_no_kernel_with_it(
    bench: SlurmWorkbench, notebook: Notebook, slurm: Cluster
) -> None:
    notebook.done(notebook.run("kept = 1"))
    jobs = jobs_named(slurm, "werkbank-kernel")
    first = service_process(bench)
    first.kill()
    assert said(notebook, "print(kept)") == "1"
    eventually(lambda: service_answers(notebook), 60, "the hub has started it anew")
    assert service_process(bench).pid != first.pid
    assert lease_of(notebook)["state"] == "active"
    assert jobs_named(slurm, "werkbank-kernel") == jobs
    assert said(notebook, "print(kept)") == "1"


def test_while_slurm_is_silent_kernels_run_on(notebook: Notebook, slurm: Cluster) -> None:
    notebook.done(notebook.run("kept = 1"))
    jobs = jobs_named(slurm, "werkbank-kernel")
    wait_until_saved(slurm, jobs[0])
    slurm.daemons["slurmctld"].end()
    try:
        assert said(notebook, "print(kept)") == "1"
    finally:
        slurm.begin_slurmctld()
    eventually(lambda: jobs_named(slurm, "werkbank-kernel") == jobs, 30, "Slurm knows the job")
    assert lease_of(notebook)["state"] == "active"
    assert said(notebook, "print(kept)") == "1"


def test_while_nobody_can_prove_who_they_are_seat_and_kernel_stay(
    notebook: Notebook, ann: Visitor, bench: SlurmWorkbench, slurm: Cluster
) -> None:
    notebook.done(notebook.run("kept = 1"))
    jobs = jobs_named(slurm, "werkbank-kernel") + jobs_named(slurm, "werkbank-seat")
    looks = bench.hub_log.count("slurm.silent")
    slurm.daemons["munged"].end()
    try:
        eventually(lambda: bench.hub_log.count("slurm.silent") > looks + 1, 90, "it was looked in vain, twice")
        assert said(notebook, "print(kept)") == "1"
        assert ann.hub_user()["servers"][""]["ready"]
    finally:
        slurm.begin_munged()
    eventually(
        lambda: jobs_named(slurm, "werkbank-kernel") + jobs_named(slurm, "werkbank-seat") == jobs,
        60,
        "Slurm tells the same jobs",
    )
    assert lease_of(notebook)["state"] == "active"
    assert said(notebook, "print(kept)") == "1"
    assert ann.hub_user()["servers"][""]["ready"]


def test_a_request_waits_for_slurm_to_be_back(ann: Visitor, slurm: Cluster) -> None:
    for seat in jobs_named(slurm, "werkbank-seat"):
        wait_until_saved(slurm, seat)
    slurm.daemons["slurmctld"].end()
    notebook = Notebook(ann, KERNEL)
    try:
        cell = notebook.run("print('here')")
        notebook.shows(cell, "Slurm does not answer now; your place is kept", 90)
    finally:
        slurm.begin_slurmctld()
    try:
        eventually(lambda: "here" in cell.text, 90, "the cell runs")
    finally:
        notebook.close()


def test_a_daemon_that_dies_on_a_node_leaves_no_kernel_that_nobody_knows(
    far_notebook: Notebook, slurm: Cluster
) -> None:
    node, pid, _device = said(far_notebook, WHERE).split()
    cell = far_notebook.run("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    far_notebook.shows(cell, "begun")
    slurm.daemons[f"slurmd.{node}"].end()
    try:
        assert "broke down" in far_notebook.done(cell, 60)
        there = slurm.machines[node]
        eventually(lambda: there.run("kill", "-0", pid).returncode != 0, 20, "the process has ended all the same")
    finally:
        slurm.begin_slurmd(node)
    is_back(slurm, node)
    far_notebook.restart()
    assert said(far_notebook, "print('anew')") == "anew"


def test_a_cut_cable_is_not_a_lost_node_until_slurm_says_so(far_notebook: Notebook, slurm: Cluster) -> None:
    node = said(far_notebook, f"kept = 1\n{WHERE}").split()[0]
    cable(slurm, node, "down")
    try:
        cell = far_notebook.run("print(kept + 1)")
    finally:
        cable(slurm, node, "up")
    assert far_notebook.done(cell).strip() == "2"  # a moment is not missed
    cable(slurm, node, "down")
    try:
        assert "broke down" in far_notebook.done(far_notebook.run("print(kept)"), 60)
    finally:
        cable(slurm, node, "up")
    is_back(slurm, node)
    far_notebook.restart()
    assert said(far_notebook, "print('anew')") == "anew"


def test_the_end_of_a_jobs_time_is_told_before_it_comes(notebook: Notebook, slurm: Cluster) -> None:
    cell = notebook.run("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    notebook.shows(cell, "begun")
    (job,) = jobs_named(slurm, "werkbank-kernel")
    slurm.run("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    assert "Slurm ends it then, whatever runs" in notebook.shows(cell, "The time of this kernel's job is over at", 30)
    assert "The time of the kernel's job was over" in notebook.done(cell, 150)


def test_a_budget_that_is_used_up_is_the_reason_for_waiting(ann: Visitor, slurm: Cluster) -> None:
    bounds = ("sacctmgr", "--immediate", "modify", "account", PROGRAMME_ACCOUNT, "set")
    slurm.run(*bounds, "GrpTRESMins=gres/gpu=1")
    notebook = Notebook(ann, KERNEL)
    try:
        notebook.shows(notebook.run(WHERE), "The budget of your account is used up for now")
    finally:
        slurm.run(*bounds, "GrpTRESMins=gres/gpu=-1")
        notebook.close()


def test_a_full_disk_under_the_logs_keeps_no_kernel_from_running(ann: Visitor, slurm: Cluster) -> None:
    logs = slurm.folder / "home" / ANN / ".local" / "state" / "werkbank"
    nodes = [slurm.machines[name] for name in slurm.shape.names]
    for node in nodes:
        said_by_node(node, "mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=4,mode=777", "none", str(logs))
        node.run("dd", "if=/dev/zero", f"of={logs}/full", "bs=4096", "count=2")
    notebook = Notebook(ann, KERNEL)
    try:
        assert said(notebook, "print('all the same')") == "all the same"
    finally:
        notebook.close()
        for node in nodes:
            said_by_node(node, "umount", "--lazy", str(logs))


def test_a_job_whose_seat_never_comes_back_is_ended(bench: SlurmWorkbench, slurm: Cluster) -> None:
    ben = bench.browser(BEN)
    ben.start_seat()
    notebook = Notebook(ben, KERNEL)
    said(notebook, WHERE)
    (seat,) = jobs_named(slurm, "werkbank-seat", BEN)
    kill_processes_of(slurm, seat)
    notebook.leave()
    assert len(jobs_named(slurm, "werkbank-kernel")) == 1
    eventually(lambda: not jobs_named(slurm, "werkbank-kernel"), UNHEARD_S + 60, "nobody holds the GPU any more")


def test_an_idle_kernel_is_asked_before_its_gpu_goes_to_who_waits(
    ann: Visitor, bench: SlurmWorkbench, slurm: Cluster
) -> None:
    others = [give(slurm, BEN, "--gres=gpu:h200:1", "--mem=100M") for _gpu in range(5)]
    for job in others:
        wait_until(slurm, job, "RUNNING")
    mine = Notebook(ann, KERNEL)
    cyn = bench.browser(CYN)
    cyn.start_seat()
    theirs = Notebook(cyn, KERNEL)
    try:
        mine.done(mine.run("kept = 1"))
        cell = theirs.run(WHERE)
        theirs.shows(cell, "The cluster is full now")
        eventually(lambda: lease_of(mine)["state"] == "notice", 30, "its user is told")
        act(mine, "keep")
        assert lease_of(mine)["state"] == "active"
        assert said(mine, "print(kept)") == "1"
        eventually(lambda: lease_of(mine)["state"] == "notice", 30, "its user is told again")
        assert "after waiting" in theirs.done(cell, 60)
        assert "idle for a long time while others waited" in mine.done(mine.run("kept"))
    finally:
        theirs.close()
        mine.close()
        cyn.stop_seat()


def test_nobody_arrives_with_the_job_of_somebody_else(ann: Visitor, bench: SlurmWorkbench, slurm: Cluster) -> None:
    for job in [give(slurm, CYN, "--gres=gpu:h200:1", "--mem=100M") for _gpu in range(5)]:
        wait_until(slurm, job, "RUNNING")
    hers = Notebook(ann, KERNEL)
    ben = bench.browser(BEN)
    ben.start_seat()
    his = Notebook(ben, KERNEL)
    try:
        said(hers, WHERE)
        (job,) = jobs_named(slurm, "werkbank-kernel", ANN)
        his.shows(his.run("print('never')"), "The cluster is full now")
        for claimed in (job, *jobs_named(slurm, "werkbank-kernel", BEN)):
            path = f"/services/werkbank/api/v1/leases/{lease_of(his)['id']}/arrived"
            body = {"job": claimed, "port": 4000, "key": "k" * 40}
            told = ben.http.post(path, json=body, headers={"Authorization": f"token {ben.token()}"})
            assert told.status_code == 409, told.text
        assert lease_of(hers)["state"] == "active"
        assert lease_of(his)["state"] == "queued"
    finally:
        his.close()
        hers.close()
        ben.stop_seat()
