"""Parked kernels come back on another device of the same kind, through the real bindings, on stand-in devices."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkbank_kernels import acts
from werkbank_kernels.gate import OPEN, SHUT, WAITING
from werkbank_kernels.lease import Lease
from werkbank_kernels.parker import Parker
from werkbank_kernels.parking.answers import Answer
from werkbank_kernels.parking.client import Kernel, ParkingClient

from tests.support.cuda import GIB, MIB, StandIn, Target, devices, fixtures, parking
from tests.support.cuda.parking import client_on, kernel
from tests.support.workbench import eventually

# pytest finds fixtures by their name in the module.
libraries, client = fixtures.libraries, parking.client

LONG_MS = 20_000

NVML = """
import json
from werkbank_kernels.parking.facts import read_devices
print(json.dumps([[device.used, sorted(device.processes)] for device in read_devices()]))
"""

CONTROLLER = """
import json, sys
from werkbank_kernels.parking.driver import CudaDriver, DriverFailed
driver = CudaDriver()
for line in sys.stdin:
    op, *arguments = json.loads(line)
    try:
        answer = [0, getattr(driver, op)(*arguments)]
    except DriverFailed as failure:
        answer = [failure.code]
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def machine(libraries: Path, tmp_path: Path) -> StandIn:
    """Three devices of one kind."""
    return StandIn(libraries, tmp_path / "machine", devices(3))


def on(machine: StandIn, target: Target, *indices: int, **changes: Any) -> Kernel:
    """The lease of a target on these devices, at a site that has migration switched on."""
    uuids = [machine.devices[index].uuid for index in indices]
    return kernel(machine, target, **{"devices": uuids, "migration": True} | changes)


def verdict(answer: Answer) -> tuple[str, str]:
    return answer.outcome, answer.reason


def seen_by_nvml(machine: StandIn) -> list[tuple[int, list[int]]]:
    """Bytes in use on each device, and by which processes."""
    environment = {**os.environ, **machine.environment()}
    run = subprocess.run([sys.executable, "-c", NVML], env=environment, stdout=subprocess.PIPE, check=True)
    return [(used, pids) for used, pids in json.loads(run.stdout)]


def journal(folder: Path) -> dict[str, Any]:
    """The only entry, {} before there is one."""
    entries = [json.loads(path.read_text()) for path in folder.glob("journal/*/*.json")]
    return entries[0] if entries else {}


def write_journal(folder: Path, entry: dict[str, Any]) -> None:
    [path] = folder.glob("journal/*/*.json")
    path.write_text(json.dumps(entry))


def lose_journal(folder: Path) -> None:
    for path in folder.glob("journal/*/*.json"):
        path.write_text("gone")


async def until(condition: Callable[[], Any]) -> None:
    await asyncio.to_thread(eventually, condition, 20)


# ---- Moving ----


