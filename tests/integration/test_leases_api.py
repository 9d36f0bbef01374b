"""The broker's API under attack: real service, real hub, real seats, two simulated devices.

Every refusal is a sentence in the API's one shape, and changes nothing.
"""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.lease_seat import KEY, PID, PID_STARTED, Json, Seat, refused, seat_of
from tests.support.workbench import Workbench, eventually

NOBODYS = "0" * 24


@contextmanager
def nothing_changes(*seats: Seat) -> Iterator[None]:
    """What leases there are is the same after the block, but for the passing of time."""
    before = [leases_of(seat) for seat in seats]
    yield
    assert [leases_of(seat) for seat in seats] == before


def leases_of(seat: Seat) -> list[Json]:
    passing = ("held_seconds", "estimate_s", "reason", "place", "of")
    return [{name: value for name, value in lease.items() if name not in passing} for lease in seat.mine()]


# --- asking -----------------------------------------------------------------------------------------

REQUESTS: list[tuple[str, Json, int, str]] = [
    ("an unknown class", {"gpu_class": "h9000"}, 422, "unknown-class"),
    ("a class with braces", {"gpu_class": "{value.__class__}"}, 422, "unknown-class"),
    ("an empty class", {"gpu_class": ""}, 422, "unknown-class"),
    ("a long class", {"gpu_class": "x" * 33}, 422, "invalid"),
    ("a class that is half a character", {"gpu_class": "\ud800"}, 422, "invalid"),
    ("no device", {"count": 0}, 422, "invalid"),
    ("a negative number of devices", {"count": -1}, 422, "invalid"),
    ("more devices than exist anywhere", {"count": 10**9}, 422, "invalid"),
    ("a number beyond all integers", {"count": 10**400}, 422, "invalid"),
    ("one and a half devices", {"count": 1.5}, 422, "invalid"),
    ("a number in quotes", {"count": "1"}, 422, "invalid"),
    ("a truth for a number", {"count": True}, 422, "invalid"),
    ("nothing for a number", {"count": None}, 422, "invalid"),
    ("not a number", {"count": float("nan")}, 422, "invalid"),
    ("more devices than one may have", {"count": 3}, 422, "over-cap"),
    ("a short key", {"key": "x" * 7}, 422, "invalid"),
    ("a long key", {"key": "x" * 65}, 422, "invalid"),
    ("a key with a path in it", {"key": "../../etc/passwd"}, 422, "invalid"),
    ("a key that ends in a line break", {"key": "attack-0000\n"}, 422, "invalid"),
    ("a key with a zero byte", {"key": "attack-\u00000000"}, 422, "invalid"),
    ("a key in other digits", {"key": "attack-٠١٢٣"}, 422, "invalid"),
    ("a key that is a query", {"key": "x'; DROP TABLE leases"}, 422, "invalid"),
    ("no key", {"key": None}, 422, "invalid"),
    ("a list for a key", {"key": ["attack-0000"]}, 422, "invalid"),
    ("an unknown kind", {"kind": "urgent"}, 422, "invalid"),
    ("a long holder", {"holder": "x" * 201}, 422, "invalid"),
    ("an object for a holder", {"holder": {"$ne": ""}}, 422, "invalid"),
    ("a number for a truth", {"gated": 1}, 422, "invalid"),
    ("a seat that does not run", {"server": "elsewhere"}, 403, "no-seat"),
    ("a seat in another folder", {"server": "../trainer"}, 403, "no-seat"),
    ("another user's name", {"user": "trainer"}, 422, "invalid"),
    ("an own programme", {"programme": "health-ri"}, 422, "invalid"),
    ("an own state", {"state": "active", "devices": ["SIMULATED-simulated-0"]}, 422, "invalid"),
    ("a field that is half a character", {"\ud800": 1}, 422, "invalid"),
    ("a field with a long name", {"x" * 1000: 1}, 422, "invalid"),
]


@pytest.mark.parametrize(("what", "fields", "status", "code"), REQUESTS, ids=[row[0] for row in REQUESTS])
def test_a_request_that_cannot_be_is_refused_and_changes_nothing(
    what: str, fields: Json, status: int, code: str, seat: Seat
) -> None:
    body = {"key": KEY, "gpu_class": "simulated"} | fields
    with nothing_changes(seat):
        text = json.dumps(body)
        headers = seat.as_person() | {"Content-Type": "application/json"}
        refused(seat.http.post("/leases", content=text, headers=headers), status, code)


