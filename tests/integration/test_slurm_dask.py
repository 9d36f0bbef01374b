"""Workers of Dask clusters that Slurm puts back in the line, and what jobs leave on the disks of nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.slurm.demo.cluster import Cluster
from tests.support.notebook import Notebook
from tests.support.slurm import ANN, BEN, end_all_jobs, put_back
from tests.support.slurm.site import SlurmWorkbench, jobs_of, slurm_workbench
from tests.support.workbench import Visitor, eventually

WHERE = """
def where():
    import os, socket
    return socket.gethostname(), os.environ["SLURM_JOB_ID"], os.environ.get("SLURM_RESTART_COUNT", "0")
"""
BEGIN = (
    """
from dask_gateway import Gateway
cluster = Gateway().new_cluster(worker_memory=0.5, requeue={requeue}, shutdown_on_close=False)
cluster.scale({workers})
client = cluster.get_client()
client.wait_for_workers({workers})
"""
    + WHERE
)
TELL = """
nodes = client.run(where)
print(*(":".join((ws["name"], *nodes[at])) for at, ws in client.scheduler_info()["workers"].items()))
"""
CONNECT = (
    """
from dask_gateway import Gateway
cluster = Gateway().connect({name!r}, shutdown_on_close=False)
client = cluster.get_client()
client.wait_for_workers(1, timeout=180)
"""
    + WHERE
)
REFUSED = """
from dask_gateway import Gateway
try:
    Gateway().new_cluster(requeue=True)
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="module")
def bench(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmWorkbench]:
    end_all_jobs(slurm)
    with slurm_workbench(slurm, tmp_path_factory.mktemp("dask")) as made:
        yield made


@pytest.fixture
def ann(bench: SlurmWorkbench, slurm: Cluster) -> Iterator[Visitor]:
    """Ann, with a seat whose profile lets workers go back in the line."""
    visitor = bench.browser(ANN)
    visitor.start_seat("half")
    yield visitor
    visitor.stop_seat()
    eventually(lambda: jobs_of(slurm, ANN) == [], 60, "her clusters are gone with her seat")
    end_all_jobs(slurm)


@pytest.fixture
def notebook(ann: Visitor) -> Iterator[Notebook]:
    made = Notebook(ann, "python3")
    yield made
    made.close()


def said(notebook: Notebook, code: str) -> str:
    return notebook.done(notebook.run(code)).strip()


def workers_of(notebook: Notebook) -> list[tuple[str, str, int, int]]:
    """Of the cluster's workers the name, the node, the job, and how often it began again."""
    told = (one.split(":") for one in said(notebook, TELL).split())
    return [(name, node, int(job), int(times)) for name, node, job, times in told]


def facts_of(made: Cluster, job: int) -> dict[str, str]:
    shown = made.run("scontrol", "show", "job", str(job))
    return dict(word.split("=", 1) for word in shown.split() if "=" in word)


@pytest.fixture
def far_worker(notebook: Notebook, slurm: Cluster) -> tuple[str, str, int]:
    """A worker alone on its node: its name, node and job. Seat and scheduler are elsewhere."""
    (seat,) = jobs_of(slurm, ANN)
    said(notebook, BEGIN.format(requeue=True, workers=0).replace("client.wait_for_workers(0)", ""))
    (scheduler,) = set(jobs_of(slurm, ANN)) - {seat}
    near = {facts_of(slurm, job)["BatchHost"] for job in (seat, scheduler)}
    for node in near:
        slurm.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    try:
        said(notebook, "cluster.scale(1); client.wait_for_workers(1)")
    finally:
        for node in near:
            put_back(slurm, node)
    ((name, node, job, times),) = workers_of(notebook)
    assert node not in near
    assert times == 0
    return name, node, job


def kill_gateway(made: Cluster, bench: SlurmWorkbench) -> None:
    """End the gateway where it stands, and wait until the hub has started it anew."""
    begun = bench.hub_log.count("Dask-Gateway server started")
    (gateway,) = made.run("pgrep", "-f", "dask_gateway_server -f").split()
    made.run("kill", "-9", gateway)
    eventually(lambda: bench.hub_log.count("Dask-Gateway server started") > begun, 60, "there is another")


