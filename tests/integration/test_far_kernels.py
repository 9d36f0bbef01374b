"""A kernel's host and the relay that stands for it, without a cluster between them: what passes, and who gets in."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.connect import write_connection_file
from werkbank_kernels.background import there
from werkbank_kernels.job.answers import kernel_info
from werkbank_kernels.job.host import Host
from werkbank_kernels.job.kernel import JobKernel, Launch
from werkbank_kernels.job.line import HostLine, NoAnswer
from werkbank_kernels.job.wire import Contact, encode, keep_alive, know
from werkbank_kernels.link_server import NotConnected

TOKEN = "the-leases-token"
PATIENCE = 30


class Far:
    """A host that serves, and a kernel of it as a seat has it."""

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / "kernel.json")
        _, self.info = write_connection_file(self.file, ip=str(folder / "k"), transport="ipc", key=b"a-key")
        self.heard: list[dict[str, Any]] = []
        self.clients: list[AsyncKernelClient] = []
        self.epoch = 0

    async def begin(self) -> None:
        await there(self._begin())

    async def _begin(self) -> None:
        self.host = Host(TOKEN)
        self.running = asyncio.create_task(self.host.run())
        self.kernel = JobKernel(self.heard.append, logging.getLogger("far"))

    def lease(self, state: str, **more: Any) -> dict[str, Any]:
        self.epoch += 1
        contact = f"tcp://127.0.0.1:{self.host.port} {self.host.key}"
        basic = {"id": "one", "state": state, "epoch": self.epoch, "since": 0.0, "title": "H200", "environment": {}}
        return basic | {"job": {"id": 7, "node": "n1", "ends_at": None, "contact": contact}} | more

    async def launch(self) -> None:
        argv = [sys.executable, "-m", "werkbank_kernels.job.far_kernel", "-f", self.file]
        launch = Launch(argv, dict(os.environ), os.getcwd(), self.info, self.file, "a-session", kernel_info())
        await there(self.kernel.launch(launch))

    async def tell(self, gate: str, **lease: Any) -> None:
        async def now() -> None:
            self.kernel.tell({"type": "lease", "gate": gate, "lease": lease or None, "silent": False})

        await there(now())

    async def open(self) -> None:
        lease = self.lease("active")
        assert (await there(self.kernel.ask({"type": "bind", "lease": lease, "token": TOKEN}, 5)))["ok"]
        await self.tell("open", **lease)

    async def end(self) -> None:
        async def end() -> None:
            await self.kernel.stop()
            self.host.end()
            await self.running

        await there(end())
        for client in self.clients:
            client.stop_channels()
            client.context.destroy(linger=0)

    def client(self) -> AsyncKernelClient:
        client = AsyncKernelClient()
        self.clients.append(client)
        client.load_connection_file(self.file)
        client.start_channels()
        return client


@asynccontextmanager
async def far(folder: Path) -> AsyncIterator[Far]:
    made = Far(folder)
    await made.begin()
    await made.launch()
    try:
        yield made
    finally:
        await made.end()


def run(scene: Callable[[Far], Coroutine[Any, Any, None]], folder: Path) -> None:
    async def play() -> None:
        async with far(folder) as made:
            await scene(made)

    asyncio.run(asyncio.wait_for(play(), 120))


async def outcome(client: AsyncKernelClient, code: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """What a cell prints, and its reply."""
    printed: list[str] = []

    def heard(message: dict[str, Any]) -> None:
        content = message["content"]
        printed.append(content.get("text") or content.get("evalue") or "")

    reply = await client.execute_interactive(code, output_hook=heard, timeout=PATIENCE, **more)
    return "".join(printed), reply["content"]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("f")  # a socket's path is short


def test_what_a_kernel_prints_shows_and_asks_passes(folder: Path) -> None:
    async def scene(far: Far) -> None:
        await far.open()
        client = far.client()
        assert (await outcome(client, "print('x' * 5_000_000)"))[0].strip() == "x" * 5_000_000
        asked: list[str] = []

        def answer(message: dict[str, Any]) -> None:
            asked.append(message["content"]["prompt"])
            client.input("Ada")

        told, _ = await outcome(client, "print(f'hello {input(\"who? \")}')", allow_stdin=True, stdin_hook=answer)
        assert (told.strip(), asked) == ("hello Ada", ["who? "])
        assert (await outcome(client, "1/0"))[1]["ename"] == "ZeroDivisionError"
        client.complete("zi")
        assert "zip" in (await client.get_shell_msg(timeout=PATIENCE))["content"]["matches"]

    run(scene, folder)


def test_before_there_is_a_kernel_what_needs_none_is_answered(folder: Path) -> None:
    async def scene(far: Far) -> None:
        client = far.client()
        client.kernel_info()
        info = (await client.get_shell_msg(timeout=PATIENCE))["content"]
        assert info["language_info"]["name"] == "python"
        client.complete("zi")
        assert (await client.get_shell_msg(timeout=PATIENCE))["content"]["matches"] == []
        told, reply = await outcome(client, "%werkbank help")
        assert reply["status"] == "ok"
        assert "%werkbank queue" in told

    run(scene, folder)


def test_cells_that_wait_run_in_their_order_once_the_kernel_is_there(folder: Path) -> None:
    async def scene(far: Far) -> None:
        await far.tell("waiting", **far.lease("queued", place=1, of=1))
        client = far.client()
        waiting = [asyncio.create_task(outcome(client, f"print({number}); last = {number}")) for number in range(1)]
        await until(lambda: any(state.get("wants") for state in far.heard), "the cell is at the gate")
        await far.open()
        assert "0" in (await waiting[0])[0]
        assert (await outcome(client, "print(last)"))[0].strip() == "0"

    run(scene, folder)


def test_for_jupyterlab_relay_and_kernel_are_one(folder: Path) -> None:
    """It goes by the id of the session, and drops messages of what it takes for another kernel."""

    async def scene(far: Far) -> None:
        client = far.client()
        client.kernel_info()
        before = (await client.get_shell_msg(timeout=PATIENCE))["header"]["session"]
        await far.open()
        client.kernel_info()
        assert (await client.get_shell_msg(timeout=PATIENCE))["header"]["session"] == before

    run(scene, folder)


def test_a_kernel_that_is_gone_fails_the_cell_that_it_had_and_says_why(folder: Path) -> None:
    async def scene(far: Far) -> None:
        await far.open()
        client = far.client()
        cell = asyncio.create_task(outcome(client, "import time; print('begun', flush=True); time.sleep(600)"))
        await until(lambda: any(state.get("busy") for state in far.heard), "the cell runs")
        await far.tell("over", **far.lease("lost", ended={"code": "job-node", "text": "The node broke down."}))
        told, reply = await cell
        assert "The node broke down." in told
        assert reply["status"] == "error"
        assert "The node broke down." in (await outcome(client, "1"))[0]

    run(scene, folder)


def test_a_signal_reaches_the_kernel_and_its_end_is_noticed(folder: Path) -> None:
    async def scene(far: Far) -> None:
        await far.open()
        client = far.client()
        began = folder / "began"
        cell = asyncio.create_task(
            outcome(client, f"import pathlib, time; pathlib.Path({str(began)!r}).touch(); time.sleep(600)")
        )
        await until(began.exists, "the cell runs")
        far.kernel.send_signal(signal.SIGINT)
        assert (await cell)[1]["ename"] == "KeyboardInterrupt"
        far.kernel.kill()
        await until(lambda: far.kernel.poll() == -signal.SIGKILL, "its end is known")

    run(scene, folder)


def test_another_seat_finds_the_kernel_with_its_variables(folder: Path) -> None:
    async def scene(far: Far) -> None:
        await far.open()
        client = far.client()
        await outcome(client, "kept = 42")

        async def leave() -> None:
            await far.kernel._close_relay()
            far.kernel._hang_up()

        await there(leave())
        far.kernel = JobKernel(far.heard.append, logging.getLogger("far"))
        await far.launch()
        await far.open()
        client = far.client()
        assert (await outcome(client, "print(kept)"))[0].strip() == "42"

    run(scene, folder)


def test_who_has_no_token_is_not_answered(folder: Path) -> None:
    async def scene(far: Far) -> None:
        async def ask() -> None:
            context = zmq.asyncio.Context()
            line = HostLine(
                context, Contact("tcp://127.0.0.1:" + str(far.host.port), far.host.key.encode()), "x", print
            )
            with pytest.raises(NoAnswer):
                await line.ask("status", 2.0)
            line.close()
            context.term()

        await there(ask())

    run(scene, folder)


def test_nobody_talks_to_host_or_kernel_unencrypted(folder: Path) -> None:
    """Plain TCP gets no answer: neither with the token at the host, nor with the key at the kernel's own ports."""

    async def scene(far: Far) -> None:
        await far.open()
        context = zmq.asyncio.Context()
        plain = context.socket(zmq.DEALER)
        keep_alive(plain)
        plain.connect(f"tcp://127.0.0.1:{far.host.port}")
        await plain.send(encode({"act": "status", "n": 1, "token": TOKEN}))
        assert await plain.poll(1500) == 0
        plain.close()
        bare = AsyncKernelClient()
        far.clients.append(bare)
        bare.load_connection_info({"transport": "tcp", "ip": "127.0.0.1", "key": "a-key", **far.host._ports})
        bare.start_channels(hb=False)
        bare.kernel_info()
        with pytest.raises(Exception):  # noqa: B017, PT011 - queue.Empty of a library
            await bare.get_shell_msg(timeout=1.5)
        known = context.socket(zmq.DEALER)
        keep_alive(known)
        know(known, far.host.key.encode())
        known.connect(f"tcp://127.0.0.1:{far.host.port}")
        await known.send(encode({"act": "status", "n": 1, "token": TOKEN}))
        assert await known.poll(10_000) != 0
        known.close()
        context.term()

    run(scene, folder)


