"""The actuator is killed, told to stop, or loses its seat, at each point of an act; nobody stays locked."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkbank_kernels.parking.answers import Answer
from werkbank_kernels.parking.client import ParkingClient

from tests.support.cuda import GIB, StandIn, Target, fixtures, parking
from tests.support.cuda.parking import OPTIONS, client_on, kernel
from tests.support.workbench import eventually

# pytest finds fixtures by their name in the module.
libraries, machine, client = fixtures.libraries, fixtures.machine, parking.client

LONG_MS = 20_000


async def until(condition: Callable[[], Any]) -> None:
    await asyncio.to_thread(eventually, condition, 20)


def written(folder: Path) -> list[tuple[str, str, str]]:
    """Act, step and stage of each entry in the journal."""
    entries = [json.loads(path.read_text()) for path in folder.glob("journal/*/*.json")]
    return [(entry["act"], entry["step"], entry["stage"]) for entry in entries]


async def kill_in(
    machine: StandIn, client: ParkingClient, folder: Path, act: Any, at: tuple[str, str, str], then: Callable[[], bool]
) -> Answer:
    """The answer to an act whose actuator is killed once its intent `at` is written and `then` holds."""
    going = asyncio.create_task(act)
    await until(lambda: at in written(folder) and then())
    assert client.pid
    os.kill(client.pid, signal.SIGKILL)
    machine.delay(at[1])
    return await going


PARKS = [
    ("lock", "before", "running", ("later", "interrupted"), "running"),
    ("lock", "after", "locked", ("later", "interrupted"), "running"),
    ("checkpoint", "before", "locked", ("later", "interrupted"), "running"),
    ("checkpoint", "after", "checkpointed", ("done", ""), "checkpointed"),
]


@pytest.mark.parametrize(("op", "moment", "seen", "expected", "left"), PARKS)
async def test_a_park_whose_actuator_is_killed_is_undone_or_finished(
    machine: StandIn,
    client: ParkingClient,
    tmp_path: Path,
    op: str,
    moment: str,
    seen: str,
    expected: tuple[str, str],
    left: str,
) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        await client.capabilities([machine.devices[0].uuid])
        machine.delay(op, **{f"{moment}_ms": LONG_MS})
        answer = await kill_in(
            machine,
            client,
            tmp_path,
            client.park(kernel(machine, target)),
            ("park", op, "intent"),
            lambda: machine.state(target.pid) == seen,
        )
        assert (answer.outcome, answer.reason) == expected
        assert machine.state(target.pid) == left
        assert (await client.resume(kernel(machine, target, epoch=2))).outcome == "done"
        assert target.ask("sum") == before


RESUMES = [
    ("restore", "before", "checkpointed"),
    ("restore", "after", "locked"),
    ("unlock", "before", "locked"),
    ("unlock", "after", "running"),
]


@pytest.mark.parametrize(("op", "moment", "seen"), RESUMES)
async def test_a_resume_whose_actuator_is_killed_is_finished(
    machine: StandIn, client: ParkingClient, tmp_path: Path, op: str, moment: str, seen: str
) -> None:
    with Target(machine).with_memory() as target:
        before = target.ask("sum")
        await client.park(kernel(machine, target))
        machine.delay(op, **{f"{moment}_ms": LONG_MS})
        answer = await kill_in(
            machine,
            client,
            tmp_path,
            client.resume(kernel(machine, target, epoch=2)),
            ("resume", op, "intent"),
            lambda: machine.state(target.pid) == seen,
        )
        assert answer.outcome == "done"
        assert machine.state(target.pid) == "running"
        assert target.ask("sum") == before
        restores = [call for call in machine.calls() if call.op == "restore" and call.target == target.pid]
        assert len([call for call in restores if call.code == 0]) == (0 if (op, moment) == ("restore", "after") else 1)


async def test_a_resume_killed_before_it_began_waits_for_room_again(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.delay("restore", before_ms=LONG_MS)
        going = asyncio.create_task(client.resume(kernel(machine, target, epoch=2)))
        await until(lambda: ("resume", "restore", "intent") in written(tmp_path))
        machine.hold(0, 140 * GIB)
        machine.delay("restore")
        assert client.pid
        os.kill(client.pid, signal.SIGKILL)
        answer = await going
        assert (answer.outcome, answer.reason) == ("later", "no-room")
        machine.hold(0, 0)
        assert (await client.resume(kernel(machine, target, epoch=3))).outcome == "done"


async def test_a_restore_that_fails_in_recovery_is_the_last(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.delay("restore", before_ms=LONG_MS)
        going = asyncio.create_task(client.resume(kernel(machine, target, epoch=2)))
        await until(lambda: ("resume", "restore", "intent") in written(tmp_path))
        assert client.pid
        os.kill(client.pid, signal.SIGKILL)
        machine.delay("restore")
        machine.fail_next("restore", 304)
        assert (await going).reason == "restore-failed"
        assert (await client.resume(kernel(machine, target, epoch=3))).reason == "restore-failed-before"
        assert machine.acts_on(target.pid).count("restore") == 1


async def test_a_restore_that_failed_stays_failed_for_the_next_actuator(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.park(kernel(machine, target))
        machine.fail_next("restore", 2)
        assert (await client.resume(kernel(machine, target))).outcome == "broken"
        await client.close()
        later = client_on(machine, tmp_path / "journal")
        assert (await later.resume(kernel(machine, target))).reason == "restore-failed-before"
        await later.close()
        assert machine.acts_on(target.pid).count("restore") == 1


async def test_a_driver_that_stays_between_two_states_is_broken_in_the_end(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.capabilities([machine.devices[0].uuid])
        machine.table.shows_transitions = 1
        machine.delay("checkpoint", before_ms=LONG_MS)
        answer = await kill_in(
            machine,
            client,
            tmp_path,
            client.park(kernel(machine, target)),
            ("park", "checkpoint", "intent"),
            lambda: machine.state(target.pid) == "checkpointing",
        )
        assert (answer.outcome, answer.reason) == ("broken", "interrupted")


async def test_a_kernel_that_died_with_the_actuator_is_gone(
    machine: StandIn, client: ParkingClient, tmp_path: Path
) -> None:
    with Target(machine).with_memory() as target:
        await client.capabilities([machine.devices[0].uuid])
        machine.delay("checkpoint", before_ms=LONG_MS)

        def killed() -> bool:
            target.kill()
            return True

        act = client.park(kernel(machine, target))
        answer = await kill_in(machine, client, tmp_path, act, ("park", "checkpoint", "intent"), killed)
        assert (answer.outcome, answer.reason) == ("broken", "process-gone")


async def test_an_actuator_that_dies_again_and_again_is_said_so(machine: StandIn, tmp_path: Path) -> None:
    client = ParkingClient(tmp_path / "journal", ["--no-such-option"], environment=machine.environment())
    with Target(machine).with_memory() as target:
        assert (await client.park(kernel(machine, target))).reason == "actuator-died"
    await client.close()


async def test_what_an_earlier_seat_left_locked_is_let_go(machine: StandIn, tmp_path: Path) -> None:
    earlier = client_on(machine, tmp_path / "journal")
    with Target(machine).with_memory() as target:
        await earlier.capabilities([machine.devices[0].uuid])
        machine.delay("checkpoint", before_ms=LONG_MS)
        going = asyncio.create_task(earlier.park(kernel(machine, target)))
        await until(lambda: ("park", "checkpoint", "intent") in written(tmp_path))
        going.cancel()
        assert earlier.pid
        os.kill(earlier.pid, signal.SIGKILL)
        await earlier.close()
        machine.delay("checkpoint")
        assert machine.state(target.pid) == "locked"
        client = client_on(machine, tmp_path / "journal")
        recovered = (await client.recover()).details["recovered"]
        assert {lease: found["outcome"] for lease, found in recovered.items()} == {f"lease-{target.pid}": "later"}
        assert machine.state(target.pid) == "running"
        await client.close()


async def test_what_an_earlier_seat_did_not_restore_stays_parked_until_its_lease_asks(
    machine: StandIn, tmp_path: Path
) -> None:
    earlier, client = client_on(machine, tmp_path / "journal"), client_on(machine, tmp_path / "journal")
    with Target(machine).with_memory() as target:
        await earlier.park(kernel(machine, target))
        machine.delay("restore", before_ms=LONG_MS)
        going = asyncio.create_task(earlier.resume(kernel(machine, target, epoch=2)))
        await until(lambda: ("resume", "restore", "intent") in written(tmp_path))
        going.cancel()
        assert earlier.pid
        os.kill(earlier.pid, signal.SIGKILL)
        await earlier.close()
        machine.delay("restore")
        recovered = (await client.recover()).details["recovered"]
        assert [found["outcome"] for found in recovered.values()] == ["later"]
        assert machine.state(target.pid) == "checkpointed"
        assert (await client.resume(kernel(machine, target, epoch=3))).outcome == "done"
        await client.close()


async def test_two_seats_of_one_user_do_not_touch_each_others_act(machine: StandIn, tmp_path: Path) -> None:
    first, second = client_on(machine, tmp_path / "journal"), client_on(machine, tmp_path / "journal")
    with Target(machine).with_memory() as target:
        await first.capabilities([machine.devices[0].uuid])
        machine.delay("checkpoint", before_ms=1000)
        going = asyncio.create_task(first.park(kernel(machine, target)))
        await until(lambda: ("park", "checkpoint", "intent") in written(tmp_path))
        assert (await second.recover()).details == {"recovered": {}}
        assert (await second.resume(kernel(machine, target))).reason == "lease-busy"
        assert (await going).outcome == "done"
    await first.close()
    await second.close()


# ---- The actuator itself, without the client ----


class Actuator:
    """`python -m werkbank_kernels.parking`, spoken to in lines."""

    def __init__(self, machine: StandIn, journal: Path):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "werkbank_kernels.parking", "--journal", str(journal), *OPTIONS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **machine.environment()},
        )

    def write(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, line: bytes) -> dict[str, Any]:
        assert self.process.stdout
        self.write(line)
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def actuator(machine: StandIn, tmp_path: Path) -> Iterator[Actuator]:
    made = Actuator(machine, tmp_path / "journal")
    yield made
    made.process.communicate(timeout=30)


def request(machine: StandIn, target: Target, act: str = "park", **changes: Any) -> bytes:
    known = {"id": 1, "act": act, "lease": "l-1", "epoch": 1, "pid": target.pid, "pid_started": target.started}
    return json.dumps(known | {"devices": [machine.devices[0].uuid]} | changes).encode()


@pytest.mark.parametrize("end", ["SIGTERM", "end of input"])
def test_who_must_stop_lets_a_locked_kernel_go(machine: StandIn, actuator: Actuator, tmp_path: Path, end: str) -> None:
    with Target(machine).with_memory() as target:
        actuator.ask(request(machine, target, "capabilities"))
        machine.delay("lock", after_ms=500)
        actuator.write(request(machine, target))
        eventually(lambda: machine.state(target.pid) == "locked", 20)
        if end == "SIGTERM":
            actuator.process.send_signal(signal.SIGTERM)
        output, _ = actuator.process.communicate(timeout=20)
        assert json.loads(output)["reason"] == "stopping"
        assert actuator.process.returncode == 0
        assert machine.state(target.pid) == "running"
        assert machine.acts_on(target.pid) == ["lock", "unlock"]


@pytest.mark.parametrize("op", ["checkpoint", "restore"])
def test_who_must_stop_ends_the_call_it_is_in(machine: StandIn, actuator: Actuator, op: str) -> None:
    with Target(machine).with_memory() as target:
        if op == "restore":
            actuator.ask(request(machine, target))
        else:
            actuator.ask(request(machine, target, "capabilities"))
        machine.delay(op, before_ms=500)
        actuator.write(request(machine, target, "park" if op == "checkpoint" else "resume"))
        eventually(lambda: any(f'"step": "{op}"' in path.read_text() for path in journal_of(actuator)), 20)
        actuator.process.send_signal(signal.SIGTERM)
        actuator.process.send_signal(signal.SIGINT)
        output, _ = actuator.process.communicate(timeout=20)
        assert json.loads(output)["outcome"] == "done"
        assert machine.state(target.pid) == ("checkpointed" if op == "checkpoint" else "running")


def journal_of(actuator: Actuator) -> list[Path]:
    arguments = [str(part) for part in actuator.process.args]
    return list(Path(arguments[arguments.index("--journal") + 1]).glob("*/*.json"))


def test_nothing_that_is_no_request_moves_the_actuator(machine: StandIn, actuator: Actuator) -> None:
    lines = [b"hello", b"{", b"[1,2]", b"null", b"\xff\xfe\x00", b'{"act": "park"}', b'{"id": 5, "act": "exec"}']
    answers = [actuator.ask(line) for line in lines]
    assert {(answer["outcome"], answer["reason"]) for answer in answers} == {("refused", "bad-request")}
    assert answers[-1]["id"] == 5
    assert machine.calls() == []


def test_a_pid_that_is_not_the_kernel_is_never_touched(machine: StandIn, actuator: Actuator) -> None:
    with Target(machine).with_memory() as target:
        thread = target.ask("thread")
        gone = subprocess.Popen(["true"])
        gone.wait()
        started = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
        cases = [
            ({"pid": 0}, "bad-request"),
            ({"pid": -1}, "bad-request"),
            ({"pid": 1, "pid_started": started}, "bad-request"),
            ({"pid": thread, "pid_started": thread_started(target.pid, thread)}, "not-a-process"),
            ({"pid": actuator.process.pid}, "bad-pid"),
            ({"pid": gone.pid}, "process-gone"),
            ({"pid_started": "1"}, "another-process"),
        ]
        for act in ("park", "resume", "state"):
            for changes, reason in cases:
                answer = actuator.ask(request(machine, target, act, **changes))
                assert (act, answer["outcome"], answer["reason"]) == (act, "refused", reason)
        assert machine.calls() == []
        assert target.ask("sum")


def thread_started(pid: int, thread: int) -> str:
    return Path(f"/proc/{pid}/task/{thread}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's process takes root to start")
def test_another_users_process_is_never_touched(machine: StandIn, actuator: Actuator) -> None:
    with Target(machine).with_memory() as target:
        other = subprocess.Popen(["sleep", "60"], user=65534)
        started = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        try:
            answer = actuator.ask(request(machine, target, pid=other.pid, pid_started=started))
        finally:
            other.kill()
            other.wait()
        assert (answer["outcome"], answer["reason"]) == ("refused", "not-yours")
        assert machine.calls() == []