async def test_a_parked_kernel_comes_back_on_another_device_with_its_memory(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory(mib=100) as target:
        before = target.ask("sum")
        assert seen_by_nvml(machine) == [(164 * MIB, [target.pid]), (0, []), (0, [])]
        await client.park(on(machine, target, 0))
        resumed = await client.resume(on(machine, target, 2, epoch=2))
        assert (verdict(resumed), resumed.bytes) == (("done", ""), 164 * MIB)
        first, last = machine.devices[0].uuid, machine.devices[2].uuid
        assert resumed.details == {"moved": {first: last, last: first}}
        assert seen_by_nvml(machine) == [(0, []), (0, []), (164 * MIB, [target.pid])]
        assert target.ask("sum") == before
        assert target.ask("uuid", device=0) == last.removeprefix("GPU-").replace("-", "")
        assert (journal(tmp_path)["devices"], journal(tmp_path)["moves"]) == ({last: 164 * MIB}, {})


async def test_a_kernel_goes_back_and_forth_and_stays_whole(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory(mib=20) as target:
        before, at, epoch = target.ask("sum"), 0, 0
        for goal in (1, 0, 1, 0, 2, 1, 1):
            epoch += 2
            assert verdict(await client.park(on(machine, target, at, epoch=epoch))) == ("done", "")
            assert verdict(await client.resume(on(machine, target, goal, epoch=epoch + 1))) == ("done", "")
            assert [pids for _, pids in seen_by_nvml(machine)] == [[target.pid] * (n == goal) for n in range(3)]
            assert target.ask("sum") == before
            target.ask("alloc", mib=1)
            before, at = target.ask("sum"), goal
        assert len([call for call in machine.calls() if call.op == "restore" and call.target == target.pid]) == 7


async def test_two_parked_kernels_come_back_each_in_the_others_place(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory(device=0) as first, Target(machine).with_memory(device=1) as second:
        sums = [first.ask("sum"), second.ask("sum")]
        await client.park(on(machine, first, 0))
        await client.park(on(machine, second, 1))
        assert (await client.resume(on(machine, first, 1, epoch=2))).outcome == "done"
        assert (await client.resume(on(machine, second, 0, epoch=2))).outcome == "done"
        assert [pids for _, pids in seen_by_nvml(machine)] == [[second.pid], [first.pid], []]
        assert [first.ask("sum"), second.ask("sum")] == sums


async def test_what_a_lease_keeps_of_several_devices_stays_where_it_is(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory(mib=10, device=0).with_memory(mib=20, device=1) as target:
        before = target.ask("sum")
        await client.park(on(machine, target, 0, 1))
        assert verdict(await client.resume(on(machine, target, 2, epoch=2))) == ("refused", "other-device")
        assert (await client.resume(on(machine, target, 2, 1, epoch=3))).outcome == "done"
        assert seen_by_nvml(machine) == [(0, []), (84 * MIB, [target.pid]), (74 * MIB, [target.pid])]
        assert target.ask("sum") == before


async def test_the_same_device_is_in_place_and_takes_no_map(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    machine.table.driver = b"570.86.15"
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        assert verdict(await client.resume(on(machine, target, 0, epoch=2))) == ("done", "")
        assert journal(tmp_path)["moves"] == {}


# ---- What stands against it ----


async def test_a_site_that_did_not_ask_for_it_moves_nobody(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0, migration=False))
        elsewhere = on(machine, target, 1, epoch=2, migration=False)
        assert verdict(await client.resume(elsewhere)) == ("refused", "other-device")
        assert machine.acts_on(target.pid) == ["lock", "checkpoint"]
        assert (await client.resume(on(machine, target, 0, epoch=3, migration=False))).outcome == "done"


def old_driver(machine: StandIn) -> None:
    machine.table.driver = b"575.57.08"


def mig_here(machine: StandIn) -> None:
    machine.table.devices[0].mig = 1


def mig_there(machine: StandIn) -> None:
    machine.table.devices[1].mig = 1


def mps_there(machine: StandIn) -> None:
    machine.table.devices[1].mps_pid = 4242


def another_model(machine: StandIn) -> None:
    machine.table.devices[1].model = b"NVIDIA H100"


def another_size(machine: StandIn) -> None:
    machine.table.devices[1].memory = 141 * GIB


def a_device_more_than_the_driver_knows(machine: StandIn) -> None:
    row = machine.table.devices[3]
    row.uuid, row.model, row.memory = b"GPU-a0000000-0000-4000-8000-00000000000f", b"NVIDIA H200", 140 * GIB
    machine.table.device_count = 4


def a_lost_device(machine: StandIn) -> None:
    machine.table.devices[2].lost = 1


OBSTACLES = [
    (old_driver, ("refused", "driver-too-old")),
    (mig_here, ("refused", "mig")),
    (mig_there, ("refused", "mig")),
    (mps_there, ("refused", "mps")),
    (another_model, ("refused", "other-model")),
    (another_size, ("refused", "other-model")),
    (a_device_more_than_the_driver_knows, ("later", "devices-differ")),
    (a_lost_device, ("later", "unreadable")),
]


@pytest.mark.parametrize(("trouble", "expected"), OBSTACLES, ids=[row[0].__name__ for row in OBSTACLES])
async def test_who_cannot_move_stays_parked_and_can_come_back_in_place(
    machine: StandIn, client: ParkingClient, trouble: Callable[[StandIn], None], expected: tuple[str, str]
) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        await client.park(on(machine, target, 0))
        trouble(machine)
        assert verdict(await client.resume(on(machine, target, 1, epoch=2))) == expected
        assert machine.acts_on(target.pid) == ["lock", "checkpoint"]
        machine.table.devices[2].lost = 0
        assert (await client.resume(on(machine, target, 0, epoch=3))).outcome == "done"
        assert target.ask("sum") == before


WRONG = ["GPU-b0000000-0000-4000-8000-000000000000", "GPU-nothing", "GPU-a0000000", "SIMULATED-h200-1"]


@pytest.mark.parametrize("uuid", WRONG)
async def test_a_device_that_nvml_does_not_list_never_reaches_the_driver(
    machine: StandIn, client: ParkingClient, uuid: str
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        answer = await client.resume(on(machine, target, 1, epoch=2, devices=[uuid]))
        assert verdict(answer) == ("later", "device-not-listed")
        assert machine.acts_on(target.pid) == ["lock", "checkpoint"]
        assert (await client.resume(on(machine, target, 0, epoch=3))).outcome == "done"


async def test_a_mig_slice_is_no_place_to_move_to(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        slice_of = on(machine, target, epoch=2, devices=["MIG-a0000000-0000-4000-8000-000000000001"])
        assert verdict(await client.resume(slice_of)) == ("refused", "mig")


async def test_a_move_is_not_tried_without_room(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        machine.hold(1, 140 * GIB - 79 * MIB)
        assert verdict(await client.resume(on(machine, target, 1, epoch=2))) == ("later", "no-room")
        assert "restore" not in machine.acts_on(target.pid)
        machine.hold(1, 140 * GIB - 80 * MIB)
        assert (await client.resume(on(machine, target, 1, epoch=3))).outcome == "done"


async def test_a_full_device_that_is_left_is_no_obstacle(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        machine.hold(0, 140 * GIB)
        assert verdict(await client.resume(on(machine, target, 0, epoch=2))) == ("later", "no-room")
        assert (await client.resume(on(machine, target, 1, epoch=3))).outcome == "done"


async def test_a_kernel_of_which_nothing_is_known_is_moved_nowhere(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        await client.park(on(machine, target, 0))
        lose_journal(tmp_path)
        assert verdict(await client.resume(on(machine, target, 0))) == ("refused", "parked-on-unknown")
        # Who holds the whole machine holds the place that it came from.
        assert (await client.resume(on(machine, target, 0, 1, 2))).outcome == "done"
        assert target.ask("sum") == before


# ---- What the driver does to us ----


@pytest.mark.parametrize("code", [1, 2, 304])
async def test_a_failed_move_is_never_tried_again_anywhere(
    machine: StandIn, client: ParkingClient, tmp_path: Path, code: int
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        machine.fail_next("restore", code)
        assert verdict(await client.resume(on(machine, target, 1, epoch=2))) == ("broken", "restore-failed")
        await client.close()
        later = client_on(machine, tmp_path / "journal")
        for epoch, index in enumerate((1, 0, 2), start=3):
            answer = await later.resume(on(machine, target, index, epoch=epoch))
            assert verdict(answer) == ("broken", "restore-failed-before")
        await later.close()
        assert machine.acts_on(target.pid).count("restore") == 1


@pytest.fixture
def control(machine: StandIn) -> Iterator[Callable[..., list[Any]]]:
    """Our calls of the driver, in a process of their own: [0, value] or [error]."""
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **machine.environment()},
    )

    def ask(op: str, *arguments: Any) -> list[Any]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps([op, *arguments]).encode() + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask
    process.communicate()


def test_the_driver_shows_the_devices_that_nvml_lists(machine: StandIn, control: Callable[..., list[Any]]) -> None:
    assert control("devices") == [0, [device.uuid for device in machine.devices]]
    assert control("can_move") == [0, True]


STRANGER = 9
BAD_MAPS = [
    {0: 1, 1: 0},
    {0: 1},
    {0: 1, 1: 0, STRANGER: STRANGER},
    {0: STRANGER, 1: 1, 2: 2},
    {0: 1, 1: 1, 2: 2},
    {0: 1, 1: 2, 2: 1},
]


@pytest.mark.parametrize("moves", BAD_MAPS, ids=str)
def test_the_driver_takes_whole_permutations_only_and_survives_others(
    machine: StandIn, control: Callable[..., list[Any]], moves: dict[int, int]
) -> None:
    names = [device.uuid for device in devices(STRANGER + 1)]
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        assert [control("lock", target.pid, 2), control("checkpoint", target.pid)] == [[0, None]] * 2
        assert control("restore", target.pid, {names[old]: names[new] for old, new in moves.items()}) == [1]
        assert machine.state(target.pid) == "checkpointed"
        assert control("restore", target.pid) == [0, None]
        assert control("unlock", target.pid) == [0, None]
        assert target.ask("sum") == before


# ---- Who is killed meanwhile ----


MOMENTS = [
    ("restore", "before", "checkpointed"),
    ("restore", "after", "locked"),
    ("unlock", "before", "locked"),
    ("unlock", "after", "running"),
]


async def killed_in_move(
    machine: StandIn, client: ParkingClient, folder: Path, moving: Kernel, op: str, moment: str, seen: str
) -> "asyncio.Task[Answer]":
    """The move, going on in a client whose actuator was killed at that moment of it."""
    machine.delay(op, **{f"{moment}_ms": LONG_MS})
    going = asyncio.create_task(client.resume(moving))
    intent = ("resume", op, "intent")
    await until(
        lambda: (
            tuple(map(journal(folder).get, ("act", "step", "stage"))) == intent and machine.state(moving.pid) == seen
        )
    )
    assert client.pid
    os.kill(client.pid, signal.SIGKILL)
    machine.delay(op)
    return going


@pytest.mark.parametrize(("op", "moment", "seen"), MOMENTS)
async def test_a_move_whose_actuator_is_killed_ends_on_the_new_device(
    machine: StandIn, client: ParkingClient, tmp_path: Path, op: str, moment: str, seen: str
) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        await client.park(on(machine, target, 0))
        moving = on(machine, target, 1, epoch=2)
        answer = await (await killed_in_move(machine, client, tmp_path, moving, op, moment, seen))
        assert (answer.outcome, answer.bytes) == ("done", 80 * MIB)
        assert [pids for _, pids in seen_by_nvml(machine)] == [[], [target.pid], []]
        assert target.ask("sum") == before
        worked = [call for call in machine.calls() if (call.op, call.target, call.code) == ("restore", target.pid, 0)]
        # A caller that is killed before it answers has not logged its call.
        assert len(worked) == (0 if (op, moment) == ("restore", "after") else 1)
        assert journal(tmp_path)["devices"] == {machine.devices[1].uuid: 80 * MIB}
        assert verdict(await client.park(on(machine, target, 1, epoch=3))) == ("done", "")
        assert (await client.resume(on(machine, target, 0, epoch=4))).outcome == "done"
        assert target.ask("sum") == before


async def test_the_map_is_on_disk_before_the_driver_is_asked(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        moving = on(machine, target, 1, epoch=2)
        going = await killed_in_move(machine, client, tmp_path, moving, "restore", "before", "checkpointed")
        uuids = [device.uuid for device in machine.devices]
        entry = journal(tmp_path)
        assert entry["moves"] == {uuids[0]: uuids[1], uuids[1]: uuids[0], uuids[2]: uuids[2]}
        assert (list(entry["devices"]), entry["leased"]) == ([uuids[0]], [uuids[0]])
        assert (await going).outcome == "done"


async def test_a_move_killed_before_it_began_waits_for_room_on_the_new_device(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        machine.delay("restore", before_ms=LONG_MS)
        going = asyncio.create_task(client.resume(on(machine, target, 1, epoch=2)))
        await until(lambda: (journal(tmp_path).get("step"), journal(tmp_path).get("stage")) == ("restore", "intent"))
        machine.hold(1, 140 * GIB)
        machine.delay("restore")
        assert client.pid
        os.kill(client.pid, signal.SIGKILL)
        assert verdict(await going) == ("later", "no-room")
        assert (await client.resume(on(machine, target, 2, epoch=3))).outcome == "done"
        assert [pids for _, pids in seen_by_nvml(machine)] == [[], [], [target.pid]]


async def test_a_move_that_recovery_may_not_make_any_more_is_not_made(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        machine.delay("restore", before_ms=LONG_MS)
        going = asyncio.create_task(client.resume(on(machine, target, 1, epoch=2)))
        await until(lambda: (journal(tmp_path).get("step"), journal(tmp_path).get("stage")) == ("restore", "intent"))
        mig_there(machine)
        machine.delay("restore")
        assert client.pid
        os.kill(client.pid, signal.SIGKILL)
        assert verdict(await going) == ("refused", "mig")
        assert machine.acts_on(target.pid) == ["lock", "checkpoint"]
        assert (await client.resume(on(machine, target, 0, epoch=3))).outcome == "done"


async def test_a_move_that_fails_in_recovery_is_the_last(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        moving = on(machine, target, 1, epoch=2)
        machine.delay("restore", before_ms=LONG_MS)
        going = asyncio.create_task(client.resume(moving))
        await until(lambda: (journal(tmp_path).get("step"), journal(tmp_path).get("stage")) == ("restore", "intent"))
        machine.fail_next("restore", 304)
        machine.delay("restore")
        assert client.pid
        os.kill(client.pid, signal.SIGKILL)
        assert verdict(await going) == ("broken", "restore-failed")
        assert (await client.resume(on(machine, target, 0, epoch=3))).reason == "restore-failed-before"
        assert machine.acts_on(target.pid).count("restore") == 1


@pytest.fixture
async def earlier(machine: StandIn, tmp_path: Path) -> AsyncIterator[ParkingClient]:
    """The client of a seat that does not live to hear its answer."""
    made = client_on(machine, tmp_path / "journal")
    yield made
    await made.close()


async def abandoned(
    earlier: ParkingClient, machine: StandIn, folder: Path, target: Target, moment: str, seen: str
) -> None:
    """A move from the first device to the second whose seat died with its actuator."""
    await earlier.park(on(machine, target, 0))
    going = await killed_in_move(machine, earlier, folder, on(machine, target, 1, epoch=2), "restore", moment, seen)
    going.cancel()
    await earlier.close()


async def test_a_move_that_was_not_made_leaves_the_kernel_free_to_go_elsewhere(
    machine: StandIn, client: ParkingClient, earlier: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        await abandoned(earlier, machine, tmp_path, target, "before", "checkpointed")
        [recovered] = (await client.recover()).details["recovered"].values()
        assert recovered["outcome"] == "later"
        assert machine.state(target.pid) == "checkpointed"
        assert (await client.resume(on(machine, target, 2, epoch=3))).outcome == "done"
        assert [pids for _, pids in seen_by_nvml(machine)] == [[], [], [target.pid]]
        assert target.ask("sum") == before


@pytest.mark.parametrize(("ordered", "expected"), [(1, ("done", "already")), (0, ("broken", "other-device"))])
async def test_a_move_that_nobody_heard_of_is_found_where_it_ended(
    machine: StandIn,
    client: ParkingClient,
    earlier: ParkingClient,
    tmp_path: Path,
    ordered: int,
    expected: tuple[str, str],
) -> None:
    with Target(machine).with_memory() as target:
        await abandoned(earlier, machine, tmp_path, target, "after", "locked")
        assert verdict(await client.resume(on(machine, target, ordered, epoch=3))) == expected
        assert [pids for _, pids in seen_by_nvml(machine)] == [[], [target.pid], []]


@pytest.mark.parametrize("stage", ["intent", "result"])
async def test_a_disk_that_took_no_more_writes_does_not_hide_where_the_kernel_went(
    machine: StandIn, client: ParkingClient, tmp_path: Path, stage: str
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(on(machine, target, 0))
        machine.delay("restore", before_ms=300)
        going = asyncio.create_task(client.resume(on(machine, target, 1, epoch=2)))
        await until(lambda: (journal(tmp_path).get("step"), journal(tmp_path).get("stage")) == ("restore", "intent"))
        last_written = journal(tmp_path) | {"stage": stage}
        assert (await going).outcome == "done"
        write_journal(tmp_path, last_written)
        await client.recover()
        moved = stage == "intent"
        assert list(journal(tmp_path)["devices"]) == [machine.devices[int(moved)].uuid]
        assert verdict(await client.resume(on(machine, target, 1, epoch=3))) == ("done", "already")
        assert list(journal(tmp_path)["devices"]) == [machine.devices[1].uuid]


# ---- The seat ----


def lease_on(machine: StandIn, index: int, state: str = "active", epoch: int = 1, **parking: Any) -> Lease:
    uuid = machine.devices[index].uuid
    environment = {"CUDA_VISIBLE_DEVICES": uuid, "WERKBANK_LEASE": "l-1"}
    raw = {"id": "l-1", "state": state, "epoch": epoch, "since": float(epoch), "devices": [{"uuid": uuid}]}
    return Lease.from_json(raw | {"environment": environment, "parking": {"driver": "cuda", **parking}})


@pytest.fixture
async def seat(machine: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parker]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    made = Parker(logging.getLogger("test"))
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("manner", "outcome"),
    [
        ({}, "refused"),
        ({"migration": False}, "refused"),
        ({"migration": "yes"}, "refused"),
        ({"migration": True}, "done"),
    ],
)
async def test_the_seat_moves_a_kernel_only_when_its_lease_says_so(
    machine: StandIn, seat: Parker, manner: dict[str, Any], outcome: str
) -> None:
    with Target(machine).with_memory() as target:
        parked = await seat.park(lease_on(machine, 0, "parking", **manner), target.pid, [])
        assert parked["outcome"] == "done"
        resumed = await seat.resume(lease_on(machine, 1, "resuming", epoch=2, **manner), target.pid, [])
        assert resumed["outcome"] == outcome


async def test_a_driver_that_cannot_move_a_kernel_leaves_it_to_be_asked_again(machine: StandIn, seat: Parker) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        await seat.park(lease_on(machine, 0, "parking", migration=True), target.pid, [])
        machine.table.driver = b"575.57.08"
        elsewhere = await seat.resume(lease_on(machine, 1, "resuming", epoch=2, migration=True), target.pid, [])
        assert (elsewhere["outcome"], elsewhere["reason"]) == ("later", "driver-too-old")
        home = await seat.resume(lease_on(machine, 0, "resuming", epoch=3, migration=True), target.pid, [])
        assert home["outcome"] == "done"
        assert target.ask("sum") == before


async def test_a_moved_kernel_shows_its_children_the_new_device(machine: StandIn, client: ParkingClient) -> None:
    hexadecimal = [device.uuid.removeprefix("GPU-").replace("-", "") for device in machine.devices]
    with Target(machine) as target:
        assert target.ask("bind", lease=dict(lease_on(machine, 0).raw))
        target.with_memory()
        before = target.ask("sum")
        assert target.ask("child_sees") == [hexadecimal[0]]
        await client.park(on(machine, target, 0))
        await client.resume(on(machine, target, 1, epoch=2))
        # The process is where it was put; what it starts is not, until the gate has been told.
        assert target.ask("child_sees") == [hexadecimal[0]]
        assert target.ask("bind", lease=dict(lease_on(machine, 1, epoch=2).raw))
        assert target.ask("child_sees") == [hexadecimal[1]]
        assert target.ask("uuids") == [hexadecimal[1]]
        assert target.ask("sum") == before


async def test_a_process_with_cuda_that_was_never_bound_is_not_taken_for_a_moved_one(machine: StandIn) -> None:
    with Target(machine).with_memory() as target:
        assert not target.ask("bind", lease=dict(lease_on(machine, 1).raw))


def test_the_gate_opens_on_another_device_only_after_the_environment_was_changed(machine: StandIn) -> None:
    here = lease_on(machine, 0)
    seen = acts.Observed(
        connected=True, pid=7, bound=acts.wanted_binding(here, 7), told=(7, "l-1"), shut=True, has_device=True
    )
    there = lease_on(machine, 1, "resuming", epoch=2)
    assert (acts.next_act(there, seen), acts.position(there, seen)) == (acts.RESUME, SHUT)
    there = lease_on(machine, 1, epoch=3)
    assert acts.position(there, seen) == SHUT
    restored = replace(seen, shut=False)
    assert (acts.next_act(there, restored), acts.position(there, restored)) == (acts.BIND, WAITING)
    bound = replace(restored, bound=acts.wanted_binding(there, 7))
    assert (acts.next_act(there, bound), acts.position(there, bound)) == (acts.NOTHING, OPEN)
