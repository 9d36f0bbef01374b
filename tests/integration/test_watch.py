"""The watch over devices: processes without a lease are seen at once, and a seat's are ended after the grace."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from hub.clock import Clock
from hub.leases.broker import Broker
from hub.leases.events import Bound, Released, Requested
from hub.leases.inventory import DeviceUse
from hub.leases.model import Device, LeaseState, Rules
from hub.leases.store import Store
from hub.leases.watch import RESTART_GRACE, Watch, end_process, lives, start_time
from hub.settings import Leases
from tests.support.leases import MoodyInventory, lease
from tests.support.workbench import eventually

Start = Callable[..., subprocess.Popen[bytes]]


@dataclass
class OccupiedInventory(MoodyInventory):
    """Devices on which a test puts processes."""

    pids: dict[int, int | None] = field(default_factory=dict)
    working: bool = False

    def use(self, device: Device) -> DeviceUse:
        return DeviceUse(dict(self.pids), 0, 50 if self.working else 0, None, None)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(**variables: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sleep", "300"], env=os.environ | variables)
        started.append(process)
        eventually(lambda: psutil.Process(process.pid).name() == "sleep", what="it runs")
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def watch_of(tmp_path: Path, inventory: OccupiedInventory, grace: str = "0s") -> tuple[Broker, Watch]:
    broker = Broker(Rules(), Store(f"sqlite:///{tmp_path}/leases.sqlite"), inventory, Clock().now)
    return broker, Watch(broker, Leases(intruder_grace=grace))  # type: ignore[arg-type]


async def look_twice(watch: Watch, broker: Broker) -> None:
    for _look in range(2):
        await watch._look(broker.state.devices["GPU-0"])


async def test_a_seats_process_without_a_lease_is_ended_after_the_grace(tmp_path: Path, start: Start) -> None:
    intruder = start(JUPYTERHUB_USER="ada")
    broker, watch = watch_of(tmp_path, OccupiedInventory(count=1, pids={intruder.pid: None}))
    async with broker.running():
        await watch._look(broker.state.devices["GPU-0"])
        assert intruder.poll() is None, "the first look only warns"
        await watch._look(broker.state.devices["GPU-0"])
        assert intruder.wait(10) == -9
    broker.store.close()


async def test_within_the_grace_it_is_only_warned_about(tmp_path: Path, start: Start) -> None:
    intruder = start(JUPYTERHUB_USER="ada")
    broker, watch = watch_of(tmp_path, OccupiedInventory(count=1, pids={intruder.pid: None}), grace="5m")
    async with broker.running():
        await look_twice(watch, broker)
        assert intruder.poll() is None
    broker.store.close()


async def test_the_machines_own_processes_are_left_alone(tmp_path: Path, start: Start) -> None:
    somebody = start()
    broker, watch = watch_of(tmp_path, OccupiedInventory(count=1, pids={somebody.pid: None}))
    async with broker.running():
        await look_twice(watch, broker)
        assert somebody.poll() is None
    broker.store.close()


async def test_the_kernel_of_the_lease_is_no_intruder(tmp_path: Path, start: Start) -> None:
    kernel = start(JUPYTERHUB_USER="ada")
    broker, watch = watch_of(tmp_path, OccupiedInventory(count=1))
    async with broker.running():
        await broker.tell(Requested(lease("a", "ada")))
        while broker.state.leases["a"].state is not LeaseState.OFFERED:
            await broker.changed("a")
        await broker.tell(Bound("a", 1, kernel.pid, start_time(kernel.pid)))
        watch._broker.inventory.pids[kernel.pid] = None  # type: ignore[attr-defined]
        await look_twice(watch, broker)
        assert kernel.poll() is None
    broker.store.close()


async def test_a_device_that_computes_without_a_cell_is_not_idle(tmp_path: Path, start: Start) -> None:
    """As a thread that trains in the background does: its kernel must not be parked."""
    kernel = start(JUPYTERHUB_USER="ada")
    broker, watch = watch_of(tmp_path, OccupiedInventory(count=1, working=True))
    async with broker.running():
        await broker.tell(Requested(lease("a", "ada")))
        while broker.state.leases["a"].state is not LeaseState.OFFERED:
            await broker.changed("a")
        await broker.tell(Bound("a", 1, kernel.pid, start_time(kernel.pid)))
        await watch._look(broker.state.devices["GPU-0"])
        assert broker.state.devices["GPU-0"].worked > 0
    broker.store.close()


async def test_a_kernel_that_is_being_restarted_keeps_its_lease(tmp_path: Path, start: Start) -> None:
    """Between its end and its new process's word it has none; the seat lives, and has not given the lease back."""
    async with bound_to_a_kernel(tmp_path, start) as (broker, watch, kernel):
        end(kernel)
        await watch._look_for_lives()
        again = start()
        await broker.tell(Bound("a", 1, again.pid, start_time(again.pid)))
        broker.pass_time(RESTART_GRACE)
        await watch._look_for_lives()
        assert broker.state.leases["a"].state is LeaseState.ACTIVE


