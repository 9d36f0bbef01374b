"""Which seats are there, as the gateway sees them through the hub's API."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import aiohttp

SCOPE = "access:servers!server="


@dataclass(frozen=True)
class Seat:
    """One running seat: whose, which of theirs, started from which profile, and in which language."""

    user: str
    server: str
    profile: str | None
    language: str = "en"

    @property
    def key(self) -> str:
        """Names the seat in a cluster's record."""
        return f"{self.user}/{self.server}"


def seat_of_token(scopes: list[str]) -> str | None:
    """The key of the seat that a token was issued to; None for any other token.

    JupyterHub gives a seat's token access to that one server, so the claim cannot be forged.
    """
    keys = [scope.removeprefix(SCOPE) for scope in scopes if scope.startswith(SCOPE)]
    return unquote(keys[0]) if len(keys) == 1 else None


class HubSeats:
    """Asks the hub. Every failure to ask raises; it never looks like "no seats"."""

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url
        self._headers = {"Authorization": f"token {token}"}

    async def running(self, session: aiohttp.ClientSession) -> dict[str, Seat]:
        """All running seats by key."""
        seats: dict[str, Seat] = {}
        async for user in self._users(session):
            seats |= {seat.key: seat for seat in _seats_of(user)}
        return seats

    async def of_user(self, session: aiohttp.ClientSession, name: str) -> dict[str, Seat]:
        """One user's running seats by key."""
        url = f"{self._api_url}/users/{quote(name, safe='')}"
        async with session.get(url, headers=self._headers, raise_for_status=True) as reply:
            return {seat.key: seat for seat in _seats_of(await reply.json())}

    async def _users(self, session: aiohttp.ClientSession) -> Any:
        url: str | None = f"{self._api_url}/users?state=active"
        headers = self._headers | {"Accept": "application/jupyterhub-pagination+json"}
        while url:
            async with session.get(url, headers=headers, raise_for_status=True) as reply:
                page = await reply.json()
            for user in page["items"]:
                yield user
            following = page["_pagination"]["next"]
            url = following["url"] if following else None


def _seats_of(user: dict[str, Any]) -> list[Seat]:
    return [_seat(user["name"], name, server) for name, server in user.get("servers", {}).items()]


def _seat(user: str, name: str, server: dict[str, Any]) -> Seat:
    options = server.get("user_options") or {}
    return Seat(user, name, options.get("profile"), options.get("language") or "en")
