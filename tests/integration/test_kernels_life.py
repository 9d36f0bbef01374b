"""A lease follows its kernel: parked and back with all variables, over restarts, gone with the kernel's death."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkbank_kernels.errors import KernelNotStarted

from tests.integration.test_kernels_support import Notebook, as_seat, kernel_manager, leased_kernel
from tests.support.broker import BrokerDouble


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[BrokerDouble]:
    """A broker with one free device."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with BrokerDouble(devices=1) as double:
        as_seat(monkeypatch, double)
        yield double


async def parked(notebook: Notebook, broker: BrokerDouble) -> None:
    """Order parking of the idle kernel and wait until it is reported."""
    broker.wait_until_idle()
    broker.order_parking(broker.only()["id"])
    broker.wait_for_state("parked")


async def test_a_parked_kernel_comes_back_at_its_next_cell_with_its_variables(broker):
    async with leased_kernel() as notebook:
        await notebook.done(notebook.run("kept = {'a': 1}"))
        await parked(notebook, broker)
        cell = await notebook.done(notebook.run("print(kept)"))
        assert cell.printed() == "{'a': 1}\n"
        assert [(body["act"], body["outcome"]) for body in broker.bodies("report")] == [
            ("park", "done"),
            ("resume", "done"),
        ]
        assert broker.only()["state"] == "active"
        assert any(body["wants"] for body in broker.bodies("heartbeat"))


async def test_a_cell_on_a_parked_kernel_says_that_the_gpu_comes_back(broker):
    broker.resume_when_wanted = False
    async with leased_kernel() as notebook:
        await notebook.value("1")
        await parked(notebook, broker)
        cell = notebook.run("print('back')")
        await notebook.until(lambda: any("getting your GPU back" in text for text in cell.texts()))
        broker.become(broker.only()["id"], "resuming")
        await notebook.done(cell)
        assert cell.printed() == "back\n"
        assert cell.texts()[-1].startswith("NVIDIA H200 (simulated), back after ")
        assert len(cell.displays()) == 1


async def test_an_interrupt_while_parked_stops_the_cell_and_not_the_lease(broker):
    broker.resume_when_wanted = False
    async with leased_kernel() as notebook:
        await notebook.value("1")
        await parked(notebook, broker)
        cell = notebook.run("print('never')")
        await notebook.until(lambda: broker.only()["wants"])
        await notebook.interrupt()
        await notebook.done(cell)
        assert "The kernel stays parked" in cell.reply["content"]["evalue"]
        broker.wait_for(lambda: not broker.only()["wants"])
        assert broker.only()["state"] == "parked"
        broker.resume_when_wanted = True
        assert await notebook.value("'again'") == "again"


async def test_inspecting_objects_of_a_parked_kernel_says_so_and_touches_nothing(broker):
    broker.resume_when_wanted = False
    async with leased_kernel() as notebook:
        touchy = "class Touchy:\n    def __repr__(self):\n        raise SystemExit\nx = Touchy()"
        await notebook.done(notebook.run(touchy))
        await parked(notebook, broker)
        asked = await notebook.done(notebook.send("inspect_request", {"code": "x", "cursor_pos": 1}))
        assert "This kernel is parked" in asked.reply["content"]["data"]["text/plain"]
        completed = await notebook.done(notebook.send("complete_request", {"code": "tou", "cursor_pos": 3}))
        assert completed.reply["content"]["status"] == "ok"
        assert broker.only()["state"] == "parked"


async def test_a_kernel_with_a_running_cell_refuses_to_be_parked(broker):
    async with leased_kernel() as notebook:
        cell = notebook.run("print('on', flush=True)\nimport time\nwhile not go_on: time.sleep(.01)\nprint('end')")
        await notebook.done(cell)  # go_on is not defined: fails at once
        await notebook.done(notebook.run("import pathlib, tempfile; flag = pathlib.Path(tempfile.mktemp())"))
        path = await notebook.value("flag")
        cell = notebook.run("print('on', flush=True)\nwhile not flag.exists(): time.sleep(.01)\nprint('end')")
        await notebook.until(lambda: "on" in cell.printed())
        broker.order_parking(broker.only()["id"])
        broker.wait_for_state("active")
        assert [(b["outcome"], b["reason"]) for b in broker.bodies("report")] == [("later", "busy")]
        assert cell.reply is None
        Path(path).touch()  # noqa: ASYNC240 (a moment)
        await notebook.done(cell)
        Path(path).unlink()  # noqa: ASYNC240 (a moment)
        assert cell.printed() == "on\nend\n"


async def test_a_cell_that_starts_takes_a_notice_back(broker):
    async with leased_kernel() as notebook:
        await notebook.value("1")
        broker.wait_until_idle()
        broker.become(broker.only()["id"], "notice", ends_at=time.time() + 30)
        await notebook.until(lambda: notebook.manager.provisioner.lease()["lease"]["state"] == "notice")
        assert await notebook.value("2") == "2"
        broker.wait_for(lambda: broker.only()["state"] == "active")  # the cell is quicker than the word of it


async def test_a_killed_kernel_gives_its_lease_back_at_once(broker):
    async with leased_kernel() as notebook:
        await notebook.value("1")
        os.kill(notebook.manager.provisioner.pid, signal.SIGKILL)
        broker.wait_for_state("released")
        assert broker.bodies("release") == [{"reason": "died"}]