NOT_JSON = {
    "broken JSON": "line 1, column 24",
    "broken JSON over lines": "line 3, column 1",
    "two objects": "line 1, column 3",
    "JSON a hundred thousand deep": "nested too deeply",
    "a number of ten thousand digits": "a number that is too long",
    "bytes that are no text": "Line 1, column 10",
    "bytes that are no text, after some that are": "Line 2, column 4",
}
"""What cannot even be read as JSON, and what the hint names."""

BODIES: list[tuple[str, bytes | None, str]] = [
    ("a list", b"[]", "application/json"),
    ("a string", b'"key"', "application/json"),
    ("a number", b"1", "application/json"),
    ("null", b"null", "application/json"),
    ("not a number", b"NaN", "application/json"),
    ("broken JSON", b'{"key": "attack-0000", ', "application/json"),
    ("broken JSON over lines", b'{"key": "attack-0000",\n "gpu_class": "simulated",\n', "application/json"),
    ("two objects", b"{}{}", "application/json"),
    ("a number of ten thousand digits", b'{"count": ' + b"9" * 10_000 + b"}", "application/json"),
    ("bytes that are no text, after some that are", b'{\n "\xc3\xa9\xff": 1}', "application/json"),
    ("JSON a hundred thousand deep", b"[" * 100_000, "application/json"),
    ("bytes that are no text", b'{"key": "\xff\xfe"}', "application/json"),
    ("text in sixteen bits", '{"key": "attack-0000"}'.encode("utf-16"), "application/json"),
    ("a form", b"key=attack-0000&gpu_class=simulated", "application/x-www-form-urlencoded"),
    ("plain text", b'{"key": "attack-0000", "gpu_class": "simulated"}', "text/plain"),
    ("no content type", b'{"key": "attack-0000", "gpu_class": "simulated"}', ""),
    ("a file", b"--x\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    ("nothing", None, "application/json"),
    ("an empty body", b"", "application/json"),
]


@pytest.mark.parametrize(("what", "body", "kind"), BODIES, ids=[row[0] for row in BODIES])
def test_a_body_that_is_no_request_is_refused_and_changes_nothing(
    what: str, body: bytes | None, kind: str, seat: Seat
) -> None:
    with nothing_changes(seat):
        headers = seat.as_person() | ({"Content-Type": kind} if kind else {})
        status, code = (400, "not-json") if what in NOT_JSON else (422, "invalid")
        error = refused(seat.http.post("/leases", content=body, headers=headers), status, code)
        assert NOT_JSON.get(what, "") in error["hint"]


def test_where_json_breaks_off_is_told_in_dutch_too(seat: Seat) -> None:
    headers = seat.as_person() | {"Content-Type": "application/json", "Accept-Language": "nl"}
    error = refused(seat.http.post("/leases", content=b'{"key":\n1,,}', headers=headers), 400, "not-json")
    assert error["message"] == "De inhoud van deze aanvraag is geen JSON."
    assert "regel 2, kolom 3" in error["hint"]


def test_a_method_that_a_path_does_not_have_is_told_with_those_it_has(seat: Seat) -> None:
    reply = seat.http.put("/gpus", headers=seat.as_person())
    refused(reply, 405, "http")
    assert reply.headers["allow"] == "GET"


def test_ten_megabytes_are_refused_before_anybody_parses_them(seat: Seat) -> None:
    with nothing_changes(seat):
        body = json.dumps({"key": KEY, "gpu_class": "simulated", "holder": "x" * 10_000_000})
        refused(seat.http.post("/leases", content=body, headers=seat.as_person()), 413, "too-large")


def test_ten_megabytes_without_a_length_are_refused_too(seat: Seat) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"key": "attack-0000", "gpu_class": "simulated", "holder": "'
        for _piece in range(160):
            yield b"x" * 65_536

    with nothing_changes(seat):
        headers = seat.as_person() | {"Content-Type": "application/json"}
        refused(seat.http.post("/leases", content=pieces(), headers=headers), 413, "too-large")


def test_a_profile_without_gpus_leases_none_and_says_what_it_may_have(workbench: Workbench) -> None:
    with seat_of(workbench, "admin", "small") as small, nothing_changes(small):
        error = refused(small.ask(), 403, "class-not-allowed")
        assert "simulated" in error["message"]
        assert "profile" in error["hint"]


def test_a_seat_that_was_stopped_gets_nothing_even_with_its_old_token(workbench: Workbench) -> None:
    with seat_of(workbench, "admin", "medium") as stopped:
        personal = stopped.visitor.token()
    old, fresh = ({"Authorization": f"token {token}"} for token in (stopped.token, personal))
    body = {"key": KEY, "gpu_class": "simulated"}
    api = f"{workbench.address}/services/werkbank/api/v1"
    refused(httpx.post(f"{api}/leases", json=body, headers=old, trust_env=False), 401, "not-signed-in")
    refused(httpx.post(f"{api}/leases", json=body, headers=fresh, trust_env=False), 403, "no-seat")
    assert httpx.get(f"{api}/leases", headers=fresh, trust_env=False).json() == []


# --- who asks ---------------------------------------------------------------------------------------

TOKENS: list[tuple[str, bytes]] = [
    ("none", b""),
    ("half a one", b"token"),
    ("a forged one", b"token " + b"0" * 32),
    ("a long one", b"token " + b"x" * 8_000),
    ("one that is not ASCII", "token é".encode()),
    ("one with a tab", b"token a\tb"),
    ("a basic password", b"Basic c2NpZW50aXN0OnNlY3JldA=="),
    ("a lease token of nobody", b"Bearer wbl_" + b"0" * 64),
    ("a lease token as a person's", b"token wbl_" + b"0" * 64),
    ("a lease token that is not ASCII", "Bearer wbl_é".encode()),
]


@pytest.mark.parametrize(("what", "authorization"), TOKENS, ids=[row[0] for row in TOKENS])
def test_a_token_that_is_none_leases_nothing(what: str, authorization: bytes, seat: Seat) -> None:
    headers = {b"Authorization": authorization} if authorization else {}
    body = {"key": KEY, "gpu_class": "simulated"}
    with nothing_changes(seat):
        refused(seat.http.post("/leases", json=body, headers=headers), 401, "not-signed-in")
        refused(seat.http.get("/leases", headers=headers), 401, "not-signed-in")


def test_an_expired_token_leases_nothing(workbench: Workbench, seat: Seat) -> None:
    headers = {"Authorization": f"token {seat.visitor.token(expires_in=1)}"}
    eventually(lambda: seat.http.get("/leases", headers=headers).status_code == 401, what="the token expires")
    with nothing_changes(seat):
        body = {"key": KEY, "gpu_class": "simulated"}
        refused(seat.http.post("/leases", json=body, headers=headers), 401, "not-signed-in")


def test_a_revoked_token_leases_nothing(workbench: Workbench, seat: Seat) -> None:
    visitor, hub = seat.visitor, f"/hub/api/users/{seat.visitor.user}/tokens"
    made = visitor.http.post(hub, json={"note": "revoked"}, headers=visitor.api_headers()).json()
    headers = {"Authorization": f"token {made['token']}"}
    assert seat.http.get("/leases", headers=headers).status_code == 200
    assert visitor.http.delete(f"{hub}/{made['id']}", headers=visitor.api_headers()).status_code == 204
    with nothing_changes(seat):
        body = {"key": KEY, "gpu_class": "simulated"}
        refused(seat.http.post("/leases", json=body, headers=headers), 401, "not-signed-in")


def test_a_token_without_the_right_scope_leases_nothing(workbench: Workbench, seat: Seat) -> None:
    headers = {"Authorization": f"token {seat.visitor.token('read:users:name!user')}"}
    with nothing_changes(seat):
        body = {"key": KEY, "gpu_class": "simulated"}
        refused(seat.http.post("/leases", json=body, headers=headers), 401, "not-signed-in")


ACTS: list[tuple[str, Json]] = [
    ("bound", {"epoch": 1, "pid": PID, "pid_started": PID_STARTED}),
    ("heartbeat", {"epoch": 1, "busy": True}),
    ("report", {"epoch": 1, "act": "park", "outcome": "done"}),
    ("keep", {}),
    ("release", {"reason": "user"}),
]


@pytest.mark.parametrize(("act", "body"), ACTS, ids=[row[0] for row in ACTS])
def test_a_lease_token_acts_on_its_own_lease_only(act: str, body: Json, seat: Seat) -> None:
    first, second = seat.lease("attack-first"), seat.lease("attack-second")
    with nothing_changes(seat):
        refused(seat.post(first["id"], act, body, seat.tokens[second["id"]]), 404, "no-such-lease")


@pytest.mark.parametrize(("act", "body"), [("", {}), ("events", {}), *ACTS])
def test_a_lease_of_somebody_else_looks_the_same_as_none(act: str, body: Json, seat: Seat, other: Seat) -> None:
    theirs = other.lease("theirs-0000")["id"]
    method, end = ("POST", f"/{act}") if (act, body) in ACTS else ("GET", f"/{act}" if act else "")
    with nothing_changes(seat, other):
        answers = [
            seat.http.request(method, f"/leases/{id}{end}", headers=headers, json=body if method == "POST" else None)
            for headers in (seat.as_person(), seat.as_seat(theirs, "wbl_" + "0" * 64))
            for id in (theirs, NOBODYS)
        ]
        for answer in answers:
            refused(answer, 404, "no-such-lease")
        assert len({answer.content for answer in answers}) == 1
        assert len({str(sorted(without_date(answer).items())) for answer in answers}) == 1


def without_date(reply: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name != "date"}


def test_admin_routes_tell_nobody_else_whether_a_lease_exists(seat: Seat, other: Seat) -> None:
    theirs = other.lease("theirs-0000")["id"]
    with nothing_changes(seat, other):
        answers = [
            seat.http.request(method, f"/admin/leases/{id}{end}", headers=seat.as_person())
            for method, end in (("GET", ""), ("POST", "/release"))
            for id in (theirs, NOBODYS)
        ]
        answers += [seat.http.get(f"/admin/{what}", headers=seat.as_person()) for what in ("leases", "devices")]
        drain = {"draining": True}
        url = "/admin/devices/SIMULATED-simulated-0/drain"
        answers.append(seat.http.post(url, json=drain, headers=seat.as_person()))
        for answer in answers:
            refused(answer, 403, "not-an-admin")
        assert len({answer.content for answer in answers}) == 1


def test_a_lease_token_is_no_admin(seat: Seat) -> None:
    mine = seat.lease()["id"]
    with nothing_changes(seat):
        refused(seat.http.get("/admin/leases", headers=seat.as_seat(mine)), 401, "not-signed-in")
        refused(seat.http.post(f"/admin/leases/{mine}/release", headers=seat.as_seat(mine)), 401, "not-signed-in")


# --- paths and headers ------------------------------------------------------------------------------

PATHS = [
    "..",
    "%2e%2e",
    "../admin/leases",
    "..%2fadmin%2fleases",
    "%00",
    "x%0d%0aX-Injected:%20yes",
    "x" * 41,
    "x" * 4_000,
    "%ff%fe",
    "%D9%A0%D9%A1%D9%A2",
    "a'--",
    "*",
    ";id=1",
    "a%20b",
    "%25",
]


@pytest.mark.parametrize("path", PATHS, ids=[str(number) for number in range(len(PATHS))])
def test_a_path_that_is_no_lease_is_refused(path: str, seat: Seat) -> None:
    mine = seat.lease()["id"]
    with nothing_changes(seat):
        for end in ("", "/events", "/../../admin/leases"):
            status, headers, text = raw(seat, "GET", f"/leases/{path}{end}", seat.as_seat(mine))
            assert status in (400, 401, 403, 404, 405, 422), f"{status}: {text[:300]}"
            assert "x-injected" not in headers
            assert mine not in text


HEADERS: list[tuple[str, dict[str, str]]] = [
    ("a language with a strange weight", {"Accept-Language": "nl;q=\xb2"}),
    ("a language without end", {"Accept-Language": "nl," * 5_000}),
    ("a language that is a path", {"Accept-Language": "../../etc/passwd"}),
    ("a language with a format in it", {"Accept-Language": "{0.__class__}"}),
    ("an unknown cookie", {"Cookie": "werkbank-language=../../x; werkbank-session=x"}),
    ("a forged address", {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "gopher"}),
    ("a forged host", {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}),
    ("another method", {"X-HTTP-Method-Override": "DELETE"}),
    ("another user", {"X-Forwarded-User": "admin", "Remote-User": "admin"}),
]


@pytest.mark.parametrize(("what", "headers"), HEADERS, ids=[row[0] for row in HEADERS])
def test_hostile_headers_change_no_answer(what: str, headers: dict[str, str], seat: Seat) -> None:
    mine = seat.active()["id"]
    status, _headers, text = raw(seat, "GET", f"/leases/{mine}", seat.as_seat(mine) | headers)
    assert status == 200, text[:300]
    assert json.loads(text)["id"] == mine
    assert "evil.example" not in text


def raw(seat: Seat, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """A request whose path and headers nobody tidies up on the way out."""
    api = urlsplit(str(seat.http.base_url))
    connection = http.client.HTTPConnection(api.hostname or "", api.port or 80, timeout=30)
    try:
        connection.putrequest(method, f"{api.path.rstrip('/')}{path}", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders()
        reply = connection.getresponse()
        found = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, found, reply.read().decode(errors="replace")
    finally:
        connection.close()


# --- again and at once ------------------------------------------------------------------------------


def test_the_same_key_is_the_same_lease_with_the_same_token(seat: Seat) -> None:
    first, again = seat.ask(), seat.ask()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["lease"]["id"] == again.json()["lease"]["id"]
    assert first.json()["token"] == again.json()["token"]
    assert len(seat.mine()) == 1


def test_the_same_key_of_another_user_is_another_lease(seat: Seat, other: Seat) -> None:
    seat.test = other.test = max(seat.test, other.test)
    assert seat.lease()["id"] != other.lease()["id"]


def test_identical_requests_at_once_are_one_lease(seat: Seat) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _number: seat.ask(), range(8)))
    assert {reply.status_code for reply in replies} <= {200, 201}
    assert len({(reply.json()["lease"]["id"], reply.json()["token"]) for reply in replies}) == 1
    assert len(seat.mine()) == 1


def test_many_requests_at_once_grant_each_device_once(seat: Seat) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: seat.ask(f"attack-{number:04}"), range(8)))
    assert {reply.status_code for reply in replies} == {201}
    eventually(lambda: len(holders(seat)) == 2, what="both devices are offered")
    assert sorted(device["uuid"] for lease in holders(seat) for device in lease["devices"]) == [
        "SIMULATED-simulated-0",
        "SIMULATED-simulated-1",
    ]


