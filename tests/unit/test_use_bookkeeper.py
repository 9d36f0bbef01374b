"""The bookkeeper beside a desk: it reads counters when GPUs change hands, and survives what goes wrong."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from hub.accounting import tables
from hub.accounting.accounts import Accounts
from hub.accounting.bookkeeper import Bookkeeper
from hub.db import connect
from hub.leases.events import Released
from hub.leases.inventory import DeviceUse
from hub.leases.metrics import LeaseMetrics
from hub.leases.model import Device
from hub.runtime import Runtime
from hub.state import StateDirectory
from hub.web.hub_api import HubUnreachable, Person
from tests.support.desk import MakeWorld, World
from tests.support.workbench import ROOT


class HubThatDoesNotAnswer:
    async def active_people(self) -> list[Person]:
        raise HubUnreachable("nobody there")


@dataclass
class CountingDevices:
    """In place of an inventory: a counter that a test turns."""

    mj: int = 0

    def use(self, _device: Device) -> DeviceUse:
        return DeviceUse({}, 0, 0, None, self.mj)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/werkbank.sqlite")
    yield made
    made.dispose()


def books_of(world: World, engine: Engine, folder: Path) -> tuple[Bookkeeper, Accounts, CountingDevices]:
    runtime = Runtime(ROOT / "werkbank.yaml", StateDirectory.open(folder / "state"))
    devices = world.desk.broker.inventory = CountingDevices()  # type: ignore[assignment]
    accounts = Accounts(world.desk.settings, engine, world.desk)
    hub: Any = HubThatDoesNotAnswer()
    return Bookkeeper(runtime, engine, world.desk, hub, accounts.ledger), accounts, devices  # type: ignore[return-value]


def written(engine: Engine, column: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(column)).scalars())


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.01)


async def test_counters_are_read_when_a_gpu_changes_hands(
    make_world: MakeWorld, engine: Engine, tmp_path: Path
) -> None:
    world = make_world(count=1)
    world.desk.metrics = LeaseMetrics(registry := CollectorRegistry())
    books, _accounts, devices = books_of(world, engine, tmp_path)
    holder = tables.counters.c.lease
    async with books.running():
        await until(lambda: written(engine, holder) == [""])
        world.ask("one", "ada")
        world.take("one")
        await until(lambda: written(engine, holder) == ["one"])
        devices.mj = 7000
        world.tell(Released("one", "user"), after=20)
        await until(lambda: written(engine, holder) == [""])
        counted = "werkbank_gpu_energy_joules_total", {"gpu_class": "big"}
        await until(lambda: registry.get_sample_value(*counted) == 7)
    with engine.connect() as connection:
        rows = connection.execute(select(tables.energy).where(tables.energy.c.lease == "one")).all()
    assert [(row.mj, row.seconds) for row in rows] == [(7000, pytest.approx(20, abs=1))]


async def test_books_that_fail_are_tried_again_and_end_nothing(
    make_world: MakeWorld, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(count=1)
    books, accounts, _devices = books_of(world, engine, tmp_path)
    monkeypatch.setattr("hub.accounting.bookkeeper.COUNT_PERIOD", 0.01)
    tried = []

    def fails(_before: float) -> int:
        tried.append(True)
        raise RuntimeError("the books are in disorder")

    monkeypatch.setattr(accounts.ledger, "count_leases", fails)
    async with books.running():
        await until(lambda: len(tried) > 2)
    assert len(world.desk.broker.observers) == 1  # the desk's own
