"""My Dask clusters at the gateway, whoever started them: this page, a notebook, another seat."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import httpx
from werkbank_kernels.words import language

from .errors import NoAnswer, Refused

ANSWER_S = httpx.Timeout(30.0, connect=5.0)
"""The gateway holds a request for a cluster that starts for twenty seconds."""
ALIVE = "pending,running"
ENDED = ("STOPPING", "STOPPED", "FAILED")


class Gateway:
    """One per seat. Raises NoAnswer, and Refused for a "no"."""

    def __init__(self, address: str, token: str, public_address: str) -> None:
        """`public_address` is where a browser finds the dashboards."""
        self._public = public_address
        self._http = httpx.AsyncClient(
            base_url=f"{address}/api/v1",
            trust_env=False,
            timeout=ANSWER_S,
            headers={"Accept-Language": language(), "Authorization": f"jupyterhub {token}"},
            verify=not address.startswith("http://"),
        )

    @classmethod
    def of_seat(cls, environment: Mapping[str, str] = os.environ) -> Gateway | None:
        """This seat's; None where there is no gateway."""
        address = environment.get("DASK_GATEWAY__ADDRESS", "")
        token = environment.get("JUPYTERHUB_API_TOKEN", "")
        if not address or not token:
            return None
        return cls(address, token, environment.get("DASK_GATEWAY__PUBLIC_ADDRESS", address))

    async def close(self) -> None:
        await self._http.aclose()

    async def clusters(self) -> list[dict[str, Any]]:
        """Those that start or run, oldest first."""
        found = await self._ask("GET", "/clusters/", params={"status": ALIVE})
        return [self._view(cluster) for cluster in sorted(found.values(), key=lambda one: one["start_time"] or 0)]

    async def options(self) -> list[dict[str, Any]]:
        """What can be chosen for the next one: `field`, `label`, `default`, and `spec` with type and bounds."""
        fields: list[dict[str, Any]] = (await self._ask("GET", "/options"))["cluster_options"]
        return fields

    async def start(self, options: dict[str, Any]) -> str:
        """Ask for a cluster; its name."""
        return str((await self._ask("POST", "/clusters/", json={"cluster_options": options}))["name"])

    async def running(self, name: str) -> bool:
        """Whether it runs, answered as soon as it does, or after twenty seconds. Raises Refused when it has ended."""
        status = (await self._ask("GET", f"/clusters/{name}", params={"wait": ""}))["status"]
        if status in ENDED:
            raise Refused(409, status)
        return bool(status == "RUNNING")

    async def scale(self, name: str, workers: int) -> None:
        """From now on so many workers."""
        await self._ask("POST", f"/clusters/{name}/scale", json={"count": workers})

    async def stop(self, name: str) -> None:
        """End it and its workers; no error where it has ended already."""
        await self._ask("DELETE", f"/clusters/{name}")

    def _view(self, cluster: dict[str, Any]) -> dict[str, Any]:
        """What a browser may see of a report: no certificates, no keys."""
        route = cluster["dashboard_route"]
        return {
            "name": cluster["name"],
            "status": cluster["status"].lower(),
            "workers": cluster.get("workers"),
            "options": cluster["options"],
            "started": (cluster["start_time"] or 0) / 1000,
            "dashboard": f"{self._public}{route}" if route else None,
        }

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = await self._http.request(method, path, **more)
            if response.is_success:
                return response.json() if response.content else None
        except (httpx.HTTPError, ValueError) as problem:
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem
        raise _no(response)


def _no(response: httpx.Response) -> Refused | NoAnswer:
    """A 4xx with a reason is a refusal; everything else says nothing about the cluster."""
    try:
        sentence = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        sentence = ""
    if response.is_client_error and isinstance(sentence, str) and sentence:
        return Refused(response.status_code, sentence)
    return NoAnswer(f"HTTP {response.status_code} {sentence}".strip())
