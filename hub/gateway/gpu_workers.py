"""Dask workers with GPUs: each has a lease of its own, from the same broker and under the same caps as notebooks.

First the lease, then the worker: a cluster is given as many workers as it has leases, and grows as more are
granted. So a worker never sits in the queue with a process, and none starts without its device.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from hub.gateway.broker_api import BrokerApi, Refused
from hub.leases.watch import start_time
from hub.logs import get_logger

log = get_logger("gateway")

TAKEN = ("offered", "active")
ENDED = ("released", "expired", "lost", "broken")
RETRY_AFTER = 15.0
"""Seconds before a refused request is made again: a cap of the user may have become free."""


@dataclass
class WorkerLease:
    """One lease and the worker that has it."""

    token: str
    lease: dict[str, Any]
    worker: str | None = None
    heard: float = 0.0

    @property
    def id(self) -> str:
        return str(self.lease["id"])

    @property
    def state(self) -> str:
        return str(self.lease["state"])


@dataclass
class GpuCluster:
    """A cluster whose workers need GPUs."""

    name: str
    user: str
    server: str
    gpu_class: str
    language: str
    wanted: int = 0
    leases: list[WorkerLease] = field(default_factory=list)
    not_before: float = 0.0

    def granted(self) -> int:
        """Workers that can run now."""
        return sum(held.state in TAKEN for held in self.leases)


class GpuWorkers:
    """The leases of all clusters; `reconcile` brings them to what is wanted."""

    def __init__(self, broker: BrokerApi) -> None:
        self._broker = broker
        self._clusters: dict[str, GpuCluster] = {}
        self._lock = asyncio.Lock()

    def of(self, cluster: str) -> GpuCluster | None:
        """The leases of a cluster; None for one that needs no GPUs."""
        return self._clusters.get(cluster)

    def add(self, cluster: GpuCluster) -> None:
        """From now on the cluster's workers need leases."""
        self._clusters[cluster.name] = cluster

    async def reconcile(self, session: aiohttp.ClientSession, active: Iterable[str]) -> list[str]:
        """Ask, hear and give back; returns the workers whose lease has ended, which have to go too."""
        names = set(active)
        orphans: list[str] = []
        async with self._lock:
            for cluster in list(self._clusters.values()):
                if cluster.name not in names:
                    cluster.wanted = 0
                orphans += await self._reconcile(session, cluster)
                if cluster.name not in names and not cluster.leases:
                    del self._clusters[cluster.name]
        return orphans

    async def _reconcile(self, session: aiohttp.ClientSession, cluster: GpuCluster) -> list[str]:
        for held in cluster.leases:
            await self._hear(session, held)
        orphans = [held.worker for held in cluster.leases if held.state in ENDED and held.worker]
        cluster.leases = [held for held in cluster.leases if held.state not in ENDED]
        surplus = len(cluster.leases) - cluster.wanted
        # Those that wait go first, then those nobody has taken; a worker's own goes when the worker goes.
        loose = sorted((held for held in cluster.leases if not held.worker), key=lambda held: held.state in TAKEN)
        for held in loose[: max(0, surplus)]:
            await self._give_back(session, cluster, held)
        while len(cluster.leases) < cluster.wanted and time.monotonic() >= cluster.not_before:
            await self._ask(session, cluster)
        return orphans

    async def _ask(self, session: aiohttp.ClientSession, cluster: GpuCluster) -> None:
        body = {
            "key": secrets.token_hex(16),
            "user": cluster.user,
            "server": cluster.server,
            "gpu_class": cluster.gpu_class,
            "kind": "worker",
            "holder": f"Dask {cluster.name[:8]}",
            "gated": False,
        }
        try:
            answer = await self._broker.request(session, body, cluster.language)
        except Refused as refused:
            cluster.not_before = time.monotonic() + RETRY_AFTER
            log.info("worker.no-lease", cluster=cluster.name, user=cluster.user, why=refused.code)
            return
        cluster.leases.append(WorkerLease(answer["token"], answer["lease"], heard=time.monotonic()))

    async def _hear(self, session: aiohttp.ClientSession, held: WorkerLease) -> None:
        """A heartbeat: in the rhythm the broker asks for, and each second while it waits."""
        settled = held.state == "active" and time.monotonic() - held.heard < held.lease["heartbeat_s"]
        if settled:
            return
        body = {"epoch": held.lease["epoch"], "busy": held.worker is not None}
        held.lease = await self._act(session, held, "heartbeat", body)
        held.heard = time.monotonic()

    async def _act(self, session: aiohttp.ClientSession, held: WorkerLease, verb: str, body: Any) -> dict[str, Any]:
        try:
            return await self._broker.act(session, held.id, held.token, verb, body)
        except Refused as refused:
            # Over, or not ours any more: either way nothing of it is left.
            log.info("worker.lease-refused", lease=held.id, verb=verb, why=refused.code)
            return held.lease | {"state": "lost"}

    async def _give_back(self, session: aiohttp.ClientSession, cluster: GpuCluster, held: WorkerLease) -> None:
        await self._act(session, held, "release", {"reason": "shutdown"})
        cluster.leases.remove(held)

    # --- one worker ------------------------------------------------------------------------------

    def take(self, cluster: str, worker: str) -> WorkerLease | None:
        """A granted lease for a worker that is about to start; None when there is none."""
        found = self._clusters[cluster]
        free = (held for held in found.leases if held.worker is None and held.state in TAKEN)
        if (held := next(free, None)) is not None:
            held.worker = worker
        return held

    async def bound(self, session: aiohttp.ClientSession, held: WorkerLease, pid: int) -> None:
        """The worker runs as this process."""
        body = {"epoch": held.lease["epoch"], "pid": pid, "pid_started": start_time(pid) or "0"}
        held.lease = await self._act(session, held, "bound", body)
        held.heard = time.monotonic()

    async def ended(self, session: aiohttp.ClientSession, cluster: str, worker: str) -> None:
        """The worker is gone: its lease is given back."""
        found = self._clusters.get(cluster)
        for held in [held for held in found.leases if held.worker == worker] if found else []:
            async with self._lock:
                if held in found.leases:  # type: ignore[union-attr]
                    await self._give_back(session, found, held)  # type: ignore[arg-type]
