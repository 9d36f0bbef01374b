"""A forked kernel does what a started one does: the common kernel tests, and behaviours that a fork could spoil."""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.support import python_kernel
from tests.support.workbench import eventually
from tests.support.zygote import Node, node

DESCRIPTION = {
    "argv": [str(Path(sys.prefix, "bin", "python")), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python",
    "language": "python",
    "metadata": {"debugger": True},
}
WARM = {"kernel_provisioner": {"provisioner_name": "werkbank-warm"}}


def install(folder: Path) -> None:
    """Two kernels that differ in how they come to be."""
    for name, metadata in {"started": {}, "forked": WARM}.items():
        spec = folder / "kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps(DESCRIPTION | {"metadata": {"debugger": True, **metadata}}))


def is_forked(pid: int) -> bool:
    """Whether a zygote is its parent."""
    return "werkbank-zygote" in " ".join(psutil.Process(psutil.Process(pid).ppid()).cmdline())


class TestForkedKernelAsAnyOther(python_kernel.PythonKernelTests):
    """The suite of jupyter_kernel_test."""

    kernel_name = "forked"

    @classmethod
    def setUpClass(cls) -> None:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            install(folder)
            warm = stack.enter_context(node(folder))
            environment = {"JUPYTER_PATH": str(folder), "WERKBANK_NODE": str(warm.folder)}
            stack.enter_context(mock.patch.dict(os.environ, environment))
            super().setUpClass()
            cls.stack = stack.pop_all()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.stack.close()

    def test_it_is_forked(self) -> None:
        assert is_forked(self.km.provisioner.process.pid)


class Kernel:
    """A running kernel, asked in turn."""

    def __init__(self, name: str) -> None:
        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel()
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        assert self.manager.provisioner is not None
        return int(self.manager.provisioner.process.pid)  # type: ignore[attr-defined]

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def says(self, code: str, answers: str = "") -> list[str]:
        """What a cell shows: its output, the kinds of what it displays, the name of its error."""
        shown: list[str] = []

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    shown.append(content["text"])
                case "display_data":
                    shown.append(str(sorted(content["data"])))
                case "error":
                    shown.append(content["ename"])

        self.client.execute_interactive(
            code, output_hook=take, stdin_hook=lambda _m: self.client.input(answers), timeout=90, allow_stdin=True
        )
        return re.sub(r"ipykernel_\d+", "ipykernel", "".join(shown)).splitlines()

    def interrupted(self, code: str) -> list[str]:
        """What is shown when a cell that has begun (it makes a file) is interrupted."""
        with tempfile.TemporaryDirectory() as folder:
            begun = Path(folder) / "begun"
            id = self.client.execute(f"open({str(begun)!r}, 'w').close()\n{code}")
            eventually(begun.exists, what="the cell has begun")
            time.sleep(0.3)  # into what it waits for; earlier would be right too, and test less
            self.manager.interrupt_kernel()
            while (reply := self.client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != id:
                pass
        return [reply["content"]["status"], reply["content"].get("ename", "")]


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A zygote, and the two kinds of kernel to choose from."""
    folder = tmp_path_factory.mktemp("kernels")
    install(folder)
    with node(folder) as warm:
        environment = {"JUPYTER_PATH": str(folder), "WERKBANK_NODE": str(warm.folder)}
        with mock.patch.dict(os.environ, environment):
            yield warm


@pytest.fixture(scope="module")
def pair(kernels: Node) -> Iterator[tuple[Kernel, Kernel]]:
    """A started kernel and a forked one."""
    one, other = Kernel("started"), Kernel("forked")
    assert (is_forked(one.pid), is_forked(other.pid)) == (False, True)
    yield one, other
    one.close()
    other.close()


BEHAVIOURS = {
    "prints in order": "import sys\nfor i in range(3): print(i); print(-i, file=sys.stderr)",
    "programs write to the cell": "!echo from a program; echo of stderr >&2",
    "exit status of a program": "import subprocess; print(subprocess.run(['sh', '-c', 'exit 7']).returncode)",
    "pip": "%pip --version",
    "plot": "import matplotlib.pyplot as plt; plt.plot([1]); print(plt.get_backend())",
    "asynchronous program": """
import asyncio
made = await asyncio.create_subprocess_exec("echo", "here", stdout=asyncio.subprocess.PIPE)
print((await made.communicate())[0])
""",
    "threads": """
from concurrent.futures import ThreadPoolExecutor
print(list(ThreadPoolExecutor(4).map(abs, [-1, -2, -3])))
""",
    "processes that are forked": """
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(abs, [-1, -2]))
""",
    "processes that are spawned": """
import multiprocessing
with multiprocessing.get_context("spawn").Pool(2) as pool: print(pool.map(abs, [-1, -2]))
""",
    "processes of a fork server": """
import multiprocessing
with multiprocessing.get_context("forkserver").Pool(2) as pool: print(pool.map(abs, [-1, -2]))
""",
    "own classes are pickled": """
import pickle
class Own: pass
print(pickle.loads(pickle.dumps(Own())).__class__.__module__)
""",
    "linear algebra": "import numpy; a = numpy.arange(90000.).reshape(300, 300); print((a @ a).trace())",
    "own process": """
import os, psutil, signal
own = psutil.Process()
print(own.pid == os.getpid(), own.num_threads() > 1, own.username(), own.nice(), len(own.cpu_affinity()), own.cwd())
print(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGPIPE), os.getsid(0) == os.getpid())
""",
    "main module": "import sys; print(sys.modules['__main__'].__name__, __name__, get_ipython().__class__.__name__)",
    "an error": "1 / 0",
    "the end of the interpreter": "import sys; sys.exit(3)",
    "warnings": "import warnings; warnings.warn('look')",
    "memory shared": """
