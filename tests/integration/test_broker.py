"""The broker on real databases: killed at every write, started twice, read without hardware."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, create_engine, func, inspect, select
from sqlalchemy.exc import IntegrityError

from hub.clock import Clock
from hub.errors import BrokerBusy, BrokerReplaced, DoubleGrant, LeaseRefused
from hub.leases import tables
from hub.leases.broker import Broker
from hub.leases.events import (
    Action,
    Bound,
    Died,
    Heard,
    Intent,
    Kept,
    Released,
    Reported,
    Requested,
    Result,
    SaveDevice,
    SaveLease,
    SaveUse,
    Transition,
)
from hub.leases.fairshare import Use
from hub.leases.invariants import violations
from hub.leases.model import Device, DeviceState, LeaseState, Rules
from hub.leases.store import Store
from hub.leases.watch import Watch, start_time
from hub.settings import Leases
from tests.support.databases import emptied
from tests.support.leases import MoodyInventory, activate, lease
from tests.support.workbench import ROOT


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/leases.sqlite"
    return emptied(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = Store(url)
    yield made
    made.close()


def broker_on(store: Store, inventory: MoodyInventory | None = None, rules: Rules | None = None) -> Broker:
    return Broker(rules or Rules(), store, inventory or MoodyInventory(), Clock().now)


async def eventually(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within a minute: {what}")


# --- surviving --------------------------------------------------------------------------------------


def play(url: str, when: str, number: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.support.broker_process", url, when, str(number)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def writes_of_an_afternoon(tmp_path: Path) -> int:
    """How many writes the whole afternoon takes: killed after a write that never comes, it ends by itself."""
    url = f"sqlite:///{tmp_path}/whole.sqlite"
    done = play(url, "after", 10**6)
    assert done.returncode == 0, done.stderr
    engine = create_engine(url)
    with engine.connect() as connection:
        edges = connection.execute(select(func.count()).select_from(tables.transitions)).scalar_one()
    engine.dispose()
    assert edges > 15, "the afternoon parks and resumes"
    return int(edges)


@pytest.mark.timeout(600)
def test_a_broker_killed_around_any_write_converges_and_grants_nothing_twice(tmp_path: Path) -> None:
    most = writes_of_an_afternoon(tmp_path)
    killed = 0
    for number in range(1, most + 1):
        for when in ("before", "after"):
            url = f"sqlite:///{tmp_path}/{when}-{number}.sqlite"
            first = play(url, when, number)
            if first.returncode == 0:
                continue  # the afternoon was over before that write
            killed += 1
            assert first.returncode == -9, first.stderr
            again = play(url, "never", 0)
            assert again.returncode == 0, f"{when} write {number}: {again.stderr[-2000:]}"
            assert json.loads(again.stdout) == {"violations": [], "live": [], "open_intents": 0}, (when, number)
            assert_never_two_holders(url)
    assert killed > 20


def assert_never_two_holders(url: str) -> None:
    """Holdings of a device follow each other and do not overlap."""
    engine = create_engine(url)
    table = tables.holdings
    with engine.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.device, table.c.held_from, table.c.id)).all()
    engine.dispose()
    for before, after in itertools.pairwise(rows):
        if before.device == after.device:
            assert before.held_to is not None
            assert before.held_to <= after.held_from


async def test_what_was_decided_is_there_after_a_restart(url: str) -> None:
    first = Store(url)
    async with broker_on(first).running() as broker:
        await broker.tell(Requested(lease("a", "ada")))
        held = await activate(broker, "a")
        await broker.tell(Heard("a", held.epoch, busy=True, wants=False, watched=True))
        before = broker.state
    first.close()
    second = Store(url)
    async with broker_on(second).running() as broker:
        after = broker.state
        assert after.leases["a"].devices == before.leases["a"].devices
        assert after.leases["a"].busy
        assert after.devices["GPU-0"].state is DeviceState.HELD
        assert violations(after) == []
    second.close()


async def test_an_outage_of_the_broker_gives_nothing_back(url: str) -> None:
    first = Store(url)
    async with broker_on(first).running() as broker:
        await broker.tell(Requested(lease("a", "ada")))
        await activate(broker, "a")
    first.close()
    two_hours_later = time.time() + 7200
    second = Store(url)
    async with Broker(Rules(), second, MoodyInventory(), lambda: two_hours_later).running() as broker:
        assert broker.state.leases["a"].state is LeaseState.ACTIVE
        assert not broker.state.leases["a"].silent
    second.close()


# --- one broker -----------------------------------------------------------------------------------------


async def test_a_second_broker_refuses_while_the_first_lives(url: str, store: Store) -> None:
    async with broker_on(store).running():
        other = Store(url)
        with pytest.raises(BrokerBusy):
            other.exclusive.acquire(timeout=0.5)
        other.close()
    store.close()
    third = Store(url)
    third.exclusive.acquire(timeout=0.5)
    third.close()


async def test_a_broker_that_was_replaced_can_write_nothing_more(url: str, store: Store) -> None:
    store.begin_term()
    store.exclusive.release()  # as when its connection to the database broke unnoticed
    newer = Store(url)
    newer.begin_term()
    with pytest.raises(BrokerReplaced):
        store.save([SaveLease(lease("late", "ada"))])
    assert newer.lease("late") is None
    newer.close()


def test_the_database_refuses_a_second_live_lease_on_a_device(store: Store) -> None:
    store.begin_term()
    held = Device("GPU-0", "big", state=DeviceState.HELD, lease="a", since=1.0)
    store.save([SaveLease(lease("a", "ada")), SaveDevice(held)])
    second = tables.holdings.insert().values(device="GPU-0", lease="b", epoch=1, held_from=2.0)
    with store._engine.connect() as connection, pytest.raises(IntegrityError, match=r"(?i)unique"):
        connection.execute(second)


def test_a_violated_constraint_is_a_double_grant_and_writes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin_term()
    held = Device("GPU-0", "big", state=DeviceState.HELD, lease="a", since=1.0)
    store.save([SaveLease(lease("a", "ada")), SaveDevice(held)])

    def blindly(connection: Any, now: Any, epochs: Any) -> None:
        connection.execute(tables.holdings.insert().values(device="GPU-0", lease="b", epoch=1, held_from=2.0))

    monkeypatch.setattr("hub.leases.store._save_holdings", blindly)
    with pytest.raises(DoubleGrant):
        store.save([SaveLease(lease("b", "bob"))])
    assert store.lease("b") is None


# --- forgetting -------------------------------------------------------------------------------------------


DAY = 86400.0


def count(url: str, table: Table) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return int(found)


def lived(id: str, ended_at: float, user: str = "ada") -> list[Action]:
    """What is written of a lease that was parked for a minute and ended then."""
    end, begin = ended_at, ended_at - 600
    held = Device("GPU-0", "big", state=DeviceState.HELD, lease=id, since=begin)
    over = replace(lease(id, user), state=LeaseState.RELEASED, since=end, held_seconds=480.0, busy_seconds=240.0)
    freed = replace(held, state=DeviceState.FREE, lease=None, since=end)
    return [
        Transition(id, None, LeaseState.QUEUED, "requested", begin),
        SaveLease(replace(over, state=LeaseState.ACTIVE, since=begin)),
        SaveDevice(held),
        Intent(id, 1, "park", "GPU-0", begin + 100),
        Result(id, 1, "done", "", 100, 0.1, begin + 120),
        Transition(id, LeaseState.PARKING, LeaseState.PARKED, "parked", begin + 120),
        Transition(id, LeaseState.PARKED, LeaseState.RESUMING, "wanted", begin + 180),
        Transition(id, LeaseState.ACTIVE, LeaseState.RELEASED, "user", end),
        SaveLease(over),
        SaveDevice(freed),
    ]


def write_lives(store: Store, *lives: list[Action]) -> None:
    """Each in its order: of one decision only the last word on a lease and a device is written."""
    for actions in lives:
        store.save(actions[:3])
        store.save(actions[3:])


def test_the_steps_of_leases_that_ended_long_ago_are_forgotten_and_younger_ones_kept(url: str, store: Store) -> None:
    store.begin_term()
    write_lives(store, lived("old", 10 * DAY), lived("young", 20 * DAY))
    assert store.prune(older_than=15 * DAY) is False
    assert (store.lease("old"), store.history("old")) == (None, [])
    young = store.lease("young")
    assert young
    assert young.state is LeaseState.RELEASED
    assert len(store.history("young")) == 4
    assert (count(url, tables.intents), count(url, tables.holdings)) == (1, 1)
    assert store.open_intents() == []


def test_what_was_used_is_kept_when_the_steps_are_forgotten(url: str, store: Store) -> None:
    store.begin_term()
    write_lives(store, lived("old", 10 * DAY))
    account = Use(level=3.5, week=1, week_seconds=480.0)
    store.save([SaveUse("user", "ada", account), SaveUse("programme", "ained", account)])
    store.prune(older_than=15 * DAY)
    engine = create_engine(url)
    with engine.connect() as connection:
        row = connection.execute(select(tables.leases)).one()
    engine.dispose()
    kept = (row.id, row.user, row.gpu_class, row.state, row.ended_at, row.held_seconds, row.busy_seconds)
    assert kept == ("old", "ada", "big", "released", 10 * DAY, 480.0, 240.0)
    assert store.load(Rules(), 16 * DAY).use[("user", "ada")] == account
    assert store.load(Rules(), 16 * DAY).use[("programme", "ained")] == account


async def test_a_live_lease_keeps_its_steps_however_old_they_are(store: Store) -> None:
    async with broker_on(store).running() as broker:
        await broker.tell(Requested(lease("a", "ada")))
        await activate(broker, "a")
        before = store.history("a")
        assert len(before) >= 3
        years_later = time.time() + 1000 * DAY
        assert await asyncio.to_thread(store.prune, years_later) is False
        assert store.history("a") == before
        held = broker.state.leases["a"]
        await broker.tell(Heard("a", held.epoch, busy=True, wants=False, watched=True))
        after = store.load(Rules(), time.time())
        assert after.leases["a"].devices == held.devices
        assert {after.devices[uuid].lease for uuid in held.devices} == {"a"}


def test_much_is_forgotten_a_little_at_a_time_and_in_the_end_wholly(url: str, store: Store) -> None:
    store.begin_term()
    write_lives(store, *(lived(f"l{number}", (number + 1) * 1000.0) for number in range(7)))
    rounds = 1
    while store.prune(older_than=5500.0, most=2):
        rounds += 1
    assert rounds == 3
    assert [bool(store.lease(f"l{number}")) for number in range(7)] == [False] * 5 + [True] * 2
    assert count(url, tables.transitions) == 8
    assert count(url, tables.intents) == count(url, tables.holdings) == 2


def test_forgetting_again_changes_nothing(url: str, store: Store) -> None:
    store.begin_term()
    write_lives(store, lived("old", 10 * DAY))
    store.prune(older_than=15 * DAY)
    rows = count(url, tables.leases)
    assert store.prune(older_than=15 * DAY) is False
    assert count(url, tables.leases) == rows == 1


def test_a_broker_that_was_replaced_forgets_nothing(url: str, store: Store) -> None:
    store.begin_term()
    write_lives(store, lived("old", 10 * DAY))
    store.exclusive.release()
    newer = Store(url)
    newer.begin_term()
    with pytest.raises(BrokerReplaced):
        store.prune(older_than=15 * DAY)
    assert newer.lease("old")
    newer.close()


async def test_decisions_go_on_while_much_is_forgotten(url: str, store: Store) -> None:
    store.begin_term()
    write_lives(store, *(lived(f"l{number}", (number + 1) * 1000.0) for number in range(200)))
    store.exclusive.release()
    async with broker_on(store).running() as broker:
        forgotten = asyncio.create_task(asyncio.to_thread(_forget_all, store))
        for number in range(20):
            await broker.tell(Requested(lease(f"new{number}", f"user{number}")))
        await forgotten
        assert all(store.lease(f"new{number}") for number in range(20))
        assert store.lease("l0") is None


def _forget_all(store: Store) -> None:
    while store.prune(older_than=10**9, most=5):
        pass


def test_what_ended_of_late_is_read_with_the_time_it_was_parked(store: Store) -> None:
    store.begin_term()
    write_lives(store, lived("old", 10 * DAY), *(lived(f"l{number}", 20 * DAY + number) for number in range(3)))
    write_lives(store, lived("bobs", 20 * DAY, "bob"))
    store.save([SaveLease(lease("live", "ada"))])
    found = store.recently_ended("ada", since=19 * DAY, most=2)
    assert [(over.id, parked) for over, parked in found] == [("l2", 60.0), ("l1", 60.0)]
    assert [over.id for over, _parked in store.recently_ended("bob", since=0.0, most=9)] == ["bobs"]
    store.prune(older_than=30 * DAY)
    assert store.recently_ended("ada", since=0.0, most=9) == []


def test_a_database_of_an_earlier_version_gets_the_index_it_lacks(url: str) -> None:
    engine = create_engine(url)
    tables.metadata.create_all(engine)
    (index,) = (index for index in tables.leases.indexes if index.name == "ended_leases_of_user")
    index.drop(engine)
    Store(url).close()
    assert index.name in {found["name"] for found in inspect(engine).get_indexes("leases")}
    engine.dispose()


# --- lies -------------------------------------------------------------------------------------------------


LIES = [
    ("an old epoch takes an offer", lambda id, epoch: Bound(id, epoch - 1, 5, "5"), "stale-epoch"),
    ("a future epoch takes an offer", lambda id, epoch: Bound(id, epoch + 1, 5, "5"), "stale-epoch"),
    ("a report nobody asked for", lambda id, epoch: Reported(id, epoch, "park", "done"), "wrong-state"),
    ("a heartbeat from the future", lambda id, epoch: Heard(id, epoch + 7, True, False, False), "stale-epoch"),
    ("keeping what is only offered", lambda id, epoch: Kept(id), "wrong-state"),
    ("a lease that never was", lambda id, epoch: Bound("nobody", epoch, 5, "5"), "lease-ended"),
]


@pytest.mark.parametrize(("what", "lie", "code"), LIES, ids=[what for what, _lie, _code in LIES])
async def test_a_seat_that_lies_is_refused_and_changes_nothing(
    what: str, lie: Callable[[str, int], Any], code: str, tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{tmp_path}/leases.sqlite")
    async with broker_on(store).running() as broker:
        await broker.tell(Requested(lease("a", "ada")))
        await eventually(lambda: broker.state.leases["a"].state is LeaseState.OFFERED, "offered")
        before = broker.state
        with pytest.raises(LeaseRefused) as refused:
            await broker.tell(lie("a", before.leases["a"].epoch))
        assert refused.value.code == code
        assert broker.state.leases["a"] == before.leases["a"]
    store.close()


async def test_a_repeated_request_is_the_same_lease(store: Store) -> None:
    async with broker_on(store).running() as broker:
        await asyncio.gather(*(broker.tell(Requested(lease("a", "ada"))) for _again in range(5)))
        assert len(broker.state.leases) == 1
        assert [edge.after for edge in store.history("a")].count("queued") == 1


# --- devices ------------------------------------------------------------------------------------------------


async def test_a_device_is_not_given_again_before_it_is_seen_clean(tmp_path: Path) -> None:
    store, inventory = Store(f"sqlite:///{tmp_path}/leases.sqlite"), MoodyInventory(count=1)
    async with broker_on(store, inventory).running() as broker:
        await broker.tell(Requested(lease("a", "ada")))
        await activate(broker, "a")
        await broker.tell(Requested(lease("b", "bob")))
        inventory.dirty.add("GPU-0")
        await broker.tell(Released("a", "user"))
        await eventually(lambda: not broker._looking, "somebody looked")
        assert broker.state.leases["b"].state is LeaseState.QUEUED
        inventory.dirty.clear()
        await eventually(lambda: broker.state.leases["b"].state is LeaseState.OFFERED, "b is next")
    store.close()


async def test_unreadable_devices_are_unknown_and_not_gone(tmp_path: Path) -> None:
    store, inventory = Store(f"sqlite:///{tmp_path}/leases.sqlite"), MoodyInventory(count=2)
    async with broker_on(store, inventory).running() as broker:
        assert len(broker.state.devices) == 2
        inventory.unreadable = True
        await broker.read_inventory()
        assert broker.unreadable == "the driver does not answer"
        assert all(device.visible for device in broker.state.devices.values())
        inventory.unreadable = False
        inventory.missing.add("GPU-1")
        await broker.read_inventory()
        assert broker.unreadable == ""
        assert not broker.state.devices["GPU-1"].visible
    store.close()


# --- silence --------------------------------------------------------------------------------------------------


def sleepers(count: int) -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen(["sleep", "600"]) for _number in range(count)]


def all_free(broker: Broker) -> bool:
    states = {device.state for device in broker.state.devices.values()}
    return not broker.state.leases and states == {DeviceState.FREE}


@pytest.mark.timeout(200)
async def test_a_thousand_kernels_that_die_without_a_word_leave_nothing_held(tmp_path: Path) -> None:
    """Their processes are real; nobody reports their end."""
    store, inventory = Store(f"sqlite:///{tmp_path}/leases.sqlite"), MoodyInventory(count=1000)
    kernels = await asyncio.to_thread(sleepers, 50)
    begun = {kernel.pid: start_time(kernel.pid) for kernel in kernels}
    pids = list(begun)
    try:
        async with broker_on(store, inventory).running() as broker, Watch(broker, Leases()).running():
            await eventually(lambda: all_free(broker), "every device has been seen clean")
            for number in range(1000):
                id, pid = f"l{number}", pids[number % len(pids)]
                await broker.tell(Requested(lease(id, f"user{number}")))
                await broker.tell(Bound(id, 1, pid, begun[pid]))
            assert all(x.state is LeaseState.ACTIVE for x in broker.state.leases.values())
            for kernel in kernels:
                kernel.kill()
                kernel.wait()
            killed = time.monotonic()
            await eventually(lambda: all_free(broker), "every lease has ended and every device is free")
            assert time.monotonic() - killed < 60
            assert violations(broker.state) == []
            ended = await asyncio.to_thread(store.lease, "l7")
            assert ended
            assert (ended.state, ended.ended) == (LeaseState.LOST, "process-gone")
    finally:
        for kernel in kernels:
            kernel.kill()
            kernel.wait()
    store.close()


async def test_a_pid_that_now_belongs_to_somebody_else_is_not_the_kernel(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/leases.sqlite")
    async with broker_on(store).running() as broker, Watch(broker, Leases()).running():
        await broker.tell(Requested(lease("a", "ada")))
        await eventually(lambda: broker.state.leases["a"].state is LeaseState.OFFERED, "offered")
        await broker.tell(Bound("a", 1, os.getpid(), "12345"))  # our pid, another start
        await eventually(lambda: "a" not in broker.state.leases, "the kernel is gone")
    store.close()


async def test_the_end_of_a_lease_that_has_ended_is_refused_and_harmless(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/leases.sqlite")
    async with broker_on(store).running() as broker:
        await broker.tell(Requested(lease("a", "ada")))
        await broker.tell(Released("a", "user"))
        with pytest.raises(LeaseRefused):
            await broker.tell(Died("a"))
        await eventually(lambda: broker.state.devices["GPU-0"].state is DeviceState.FREE, "the device is free")
    store.close()
