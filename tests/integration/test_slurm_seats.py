"""Seats as jobs of a real Slurm: whose they are, what their users read, and what they survive."""

import base64
import json
from collections.abc import Iterator

import httpx
import pytest

from hub.slurm.demo.cluster import Cluster
from tests.support.notebook import Notebook
from tests.support.slurm import ANN, BEN, PROGRAMME_ACCOUNT, end_all_jobs, give, wait_until, wait_until_saved
from tests.support.slurm.site import SlurmWorkbench, begin_start, jobs_of, progress_of, slurm_workbench, told_of_failure
from tests.support.workbench import Visitor, eventually, text_of

WHOLE_NODE = ("--exclusive", "--mem=0")


@pytest.fixture(scope="module")
def bench(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmWorkbench]:
    end_all_jobs(slurm)
    with slurm_workbench(slurm, tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture
def ann(bench: SlurmWorkbench, slurm: Cluster) -> Iterator[Visitor]:
    """Ann, without a seat before and after."""
    visitor = bench.browser(ANN)
    yield visitor
    visitor.stop_seat()
    end_all_jobs(slurm)


def said_by(visitor: Visitor, code: str) -> str:
    notebook = Notebook(visitor, "python3")
    try:
        return notebook.done(notebook.run(code)).strip()
    finally:
        notebook.close()


def test_a_seat_is_a_job_of_its_user_on_a_node_and_counts_for_the_programme(ann: Visitor, slurm: Cluster) -> None:
    ann.start_seat("half")
    (job,) = jobs_of(slurm, ANN)
    shown = slurm.run("scontrol", "show", "job", str(job))
    for fact in (f"Account={PROGRAMME_ACCOUNT}", "JobName=werkbank-seat", "NumCPUs=4", "MinMemoryNode=1792M"):
        assert fact in shown
    assert "Requeue=0" in shown
    told = said_by(ann, "import getpass, os, socket; print(getpass.getuser(), socket.gethostname(), os.getcwd())")
    user, node, folder = told.split()
    assert (user, folder) == (ANN, str(slurm.folder / "home" / ANN))
    assert f"NodeList={node}" in shown
    ann.stop_seat()
    assert jobs_of(slurm, ANN) == []


def test_secrets_of_the_job_are_not_in_a_kernel_and_the_log_is_private(ann: Visitor, slurm: Cluster) -> None:
    ann.start_seat()
    assert (
        said_by(ann, "import os; print(sorted(name for name in os.environ if name.startswith('WERKBANK_JOB')))") == "[]"
    )
    log = slurm.folder / "home" / ANN / ".local" / "state" / "werkbank" / "seat-default.log"
    assert log.stat().st_mode & 0o077 == 0
    assert "Jupyter Server" in log.read_text()


@pytest.mark.parametrize(
    "fields",
    [
        {"profile": "small\n#SBATCH --nodelist=n1"},
        {"profile": "small --nodelist=n1"},
        {"profile": "$(touch /tmp/x)"},
        {"profile": "small", "partition": "gpu"},
        {"profile": "small", "req_options": "--nodelist=n1"},
    ],
)
def test_what_somebody_sends_does_not_reach_slurm(ann: Visitor, slurm: Cluster, fields: dict[str, str]) -> None:
    assert ann.post_spawn(fields).status_code == httpx.codes.BAD_REQUEST
    reply = ann.http.post(f"/hub/api/users/{ANN}/server", json=fields, headers=ann.api_headers())
    assert reply.status_code == httpx.codes.BAD_REQUEST
    assert jobs_of(slurm, ANN) == []


def test_the_script_of_a_job_is_the_same_for_everybody_but_for_one_word_of_data(ann: Visitor, slurm: Cluster) -> None:
    ann.start_seat()
    (job,) = jobs_of(slurm, ANN)
    shebang, data, export, program = slurm.run("scontrol", "write", "batch_script", str(job), "-").strip().split("\n")
    assert (shebang, export) == ("#!/bin/sh", "export WERKBANK_JOB")
    assert program.endswith("/bin/python -m werkbank_seat.on_node")
    name, _, text = data.partition("=")
    assert name == "WERKBANK_JOB"
    assert "jupyterhub-singleuser" in json.loads(base64.b64decode(text, validate=True))["argv"][0]


def test_who_waits_reads_why_and_begins_when_the_node_is_free(ann: Visitor, slurm: Cluster) -> None:
    others = [give(slurm, BEN, *WHOLE_NODE, "--time=20") for _ in range(3)]
    for job in others:
        wait_until(slurm, job, "RUNNING")

    def full() -> str:
        told = text_of(ann.http.get("/hub/spawn").text)
        return told if "There is a line" in told else ""

    page = eventually(full, 30, "the page has looked again: it does so every few seconds")
    assert "0 cores free" in page
    assert "waits in line where there is none" in page
    assert "Slurm expects that at about" in page
    assert "0 of 6 free" in page, "GPUs go with a whole node"
    begin_start(ann)
    said = []
    for event in progress_of(ann):
        said.append(event["message"])
        if "Slurm expects that at about" in event["message"]:
            slurm.run("scancel", str(others[0]))
    assert any("The cluster is full now" in one for one in said), said
    assert ann.hub_user()["servers"][""]["ready"]


def test_a_seat_that_can_never_run_is_refused_at_once_with_the_reason(ann: Visitor, slurm: Cluster) -> None:
    slurm.run("scontrol", "update", "PartitionName=gpu", "MaxTime=60")
    try:
        assert "for as long as this profile allows" in told_of_failure(ann)
    finally:
        slurm.run("scontrol", "update", "PartitionName=gpu", "MaxTime=1-0")
    assert jobs_of(slurm, ANN) == []


def test_a_seat_that_dies_while_it_starts_says_so_at_once_with_its_last_words(ann: Visitor, slurm: Cluster) -> None:
    settings = slurm.folder / "home" / ANN / ".jupyter" / "jupyter_server_config.py"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("import sys\nsys.exit('the disk of this <node> is full')\n")
    try:
        # Not as a tag, which would be nothing to read.
        assert "the disk of this <node> is full" in told_of_failure(ann)
    finally:
        settings.unlink()


def test_a_seat_that_waits_longer_than_the_facility_wants_to_is_taken_back(ann: Visitor, slurm: Cluster) -> None:
    for job in [give(slurm, BEN, *WHOLE_NODE) for _ in range(3)]:
        wait_until(slurm, job, "RUNNING")
    begin_start(ann)
    *_, last = progress_of(ann)
    assert last["failed"]
    eventually(lambda: jobs_of(slurm, ANN) == [], 20, "nothing stays in the line")


def test_while_slurm_is_silent_a_seat_stays_and_works(ann: Visitor, slurm: Cluster, bench: SlurmWorkbench) -> None:
    ann.start_seat()
    (job,) = jobs_of(slurm, ANN)
    wait_until_saved(slurm, job)
    looks = bench.hub_log.count("slurm.silent")
    slurm.daemons["slurmctld"].end()
    try:
        eventually(lambda: bench.hub_log.count("slurm.silent") > looks + 1, 60, "the hub has looked in vain, twice")
        assert ann.hub_user()["servers"][""]["ready"]
        assert said_by(ann, "print(6 * 7)") == "42"
    finally:
        slurm.begin_slurmctld()
    eventually(lambda: jobs_of(slurm, ANN) == [job], 30, "the job is told again")
    assert ann.hub_user()["servers"][""]["ready"]


def test_who_is_cancelled_by_an_admin_reads_so(ann: Visitor, slurm: Cluster) -> None:
    ann.start_seat()
    slurm.run("scancel", *map(str, jobs_of(slurm, ANN)))
    eventually(lambda: "" not in ann.hub_user()["servers"], 20, "the seat is gone")
    assert "It was cancelled in Slurm" in text_of(ann.http.get("/hub/spawn").text)
    ann.start_seat()
    ann.stop_seat()
    assert "Your last seat ended" not in text_of(ann.http.get("/hub/spawn").text)


def test_a_seat_that_is_put_back_in_the_line_ends_and_runs_nowhere_twice(ann: Visitor, slurm: Cluster) -> None:
    ann.start_seat()
    (job,) = jobs_of(slurm, ANN)
    slurm.run("scontrol", "update", f"JobId={job}", "Requeue=1")
    slurm.run("scontrol", "requeue", str(job))
    eventually(lambda: "" not in ann.hub_user()["servers"], 20, "the seat is gone")
    assert "put it back in the line" in text_of(ann.http.get("/hub/spawn").text)
    eventually(lambda: jobs_of(slurm, ANN) == [], 20, "the job is taken back")


def test_when_a_node_dies_its_users_learn_it_within_the_time_that_slurm_needs(ann: Visitor, slurm: Cluster) -> None:
    ann.start_seat()
    node = said_by(ann, "import socket; print(socket.gethostname())")
    slurm.end_node(node)
    try:
        eventually(lambda: "" not in ann.hub_user()["servers"], 60, "the seat is gone")
        assert "The node that it ran on broke down" in text_of(ann.http.get("/hub/spawn").text)
    finally:
        slurm.begin_node(node)
    slurm.wait_until_idle()


def test_a_killed_hub_finds_running_seats_again_and_takes_back_those_that_waited(
    bench: SlurmWorkbench, ann: Visitor, slurm: Cluster
) -> None:
    ann.start_seat()
    before = jobs_of(slurm, ANN)
    ben = bench.browser(BEN)
    for job in [give(slurm, BEN, "--cpus-per-task=5", "--mem=1G") for _ in range(3)]:
        wait_until(slurm, job, "RUNNING")
    begin_start(ben, "node")
    waiting = eventually(lambda: len(jobs_of(slurm, BEN)) == 4 and jobs_of(slurm, BEN), what="Ben waits in line")
    bench.kill_hub()
    eventually(lambda: not (bench.state / "run.json").exists(), 60, "the rest has ended")
    started = bench.up()
    assert started.returncode == 0, started.stdout + started.stderr
    again = bench.browser(ANN)
    assert again.hub_user()["servers"][""]["ready"]
    again.http.get(f"/user/{ANN}/lab")
    assert said_by(again, "print(6 * 7)") == "42"
    assert jobs_of(slurm, ANN) == before
    assert len(jobs_of(slurm, BEN)) == len(waiting) - 1
    ann.http.cookies = again.http.cookies


def test_a_dask_cluster_of_jobs_runs_on_other_nodes_and_ends_with_its_seat(ann: Visitor, slurm: Cluster) -> None:
    logs = slurm.folder / "home" / ANN / ".local" / "state" / "werkbank" / "dask"
    before = set(logs.glob("*/worker-*.log"))
    ann.start_seat("half")
    (seat,) = jobs_of(slurm, ANN)
    code = """
import socket
from dask_gateway import Gateway
cluster = Gateway().new_cluster(worker_memory=0.5, gpu_class="h200")
cluster.scale(2)
client = cluster.get_client()
client.wait_for_workers(2)
def where():
    import os, socket
    return socket.gethostname(), os.environ["CUDA_VISIBLE_DEVICES"], os.environ["SLURM_JOB_ACCOUNT"]
print(sorted(client.run(where).values()))
"""
    told = said_by(ann, code)
    workers = json.loads(told.replace("(", "[").replace(")", "]").replace("'", '"'))
    assert len(workers) == 2
    assert {account for _node, _device, account in workers} == {PROGRAMME_ACCOUNT}
    assert all(device.isdecimal() for _node, device, _account in workers)
    assert len(jobs_of(slurm, ANN)) == 4
    assert len(set(logs.glob("*/worker-*.log")) - before) == 2
    ann.stop_seat()
    eventually(lambda: jobs_of(slurm, ANN) == [], 60, f"the cluster is gone with seat {seat}")
    assert len(set(logs.glob("*/worker-*.log")) - before) == 2, "their logs stay"


def test_a_dask_cluster_outlives_a_gateway_that_was_killed_and_a_worker_whose_node_was_lost(
    ann: Visitor, slurm: Cluster, bench: SlurmWorkbench
) -> None:
    ann.start_seat()
    (seat,) = jobs_of(slurm, ANN)
    begin = """
from dask_gateway import Gateway
cluster = Gateway().new_cluster(worker_memory=0.5, shutdown_on_close=False)
cluster.scale(2)
client = cluster.get_client()
client.wait_for_workers(2)
print(cluster.name)
"""
    name = said_by(ann, begin)
    before = jobs_of(slurm, ANN)
    assert len(before) == 4
    (gateway,) = slurm.run("pgrep", "-f", "dask_gateway_server -f").split()
    slurm.run("kill", "-9", gateway)
    eventually(lambda: slurm.head.run("pgrep", "-f", "dask_gateway_server -f").stdout.strip() not in ("", gateway))
    again = f"""
import time
from dask_gateway import Gateway
for _ in range(60):
    try:
        cluster = Gateway().connect({name!r}, shutdown_on_close=False)
        break
    except Exception as error:
        time.sleep(1)
client = cluster.get_client()
client.wait_for_workers(2, timeout=60)
print(client.submit(lambda: 6 * 7).result(timeout=60))
"""
    assert said_by(ann, again) == "42"
    assert jobs_of(slurm, ANN) == before
    nodes = dict(line.split() for line in slurm.run("squeue", "--noheader", "--format=%A %N").splitlines())
    of_seat_and_scheduler = {nodes[str(seat)], nodes[str(sorted(before)[1])]}
    # A worker alone on its node would be the one to lose; with three nodes and four jobs there need not be one.
    lost = next((node for node in nodes.values() if node not in of_seat_and_scheduler), None)
    worker = str(max(before))
    if lost is None:
        slurm.run("scancel", worker)
    else:
        slurm.end_node(lost)
    try:
        eventually(
            lambda: len(jobs_of(slurm, ANN)) == 4 and jobs_of(slurm, ANN) != before, 90, "a worker has taken its place"
        )
        assert said_by(ann, again) == "42"
    finally:
        if lost is not None:
            slurm.begin_node(lost)
    ann.stop_seat()
    eventually(lambda: jobs_of(slurm, ANN) == [], 60, "the cluster is gone with its seat")


def test_only_a_seat_can_say_where_it_is(bench: SlurmWorkbench, ann: Visitor) -> None:
    address = f"{bench.address}/hub/api/werkbank/arrivals"
    with httpx.Client(trust_env=False) as stranger:
        assert stranger.post(address, json={"port": 80}).status_code == httpx.codes.FORBIDDEN
        headers = {"Authorization": f"token {ann.token()}"}
        assert stranger.post(address, json={"port": 80}, headers=headers).status_code == httpx.codes.NOT_FOUND
        for wrong in ({}, {"port": 0}, {"port": 80, "ended": "x"}, {"port": 80, "address": "10.0.0.1"}):
            assert stranger.post(address, json=wrong, headers=headers).status_code == httpx.codes.BAD_REQUEST
