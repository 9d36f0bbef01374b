"""The broker as one person sees it: what is mine, and what I can do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
from httpx_sse import aconnect_sse
from werkbank_kernels.broker import Address, reason
from werkbank_kernels.words import language

from .errors import NoAnswer, Refused

ANSWER_S = httpx.Timeout(15.0, connect=5.0)
STREAM_S = httpx.Timeout(10.0, read=40.0)
"""The broker sends something at least every ten seconds."""
PARTS = ("me", "counters", "workshops")
"""The events that are passed on."""
BODIES = {"keep": None, "release": {"reason": "user"}, "cancel": {"reason": "cancelled"}}
"""What is sent with what people can do with a lease of theirs."""


class Broker:
    """One per seat. Raises NoAnswer, and Refused for a "no"."""

    def __init__(self, address: Address) -> None:
        self._http = httpx.AsyncClient(
            base_url=address.base,
            trust_env=False,
            timeout=ANSWER_S,
            headers={"Accept-Language": language(), "Authorization": f"token {address.token}"},
            # Reading all certificates takes longer than asking; without TLS they are of no use.
            verify=not address.base.startswith("http://"),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def events(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Name and value of each event, from what is there now on, until the broker ends the stream."""
        try:
            async with aconnect_sse(self._http, "GET", "/me/events", timeout=STREAM_S) as stream:
                if not stream.response.is_success:
                    await stream.response.aread()
                    raise _no(stream.response)
                async for event in stream.aiter_sse():
                    if event.event in PARTS:
                        yield event.event, _object(event.json())
        except (httpx.HTTPError, httpx.StreamError, ValueError) as problem:
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem

    async def act(self, lease: str, act: str) -> dict[str, Any]:
        """Keep, release or cancel; the lease as it is then."""
        name = "release" if act == "cancel" else act
        return await self._ask("POST", f"/leases/{lease}/{name}", BODIES[act])

    async def progress(self, workshop: str, told: dict[str, Any]) -> None:
        """Tell how far I am in a workshop."""
        await self._ask("PUT", f"/me/workshops/{workshop}/progress", told)

    async def hand(self, workshop: str, is_raised: bool, exercise: str | None) -> dict[str, Any]:
        """Raise my hand, or lower it; the workshop as it is then."""
        wish = {"raised": is_raised, "exercise": exercise}
        return await self._ask("POST", f"/me/workshops/{workshop}/hand", wish)

    async def name(self, workshop: str, is_shown: bool) -> dict[str, Any]:
        """Show the trainer my name, or a number; the workshop as it is then."""
        return await self._ask("POST", f"/me/workshops/{workshop}/name", {"shown": is_shown})

    async def shown(self, workshop: str, is_shown: bool, server: str = "") -> dict[str, Any]:
        """Let the trainers look at a notebook of this seat, or not any more; the workshop as it is then."""
        return await self._ask("POST", f"/me/workshops/{workshop}/shown", {"shown": is_shown, "server": server})

    async def workshops(self) -> list[dict[str, Any]]:
        """The workshops that are on."""
        told = await self._ask("GET", "/me/workshops", None)
        return [one for one in told.get("workshops", ()) if isinstance(one, dict)]

    async def _ask(self, method: str, path: str, body: Any) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, json=body)
            if response.is_success:
                return _object(response.json()) if response.content else {}
        except (httpx.HTTPError, ValueError) as problem:
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem
        raise _no(response)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"not an object but {type(value).__name__}")
    return value


def _no(response: httpx.Response) -> Refused | NoAnswer:
    """A 4xx with a reason is a refusal; everything else says nothing about the lease."""
    try:
        _code, sentence = reason(response)
    except ValueError:
        return NoAnswer(f"HTTP {response.status_code} without a reason")
    return Refused(response.status_code, sentence) if response.is_client_error else NoAnswer(sentence)
