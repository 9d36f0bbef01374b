"""The hub's API as the service uses it: with its own token, or with a person's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from cachetools import TTLCache

_PAGE = 200
"""People asked for at once; the hub gives no more by default."""


RECENT_SECONDS = 300.0
"""How long a token that was good is taken to be, where that is enough; a seat's token ends with the seat."""
MOST_RECENT = 4096


class HubUnreachable(Exception):
    """The hub does not answer."""


@dataclass(frozen=True)
class SeatRecord:
    """A person's running seat as the hub reports it."""

    server: str
    url: str
    profile: str | None
    ready: bool
    pending: str | None
    started: datetime | None
    last_activity: datetime | None
    user: str = ""
    """Whose it is."""


@dataclass(frozen=True)
class Person:
    """Who is asking, and with which token."""

    name: str
    groups: tuple[str, ...]
    admin: bool
    token: str
    seats: tuple[SeatRecord, ...]


class HubApi:
    """A thin client; every method raises HubUnreachable when the hub does not answer."""

    def __init__(self, client: httpx.AsyncClient, api_url: str, token: str) -> None:
        self._client = client
        self._recent: TTLCache[tuple[str, str], Person] = TTLCache(MOST_RECENT, RECENT_SECONDS)
        self._api_url = api_url
        self._token = token

    async def person(self, token: str, required_scope: str) -> Person | None:
        """The person a token belongs to; None when it is not valid or may not use this service."""
        reply = await self._request("GET", "/user", token)
        if reply.status_code in (403, 404):
            return None
        user = self._json(reply)
        if user["kind"] != "user" or not {required_scope, "access:services"} & set(user["scopes"]):
            return None
        return Person(
            user["name"], tuple(sorted(user.get("groups", []))), user.get("admin", False), token, _seats(user)
        )

    async def recent_person(self, token: str, required_scope: str) -> Person | None:
        """The same, perhaps as it was minutes ago: for what seats tell often, and whose groups do not matter."""
        known = self._recent.get((token, required_scope))
        if known is None and (known := await self.person(token, required_scope)) is not None:
            self._recent[token, required_scope] = known
        return known

    async def person_named(self, name: str) -> Person | None:
        """A user's record, asked for with the service's own rights; None when there is no such user."""
        reply = await self._request("GET", f"/users/{quote(name, safe='')}", self._token)
        if reply.status_code == 404:
            return None
        return _person(self._json(reply))

    async def stop_seat(self, person: Person, server: str) -> None:
        """Stop one of the person's seats, with the person's own rights."""
        path = f"/users/{quote(person.name, safe='')}/" + (f"servers/{quote(server, safe='')}" if server else "server")
        reply = await self._request("DELETE", path, person.token)
        if reply.status_code not in (202, 204, 404):
            self._json(reply)

    async def token_for(self, fields: dict[str, str]) -> str | None:
        """The token for an OAuth code; None when the hub does not accept it."""
        reply = await self._request("POST", "/oauth2/token", self._token, data=fields)
        return str(self._json(reply)["access_token"]) if reply.status_code == 200 else None

    async def running_seats(self) -> list[SeatRecord]:
        """Everybody's running seats."""
        return [seat for person in await self.active_people() for seat in person.seats]

    async def active_people(self) -> list[Person]:
        """Everybody who has a running seat."""
        people: dict[str, Person] = {}
        while True:  # the hub tells a page of them at once
            reply = await self._request("GET", f"/users?state=active&limit=200&offset={len(people)}", self._token)
            new = {person.name: person for person in map(_person, self._json(reply)) if person.name not in people}
            people |= new
            if not new:
                return list(people.values())

    async def people(self) -> list[Person]:
        """Everybody whom the hub knows, with their groups and seats."""
        found: list[Person] = []
        while True:
            page = self._json(await self._request("GET", f"/users?limit={_PAGE}&offset={len(found)}", self._token))
            found += [
                Person(user["name"], tuple(sorted(user.get("groups", []))), user.get("admin", False), "", _seats(user))
                for user in page
            ]
            if not page:  # a hub may give fewer at once than we ask for
                return found

    async def alive(self) -> bool:
        """Whether the hub answers."""
        # Asked every few seconds: this path stands in the hub's log only where it fails.
        reply = await self._request("GET", "/health", self._token)
        return reply.status_code == 200

    async def _request(self, method: str, path: str, token: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"token {token}"}
        try:
            return await self._client.request(method, f"{self._api_url}{path}", headers=headers, **more)
        except httpx.HTTPError as error:
            raise HubUnreachable(str(error)) from error

    @staticmethod
    def _json(reply: httpx.Response) -> Any:
        if reply.status_code >= 400:
            raise HubUnreachable(f"{reply.request.method} {reply.request.url.path}: {reply.status_code}")
        return reply.json()


def _person(user: dict[str, Any]) -> Person:
    """A user's record that the service asked for by its own rights."""
    return Person(user["name"], tuple(sorted(user.get("groups", []))), user.get("admin", False), "", _seats(user))


def _seats(user: dict[str, Any]) -> tuple[SeatRecord, ...]:
    return tuple(_seat(user["name"], name, server) for name, server in sorted((user.get("servers") or {}).items()))


def _seat(user: str, name: str, server: dict[str, Any]) -> SeatRecord:
    return SeatRecord(
        server=name,
        url=server["url"],
        profile=(server.get("user_options") or {}).get("profile"),
        ready=server["ready"],
        pending=server.get("pending"),
        started=_time(server.get("started")),
        last_activity=_time(server.get("last_activity")),
        user=user,
    )


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
