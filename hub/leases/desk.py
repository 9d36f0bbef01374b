"""What the service keeps at hand about leases: the broker, the views, and where ended ones are found."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Any, Literal

from hub.clock import Clock
from hub.containers.engine import Engine
from hub.containers.processes import Processes
from hub.leases.allowances import Allowance
from hub.leases.broker import Broker
from hub.leases.counters import Counters
from hub.leases.estimate import Estimates
from hub.leases.events import Action, Requested, Ruled, Transition
from hub.leases.guard import Guard, guarded
from hub.leases.identity import Tokens
from hub.leases.inventory import inventory_of
from hub.leases.jobs.engine import Jobs
from hub.leases.jobs.requests import Requests
from hub.leases.listening import Bells
from hub.leases.metrics import LeaseMetrics
from hub.leases.model import Device, DeviceState, Lease
from hub.leases.recent import Recent
from hub.leases.rules import rules_of
from hub.leases.state import State, is_grantable
from hub.leases.store import Store
from hub.leases.view import LeaseView, Viewer
from hub.leases.watch import Watch
from hub.logs import get_logger
from hub.runtime import Runtime
from hub.settings import Settings

Isolation = Literal["enforced", "advisory", "none"]


class Desk:
    """One per service."""

    def __init__(self, settings: Settings, broker: Broker, tokens: Tokens) -> None:
        self.settings, self.broker, self.tokens = settings, broker, tokens
        self.allowances: tuple[Allowance, ...] = ()
        """What admins allow for a while, beyond the settings."""
        self.estimates = Estimates()
        self.viewer = Viewer(settings, self.estimates)
        self.recent = Recent(broker.store)
        self.bells = Bells()
        self.counters = Counters(broker.inventory, broker.now)
        self.counted_for: Callable[[str], str] = lambda _user: ""
        """The programme that a user's use is counted for just now, beside their own; "" for none."""
        self.metrics: LeaseMetrics | None = None
        self.guard: Guard | None = None
        self.watch: Watch | None = None
        self.cluster_memory: Callable[[], int | None] = lambda: None
        """Bytes on all nodes of a cluster; None on one machine, and before its nodes were seen."""
        self.jobs: Jobs | None = None
        """Where leases are jobs of a cluster."""
        self.processes: Processes | None = None
        """Where seats are containers, and have numbers of their own for processes."""
        self.log = get_logger("leases")
        broker.observers.append(self._observe)

    async def pid_here(self, lease: Lease, pid: int, started: str) -> int:
        """This machine's number for a process that a seat speaks of; 0 where that is not known."""
        if self.processes is None:
            return pid
        return await self.processes.here(lease.user, lease.server, pid, started)

    async def follow(self, settings: Settings) -> None:
        """Go by these settings from now on; leases that run keep what they have. Raises BrokerError."""
        await self.broker.tell(Ruled(rules_of(settings, self.allowances)))
        self.settings = settings
        self.viewer = Viewer(settings, self.estimates)
        if self.watch is not None:
            self.watch.settings = settings.leases
        if self.jobs is not None:
            self.jobs.requests = replace(self.jobs.requests, settings=settings)

    async def allow(self, allowances: tuple[Allowance, ...]) -> None:
        """Go by these allowances from now on, in place of those before. Raises BrokerError."""
        await self.broker.tell(Ruled(rules_of(self.settings, allowances)))
        self.allowances = allowances

    def _observe(self, state: State, actions: tuple[Action, ...]) -> None:
        errors = self.estimates.observe(state, actions)
        self.recent.observe(actions)
        self.bells.observe(actions)
        if self.metrics is not None:
            self.metrics.observe(state, actions, errors)

    async def find(self, id: str) -> Lease | None:
        """A lease, live or ended."""
        live = self.broker.state.leases.get(id)
        return live or await asyncio.to_thread(self.broker.store.lease, id)

    async def history(self, id: str) -> list[Transition]:
        """What happened to a lease, oldest first."""
        return await asyncio.to_thread(self.broker.store.history, id)

    def requested(self, lease: Lease) -> Requested:
        """The event that asks for a lease."""
        return Requested(lease)

    def most_for(self, lease: Lease) -> str:
        """The bound that a refused request ran into, for its sentence."""
        rules = self.broker.state.rules
        most = rules.devices_of(lease.user)
        return str(most if lease.count > most else rules.waiting_per_user)

    @property
    def isolation(self) -> Isolation:
        """How well devices are kept from those without a lease, at this moment."""
        wanted = self.settings.leases.isolation
        return "advisory" if wanted == "enforced" and self.guard is not None and self.guard.trouble else wanted

    def view(self, lease: Lease, language: str) -> LeaseView:
        """The lease as people and seats see it."""
        return self.viewer.view(self.broker.state, lease, language, self.broker.unreadable)

    def of_user(self, user: str) -> list[Lease]:
        """A user's live leases, oldest first."""
        state = self.broker.state
        mine = [state.leases[id] for id in state.of_user.get(user) or ()]
        return sorted(mine, key=lambda lease: (lease.requested, lease.id))

    def classes(self, language: str) -> list[dict[str, Any]]:
        """Every GPU class of the settings, with what there is of it."""
        return [self._class(name, language) for name in self.settings.gpu_classes]

    def _wait(self, state: State, gpu_class: str) -> float:
        """Seconds that somebody who asked now would wait; negative where that cannot be said."""
        if not state.rules.jobs:
            return self.estimates.for_next(state, gpu_class)
        is_any_free = any(is_grantable(state.devices[uuid]) for uuid in state.of_class.get(gpu_class) or ())
        return 0.0 if is_any_free and not len(state.lines.get(gpu_class) or ()) else -1.0

    def _class(self, name: str, language: str) -> dict[str, Any]:
        state, declared = self.broker.state, self.settings.gpu_classes[name]
        devices = [state.devices[uuid] for uuid in state.of_class.get(name) or ()]
        line = state.lines.get(name)
        wait = self._wait(state, name) if devices else -1.0
        return {
            "name": name,
            "title": declared.title.in_language(language),
            "simulated": declared.simulated,
            "isolation": "none" if declared.simulated else self.isolation,
            "total": len(devices),
            "free": sum(map(is_grantable, devices)),
            "held": sum(device.lease is not None for device in devices),
            "out_of_service": sum(map(_is_out, devices)),
            "waiting": len(line) if line else 0,
            "expected_wait_s": round(wait) if wait >= 0 else None,
            "known": declared.simulated or not self.broker.unreadable,
        }


