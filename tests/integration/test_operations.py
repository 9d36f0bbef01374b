"""The page "Operations" on a running workbench: what admins see and do there, and that nobody else does."""

import json
import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hub.audit import Audit
from hub.db import connect
from tests.support.lease_seat import Seat, free_devices, seat_of
from tests.support.notebook import Notebook
from tests.support.workbench import Visitor, Workbench, eventually, text_of

PREFIX = "/services/werkbank"
PAGE = f"{PREFIX}/admin/operations"
DEVICE = "SIMULATED-simulated-0"
FORMS: dict[str, dict[str, str]] = {
    "devices": {"action": "drain", "device": DEVICE},
    "leases": {"lease": "0123"},
    "seats": {"user": "scientist"},
    "clusters": {"cluster": "abc"},
}


@pytest.fixture(scope="module")
def admin(facility: Workbench) -> Visitor:
    return facility.browser("admin")


@pytest.fixture(scope="module")
def scientists(facility: Workbench) -> Iterator[Seat]:
    with seat_of(facility, "scientist", "medium") as found:
        yield found


@pytest.fixture
def working(scientists: Seat) -> Iterator[Seat]:
    """Somebody's seat without leases, before and after; both devices can be had."""
    scientists.give_all_back()
    eventually(lambda: free_devices(scientists) == 2, what="both devices are free")
    yield scientists
    scientists.give_all_back()


def csrf(visitor: Visitor) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', visitor.http.get(PAGE).text)
    assert found
    return found[1]


def send(visitor: Visitor, form: str, **fields: str) -> str:
    """Send one of the page's forms from the page; the text of the page that comes back."""
    given = {"csrf": csrf(visitor), **fields}
    reply = visitor.http.post(f"{PAGE}/{form}", data=given, headers={"Referer": f"{visitor.workbench.address}{PAGE}"})
    assert (reply.status_code, reply.url.path) == (200, PAGE)
    return text_of(reply.text)


def told(facility: Workbench, language: str = "en") -> dict[str, Any]:
    """The same facts for programs; asked as the command line on this machine does."""
    secret = (facility.state / "secrets" / "command-line").read_text().strip()
    headers = {"Authorization": f"token {secret}", "Accept-Language": language}
    reply = httpx.get(f"{facility.address}{PREFIX}/api/v1/admin/operations", headers=headers, trust_env=False)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def noted(facility: Workbench, about: str) -> list[tuple[str, str]]:
    engine = connect(f"sqlite:///{facility.state}/werkbank.sqlite")
    try:
        return [(entry.who, entry.what) for entry in Audit(engine).about(about)]
    finally:
        engine.dispose()


# --- for admins alone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["scientist", "trainer"])
def test_nobody_else_reads_it_or_does_anything_there(facility: Workbench, user: str) -> None:
    visitor = facility.browser(user)
    for path in ("", "/live", f"/devices/{DEVICE}"):
        assert visitor.http.get(f"{PAGE}{path}").status_code == 403
    for form, fields in FORMS.items():
        assert visitor.http.post(f"{PAGE}/{form}", data=fields).status_code == 403, form
    headers = {"Authorization": f"token {visitor.token()}", "Accept": "application/json"}
    assert visitor.http.get(f"{PREFIX}/api/v1/admin/operations", headers=headers).status_code == 403


def test_a_stranger_is_sent_to_sign_in(facility: Workbench) -> None:
    for path in ("", "/live", f"/devices/{DEVICE}"):
        assert facility.browser().http.get(f"{PAGE}{path}").url.path == "/hub/login"


def test_a_form_from_elsewhere_does_nothing(facility: Workbench, admin: Visitor) -> None:
    assert admin.http.get(PAGE).status_code == 200
    for form, fields in FORMS.items():
        assert admin.http.post(f"{PAGE}/{form}", data={**fields, "csrf": "no"}).status_code == 403, form
    assert told(facility)["counts"]["out"] == 0


