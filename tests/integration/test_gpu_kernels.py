"""GPU-backed kernels on the whole workbench: real hub, broker, seats and kernels; simulated devices."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.notebook import Notebook
from tests.support.workbench import ROOT, Workbench, eventually, seat_process

QUICK = {
    "min_idle: 5m ": "min_idle: 2s ",
    "min_idle_crowded: 1m ": "min_idle_crowded: 2s ",
    "min_hold: 10m ": "min_hold: 1s ",
    "notice: 15s ": "notice: 1s ",
    "park_again_after: 15m ": "park_again_after: 1s ",
    "heartbeat_period: 10s ": "heartbeat_period: 2s ",
}
GPU = "python3-simulated"
DEVICE = "import os; os.environ['CUDA_VISIBLE_DEVICES']"


def quick_settings(folder: Path) -> Path:
    """The default settings with timers for people who cannot wait five minutes."""
    path = folder / "werkbank.yaml"
    path.write_text(quick((ROOT / "werkbank.yaml").read_text()))
    return path


def quick(settings: str) -> str:
    """Settings with those timers."""
    for slow, soon in QUICK.items():
        assert slow in settings
        settings = settings.replace(slow, soon)
    return settings


@pytest.fixture(scope="module")
def one_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with one simulated GPU, and a seat each for the scientist and the trainer."""
    folder = tmp_path_factory.mktemp("one-gpu")
    bench = Workbench(folder / "state", quick_settings(folder))
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    for user in ("scientist", "trainer"):
        bench.browser(user).start_seat("medium")
    yield bench
    bench.end()


@pytest.fixture
def notebooks(one_gpu: Workbench) -> Iterator[tuple[Notebook, Notebook]]:
    """A GPU kernel of the scientist, then one of the trainer, who waits."""
    first = Notebook(one_gpu.browser("scientist"), GPU)
    try:
        first.done(first.run("1"))
        second = Notebook(one_gpu.browser("trainer"), GPU)
        try:
            yield first, second
        finally:
            second.close()
    finally:
        first.close()


def test_two_people_share_one_gpu_and_nobody_loses_a_variable(notebooks: tuple[Notebook, Notebook]) -> None:
    first, second = notebooks
    working = first.run("import time\nx = 41\ntime.sleep(4)\nprint('computed')")
    waiting = second.run(DEVICE)
    text = second.shows(waiting, "1 of 1")
    assert "Simulated GPU" in text
    assert "No GPU of this class is free" in text
    first.done(working)
    # The first idles, is parked, and the second has the device: nobody did anything.
    assert "SIMULATED-simulated-0" in second.done(waiting)
    back = first.run("x + 1")
    assert "42" in first.done(back)


def test_the_gpu_is_simulated_and_says_so(notebooks: tuple[Notebook, Notebook]) -> None:
    first, _second = notebooks
    assert "simulated" in first.done(first.run("%werkbank")).casefold()


def test_a_waiting_cell_can_be_interrupted_and_the_kernel_lives_on(notebooks: tuple[Notebook, Notebook]) -> None:
    first, second = notebooks
    working = first.run("import time\ntime.sleep(6)")
    waiting = second.run("print('never')")
    second.shows(waiting, "1 of 1")
    second.interrupt()
    assert "KeyboardInterrupt" in second.done(waiting)
    assert "never" not in waiting.text
    first.done(working)
    assert "again" in second.done(second.run("print('again')"))


def test_a_kernel_that_dies_gives_its_gpu_to_the_next(notebooks: tuple[Notebook, Notebook]) -> None:
    first, second = notebooks
    pid = int(first.done(first.run("import os; os.getpid()")))
    working = first.run("import time; time.sleep(60)")
    waiting = second.run(DEVICE)
    second.shows(waiting, "1 of 1")
    os.kill(pid, signal.SIGKILL)
    assert "SIMULATED" in second.done(waiting)
    assert working.reply is None or working.reply["status"] != "ok"


def test_a_restart_keeps_the_gpu(notebooks: tuple[Notebook, Notebook]) -> None:
    first, second = notebooks
    first.run("import time; time.sleep(60)")
    waiting = second.run(DEVICE)
    second.shows(waiting, "1 of 1")
    first.restart()
    assert "SIMULATED" in first.done(first.run(DEVICE))
    assert waiting.reply is None


def test_a_kernel_without_a_lease_sees_no_gpu(one_gpu: Workbench) -> None:
    plain = Notebook(one_gpu.browser("scientist"), "python3")
    assert plain.done(plain.run(DEVICE)) == "''"
    plain.close()


def test_a_seat_that_is_killed_gives_its_gpu_back_within_a_minute(one_gpu: Workbench) -> None:
    doomed = Notebook(one_gpu.browser("scientist"), GPU)
    doomed.done(doomed.run("1"))
    doomed.run("import time; time.sleep(300)")
    second = Notebook(one_gpu.browser("trainer"), GPU)
    waiting = second.run(DEVICE)
    second.shows(waiting, "1 of 1")
    seat = seat_process("scientist", one_gpu)
    os.kill(seat.pid, signal.SIGKILL)
    assert "SIMULATED" in second.done(waiting, timeout=60)
    second.close()
    doomed.leave()
    visitor = one_gpu.browser("scientist")
    eventually(lambda: not psutil.pid_exists(seat.pid) or seat.status() == psutil.STATUS_ZOMBIE, what="it is gone")
    eventually(lambda: visitor.hub_user()["servers"] == {}, timeout=90, what="the hub noticed")
    visitor.start_seat("medium")