def holders(seat: Seat) -> list[Json]:
    return [lease for lease in seat.mine() if lease["devices"]]


def test_who_waits_for_enough_is_told_so_and_waits_for_no_more(seat: Seat) -> None:
    for number in range(2):
        seat.active(f"holds-{number:04}")
    for number in range(8):
        seat.lease(f"waits-{number:04}")
    with nothing_changes(seat):
        error = refused(seat.ask("waits-0009"), 429, "too-many-waiting")
        assert "8" in error["message"]
        assert error["hint"]
        assert int(seat.ask("waits-0009").headers["retry-after"]) > 0
    assert len(seat.mine()) == 10


# --- a whole life -----------------------------------------------------------------------------------


def test_a_lease_lives_its_life_and_old_words_about_it_are_refused(seat: Seat) -> None:
    held = [seat.active(f"holds-{number:04}") for number in range(2)]
    id = seat.lease("waits-0000")["id"]
    waiting = seat.get(id).json()
    assert (waiting["state"], waiting["reason"]["code"]) == ("queued", "own-cap")
    assert seat.post(held[0]["id"], "release", {}).json()["state"] == "released"
    offered = seat.until(id, "offered")
    assert offered["environment"]["CUDA_VISIBLE_DEVICES"] == offered["devices"][0]["uuid"]
    taken = {"epoch": offered["epoch"], "pid": PID, "pid_started": PID_STARTED}
    for wrong in (offered["epoch"] - 1, offered["epoch"] + 1, 2**53):
        refused(seat.post(id, "bound", taken | {"epoch": wrong}), 409, "stale-epoch")
    refused(seat.post(id, "keep", {}), 409, "wrong-state")
    assert seat.post(id, "bound", taken).json()["state"] == "active"
    assert seat.post(id, "bound", taken).json()["state"] == "active"
    _old_words_are_refused(seat, id, offered["epoch"])
    assert seat.post(id, "release", {"reason": "shutdown"}).json()["ended"]["code"] == "shutdown"
    _the_end_is_the_end(seat, id, taken)


