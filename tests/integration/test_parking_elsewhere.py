"""A parked kernel comes back on another GPU, through the whole workbench (`migration: true`).

The devices are stand-ins (tests/support/cuda); hub, broker, seats, kernels, provisioner and actuator are real.
"""

import shutil
from collections.abc import Iterator

import pytest

from tests.integration.test_gpu_driver import GPU, USE_THE_GPU, gpus, lease, workbench_on
from tests.support.cuda.standin import StandIn, compile_libraries, devices
from tests.support.notebook import Cell, Notebook
from tests.support.workbench import Workbench, eventually

VISIBLE = "print(now() == before, os.environ['CUDA_VISIBLE_DEVICES'])"
WORK_ON = "import time\nwhile True:\n    time.sleep(0.05)"
A_CHILD = """
import subprocess, sys
look = "from cuda.bindings import driver as d; d.cuInit(0); print(d.cuDeviceGetUuid(0)[1].bytes.hex())"
print(subprocess.run([sys.executable, "-c", look], capture_output=True, text=True).stdout)
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    """Two equal stand-in GPUs."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler on this machine (apt install gcc)")
    libraries = compile_libraries(tmp_path_factory.mktemp("libraries"))
    return StandIn(libraries, tmp_path_factory.mktemp("machine"), devices(2))


@pytest.fixture(scope="module")
def facility(machine: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench that lets kernels come back elsewhere, and three people."""
    people, changes = ("scientist", "trainer", "admin"), {"migration: false ": "migration: true "}
    with workbench_on(machine, tmp_path_factory.mktemp("facility"), people, changes) as bench:
        yield bench


def device_used_by(notebook: Notebook) -> str:
    """The device on which it now has memory."""
    whole, uuid = notebook.done(notebook.run(USE_THE_GPU), timeout=120).split()[-2:]
    assert whole == "True"
    return uuid


def working(notebook: Notebook, bench: Workbench, user: str) -> Cell:
    """A cell that goes on until it is interrupted, known to the broker as such."""
    cell = notebook.run(WORK_ON)
    eventually(lambda: lease(bench, user)["busy"], what=f"the broker knows that {user} computes")
    return cell


def test_a_kernel_parked_from_one_gpu_comes_back_on_the_other_with_its_memory(
    facility: Workbench, machine: StandIn
) -> None:
    first, second = (device.uuid for device in machine.devices)
    mine = Notebook(facility.browser("scientist"), GPU)
    assert device_used_by(mine) == first
    pid = mine.done(mine.run("print(os.getpid())")).strip()
    neighbour = Notebook(facility.browser("trainer"), GPU)
    assert device_used_by(neighbour) == second
    working(neighbour, facility, "trainer")

    # Somebody else needs a GPU: the idle kernel makes room, and its device is computed on from then on.
    other = Notebook(facility.browser("admin"), GPU)
    assert device_used_by(other) == first
    working(other, facility, "admin")
    assert lease(facility)["state"] == "parked"
    assert machine.state(int(pid)) == "checkpointed"

    # The other device comes free. The next cell has all its memory there, and names it.
    back = mine.run(VISIBLE)
    mine.shows(back, "1 of 1")
    neighbour.close()
    assert mine.done(back, timeout=120).split()[-2:] == ["True", second]
    assert [held["uuid"] for held in lease(facility)["devices"]] == [second]
    # Beside it the canary of its binding, for a moment.
    eventually(lambda: machine.on_device(1) == [int(pid)], what="nobody else is on the second device")
    assert mine.done(mine.run(A_CHILD)).split()[-1] == second.removeprefix("GPU-").replace("-", "")
    more = "more = ok(driver.cuMemAlloc(1 << 20)); ok(driver.cuMemFree(more)); print(now() == before)"
    assert "True" in mine.done(mine.run(more))

    # And the other way round: parked from the second, back on the first.
    another = Notebook(facility.browser("trainer"), GPU)
    assert device_used_by(another) == second
    working(another, facility, "trainer")
    back = mine.run(VISIBLE)
    mine.shows(back, "1 of 1")
    other.close()
    assert mine.done(back, timeout=120).split()[-2:] == ["True", first]
    for notebook in (another, mine):
        notebook.close()
    eventually(lambda: gpus(facility, "scientist")["free"] == 2, what="both devices are seen clean and free")
    assert machine.on_device(0) == machine.on_device(1) == []


def test_a_driver_that_cannot_move_a_kernel_costs_it_nothing_and_its_own_gpu_brings_it_back(
    facility: Workbench, machine: StandIn
) -> None:
    first = machine.devices[0].uuid
    mine = Notebook(facility.browser("scientist"), GPU)
    assert device_used_by(mine) == first
    neighbour = Notebook(facility.browser("trainer"), GPU)
    device_used_by(neighbour)
    working(neighbour, facility, "trainer")
    other = Notebook(facility.browser("admin"), GPU)
    assert device_used_by(other) == first
    working(other, facility, "admin")

    machine.table.driver = b"575.57.08"  # parks, and knows nothing of other devices
    back = mine.run(VISIBLE)
    mine.shows(back, "1 of 1")
    epoch = lease(facility)["epoch"]
    neighbour.close()
    eventually(lambda: lease(facility)["epoch"] > epoch and lease(facility)["state"] == "parked", what="it was tried")
    # From now on it waits for its own, though the other is free.
    eventually(lambda: gpus(facility, "scientist")["free"] == 1, what="the other device is free again")
    assert lease(facility)["state"] == "parked"
    other.close()
    assert mine.done(back, timeout=120).split()[-2:] == ["True", first]
    mine.close()
    machine.table.driver = b"580.95.05"
    eventually(lambda: gpus(facility, "scientist")["free"] == 2, what="both devices are seen clean and free")
