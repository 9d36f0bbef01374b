"""Fixtures that start the real thing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
