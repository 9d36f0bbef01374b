"""GPU leases of kernels in containers, with simulated devices."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hub.containers.names import container_name
from tests.support.notebook import Notebook
from tests.support.seat_containers import Service, settings_of
from tests.support.workbench import Visitor, Workbench, eventually

GPU = "python3-simulated"
CDI = Path("/var/run/cdi/werkbank-test.json")
NODE = {"hostPath": "/dev/full", "type": "c", "major": 1, "minor": 7}
DEVICE = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.getpid())"


@pytest.fixture
def visitor(docked: Workbench) -> Iterator[Visitor]:
    """Somebody with a seat that may lease."""
    found = docked.browser("scientist")
    found.start_seat("medium")
    yield found
    if found.hub_user()["servers"]:
        found.stop_seat()


def leased(docked: Workbench) -> list[tuple[int, str]]:
    """Process and user of each lease that holds a device, as the broker keeps it."""
    with sqlite3.connect(f"file:{docked.state}/leases.sqlite?mode=ro", uri=True) as database:
        held = "SELECT json_extract(record, '$.pid') AS pid, user FROM leases WHERE ended_at IS NULL AND pid > 0"
        return database.execute(held).fetchall()


def test_a_kernel_sees_the_device_that_it_leases_and_the_broker_knows_its_process(
    docked: Workbench, visitor: Visitor
) -> None:
    plain = Notebook(visitor, "python3")
    assert plain.done(plain.run("import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))")).strip() == "''"
    plain.close()
    notebook = Notebook(visitor, GPU)
    device, inner = notebook.done(notebook.run(DEVICE)).split()[-2:]
    assert device.startswith("SIMULATED-simulated-")
    ((pid, user),) = eventually(lambda: leased(docked), what="the lease is bound")
    assert user == "scientist"
    numbers = Path(f"/proc/{pid}/status").read_text().partition("NSpid:")[2].splitlines()[0].split()
    assert numbers == [str(pid), inner]
    assert "werkbank_kernels.kernel" in psutil.Process(pid).cmdline()
    notebook.close()
    eventually(lambda: leased(docked) == [], what="the device is given back")


def test_a_seat_that_is_killed_gives_its_device_back(docked: Workbench, service: Service, visitor: Visitor) -> None:
    notebook = Notebook(visitor, GPU)
    notebook.done(notebook.run(DEVICE))
    eventually(lambda: leased(docked), what="the lease is bound")
    service.engine.run("kill", container_name(docked.state, "scientist", ""))
    eventually(lambda: leased(docked) == [], 60, "the device is given back")


@pytest.fixture
def with_devices(service: Service, tmp_path: Path) -> Iterator[Workbench]:
    """A workbench whose class has a device that the engine knows; it knows one more, of nobody's."""
    CDI.parent.mkdir(parents=True, exist_ok=True)
    edits = [{"deviceNodes": [NODE | {"path": f"/dev/werkbank-gpu{n}"}]} for n in range(2)]
    devices = [{"name": str(n), "containerEdits": edit} for n, edit in enumerate(edits)]
    CDI.write_text(json.dumps({"cdiVersion": "0.5.0", "kind": "werkbank.test/gpu", "devices": devices}))
    text = settings_of(service, network="none", gpus="cdi")
    text = text.replace("    simulated: true ", "    cdi: [werkbank.test/gpu=0]\n    simulated: true ", 1)
    (tmp_path / "werkbank.yaml").write_text(text)
    bench = Workbench(tmp_path / "state", tmp_path / "werkbank.yaml")
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        yield bench
    finally:
        bench.end()
        service.clear_away(bench)
        CDI.unlink()


def test_a_seat_is_given_the_devices_of_its_profiles_classes_and_no_others(
    with_devices: Workbench, service: Service
) -> None:
    scientist = with_devices.browser("scientist")
    for profile, given in (("medium", ["/dev/werkbank-gpu0"]), ("small", [])):
        scientist.start_seat(profile)
        listed = service.inside(with_devices, "scientist", "sh", "-c", "ls -1 /dev/werkbank-gpu*").stdout.split()
        assert listed == given
        status = service.inside(with_devices, "scientist", "cat", "/proc/1/status").stdout
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        notebook = Notebook(scientist, "python3")
        assert (
            notebook.done(notebook.run("import os; print(os.environ['CUDA_VISIBLE_DEVICES'] == '')")).strip() == "True"
        )
        notebook.close()
        scientist.stop_seat()
