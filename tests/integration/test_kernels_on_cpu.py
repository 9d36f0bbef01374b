"""Started on the CPU: nothing waits, and the device joins later or says why it cannot; with buttons or without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.integration.test_kernels_support import Notebook, as_seat, leased_kernel
from tests.support.broker import BrokerDouble
from tests.support.cuda import StandIn, fixtures

# pytest finds fixtures by their name in the module.
libraries, machine = fixtures.libraries, fixtures.machine

JOINED = {
    "en": "NVIDIA H200 (simulated) has joined this kernel. From this cell on your code can use it.",
    "nl": "NVIDIA H200 (gesimuleerd) hoort nu bij deze kernel. Vanaf deze cel kan je code hem gebruiken.",
}
TOO_LATE = {
    "en": "A GPU came free, but this kernel has already looked for one and cannot take it any more. "
    "It went to the next in the queue. Restart the kernel to ask again.",
    "nl": "Er kwam een GPU vrij, maar deze kernel heeft er al eerder naar een gezocht en kan hem niet meer gebruiken. "
    "Hij ging naar de volgende in de rij. Herstart de kernel om opnieuw te vragen.",
}
VISIBLE = "__import__('os').environ['CUDA_VISIBLE_DEVICES']"
START_CUDA = "import os; os.environ.pop('CUDA_VISIBLE_DEVICES'); from cuda.bindings import driver; driver.cuInit(0)"


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[BrokerDouble]:
    """A broker with nothing free."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with BrokerDouble(devices=0) as double:
        as_seat(monkeypatch, double)
        yield double


async def said(notebook: Notebook, line: str) -> str:
    """What `%werkbank …` answers, while other cells may wait."""
    cell = await notebook.done(notebook.run(f"%werkbank {line}"))
    assert cell.status == "ok", cell.reply
    return cell.printed().strip()


async def waits(notebook: Notebook, code: str = "print('ran')"):
    """A cell that shows it waits."""
    cell = notebook.run(code)
    await notebook.until(lambda: any("number 1 of 1" in shown for shown in cell.texts()), f"{cell.texts()} waits")
    return cell


@pytest.mark.parametrize("language", ["en", "nl"])
async def test_a_device_that_comes_before_cuda_was_started_joins_and_the_next_cell_says_so(
    broker, monkeypatch, language
):
    as_seat(monkeypatch, broker, language)
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        await notebook.manager.provisioner.act("cpu")
        assert await notebook.value(f"repr({VISIBLE})") == "''"
        broker.become(broker.only()["id"], "offered")
        broker.wait_for_state("active")
        cell = await notebook.done(notebook.run(f"print({VISIBLE})"))
        assert cell.texts() == [JOINED[language]]
        assert cell.printed() == "SIMULATED-0001\n"
        assert (await notebook.done(notebook.run("1"))).texts() == []


@pytest.mark.parametrize("language", ["en", "nl"])
async def test_a_device_that_comes_after_cuda_was_started_cannot_join_and_the_next_cell_says_so(
    broker, machine: StandIn, monkeypatch, language
):
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    as_seat(monkeypatch, broker, language)
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        await notebook.manager.provisioner.act("cpu")
        await notebook.done(notebook.run(START_CUDA))
        assert machine.knows(notebook.manager.provisioner.pid)
        broker.become(broker.only()["id"], "offered")
        broker.wait_for_state("released")
        assert broker.bodies("release") == [{"reason": "unbindable"}]
        cell = await notebook.done(notebook.run("print('runs on')"))
        assert cell.texts() == [TOO_LATE[language]]
        assert cell.printed() == "runs on\n"
        assert (await notebook.done(notebook.run("1"))).texts() == []


async def test_a_cell_that_starts_cuda_only_after_the_device_joined_gets_it(broker, machine: StandIn, monkeypatch):
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        assert "you stay in the queue" in (await said(notebook, "cpu")).lower()
        await notebook.done(notebook.run("from cuda.bindings import driver"))
        broker.become(broker.only()["id"], "offered")
        broker.wait_for_state("active")
        broker.update(broker.only()["id"], environment={"CUDA_VISIBLE_DEVICES": machine.devices[1].uuid})
        async with asyncio.timeout(30):  # the kernel is told in its own time
            while await notebook.value(VISIBLE) != machine.devices[1].uuid:
                pass
        assert await notebook.value("int(driver.cuInit(0)[0]), driver.cuDeviceGetCount()[1]") == "0 1"


