"""What the page "Operations" has to ask others for, asked once for everybody who reads it."""

import asyncio
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psutil
from starlette.datastructures import State

from hub.accounting.cluster import ClusterJobs, Known
from hub.admin.operations_model import MachineFact
from hub.audit import Audit, Entry
from hub.backup.record import last_backup
from hub.cgroups.groups import group_name
from hub.cgroups.limits import used_memory
from hub.health import Sightings
from hub.leases.desk import Desk
from hub.leases.inventory import DeviceUse
from hub.leases.model import Device, DeviceState
from hub.state import StateDirectory
from hub.web.gateway_api import GatewayApi, OwnedCluster
from hub.web.hub_api import HubApi, HubUnreachable, SeatRecord
from hub.web.problems import Problem

FRESH = 4.0
"""Seconds for which an answer is good enough for the next reader."""
PATIENCE = 4.0
"""Seconds that hub and gateway have for their answer."""
GIB = 2**30
STEP = GIB // 10
"""Bytes in use are told in steps of this, so that a page does not change with every breath of a seat."""


@dataclass(frozen=True)
class Look:
    """What hub, gateway and machine said at one moment."""

    seats: tuple[SeatRecord, ...] | None
    """None while the hub does not answer."""
    clusters: tuple[OwnedCluster, ...] | None
    """None while the gateway does not answer, or where there is none."""
    machine: MachineFact
    memory: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Bytes in use by user and seat, where they are counted."""
    left_over: Mapping[str, str] = field(default_factory=dict)
    """What is on a device in quarantine, by its UUID."""
    drained: Mapping[str, Entry] = field(default_factory=dict)
    """Who took a device out of service, by its UUID."""
    last_backup: float | None = None
    """Unix seconds; None where there never was one."""
    jobs: Known | None = None
    """How far it is known what jobs used; None where seats are no jobs."""
    without_nodes: Mapping[str, Problem] = field(default_factory=dict)
    """Workshops that have not the nodes that they should, and why."""


class Lookout:
    """Asks when somebody reads the page, and no more often than every FRESH seconds."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = asyncio.Lock()
        self._last: Look | None = None
        self._until = 0.0

    def forget(self) -> None:
        """Something was done: the next reader wants to see what came of it."""
        self._until = 0.0

    async def look(self) -> Look:
        """The latest answers."""
        async with self._lock:
            if self._last is None or time.monotonic() >= self._until:
                self._last = await self._ask()
                self._until = time.monotonic() + FRESH
            return self._last

    async def _ask(self) -> Look:
        desk: Desk = self._state.leases
        seats, clusters = await asyncio.gather(self._seats(), self._clusters())
        devices = tuple(desk.broker.state.devices.values())
        uses = desk.watch.use if desk.watch else {}
        return await asyncio.to_thread(self._look_around, seats, clusters, devices, dict(uses))

    async def _seats(self) -> tuple[SeatRecord, ...] | None:
        hub: HubApi = self._state.hub
        if self._is_away("hub"):
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                return tuple(await hub.running_seats())
        except (HubUnreachable, TimeoutError):
            return None

    async def _clusters(self) -> list[OwnedCluster] | None:
        gateway: GatewayApi | None = self._state.gateway
        if gateway is None or self._is_away("dask-gateway"):
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                return await gateway.all_clusters()
        except TimeoutError:
            return None

    def _is_away(self, name: str) -> bool:
        """Whoever was just missed is not waited for: the page is quick above all when something hangs."""
        sightings: Sightings = self._state.sightings
        return any(seen.name == name and not seen.ok for seen in sightings.seen)

    def _look_around(
        self,
        seats: tuple[SeatRecord, ...] | None,
        clusters: list[OwnedCluster] | None,
        devices: Iterable[Device],
        uses: Mapping[str, DeviceUse],
    ) -> Look:
        """The rest is read here, in a thread."""
        folder: StateDirectory = self._state.state_directory
        audit: Audit = self._state.audit
        quarantined = [device.uuid for device in devices if device.state is DeviceState.QUARANTINED]
        backup, nodes = last_backup(folder), self._state.organiser.nodes
        jobs: ClusterJobs | None = self._state.accounts.jobs
        return Look(
            seats=seats,
            clusters=None if clusters is None else tuple(clusters),
            machine=machine_of(folder),
            memory=_memory(folder, seats or ()),
            left_over={uuid: left_over(uses[uuid]) for uuid in quarantined if uuid in uses},
            drained=audit.last("device.drained", [f"device:{d.uuid}" for d in devices if d.draining]),
            last_backup=backup.made.timestamp() if backup else None,
            jobs=jobs.known() if jobs is not None else None,
            without_nodes=dict(nodes.missing) if nodes is not None else {},
        )


def machine_of(folder: StateDirectory) -> MachineFact:
    """Memory of the machine, and room on the disk of the state directory, in steps of a tenth of a GiB."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(folder.path)
    used = (memory.total - memory.available) // GIB * GIB
    return MachineFact(memory.total, used, disk.total, disk.free // STEP * STEP)


def _memory(folder: StateDirectory, seats: Iterable[SeatRecord]) -> dict[tuple[str, str], int]:
    counted = {(s.user, s.server): used_memory(group_name(folder.path, s.user, s.server)) for s in seats}
    # Upwards: what is there is never told as nothing.
    return {seat: -(-used // STEP) * STEP for seat, used in counted.items() if used is not None}


def left_over(use: DeviceUse) -> str:
    """What was seen on a device: its processes by number, program and account, and its memory in use."""
    seen = [_process(pid) for pid in sorted(use.pids)]
    return ", ".join([*seen, f"{use.memory_used / GIB:.1f} GiB"])


def _process(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return f"{pid} {process.name()} ({process.username()})"
    except psutil.Error:
        return str(pid)