async def test_a_kernel_that_stays_gone_gives_its_device_back(tmp_path: Path, start: Start) -> None:
    async with bound_to_a_kernel(tmp_path, start) as (broker, watch, kernel):
        await watch._look_for_lives()
        broker.pass_time(RESTART_GRACE)
        end(kernel)
        await watch._look_for_lives()
        assert broker.state.leases["a"].state is LeaseState.ACTIVE, "it has only just gone"
        broker.pass_time(RESTART_GRACE)
        await watch._look_for_lives()
        assert "a" not in broker.state.leases
        assert broker.store.lease("a").state is LeaseState.LOST  # type: ignore[union-attr]


class BrokerAheadOfTime(Broker):
    """Its clock goes forward when a test says so."""

    def __init__(self, store: Store, inventory: OccupiedInventory) -> None:
        self._ahead, clock = 0.0, Clock()
        super().__init__(Rules(), store, inventory, lambda: clock.now() + self._ahead)

    def pass_time(self, seconds: float) -> None:
        self._ahead += seconds


@asynccontextmanager
async def bound_to_a_kernel(
    tmp_path: Path, start: Start
) -> AsyncIterator[tuple[BrokerAheadOfTime, Watch, subprocess.Popen[bytes]]]:
    """A broker with an active lease "a", its watch, and the process that stands for the kernel."""
    kernel = start()
    broker = BrokerAheadOfTime(Store(f"sqlite:///{tmp_path}/leases.sqlite"), OccupiedInventory(count=1))
    async with broker.running():
        await broker.tell(Requested(lease("a", "ada")))
        while broker.state.leases["a"].state is not LeaseState.OFFERED:
            await broker.changed("a")
        await broker.tell(Bound("a", 1, kernel.pid, start_time(kernel.pid)))
        yield broker, Watch(broker, Leases()), kernel
    broker.store.close()


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_a_pid_that_was_used_again_is_not_ended(start: Start) -> None:
    process = start(JUPYTERHUB_USER="ada")
    assert not lives(process.pid, "1")
    end_process(process.pid, "1", "GPU-0")
    assert process.poll() is None


async def test_while_the_service_runs_old_records_are_forgotten(tmp_path: Path) -> None:
    broker, _watch = watch_of(tmp_path, OccupiedInventory())
    async with broker.running():
        asked = await broker.tell(Requested(lease("passing", user="ada")))
        assert "passing" in asked.leases
        await broker.tell(Released("passing", "user"))
        assert broker.store.history("passing")
        watch = Watch(broker, Leases(keep_records="0s"))  # type: ignore[arg-type]
        async with watch.running():
            deadline = asyncio.get_running_loop().time() + 30
            while await asyncio.to_thread(broker.store.history, "passing"):
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.05)
    assert broker.store.lease("passing") is None
    broker.store.close()