async def test_a_console_starts_on_the_cpu_before_any_cell_waits(broker):
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        assert (await said(notebook, "cpu")).startswith("Cells run without a GPU from here on. You stay in the queue")
        assert await notebook.value("'ran'") == "ran"
        assert broker.only()["state"] == "queued"
        assert (await said(notebook, "cpu")).startswith("Cells already run without waiting for a GPU.")
        assert "number 1 of 1" in await said(notebook, "queue")
        broker.become(broker.only()["id"], "offered")
        broker.wait_for_state("active")
        joined = await notebook.done(notebook.run("1"))
        assert joined.texts() == [JOINED["en"]]
        assert (await said(notebook, "cpu")).startswith("This kernel has its GPU")


async def test_beside_a_waiting_cell_the_magic_says_why_and_sends_it_on_without_a_gpu(broker):
    async with leased_kernel() as notebook:
        cell = await waits(notebook)
        assert "All GPUs of this class are in use." in await said(notebook, "queue")
        assert "This kernel runs without a GPU." not in await said(notebook, "")
        assert cell.reply is None
        await said(notebook, "cpu")
        await notebook.done(cell)
        assert cell.printed() == "ran\n"
        assert cell.texts()[-1].startswith("Started without a GPU")


async def test_beside_a_waiting_cell_the_magic_stops_the_wait(broker):
    async with leased_kernel() as notebook:
        cell = await waits(notebook)
        assert (await said(notebook, "cancel")).startswith("Your request for a GPU is withdrawn. The next cell asks")
        await notebook.done(cell)
        assert cell.reply["content"]["ename"] == "KeyboardInterrupt"
        broker.wait_for_state("released")
        assert broker.bodies("release") == [{"reason": "cancelled"}]
        broker.devices = 1
        assert await notebook.value("'anew'") == "anew"
        assert await said(notebook, "cancel") == "This kernel is in no queue."


async def test_without_a_waiting_cell_the_request_is_withdrawn_too(broker):
    async with leased_kernel() as notebook:
        broker.wait_for_state("queued")
        await said(notebook, "cpu")
        assert "The kernel runs on without one" in await said(notebook, "cancel")
        broker.wait_for_state("released")
        assert await notebook.value("'runs'") == "runs"
        assert len(broker.bodies("ask")) == 1


async def test_a_request_that_has_no_answer_yet_is_withdrawn_too(broker):
    broker.down()
    async with leased_kernel() as notebook:
        await said(notebook, "cpu")
        assert "The kernel runs on without one" in await said(notebook, "cancel")
        broker.up()
        broker.wait_for_state("released")
        assert await notebook.value("'runs'") == "runs"
        assert broker.bodies("release") == [{"reason": "cancelled"}]


async def test_while_parked_the_magic_stops_the_cell_and_not_the_lease(broker):
    broker.devices, broker.resume_when_wanted = 1, False
    async with leased_kernel() as notebook:
        await notebook.value("1")
        broker.wait_until_idle()
        broker.order_parking(broker.only()["id"])
        broker.wait_for_state("parked")
        cell = notebook.run("print('never')")
        await notebook.until(lambda: broker.only()["wants"])
        assert (await said(notebook, "cancel")).startswith("Nothing waits any more. The kernel stays parked")
        await notebook.done(cell)
        assert "The kernel stays parked" in cell.reply["content"]["evalue"]
        broker.wait_for(lambda: not broker.only()["wants"])
        assert broker.only()["state"] == "parked"


async def test_a_parked_kernel_answers_the_magic_and_stays_parked(broker):
    broker.devices, broker.resume_when_wanted = 1, False
    async with leased_kernel() as notebook:
        hook = "get_ipython().events.register('pre_run_cell', lambda info: print('hook'))"
        await notebook.done(notebook.run(hook))
        broker.wait_until_idle()
        broker.order_parking(broker.only()["id"])
        broker.wait_for_state("parked")
        for line in ("", "queue", "cpu", "cancel", "help"):
            answer = await said(notebook, line)
            assert answer
            assert "hook" not in answer
        assert (await said(notebook, "cpu")).startswith("This kernel is parked")
        assert "NVIDIA H200 (simulated)" in await said(notebook, "gpu")
        assert broker.only()["state"] == "parked"
        assert not any(body["wants"] for body in broker.bodies("heartbeat"))


@pytest.mark.parametrize(
    "code", ["%werkbank cpu\nprint('ran')", "x = 1; %werkbank cpu", "%werkbankrupt", "%%werkbank", "%werkbank keep"]
)
async def test_a_cell_with_anything_else_in_it_waits_like_any_other(broker, code):
    async with leased_kernel() as notebook:
        cell = await waits(notebook, code)
        assert cell.reply is None


async def test_the_help_names_all_there_is_in_both_languages(broker, monkeypatch):
    for language in ("en", "nl"):
        as_seat(monkeypatch, broker, language)
        async with leased_kernel() as notebook:
            told = await said(notebook, "help")
            unknown = await said(notebook, "what")
            for name in ("gpu", "queue", "cpu", "cancel", "keep", "release", "help"):
                assert f"%werkbank {name} " in told
                assert name in unknown
