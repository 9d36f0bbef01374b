"""The browser's way to my Dask clusters.

GET    /werkbank/lab/clusters                  those that start or run, and how many I may have
GET    /werkbank/lab/clusters/options          what can be chosen for the next one, as Dask Gateway tells it
POST   /werkbank/lab/clusters                  {"workers": number, "options": {field: value}}: start one
POST   /werkbank/lab/clusters/{name}/scale     {"workers": number}
DELETE /werkbank/lab/clusters/{name}           shut it down
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_server.base.handlers import APIHandler
from tornado import web
from werkbank_kernels.errors import Told
from werkbank_kernels.words import tr

from .errors import NoAnswer, Refused

if TYPE_CHECKING:
    from .gateway import Gateway

START_S = 120.0
"""A cluster that does not run by then is given up."""
NAME = r"(?P<name>[0-9a-f]{32})"
T = TypeVar("T")


class ClustersHandler(APIHandler):
    """What all of them have in common: the gateway, and answers that people can read."""

    def initialize(self, seat: Seat) -> None:
        self._seat = seat

    async def _answer(self, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except Refused as refusal:
            raise Told(str(refusal), refusal.status) from refusal
        except NoAnswer as problem:
            self.log.warning("lab.gateway-silent why=%s", problem)
            raise Told(tr("clusters.no_answer"), 503) from problem

    def _gateway(self) -> Gateway:
        if (gateway := self._seat.gateway()) is None:
            raise Told(tr("clusters.none_here"), 404)
        return gateway

    def _body(self) -> dict[str, Any]:
        body = self.get_json_body()
        if not isinstance(body, dict):
            raise Told(tr("clusters.bad_body"), 400)
        return body

    def _workers(self, body: dict[str, Any]) -> int:
        workers = body.get("workers")
        if not isinstance(workers, int) or isinstance(workers, bool) or workers < 0:
            raise Told(tr("clusters.bad_workers", workers=json.dumps(workers)), 400)
        return workers


class AllHandler(ClustersHandler):
    """Those I have, and one more."""

    @web.authenticated
    async def get(self) -> None:
        clusters = await self._answer(self._gateway().clusters())
        self.finish(json.dumps({"clusters": clusters, **self._seat.limits()}))

    @web.authenticated
    async def post(self) -> None:
        body = self._body()
        workers, options = self._workers(body), body.get("options", {})
        if not isinstance(options, dict):
            raise Told(tr("clusters.bad_body"), 400)
        gateway = self._gateway()
        name = await self._answer(gateway.start(options))
        await self._answer(self._seat.grow(gateway, name, workers))
        self.set_status(201)
        self.finish(json.dumps({"name": name}))


class OptionsHandler(ClustersHandler):
    """What can be chosen."""

    @web.authenticated
    async def get(self) -> None:
        self.finish(json.dumps({"options": await self._answer(self._gateway().options())}))


class OneHandler(ClustersHandler):
    """One of mine."""

    @web.authenticated
    async def delete(self, name: str) -> None:
        await self._answer(self._gateway().stop(name))
        self.set_status(204)
        self.finish()


class ScaleHandler(ClustersHandler):
    """How many workers it has."""

    @web.authenticated
    async def post(self, name: str) -> None:
        workers = self._workers(self._body())
        await self._answer(self._gateway().scale(name, workers))
        self.finish(json.dumps({"name": name, "workers": workers}))


class Seat:
    """The gateway as this seat reaches it, and what the seat's profile allows."""

    def __init__(self) -> None:
        self._gateway: Gateway | None = None

    def gateway(self) -> Gateway | None:
        """Made when it is first asked for: what speaks HTTP is not imported before."""
        from .gateway import Gateway

        self._gateway = self._gateway or Gateway.of_seat()
        return self._gateway

    def limits(self) -> dict[str, int | None]:
        """How many clusters, and workers of all together, the profile allows; None where it was not told."""
        return {"most_clusters": _number("WERKBANK_DASK_CLUSTERS"), "most_workers": _number("WERKBANK_DASK_WORKERS")}

    async def grow(self, gateway: Gateway, name: str, workers: int) -> None:
        """Wait until the new cluster runs, then give it workers. One that never runs is shut down again."""
        try:
            await self._until_running(gateway, name)
            await gateway.scale(name, workers)
        except Refused:
            await gateway.stop(name)
            raise

    async def _until_running(self, gateway: Gateway, name: str) -> None:
        try:
            async with asyncio.timeout(START_S):
                while not await gateway.running(name):
                    pass
        except (TimeoutError, Refused) as problem:
            raise Refused(409, tr("clusters.not_started", why=str(problem) or f"{START_S:g} s")) from problem


def _number(variable: str) -> int | None:
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() else None


def handlers(seat: Seat) -> list[tuple[str, type[ClustersHandler], dict[str, Seat]]]:
    """Paths below /werkbank/lab, with what answers them."""
    known = {"seat": seat}
    return [
        ("clusters", AllHandler, known),
        ("clusters/options", OptionsHandler, known),
        (f"clusters/{NAME}", OneHandler, known),
        (f"clusters/{NAME}/scale", ScaleHandler, known),
    ]
