"""Real processes with device memory are parked and resumed through the real bindings, on stand-in devices."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from werkbank_kernels.parking.answers import Answer
from werkbank_kernels.parking.client import ParkingClient
from werkbank_kernels.parking.driver import OUT_OF_MEMORY

from tests.support.cuda import GIB, MIB, StandIn, StandInDevice, Target, fixtures, parking
from tests.support.cuda.parking import client_on, kernel
from tests.support.workbench import eventually

# pytest finds fixtures by their name in the module.
libraries, machine, client = fixtures.libraries, fixtures.machine, parking.client


def verdict(answer: Answer) -> tuple[str, str]:
    return answer.outcome, answer.reason


async def test_a_parked_kernel_leaves_its_device_and_comes_back_with_its_memory(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine).with_memory(mib=100) as target:
        before = target.ask("sum")
        parked = await client.park(kernel(machine, target))
        assert verdict(parked) == ("done", "")
        assert parked.bytes == 164 * MIB
        assert parked.mode == "device-memory"
        assert machine.state(target.pid) == "checkpointed"
        target.send("sum")
        assert not target.answers_within(0.2)
        resumed = await client.resume(kernel(machine, target, epoch=2))
        assert verdict(resumed) == ("done", "")
        assert target.receive() == before


async def test_two_kernels_that_do_not_fit_together_take_turns(machine: StandIn, client: ParkingClient) -> None:
    machine.hold(0, 139 * GIB)
    with Target(machine).with_memory(mib=600) as first, Target(machine) as second:
        sums = [first.ask("sum")]
        assert (await client.park(kernel(machine, first))).outcome == "done"
        second.with_memory(mib=600)
        sums.append(second.ask("sum"))
        assert verdict(await client.resume(kernel(machine, first, epoch=2))) == ("later", "no-room")
        assert (await client.park(kernel(machine, second))).outcome == "done"
        assert (await client.resume(kernel(machine, first, epoch=3))).outcome == "done"
        assert first.ask("sum") == sums[0]
        assert (await client.park(kernel(machine, first, epoch=4))).outcome == "done"
        assert (await client.resume(kernel(machine, second, epoch=4))).outcome == "done"
        assert second.ask("sum") == sums[1] != sums[0]


async def test_a_kernel_without_cuda_has_nothing_to_park_and_resuming_does_nothing(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine) as target:
        for answer in (await client.park(kernel(machine, target)), await client.resume(kernel(machine, target))):
            assert (answer.outcome, answer.bytes, answer.mode) == ("done", 0, "nothing-on-device")
        assert machine.acts_on(target.pid) == []


async def test_a_driver_that_calls_everybody_running_does_not_mislead(machine: StandIn, client: ParkingClient) -> None:
    machine.table.everybody_has_state = 1
    with Target(machine) as target:
        assert (await client.park(kernel(machine, target))).mode == "nothing-on-device"


async def test_a_kernel_that_only_looked_for_devices_is_parked_with_nothing(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine) as target, Target(machine) as other:
        target.ask("init")
        parked = await client.park(kernel(machine, target))
        assert (parked.outcome, parked.bytes) == ("done", 0)
        other.with_memory()
        assert (await client.resume(kernel(machine, target))).outcome == "done"
        assert machine.state(target.pid) == "running"


async def test_parking_twice_and_resuming_twice_is_once(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        assert verdict(await client.park(kernel(machine, target))) == ("done", "already")
        await client.resume(kernel(machine, target))
        assert verdict(await client.resume(kernel(machine, target))) == ("done", "already")
        assert machine.acts_on(target.pid) == ["lock", "checkpoint", "restore", "unlock"]


async def test_a_busy_kernel_is_not_parked_and_runs_on(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        machine.set_busy(target.pid)
        answer = await client.park(kernel(machine, target, lock_timeout_s=0.05))
        assert verdict(answer) == ("later", "busy")
        assert target.ask("sum")


async def test_a_simulated_device_takes_no_driver_call(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        simulated = kernel(machine, target, driver="simulated", devices=["SIMULATED-h200-1"])
        for answer in (await client.park(simulated), await client.resume(simulated)):
            assert (answer.outcome, answer.bytes, answer.mode) == ("done", 0, "simulated")
        assert machine.calls() == []


async def test_a_stale_epoch_is_refused_even_after_an_act_that_came_to_nothing(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine).with_memory() as target:
        assert verdict(await client.park(kernel(machine, target, epoch=5, modules=["cudf"]))) == ("refused", "uvm")
        assert verdict(await client.park(kernel(machine, target, epoch=4))) == ("refused", "stale-epoch")
        assert machine.acts_on(target.pid) == []


# ---- What stands against parking ----


async def test_a_child_with_cuda_is_a_reason_not_to_park(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        target.ask("fork")
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "process-group")
        assert machine.acts_on(target.pid) == []


async def test_somebody_else_on_the_device_is_a_reason_to_wait(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target, Target(machine).with_memory():
        assert verdict(await client.park(kernel(machine, target))) == ("later", "other-process-on-device")


async def test_a_kernel_on_a_device_it_does_not_lease_is_not_parked(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory(device=1) as target:
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "device-not-leased")


async def test_a_mig_device_is_not_parked(libraries: Path, tmp_path: Path) -> None:
    machine = StandIn(libraries, tmp_path / "mig", [StandInDevice(mig=True)])
    client = client_on(machine, tmp_path / "journal")
    with Target(machine).with_memory() as target:
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "mig")
        assert machine.acts_on(target.pid) == []
    await client.close()


async def test_a_device_that_knows_no_mig_can_be_parked(libraries: Path, tmp_path: Path) -> None:
    machine = StandIn(libraries, tmp_path / "l4", [StandInDevice(model="NVIDIA L4", memory=24 * GIB, mig=None)])
    client = client_on(machine, tmp_path / "journal")
    with Target(machine).with_memory() as target:
        assert (await client.park(kernel(machine, target))).outcome == "done"
    await client.close()


async def test_a_device_under_mps_is_not_parked(machine: StandIn, client: ParkingClient) -> None:
    machine.table.devices[0].mps_pid = 4242
    with Target(machine).with_memory() as target:
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "mps")


async def test_a_kernel_that_does_not_fit_the_host_waits(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory(mib=100) as target:
        tight = kernel(machine, target, host_budget=100 * MIB)
        assert verdict(await client.park(tight)) == ("later", "host-memory")
        reserved = kernel(machine, target, host_reserve=2**50)
        assert verdict(await client.park(reserved)) == ("later", "host-memory")
        assert machine.acts_on(target.pid) == []


async def test_an_old_driver_cannot_park(machine: StandIn, client: ParkingClient) -> None:
    machine.table.driver, machine.table.cuda_version = b"550.90.07", 12040
    with Target(machine).with_memory() as target:
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "driver-too-old")


async def test_a_driver_that_answers_not_supported_cannot_park(machine: StandIn, client: ParkingClient) -> None:
    machine.fail_next("restore-thread", 801)
    with Target(machine).with_memory() as target:
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "not-supported")


async def test_without_a_driver_nothing_can_be_parked(machine: StandIn, tmp_path: Path) -> None:
    client = ParkingClient(tmp_path / "journal")
    with Target(machine) as target:
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "no-driver")
    await client.close()


async def test_a_driver_that_does_not_start_is_no_driver(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        machine.fail_next("init", 999)
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "no-driver")
        assert (await client.park(kernel(machine, target))).outcome == "done"


UNREADABLE = ["nvml-init", "nvml-memory", "nvml-processes", "nvml-mig", "nvml-driver", "nvml-count", "nvml-handle"]


@pytest.mark.parametrize("op", UNREADABLE)
async def test_what_cannot_be_read_is_a_reason_to_wait(machine: StandIn, client: ParkingClient, op: str) -> None:
    with Target(machine).with_memory() as target:
        machine.fail_next(op, 999)
        assert verdict(await client.park(kernel(machine, target))) == ("later", "unreadable")
        assert machine.acts_on(target.pid) == []


async def test_a_lost_device_is_a_reason_to_wait(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        machine.table.devices[0].lost = 1
        assert verdict(await client.park(kernel(machine, target))) == ("later", "unreadable")


async def test_a_machine_that_hides_its_processes_is_not_trusted(machine: StandIn, client: ParkingClient) -> None:
    machine.table.hides_processes = 1
    with Target(machine).with_memory() as target:
        assert verdict(await client.park(kernel(machine, target))) == ("later", "process-not-listed")


async def test_where_nvml_tells_no_memory_all_that_is_used_counts(machine: StandIn, client: ParkingClient) -> None:
    machine.table.hides_memory = 1
    machine.hold(0, GIB)
    with Target(machine).with_memory() as target:
        parked = await client.park(kernel(machine, target, lock_timeout_s=1))
        # More was in use than the kernel gave back, so the device is not seen to be clear.
        assert verdict(parked) == ("later", "not-clean")
        assert machine.state(target.pid) == "running"


# ---- The canary ----


async def test_a_canary_goes_first_once_for_each_device(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        first = {call.target for call in machine.calls() if call.op == "lock"} - {target.pid}
        await client.resume(kernel(machine, target))
        await client.park(kernel(machine, target))
        assert {call.target for call in machine.calls() if call.op == "lock"} - {target.pid} == first
        assert len(first) == 1
        assert not machine.knows(first.pop())


async def test_a_canary_that_comes_back_changed_keeps_kernels_from_parking(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine).with_memory() as target:
        machine.corrupt_next_restore()
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "canary-failed")
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "canary-failed")
        assert machine.acts_on(target.pid) == []


@pytest.mark.parametrize("op", ["lock", "checkpoint", "restore", "unlock"])
async def test_a_canary_that_the_driver_fails_keeps_kernels_from_parking(
    machine: StandIn, client: ParkingClient, op: str
) -> None:
    with Target(machine).with_memory() as target:
        machine.fail_next(op, 999)
        assert verdict(await client.park(kernel(machine, target))) == ("refused", "canary-failed")
        assert machine.acts_on(target.pid) == []


async def test_no_room_for_a_canary_says_nothing_about_the_driver(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        target.ask("alloc", mib=100)
        machine.hold(0, 140 * GIB - 200 * MIB)
        assert verdict(await client.park(kernel(machine, target))) == ("later", "canary-no-room")
        machine.hold(0, 0)
        assert (await client.park(kernel(machine, target))).outcome == "done"


async def test_a_device_that_filled_up_under_the_canary_says_nothing_about_the_driver(
    machine: StandIn, client: ParkingClient
) -> None:
    machine.fail_next("restore", OUT_OF_MEMORY)
    uuid = machine.devices[0].uuid
    assert verdict(await client.capabilities([uuid])) == ("later", "canary-no-room")
    assert verdict(await client.capabilities([uuid])) == ("done", "")


@pytest.mark.parametrize(("release", "mig", "reason"), [(b"565.57.01", 0, "driver-too-old"), (b"580.95.05", 1, "mig")])
async def test_no_canary_is_sent_where_nobody_could_be_parked(
    machine: StandIn, client: ParkingClient, release: bytes, mig: int, reason: str
) -> None:
    machine.table.driver, machine.table.devices[0].mig = release, mig
    assert verdict(await client.capabilities([machine.devices[0].uuid])) == ("refused", reason)
    assert machine.calls() == []


async def test_a_canary_that_hangs_holds_neither_the_actuator_nor_its_device(
    machine: StandIn, client: ParkingClient
) -> None:
    machine.delay("alloc", before_ms=60_000)
    asked = asyncio.create_task(client.capabilities([machine.devices[0].uuid]))
    await asyncio.to_thread(eventually, lambda: machine.on_device(0))
    await client.close()
    assert verdict(await asked) == ("later", "stopping")
    assert not machine.on_device(0)


async def test_a_canary_that_is_killed_half_way_breaks_no_kernel(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        machine.delay("unlock", after_ms=1_000)
        asked = asyncio.create_task(client.park(kernel(machine, target)))

        def free_canary() -> list[int]:
            restored = {call.target for call in machine.calls() if call.op == "restore"}
            return [pid for pid in restored if machine.state(pid) == "running"]

        [canary] = await asyncio.to_thread(eventually, free_canary)
        os.kill(canary, signal.SIGKILL)
        assert verdict(await asked) == ("refused", "canary-failed")
        assert machine.acts_on(target.pid) == []


def test_a_canary_that_everybody_left_ends_itself(machine: StandIn) -> None:
    machine.delay("alloc", before_ms=60_000)
    command = [sys.executable, "-m", "werkbank_kernels.parking.canary_child", "2"]
    ended = subprocess.run(command, env={**os.environ, **machine.environment()}, stdin=subprocess.PIPE, check=False)
    assert ended.returncode == -signal.SIGALRM
    assert not machine.on_device(0)


async def test_capabilities_send_the_canary_while_the_device_is_free(machine: StandIn, client: ParkingClient) -> None:
    uuid = machine.devices[0].uuid
    assert (await client.capabilities([uuid])).outcome == "done"
    with Target(machine).with_memory() as target:
        target.ask("alloc", mib=1)
        machine.hold(0, 140 * GIB - 81 * MIB)
        assert (await client.park(kernel(machine, target))).outcome == "done"


# ---- What the driver does to us ----


async def a_canary_sang(machine: StandIn, client: ParkingClient) -> None:
    assert (await client.capabilities([machine.devices[0].uuid])).outcome == "done"


FAILED_PARKS = [
    ("lock", 999, None, ("later", "lock-failed"), "running"),
    ("lock", 401, None, ("later", "lock-failed"), "running"),
    ("lock", 999, "locked", ("later", "lock-failed"), "running"),
    ("lock", 999, "failed", ("broken", "lock-failed"), "failed"),
    ("checkpoint", 2, None, ("refused", "checkpoint-failed"), "running"),
    ("checkpoint", 801, "running", ("refused", "checkpoint-failed"), "running"),
    ("checkpoint", 304, "failed", ("broken", "checkpoint-failed"), "failed"),
    ("checkpoint", 304, "checkpointed", ("broken", "checkpoint-failed"), "checkpointed"),
]


@pytest.mark.parametrize(("op", "code", "then", "expected", "state"), FAILED_PARKS)
async def test_a_failed_park_leaves_the_kernel_running_or_says_it_is_broken(
    machine: StandIn,
    client: ParkingClient,
    op: str,
    code: int,
    then: str | None,
    expected: tuple[str, str],
    state: str,
) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.fail_next(op, code, then=then)
        assert verdict(await client.park(kernel(machine, target))) == expected
        assert machine.state(target.pid) == state


@pytest.mark.parametrize("op", ["lock", "checkpoint"])
async def test_a_kernel_that_dies_while_it_is_parked_is_not_waited_for(
    machine: StandIn, client: ParkingClient, op: str
) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.fail_next(op, 999, then="killed")
        assert verdict(await client.park(kernel(machine, target))) == ("broken", "process-gone")


async def test_managed_memory_that_nobody_reported_breaks_the_kernel_and_is_said_so(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine).with_memory() as target:
        target.ask("managed", mib=1)
        assert verdict(await client.park(kernel(machine, target))) == ("broken", "checkpoint-failed")


async def test_an_unlock_is_tried_again(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.fail_next("unlock", 999, times=2)
        assert (await client.resume(kernel(machine, target))).outcome == "done"
        assert machine.state(target.pid) == "running"


async def test_a_kernel_that_cannot_be_unlocked_is_broken(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.fail_next("unlock", 999, times=9)
        assert verdict(await client.resume(kernel(machine, target))) == ("broken", "unlock-failed")


async def test_a_failed_restore_is_never_tried_again(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.fail_next("restore", 2)
        assert verdict(await client.resume(kernel(machine, target))) == ("broken", "restore-failed")
        assert verdict(await client.resume(kernel(machine, target))) == ("broken", "restore-failed-before")
        assert machine.acts_on(target.pid).count("restore") == 1
        assert machine.process(target.pid).poisoned


async def test_a_restore_is_not_tried_without_room(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.hold(0, 140 * GIB - 79 * MIB)
        assert verdict(await client.resume(kernel(machine, target))) == ("later", "no-room")
        machine.fail_next("nvml-memory", 999)
        machine.hold(0, 140 * GIB - 80 * MIB)
        assert verdict(await client.resume(kernel(machine, target))) == ("later", "no-room")
        assert (await client.resume(kernel(machine, target))).outcome == "done"
        assert not machine.process(target.pid).poisoned


async def test_a_parked_kernel_comes_back_to_its_own_device_only(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        elsewhere = kernel(machine, target, devices=[machine.devices[1].uuid])
        assert verdict(await client.resume(elsewhere)) == ("refused", "other-device")


async def test_a_parked_kernel_of_which_nothing_was_written_needs_an_empty_device(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target, Target(machine) as other:
        await client.park(kernel(machine, target))
        damage_journal(tmp_path)
        other.with_memory()
        assert verdict(await client.resume(kernel(machine, target))) == ("later", "no-room")
        other.kill()
        assert (await client.resume(kernel(machine, target))).outcome == "done"


async def test_a_state_of_a_later_driver_is_unknown_and_left_alone(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        machine.set_state(target.pid, 7)
        assert (await client.state(kernel(machine, target))).details == {"state": "unknown"}
        assert verdict(await client.park(kernel(machine, target))) == ("later", "not-running-state")
        assert (await client.resume(kernel(machine, target))).outcome == "later"
        assert machine.acts_on(target.pid) == []


async def test_a_device_that_is_not_clear_gives_the_kernel_its_memory_back(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.delay("checkpoint", after_ms=300)
        going = asyncio.create_task(client.park(kernel(machine, target)))
        await asyncio.to_thread(eventually, lambda: machine.state(target.pid) == "checkpointed", 10)
        machine.hold(0, GIB)
        assert verdict(await going) == ("later", "not-clean")
        assert target.ask("sum")


async def test_a_process_that_stays_listed_has_not_left_its_device(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.table.lists_parked = 1
        assert verdict(await client.park(kernel(machine, target))) == ("later", "not-clean")
        assert target.ask("sum")


async def test_a_restore_that_fails_while_a_park_is_undone_is_not_tried_again(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.table.lists_parked = 1
        machine.fail_next("restore", 304)
        assert verdict(await client.park(kernel(machine, target))) == ("broken", "restore-failed")
        assert verdict(await client.resume(kernel(machine, target))) == ("broken", "restore-failed-before")


# ---- The client ----


async def test_acts_of_two_kernels_do_not_overlap(machine: StandIn, client: ParkingClient) -> None:
    uuids = [device.uuid for device in machine.devices]
    with Target(machine).with_memory(device=0) as first, Target(machine).with_memory(device=1) as second:
        machine.delay("checkpoint", before_ms=100)
        both = [kernel(machine, first, devices=uuids[:1]), kernel(machine, second, devices=uuids[1:])]
        answers = await asyncio.gather(*map(client.park, both))
        assert [answer.outcome for answer in answers] == ["done", "done"]
        order = [call.target for call in machine.calls() if call.op in ("lock", "checkpoint")]
        assert order[-2:] in ([first.pid] * 2, [second.pid] * 2)
        assert len({call.caller for call in machine.calls()}) == 1


async def test_giving_up_on_an_answer_does_not_cut_the_act_short(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.delay("checkpoint", before_ms=300)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.park(kernel(machine, target))
        assert (await client.state(kernel(machine, target))).details == {"state": "checkpointed"}


async def test_closing_ends_the_act_first_and_leaves_no_process(machine: StandIn, tmp_path: Path) -> None:
    client = client_on(machine, tmp_path / "journal")
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.delay("restore", before_ms=300)
        going = asyncio.create_task(client.resume(kernel(machine, target)))
        await asyncio.to_thread(eventually, lambda: '"restore"' in journal_text(tmp_path), 10)
        actuator = client.pid or 0
        await client.close()
        assert (await going).outcome == "done"
        assert target.ask("sum")
        with pytest.raises(ProcessLookupError):
            os.kill(actuator, 0)
        with pytest.raises(RuntimeError, match="closed"):
            await client.park(kernel(machine, target))


def damage_journal(folder: Path) -> None:
    for entry in folder.glob("journal/*/*.json"):
        entry.write_text("gone")


def journal_text(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("journal/*/*.json"))


async def test_a_stuck_driver_is_answered_as_broken_and_not_cut_short(machine: StandIn, tmp_path: Path) -> None:
    client = client_on(machine, tmp_path / "journal", answer_timeout=0.3)
    with Target(machine).with_memory() as target:
        machine.delay("lock", before_ms=1500)
        assert verdict(await client.park(kernel(machine, target))) == ("broken", "no-answer")
        assert client.pid
        os.kill(client.pid, signal.SIGTERM)
        await client.close()
        assert machine.state(target.pid) == "running"


async def test_memory_taken_at_the_last_moment_is_counted(machine: StandIn, client: ParkingClient) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.delay("lock", before_ms=300)
        going = asyncio.create_task(client.park(kernel(machine, target, host_budget=GIB)))
        await asyncio.to_thread(eventually, lambda: any(call.op == "state" for call in machine.calls()), 10)
        target.ask("alloc", mib=100)
        assert (await going).bytes == (64 + 16 + 100) * MIB
        assert (await client.resume(kernel(machine, target))).outcome == "done"


async def test_memory_that_outgrows_the_host_at_the_last_moment_lets_the_kernel_go(
    machine: StandIn, client: ParkingClient
) -> None:
    with Target(machine).with_memory() as target:
        await a_canary_sang(machine, client)
        machine.delay("lock", before_ms=300)
        going = asyncio.create_task(client.park(kernel(machine, target, host_budget=GIB)))
        await asyncio.to_thread(eventually, lambda: any(call.op == "state" for call in machine.calls()), 10)
        target.ask("alloc", mib=1024)
        assert verdict(await going) == ("later", "host-memory")
        assert machine.acts_on(target.pid) == ["lock", "unlock"]
        assert target.ask("sum")
