"""A running seat as the broker's API knows it: what a kernel there can ask, say and see."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.workbench import Visitor, Workbench, eventually, seat_environment

Json = dict[str, Any]

KEY = "attack-0000"
PID, PID_STARTED = os.getpid(), Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
"""A process that lives as long as these tests: it stands for the kernel."""

TESTS = itertools.count()


@dataclass
class Seat:
    """What a kernel of a running seat can do: speak to the broker with what its environment gives it."""

    visitor: Visitor
    http: httpx.Client
    token: str
    tokens: dict[str, str] = field(default_factory=dict)
    """Of leases this seat got."""
    test: int = field(default_factory=lambda: next(TESTS))
    """A number for each test: a key of an earlier one, of another file too, would be its lease, which has ended."""

    def ask(self, key: str = KEY, language: str = "en", **more: Any) -> httpx.Response:
        body = {"key": f"{key}-{self.test}", "gpu_class": "simulated", "holder": "a.ipynb"} | more
        reply = self.http.post("/leases", json=body, headers=self.as_person() | {"Accept-Language": language})
        if reply.is_success:
            self.tokens[reply.json()["lease"]["id"]] = reply.json()["token"]
        return reply

    def lease(self, key: str = KEY, **more: Any) -> Json:
        """Ask, and be given or put in line."""
        reply = self.ask(key, **more)
        assert reply.status_code == 201, reply.text
        found: Json = reply.json()["lease"]
        return found

    def post(self, id: str, act: str, body: Json, token: str | None = None) -> httpx.Response:
        return self.http.post(f"/leases/{id}/{act}", json=body, headers=self.as_seat(id, token))

    def get(self, id: str, token: str | None = None) -> httpx.Response:
        return self.http.get(f"/leases/{id}", headers=self.as_seat(id, token))

    def until(self, id: str, state: str) -> Json:
        """The lease once it is in that state."""
        return eventually(lambda: (now := self.get(id).json())["state"] == state and now, what=f"{id} is {state}")

    def active(self, key: str = KEY) -> Json:
        """A lease whose kernel has its device."""
        offered = self.until(self.lease(key)["id"], "offered")
        body = {"epoch": offered["epoch"], "pid": PID, "pid_started": PID_STARTED}
        reply = self.post(offered["id"], "bound", body)
        assert reply.status_code == 200, reply.text
        found: Json = reply.json()
        return found

    def mine(self) -> list[Json]:
        reply = self.http.get("/leases", headers=self.as_person())
        assert reply.status_code == 200, reply.text
        found: list[Json] = reply.json()
        return found

    def as_person(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    def as_seat(self, id: str, token: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {token or self.tokens.get(id, 'wbl_none')}"}

    def give_all_back(self) -> None:
        self.test = next(TESTS)
        for lease in self.mine():
            done = self.http.post(f"/leases/{lease['id']}/release", json={}, headers=self.as_person())
            assert done.status_code == 200, done.text


@contextmanager
def seat_of(workbench: Workbench, user: str, profile: str) -> Iterator[Seat]:
    visitor = workbench.browser(user)
    visitor.start_seat(profile)
    environment = seat_environment(user, workbench)
    with httpx.Client(base_url=environment["WERKBANK_API"], trust_env=False, timeout=60) as client:
        yield Seat(visitor, client, environment["JUPYTERHUB_API_TOKEN"])
    visitor.stop_seat()


def free_devices(seat: Seat) -> int:
    rows: list[Json] = seat.http.get("/gpus", headers=seat.as_person()).json()
    return int(next(row["free"] for row in rows if row["name"] == "simulated"))


def refused(reply: httpx.Response, status: int, code: str) -> Json:
    """The refusal's sentences; every refusal of the API has this shape and no other."""
    assert reply.status_code == status, f"{reply.status_code}: {reply.text[:500]}"
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()) == {"error"}
    error: Json = reply.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] == code
    assert len(error["message"]) > 10
    assert error["message"].endswith(".")
    return error
