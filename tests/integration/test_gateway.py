"""Dask Gateway in a seat: no arguments needed, bounded by the profile, gone with the seat."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.workbench import (
    Visitor,
    Workbench,
    eventually,
    processes_around,
    run_in_seat,
    seat_environment,
)


@pytest.fixture(scope="module")
def scientist(workbench: Workbench) -> Iterator[Visitor]:
    """A scientist with a medium seat: four workers, two clusters."""
    visitor = workbench.browser("scientist")
    visitor.start_seat("medium")
    yield visitor
    visitor.stop_seat()


@pytest.fixture
def seat(scientist: Visitor, workbench: Workbench) -> dict[str, str]:
    return seat_environment("scientist", workbench)


def test_a_cluster_without_arguments_computes_on_workers_of_the_seats_environment(seat: dict[str, str]) -> None:
    done = run_in_seat(
        """
from dask_gateway import Gateway
import dask, distributed, sys
with Gateway().new_cluster() as cluster, cluster.get_client() as client:
    cluster.scale(2)
    client.wait_for_workers(2, timeout=60)
    print(client.submit(sum, range(10)).result())
    print(client.submit(lambda: (__import__("sys").executable, __import__("distributed").__version__)).result()
          == (sys.executable, distributed.__version__))
    print(cluster.dashboard_link)
""",
        seat,
    )
    assert done.returncode == 0, done.stderr
    total, same, link = done.stdout.split()
    assert (total, same) == ("45", "True")
    assert re.match(r"/user/scientist/proxy/\d+/services/dask-gateway/clusters/", link)


REFUSED = {
    "too many cores": ("worker_cores=2", "worker_cores must be <= 1"),
    "too much memory": ("worker_memory=64", "worker_memory must be <= 2"),
    "negative memory": ("worker_memory=-1", "worker_memory must be >= 0.25"),
    "no number": ("worker_memory='much'", "worker_memory"),
    "unknown option": ("image='evil'", "Unknown fields ['image']"),
}


@pytest.mark.parametrize(("option", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_options_beyond_the_profile_are_refused_in_a_sentence_and_nothing_starts(
    seat: dict[str, str], option: str, sentence: str
) -> None:
    done = run_in_seat(
        f"""
from dask_gateway import Gateway
gateway = Gateway()
try:
    gateway.new_cluster({option})
except Exception as error:
    print(error)
print(len(gateway.list_clusters()))
""",
        seat,
    )
    assert sentence in done.stdout, done.stdout + done.stderr
    assert done.stdout.split()[-1] == "0"


def test_the_caps_hold_over_all_clusters_of_a_user(seat: dict[str, str]) -> None:
    done = run_in_seat(
        """
from dask_gateway import Gateway
import time
gateway = Gateway()
one, two = gateway.new_cluster(), gateway.new_cluster()
try:
    gateway.new_cluster()
except Exception as error:
    print("third:", error)
one.scale(3)
deadline = time.time() + 60
while len(one.scheduler_info["workers"]) < 3 and time.time() < deadline:
    time.sleep(0.2)
try:
    two.scale(2)
except Exception as error:
    print("scale:", error)
two.adapt(minimum=0, maximum=4)
client = two.get_client()
futures = client.map(lambda n: __import__("time").sleep(0.2) or n, range(60))
print("sum:", sum(client.gather(futures)))
print("workers:", len(one.scheduler_info["workers"]), len(two.scheduler_info["workers"]))
client.close()
two.close(shutdown=True)
one.close(shutdown=True)
""",
        seat,
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert "You have 2 of 2 clusters that the profile Medium allows" in said["third"]
    assert "this one can have at most 1, not 2" in said["scale"]
    assert said["sum"] == str(sum(range(60)))
    assert said["workers"] == "3 1"


def test_more_workers_than_the_profile_has_are_said_and_not_started(seat: dict[str, str]) -> None:
    done = run_in_seat(
        """
import warnings
from dask_gateway import Gateway
with Gateway().new_cluster() as cluster, cluster.get_client() as client:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cluster.scale(1000)
    print([str(warning.message) for warning in said])
    client.wait_for_workers(4, timeout=90)
    print(len(client.scheduler_info(n_workers=-1)["workers"]))
""",
        seat,
    )
    assert done.returncode == 0, done.stderr
    sentence, workers = done.stdout.splitlines()
    assert "1000 workers would exceed resource limit of 4 workers" in sentence
    assert workers == "4"


def test_requests_at_the_same_moment_do_not_pass_the_cap_together(seat: dict[str, str]) -> None:
    done = run_in_seat(
        """
from concurrent.futures import ThreadPoolExecutor
from dask_gateway import Gateway
gateway = Gateway()
def submit(_):
    try:
        return gateway.submit()
    except Exception as error:
        assert "You have 2 of 2 clusters" in str(error), error
with ThreadPoolExecutor(8) as pool:
    names = [name for name in pool.map(submit, range(8)) if name]
print(len(names))
for name in names:
    gateway.stop_cluster(name)
""",
        seat,
    )
    assert done.stdout.strip() == "2", done.stderr


def test_a_killed_worker_in_the_middle_of_a_computation_loses_nothing(seat: dict[str, str]) -> None:
    done = run_in_seat(
        """
from dask_gateway import Gateway
import os, time
with Gateway().new_cluster() as cluster, cluster.get_client() as client:
    cluster.scale(2)
    client.wait_for_workers(2, timeout=60)
    futures = client.map(lambda n: __import__("time").sleep(0.1) or n * n, range(100))
    while sum(f.done() for f in futures) < 10:
        time.sleep(0.05)
    victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, 9)
    print(sum(client.gather(futures)))
    client.wait_for_workers(2, timeout=60)
    print(len(client.scheduler_info()["workers"]))
