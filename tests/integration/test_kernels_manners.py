"""A leased kernel is a good IPython kernel: the common kernel tests pass, the magic answers, CUDA is respected."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.integration.test_kernels_support import as_seat, leased_kernel
from tests.support import python_kernel
from tests.support.broker import BrokerDouble


class TestLeasedKernelAsAnyOther(python_kernel.PythonKernelTests):
    """The suite of jupyter_kernel_test, through a blocking kernel manager."""

    kernel_name = "leased"

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        spec = Path(cls.folder.name) / "kernels" / "leased" / "kernel.json"
        spec.parent.mkdir(parents=True)
        config = {"gpu_class": "h200", "count": 1, "gated": True}
        description = {
            "argv": [sys.executable, "-m", "werkbank_kernels.kernel", "-f", "{connection_file}"],
            "display_name": "Leased",
            "language": "python",
            "metadata": {"kernel_provisioner": {"provisioner_name": "werkbank", "config": config}},
        }
        spec.write_text(json.dumps(description))
        cls.broker = BrokerDouble(devices=1)
        cls.broker.up()
        cls.seat = mock.patch.dict(os.environ, {**cls.broker.environment, "JUPYTER_PATH": cls.folder.name})
        cls.seat.start()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.seat.stop()
        cls.broker.wait_for_state("released")
        cls.broker.down()
        cls.folder.cleanup()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[BrokerDouble]:
    with BrokerDouble(devices=1) as double:
        as_seat(monkeypatch, double)
        yield double


@pytest.mark.parametrize(
    ("line", "language", "says"),
    [
        ("%werkbank", "en", "NVIDIA H200 (simulated), since"),
        ("%werkbank gpu", "nl", "NVIDIA H200 (gesimuleerd), sinds"),
        ("%werkbank queue", "en", "This kernel is in no queue."),
        ("%werkbank help", "nl", "de GPU teruggeven"),
        (
            "%werkbank hlep",
            "en",
            "%werkbank hlep does not exist. There is: gpu, queue, cpu, cancel, keep, release, help.",
        ),
        ("%werkbank keep", "en", "Asked to keep the GPU; 0 left."),
    ],
)
async def test_the_magic_says_what_the_kernel_leases(broker, monkeypatch, line, language, says):
    monkeypatch.setenv("WERKBANK_LANGUAGE", language)
    async with leased_kernel() as notebook:
        await notebook.value("1")  # the magic does not wait for the device as this does
        cell = await notebook.done(notebook.run(line))
        assert says in cell.printed()


async def test_keeping_once_too_often_is_said_in_the_next_cell(broker):
    async with leased_kernel() as notebook:
        await notebook.done(notebook.run("%werkbank keep"))
        broker.wait_for(lambda: broker.only()["keeps_left"] == 0)
        await notebook.done(notebook.run("%werkbank keep"))
        broker.wait_for(lambda: len(broker.bodies("keep")) == 2)
        for _ in range(50):
            cell = await notebook.done(notebook.run("pass"))
            if cell.texts():
                break
        assert cell.texts() == ["The GPU cannot be kept longer: You have kept it once already."]


async def test_released_by_magic_the_kernel_runs_on_without_a_gpu(broker):
    async with leased_kernel() as notebook:
        cell = await notebook.done(notebook.run("kept = 1\n%werkbank release"))
        assert "The GPU goes back now." in cell.printed()
        broker.wait_for_state("released")
        assert broker.bodies("release") == [{"reason": "user"}]
        assert await notebook.value("kept, __import__('os').environ['CUDA_VISIBLE_DEVICES']") == "1"
        said = await notebook.done(notebook.run("%werkbank"))
        assert "This kernel runs without a GPU." in said.printed()


async def test_in_an_ordinary_kernel_the_magic_says_what_to_choose(broker):
    async with leased_kernel("python3") as notebook:
        cell = await notebook.done(notebook.run("%load_ext werkbank_kernels\n%werkbank"))
        assert "This kernel leases no GPU." in cell.printed()
        assert broker.said == []


STAND_IN = """
static int ready;
int cuInit(unsigned flags) { ready = 1; return 0; }
int cuDeviceGetCount(int *count) { *count = 0; return ready ? 0 : 3; }
"""


@pytest.fixture
def libcuda(tmp_path: Path) -> Path:
    """A stand-in for the driver's library that knows whether it was initialised."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    source, library = tmp_path / "cuda.c", tmp_path / "libcuda.so.1"
    source.write_text(STAND_IN)
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(library), str(source)], check=True)
    return library


@pytest.mark.parametrize("initialised", [False, True])
async def test_a_device_joins_a_kernel_on_the_cpu_unless_cuda_has_already_looked(broker, libcuda, initialised):
    broker.devices = 0
    async with leased_kernel() as notebook:
        lease = broker.wait_for_state("queued")
        await notebook.manager.provisioner.act("cpu")
        code = f"import ctypes, os\ncuda = ctypes.CDLL({str(libcuda)!r})\n" + "cuda.cuInit(0)" * initialised
        await notebook.done(notebook.run(code))
        broker.become(lease["id"], "offered")
        broker.wait_for_state("released" if initialised else "active")
        cell = await notebook.done(notebook.run("print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"))
        if initialised:
            assert broker.bodies("release") == [{"reason": "unbindable"}]
            assert cell.printed() == "''\n"
            assert "Restart the kernel to ask again." in cell.texts()[0]
        else:
            assert cell.printed() == "'SIMULATED-0001'\n"
            assert "has joined this kernel" in cell.texts()[0]


async def test_a_used_device_is_not_given_back_by_magic(broker, libcuda):
    async with leased_kernel() as notebook:
        await notebook.done(notebook.run(f"import ctypes\nctypes.CDLL({str(libcuda)!r}).cuInit(0)"))
        cell = await notebook.done(notebook.run("%werkbank release"))
        assert "memory on it stays taken" in cell.printed()
        assert broker.bodies("release") == []


async def test_a_parked_kernel_whose_interpreter_is_held_asks_for_its_gpu(broker):
    """A thread blocked in CUDA may hold the interpreter; from outside that looks like a stopped process."""
    broker.resume_when_wanted = False
    async with leased_kernel() as notebook:
        await notebook.value("1")
        broker.wait_until_idle()
        hold = "import ctypes, threading; s = ctypes.PyDLL(None).sleep; threading.Timer(0.5, s, (8,)).start()"
        await notebook.done(notebook.run(hold))
        broker.wait_until_idle()
        broker.become(broker.only()["id"], "parked")
        broker.wait_for(lambda: broker.bodies("heartbeat")[-1]["wants"], "the watchdog noticed")
        broker.wait_for(lambda: not broker.bodies("heartbeat")[-1]["wants"], "and noticed that it is over")
        broker.become(broker.only()["id"], "active")
        assert await notebook.value("2") == "2"
