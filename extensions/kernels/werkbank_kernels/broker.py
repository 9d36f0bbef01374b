"""The broker's HTTP interface, as a seat uses it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from .errors import KernelNotStarted, Refused, Silent
from .lease import Lease
from .words import language, tr

_ANSWER_S = 10.0  # an answer that takes longer counts as none
_STREAM_S = 45.0  # three pings of the broker


@dataclass(frozen=True)
class Request:
    """What is asked for; `key` makes asking again harmless."""

    key: str
    gpu_class: str
    count: int
    kind: str
    holder: str
    server: str
    gated: bool


@dataclass(frozen=True)
class Ticket:
    """A lease and the secret that authorises everything done with it."""

    lease_id: str
    token: str


NOT_SIGNED_IN = "not-signed-in"
"""The broker's word for a token that it does not know, or no more."""


@dataclass(frozen=True)
class Address:
    """Where the broker is and who this seat is."""

    base: str
    token: str
    server: str

    @classmethod
    def of_seat(cls) -> Address:
        """From the seat's environment; raises KernelNotStarted with a sentence when this is no seat."""
        base, token = os.environ.get("WERKBANK_API", ""), os.environ.get("JUPYTERHUB_API_TOKEN", "")
        if not base:
            raise KernelNotStarted(tr("error.no_broker"))
        if not token:
            raise KernelNotStarted(tr("error.no_token"))
        return cls(base.rstrip("/"), token, os.environ.get("JUPYTERHUB_SERVER_NAME", ""))


class Broker:
    """One per event loop. Every call raises Refused for a "no" and Silent when there was no usable answer."""

    def __init__(self, address: Address) -> None:
        self._address = address
        # Not through a proxy of the user's environment: the broker is the seat's own.
        self._http = httpx.AsyncClient(
            trust_env=False,
            timeout=_ANSWER_S,
            headers={"Accept-Language": language(), "User-Agent": "werkbank-kernels"},
            # Reading all certificates takes longer than asking for the lease; without TLS they are of no use.
            verify=not address.base.startswith("http://"),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, request: Request) -> tuple[Lease, Ticket]:
        """Ask for a lease; the same request twice gives the same lease."""
        answer = await self._call("POST", "/leases", f"token {self._address.token}", asdict(request))
        try:
            lease = Lease.from_json(answer["lease"])
            return lease, Ticket(lease.id, str(answer["token"]))
        except (KeyError, TypeError, ValueError) as problem:
            raise Silent(f"not a lease: {problem}") from problem

    async def get(self, ticket: Ticket) -> Lease:
        return await self._lease("GET", ticket, "")

    async def act(self, ticket: Ticket, act: str, body: Mapping[str, Any] | None = None) -> Lease:
        """`act` is bound, heartbeat, report, release or keep."""
        return await self._lease("POST", ticket, f"/{act}", body or {})

    async def events(self, ticket: Ticket) -> AsyncIterator[Lease]:
        """The lease now and after each change, until the stream breaks (Silent, or just the end)."""
        url = f"{self._address.base}/leases/{ticket.lease_id}/events"
        headers = {"Authorization": f"Bearer {ticket.token}"}
        try:
            async with aconnect_sse(self._http, "GET", url, headers=headers, timeout=_STREAM_S) as stream:
                if stream.response.status_code != httpx.codes.OK:
                    await stream.response.aread()
                    raise _no(stream.response)
                async for event in stream.aiter_sse():
                    if event.event == "lease":
                        yield Lease.from_json(event.json())
        except (httpx.HTTPError, httpx.StreamError, KeyError, TypeError, ValueError) as problem:
            raise Silent(f"{type(problem).__name__}: {problem}") from problem

    async def _lease(self, method: str, ticket: Ticket, path: str, body: Mapping[str, Any] | None = None) -> Lease:
        answer = await self._call(method, f"/leases/{ticket.lease_id}{path}", f"Bearer {ticket.token}", body)
        try:
            return Lease.from_json(answer)
        except (KeyError, TypeError, ValueError) as problem:
            raise Silent(f"not a lease: {problem}") from problem

    async def _call(self, method: str, path: str, authorization: str, body: Mapping[str, Any] | None) -> Any:
        try:
            response = await self._http.request(
                method, self._address.base + path, json=body, headers={"Authorization": authorization}
            )
            if response.is_success:
                return response.json()
        except (httpx.HTTPError, ValueError) as problem:
            raise Silent(f"{type(problem).__name__}: {problem}") from problem
        raise _no(response)


def _no(response: httpx.Response) -> Refused | Silent:
    """A 4xx with a reason is a refusal; everything else says nothing about the lease."""
    if not response.is_client_error:
        return Silent(f"HTTP {response.status_code}")
    try:
        return Refused(response.status_code, *reason(response))
    except ValueError:
        # A proxy's 404 page while the service restarts is not the broker's word.
        return Silent(f"HTTP {response.status_code} without a reason")


def reason(response: httpx.Response) -> tuple[str, str]:
    """Why the broker said no: its code, and a sentence for the person. Raises ValueError where it gave none."""
    try:
        error = response.json()["error"]
        code, parts = str(error["code"]), (error["message"], error.get("hint"))
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError("no reason") from problem
    if code == NOT_SIGNED_IN:
        # The broker speaks to whoever wrote the program; here a person reads it.
        return code, tr("error.token_revoked")
    return code, " ".join(part for part in parts if part)