def test_a_host_that_cannot_start_the_kernel_says_so(folder: Path) -> None:
    async def scene(far: Far) -> None:
        nothing = Launch(["/no/such/program"], {}, "/", far.info, far.file, "a-session", None)
        await there(far.kernel.launch(nothing))
        told = await there(far.kernel.ask({"type": "bind", "lease": far.lease("active"), "token": TOKEN}, 5))
        assert told == {"ok": False, "reason": "job-failed"}

    run(scene, folder)


def test_a_kernel_that_ends_while_it_starts_may_be_started_anew_in_its_job(folder: Path) -> None:
    async def scene(far: Far) -> None:
        argv = [sys.executable, "-c", "raise SystemExit(3)"]
        await there(far.kernel.launch(Launch(argv, dict(os.environ), "/", far.info, far.file, "a-session", None)))
        with pytest.raises(NotConnected):
            await there(far.kernel.ask({"type": "bind", "lease": far.lease("active"), "token": TOKEN}, 5))
        assert far.kernel.poll() == 3
        await far.launch()
        await far.open()
        client = far.client()
        assert (await outcome(client, "print('here')"))[0].strip() == "here"

    run(scene, folder)


def test_a_bind_before_there_is_anything_to_bind_waits(folder: Path) -> None:
    async def scene(far: Far) -> None:
        idle = JobKernel(far.heard.append, logging.getLogger("far"))
        with pytest.raises(NotConnected):
            await there(idle.ask({"type": "bind", "lease": far.lease("active"), "token": TOKEN}, 5))

    run(scene, folder)


async def until(condition: Callable[[], Any], what: str) -> None:
    for _ in range(int(PATIENCE / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not in time: {what}")
