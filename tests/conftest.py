"""Fixtures that start the real thing."""

from collections.abc import Iterator
from pathlib import Path

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
    *("test_bench", "test_bench_lab", "test_confinement", "test_isolation", "test_neighbours", "test_system_accounts"),
    *("test_services_of_systemd", "test_up", "test_zygote_attacks", "test_zygote_users"),
}
"""Files of tests that would meet each other on one machine; they take turns."""


TOGETHER = ("test_slurm_",)
"""Beginnings of the names of files that share something large: they stay with one worker."""


INDEPENDENT = {"test_lessons_run"}
"""Files whose tests share nothing and take long: whichever worker is free takes the next."""


class OfAFileTogether(LoadFileScheduling):
    """Tests of a file share what they start, so they stay with one worker; those of MACHINE_WIDE too, all of them."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::")[0]).stem
        if file in INDEPENDENT:
            return nodeid
        if file in MACHINE_WIDE:
            return "machine"
        return next((beginning for beginning in TOGETHER if file.startswith(beginning)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return OfAFileTogether(config, log)
