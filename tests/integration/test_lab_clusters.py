"""Dask clusters from inside JupyterLab, through the seat, at the real gateway."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.support.lease_seat import Seat
from tests.support.workbench import Workbench, eventually, run_in_seat, seat_environment

Json = dict[str, Any]
CLUSTERS = "/user/scientist/werkbank/lab/clusters"
NOBODYS = "0" * 32


class Lab:
    """What the page in the browser does with clusters."""

    def __init__(self, seat: Seat) -> None:
        self._http = seat.visitor.http
        self._headers = {"Authorization": f"token {seat.visitor.token()}"}

    def __call__(self, method: str, path: str = "", json: Any = None) -> httpx.Response:
        return self._http.request(method, f"{CLUSTERS}{path}", headers=self._headers, json=json, timeout=90)

    def all(self) -> list[Json]:
        reply = self("GET")
        assert reply.status_code == 200, reply.text
        found: list[Json] = reply.json()["clusters"]
        return found

    def until(self, holds: Callable[[list[Json]], Any], what: str) -> list[Json]:
        return eventually(lambda: (now := self.all()) is not None and holds(now) and (now or [{}]), what=what)

    def start(self, workers: int, **options: Any) -> str:
        reply = self("POST", json={"workers": workers, "options": options})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["name"])


@pytest.fixture
def lab(medium: Seat) -> Iterator[Lab]:
    lab = Lab(medium)
    yield lab
    for cluster in lab.all():
        lab("DELETE", f"/{cluster['name']}")
    lab.until(lambda now: not now, "no cluster is left")


def test_a_cluster_is_started_with_chosen_options_scaled_and_shut_down(lab: Lab) -> None:
    name = lab.start(2, worker_memory=0.5)
    [found] = lab.until(lambda now: now and now[0]["workers"]["running"] == 2, "two workers run")
    assert (found["name"], found["status"], found["workers"]) == (name, "running", {"running": 2, "wanted": 2})
    assert found["options"] == {"worker_cores": 1, "worker_memory": 0.5, "gpu_class": "none"}
    assert found["dashboard"].startswith("/user/scientist/proxy/")

    assert lab("POST", f"/{name}/scale", json={"workers": 1}).status_code == 200
    lab.until(lambda now: now[0]["workers"] == {"running": 1, "wanted": 1}, "one worker runs")
    assert lab("DELETE", f"/{name}").status_code == 204
    lab.until(lambda now: now == [], "it is gone")


def test_a_cluster_started_in_a_notebook_is_there_too_and_can_be_used_from_both(lab: Lab, workbench: Workbench) -> None:
    seat = seat_environment("scientist", workbench)
    started = run_in_seat("from dask_gateway import Gateway; print(Gateway().submit())", seat)
    assert started.returncode == 0, started.stderr
    name = started.stdout.strip()
    lab.until(lambda now: now and (now[0]["name"], now[0]["status"]) == (name, "running"), "it is told")
    assert lab("POST", f"/{name}/scale", json={"workers": 1}).status_code == 200
    code = f"""
from dask_gateway import Gateway
with Gateway().connect({name!r}) as cluster, cluster.get_client() as client:
    print(client.submit(sum, range(10)).result())
"""
    used = run_in_seat(code, seat)
    assert (used.returncode, used.stdout.strip()) == (0, "45"), used.stderr


def test_the_options_are_the_profiles_with_their_bounds(lab: Lab) -> None:
    fields = {field["field"]: field for field in lab("GET", "/options").json()["options"]}
    assert fields["worker_cores"]["spec"] == {"type": "int", "min": 1, "max": 1}
    assert fields["worker_memory"]["spec"] == {"type": "float", "min": 0.25, "max": 2.0}
    assert fields["gpu_class"]["spec"] == {"type": "select", "options": ["none", "simulated"]}
    told = lab("GET").json()
    assert (told["most_clusters"], told["most_workers"]) == (2, 4)


def test_a_browser_gets_no_keys_of_a_cluster(lab: Lab, medium: Seat) -> None:
    lab.start(0)
    text = lab("GET").text
    assert "PRIVATE KEY" not in text
    assert "CERTIFICATE" not in text
    assert medium.token not in text


WRONG = [
    ("no workers", "", {"options": {}}, 400, "not null"),
    ("minus one worker", "", {"workers": -1}, 400, "not -1"),
    ("half a worker", "", {"workers": 1.5}, 400, "not 1.5"),
    ("yes for workers", "", {"workers": True}, 400, "not true"),
    ("a list", "", [1], 400, "workers"),
    ("options in a list", "", {"workers": 1, "options": [1]}, 400, "workers"),
    ("too much memory", "", {"workers": 1, "options": {"worker_memory": 64}}, 422, "worker_memory must be"),
    ("an unknown option", "", {"workers": 1, "options": {"image": "evil"}}, 422, "image"),
    ("nobody's cluster", f"/{NOBODYS}/scale", {"workers": 1}, 404, "not found"),
    ("a path out of here", "/..%2F..%2Fclusters/scale", {"workers": 1}, 404, ""),
]


@pytest.mark.parametrize(("path", "body", "status", "words"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_cannot_be_had_is_refused_in_a_sentence_and_nothing_starts(
    lab: Lab, path: str, body: Any, status: int, words: str
) -> None:
    reply = lab("POST", path, json=body)
    assert reply.status_code == status, reply.text
    assert words in reply.text
    assert "Traceback" not in reply.text
    assert lab.all() == []


def test_more_workers_than_the_profile_has_are_refused_and_the_new_cluster_does_not_stay(lab: Lab) -> None:
    lab.start(3)
    reply = lab("POST", json={"workers": 2, "options": {}})
    assert reply.status_code == 409
    assert "this one can have at most 1, not 2" in reply.json()["message"]
    lab.until(lambda now: len(now) == 1, "only the first is left")


def test_clusters_of_somebody_else_cannot_be_touched(lab: Lab, others: Seat) -> None:
    name = lab.start(0)
    theirs = {"Authorization": f"token {others.visitor.token()}"}
    path = "/user/trainer/werkbank/lab/clusters"
    assert others.visitor.http.get(path, headers=theirs).json()["clusters"] == []
    for method, rest in (("POST", f"/{name}/scale"), ("DELETE", f"/{name}")):
        reply = others.visitor.http.request(method, f"{path}{rest}", headers=theirs, json={"workers": 1})
        assert reply.status_code == 403, reply.text
    assert [one["status"] for one in lab.all()] == ["running"]
