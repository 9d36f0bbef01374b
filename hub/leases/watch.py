"""Looks at what seats do not say: kernels that are gone, devices that compute, processes without a lease.

Only for kernels of this machine: a lease names its process, and the process can be looked up.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import psutil
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import LeaseRefused
from hub.leases.broker import Broker
from hub.leases.events import Died, Event, Worked
from hub.leases.inventory import DeviceUse, Unreadable
from hub.leases.model import Device, Lease
from hub.logs import get_logger
from hub.settings import Leases

log = get_logger("watch")

LIVES_PERIOD = 2.0
"""Seconds between looks whether kernels live: one small file each."""
RESTART_GRACE = 15.0
"""Seconds for which a lease may be without a process: so long may the restart of its kernel take."""
USE_PERIOD = 10.0
"""Seconds between reads of what real devices do."""
PRUNE_PERIOD = 3600.0
PRUNE_PAUSE = 0.1
"""Seconds between batches of old records that are forgotten: others write meanwhile."""


class Watch:
    """Runs beside a broker and tells it what it sees."""

    def __init__(self, broker: Broker, settings: Leases) -> None:
        self._broker, self.settings = broker, settings
        self._intruders: dict[tuple[int, str], float] = {}
        self._gone: dict[tuple[str, int, str], float] = {}
        self.use: dict[str, DeviceUse] = {}
        """The last reading of each real device."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Watch"]:
        """Look until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            owned = [
                tasks.create_task(self._lives_for_ever(), name="watch.lives"),
                tasks.create_task(self._use_for_ever(), name="watch.use"),
                tasks.create_task(self._prune_for_ever(), name="watch.prune"),
            ]
            try:
                yield self
            finally:
                for task in owned:
                    task.cancel()

    # --- kernels -------------------------------------------------------------------------------

    async def _lives_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LIVES_PERIOD)
            if not self._broker.state.rules.jobs:  # whose processes are on other machines
                await self._look_for_lives()

    async def _look_for_lives(self) -> None:
        """A seat says itself that its kernel died, and a kernel that is restarted has no process for a while.

        So only a kernel that stays gone is given up: that of a seat that is gone too.
        """
        gone = await asyncio.to_thread(_gone, list(self._broker.state.leases.values()))
        now = self._broker.now()
        self._gone = {process: self._gone.get(process, now) for process in gone}
        for (lease, *process), since in self._gone.items():
            bound = self._broker.state.leases.get(lease)
            if now - since >= RESTART_GRACE and bound and [bound.pid, bound.pid_started] == process:
                await self._tell(Died(lease))

    async def _tell(self, event: Event) -> None:
        with contextlib.suppress(LeaseRefused):
            await self._broker.tell(event)

    # --- records -------------------------------------------------------------------------------

    async def _prune_for_ever(self) -> None:
        """A record nobody asks for any more is forgotten, an hour late at most."""
        while True:
            oldest, more = self._broker.now() - self.settings.keep_records, False
            try:
                more = await asyncio.to_thread(self._broker.store.prune, oldest)
            except SQLAlchemyError as error:
                log.warning("records.not-pruned", error=str(error))
            await asyncio.sleep(PRUNE_PAUSE if more else PRUNE_PERIOD)

    # --- devices -------------------------------------------------------------------------------

    async def _use_for_ever(self) -> None:
        while True:
            await asyncio.sleep(USE_PERIOD)
            for device in list(self._broker.state.devices.values()):
                if not device.simulated and device.visible:
                    await self._look(device)

    async def _look(self, device: Device) -> None:
        try:
            use = await asyncio.to_thread(self._broker.inventory.use, device)
        except Unreadable:
            self.use.pop(device.uuid, None)
            return
        self.use[device.uuid] = use
        if use.utilization and device.lease:
            await self._tell(Worked(device.uuid))
        if self.settings.isolation != "none":
            self._mind_intruders(device, use)

    def _mind_intruders(self, device: Device, use: DeviceUse) -> None:
        """Processes on a device that its lease does not know: warned about at once, ended after the grace."""
        holder = self._broker.state.leases.get(device.lease) if device.lease else None
        family = family_of(holder)
        now = self._broker.now()
        strangers = {found for pid in use.pids if pid not in family and (found := _stranger(pid))}
        for stranger in [s for s in self._intruders if s not in strangers and not lives(*s)]:
            del self._intruders[stranger]
        for stranger in strangers:
            since = self._intruders.setdefault(stranger, now)
            if since == now:
                log.warning("intruder.seen", device=device.uuid, pid=stranger[0], lease=device.lease)
            elif now - since >= self.settings.intruder_grace:
                end_process(*stranger, device=device.uuid)


def _gone(leases: list[Lease]) -> list[tuple[str, int, str]]:
    """Leases whose process has ended, each with its pid and start."""
    return [
        (lease.id, lease.pid, lease.pid_started)
        for lease in leases
        if lease.pid and not lives(lease.pid, lease.pid_started)
    ]


def _stranger(pid: int) -> tuple[int, str] | None:
    started = start_time(pid)
    return (pid, started) if started else None


def start_time(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie has ended, though its parent has not looked yet.
    return "" if fields[0] in "ZX" else fields[19]


def lives(pid: int, started: str) -> bool:
    """Whether the process of that pid is still the one that started then."""
    return start_time(pid) == started


def family_of(lease: Lease | None) -> set[int]:
    """The pids of a lease's kernel and its children."""
    if lease is None or not lease.pid or not lives(lease.pid, lease.pid_started):
        return set()
    try:
        process = psutil.Process(lease.pid)
        return {process.pid, *(child.pid for child in process.children(recursive=True))}
    except psutil.Error:
        return {lease.pid}


def end_process(pid: int, started: str, device: str) -> None:
    """End a seat's process that uses a device without a lease, if it is still that process and we may."""
    if not lives(pid, started):
        return
    try:
        # A forked process shows the environment of the zygote it comes from.
        if not {"JUPYTERHUB_USER", "WERKBANK_ZYGOTE"} & psutil.Process(pid).environ().keys():
            # Not from a seat: a service of the machine, or somebody's at its console. That is for an admin.
            log.error("intruder.not-ours", device=device, pid=pid)
            return
        os.kill(pid, signal.SIGKILL)
        log.warning("intruder.ended", device=device, pid=pid)
    except (psutil.AccessDenied, PermissionError):
        log.error("intruder.not-ours", device=device, pid=pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass
