"""A broker that keeps the contract with seats, and misbehaves when a test says so. Real HTTP on a port of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.support.workbench import eventually

HUB_TOKEN = "token-of-the-hub"
DEVICE = {"uuid": "SIMULATED-0001", "index": 0, "model": "NVIDIA H200", "memory": 141 << 30, "simulated": True}
ENDS = {
    "released": "It was given back.",
    "expired": "Its time was over.",
    "lost": "It was lost.",
    "broken": "It broke.",
}
REFUSALS = {
    "unknown-class": (404, "There is no GPU class called x.", "Choose h200."),
    "too-many-waiting": (429, "You already wait for 3 GPUs.", "Stop one of them first."),
}

Lease = dict[str, Any]


class CutOff(Response):
    """An answer that breaks off: the act is done, and nobody hears of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


class BrokerDouble:
    """`devices` can be held at a time; whoever comes then is queued. Tests read `said` and turn the other knobs.

    `cut_off` and `late` hold names of calls ("ask", "bound", "heartbeat", "report", "release", "keep"): the next such
    answer is lost after the act, or comes so many seconds late. `refuse` is a code the next asks are refused with.
    """

    def __init__(self, devices: int = 1, heartbeat_s: float = 0.5) -> None:
        self.devices, self.heartbeat_s = devices, heartbeat_s
        self.leases: dict[str, Lease] = {}
        self.tokens: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.said: list[tuple[str, str, dict[str, Any]]] = []
        self.cut_off: Counter[str] = Counter()
        self.late: dict[str, float] = {}
        self.refuse = ""
        self.accept_bound = True
        self.resume_when_wanted = True
        self._idle_at = 0
        self._lock = threading.RLock()
        self._subscribers: dict[str, set[asyncio.Queue[None]]] = {}
        self._port = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    # Coming and going.

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._port}/services/werkbank/api/v1"

    @property
    def environment(self) -> dict[str, str]:
        return {"WERKBANK_API": self.base, "JUPYTERHUB_API_TOKEN": HUB_TOKEN, "JUPYTERHUB_SERVER_NAME": ""}

    def __enter__(self) -> BrokerDouble:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Answer, on the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(self._app(), log_level="critical", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
        self._thread.start()
        eventually(lambda: self._server is not None and self._server.started)

    def _serve(self, listener: socket.socket) -> None:
        # It cancels what still runs at its end: streams that wait for news, left hanging, are collected when the
        # interpreter ends, and crash it.
        with asyncio.Runner() as runner, listener:
            self._loop = runner.get_loop()
            runner.run(self._server.serve([listener]))

    def down(self) -> None:
        """Stop in mid-sentence; leases stay as they are."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._server = self._thread = None

    # What a test does.

    def only(self) -> Lease:
        """The one lease that has not ended."""
        live = self.live()
        assert len(live) == 1, live
        return live[0]

    def live(self) -> list[Lease]:
        with self._lock:
            return [lease for lease in self.leases.values() if lease["state"] not in ENDS]

    def become(self, lease_id: str, state: str, **fields: Any) -> None:
        """Put a lease in a state, as the broker's own decision, and tell its holder."""
        with self._lock:
            lease = self.leases[lease_id]
            lease.update(state=state, since=time.time(), **fields)
            if state == "offered":
                self._equip(lease)
            if state in ENDS:
                lease.update(devices=[], environment={}, ended={"code": state, "text": ENDS[state]})
        self._publish(lease_id)

    def update(self, lease_id: str, **fields: Any) -> None:
        """Change what a lease says without a new state (place, estimate, reason)."""
        with self._lock:
            self.leases[lease_id].update(fields)
        self._publish(lease_id)

    def order_parking(self, lease_id: str) -> None:
        self.become(lease_id, "parking", epoch=self.leases[lease_id]["epoch"] + 1)

    def bodies(self, call: str) -> list[dict[str, Any]]:
        """What seats said in calls of one kind, in order."""
        with self._lock:
            return [body for name, _, body in self.said if name == call]

    def wait_for(self, condition: Callable[[], Any], what: str = "") -> Any:
        return eventually(condition, 30, what)

    def wait_until_idle(self) -> None:
        """Until the holder has said that a cell ran, and that it is over, since this was asked last.

        "Not busy" alone may be what was said before the cell, with its "busy" still on the way.
        """

        def said_both() -> bool:
            busy = [body["busy"] for body in self.bodies("heartbeat")]
            if True not in busy[self._idle_at :] or busy[-1]:
                return False
            self._idle_at = len(busy)
            return True

        eventually(said_both, 30, "a cell has run and is over")

    def wait_for_state(self, state: str) -> Lease:
        """The first lease that is in `state`."""
        return eventually(
            lambda: next((lease for lease in self.leases.values() if lease["state"] == state), None),
            30,
            f"{state}; leases are {[lease['state'] for lease in self.leases.values()]}, said {self.said[-5:]}",
        )

    # What it does by itself.

    def _equip(self, lease: Lease) -> None:
        uuids = DEVICE["uuid"]
        lease["devices"] = [DEVICE]
        lease["environment"] = {
            "CUDA_VISIBLE_DEVICES": uuids,
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "NVIDIA_VISIBLE_DEVICES": uuids,
            "WERKBANK_LEASE": lease["id"],
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }

    def _new(self, body: dict[str, Any]) -> Lease:
        held = sum(lease["state"] not in {*ENDS, "queued", "parked"} for lease in self.leases.values())
        free = held < self.devices
        lease = {
            "id": uuid.uuid4().hex,
            "gpu_class": body["gpu_class"],
            "title": "H200",
            "count": body["count"],
            "kind": body["kind"],
            "holder": body["holder"],
            "server": body["server"],
            "user": "scientist",
            "state": "offered" if free else "queued",
            "epoch": 1,
            "since": time.time(),
            "requested": time.time(),
            "simulated": True,
            "devices": [],
            "environment": {},
            "place": None if free else 1,
            "of": None if free else 1,
            "estimate_s": None,
            "reason": None if free else {"code": "all-busy", "text": "All GPUs of this class are in use."},
            "ends_at": None,
            "parkable": body["gated"],
            "unparkable": None,
            "keeps_left": 1,
            "kept_until": None,
            "ended": None,
            "parking": {"lock_timeout_s": 10, "host_reserve": 0, "host_budget": 1 << 40, "driver": "simulated"},
            "heartbeat_s": self.heartbeat_s,
        }
        if free:
            self._equip(lease)
        return lease

    def _app(self) -> Starlette:
        base = "/services/werkbank/api/v1/leases"
        routes = [
            Route(base, self._ask, methods=["POST"]),
            Route(base + "/{id}", self._get, methods=["GET"]),
            Route(base + "/{id}/events", self._events, methods=["GET"]),
            Route(base + "/{id}/{call}", self._act, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _ask(self, request: Request) -> Response:
        body = await request.json()
        self.said.append(("ask", "", body))
        if request.headers.get("authorization") != f"token {HUB_TOKEN}":
            return _error(403, "bad-token", "This token is not known.")
        if self.refuse:
            status, message, hint = REFUSALS[self.refuse]
            return _error(status, self.refuse, message, hint)
        with self._lock:
            known = self.keys.get(body["key"])
            if known is None:
                lease = self._new(body)
                known = self.keys[body["key"]] = lease["id"]
                self.leases[known], self.tokens[known] = lease, f"secret-{known}"
        answer = {"lease": self.leases[known], "token": self.tokens[known]}
        return await self._answered("ask", JSONResponse(answer, 201))

    async def _get(self, request: Request) -> Response:
        lease = self._lease(request)
        return JSONResponse(lease) if lease else _error(404, "unknown-lease", "There is no such lease.")

    async def _events(self, request: Request) -> Response:
        lease = self._lease(request)
        if lease is None:
            return _error(404, "unknown-lease", "There is no such lease.")
        return StreamingResponse(self._stream(lease["id"]), media_type="text/event-stream")

    async def _stream(self, lease_id: str) -> AsyncIterator[str]:
        news: asyncio.Queue[None] = asyncio.Queue()
        self._subscribers.setdefault(lease_id, set()).add(news)
        try:
            while True:
                yield f"event: lease\ndata: {json.dumps(self.leases[lease_id])}\n\n"
                await news.get()
        finally:
            self._subscribers[lease_id].discard(news)

    async def _act(self, request: Request) -> Response:
        call, body = request.path_params["call"], json.loads(await request.body() or b"{}")
        with self._lock:
            lease = self._lease(request)
            if lease is None:
                return _error(404, "unknown-lease", "There is no such lease.")
            self.said.append((call, lease["id"], body))
            refusal = self._why_not(call, lease, body)
            if refusal is None:
                before = lease["state"]
                getattr(self, f"_on_{call}")(lease, body)
                if lease["state"] != before:
                    lease["since"] = time.time()
                    self._publish(lease["id"])
            answer = refusal or JSONResponse(lease)
        return await self._answered(call, answer)

    def _why_not(self, call: str, lease: Lease, body: dict[str, Any]) -> Response | None:
        if lease["state"] in ENDS and call != "release":
            return _error(410, "lease-ended", "This lease has ended.")
        if "epoch" in body and body["epoch"] != lease["epoch"]:
            return _error(409, "stale-epoch", "This lease has moved on.")
        if call == "keep" and lease["keeps_left"] < 1:
            return _error(409, "keeps-used", "You have kept it once already.")
        return None

    def _on_bound(self, lease: Lease, body: dict[str, Any]) -> None:
        if lease["state"] == "offered" and self.accept_bound:
            lease["state"] = "active"

    def _on_heartbeat(self, lease: Lease, body: dict[str, Any]) -> None:
        lease.update(busy=body["busy"], wants=body["wants"])
        if lease["state"] == "notice" and body["busy"]:
            lease["state"] = "active"
        if lease["state"] == "parked" and body["wants"] and self.resume_when_wanted:
            lease["state"] = "resuming"

    def _on_report(self, lease: Lease, body: dict[str, Any]) -> None:
        ended = {("park", "done"): "parked", ("resume", "done"): "active"}
        if body["outcome"] == "broken":
            lease.update(state="broken", devices=[], environment={}, ended={"code": "broken", "text": ENDS["broken"]})
        else:
            lease["state"] = ended.get((body["act"], body["outcome"]), "active")

    def _on_release(self, lease: Lease, body: dict[str, Any]) -> None:
        if lease["state"] not in ENDS:
            text = ENDS["released"]
            lease.update(state="released", devices=[], environment={}, ended={"code": body["reason"], "text": text})

    def _on_keep(self, lease: Lease, body: dict[str, Any]) -> None:
        lease["keeps_left"] -= 1

    async def _answered(self, call: str, answer: Response) -> Response:
        await asyncio.sleep(self.late.pop(call, 0))
        if self.cut_off[call]:
            self.cut_off[call] -= 1
            return CutOff()
        return answer

    def _lease(self, request: Request) -> Lease | None:
        lease = self.leases.get(request.path_params["id"])
        authorised = lease and request.headers.get("authorization") == f"Bearer {self.tokens[lease['id']]}"
        return lease if authorised else None

    def _publish(self, lease_id: str) -> None:
        for news in list(self._subscribers.get(lease_id, ())):
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(news.put_nowait, None)


def _error(status: int, code: str, message: str, hint: str = "") -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)