# --- what it shows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("GPU broker", "Who waits")), ("nl", ("GPU-balie", "Wie er wacht"))]
)
def test_it_is_linked_and_names_each_dependency(
    facility: Workbench, admin: Visitor, language: str, words: tuple[str, str]
) -> None:
    assert f'href="{PAGE}"' in admin.http.get(f"{PREFIX}/admin").text
    page = text_of(admin.http.get(PAGE, headers={"Accept-Language": language}).text)
    assert all(word in page for word in words)
    eventually(lambda: all(one["ok"] for one in told(facility)["dependencies"]), what="everything is there")
    health = facility.browser().http.get(f"{PREFIX}/health").json()["dependencies"]
    assert [one["name"] for one in told(facility)["dependencies"]] == [one["name"] for one in health]


def test_a_seat_its_lease_and_who_waits_are_shown(facility: Workbench, admin: Visitor, working: Seat) -> None:
    leases = [working.active(f"shown-{number:04}") for number in range(2)]
    waiting = working.lease("shown-9999", holder="<i>last</i>.ipynb")
    page = admin.http.get(PAGE).text
    assert "2 of 2 GPUs in use" in text_of(page)
    assert "<i>last</i>.ipynb" in text_of(page)
    assert f'href="{PREFIX}/admin/explain/lease/{waiting["id"]}"' in page
    facts = told(facility)
    assert {device["lease"] for device in facts["devices"]} == {lease["id"] for lease in leases}
    assert [(row["place"], row["user"]) for row in facts["queue"]] == [(None, "scientist")]
    assert facts["queue"][0]["why"] == "scientist has 2 of the 2 GPUs that they can have at once."
    (seat,) = eventually(lambda: told(facility)["seats"], what="the hub was asked again")
    assert (seat["user"], seat["stage"], seat["most"]) == ("scientist", "running", 4 * 2**30)
    assert text_of(admin.http.get(PAGE, params={"words": "nobody-of-that-name"}).text).count("None of them has") >= 3


def test_the_stream_sends_the_page_anew_when_something_changed(
    facility: Workbench, admin: Visitor, working: Seat
) -> None:
    with admin.http.stream("GET", f"{PAGE}/live") as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: page"
        working.active()
        changed = (line for line in lines if "1 of 2" in line)
        assert next(changed)


# --- what is done there ------------------------------------------------------------------------------------


def test_a_device_is_drained_and_put_back_and_its_page_tells_who_had_it(
    facility: Workbench, admin: Visitor, working: Seat
) -> None:
    lease = working.active()
    uuid = lease["devices"][0]["uuid"]
    assert "It is out of service once its lease ends" in send(admin, "devices", action="drain", device=uuid)
    first = told(facility)["devices"][0]
    assert (first["uuid"], first["draining"], first["user"]) == (uuid, True, "scientist")
    assert first["why"].startswith("Taken out of service by admin, ")
    working.give_all_back()
    eventually(lambda: told(facility)["devices"][0]["stage"] == "out", what="the device is out of service")
    assert "It is in service again." in send(admin, "devices", action="return", device=uuid)
    assert noted(facility, f"device:{uuid}")[-2:] == [("admin", "device.drained"), ("admin", "device.returned")]
    page = text_of(admin.http.get(f"{PAGE}/devices/{uuid}").text)
    assert "Given back by its user." in page
    assert "scientist" in page
    assert "A simulated GPU takes no energy, so none is measured." in page
    assert "device.returned" in page


def test_a_lease_is_ended_there_and_its_history_says_so(facility: Workbench, admin: Visitor, working: Seat) -> None:
    lease = working.active()
    assert "The lease is ended" in send(admin, "leases", lease=lease["id"])
    uuid = lease["devices"][0]["uuid"]
    assert "Ended by an admin." in text_of(admin.http.get(f"{PAGE}/devices/{uuid}").text)
    assert noted(facility, f"lease:{lease['id']}") == [("admin", "lease.ended")]