def _old_words_are_refused(seat: Seat, id: str, epoch: int) -> None:
    with nothing_changes(seat):
        refused(seat.post(id, "heartbeat", {"epoch": epoch + 1, "busy": True}), 409, "stale-epoch")
        park = {"epoch": epoch, "act": "park", "outcome": "done", "bytes": 1}
        refused(seat.post(id, "report", park), 409, "wrong-state")
        refused(seat.post(id, "report", park | {"act": "resume"}), 409, "wrong-state")
        refused(seat.post(id, "report", park | {"epoch": epoch - 1}), 409, "stale-epoch")


def _the_end_is_the_end(seat: Seat, id: str, taken: Json) -> None:
    again = seat.post(id, "release", {"reason": "user"})
    assert (again.status_code, again.json()["ended"]["code"]) == (200, "shutdown")
    assert seat.get(id).json()["state"] == "released"
    refused(seat.post(id, "bound", taken), 410, "lease-ended")
    refused(seat.post(id, "heartbeat", {"epoch": taken["epoch"]}), 410, "lease-ended")
    refused(seat.post(id, "keep", {}), 410, "lease-ended")
    known = seat.ask("waits-0000")
    assert (known.status_code, known.json()["lease"]["state"]) == (200, "released"), "an ended lease is not woken"


