"""A workbench whose seats are containers, at a real engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Engine
from tests.support.images import built, engine
from tests.support.seat_containers import Service, settings_of
from tests.support.workbench import Workbench

__all__ = ["built", "engine"]


@pytest.fixture(scope="session")
def service(engine: Engine, built: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The engine's socket."""
    served = Service(engine, tmp_path_factory.mktemp("engine") / "engine.sock")
    served.start()
    yield served
    served.stop()


@contextmanager
def workbench_of(service: Service, folder: Path, *options: str, **site: str) -> Iterator[Workbench]:
    """A workbench at that engine; it leaves no container and no network there."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "werkbank.yaml"
    settings.write_text(settings_of(service, **site))
    bench = Workbench(folder / "state", settings)
    started = bench.up("--simulate-gpus", "2", *options)
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        yield bench
    finally:
        bench.end()
        assert service.containers(bench) == []
        service.clear_away(bench)


@pytest.fixture(scope="session")
def docked(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench that all tests share which leave it as they found it."""
    with workbench_of(service, tmp_path_factory.mktemp("docked")) as bench:
        yield bench


@pytest.fixture
def own_docked(service: Service, tmp_path: Path) -> Iterator[Workbench]:
    """A workbench that a test may kill, with a network for nobody."""
    with workbench_of(service, tmp_path, network="none") as bench:
        yield bench
