"""A leased kernel is up at once; what needs its device waits in the notebook, and the rest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.integration.test_kernels_support import Notebook, as_seat, leased_kernel
from tests.support.broker import BrokerDouble


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[BrokerDouble]:
    """A broker with nothing free."""
    with BrokerDouble(devices=0) as double:
        as_seat(monkeypatch, double)
        yield double


async def waits(notebook: Notebook, code: str = "print('ran')", text: str = "Waiting for a GPU"):
    """A cell that shows it waits."""
    cell = notebook.run(code)
    await notebook.until(lambda: any(text in shown for shown in cell.texts()), f"{text!r} in {cell.texts()}")
    return cell


async def test_a_cell_on_a_free_device_sees_it_and_says_nothing_else(broker):
    broker.devices = 1
    async with leased_kernel() as notebook:
        cell = await notebook.done(notebook.run("import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"))
        assert cell.printed() == "SIMULATED-0001\n"
        assert cell.texts() == []
    broker.wait_for_state("released")
    assert broker.bodies("release") == [{"reason": "shutdown"}]


async def test_a_waiting_cell_has_one_display_with_place_reason_and_estimate_and_runs_when_granted(broker):
    async with leased_kernel() as notebook:
        lease = broker.wait_for_state("queued")
        cell = await waits(notebook, "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")
        assert "number 1 of 1" in cell.texts()[0]
        assert "All GPUs of this class are in use." in cell.texts()[0]
        assert "(simulated)" in cell.texts()[0]
        broker.update(lease["id"], place=2, of=5, estimate_s=360)
        await notebook.until(lambda: "number 2 of 5" in cell.texts()[-1])
        assert "About 6 min to go." in cell.texts()[-1]
        await notebook.until(lambda: broker.only().get("wants"), "the broker knows that a cell waits")
        broker.become(lease["id"], "offered")
        await notebook.done(cell)
        assert cell.printed() == "SIMULATED-0001\n"
        assert len(cell.displays()) == 1
        assert cell.texts()[-1].startswith("NVIDIA H200 (simulated), after waiting ")
        assert await notebook.value("os.environ['WERKBANK_LEASE']") == lease["id"]


async def test_no_device_is_visible_before_the_grant(broker):
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        await notebook.manager.provisioner.act("cpu")
        assert await notebook.value("repr(__import__('os').environ['CUDA_VISIBLE_DEVICES'])") == "''"


@pytest.mark.parametrize("how", ["signal", "message"])
async def test_an_interrupt_cancels_the_wait_and_the_next_cell_asks_anew(broker, how):
    async with leased_kernel() as notebook:
        cell = await waits(notebook)
        behind = notebook.run("print('behind')")
        # Answers come in order past a waiting cell: the kernel has the cell behind once it answers this.
        await notebook.done(notebook.send("kernel_info_request", {}))
        if how == "signal":
            await notebook.interrupt()
        else:
            notebook.send("interrupt_request", {}, "control")
        await notebook.done(cell)
        assert cell.reply["content"]["ename"] == "KeyboardInterrupt"
        assert "You stopped this cell" in cell.reply["content"]["evalue"]
        assert len(cell.reply["content"]["traceback"]) == 1
        assert "".join(cell.texts()[-1:]) == "You stopped waiting for a GPU."
        assert cell.printed() == ""
        await notebook.done(behind)
        assert behind.status == "aborted"
        broker.wait_for_state("released")
        assert broker.bodies("release") == [{"reason": "cancelled"}]
        assert len(broker.bodies("ask")) == 1
        later = await waits(notebook, "print('later')")
        broker.become(broker.only()["id"], "offered")
        await notebook.done(later)
        assert later.printed() == "later\n"
        assert len(broker.bodies("ask")) == 2


@pytest.mark.parametrize(
    ("request_type", "content", "reply_type"),
    [
        ("kernel_info_request", {}, "kernel_info_reply"),
        ("is_complete_request", {"code": "for x in y:"}, "is_complete_reply"),
        ("complete_request", {"code": "impo", "cursor_pos": 4}, "complete_reply"),
        ("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True}, "history_reply"),
        ("comm_info_request", {}, "comm_info_reply"),
        ("inspect_request", {"code": "print", "cursor_pos": 5, "detail_level": 0}, "inspect_reply"),
    ],
)
async def test_requests_that_touch_no_device_are_answered_past_a_waiting_cell(
    broker, request_type, content, reply_type
):
    async with leased_kernel() as notebook:
        cell = await waits(notebook)
        beside = await notebook.done(notebook.send(request_type, content))
        assert beside.reply["msg_type"] == reply_type
        assert beside.reply["content"]["status"] != "error"
        assert beside.states() == ["busy", "idle"]
        await notebook.until(lambda: cell.states() == ["busy", "busy"], "the kernel is still shown as busy")
        assert cell.reply is None
        broker.become(broker.only()["id"], "offered")
        await notebook.done(cell)
        assert cell.printed() == "ran\n"


async def test_past_a_waiting_cell_answers_come_in_the_order_of_the_questions(broker):
    async with leased_kernel() as notebook:
        await waits(notebook)
        asked = [notebook.send("is_complete_request", {"code": f"x = {n}"}) for n in range(20)]
        for request in asked:
            await notebook.done(request)
        answered = [m["parent_header"]["msg_id"] for m in notebook.heard if m["msg_type"] == "is_complete_reply"]
        assert answered == [request.msg_id for request in asked]


async def test_comm_messages_are_held_in_order_and_count_as_waiting(broker):
    broker.devices, broker.resume_when_wanted = 1, False
    async with leased_kernel() as notebook:
        listen = "heard = []\ndef opened(comm, msg):\n    comm.on_msg(lambda m: heard.append(m['content']['data']))\n"
        await notebook.done(notebook.run(listen + "get_ipython().kernel.comm_manager.register_target('t', opened)"))
        lease = broker.only()
        broker.become(lease["id"], "parked")
        await notebook.until(lambda: notebook.manager.provisioner.lease()["lease"]["state"] == "parked")
        opened = notebook.send("comm_open", {"comm_id": "c", "target_name": "t", "data": {}})
        await notebook.until(lambda: broker.only().get("wants"), "a held comm message counts as waiting")
        for n in range(10):
            notebook.send("comm_msg", {"comm_id": "c", "data": n})
        cell = notebook.run("print(heard)")
        notebook.send("comm_msg", {"comm_id": "c", "data": 10})
        await notebook.until(lambda: any("getting your GPU back" in text for text in cell.texts()))
        assert opened.states() == []
        broker.become(lease["id"], "active")
        await notebook.done(cell)
        assert cell.printed() == f"{list(range(10))}\n"
        assert opened.states() == ["busy", "idle"]
        assert await notebook.value("heard") == f"{list(range(11))}"


async def test_a_silent_execution_waits_too_and_shows_nothing(broker):
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        cell = notebook.run("", silent=True, store_history=False, user_expressions={"two": "1 + 1"})
        await notebook.until(lambda: broker.only().get("wants"))
        assert cell.reply is None
        broker.become(broker.only()["id"], "offered")
        await notebook.done(cell)
        assert cell.reply["content"]["user_expressions"]["two"]["data"]["text/plain"] == "2"
        assert cell.texts() == []


async def test_a_cell_in_a_subshell_waits_and_can_be_interrupted(broker):
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        made = notebook.send("create_subshell_request", {}, "control")
        await notebook.done(made)
        subshell = made.reply["content"]["subshell_id"]
        content = {"code": "print('in subshell')", "silent": False, "allow_stdin": False}
        cell = notebook.send("execute_request", content, subshell=subshell)
        await notebook.until(lambda: any("Waiting" in text for text in cell.texts()))
        await notebook.interrupt()
        await notebook.done(cell)
        assert cell.reply["content"]["ename"] == "KeyboardInterrupt"
        again = notebook.send("execute_request", content, subshell=subshell)
        await notebook.until(lambda: any("Waiting" in text for text in again.texts()))
        broker.become(broker.only()["id"], "offered")
        await notebook.done(again)
        assert again.printed() == "in subshell\n"


async def test_a_refusal_is_shown_as_a_sentence_and_the_next_cell_asks_again(broker):
    broker.refuse = "too-many-waiting"
    async with leased_kernel() as notebook:
        cell = await notebook.done(notebook.run("print('ran')"))
        assert cell.reply["content"]["evalue"] == "You already wait for 3 GPUs. Stop one of them first."
        assert cell.reply["content"]["ename"] == "NoGPU"
        broker.refuse, broker.devices = "", 1
        assert await notebook.value("'works'") == "works"


async def test_a_seat_in_dutch_waits_in_dutch(broker, monkeypatch):
    as_seat(monkeypatch, broker, "nl")
    async with leased_kernel() as notebook:
        cell = await waits(notebook, text="Wachten op een GPU (H200 (gesimuleerd))")
        await notebook.interrupt()
        await notebook.done(cell)
        assert cell.reply["content"]["evalue"].startswith("Je hebt deze cel gestopt")


async def test_on_the_cpu_at_once_and_the_device_joins_with_a_word_in_the_next_cell(broker):
    async with leased_kernel() as notebook:
        cell = await waits(notebook)
        await notebook.manager.provisioner.act("cpu")
        await notebook.done(cell)
        assert cell.printed() == "ran\n"
        assert cell.texts()[-1].startswith("Started without a GPU")
        broker.become(broker.only()["id"], "offered")
        broker.wait_for_state("active")
        joined = await notebook.done(notebook.run("import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"))
        assert joined.printed() == "SIMULATED-0001\n"
        assert joined.texts() == [
            "NVIDIA H200 (simulated) has joined this kernel. From this cell on your code can use it."
        ]
        after = await notebook.done(notebook.run("1"))
        assert after.texts() == []


async def test_cancelled_from_outside_the_waiting_cell_ends_and_the_next_one_asks_anew(broker):
    async with leased_kernel() as notebook:
        cell = await waits(notebook)
        await notebook.manager.provisioner.act("cancel")
        await notebook.done(cell)
        assert cell.reply["content"]["evalue"] == "You stopped waiting for a GPU."
        broker.wait_for_state("released")
        broker.devices = 1
        assert await notebook.value("'anew'") == "anew"


async def test_an_interrupt_between_cells_does_nothing(broker):
    broker.devices = 1
    async with leased_kernel() as notebook:
        assert await notebook.value("1") == "1"
        await notebook.interrupt()
        assert await notebook.value("2") == "2"
        assert broker.bodies("release") == []


async def test_a_running_cell_is_still_interrupted_as_ever(broker):
    broker.devices = 1
    async with leased_kernel() as notebook:
        cell = notebook.run("print('on', flush=True)\nimport time\ntime.sleep(300)")
        await notebook.until(lambda: cell.printed() == "on\n")
        await notebook.interrupt()
        await notebook.done(cell)
        assert cell.reply["content"]["ename"] == "KeyboardInterrupt"
        assert cell.reply["content"]["evalue"] == ""
        broker.wait_for(lambda: not broker.only()["busy"])


async def test_waiting_costs_no_processor_time(broker):
    async with leased_kernel() as notebook:
        cell = await waits(notebook)
        pid = notebook.manager.provisioner.pid
        before = _ticks(pid)
        await asyncio.sleep(1)
        assert _ticks(pid) - before <= 5, "at most 5 % of one core"
        assert cell.reply is None


def _ticks(pid: int) -> int:
    """Processor time of a process in hundredths of a second."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
