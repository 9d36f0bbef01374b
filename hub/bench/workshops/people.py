"""Trainers and learners of a measurement, and the workshops that they are in."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from hub.bench.peers import Peer
from hub.errors import WerkbankError

TIMEOUT = 180.0
SERVICE = "/services/werkbank"
HOURS = 3


class NotJoined(WerkbankError):
    """A learner could not come in."""


@dataclass
class Guest:
    """Somebody with a browser who joins with a temporary account; every page's time is noted."""

    http: httpx.AsyncClient
    pages: list[float] = field(default_factory=list)
    """Seconds that each page of the service took."""

    @classmethod
    def at(cls, address: str) -> "Guest":
        """A new browser."""
        return cls(httpx.AsyncClient(base_url=address, timeout=TIMEOUT, trust_env=False, verify=False))  # noqa: S501

    async def join(self, code: str) -> float:
        """From the click on the link to the first lesson's notebook; its seconds. Raises NotJoined."""
        began = time.perf_counter()
        door = await self._get(f"{SERVICE}/join/{code}")
        csrf = re.search(r'name="csrf" value="([^"]*)"', door.text)
        if csrf is None:
            raise NotJoined(f"the door answered with status {door.status_code}")
        form = {"csrf": csrf[1], "how": "temporary"}
        kept = await self._follow(await self.http.post(f"{SERVICE}/join/{code}", data=form))
        if kept.status_code != httpx.codes.OK:
            raise NotJoined(f"the account could not be had: status {kept.status_code}")
        lesson = await self._follow(await self.http.get(f"{SERVICE}/join/{code}/seat"))
        while "/lab/tree/" not in str(lesson.url):
            if "spawn-pending" not in str(lesson.url) or time.perf_counter() - began > TIMEOUT:
                raise NotJoined(f"no lesson, but {lesson.url.path} with status {lesson.status_code}")
            await asyncio.sleep(0.2)
            lesson = await self._follow(await self.http.get(lesson.url))
        return time.perf_counter() - began

    async def _get(self, path: str) -> httpx.Response:
        return await self._follow(await self.http.get(path))

    async def _follow(self, reply: httpx.Response) -> httpx.Response:
        """As a browser does, noting what the service's own pages take."""
        while True:
            if reply.request.url.path.startswith(SERVICE):
                self.pages.append(reply.elapsed.total_seconds())
            if not reply.has_redirect_location:
                return reply
            assert reply.next_request is not None
            reply = await self.http.send(reply.next_request)


@dataclass(frozen=True)
class Office:
    """Writes workshops down with the workbench's own token."""

    http: httpx.Client

    @classmethod
    def of(cls, peer: Peer) -> "Office":
        """That of a running workbench."""
        headers = {"Authorization": f"token {peer.state.secret('command-line')}"}
        return cls(httpx.Client(base_url=peer.address, headers=headers, timeout=TIMEOUT, trust_env=False, verify=False))  # noqa: S501

    def give(self, id: str, seats: int, **more: Any) -> None:
        """A workshop that is on from now, once it is."""
        self._until_it_is_on(self.publish(id, seats, **more))

    def publish(self, id: str, seats: int, **more: Any) -> str:
        """Plan and publish a workshop, from now if `more` says nothing else; where it is."""
        now = datetime.now()
        declared = {
            "title": {"en": id, "nl": id},
            "starts": f"{now:%Y-%m-%d %H:%M}",
            "ends": f"{now + timedelta(hours=HOURS):%Y-%m-%d %H:%M}",
            "trainers": ["trainer"],
            "seats": seats,
            "lessons": ["S1", "R2"],
            "join": {"temporary_accounts": True},
            **more,
        }
        path = f"{SERVICE}/api/v1/workshops/{quote(id, safe='')}"
        self.http.put(path, json={"workshop": declared, "version": 0}).raise_for_status()
        self.http.post(f"{path}/publish").raise_for_status()
        return path

    def _until_it_is_on(self, path: str) -> None:
        for _ in range(300):
            if self.http.get(path).raise_for_status().json()["state"] == "live":
                return
            time.sleep(0.1)
        raise NotJoined(f"{path} is not on after 30 s")


def spread(count: int, seconds: float) -> Sequence[float]:
    """Moments at which so many people come, evenly."""
    return [seconds * number / max(1, count) for number in range(count)]
