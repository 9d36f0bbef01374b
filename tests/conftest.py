"""Fixtures that start the real thing."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.support.workbench import ROOT, Workbench


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One workbench with the default settings for all tests that leave it as they found it."""
    bench = Workbench(tmp_path_factory.mktemp("workbench"), ROOT / "werkbank.yaml")
    started = bench.up("--simulate-gpus", "2")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture
def own_workbench(tmp_path: Path) -> Iterator[Workbench]:
    """A workbench that a test may kill; not started yet."""
    bench = Workbench(tmp_path / "state", ROOT / "werkbank.yaml")
    yield bench
    bench.end()


MACHINE_WIDE = {
    # Accounts with the same numbers, groups of processes, and looks at all that runs here.
    *("test_confinement", "test_isolation", "test_neighbours", "test_system_accounts"),
    *("test_services_of_systemd", "test_up", "test_zygote_attacks", "test_zygote_users"),
}
"""Files of tests that would meet each other on one machine; they take turns."""


TOGETHER = ("test_bench", "test_container_", "test_slurm_")
"""Beginnings of the names of files that share something large, or count what each other leaves: one worker has them."""


INDEPENDENT = {"test_lessons_run"}
"""Files whose tests share nothing and take long: whichever worker is free takes the next."""


LONGEST = (
    "test_bench",
    "machine",
    "test_slurm_",
    "test_container_",
    "test_launcher",
    "test_broker",
    "test_warm_start",
    "test_idle_seats",
)
"""What is begun first, so that no worker is left alone with it at the end."""


def _together(file: str) -> str:
    """What a file of tests stays with one worker with."""
    if file in MACHINE_WIDE:
        return "machine"
    return next((beginning for beginning in TOGETHER if file.startswith(beginning)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, the others as they were."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(_together(item.path.stem), len(ranks)))


# How long an example takes says nothing on a machine that others share: it failed tests, and said nothing of the code.
hypothesis.settings.register_profile("werkbank", deadline=None)
hypothesis.settings.load_profile("werkbank")


def pytest_configure() -> None:
    """Workers take their ports each from a range of their own: two that look for a free one may find the same."""
    if (worker := os.environ.get("PYTEST_XDIST_WORKER", "")).startswith("gw"):
        begin = 15_000 + 2_000 * (int(worker.removeprefix("gw")) % 8)
        os.environ["WERKBANK_PORTS"] = f"{begin}-{begin + 1_999}"


class OfAFileTogether(LoadFileScheduling):
    """Tests of a file share what they start, so they stay with one worker; those of MACHINE_WIDE too, all of them."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::")[0]).stem
        return nodeid if file in INDEPENDENT else _together(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return OfAFileTogether(config, log)
