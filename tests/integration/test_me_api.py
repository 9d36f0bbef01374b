"""Who am I and what have I, asked of the real service by real seats with two simulated devices."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.support.lease_seat import Json, Seat, refused
from tests.support.workbench import Workbench

Told = Iterator[tuple[str, Json]]
FIELDS = {"now", "user", "leases", "classes", "reservations", "use", "footprint", "unreadable"}
MEASURED = ("utilization", "memory_used", "watts", "energy_mj")


@contextmanager
def listening(seat: Seat) -> Iterator[Told]:
    """The events of a seat's stream, without the signs of life."""
    with seat.http.stream("GET", "/me/events", headers=seat.as_person()) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        yield events_in(reply)


def events_in(reply: httpx.Response) -> Told:
    name = ""
    for line in reply.iter_lines():
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:") and name != "ping":
            yield name, json.loads(line.removeprefix("data:"))


def until(events: Told, kind: str, holds: Callable[[Json], bool] = bool, timeout: float = 60) -> Json:
    """The first event of a kind of which something holds."""
    deadline = time.monotonic() + timeout
    for name, told in events:
        if name == kind and holds(told):
            return told
        assert time.monotonic() < deadline, f"no such {kind}"
    raise AssertionError("the stream ended")


def states(told: Json) -> list[tuple[str, str]]:
    return [(lease["id"], lease["state"]) for lease in told["leases"]]


def test_me_is_who_i_am_and_what_i_have(seat: Seat) -> None:
    id = seat.active()["id"]
    told = seat.http.get("/me", headers=seat.as_person()).json()
    assert set(told) == FIELDS | {"name", "groups", "admin", "seats", "jobs"}
    assert (told["user"], states(told)) == ("scientist", [(id, "active")])
    assert told["classes"] == seat.http.get("/gpus", headers=seat.as_person()).json()
    assert (told["use"]["hours_cap"], told["use"]["devices_per_user"]) == (None, 2)
    assert [programme["title"] for programme in told["use"]["programmes"]] == ["AiNed"]
    assert told["footprint"] == {"pue": None, "co2e": None, "water": None}, "these settings report nothing"
    assert abs(told["now"] - time.time()) < 60
    assert told["unreadable"] == ""


def test_each_of_my_changes_is_told_to_all_who_listen(seat: Seat) -> None:
    with listening(seat) as events, listening(seat) as others:
        name, first = next(events)
        assert (name, set(first), first["leases"]) == ("me", FIELDS, [])
        id = seat.active()["id"]
        for each in (events, others):
            until(each, "me", lambda told: states(told) == [(id, "active")])
        seat.post(id, "release", {"reason": "shutdown"})
        for each in (events, others):
            until(each, "me", lambda told: told["leases"] == [])


def test_leases_of_others_change_what_is_free_and_are_never_shown(seat: Seat, other: Seat) -> None:
    seen: list[Json] = []
    with listening(seat) as events:
        theirs = other.active()
        until(events, "me", lambda told: seen.append(told) or told["classes"][0]["held"] == 1)  # type: ignore[func-returns-value]
    assert all(told["leases"] == [] for told in seen)
    assert theirs["id"] not in json.dumps(seen)
    assert theirs["user"] not in json.dumps(seen)


def test_of_simulated_devices_nothing_is_measured(seat: Seat) -> None:
    with listening(seat) as events:
        lease = seat.active()
        (device,) = until(events, "counters")["devices"]
        assert (device["lease"], device["device"]) == (lease["id"], lease["devices"][0]["uuid"])
        assert (device["simulated"], device["memory"]) == (True, 16 * 2**30)
        assert [device[name] for name in MEASURED] == [None] * 4
        again = until(events, "counters")
        assert [device["device"] for device in again["devices"]] == [device["device"]]


def test_who_waits_reads_why_in_their_language(seat: Seat) -> None:
    for number in range(2):
        seat.active(f"holds-{number:04}")
    seat.lease("waits-0000")
    headers = seat.as_person() | {"Accept-Language": "nl"}
    last = seat.http.get("/me", headers=headers).json()["leases"][-1]
    assert (last["title"], last["reason"]["code"]) == ("Gesimuleerde GPU", "own-cap")


@pytest.mark.parametrize("path", ["/me", "/me/events"])
def test_nobody_is_told_of_nobody(path: str, seat: Seat) -> None:
    lease = seat.active()["id"]
    for headers in ({}, {"Authorization": "token " + "0" * 32}, seat.as_seat(lease)):
        refused(seat.http.get(path, headers=headers), 401, "not-signed-in")


def test_the_published_description_has_both(workbench: Workbench) -> None:
    document = workbench.browser().http.get("/services/werkbank/openapi.json").json()
    assert {f"/services/werkbank/api/v1/me{end}" for end in ("", "/events")} <= set(document["paths"])
