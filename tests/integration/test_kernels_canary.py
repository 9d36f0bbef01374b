"""A kernel that gets a device has parking tried out there at once, while the device is still empty.

Broker and devices are stand-ins; provisioner, actuator, canary and kernel are the real ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.test_kernels_support import Notebook, as_seat, leased_kernel
from tests.support.broker import BrokerDouble
from tests.support.cuda import MIB, StandIn, fixtures

# pytest finds fixtures by their name in the module.
libraries, machine = fixtures.libraries, fixtures.machine

FILL_THE_GPU = """
from cuda.bindings import driver
driver.cuInit(0)
driver.cuCtxSetCurrent(driver.cuDevicePrimaryCtxRetain(0)[1])
print(int(driver.cuMemAlloc({bytes})[0]))
"""


class GpuBroker(BrokerDouble):
    """Hands out the first device of a stand-in machine, to be parked in earnest."""

    def __init__(self, machine: StandIn) -> None:
        super().__init__(devices=1)
        self.machine, self.says = machine, {}

    def _equip(self, lease: dict[str, Any]) -> None:
        super()._equip(lease)
        uuid = self.machine.devices[0].uuid
        lease["devices"] = [{**lease["devices"][0], "uuid": uuid, "simulated": False}]
        lease["environment"] |= {"CUDA_VISIBLE_DEVICES": uuid, "NVIDIA_VISIBLE_DEVICES": uuid}

    def _new(self, body: dict[str, Any]) -> dict[str, Any]:
        lease = super()._new(body)
        manner = {"lock_timeout_s": 10, "host_reserve": 0, "host_budget": 1 << 40, "driver": "cuda"}
        return lease | {"simulated": False, "parking": manner} | self.says


@pytest.fixture
def broker(machine: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GpuBroker]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    with GpuBroker(machine) as double:
        as_seat(monkeypatch, double)
        yield double


def canaries(machine: StandIn) -> list[int]:
    """Who was parked and brought back, in order."""
    restored = [call.target for call in machine.calls() if (call.op, call.code) == ("restore", 0)]
    return list(dict.fromkeys(restored))


def actuators() -> list[int]:
    """The actuators of this process's kernels."""
    return [child.pid for child in psutil.Process().children() if "werkbank_kernels.parking" in command_of(child)]


def command_of(process: psutil.Process) -> list[str]:
    """Its command; none of one that has ended, as another test's may have that nobody has collected yet."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


def said(broker: GpuBroker) -> str:
    """The reason that the latest heartbeat gave."""
    return next((body["unparkable"] for body in reversed(broker.bodies("heartbeat"))), "")


async def finished(notebook: Notebook, machine: StandIn) -> None:
    """Wait until a canary was parked for the second time, and has left."""
    await notebook.until(lambda: [call.op for call in machine.calls()].count("checkpoint") == 2, "the canary has sung")
    await notebook.until(lambda: not machine.on_device(0), "the canary has left")


async def test_the_canary_is_sent_when_the_device_comes_so_a_full_one_can_be_parked(broker, machine):
    async with leased_kernel() as notebook:
        await finished(notebook, machine)
        [canary] = canaries(machine)
        assert said(broker) == ""
        # No room for a canary is left: without the first one nobody could be parked from here.
        machine.hold(0, machine.devices[0].memory - 300 * MIB)
        cell = await notebook.done(notebook.run(FILL_THE_GPU.format(bytes=200 * MIB)))
        assert cell.printed() == "0\n"
        broker.wait_until_idle()
        broker.order_parking(broker.only()["id"])
        [report] = broker.wait_for(lambda: broker.bodies("report"))
        assert (report["outcome"], report["bytes"]) == ("done", 264 * MIB)
        assert canaries(machine) == [canary]


async def test_one_canary_is_enough_for_a_device(broker, machine):
    async with leased_kernel() as notebook:
        await finished(notebook, machine)
        async with leased_kernel():  # holds the seat's actuator while the first starts again
            await notebook.close()
            await notebook.manager.restart_kernel()
            await notebook.open()
            assert await notebook.value("1") == "1"
            broker.wait_for(lambda: len(broker.bodies("bound")) == 2)
            assert len(actuators()) == 1
        assert len(canaries(machine)) == 1


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (lambda machine: machine.fail_next("checkpoint", 999), "canary-failed"),
        (lambda machine: machine.corrupt_next_restore(), "canary-failed"),
        (lambda machine: setattr(machine.table, "driver", b"535.129.03"), "driver-too-old"),
        (lambda machine: setattr(machine.table, "cuda_version", 12040), "driver-too-old"),
        (lambda machine: setattr(machine.table.devices[0], "mig", 1), "mig"),
        (lambda machine: machine.fail_next("init", 100, times=9), "no-driver"),
    ],
)
async def test_why_a_kernel_cannot_be_parked_is_said_as_soon_as_it_has_its_device(broker, machine, trouble, reason):
    trouble(machine)
    async with leased_kernel() as notebook:
        assert await notebook.value("'runs'") == "runs"
        await notebook.until(lambda: said(broker) == reason, f"{reason} on the heartbeat")
        assert broker.bodies("report") == []


async def test_a_restarted_kernel_says_again_why_it_cannot_be_parked(broker, machine):
    machine.fail_next("checkpoint", 999)
    async with leased_kernel() as notebook:
        await notebook.until(lambda: said(broker) == "canary-failed")
        await notebook.close()
        await notebook.manager.restart_kernel()
        await notebook.open()
        broker.wait_for(lambda: len(broker.bodies("bound")) == 2)
        broker.said.clear()
        await notebook.until(lambda: said(broker) == "canary-failed", "said of the new process too")


async def test_no_room_for_a_canary_leaves_it_open_whether_the_kernel_can_be_parked(broker, machine, caplog):
    machine.hold(0, machine.devices[0].memory)
    with caplog.at_level("INFO"):
        async with leased_kernel() as notebook:
            await notebook.until(lambda: "reason=canary-no-room" in caplog.text, "the canary had no room")
            beats = len(broker.bodies("heartbeat"))
            await notebook.until(lambda: len(broker.bodies("heartbeat")) > beats)
            assert said(broker) == ""


async def test_the_first_cell_does_not_wait_for_the_canary(broker, machine):
    machine.delay("lock", before_ms=3_000)
    async with leased_kernel() as notebook:
        assert await notebook.value("'ran'") == "ran"
        await notebook.until(lambda: machine.on_device(0), "the canary is under way")
        assert await notebook.value("'ran'") == "ran"
        assert canaries(machine) == []


async def test_a_kernel_that_ends_while_its_canary_is_under_way_leaves_a_clean_device(broker, machine):
    machine.delay("alloc", before_ms=60_000)
    async with leased_kernel() as notebook:
        await notebook.until(lambda: machine.on_device(0), "the canary is under way")
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert machine.on_device(0) == []
    broker.wait_for_state("released")
    assert actuators() == []


@pytest.mark.parametrize(
    "says",
    [
        {"parkable": False, "unparkable": {"code": "parking-off", "text": "Parking is switched off here."}},
        {"parking": {"driver": "simulated"}},
    ],
)
async def test_where_nobody_is_parked_no_actuator_is_started(broker, machine, says):
    broker.says = says
    async with leased_kernel() as notebook:
        assert await notebook.value("1") == "1"
        beats = len(broker.bodies("heartbeat"))
        await notebook.until(lambda: len(broker.bodies("heartbeat")) > beats + 2)
        assert actuators() == []
        assert machine.calls() == []
