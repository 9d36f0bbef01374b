"""The stand-ins themselves: the real bindings find a driver in them, and it misbehaves as documented."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cuda import GIB, MIB, StandIn, Target, fixtures
from tests.support.workbench import eventually

# pytest finds fixtures by their name in the module.
libraries, machine = fixtures.libraries, fixtures.machine

CONTROLLER = """
import json, sys
from cuda.bindings import driver as d
d.cuInit(0)
for line in sys.stdin:
    op, pid, timeout = json.loads(line)
    if op == "lock":
        a = d.CUcheckpointLockArgs(); a.timeoutMs = timeout
        r = d.cuCheckpointProcessLock(pid, a)
    elif op == "state":
        r = d.cuCheckpointProcessGetState(pid)
    else:
        r = getattr(d, "cuCheckpointProcess" + op.capitalize())(pid, None)
    print(json.dumps([int(x) for x in r if x is not None]), flush=True)
"""

NVML = """
import json, pynvml as n
n.nvmlInit()
out = []
for i in range(n.nvmlDeviceGetCount()):
    h = n.nvmlDeviceGetHandleByIndex(i)
    assert n.nvmlDeviceGetUUID(n.nvmlDeviceGetHandleByUUID(n.nvmlDeviceGetUUID(h))) == n.nvmlDeviceGetUUID(h)
    v1, v2 = n.nvmlDeviceGetMemoryInfo(h), n.nvmlDeviceGetMemoryInfo(h, version=n.nvmlMemory_v2)
    assert (v1.used, v1.free) == (v2.used, v2.free)
    assert n.nvmlDeviceGetMPSComputeRunningProcesses(h) == []
    out.append({"uuid": n.nvmlDeviceGetUUID(h), "name": n.nvmlDeviceGetName(h), "total": v2.total, "used": v2.used,
      "pids": {p.pid: p.usedGpuMemory for p in n.nvmlDeviceGetComputeRunningProcesses(h)},
      "mig": n.nvmlDeviceGetMigMode(h), "gpu": n.nvmlDeviceGetUtilizationRates(h).gpu,
      "mw": n.nvmlDeviceGetPowerUsage(h),
      "mj": n.nvmlDeviceGetTotalEnergyConsumption(h), "minor": n.nvmlDeviceGetMinorNumber(h),
      "bus": n.nvmlDeviceGetPciInfo(h).busId})