""",
        seat,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(sum(n * n for n in range(100))), "2"]


def test_the_dashboard_of_a_cluster_is_shown_to_its_user_and_to_nobody_else(
    seat: dict[str, str], scientist: Visitor, workbench: Workbench
) -> None:
    code = """
from dask_gateway import Gateway
cluster = Gateway().new_cluster(shutdown_on_close=False)
print(cluster.name, cluster.dashboard_link)
"""
    name, link = run_in_seat(code, seat).stdout.split()
    page = scientist.http.get(link)
    assert page.status_code == 200
    assert "Dask" in page.text
    stranger = workbench.browser("trainer").http.get(link)
    assert stranger.status_code == 403
    run_in_seat(f"from dask_gateway import Gateway; Gateway().stop_cluster('{name}')", seat)


def test_a_cluster_of_somebody_else_and_a_bad_token_get_a_sentence(seat: dict[str, str], workbench: Workbench) -> None:
    started = run_in_seat("from dask_gateway import Gateway; print(Gateway().submit())", seat)
    name = started.stdout.strip()
    gateway = seat["DASK_GATEWAY__ADDRESS"]
    trainer = workbench.browser("trainer")

    def ask(token: str) -> httpx.Response:
        headers = {"Authorization": f"jupyterhub {token}"}
        return httpx.get(f"{gateway}/api/v1/clusters/{name}", headers=headers, trust_env=False)

    stranger = ask(trainer.token())
    assert stranger.status_code == 403
    assert "lacks permissions" in stranger.json()["error"]
    forged = ask("0" * 32)
    assert forged.status_code == 401
    assert "not valid any more" in forged.json()["error"]
    short_lived = trainer.token(expires_in=1)
    expired = eventually(lambda: (reply := ask(short_lived)).status_code == 401 and reply, what="the token expires")
    assert "not valid any more" in expired.json()["error"]
    run_in_seat(f"from dask_gateway import Gateway; Gateway().stop_cluster('{name}')", seat)


def test_clusters_end_when_their_seat_ends(workbench: Workbench) -> None:
    trainer = workbench.browser("trainer")
    trainer.start_seat("small")
    environment = seat_environment("trainer", workbench)
    started = run_in_seat(
        """
from dask_gateway import Gateway
cluster = Gateway().new_cluster(shutdown_on_close=False)
cluster.scale(1)
print(cluster.name)
""",
        environment,
    )
    name = started.stdout.strip()
    assert name, started.stderr

    def processes() -> int:
        return len(processes_around(workbench.state / "clusters" / name))

    eventually(lambda: processes() >= 2, what="scheduler and worker run")
    trainer.stop_seat()
    eventually(lambda: processes() == 0, what="no process of the cluster is left")
    assert "cluster.ended" in workbench.hub_log


def test_workers_with_gpus_lease_them_under_the_same_cap_as_notebooks(seat: dict[str, str]) -> None:
    """Two simulated GPUs, at most two a user: a notebook has one, so of two workers one runs and one waits."""
    api = {"base_url": seat["WERKBANK_API"], "trust_env": False, "timeout": 30}
    mine = {"Authorization": f"token {seat['JUPYTERHUB_API_TOKEN']}"}
    with httpx.Client(**api, headers=mine) as broker:  # type: ignore[arg-type]
        body = {"key": "notebook-beside-a-cluster", "gpu_class": "simulated", "gated": False}
        notebook = broker.post("/leases", json=body).raise_for_status().json()
        done = run_in_seat(
            """
from dask_gateway import Gateway
import json, os, urllib.request
def leases():
    request = urllib.request.Request(os.environ["WERKBANK_API"] + "/leases",
                                     headers={"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]})
    return [x for x in json.load(urllib.request.urlopen(request)) if x["kind"] == "worker"]
with Gateway().new_cluster(gpu_class="simulated") as cluster, cluster.get_client() as client:
    cluster.scale(2)
    client.wait_for_workers(1, timeout=60)
    seen = client.run(lambda: __import__("os").environ["CUDA_VISIBLE_DEVICES"])
    while len(found := leases()) < 2:
        pass
    waits = [x["reason"]["code"] for x in found if x["state"] == "queued"]
    print(len(seen), *seen.values(), *waits)
    scheduler = client.run_on_scheduler(lambda: repr(__import__("os").environ["CUDA_VISIBLE_DEVICES"]))
    print(scheduler)
""",
            seat,
        )
        assert done.returncode == 0, done.stderr
        first, scheduler = done.stdout.splitlines()
        assert re.fullmatch(r"1 SIMULATED-simulated-\d own-cap", first), first
        assert first.split()[1] != notebook["lease"]["devices"][0]["uuid"]
        assert scheduler == "''", "without a lease a process sees no GPU"
        eventually(
            lambda: [x for x in broker.get("/leases").json() if x["kind"] == "worker"] == [],
            what="the workers' leases ended with their cluster",
        )
        broker.post(f"/leases/{notebook['lease']['id']}/release", json={"reason": "user"}).raise_for_status()


def test_a_gpu_class_the_profile_does_not_have_is_refused_in_a_sentence(seat: dict[str, str]) -> None:
    done = run_in_seat("from dask_gateway import Gateway; Gateway().new_cluster(gpu_class='h900')", seat)
    assert done.returncode != 0
    assert "'h900' is not a valid option for gpu_class" in done.stderr
