"""The parking client over a stand-in machine, with what its tests ask again and again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from werkbank_kernels.parking.client import Kernel, ParkingClient

from tests.support.cuda.standin import StandIn
from tests.support.cuda.targets import Target

# Short, so that a device which never comes clear is noticed within a test.
OPTIONS = ["--clean-timeout", "0.5", "--budget", "0.5"]


def kernel(machine: StandIn, target: Target, **changes: Any) -> Kernel:
    """The lease of a target on the first device."""
    known: dict[str, Any] = {"lease": f"lease-{target.pid}", "epoch": 1, "devices": [machine.devices[0].uuid]}
    return Kernel(**known | {"pid": target.pid, "pid_started": target.started, "lock_timeout_s": 2.0} | changes)


def client_on(machine: StandIn, journal: Path, **options: Any) -> ParkingClient:
    return ParkingClient(journal, OPTIONS, environment=machine.environment(), **options)


@pytest.fixture
async def client(machine: StandIn, tmp_path: Path) -> AsyncIterator[ParkingClient]:
    """A client with a journal of its own; its actuator ends with the test."""
    made = client_on(machine, tmp_path / "journal")
    yield made
    await made.close()