print(json.dumps({"driver": n.nvmlSystemGetDriverVersion(), "devices": out}))
n.nvmlShutdown()
"""


class Controller:
    """A process that parks others through the real bindings."""

    def __init__(self, machine: StandIn):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **machine.environment()},
        )

    def __call__(self, op: str, pid: int, timeout: int = 2000) -> list[int]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([op, pid, timeout]).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def control(machine: StandIn):
    controller = Controller(machine)
    yield controller
    controller.process.communicate()


def nvml(machine: StandIn) -> dict:
    run = subprocess.run(
        [sys.executable, "-c", NVML], env={**os.environ, **machine.environment()}, capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr.decode()
    return json.loads(run.stdout)


def test_pynvml_reads_the_devices_and_who_is_on_them(machine: StandIn) -> None:
    with Target(machine).with_memory(mib=100, device=1) as target:
        seen = nvml(machine)
        assert seen["driver"] == "580.95.05"
        assert [device["uuid"] for device in seen["devices"]] == [device.uuid for device in machine.devices]
        assert seen["devices"][0]["pids"] == {}
        assert seen["devices"][1]["pids"] == {str(target.pid): 164 * MIB}
        assert seen["devices"][1]["used"] == 164 * MIB
        assert seen["devices"][1]["mig"] == [0, 0]
        assert seen["devices"][1]["mj"] > 0
    assert eventually(lambda: nvml(machine)["devices"][1]["used"] == 0)


def test_device_memory_leaves_the_device_when_parked_and_comes_back_equal(
    machine: StandIn, control: Controller
) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        assert control("lock", target.pid) == [0]
        assert control("checkpoint", target.pid) == [0]
        assert control("state", target.pid) == [0, 2]
        assert machine.allocations() == {"device": 0, "host": 1}
        assert nvml(machine)["devices"][0]["pids"] == {}
        target.send("sum")
        assert not target.answers_within(0.3)
        assert control("restore", target.pid) == [0]
        assert not target.answers_within(0.3)
        assert control("unlock", target.pid) == [0]
        assert target.receive() == before


def test_the_states_follow_one_order_only(machine: StandIn, control: Controller) -> None:
    with Target(machine).with_memory() as target:
        wrong = [control(op, target.pid) for op in ("checkpoint", "restore", "unlock")]
        assert wrong == [[401]] * 3
        assert control("lock", target.pid) == [0]
        assert [control(op, target.pid) for op in ("lock", "restore")] == [[401]] * 2


def test_a_busy_process_cannot_be_locked_and_stays_running(machine: StandIn, control: Controller) -> None:
    with Target(machine).with_memory() as target:
        machine.set_busy(target.pid)
        assert control("lock", target.pid, timeout=50) == [600]
        assert machine.state(target.pid) == "running"


def test_a_restore_without_room_spoils_every_later_one(machine: StandIn, control: Controller) -> None:
    with Target(machine).with_memory() as target:
        control("lock", target.pid)
        control("checkpoint", target.pid)
        machine.hold(0, 140 * GIB)
        assert control("restore", target.pid) == [2]
        machine.hold(0, 0)
        assert control("restore", target.pid) == [304]
        assert machine.state(target.pid) == "checkpointed"


def test_a_process_without_cuda_is_no_target(machine: StandIn, control: Controller) -> None:
    with Target(machine) as target:
        assert control("lock", target.pid) == [1]


def test_a_thread_id_is_taken_for_its_process(machine: StandIn, control: Controller) -> None:
    with Target(machine).with_memory() as target:
        assert control("lock", target.ask("thread")) == [0]
        assert machine.state(target.pid) == "locked"


def test_memory_is_short_across_processes_and_free_again_when_one_dies(machine: StandIn) -> None:
    with Target(machine).with_memory(mib=100 * 1024) as first, Target(machine).with_memory() as second:
        with pytest.raises(RuntimeError, match="OUT_OF_MEMORY"):
            second.ask("alloc", mib=60 * 1024)
        first.kill()
        assert second.ask("alloc", mib=60 * 1024)


VISIBLE = [
    ("{0}", [0]),
    ("{1},{0}", [1, 0]),
    ("1", [1]),
    ("{1},GPU-nothing,{0}", [1]),
    ("GPU-nothing,{0}", None),
    ("", None),
    ("-1", None),
]


@pytest.mark.parametrize(("value", "expected"), VISIBLE)
def test_the_environment_says_which_devices_are_seen(machine: StandIn, value: str, expected: list[int] | None) -> None:
    uuids = [device.uuid for device in machine.devices]
    with Target(machine, CUDA_VISIBLE_DEVICES=value.format(*uuids)) as target:
        with pytest.raises(RuntimeError, match="NOT_INITIALIZED"):
            target.ask("count")
        if expected is None:
            with pytest.raises(RuntimeError, match="NO_DEVICE"):
                target.ask("init")
            return
        target.ask("init")
        found = [target.ask("uuid", device=device) for device in range(target.ask("count"))]
        assert found == [uuids[index].removeprefix("GPU-").replace("-", "") for index in expected]


def test_a_killed_process_gives_its_device_back_even_when_parked(machine: StandIn, control: Controller) -> None:
    with Target(machine).with_memory() as target:
        control("lock", target.pid)
        control("checkpoint", target.pid)
        os.kill(target.pid, signal.SIGKILL)
        target.process.wait()
        assert control("state", target.pid) == [1]
        assert machine.allocations() == {"device": 0, "host": 0}


def test_no_library_is_left_where_products_are_built() -> None:
    built = list(Path(__file__).parent.parent.joinpath("support", "cuda").glob("*.so*"))
    assert built == []
