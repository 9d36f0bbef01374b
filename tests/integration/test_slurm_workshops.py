"""Workshops on a real Slurm: whole nodes are kept for them, their people's jobs run there, and outlive them."""

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from hub.slurm.demo.cluster import Cluster
from hub.slurm.reservations import NodeReservation, reservations
from tests.support.classroom import Learner
from tests.support.notebook import Notebook
from tests.support.slurm import ANN, BEN, CYN, end_all_jobs, give, put_back, slurm_of, wait_until
from tests.support.slurm.site import SlurmWorkbench, slurm_workbench
from tests.support.workbench import Visitor, eventually, text_of

QUICK = """
workshops:
  warm_before: 5s
culling:
  check_period: 5s
  warn_before: 20m
"""
API = "/services/werkbank/api/v1"
DASK = """
from dask_gateway import Gateway
cluster = Gateway().new_cluster(worker_memory=0.5)
cluster.scale(1)
client = cluster.get_client()
client.wait_for_workers(1, timeout=90)
"""
ELSEWHERE = """
other = Gateway().new_cluster(worker_memory=0.5, reservation=False, hours=0.5)
"""
WHERE = "import os, socket; print(socket.gethostname(), os.environ['SLURM_JOB_ID'])"


class Office:
    """Ben, who is a trainer, and what the cluster keeps for his classes."""

    def __init__(self, bench: SlurmWorkbench, made: Cluster) -> None:
        self._made = made
        self.ben = bench.browser(BEN)

    def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        headers = {"Authorization": f"token {self.ben.token()}", "Accept": "application/json"}
        reply = self.ben.http.request(method, f"{API}{path}", headers=headers, **more)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    def put(self, id: str, begins: float, ends: float, *, seats: int = 2, devices: int = 0, **more: Any) -> None:
        """Write a class down, in Unix seconds; what it says of its hours is to the minute."""
        gpus = {"gpus": {"gpu_class": "h200", "devices": devices}} if devices else {}
        workshop = {
            "title": {"en": f"Class {id}", "nl": f"Klas {id}"},
            "starts": datetime.fromtimestamp(begins).isoformat(" "),
            "ends": datetime.fromtimestamp(ends).isoformat(" "),
            "trainers": [BEN],
            "learners": [ANN],
            "seats": seats,
            "profile": "half",
            "lessons": ["S1"],
        }
        self.ask("PUT", f"/workshops/{id}", json={"workshop": workshop | gpus | more})

    def act(self, id: str, action: str, status: int = 200) -> Any:
        return self.ask("POST", f"/workshops/{id}/{action}", status)

    def found(self, id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", f"/workshops/{id}")
        return told

    def fits(self, id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", f"/workshops/{id}/fits")
        return told

    def kept(self, id: str) -> NodeReservation | None:
        """What Slurm keeps for a class."""
        found = asyncio.run(reservations(slurm_of(self._made))).values()
        now = time.time()
        mine = [one for one in found if one.name.startswith("werkbank-") and one.name.endswith(f"-{id}")]
        return next((one for one in mine if one.end > now), None)

    def clean(self) -> None:
        for one in self.ask("GET", "/workshops"):
            id = one["workshop"]["id"]
            if one["state"] != "closed":
                self.act(id, "close")
            self.ask("DELETE", f"/workshops/{id}", 204, params={"version": self.found(id)["version"]})


@pytest.fixture(scope="module")
def bench(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmWorkbench]:
    end_all_jobs(slurm)
    with slurm_workbench(slurm, tmp_path_factory.mktemp("slurm"), QUICK) as made:
        yield made


@pytest.fixture(scope="module")
def office_of_ben(bench: SlurmWorkbench, slurm: Cluster) -> Office:
    return Office(bench, slurm)


@pytest.fixture
def office(office_of_ben: Office, slurm: Cluster) -> Iterator[Office]:
    """Nothing runs on the cluster and nothing is kept of it, before and after."""
    yield office_of_ben
    office_of_ben.clean()
    office_of_ben.ben.stop_seat()
    end_all_jobs(slurm)
    for name in all_reservations(slurm):
        slurm.head.run("scontrol", "delete", f"ReservationName={name}")
    eventually(lambda: not all_reservations(slurm), 90, "nothing is reserved")


def waiting(made: Cluster, user: str) -> list[str]:
    """The jobs of a user that wait."""
    return made.run("squeue", "--noheader", f"--user={user}", "--states=PENDING", "--format=%A").split()


def seated(visitor: Visitor) -> None:
    """Wait for the seat that a class starts for its people when it opens."""
    eventually(lambda: visitor.hub_user()["servers"].get("", {}).get("ready"), 60, f"{visitor.user} has a seat")


def where(notebook: Notebook) -> list[str]:
    """The node and the job of a kernel; what is said while it waits stands before it."""
    return notebook.done(notebook.run(WHERE)).strip().splitlines()[-1].split()


def minute(moment: float) -> float:
    """The minute that it is in."""
    return moment // 60 * 60


def all_reservations(made: Cluster) -> dict[str, NodeReservation]:
    return asyncio.run(reservations(slurm_of(made)))


def told_of(made: Cluster, job: int) -> dict[str, str]:
    """What scontrol says of a job."""
    words = made.run("scontrol", "show", "job", "--oneliner", str(job)).split()
    return dict(word.partition("=")[::2] for word in words)


def jobs_named(made: Cluster, name: str, user: str) -> list[int]:
    asks = ("squeue", "--noheader", f"--name={name}", f"--user={user}", "--format=%A")
    return [int(one) for one in made.run(*asks).split()]


@pytest.fixture
def ann(bench: SlurmWorkbench) -> Iterator[Visitor]:
    visitor = bench.browser(ANN)
    yield visitor
    visitor.stop_seat()


# --- before it -------------------------------------------------------------------------------------------


def test_whole_nodes_are_kept_for_a_class_from_when_it_is_published_until_it_is_withdrawn(
    office: Office, slurm: Cluster
) -> None:
    begins = minute(time.time() + 86_400)
    office.put("waves", begins, begins + 3600, seats=3, devices=1)
    answer = office.fits("waves")
    assert answer["fits"], answer
    # Three seats and a kernel, each of half a node.
    assert len(answer["placement"]["nodes"]) == 2
    assert office.kept("waves") is None
    told = office.act("waves", "publish")
    kept = office.kept("waves")
    assert kept is not None
    assert sorted(kept.nodes) == told["nodes"] == answer["placement"]["nodes"]
    assert kept.users == {ANN, BEN}
    assert (kept.start, kept.end) == (pytest.approx(begins - 5, abs=1), pytest.approx(begins + 3600, abs=1))
    office.act("waves", "publish")
    assert office.kept("waves") == kept
    office.act("waves", "withdraw")
    assert office.kept("waves") is None


def test_a_class_is_told_which_jobs_hold_its_nodes_until_when_and_which_hour_would_do(
    office: Office, slurm: Cluster
) -> None:
    long = [give(slurm, CYN, f"--nodelist={node}", "--time=90", "--mem=100M") for node in ("n1", "n2")]
    for job in long:
        wait_until(slurm, job, "RUNNING")
    begins = minute(time.time() + 1800)
    office.put("waves", begins, begins + 3600, seats=6)
    eventually(lambda: not office.fits("waves")["fits"], 30, "the jobs are seen")
    answer = office.fits("waves")
    assert answer["placement"]["nodes"] == []
    held = {one["node"]: one["jobs"] for one in answer["placement"]["hindrances"]}
    assert held == {"n1": [long[0]], "n2": [long[1]]}
    later = next(one for one in answer["alternatives"] if one["changed"] == "start")
    over = max(float(datetime.fromisoformat(told_of(slurm, job)["EndTime"]).timestamp()) for job in long)
    assert datetime.fromisoformat(later["start"]).timestamp() == pytest.approx(over, abs=2)
    assert [one["seats"] for one in answer["alternatives"] if one["changed"] == "seats"] == [2]
    refused = office.act("waves", "publish", 409)
    assert refused["error"]["code"] == "does-not-fit"
    assert office.kept("waves") is None
    for job in long:
        slurm.run("scancel", str(job))
        wait_until(slurm, job, "CANCELLED", "COMPLETED", "")
    eventually(lambda: office.fits("waves")["fits"], 30, "it fits")
    assert sorted(office.act("waves", "publish")["nodes"]) == ["n1", "n2", "n3"]


def test_two_classes_do_not_get_the_same_nodes_in_the_same_hours(office: Office) -> None:
    begins = minute(time.time() + 86_400)
    office.put("first", begins, begins + 3600, seats=4)
    office.put("second", begins + 1800, begins + 5400, seats=4)
    office.act("first", "publish")
    answer = office.fits("second")
    assert not answer["fits"]
    kept = office.kept("first")
    assert kept is not None
    named = {one["node"]: one["reservation"] for one in answer["placement"]["hindrances"]}
    assert named == dict.fromkeys(sorted(kept.nodes), kept.name)
    assert office.act("second", "publish", 409)["error"]["code"] == "does-not-fit"


def test_a_node_that_breaks_down_is_replaced_and_where_there_is_none_that_is_told(
    office: Office, slurm: Cluster, bench: SlurmWorkbench
) -> None:
    begins = minute(time.time() + 86_400)
    office.put("waves", begins, begins + 3600, seats=4)
    first, second = office.act("waves", "publish")["nodes"]
    (third,) = {"n1", "n2", "n3"} - {first, second}
    slurm.run("scontrol", "update", f"NodeName={first}", "State=DRAIN", "Reason=broken")
    eventually(lambda: getattr(office.kept("waves"), "nodes", ()) == {second, third}, 60, "it has another node")
    slurm.run("scontrol", "update", f"NodeName={third}", "State=DRAIN", "Reason=broken")
    eventually(lambda: "out of use" in office.found("waves")["nodes_missing"], 60, "that is told")
    assert office.kept("waves") is not None
    operations = bench.browser(CYN).http.get("/services/werkbank/admin/operations")
    assert "1 workshop has not its nodes" in text_of(operations.text)
    put_back(slurm, first)
    eventually(lambda: not office.found("waves")["nodes_missing"], 60, "all is well")
    assert sorted(getattr(office.kept("waves"), "nodes", ())) == sorted([first, second])


def test_what_others_did_to_a_reservation_is_put_right_and_those_of_others_stay(office: Office, slurm: Cluster) -> None:
    begins = minute(time.time() + 86_400)
    window = (f"StartTime=uts{int(begins) + 90_000}", f"EndTime=uts{int(begins) + 93_600}")
    slurm.run(
        "scontrol", "create", "reservation", "ReservationName=werkbank-ffff-theirs", *window, "Users=cyn", "Nodes=n1"
    )
    office.put("waves", begins, begins + 3600)
    office.act("waves", "publish")
    kept = office.kept("waves")
    assert kept is not None
    # One that was left by a crash, and one that an admin took away.
    prefix = kept.name.removesuffix("waves")
    slurm.run("scontrol", "create", "reservation", f"ReservationName={prefix}ghost", *window, "Users=cyn", "Nodes=n2")
    slurm.run("scontrol", "delete", f"ReservationName={kept.name}")
    eventually(lambda: office.kept("waves") == kept, 60, "it is kept again")
    eventually(lambda: f"{prefix}ghost" not in all_reservations(slurm), 60, "nothing is kept for nobody")
    assert "werkbank-ffff-theirs" in all_reservations(slurm)


def test_while_slurm_is_away_nothing_is_promised_and_that_is_told(office: Office, slurm: Cluster) -> None:
    begins = minute(time.time() + 86_400)
    office.put("waves", begins, begins + 3600)
    slurm.daemons["slurmctld"].end()
    try:
        assert office.act("waves", "publish", 503)["error"]["code"] == "slurm-silent"
        assert office.found("waves")["state"] == "draft"
        page = office.ben.http.get("/services/werkbank/workshops/waves")
        assert page.status_code == 200
        assert "nobody knows which nodes are free" in page.text
    finally:
        slurm.begin_slurmctld()
    eventually(lambda: office.fits("waves")["fits"], 60, "Slurm answers")
    office.act("waves", "publish")
    assert office.kept("waves") is not None


# --- in it -----------------------------------------------------------------------------------------------


def test_jobs_of_its_people_run_on_its_nodes_though_all_others_are_full_and_go_on_after_it(
    office: Office, slurm: Cluster, ann: Visitor
) -> None:
    begins = minute(time.time())
    office.put("waves", begins, begins + 3600, seats=2, devices=2)
    nodes = office.act("waves", "publish")["nodes"]
    for number in range(6):
        give(
            slurm,
            CYN,
            "--gres=gpu:h200:1",
            "--cpus-per-task=4",
            "--mem=1500M",
            "--time=600",
            f"--job-name=full{number}",
        )
    eventually(lambda: office.found("waves")["state"] == "live", 60, "it is given")
    seated(ann)
    (seat,) = jobs_named(slurm, "werkbank-seat", ANN)
    kept = office.kept("waves")
    assert kept is not None
    assert told_of(slurm, seat)["Reservation"] == kept.name
    assert told_of(slurm, seat)["NodeList"] in nodes
    notebook = Notebook(ann, "python3-h200")
    try:
        node, job = where(notebook)
        assert node in nodes
        assert told_of(slurm, int(job))["Reservation"] == kept.name
        # Whoever is not in it waits, though there is room on its nodes.
        assert len(waiting(slurm, CYN)) == 4
        notebook.done(notebook.run("kept = 6 * 7"))
        office.act("waves", "close")
        assert office.kept("waves") is None
        # The reservation is over; nothing that ran in it is.
        eventually(lambda: len(waiting(slurm, CYN)) < 4, 90, "others have what is left of its nodes")
        assert notebook.done(notebook.run("print(kept)")).strip() == "42"
        assert told_of(slurm, seat)["JobState"] == "RUNNING"
    finally:
        notebook.close()


def test_a_class_that_ends_by_itself_takes_nobodys_kernel_and_keeps_no_node(
    office: Office, slurm: Cluster, ann: Visitor
) -> None:
    ends = minute(time.time() + 110)
    office.put("waves", time.time() - 60, ends, seats=2, devices=1)
    office.act("waves", "publish")
    eventually(lambda: office.found("waves")["state"] == "live", 60, "it is given")
    seated(ann)
    notebook = Notebook(ann, "python3-h200")
    try:
        _, job = where(notebook)
        assert told_of(slurm, int(job))["Reservation"].endswith("-waves")
        notebook.done(notebook.run("kept = 6 * 7"))
        eventually(lambda: office.found("waves")["state"] == "closed", 150, "it is over")
        eventually(lambda: office.kept("waves") is None, 60, "nothing is kept")
        eventually(lambda: "Reservation" not in told_of(slurm, int(job)), 60, "the job is in none")
        assert notebook.done(notebook.run("print(kept)")).strip() == "42"
    finally:
        notebook.close()


def test_whoever_joins_is_let_in_at_once_and_so_are_their_dask_workers(
    office: Office, bench: SlurmWorkbench, slurm: Cluster, ann: Visitor
) -> None:
    office.put("waves", time.time() - 60, minute(time.time() + 3600), seats=4, learners=[], join={"limit": 3})
    office.act("waves", "publish")
    eventually(lambda: office.found("waves")["state"] == "live", 60, "it is given")
    kept = office.kept("waves")
    assert kept is not None
    assert kept.users == {BEN}
    code = re.search(r"/join/([a-z0-9]+)", office.ben.http.get("/services/werkbank/workshops/waves").text)
    assert code is not None
    learner = Learner(ann, code[1])
    assert learner.join("account").is_success
    assert getattr(office.kept("waves"), "users", ()) == {ANN, BEN}
    seated(ann)
    (seat,) = jobs_named(slurm, "werkbank-seat", ANN)
    assert told_of(slurm, seat)["Reservation"] == kept.name
    notebook = Notebook(ann, "python3")
    try:
        notebook.done(notebook.run(DASK), 120)
        workers = jobs_named(slurm, "werkbank-dask", ANN)
        assert {told_of(slurm, job)["Reservation"] for job in workers} == {kept.name}
        assert len(workers) == 2
        notebook.done(notebook.run(ELSEWHERE), 120)
        (scheduler,) = set(jobs_named(slurm, "werkbank-dask", ANN)) - set(workers)
        told = told_of(slurm, scheduler)
        assert "Reservation" not in told
        assert told["TimeLimit"] == "00:35:00"  # with the minutes that ending may take
    finally:
        notebook.close()


def test_where_others_follow_on_its_nodes_jobs_are_bounded_and_everybody_is_told_in_time(
    office: Office, slurm: Cluster, ann: Visitor
) -> None:
    ends = minute(time.time() + 720)
    maintenance = ("ReservationName=maintenance", f"StartTime=uts{int(ends)}", f"EndTime=uts{int(ends) + 3600}")
    slurm.run("scontrol", "create", "reservation", *maintenance, "Users=root", "Nodes=n1,n2,n3")
    spawn = text_of(office.ben.http.get("/hub/spawn").text)
    assert "0 of 6 free" in spawn
    assert "6 of 6 free" not in spawn
    office.put("waves", time.time() - 60, ends, seats=6)
    assert datetime.fromisoformat(office.fits("waves")["placement"]["followed"]).timestamp() == ends
    office.act("waves", "publish")
    seated(ann)
    (seat,) = jobs_named(slurm, "werkbank-seat", ANN)
    over = datetime.fromisoformat(told_of(slurm, seat)["EndTime"]).timestamp()
    assert ends - 180 < over <= ends

    def room() -> str:
        return office.ben.http.get("/services/werkbank/workshops/waves/room").text

    notebook = Notebook(ann, "python3-h200")
    try:
        _, job = where(notebook)
        assert datetime.fromisoformat(told_of(slurm, int(job))["EndTime"]).timestamp() <= ends
        eventually(lambda: "are somebody else" in room(), 60, "everybody is told")
    finally:
        notebook.close()