def test_what_is_not_there_is_refused_in_a_sentence(admin: Visitor) -> None:
    assert "There is no such device." in send(admin, "devices", action="drain", device="GPU-nowhere")
    assert "There is no such device." in send(admin, "devices", action="look", device="GPU-nowhere")
    assert "It is not in quarantine any more." in send(admin, "devices", action="look", device=DEVICE)
    assert "There is no such seat any more." in send(admin, "seats", user="../scientist", server="x")
    assert "There is no such cluster any more." in send(admin, "clusters", cluster="../../health")
    assert "You have no such lease." in send(admin, "leases", lease="0123")
    assert admin.http.get(f"{PAGE}/devices/GPU-nowhere").status_code == 404


def test_a_cluster_is_seen_and_stopped_whoever_has_it(facility: Workbench, admin: Visitor, working: Seat) -> None:
    notebook = Notebook(working.visitor, "python3")
    notebook.done(notebook.run("from dask_gateway import GatewayCluster; c = GatewayCluster(); c.scale(1)"), 90)
    (cluster,) = eventually(
        lambda: [one for one in told(facility)["clusters"] if one["workers"] == 1], what="its worker runs"
    )
    assert (cluster["user"], cluster["stage"], cluster["cores"]) == ("scientist", "running", 1)
    assert "The cluster is being stopped." in send(admin, "clusters", cluster=cluster["name"])
    eventually(lambda: told(facility)["counts"]["clusters"] == 0, what="the cluster is gone")
    assert noted(facility, f"cluster:{cluster['name']}") == [("admin", "cluster.stopped")]
    notebook.close()


def test_the_gateway_lets_nobody_but_the_service_see_clusters_of_others(facility: Workbench) -> None:
    gateway = f"http://127.0.0.1:{_port(facility, 'gateway_api')}/api/v1"
    secret = (facility.state / "secrets" / "gateway-leases").read_text().strip()
    mine = {"Authorization": f"jupyterhub {facility.browser('admin').token()}"}
    with httpx.Client(trust_env=False, timeout=30) as http:
        assert http.get(f"{gateway}/clusters/", headers={"Authorization": "jupyterhub wrong"}).status_code == 401
        assert http.get(f"{gateway}/clusters/", headers=mine).json() == {}
        service = {"Authorization": f"jupyterhub {secret}"}
        assert http.get(f"{gateway}/clusters/", headers=service).status_code == 200
        assert http.post(f"{gateway}/clusters/", headers=service, json={}).status_code == 401
        assert http.get(f"{gateway}/options", headers=service).status_code == 401


def _port(facility: Workbench, name: str) -> int:
    return int(json.loads((facility.state / "ports.json").read_text())[name])


def test_a_dependency_that_is_down_comes_first_with_what_to_do(facility: Workbench, admin: Visitor) -> None:
    # Stopped, not killed: JupyterHub restarts a service that ended.
    gateway = facility.status()["pids"]["dask-gateway"]
    os.kill(gateway, signal.SIGSTOP)
    try:
        (sign,) = eventually(
            lambda: [one for one in told(facility, "nl")["signs"] if one["level"] == "stop"], what="it is missed"
        )
        assert sign["what"] == "Dask Gateway antwoordt niet"
        assert sign["said"] == "no answer within 5 s"
        assert sign["since"]
        page = text_of(admin.http.get(PAGE).text)
        assert page.index("Dask Gateway does not answer") < page.index("GPUs in use")
        assert "which clusters there are is not known" in page
    finally:
        os.kill(gateway, signal.SIGCONT)
    eventually(lambda: told(facility)["dependencies"][-1]["ok"], what="it is back")


def test_a_seat_is_stopped_there(facility: Workbench, admin: Visitor) -> None:
    trainer = facility.browser("trainer")
    trainer.start_seat("small")
    assert "The seat is being stopped. Files stay." in send(admin, "seats", user="trainer", server="")
    eventually(lambda: not trainer.hub_user()["servers"], what="the seat is gone")
    assert noted(facility, "seat:trainer/")[-1] == ("admin", "seat.stopped")