def test_a_worker_whose_node_is_lost_goes_back_in_the_line_and_comes_back_as_the_same_worker(
    ann: Visitor, notebook: Notebook, far_worker: tuple[str, str, int], slurm: Cluster, bench: SlurmWorkbench
) -> None:
    name, node, job = far_worker
    before = jobs_of(slurm, ANN)
    slurm.end_node(node)
    try:
        eventually(lambda: facts_of(slurm, job)["JobState"] == "PENDING", 60, "Slurm has put it back")
        assert jobs_of(slurm, ANN) == before, "nobody has taken its place"
        cluster = said(notebook, "print(cluster.name)")
        kill_gateway(slurm, bench)  # one that starts anew meanwhile knows it still
        again = Notebook(ann, "python3")
        said(again, CONNECT.format(name=cluster))
        ((same, elsewhere, its_job, times),) = workers_of(again)
        assert (same, its_job, times) == (name, job, 1)
        assert elsewhere != node
        assert said(again, "print(client.submit(lambda: 6 * 7).result(timeout=30))") == "42"
        again.close()
        log = next((slurm.folder / "home" / ANN / ".local/state/werkbank/dask").glob(f"*/worker-{name}.log"))
        assert log.read_text().count("Start worker at") == 2, "its log goes on"
        eventually(lambda: "worker.returned" in bench.hub_log, 30, "the gateway knows that it is back")
        assert jobs_of(slurm, ANN) == before
    finally:
        slurm.begin_node(node)


def test_a_worker_that_waits_to_come_back_ends_with_its_cluster(
    notebook: Notebook, far_worker: tuple[str, str, int], slurm: Cluster
) -> None:
    _name, node, job = far_worker
    slurm.end_node(node)
    try:
        eventually(lambda: facts_of(slurm, job)["JobState"] == "PENDING", 60, "Slurm has put it back")
        said(notebook, "cluster.shutdown()")
        eventually(lambda: facts_of(slurm, job)["JobState"] == "CANCELLED", 30, "no job is left that nobody owns")
        eventually(lambda: len(jobs_of(slurm, ANN)) == 1, 30, "but the seat's")
    finally:
        slurm.begin_node(node)


def test_a_worker_that_ends_of_itself_is_no_matter_for_the_line_and_another_takes_its_place(
    notebook: Notebook, slurm: Cluster
) -> None:
    said(notebook, BEGIN.format(requeue=True, workers=1))
    ((name, _node, job, _times),) = workers_of(notebook)
    slurm.run("scancel", str(job))
    said(
        notebook,
        f"""
import time
def others():
    return [ws for ws in client.scheduler_info()['workers'].values() if ws['name'] != {name!r}]
end = time.monotonic() + 90
while not others() and time.monotonic() < end:
    time.sleep(0.2)
""",
    )
    ((other, _node, its_job, times),) = workers_of(notebook)
    assert other != name
    assert its_job != job
    assert times == 0


def test_only_workers_are_ever_put_back(notebook: Notebook, slurm: Cluster) -> None:
    (seat,) = jobs_of(slurm, ANN)
    said(notebook, BEGIN.format(requeue=True, workers=1))
    ((_name, _node, worker, _times),) = workers_of(notebook)
    may = {job: facts_of(slurm, job)["Requeue"] for job in jobs_of(slurm, ANN)}
    assert len(may) == 3
    assert {job for job, told in may.items() if told == "1"} == {worker}
    assert may[seat] == "0"


def test_a_profile_that_does_not_allow_it_refuses_in_a_sentence(bench: SlurmWorkbench, slurm: Cluster) -> None:
    ben = bench.browser(BEN)
    ben.start_seat("small")
    notebook = Notebook(ben, "python3")
    try:
        assert "With the profile Small no worker goes back in the line" in said(notebook, REFUSED)
    finally:
        notebook.close()
        ben.stop_seat()
    assert jobs_of(slurm, BEN) == []


FOLDERS = """
def folders(dask_worker=None, dask_scheduler=None):
    import os, tempfile
    return [(dask_worker or dask_scheduler).local_directory, tempfile.gettempdir(), os.getcwd()]
told = [*client.run(folders).values(), client.run_on_scheduler(folders)]
print(*(path for paths in told for path in paths))
"""


def test_a_job_has_a_folder_on_its_node_that_goes_away_with_it_also_when_it_was_killed(
    notebook: Notebook, slurm: Cluster
) -> None:
    said(notebook, BEGIN.format(requeue=False, workers=2))
    told = [Path(path) for path in said(notebook, FOLDERS).split()]
    assert len(told) == 9
    assert not any(path.is_relative_to(slurm.folder / "home") for path in told), "on the node's disk"
    folders = {next(one for one in (path, *path.parents) if one.name.startswith("werkbank-dask-")) for path in told}
    assert len(folders) == 3, "each job has one"
    ((_name, _node, job, _times), *_others) = workers_of(notebook)
    kill_processes_of(slurm, job)
    eventually(lambda: sum(folder.exists() for folder in folders) == 2, 90, "the job that began next took it away")
    said(notebook, "cluster.shutdown()")
    eventually(lambda: not any(folder.exists() for folder in folders), 60, "what ends in good order leaves nothing")


def kill_processes_of(made: Cluster, job: int) -> None:
    """End a job where it runs, without a word to anybody."""
    node = made.machines[facts_of(made, job)["BatchHost"]]
    told = node.run("scontrol", "listpids", str(job)).stdout.splitlines()[1:]
    pids = [line.split()[0] for line in told if line.split()[0] != "-1"]
    assert pids, told
    node.run("kill", "-9", *pids)
