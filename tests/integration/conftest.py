"""Seats that lease from one workbench with two simulated devices."""

from collections.abc import Iterator

import pytest

from hub.slurm.demo.cluster import Cluster
from tests.support import postgres
from tests.support.lease_seat import Seat, free_devices, seat_of
from tests.support.slurm import end_all_jobs, slurm_cluster
from tests.support.workbench import ROOT, Workbench, eventually


@pytest.fixture(scope="session")
def facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench for tests of workshops, with two simulated devices. They count its seats, and restart it."""
    bench = Workbench(tmp_path_factory.mktemp("facility") / "state", ROOT / "werkbank.yaml")
    started = bench.up("--simulate-gpus", "2")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server; the tests that need it say why they are skipped without one. What they find there is
    what others left: `emptied` makes it empty."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt install postgresql)")
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def slurm() -> Iterator[Cluster]:
    """A Slurm cluster of three nodes, left by each test as it was found."""
    with slurm_cluster() as made:
        yield made


@pytest.fixture
def quiet(slurm: Cluster) -> Iterator[Cluster]:
    """The cluster without jobs, before and after."""
    end_all_jobs(slurm)
    yield slurm
    end_all_jobs(slurm)


@pytest.fixture(scope="module")
def medium(workbench: Workbench) -> Iterator[Seat]:
    """A seat whose profile may lease simulated devices."""
    with seat_of(workbench, "scientist", "medium") as found:
        yield found


@pytest.fixture(scope="module")
def others(workbench: Workbench) -> Iterator[Seat]:
    """Somebody else's seat, of the same profile."""
    with seat_of(workbench, "trainer", "medium") as found:
        yield found


@pytest.fixture
def seat(medium: Seat) -> Iterator[Seat]:
    """The seat without leases, before and after; both devices can be had."""
    medium.give_all_back()
    eventually(lambda: free_devices(medium) == 2, what="both devices are free")
    yield medium
    medium.give_all_back()


@pytest.fixture
def other(others: Seat) -> Iterator[Seat]:
    others.give_all_back()
    yield others
    others.give_all_back()
