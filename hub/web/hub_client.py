"""The hub as those see it who act with the workbench's own rights: the command line, and who starts a class."""

from dataclasses import dataclass
from typing import Any, Literal
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


@dataclass(frozen=True)
class StartAnswer:
    """What the hub says to the wish for a seat."""

    kind: Literal["ready", "pending", "running", "refused", "failed"]
    why: str = ""


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
        users = self._users(state="active")
        return [RunningSeat(user["name"], server) for user in users for server in user["servers"]]

    def groups(self) -> dict[str, set[str]]:
        """Groups by name, with their members."""
        found: dict[str, set[str]] = {}
        for user in self._users():
            for group in user["groups"]:
                found.setdefault(group, set()).add(user["name"])
        return found

    def _users(self, **which: str) -> list[dict[str, Any]]:
        """The hub's records of users, page by page."""
        found: list[dict[str, Any]] = []
        while page := self._client.get("/users", params={**which, "offset": len(found)}).raise_for_status().json():
            found += page
        return found

    def ended_user(self, user: str) -> bool:
        """Whether a user has no seat, running or on its way up or down, or is not known at all."""
        reply = self._client.get(f"/users/{quote(user, safe='')}")
        if reply.status_code == httpx.codes.NOT_FOUND:
            return True
        record = reply.raise_for_status().json()
        return not record["servers"] and not record.get("pending")

    def remove_user(self, user: str) -> None:
        """Forget a user; nothing happens to their files."""
        reply = self._client.delete(f"/users/{quote(user, safe='')}")
        if reply.status_code != httpx.codes.NOT_FOUND:
            reply.raise_for_status()

    def start_seat(self, user: str, profile: str) -> StartAnswer:
        """Ask for a user's default seat; the user may never have been here."""
        path = f"/users/{quote(user, safe='')}"
        try:
            self._client.post(path)  # a conflict means that we know them
            reply = self._client.post(f"{path}/server", json={"profile": profile})
            told = reply.json().get("message", "") if reply.content else ""
        except (httpx.HTTPError, ValueError) as error:
            return StartAnswer("failed", f"the hub does not answer: {error}")
        if reply.status_code == httpx.codes.BAD_REQUEST and "already running" in told:
            return StartAnswer("running")
        if reply.is_client_error or reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return StartAnswer("refused", told)
        if reply.is_server_error:
            return StartAnswer("failed", told)
        return StartAnswer("ready" if reply.status_code == httpx.codes.CREATED else "pending")

    def seat_is_ready(self, user: str) -> bool | None:
        """Whether a user's default seat that was asked for is ready; None when there is none any more."""
        reply = self._client.get(f"/users/{quote(user, safe='')}").raise_for_status().json()
        seat = reply["servers"].get("")
        return bool(seat["ready"]) if seat else (False if reply.get("pending") else None)

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
