"""Dask Gateway's API as the service uses it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from hub.gateway.counts import COUNTS
from hub.runtime import Runtime
from hub.web.hub_api import Person


@dataclass(frozen=True)
class Cluster:
    """One of a person's clusters."""

    name: str
    status: str
    started: datetime
    dashboard: str | None


class GatewayApi:
    """Asks with the person's own token, so that everybody sees their own clusters only."""

    def __init__(self, client: httpx.AsyncClient, address: str) -> None:
        self._client = client
        self._address = address

    @classmethod
    def of(cls, runtime: Runtime, client: httpx.AsyncClient) -> "GatewayApi | None":
        """None when the settings leave the gateway out."""
        if not runtime.settings.gateway.enabled:
            return None
        return cls(client, f"http://127.0.0.1:{runtime.state.ports().gateway_api}")

    async def clusters(self, person: Person) -> list[Cluster] | None:
        """The person's active clusters; None when the gateway does not answer."""
        headers = {"Authorization": f"jupyterhub {person.token}"}
        try:
            reply = await self._client.get(f"{self._address}/api/v1/clusters/", headers=headers)
            reply.raise_for_status()
        except httpx.HTTPError:
            return None
        return [_cluster(record) for record in reply.json().values()]

    async def counts(self) -> dict[str, int] | None:
        """How many clusters and running workers there are, of everybody; None when the gateway does not answer."""
        try:
            reply = await self._client.get(f"{self._address}{COUNTS}")
            reply.raise_for_status()
        except httpx.HTTPError:
            return None
        found: dict[str, int] = reply.json()
        return found

    async def alive(self) -> bool:
        """Whether the gateway answers."""
        try:
            return (await self._client.get(f"{self._address}/api/health")).status_code == 200
        except httpx.HTTPError:
            return False


def _cluster(record: dict[str, Any]) -> Cluster:
    started = datetime.fromtimestamp(record["start_time"] / 1000, UTC)
    return Cluster(record["name"], record["status"].lower(), started, record.get("dashboard_route"))
