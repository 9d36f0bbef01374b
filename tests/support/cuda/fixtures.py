"""Fixtures. A test module takes them by name: `libraries, machine = fixtures.libraries, fixtures.machine`."""

from pathlib import Path

import pytest

from tests.support.cuda.standin import StandIn, compile_libraries, devices


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both libraries, compiled once a session."""
    return compile_libraries(tmp_path_factory.mktemp("cuda-stand-in"))


@pytest.fixture
def machine(libraries: Path, tmp_path: Path) -> StandIn:
    """Two devices of 140 GiB."""
    return StandIn(libraries, tmp_path / "machine", devices(2))
