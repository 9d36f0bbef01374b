"""Dask Gateway's API as the service uses it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from hub.runtime import Runtime
from hub.web.hub_api import Person


@dataclass(frozen=True)
class Cluster:
    """One of a person's clusters."""

    name: str
    status: str
    started: datetime
    dashboard: str | None


@dataclass(frozen=True)
class OwnedCluster(Cluster):
    """Anybody's cluster, as admins see it."""

    user: str
    server: str
    """The seat that it belongs to; empty for the one without a name."""
    running: int
    wanted: int
    """Workers."""
    cores: int
    """Of each worker, and so are the next two."""
    memory: int
    """Bytes."""
    gpu_class: str
    """Empty for none."""


class GatewayApi:
    """Asks with the person's own token, so that everybody sees their own clusters only; for admins with its own."""

    def __init__(self, client: httpx.AsyncClient, address: str, secret: str) -> None:
        self._client, self._address = client, address
        self._own = {"Authorization": f"jupyterhub {secret}"}

    @classmethod
    def of(cls, runtime: Runtime, client: httpx.AsyncClient) -> "GatewayApi | None":
        """None when the settings leave the gateway out."""
        if not runtime.settings.gateway.enabled:
            return None
        address = f"http://127.0.0.1:{runtime.state.ports().gateway_api}"
        return cls(client, address, runtime.state.secret("gateway-leases"))

    async def clusters(self, person: Person) -> list[Cluster] | None:
        """The person's active clusters; None when the gateway does not answer."""
        headers = {"Authorization": f"jupyterhub {person.token}"}
        try:
            reply = await self._client.get(f"{self._address}/api/v1/clusters/", headers=headers)
            reply.raise_for_status()
        except httpx.HTTPError:
            return None
        return [_cluster(record) for record in reply.json().values()]

    async def all_clusters(self) -> list[OwnedCluster] | None:
        """Everybody's active clusters; None when the gateway does not answer."""
        try:
            reply = await self._client.get(f"{self._address}/api/v1/clusters/", headers=self._own)
            reply.raise_for_status()
        except httpx.HTTPError:
            return None
        return [_owned(record) for record in reply.json().values()]

    async def stop(self, name: str) -> None:
        """Stop anybody's cluster; nothing happens where there is none of that name. Raises httpx.HTTPError."""
        path = f"{self._address}/api/v1/clusters/{quote(name, safe='')}"
        (await self._client.delete(path, headers=self._own)).raise_for_status()

    async def alive(self) -> bool:
        """Whether the gateway answers. Raises httpx.HTTPError when it does not."""
        return (await self._client.get(f"{self._address}/api/health")).status_code == 200


def _cluster(record: dict[str, Any]) -> Cluster:
    started = datetime.fromtimestamp(record["start_time"] / 1000, UTC)
    return Cluster(record["name"], record["status"].lower(), started, record.get("dashboard_route"))


def _owned(record: dict[str, Any]) -> OwnedCluster:
    options, workers = record["options"], record["workers"]
    gpu_class = options.get("gpu_class", "none")
    return OwnedCluster(
        **vars(_cluster(record)),
        user=record["user"],
        server=record["seat"].removeprefix(f"{record['user']}/"),
        running=workers["running"],
        wanted=workers["wanted"],
        cores=options["worker_cores"],
        memory=int(options["worker_memory"] * 2**30),
        gpu_class="" if gpu_class == "none" else gpu_class,
    )
