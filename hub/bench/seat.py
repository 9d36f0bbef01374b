"""One user at one hub: signing in, starting a seat, stopping it. The same for stock and Werkbank."""

import asyncio
import json
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import httpx
from tornado.httpclient import HTTPClientError
from tornado.iostream import StreamClosedError

from hub.errors import WerkbankError
from hub.seats.kernel import first_reply

START_TIMEOUT = 180.0
STOP_TIMEOUT = 60.0
POLL_PERIOD = 0.02
T = TypeVar("T")
PROBLEMS = (WerkbankError, httpx.HTTPError, HTTPClientError, StreamClosedError, OSError, LookupError, ValueError)


class StartFailed(WerkbankError):
    """A seat did not start."""


@dataclass(frozen=True)
class Answered:
    """A seat that answers: when it was asked for (of `time.perf_counter`), and seconds from then."""

    asked: float
    ready_s: float
    first_200_s: float


@dataclass(frozen=True)
class Seat:
    """A signed-in user's default server, reached through the proxy only."""

    user: str
    http: httpx.AsyncClient

    @classmethod
    async def sign_in(cls, address: str, user: str, password: str) -> "Seat":
        """Sign in as a browser does, and go on with a token of one's own. Raises StartFailed."""
        async with _client(address) as browser:
            page = await browser.get("/hub/login")
            form = {"username": user, "password": password, "_xsrf": _xsrf(browser)}
            # Where the reply leads is not followed: it would start a seat.
            await browser.post("/hub/login", data=form)
            headers = {"X-XSRFToken": _xsrf(browser), "Referer": str(page.url)}
            reply = await browser.post(f"/hub/api/users/{user}/tokens", json={"note": "bench"}, headers=headers)
        if reply.status_code != httpx.codes.CREATED:
            raise StartFailed(f"{user} could not sign in at {address}: {_said(reply)}")
        return cls(user, _client(address, {"Authorization": f"token {reply.json()['token']}"}))

    @property
    def path(self) -> str:
        return f"/user/{self.user}/"

    async def start(self) -> Answered:
        """Start the seat and wait until it answers. Raises StartFailed, whatever went wrong."""
        return await self._in_time(self._start())

    async def first_kernel(self, code: str = "1+1") -> tuple[float, int]:
        """Start a kernel and run a cell: when it replied (of `time.perf_counter`), and its pid. Raises StartFailed."""
        return await self._in_time(self._first_kernel(code))

    async def _in_time(self, step: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(START_TIMEOUT):
                return await step
        except PROBLEMS as error:
            raise StartFailed(f"{self.user}: {str(error) or type(error).__name__}") from error

    async def _start(self) -> Answered:
        asked = time.perf_counter()
        await self._until_ready()
        ready = time.perf_counter() - asked
        await self._until_it_answers()
        return Answered(asked, ready, time.perf_counter() - asked)

    async def _first_kernel(self, code: str) -> tuple[float, int]:
        pid = await first_reply(self.http, self.path, code)
        return time.perf_counter(), pid

    async def _until_ready(self) -> None:
        reply = await self.http.post(f"/hub/api/users/{self.user}/server")
        if reply.status_code == httpx.codes.ACCEPTED:  # it takes more than the ten seconds that the hub waits
            await self._until_progress_says_so()
        elif reply.status_code != httpx.codes.CREATED:
            raise StartFailed(_said(reply))

    async def _until_progress_says_so(self) -> None:
        async with self.http.stream("GET", f"/hub/api/users/{self.user}/server/progress") as events:
            async for line in events.aiter_lines():
                event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if event.get("ready"):
                    return
                if event.get("failed"):
                    raise StartFailed(event["message"])
        raise StartFailed("the hub ended its report before the seat was ready")

    async def _until_it_answers(self) -> None:
        while True:
            if (await self.http.get(f"{self.path}api/status")).status_code == httpx.codes.OK:
                return
            await asyncio.sleep(POLL_PERIOD)

    async def stop(self) -> None:
        """Stop the seat, if it runs, and wait until the hub has forgotten it. Raises StartFailed when it does not."""
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self.http.delete(f"/hub/api/users/{self.user}/server")
                await self._until_gone()
        except PROBLEMS as error:
            raise StartFailed(f"{self.user} could not be stopped: {str(error) or type(error).__name__}") from error

    async def is_forgotten(self) -> bool:
        """Whether the hub knows of no server of this user. Raises httpx errors."""
        return not (await self.http.get(f"/hub/api/users/{self.user}")).json()["servers"]

    async def _until_gone(self) -> None:
        while True:
            if await self.is_forgotten():
                return
            await asyncio.sleep(POLL_PERIOD)


def _client(address: str, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    # Plain http on this machine: no outside proxy is asked, and reading certificates would be for nothing.
    return httpx.AsyncClient(
        base_url=address,
        headers=headers,
        timeout=START_TIMEOUT,
        trust_env=False,
        verify=False,  # noqa: S501
    )


def _xsrf(browser: httpx.AsyncClient) -> str:
    return next((c.value for c in browser.cookies.jar if c.name == "_xsrf" and c.path == "/hub/"), None) or ""


def _said(reply: httpx.Response) -> str:
    try:
        message: str = reply.json()["message"]
    except (ValueError, LookupError):
        message = reply.reason_phrase
    return f"{reply.status_code} {message}"