def test_keeping_is_counted(seat: Seat) -> None:
    id = seat.active()["id"]
    kept = seat.post(id, "keep", {}).json()
    assert (kept["keeps_left"], kept["kept_until"] is not None) == (0, True)
    with nothing_changes(seat):
        refused(seat.post(id, "keep", {}), 409, "keeps-used")


REPORTS: list[tuple[str, str, Json]] = [
    ("an epoch below all", "heartbeat", {"epoch": -1}),
    ("an epoch above all", "heartbeat", {"epoch": 2**63}),
    ("an epoch that is a half", "heartbeat", {"epoch": 0.5}),
    ("an epoch that is a truth", "heartbeat", {"epoch": True}),
    ("no epoch", "heartbeat", {"busy": True}),
    ("a word for a truth", "heartbeat", {"epoch": 1, "busy": "yes"}),
    ("a reason with markup", "heartbeat", {"epoch": 1, "unparkable": "<script>"}),
    ("the first process", "bound", {"epoch": 1, "pid": 1, "pid_started": "1"}),
    ("a process below all", "bound", {"epoch": 1, "pid": -1, "pid_started": "1"}),
    ("a process above all", "bound", {"epoch": 1, "pid": 2**63, "pid_started": "1"}),
    ("a start time that is a path", "bound", {"epoch": 1, "pid": 2, "pid_started": "../1"}),
    ("a start time in other digits", "bound", {"epoch": 1, "pid": 2, "pid_started": "١"}),
    ("an unknown act", "report", {"epoch": 1, "act": "steal", "outcome": "done"}),
    ("an unknown outcome", "report", {"epoch": 1, "act": "park", "outcome": "stolen"}),
    ("negative bytes", "report", {"epoch": 1, "act": "park", "outcome": "done", "bytes": -1}),
    ("bytes without end", "report", {"epoch": 1, "act": "park", "outcome": "done", "bytes": 10**30}),
    ("seconds that are none", "report", {"epoch": 1, "act": "park", "outcome": "done", "seconds": float("nan")}),
    ("seconds without end", "report", {"epoch": 1, "act": "park", "outcome": "done", "seconds": float("inf")}),
    ("a reason that only admins give", "release", {"reason": "admin"}),
    ("an end of its own", "release", {"reason": "user", "state": "broken"}),
]


