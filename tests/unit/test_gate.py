"""The gate of a leased kernel: closed means nobody inside, and whoever waits hears how it ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from werkbank_kernels import gate as gates
from werkbank_kernels.cuda import INITIALISED, UNINITIALISED, UNMAPPED, cuda_state, process_start
from werkbank_kernels.gate import OPEN, OVER, SHUT, WAITING, Gate
from werkbank_kernels.lease import Lease


def lease(state: str = "active", **more: object) -> Lease:
    raw = {"id": "l", "state": state, "epoch": 1, "since": 1.0, "devices": [], "environment": {}, "title": "H200"}
    return Lease.from_json(raw | more)


async def test_whoever_waits_is_admitted_in_order_when_the_gate_opens():
    gate, order = Gate(), []

    async def pass_as(name: str) -> None:
        assert (await gate.admit()).admitted
        order.append(name)

    waiting = [asyncio.create_task(pass_as(name)) for name in "abc"]
    await asyncio.sleep(0)
    assert gate.wants
    gate.tell(OPEN, lease(), False)
    await asyncio.gather(*waiting)
    assert order == ["a", "b", "c"]
    assert gate.running == 3
    assert not gate.wants


async def test_a_gate_with_somebody_inside_is_not_closed():
    gate = Gate()
    gate.tell(OPEN, lease(), False)
    assert gate.enter()
    assert not gate.close()
    gate.leave()
    assert gate.close()
    assert not gate.enter()


async def test_a_gate_is_not_closed_on_somebody_who_was_just_admitted():
    gate = Gate()
    waiting = asyncio.create_task(gate.admit())
    await asyncio.sleep(0)
    gate.tell(OPEN, lease(), False)  # admitted, but its task has not run yet
    assert not gate.close()
    assert (await waiting).admitted


async def test_a_gate_is_not_closed_while_a_message_is_handled():
    gate = Gate()
    gate.tell(OPEN, lease(), False)
    gate.handling = lambda: True
    assert not gate.close()


def test_closing_and_entering_from_many_threads_never_overlap(request):
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)
    gate = Gate()
    gate.tell(OPEN, lease(), False)
    inside, wrong, stop = [], [], threading.Event()

    def cells() -> None:
        while not stop.is_set():
            if gate.enter():
                inside.append(1)
                inside.pop()
                gate.leave()
            time.sleep(0.0001)

    threads = [threading.Thread(target=cells) for _ in range(3)]
    for thread in threads:
        thread.start()
    closed = refused = 0
    while closed < 300 or not refused:
        if not gate.close():
            refused += 1
        else:
            closed += 1
            if gate.running or inside:
                wrong.append(gate.running)
            gate.tell(OPEN, lease(), False)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


async def test_a_cancelled_waiter_that_was_admitted_leaves_again():
    gate = Gate()
    waiting = asyncio.create_task(gate.admit())
    await asyncio.sleep(0)
    gate.tell(OPEN, lease(), False)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert gate.running == 0


async def test_an_interrupt_ends_all_waits_and_withdraws_the_request():
    gate, commands = Gate(), []
    gate.command = commands.append
    waiting = [asyncio.create_task(gate.admit()) for _ in range(2)]
    await asyncio.sleep(0)
    assert gate.interrupt(lambda position: f"stopped while {position}")
    verdicts = await asyncio.gather(*waiting)
    assert [(v.admitted, v.interrupted, v.sentence) for v in verdicts] == [(False, True, "stopped while waiting")] * 2
    assert commands == ["cancel"]
    assert not gate.interrupt(lambda position: position)


async def test_an_interrupt_while_parked_withdraws_nothing():
    gate, commands = Gate(), []
    gate.command = commands.append
    gate.tell(SHUT, lease("parked"), False)
    waiting = asyncio.create_task(gate.admit())
    await asyncio.sleep(0)
    gate.interrupt(lambda position: position)
    assert (await waiting).interrupted
    assert commands == []


async def test_a_refusal_reaches_who_waits_and_nobody_else():
    gate = Gate()
    gate.refuse("no")
    waiting = asyncio.create_task(gate.admit())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.refuse("too many")
    assert (await waiting).sentence == "too many"


async def test_after_the_lease_is_over_nobody_waits():
    gate = Gate()
    gate.tell(OVER, lease("expired", ended={"code": "expired", "text": "Its time was over."}), False)
    verdict = await gate.admit()
    assert not verdict.admitted
    assert "Its time was over." in verdict.sentence


async def test_a_waiter_is_told_of_each_change_of_its_wait():
    gate, told = Gate(), []
    waiting = asyncio.create_task(gate.admit(lambda: told.append(gate.lease.raw["place"])))
    await asyncio.sleep(0)
    for place in (3, 2):
        gate.tell(WAITING, lease("queued", place=place), False)
        await asyncio.sleep(0)
    gate.tell(OPEN, lease(), False)
    await waiting
    assert told == [3, 2]


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.mark.usefixtures("clean_environment")
@pytest.mark.parametrize("state", [UNMAPPED, UNINITIALISED])
def test_binding_makes_the_device_visible(monkeypatch, state):
    monkeypatch.setattr(gates, "cuda_state", lambda: state)
    gate = Gate()
    assert gate.bind({"CUDA_VISIBLE_DEVICES": "GPU-1"}, lease())
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert gate.take_notes() == []


@pytest.mark.usefixtures("clean_environment")
def test_a_process_whose_cuda_found_no_device_takes_none_and_says_so_once(monkeypatch):
    monkeypatch.setattr(gates, "cuda_state", lambda: INITIALISED)
    gate = Gate()
    assert not gate.bind({"CUDA_VISIBLE_DEVICES": "GPU-1"}, lease())
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert gate.take_notes() == ["unbindable"]
    assert gate.take_notes() == []


@pytest.mark.usefixtures("clean_environment")
def test_a_running_cell_that_initialises_cuda_during_the_binding_is_noticed(monkeypatch):
    states = iter([UNINITIALISED, INITIALISED])
    monkeypatch.setattr(gates, "cuda_state", lambda: next(states))
    gate = Gate()
    gate.cpu = True
    assert not gate.bind({"CUDA_VISIBLE_DEVICES": "GPU-1"}, lease())
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.usefixtures("clean_environment")
def test_a_kernel_that_has_its_device_follows_it_to_another(monkeypatch):
    states = iter([UNINITIALISED])
    monkeypatch.setattr(gates, "cuda_state", lambda: next(states, INITIALISED))
    gate = Gate()
    assert gate.bind({"CUDA_VISIBLE_DEVICES": "GPU-1"}, lease())
    assert gate.bind({"CUDA_VISIBLE_DEVICES": "GPU-2"}, lease())
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-2"


def test_this_process_has_no_cuda_and_a_start_time():
    assert cuda_state() == UNMAPPED
    assert process_start(os.getpid()).isdigit()
    assert process_start(2**22 + 1) == ""


STAND_IN = """
static int ready;
int cuInit(unsigned flags) { ready = 1; return 0; }
int cuDeviceGetCount(int *count) { *count = 0; return ready ? 0 : 3; }
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_cuda_is_looked_at_without_starting_it(tmp_path: Path):
    """Against a stand-in for the driver's library, in a process of its own."""
    (tmp_path / "cuda.c").write_text(STAND_IN)
    library = tmp_path / "libcuda.so.1"
    build = ["gcc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(library), str(tmp_path / "cuda.c")]
    subprocess.run(build, check=True)
    look = (
        "import ctypes; from werkbank_kernels.cuda import cuda_state as s; a = s();"
        f"lib = ctypes.CDLL({str(library)!r}); b = s(); lib.cuInit(0); print(a, b, s())"
    )
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [UNMAPPED, UNINITIALISED, INITIALISED]
