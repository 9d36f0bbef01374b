"""Keeps the ledger up to date while the service runs: reads counters, looks at seats and homes, counts what ended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hub.accounting.cluster import ClusterJobs
from hub.accounting.energy import EnergyBook, Reading
from hub.accounting.homes import HomeBook, size_of
from hub.accounting.ledger import Ledger
from hub.accounting.seats import SeatBook, seen
from hub.cgroups.groups import group_name
from hub.cgroups.limits import used_cpu
from hub.leases.desk import Desk
from hub.leases.events import Action, SaveDevice
from hub.leases.inventory import Unreadable
from hub.leases.model import Device
from hub.leases.state import State
from hub.logs import get_logger
from hub.names import home_name
from hub.runtime import Runtime
from hub.web.hub_api import HubApi, HubUnreachable

log = get_logger("accounting")

ENERGY_PERIOD = 30.0
SEATS_PERIOD = 60.0
COUNT_PERIOD = 30.0
HOMES_PERIOD = 300.0
"""Seconds between two rounds of each kind."""
RECOUNT_ROUNDS = 2880
"""Rounds of counting after which it is looked whether any lease was missed: a day."""
SETTLE = 10.0
"""Seconds for which an ended lease waits to be counted: its last energy is being written."""
HOME_AGE = 86400.0
HOMES_AT_ONCE = 20


Result = TypeVar("Result")


class Bookkeeper:
    """One per service. Whatever goes wrong delays it and breaks nothing else."""

    def __init__(
        self,
        runtime: Runtime,
        engine: Engine,
        desk: Desk,
        hub: HubApi,
        ledger: Ledger,
        jobs: ClusterJobs | None = None,
    ) -> None:
        """`jobs` are those of the cluster, where seats are jobs."""
        self._runtime, self._desk, self._hub = runtime, desk, hub
        self._settings = runtime.settings
        self._ledger, self._jobs = ledger, jobs
        self._energy, self._seats, self._homes = EnergyBook(engine), SeatBook(engine), HomeBook(engine)
        self._thread = ThreadPoolExecutor(1, "accounting")
        # A driver that hangs holds up its own thread only.
        self._driver = ThreadPoolExecutor(1, "energy")
        self._changed = asyncio.Event()
        self._rounds = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Bookkeeper"]:
        """Keep the books until the block ends."""
        observer = self._observe
        self._desk.broker.observers.append(observer)
        rounds = [
            ("energy", self._read_energy, ENERGY_PERIOD),
            ("seats", self.look_at_seats, SEATS_PERIOD),
            ("homes", self._measure_homes, HOMES_PERIOD),
            ("count", self.count, COUNT_PERIOD),
        ]
        if self._jobs is not None:
            rounds.append(("jobs", self._read_jobs, self._jobs.period))
        try:
            async with asyncio.TaskGroup() as tasks:
                owned = [tasks.create_task(self._every(*one), name=f"accounting.{one[0]}") for one in rounds]
                try:
                    yield self
                finally:
                    for task in owned:
                        task.cancel()
        finally:
            self._desk.broker.observers.remove(observer)
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._driver.shutdown(wait=False, cancel_futures=True)

    async def _every(self, what: str, act: Callable[[], Awaitable[None]], period: float) -> None:
        while True:
            try:
                await act()
            except (SQLAlchemyError, HubUnreachable) as error:
                log.error("accounting.delayed", what=what, error=str(error))
            except Exception:
                # Whatever is wrong with the books, nobody loses a GPU over it; the next round tries again.
                log.exception("accounting.failed", what=what)
            if what == "energy":
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), period)
            else:
                await asyncio.sleep(period)

    # --- energy ------------------------------------------------------------------------------------

    def _observe(self, _state: State, actions: tuple[Action, ...]) -> None:
        """A device may have changed hands: read its counter now."""
        if any(isinstance(action, SaveDevice) and not action.device.simulated for action in actions):
            self._changed.set()

    async def _read_energy(self) -> None:
        real = [
            device for device in self._desk.broker.state.devices.values() if device.visible and not device.simulated
        ]
        if real:
            readings = await asyncio.get_running_loop().run_in_executor(self._driver, self._readings, real)
            added = await self._in_thread(self._energy.note, readings)
            if self._desk.metrics is not None:
                for device in real:
                    if device.uuid in added:
                        self._desk.metrics.took(device.gpu_class, added[device.uuid] / 1000)

    def _readings(self, devices: list[Device]) -> list[Reading]:
        made = []
        for device in devices:
            try:
                mj = self._desk.broker.inventory.use(device).energy_mj
            except Unreadable:
                continue  # the broker says so, and why, when it reads the whole inventory
            if mj is not None:
                made.append(Reading(device.uuid, device.lease or "", float(mj), self._desk.broker.now()))
        return made

    # --- seats and homes -----------------------------------------------------------------------------

    async def look_at_seats(self) -> None:
        """Note who has which seats now. Raises HubUnreachable; nothing has ended then."""
        people = await self._hub.active_people()
        running = await self._in_thread(seen, people, self._settings, self._cpu)
        await self._in_thread(self._seats.note, running, self._desk.broker.now())

    def _cpu(self, user: str, server: str) -> float | None:
        return used_cpu(group_name(self._runtime.state.path, user, server))

    async def _measure_homes(self) -> None:
        site = self._settings.site
        if site.seats_run_as != "same-user" or site.kind == "containers":
            return  # homes are the machine's, or the engine's
        now = self._desk.broker.now()
        for user in await self._in_thread(self._homes.due, now - HOME_AGE, HOMES_AT_ONCE):
            size = await self._in_thread(size_of, self._runtime.state.homes / home_name(user))
            if size is not None:
                await self._in_thread(self._homes.note, user, size, now)

    # --- jobs of a cluster ---------------------------------------------------------------------------

    async def _read_jobs(self) -> None:
        assert self._jobs is not None
        await self._jobs.read(self._in_thread)

    # --- counting ------------------------------------------------------------------------------------

    async def count(self) -> None:
        """Count what has ended."""
        await self._in_thread(self._count, self._desk.broker.now() - SETTLE)

    def _count(self, before: float) -> None:
        if self._rounds == 0:
            self._ledger.begin()
        new = self._ledger.count_leases(before)
        if self._rounds % RECOUNT_ROUNDS == 0:
            new += self._ledger.recount(before)
        self._rounds += 1
        seats, jobs = self._ledger.count_seats(), self._ledger.count_jobs()
        if new or seats or jobs:
            log.info("accounting.counted", leases=new, seats=seats, jobs=jobs)

    async def _in_thread(self, act: Callable[..., Result], *given: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act, *given)