@pytest.mark.parametrize("now", [False, True])
async def test_a_restart_keeps_the_lease_and_binds_it_to_the_new_process(broker, now):
    async with leased_kernel() as notebook:
        await notebook.value("1")
        lease, before = broker.only()["id"], notebook.manager.provisioner.pid
        await notebook.close()
        await notebook.manager.restart_kernel(now=now)
        await notebook.open()
        assert await notebook.value("__import__('os').environ['WERKBANK_LEASE']") == lease
        pids = [body["pid"] for body in broker.bodies("bound")]
        assert pids == [before, notebook.manager.provisioner.pid]
        assert pids[0] != pids[1]
        assert broker.bodies("release") == []


async def test_restarting_a_parked_kernel_asks_anew(broker):
    broker.resume_when_wanted = False
    async with leased_kernel() as notebook:
        await notebook.value("1")
        first = broker.only()["id"]
        await parked(notebook, broker)
        await notebook.close()
        await notebook.manager.restart_kernel()
        await notebook.open()
        assert await notebook.value("'new'") == "new"
        assert broker.leases[first]["state"] == "released"
        assert broker.only()["id"] != first


@pytest.mark.parametrize("end", ["released", "expired", "lost"])
async def test_after_the_lease_ended_a_cell_says_why_and_a_restart_asks_again(broker, end):
    async with leased_kernel() as notebook:
        await notebook.value("1")
        broker.become(broker.only()["id"], end)
        await notebook.until(lambda: notebook.manager.provisioner.lease()["lease"]["state"] == end)
        cell = await notebook.done(notebook.run("print('no')"))
        assert cell.printed() == ""
        assert broker.leases[next(iter(broker.leases))]["ended"]["text"] in cell.reply["content"]["evalue"]
        assert "Restart the kernel to ask for a GPU again." in cell.reply["content"]["evalue"]
        await notebook.close()
        await notebook.manager.restart_kernel()
        await notebook.open()
        assert await notebook.value("'yes'") == "yes"


async def test_when_the_gpu_state_is_lost_the_kernel_runs_on_and_says_so_once(broker):
    async with leased_kernel() as notebook:
        await notebook.done(notebook.run("kept = 1"))
        broker.become(broker.only()["id"], "broken")
        await notebook.until(lambda: notebook.manager.provisioner.lease()["lease"]["state"] == "broken")
        cell = await notebook.done(notebook.run("print(kept)"))
        assert cell.printed() == "1\n"
        assert "The GPU state of this kernel is lost" in cell.texts()[0]
        assert (await notebook.done(notebook.run("1"))).texts() == []


async def test_cells_run_on_while_the_broker_is_down_and_it_hears_of_the_kernel_again(broker):
    async with leased_kernel() as notebook:
        await notebook.value("1")
        broker.down()
        assert await notebook.value("'runs on'") == "runs on"
        broker.said.clear()
        broker.up()
        broker.wait_for(lambda: broker.bodies("heartbeat"))
        assert await notebook.value("'still'") == "still"
        assert broker.bodies("release") == []


async def test_a_queued_cell_says_that_the_broker_is_silent_and_keeps_its_place(broker):
    broker.devices = 0
    async with leased_kernel() as notebook:
        lease = broker.wait_for_state("queued")
        cell = notebook.run("print('ran')")
        await notebook.until(lambda: cell.texts())
        broker.down()
        await notebook.until(lambda: "does not answer right now" in cell.texts()[-1])
        assert "number 1 of 1" in cell.texts()[-1]
        broker.up()
        await notebook.until(lambda: "does not answer" not in cell.texts()[-1])
        broker.become(lease["id"], "offered")
        await notebook.done(cell)
        assert cell.printed() == "ran\n"
        assert len(broker.bodies("ask")) == 1


@pytest.mark.parametrize("call", ["ask", "bound", "heartbeat"])
async def test_a_lost_answer_makes_no_second_lease(broker, call):
    broker.cut_off[call] = 1
    async with leased_kernel() as notebook:
        assert await notebook.value("'ran'") == "ran"
        assert len(broker.leases) == 1
        assert len({body["key"] for body in broker.bodies("ask")}) == 1


async def test_a_lost_answer_to_a_report_parks_once(broker):
    broker.cut_off["report"] = 1
    async with leased_kernel() as notebook:
        await notebook.done(notebook.run("kept = 1"))
        await parked(notebook, broker)
        assert await notebook.value("kept") == "1"
        assert broker.only()["state"] == "active"


async def test_a_late_answer_does_not_undo_what_came_after_it(broker):
    """A heartbeat answered before parking arrives after it: the gate must stay shut."""
    broker.resume_when_wanted = False
    async with leased_kernel() as notebook:
        await notebook.value("1")
        await parked(notebook, broker)
        keeper = notebook.manager.provisioner._keeper
        from werkbank_kernels.lease import Lease

        stale = {**broker.only(), "state": "active", "since": broker.only()["since"] - 1}
        keeper._took(Lease.from_json(stale))
        assert keeper.lease.state == "parked"


async def test_a_wrong_epoch_is_settled_by_looking_again(broker):
    async with leased_kernel() as notebook:
        await notebook.value("1")
        broker.update(broker.only()["id"], epoch=9)
        broker.wait_for(lambda: broker.bodies("heartbeat")[-1]["epoch"] == 9)
        assert await notebook.value("2") == "2"


async def test_shutting_down_while_the_broker_is_down_takes_seconds_and_is_told_later(broker):
    async with leased_kernel() as notebook:
        await notebook.value("1")
        broker.down()
        began = time.monotonic()
    assert time.monotonic() - began < 10
    broker.up()
    broker.wait_for_state("released")


async def test_a_leased_kernel_outside_a_workbench_says_what_to_do(broker, monkeypatch):
    monkeypatch.delenv("WERKBANK_API")
    with pytest.raises(KernelNotStarted, match="WERKBANK_API is not set"):
        await kernel_manager().start_kernel()
