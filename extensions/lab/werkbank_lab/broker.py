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
                    if event.event in ("me", "counters"):
                        yield event.event, _object(event.json())
        except (httpx.HTTPError, httpx.StreamError, ValueError) as problem:
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem

    async def act(self, lease: str, act: str) -> dict[str, Any]:
        """Keep, release or cancel; the lease as it is then."""
        name = "release" if act == "cancel" else act
        try:
            response = await self._http.post(f"/leases/{lease}/{name}", json=BODIES[act])
            if response.is_success:
                return _object(response.json())
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
