"""The seat's part of the extension of JupyterLab, on the real thing: state, events on JupyterLab's socket, acts."""

import json
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.support.lease_seat import Seat
from tests.support.workbench import Workbench, eventually

LAB = "/user/scientist/werkbank/lab"
SCHEMA = "https://schema.werkbank.example/lab/part/v1"


@pytest.fixture
def headers(medium: Seat) -> dict[str, str]:
    return {"Authorization": f"token {medium.visitor.token()}"}


def state(seat: Seat, headers: dict[str, str]) -> dict[str, Any]:
    reply = seat.visitor.http.get(f"{LAB}/state", headers=headers)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def live(seat: Seat, headers: dict[str, str]) -> dict[str, Any]:
    """The state once the seat hears the broker."""
    return eventually(
        lambda: (now := state(seat, headers)).get("connection", {}).get("state") == "live" and now,
        what="the seat hears the broker",
    )


def test_a_browser_gets_leases_classes_use_and_what_the_seat_takes(seat: Seat, headers: dict[str, str]) -> None:
    seat.active()
    found = eventually(lambda: (now := live(seat, headers))["me"]["leases"] and now, what="the lease is told")
    assert found["me"]["user"] == "scientist"
    assert [one["name"] for one in found["me"]["classes"]] == ["simulated"]
    assert found["seat"]["memory"] > 10e6
    assert found["seat"]["memory_limit"] == 4 * 2**30
    assert found["kernels"] == {}


def test_the_users_token_stays_in_the_seat(seat: Seat, headers: dict[str, str]) -> None:
    text = json.dumps(live(seat, headers))
    assert seat.token not in text
    assert "token" not in text.lower()


async def test_a_change_at_the_broker_comes_as_an_event_on_jupyterlabs_own_socket(
    seat: Seat, headers: dict[str, str], workbench: Workbench
) -> None:
    live(seat, headers)
    address = workbench.address.replace("http", "ws", 1)
    socket = await websocket_connect(
        HTTPRequest(f"{address}/user/scientist/api/events/subscribe", headers=headers, request_timeout=30)
    )
    try:
        lease = seat.lease("for-an-event")
        while True:
            message = await socket.read_message()
            assert message is not None, "the socket stays open"
            event = json.loads(message)
            if event["schema_id"] == SCHEMA and event["part"] == "me" and event["value"]["leases"]:
                assert event["value"]["leases"][0]["id"] == lease["id"]
                break
    finally:
        socket.close()
        while await socket.read_message() is not None:
            pass  # what was on its way, and then the end of the connection


def test_a_lease_is_given_back_through_the_seat(seat: Seat, headers: dict[str, str]) -> None:
    lease = seat.active("to-give-back")
    reply = seat.visitor.http.post(f"{LAB}/leases/{lease['id']}/release", headers=headers)
    assert (reply.status_code, reply.json()["state"]) == (200, "released")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("leases/nobodys/release", 404, "you have no such lease"),
        ("leases/nobodys/explode", 404, "explode is not something a lease can do"),
        ("leases/..%2F..%2Fadmin/keep", 404, ""),
        (f"leases/{'9' * 60}/keep", 404, ""),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    seat: Seat, headers: dict[str, str], path: str, status: int, words: str
) -> None:
    reply = seat.visitor.http.post(f"{LAB}/{path}", headers=headers)
    assert reply.status_code == status
    assert words in reply.text.lower()
    assert "Traceback" not in reply.text


def test_nobody_else_sees_or_does_anything_here(seat: Seat, other: Seat) -> None:
    lease = seat.active("of-mine-")
    theirs = {"Authorization": f"token {other.visitor.token()}"}
    assert other.visitor.http.get(f"{LAB}/state", headers=theirs).status_code in (302, 403)
    reply = other.visitor.http.post(f"/user/trainer/werkbank/lab/leases/{lease['id']}/release", headers=theirs)
    assert reply.status_code == 404
    assert seat.get(lease["id"]).json()["state"] == "active"


@pytest.mark.parametrize(
    ("path", "body", "file"),
    [
        ("settings/@jupyterlab/apputils-extension:themes", {"raw": "{}"}, "themes.jupyterlab-settings"),
        ("workspaces/mine", {"data": {}, "metadata": {"id": "mine"}}, "mine-*.jupyterlab-workspace"),
    ],
)
def test_what_jupyterlab_keeps_lies_in_its_users_home_and_nobody_else_has_it(
    workbench: Workbench, seat: Seat, headers: dict[str, str], path: str, body: dict[str, Any], file: str
) -> None:
    reply = seat.visitor.http.put(f"/user/scientist/lab/api/{path}", json=body, headers=headers)
    assert reply.status_code == 204, reply.text
    assert list((workbench.state / "homes" / "scientist" / ".jupyter" / "lab").rglob(file))


def test_who_is_in_no_workshop_is_told_so_and_raises_no_hand(seat: Seat, headers: dict[str, str]) -> None:
    assert live(seat, headers)["workshops"] == {"workshops": []}
    reply = seat.visitor.http.post(f"{LAB}/workshops/none/hand", json={"raised": True}, headers=headers)
    assert reply.status_code == 404
    assert "You are in no workshop of this name that is on." in reply.json()["message"]


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("workshops/none/hand", {}, "raised must be true or false, not null."),
        ("workshops/none/hand", {"raised": "yes"}, 'raised must be true or false, not "yes".'),
        ("workshops/none/hand", {"raised": True, "exercise": "../x"}, "exercise must be an id such as D2-1, or null"),
        ("workshops/none/name", [], "shown must be true or false, not null."),
        ("lesson", {"lesson": "notebook.ipynb"}, 'lesson must be an id such as D2, or null, not "notebook.ipynb".'),
    ],
)
def test_what_a_browser_should_not_send_is_refused_with_what_is_allowed(
    seat: Seat, headers: dict[str, str], path: str, body: Any, sentence: str
) -> None:
    reply = seat.visitor.http.post(f"{LAB}/{path}", json=body, headers=headers)
    assert reply.status_code == 400, reply.text
    assert sentence in reply.json()["message"]
