"""Enforced isolation: a seat opens a GPU only while its user leases it.

Hub, broker, seats, kernels, accounts and the machine's control groups are real; the devices are stand-ins
(tests/support/cuda), and the device file has no driver behind it: it says ENXIO to whoever may open it.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.cgroups.devices import device_groups
from hub.cgroups.nodes import GPU_MAJOR
from tests.integration.test_gpu_kernels import quick
from tests.support.accounts import skip_without_rights, workbench_of_accounts
from tests.support.cuda.standin import StandIn, compile_libraries, devices
from tests.support.notebook import Notebook
from tests.support.workbench import Workbench, eventually, run_werkbank, text_of

OPEN = """
def opens():
    import errno, os
    try:
        os.close(os.open({path!r}, os.O_RDWR))
    except OSError as error:
        return errno.errorcode[error.errno]
print(opens())
"""
OPEN_IN_A_WORKER = """
from dask_gateway import Gateway
with Gateway().new_cluster() as cluster, cluster.get_client() as client:
    cluster.scale(1)
    print("worker:", client.submit(opens).result())
"""


@pytest.fixture(scope="module")
def device_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of GPU 0, for everybody as the driver makes it."""
    skip_without_rights()
    if not device_groups()[1].enforced:
        pytest.skip(device_groups()[1].reason)
    path = Path("/dev", f"werkbank-test-{os.getpid()}-nvidia0")
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(GPU_MAJOR, 0))
    except PermissionError:
        pytest.skip("no right to make device files here")
    path.chmod(0o666)
    return path


@pytest.fixture(scope="module")
def walls(device_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with enforced isolation on a machine with one GPU, and a seat each for scientist and trainer."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler on this machine (apt install gcc)")
    folder = tmp_path_factory.mktemp("walls")
    for parent in [folder, folder.parent, folder.parent.parent]:
        parent.chmod(0o755)
    libraries = folder / "libraries"
    libraries.mkdir()
    machine = StandIn(compile_libraries(libraries), folder / "machine", devices(1))
    for name in ("lock", "calls.log"):
        (folder / "machine" / name).touch()  # else whoever comes first has it for himself
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777)

    def change(text: str) -> str:
        variables = "".join(f"      {name}: {value}\n" for name, value in machine.environment().items())
        own_class = "gpu_classes:\n  h200: {title: {en: H200, nl: H200}, memory: 140GiB, model: NVIDIA H200}\n"
        for old, new in {
            "    title: {en: Standard, nl: Standaard}\n": "    variables:\n" + variables,
            "gpu_classes:                      # kinds of accelerator that a kernel can lease\n": own_class,
            "gpu_classes: [simulated]": "gpu_classes: [h200]",
            "isolation: advisory": "isolation: enforced",
            "    writable: [] ": f"    writable: [{folder}] ",
        }.items():
            assert old in text
            text = text.replace(old, new, 1)
        return quick(text)

    try:
        with workbench_of_accounts(["scientist", "trainer"], change, machine.environment()) as bench:
            for user in ("scientist", "trainer"):
                bench.browser(user).start_seat("medium")
            yield bench
    finally:
        device_file.unlink()


def test_only_the_holder_of_the_lease_opens_the_device_and_parking_passes_it_on(
    walls: Workbench, device_file: Path
) -> None:
    code = OPEN.format(path=str(device_file))
    scientist, trainer = walls.browser("scientist"), walls.browser("trainer")
    plain = {visitor.user: Notebook(visitor, "python3") for visitor in (scientist, trainer)}
    for notebook in plain.values():
        assert notebook.done(notebook.run(code)).strip() == "EPERM"

    first = Notebook(scientist, "python3-h200")
    assert first.done(first.run(code)).split()[-1] == "ENXIO"
    other = plain["trainer"]
    assert other.done(other.run("print(opens())")).strip() == "EPERM"

    page = text_of(trainer.http.get("/services/werkbank/gpus").text)
    assert "Only who leases a GPU can open it; this machine enforces that." in page

    # The first idles and is parked: what it could open is closed to it before the second is told.
    second = Notebook(trainer, "python3-h200")
    assert second.done(second.run(code), timeout=120).split()[-1] == "ENXIO"
    mine = plain["scientist"]
    assert mine.done(mine.run("print(opens())")).strip() == "EPERM"

    # Back again for its next cell.
    assert first.done(first.run("print(opens())"), timeout=120).split()[-1] == "ENXIO"
    assert other.done(other.run("print(opens())")).strip() == "EPERM"
    first.close()
    second.close()

    def shut() -> bool:
        return mine.done(mine.run("print(opens())")).strip() == "EPERM"

    eventually(shut, what="a device given back is shut")
    assert "worker: EPERM" in mine.done(mine.run(OPEN_IN_A_WORKER), timeout=120)
    for notebook in plain.values():
        notebook.close()


def test_who_asks_for_walls_without_accounts_is_told_why_not(tmp_path: Path) -> None:
    settings = tmp_path / "werkbank.yaml"
    stock = Path("werkbank.yaml").read_text()
    settings.write_text(stock.replace("isolation: advisory", "isolation: enforced"))
    refused = run_werkbank("check", str(settings))
    assert refused.returncode == 2
    assert "leases.isolation" in refused.stdout + refused.stderr
    assert "system-accounts" in refused.stdout + refused.stderr
