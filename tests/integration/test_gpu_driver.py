"""GPU-backed kernels on a machine with a driver: the real NVML and CUDA bindings on stand-in libraries.

The devices are stand-ins (tests/support/cuda); hub, broker, seats, kernels, provisioner and actuator are real.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.test_gpu_kernels import quick_settings
from tests.support.cuda.standin import StandIn, compile_libraries, devices
from tests.support.notebook import Notebook
from tests.support.workbench import Workbench, eventually, seat_environment

GPU = "python3-h200"
USE_THE_GPU = """
from cuda.bindings import driver
import ctypes, hashlib, os
def ok(answer):
    assert int(answer[0]) == 0, answer[0]
    return answer[1] if len(answer) == 2 else answer[1:]
ok(driver.cuInit(0))
context = ok(driver.cuDevicePrimaryCtxRetain(ok(driver.cuDeviceGet(0))))
ok(driver.cuCtxSetCurrent(context))
size = 8 << 20
data = os.urandom(size)
memory = ok(driver.cuMemAlloc(size))
ok(driver.cuMemcpyHtoD(memory, data, size))
before = hashlib.sha256(data).hexdigest()
def now():
    back = ctypes.create_string_buffer(size)
    ok(driver.cuMemcpyDtoH(ctypes.addressof(back), memory, size))
    return hashlib.sha256(back.raw).hexdigest()
print(now() == before, os.environ["CUDA_VISIBLE_DEVICES"])
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    """One stand-in GPU."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler on this machine (apt install gcc)")
    libraries = compile_libraries(tmp_path_factory.mktemp("libraries"))
    return StandIn(libraries, tmp_path_factory.mktemp("machine"), devices(1))


@pytest.fixture(scope="module")
def facility(machine: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench on that machine, and a seat each for scientist and trainer."""
    with workbench_on(machine, tmp_path_factory.mktemp("facility"), ("scientist", "trainer")) as bench:
        yield bench


@contextmanager
def workbench_on(
    machine: StandIn, folder: Path, users: Iterable[str], changes: Mapping[str, str] | None = None
) -> Iterator[Workbench]:
    """A workbench on a stand-in machine, with a class of its GPUs; `changes` are made to the text of its settings."""
    settings = quick_settings(folder)
    text = settings.read_text()
    variables = "".join(f"      {name}: {value}\n" for name, value in machine.environment().items())
    text = text.replace("    title: {en: Standard, nl: Standaard}\n", "    variables:\n" + variables, 1)
    own_class = "gpu_classes:\n  h200: {title: {en: H200, nl: H200}, memory: 140GiB, model: NVIDIA H200}\n"
    text = text.replace("gpu_classes:                      # kinds of accelerator that a kernel can lease\n", own_class)
    text = text.replace("gpu_classes: [simulated]", "gpu_classes: [h200]")
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    settings.write_text(text)
    bench = Workbench(folder / "state", settings, environment=machine.environment())
    started = bench.up()
    assert started.returncode == 0, started.stdout + started.stderr
    for user in users:
        bench.browser(user).start_seat("medium")
    try:
        yield bench
    finally:
        bench.end()


_SEATS: dict[tuple[Path, str], dict[str, str]] = {}
"""Environments of seats, asked once: a kernel tells it, and these tests ask the broker often."""


def ask_broker(bench: Workbench, user: str, what: str) -> Any:
    """The broker's answer to the user's seat."""
    if (bench.state, user) not in _SEATS:
        _SEATS[bench.state, user] = seat_environment(user, bench)
    seat = _SEATS[bench.state, user]
    mine = {"Authorization": f"token {seat['JUPYTERHUB_API_TOKEN']}"}
    return httpx.get(f"{seat['WERKBANK_API']}/{what}", headers=mine, trust_env=False).raise_for_status().json()


def gpus(bench: Workbench, user: str) -> dict[str, object]:
    """What the broker says of the class."""
    return next(row for row in ask_broker(bench, user, "gpus") if row["name"] == "h200")  # type: ignore[no-any-return]


def lease(bench: Workbench, user: str = "scientist") -> dict[str, Any]:
    """The user's only lease, as the broker tells it."""
    found = ask_broker(bench, user, "leases")
    return next(lease for lease in found if lease["ended"] is None)  # type: ignore[no-any-return]


def test_the_broker_sees_the_device_of_the_driver(facility: Workbench) -> None:
    found = gpus(facility, "scientist")
    assert (found["total"], found["known"], found["simulated"]) == (1, True, False)


def test_memory_on_the_gpu_survives_that_somebody_else_had_it(facility: Workbench, machine: StandIn) -> None:
    first = Notebook(facility.browser("scientist"), GPU)
    assert first.done(first.run(USE_THE_GPU)).split()[-2:] == ["True", machine.devices[0].uuid]
    second = Notebook(facility.browser("trainer"), GPU)
    # The first is parked, its memory copied to the host; the second computes on the same device.
    assert second.done(second.run(USE_THE_GPU), timeout=120).split()[-2:] == ["True", machine.devices[0].uuid]
    back = first.run("print(now() == before)")
    assert "True" in first.done(back, timeout=120)
    assert "True" in second.done(second.run("print(now() == before)"), timeout=120)
    second.close()
    first.close()
    eventually(lambda: gpus(facility, "scientist")["free"] == 1, what="the device is seen clean and free")


def test_a_driver_that_cannot_park_makes_the_second_wait_with_the_reason(facility: Workbench, machine: StandIn) -> None:
    first = Notebook(facility.browser("scientist"), GPU)
    first.done(first.run(USE_THE_GPU))
    machine.fail_next("checkpoint", 801, times=1)
    second = Notebook(facility.browser("trainer"), GPU)
    waiting = second.run("print('here')")
    second.shows(waiting, "1 of 1")
    eventually(lambda: lease(facility)["unparkable"], what="the first kernel is known not to be parkable")
    assert lease(facility)["state"] == "active"
    assert "True" in first.done(first.run("print(now() == before)"))
    assert waiting.reply is None
    first.close()
    assert "here" in second.done(waiting, timeout=120)
    second.close()


def test_a_gpu_on_which_parking_fails_is_known_before_anybody_waits_for_it(
    facility: Workbench, machine: StandIn
) -> None:
    eventually(lambda: gpus(facility, "scientist")["free"] == 1, what="the device is free")
    machine.fail_next("checkpoint", 304)
    notebook = Notebook(facility.browser("scientist"), GPU)
    assert "True" in notebook.done(notebook.run(USE_THE_GPU))
    eventually(lambda: lease(facility)["unparkable"], what="the kernel is known not to be parkable")
    assert lease(facility)["unparkable"]["code"] == "canary-failed"
    assert "cannot be parked" in notebook.done(notebook.run("%werkbank"))
    notebook.close()