def _is_out(device: Device) -> bool:
    return device.draining or not device.visible or device.state is DeviceState.QUARANTINED


@asynccontextmanager
async def _jobs(desk: Desk, runtime: Runtime, prefix: str) -> AsyncIterator[None]:
    """With the engine that makes leases jobs, on a site where they are."""
    site = desk.settings.site.slurm
    if site is None:
        yield
        return
    api = f"http://{site.address}:{runtime.state.ports().service}{prefix}/api/v1"
    async with Jobs(desk.broker, Requests(desk.settings, desk.tokens, api)).running() as desk.jobs:
        yield


@asynccontextmanager
async def open_desk(runtime: Runtime, settings: Settings, prefix: str) -> AsyncIterator[Desk]:
    """The desk of this workbench, with its broker running; the service answers under `prefix`."""
    database = settings.leases.database
    store = Store(runtime.state.database("leases") if database == "sqlite" else database)
    inventory = inventory_of(settings)
    broker = Broker(rules_of(settings), store, inventory, Clock().now)
    try:
        async with broker.running():
            desk = Desk(settings, broker, Tokens(runtime.state.secret("leases")))
            if (containers := settings.site.containers) is not None:
                desk.processes = Processes(Engine(containers.socket), runtime.state.path)
            desk.cluster_memory = lambda: inventory.cluster_memory
            with closing(desk.counters):
                async with (
                    guarded(broker, settings.leases.isolation, runtime.state.path) as desk.guard,
                    Watch(broker, settings.leases).running() as desk.watch,
                    _jobs(desk, runtime, prefix),
                ):
                    yield desk
    finally:
        store.close()
