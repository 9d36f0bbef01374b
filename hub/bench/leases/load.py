"""Seats that speak to the service at a given pace, whether it keeps up or not."""

import asyncio
import contextlib
import json
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp

from hub.bench.leases import world
from hub.bench.leases.play import CELL_CHANGES
from hub.leases.identity import Tokens
from hub.leases.model import Lease, LeaseState

MIX = {"heartbeat": 76, "read": 12, "ask": 5, "give back": 4, "my leases": 3}
"""Of a hundred requests; what the answers ask for (take an offer, park, resume) takes its place before these."""
EXPECTED = {409, 410, 429}
"""Refusals that a well-behaved seat can meet: the lease went on meanwhile, or its user waits for enough."""
TIMEOUT = 10.0
SEED = 22
MOST_OPENING = 50
"""Streams that are opened at the same time."""
LISTEN_TIMEOUT = 20.0
"""Whoever does not listen by then does so later; leases that wait are lost when nothing is heard for a minute."""
FOLLOW_UPS = {LeaseState.OFFERED: "bound", LeaseState.PARKING: "park", LeaseState.RESUMING: "resume"}


@dataclass
class Measured:
    """What came of the requests."""

    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds from the moment a request was due until its answer was there, by what it asked."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Refusals that belong to a working day, by code."""
    errors: Counter[str] = field(default_factory=Counter)
    """Everything else that was no success."""


@dataclass
class _Known:
    """What a seat knows about its lease."""

    user: str
    state: LeaseState
    epoch: int
    busy: bool


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Seats:
    """All seats of the workplace."""

    def __init__(self, http: aiohttp.ClientSession, api: str, leases: Mapping[str, Lease], tokens: Tokens) -> None:
        self.measured = Measured()
        self.streams = 0
        """Seats that listen, or have."""
        self._http, self._api, self._tokens, self._random = http, api, tokens, Random(SEED)  # noqa: S311  # the same seats again
        self._known = {x.id: _Known(x.user, x.state, x.epoch, x.busy) for x in leases.values()}
        self._users = sorted({lease.user for lease in leases.values()})
        self._due: deque[str] = deque()
        self._asked = 0
        self._pid, self._pid_started = world.own_process()

    async def speak(self, per_second: int, seconds: float) -> None:
        """Send requests at their times, without waiting for answers; then wait for those that are open."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(round(per_second * seconds)):
                due = began + number / per_second
                if (ahead := due - time.perf_counter()) > 0:
                    await asyncio.sleep(ahead)
                tasks.create_task(self._one(due))

    async def _one(self, due: float) -> None:
        what, id = self._next()
        try:
            async with asyncio.timeout(TIMEOUT):
                reply = await self._send(what, id)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.measured.errors[type(error).__name__] += 1
            return
        self.measured.times[what].append((time.perf_counter() - due) * 1000)
        if reply.status < 400:
            self._learn(what, reply)
        else:
            self._refused(what, id, reply)

    def _next(self) -> tuple[str, str]:
        while self._due:
            id = self._due.popleft()
            if id in self._known and (what := FOLLOW_UPS.get(self._known[id].state)):
                return what, id
        what = self._random.choices(list(MIX), list(MIX.values()))[0]
        if what == "give back":
            holders = [id for id, known in self._known.items() if known.state is LeaseState.ACTIVE]
            return (what, self._random.choice(holders)) if holders else ("my leases", "")
        return what, self._random.choice(list(self._known))

    async def _send(self, what: str, id: str) -> Answer:
        match what:
            case "ask":
                return await self._ask()
            case "my leases":
                return await self._request("GET", "", _as_person(self._random.choice(self._users)))
            case "read":
                return await self._request("GET", f"/{id}", self._as_seat(id))
            case "heartbeat":
                return await self._post(id, "heartbeat", self._heartbeat(self._known[id]))
            case "bound":
                body = {"epoch": self._known[id].epoch, "pid": self._pid, "pid_started": self._pid_started}
                return await self._post(id, "bound", body)
            case "give back":
                self._known.pop(id)
                return await self._post(id, "release", {"reason": "shutdown"})
            case act:
                outcome = {
                    "epoch": self._known[id].epoch,
                    "act": act,
                    "outcome": "done",
                    "bytes": 2**30,
                    "seconds": 1.0,
                }
                return await self._post(id, "report", outcome)

    async def _ask(self) -> Answer:
        self._asked += 1
        user = self._random.choice(self._users)
        body = {"key": f"bench-new-{self._asked:08}", "gpu_class": world.GPU_CLASS, "holder": "new.ipynb"}
        return await self._request("POST", "", _as_person(user), body)

    async def _post(self, id: str, act: str, body: dict[str, Any]) -> Answer:
        return await self._request("POST", f"/{id}/{act}", self._as_seat(id), body)

    async def _request(
        self, method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None = None
    ) -> Answer:
        url = f"{self._api}/leases{path}"
        async with self._http.request(method, url, json=body, headers=headers) as reply:
            return Answer(reply.status, await reply.read())

    def _heartbeat(self, known: _Known) -> dict[str, Any]:
        runs = known.state in (LeaseState.ACTIVE, LeaseState.NOTICE)
        known.busy = runs and known.busy ^ (self._random.random() < CELL_CHANGES)
        return {"epoch": known.epoch, "busy": known.busy, "watched": True}

    def _as_seat(self, id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens.of(id)}"}

    def _learn(self, what: str, reply: Answer) -> None:
        if what in ("my leases", "give back"):
            return
        lease = reply.json["lease"] if what == "ask" else reply.json
        if lease["ended"]:
            self._known.pop(lease["id"], None)
            return
        known = _Known(lease["user"], LeaseState(lease["state"]), lease["epoch"], lease["busy"])
        self._known[lease["id"]] = known
        if known.state in FOLLOW_UPS:
            self._due.append(lease["id"])

    def _refused(self, what: str, id: str, reply: Answer) -> None:
        if reply.status not in EXPECTED:
            self.measured.errors[f"{what}: {reply.status}"] += 1
            return
        code = reply.json["error"]["code"]
        self.measured.refusals[code] += 1
        if code == "lease-ended":
            self._known.pop(id, None)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Every seat listens to the changes of its lease, as kernels do, until the block ends."""
        opening, all_listen = asyncio.Semaphore(MOST_OPENING), asyncio.Barrier(len(self._known) + 1)
        streams = [asyncio.create_task(self._listen(id, opening, all_listen)) for id in list(self._known)]
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(all_listen.wait(), LISTEN_TIMEOUT)
            yield
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)

    async def _listen(self, id: str, opening: asyncio.Semaphore, all_listen: asyncio.Barrier) -> None:
        async with opening:
            events = await self._http.get(f"{self._api}/leases/{id}/events", headers=self._as_seat(id))
        async with events:
            self.streams += 1
            arrived = asyncio.create_task(all_listen.wait())
            try:
                await _drain(events)
            finally:
                arrived.cancel()


async def _drain(stream: aiohttp.ClientResponse) -> None:
    while await stream.content.readany():
        pass


def _as_person(user: str) -> dict[str, str]:
    return {"Authorization": f"token {world.token_of(user)}"}