from multiprocessing.shared_memory import SharedMemory
made = SharedMemory(create=True, size=8)
made.buf[0] = 7
print(SharedMemory(made.name).buf[0])
made.close()
made.unlink()
""",
    "current folder and arguments": "import os, sys; print(os.getcwd(), [os.path.basename(sys.argv[0]), sys.argv[1]])",
    "limits": "import resource; print([resource.getrlimit(n) for n in range(16)])",
}
CHANCE = """
import random, uuid, os, numpy, multiprocessing
print(random.random(), numpy.random.rand(), uuid.uuid4(), multiprocessing.current_process().authkey.hex())
"""


@pytest.mark.parametrize("code", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
def test_a_cell_shows_the_same_in_both(pair: tuple[Kernel, Kernel], code: str) -> None:
    started, forked = (kernel.says(code) for kernel in pair)
    assert started
    assert forked == started


def test_chance_is_each_kernels_own(pair: tuple[Kernel, Kernel], kernels: Node) -> None:
    another = Kernel("forked")
    drawn = [kernel.says(CHANCE)[0].split() for kernel in (*pair, another)]
    another.close()
    assert all(len(set(values)) == 3 for values in zip(*drawn, strict=True))


def test_questions_are_answered_in_both(pair: tuple[Kernel, Kernel]) -> None:
    assert [kernel.says("print('I am', input('who? '))", answers="ann") for kernel in pair] == 2 * [["I am ann"]]


@pytest.mark.parametrize(
    "code",
    ["import time; time.sleep(60)", "while True: pass", "!sleep 60"],
    ids=["sleep", "busy loop", "a program"],
)
def test_an_interrupt_ends_the_cell_in_both(pair: tuple[Kernel, Kernel], code: str) -> None:
    ends = [kernel.interrupted(code) for kernel in pair]
    assert ends[0] == ends[1]
    assert [kernel.says("print('alive')") for kernel in pair] == 2 * [["alive"]]


@pytest.mark.parametrize("name", ["started", "forked"])
def test_a_restarted_kernel_has_forgotten_and_a_killed_one_is_missed(kernels: Node, name: str) -> None:
    kernel = Kernel(name)
    try:
        kernel.says("kept = 1")
        first = kernel.pid
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=60)
        assert kernel.pid != first
        assert kernel.says("print('kept' in dir())") == ["False"]
        assert is_forked(kernel.pid) is (name == "forked")
        psutil.Process(kernel.pid).kill()
        eventually(lambda: not kernel.manager.is_alive(), 10, "its death is noticed")
        assert kernel.manager.provisioner is not None
        assert kernel.manager.provisioner.process.poll() == -9  # type: ignore[attr-defined]
    finally:
        kernel.close()


def debugged(kernel: Kernel) -> list[Any]:
    """Stop at a breakpoint in a cell, look at a variable, go on."""
    number = iter(range(1, 100))

    def ask(command: str, **arguments: Any) -> dict[str, Any]:
        content = {"type": "request", "command": command, "seq": next(number), "arguments": arguments}
        message = kernel.client.session.msg("debug_request", content=content)
        kernel.client.control_channel.send(message)
        while True:
            reply = kernel.client.get_control_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return dict(reply["content"])

    begun = ask(
        "initialize", clientID="test", adapterID="", linesStartAt1=True, columnsStartAt1=True, pathFormat="path"
    )
    attached = ask("attach")
    code = "a = 41\na = a + 1\nprint(a)"
    source = ask("dumpCell", code=code)["body"]["sourcePath"]
    points = ask("setBreakpoints", breakpoints=[{"line": 2}], source={"path": source}, sourceModified=False)
    ask("configurationDone")
    kernel.client.execute(code)
    eventually(lambda: ask("debugInfo")["body"]["stoppedThreads"], 60, "it stopped")
    seen = {one["name"]: one["value"] for one in ask("inspectVariables")["body"]["variables"]}
    thread = ask("debugInfo")["body"]["stoppedThreads"][0]
    went_on = ask("continue", threadId=thread)
    kernel.client.get_shell_msg(timeout=60)
    ended = ask("disconnect", restart=False, terminateDebuggee=True)
    verified = [point["verified"] for point in points["body"]["breakpoints"]]
    return [begun["success"], attached["success"], verified, seen.get("a"), went_on["success"], ended["success"]]


def test_a_breakpoint_stops_a_cell_in_both(kernels: Node) -> None:
    for name in ("started", "forked"):
        kernel = Kernel(name)
        try:
            assert debugged(kernel) == [True, True, [True], "41", True, True], name
        finally:
            kernel.close()
