"""One user's leases, held at the broker as a seat holds them: asked for, taken when offered, and said to be alive."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from hub.bench.lab.world import GPU_CLASS
from hub.bench.leases.world import own_process
from hub.bench.seat import Seat
from hub.seats.kernel import Kernel

API = "/services/werkbank/api/v1"
LOOK_PERIOD = 0.5
BEATS = 8
"""Looks from one heartbeat to the next."""
READY_TIMEOUT = 120.0


async def token_of(seat: Seat) -> str:
    """The token that a kernel of this running seat finds in its environment, and asks the broker with."""
    kernel = await Kernel.start(seat.http, seat.path)
    try:
        return str((await kernel.run("import os", token="os.environ['JUPYTERHUB_API_TOKEN']"))["token"])  # noqa: S106
    finally:
        await kernel.end()


@dataclass
class Leases:
    """What the user of a seat holds and waits for."""

    http: httpx.AsyncClient
    """To the hub, with the seat's token."""
    _tokens: dict[str, str] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def ask(self) -> None:
        """Ask for one more. Raises httpx errors."""
        number = next(self._numbers)
        body = {"key": f"bench-lab-{number:06}", "gpu_class": GPU_CLASS, "holder": f"bench-{number:03}.ipynb"}
        granted = (await self.http.post(f"{API}/leases", json=body)).raise_for_status().json()
        self._tokens[granted["lease"]["id"]] = granted["token"]

    async def mine(self) -> list[dict[str, Any]]:
        """All that live. Raises httpx errors."""
        found: list[dict[str, Any]] = (await self.http.get(f"{API}/leases")).raise_for_status().json()
        return found

    async def held(self) -> list[dict[str, Any]]:
        """Those that have their device."""
        return [lease for lease in await self.mine() if lease["state"] == "active"]

    def token(self, lease: str) -> str:
        """What its seat proves itself with."""
        return self._tokens[lease]

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Meanwhile, offers are taken and every lease has its heartbeats. Raises what went wrong with that."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        if beating.done() and not beating.cancelled() and (error := beating.exception()):
            raise error

    async def settled(self, count: int) -> None:
        """Wait until so many live and none is on its way to a device. Raises TimeoutError."""
        async with asyncio.timeout(READY_TIMEOUT):
            while True:
                if self._is_settled(await self.mine(), count):
                    return
                await asyncio.sleep(LOOK_PERIOD)

    def _is_settled(self, leases: list[dict[str, Any]], count: int) -> bool:
        states = [lease["state"] for lease in leases]
        held = states.count("active")
        return len(states) == count and held == max(1, count // 2) and held + states.count("queued") == count

    async def _beat(self) -> None:
        for look in itertools.count():
            for number, lease in enumerate(await self.mine()):
                if lease["state"] == "offered":
                    await self._post(lease["id"], "bound", self._process(lease))
                elif look % BEATS == 0:
                    # Half of those that have a device compute.
                    busy = lease["state"] == "active" and number % 2 == 0
                    await self._post(lease["id"], "heartbeat", {"epoch": lease["epoch"], "busy": busy, "watched": True})
            await asyncio.sleep(LOOK_PERIOD)

    def _process(self, lease: dict[str, Any]) -> dict[str, Any]:
        pid, started = own_process()
        return {"epoch": lease["epoch"], "pid": pid, "pid_started": started}

    async def _post(self, lease: str, act: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._tokens[lease]}"}
        reply = await self.http.post(f"{API}/leases/{lease}/{act}", json=body, headers=headers)
        if reply.status_code not in (httpx.codes.CONFLICT, httpx.codes.GONE):  # it went on meanwhile
            reply.raise_for_status()