@pytest.mark.parametrize(("what", "act", "body"), REPORTS, ids=[row[0] for row in REPORTS])
def test_words_that_no_seat_says_are_refused_and_change_nothing(what: str, act: str, body: Json, seat: Seat) -> None:
    id = seat.active()["id"]
    with nothing_changes(seat):
        headers = seat.as_seat(id) | {"Content-Type": "application/json"}
        refused(seat.http.post(f"/leases/{id}/{act}", content=json.dumps(body), headers=headers), 422, "invalid")


# --- the stream -------------------------------------------------------------------------------------


def test_the_stream_tells_the_lease_at_once_at_each_change_and_ends_with_it(seat: Seat) -> None:
    id = seat.until(seat.lease()["id"], "offered")["id"]
    with seat.http.stream("GET", f"/leases/{id}/events", headers=seat.as_seat(id)) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = leases_in(reply)
        offered = next(events)
        assert (offered["id"], offered["state"]) == (id, "offered")
        seat.post(id, "bound", {"epoch": offered["epoch"], "pid": PID, "pid_started": PID_STARTED})
        assert next(events)["state"] == "active"
        seat.post(id, "heartbeat", {"epoch": offered["epoch"], "busy": True})
        assert next(events)["busy"]
        seat.post(id, "release", {"reason": "shutdown"})
        last = next(events)
        assert (last["state"], last["ended"]["code"]) == ("released", "shutdown")
        assert next(events, None) is None, "the stream ends with the lease"


