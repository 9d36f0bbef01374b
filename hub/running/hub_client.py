"""The command line's view of a running hub."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from hub.state import StateDirectory


@dataclass(frozen=True)
class RunningSeat:
    """A seat by user and name."""

    user: str
    server: str

    @property
    def path(self) -> str:
        user = quote(self.user, safe="")
        return f"/users/{user}/servers/{quote(self.server, safe='')}" if self.server else f"/users/{user}/server"


class HubClient:
    """Talks to the hub's own port, so that it works while the proxy does not."""

    def __init__(self, state: StateDirectory, timeout: float = 10) -> None:
        headers = {"Authorization": f"token {state.secret('command-line')}"}
        base = f"http://127.0.0.1:{state.ports().hub}/hub/api"
        self._client = _client(base_url=base, headers=headers, timeout=timeout)

    def version(self) -> str | None:
        """The hub's version; None while it does not answer."""
        try:
            return str(self._client.get("/").raise_for_status().json()["version"])
        except (httpx.HTTPError, ValueError, KeyError):
            return None

    def seats(self) -> list[RunningSeat]:
        """All running or starting seats."""
        users: list[dict[str, Any]] = self._client.get("/users?state=active").raise_for_status().json()
        return [RunningSeat(user["name"], server) for user in users for server in user["servers"]]

    def stop_seat(self, seat: RunningSeat) -> None:
        """Ask for one seat to stop; `seats()` tells when it has."""
        self._client.delete(seat.path)


class PublicClient:
    """The workbench as people reach it, through the proxy."""

    def __init__(self, address: str) -> None:
        self._client = _client(base_url=address, timeout=6)

    def health(self) -> dict[str, Any] | None:
        """The service's health report; None while it does not answer."""
        try:
            report: dict[str, Any] = self._client.get("/services/werkbank/health").json()
            return report if "dependencies" in report else None
        except (httpx.HTTPError, ValueError):
            return None


def _client(**options: Any) -> httpx.Client:
    # Addresses here are plain http on this machine: no outside proxy is asked for them, and reading
    # the machine's certificate bundle (40 ms) would be for nothing.
    return httpx.Client(trust_env=False, verify=False, **options)  # noqa: S501