def test_the_stream_of_an_ended_lease_tells_its_end_and_is_over(seat: Seat) -> None:
    id = seat.lease()["id"]
    seat.post(id, "release", {})
    with seat.http.stream("GET", f"/leases/{id}/events", headers=seat.as_seat(id)) as reply:
        assert [lease["state"] for lease in leases_in(reply)] == ["released"]


def leases_in(reply: httpx.Response) -> Iterator[Json]:
    """The events of a stream; each is one line of JSON."""
    name = ""
    for line in reply.iter_lines():
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            assert name == "lease"
            yield json.loads(line.removeprefix("data:"))


# --- languages --------------------------------------------------------------------------------------


def test_who_reads_dutch_reads_dutch(seat: Seat) -> None:
    for number in range(2):
        seat.active(f"holds-{number:04}")
    id = seat.lease("waits-0000")["id"]
    languages = ("en", "nl-NL,nl;q=0.9,en;q=0.5")
    headers = [seat.as_seat(id) | {"Accept-Language": language} for language in languages]
    english, dutch = (seat.http.get(f"/leases/{id}", headers=one).json() for one in headers)
    assert (english["title"], dutch["title"]) == ("Simulated GPU", "Gesimuleerde GPU")
    assert english["reason"]["code"] == dutch["reason"]["code"] == "own-cap"
    assert "give one back" in english["reason"]["text"].lower()
    assert " je " in f" {dutch['reason']['text'].lower()} "


def test_refusals_are_in_the_language_of_the_request(seat: Seat) -> None:
    messages = {
        language: refused(seat.ask(gpu_class="h9000", language=language), 422, "unknown-class")["message"]
        for language in ("en", "nl")
    }
    assert messages["en"] == "There is no GPU class called h9000."
    assert "h9000" in messages["nl"]
    assert messages["nl"] != messages["en"]


# --- everything that the description allows ----------------------------------------------------------


@pytest.mark.timeout(180)
@pytest.mark.parametrize("who", ["scientist", "admin"])
def test_whatever_the_published_description_allows_gets_an_answer_it_describes(
    workbench: Workbench, seat: Seat, tmp_path: Path, who: str
) -> None:
    token = seat.token if who == "scientist" else workbench.browser(who).token()
    address = f"{workbench.address}/services/werkbank/openapi.json"
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [sys.executable, "-m", "schemathesis.cli", "run", address]
    command += ["--header", f"Authorization: token {token}", "--checks", checks, "--include-path-regex"]
    command += ["/api/v1/(leases|gpus|admin|me|use)", "--exclude-path-regex", "/events$", "--max-examples", "20"]
    command += ["--generation-deterministic", "--no-color", "--workers", "1"]
    command += ["--phases", "examples,coverage,fuzzing", "--request-timeout", "20"]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False)
    finally:
        _put_devices_back(workbench, seat)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    selected, tested = (re.search(rf"{word}: (\d+)", done.stdout) for word in ("Selected", "Tested"))
    assert selected
    assert tested
    assert selected[1] == tested[1]
    assert int(tested[1]) >= 10


def _put_devices_back(workbench: Workbench, seat: Seat) -> None:
    """What an admin may do was tried too, and took devices out of service."""
    headers = {"Authorization": f"token {workbench.browser('admin').token()}"}
    for device in seat.http.get("/admin/devices", headers=headers).raise_for_status().json():
        url = f"/admin/devices/{device['uuid']}/drain"
        seat.http.post(url, json={"draining": False}, headers=headers).raise_for_status()
