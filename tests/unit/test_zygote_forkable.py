"""A process that must not be forked says so: each reason in an interpreter of its own."""

import subprocess
import sys

import pytest

CHECK = "\nfrom werkbank_zygote.preload import insist_forkable\ninsist_forkable()"
TORCH_WITH_CUDA = """
import sys, types
torch = sys.modules["torch"] = types.ModuleType("torch")
torch.cuda = types.SimpleNamespace(is_initialized=lambda: True)
"""
MAPPED_DRIVER = """
import ctypes, mmap, os, tempfile
path = os.path.join(tempfile.mkdtemp(dir={folder!r}), "libcuda.so.1")
with open(path, "wb") as file: file.write(bytes(4096))
with open(path, "rb") as file: kept = mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ)
"""


def insist(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code + CHECK], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "2 threads run"),
        ("import asyncio; asyncio.set_event_loop(asyncio.new_event_loop())", "there is an event loop"),
        ("import zmq; zmq.Context.instance()", "there is a ZeroMQ context"),
        ("import traitlets.config as t; t.Application.instance()", "Application has an instance"),
        (TORCH_WITH_CUDA, "CUDA is initialised"),
    ],
)
def test_what_must_not_exist_at_a_fork_is_named(code: str, reason: str) -> None:
    assert reason in insist(code)


def test_a_loaded_driver_is_noticed(tmp_path: object) -> None:
    assert "the CUDA driver is loaded" in insist(MAPPED_DRIVER.format(folder=str(tmp_path)))


def test_all_reasons_are_told_at_once() -> None:
    told = insist(TORCH_WITH_CUDA + "import asyncio; asyncio.set_event_loop(asyncio.new_event_loop())")
    assert "CUDA is initialised" in told
    assert "event loop" in told


def test_an_ordinary_process_can_be_forked() -> None:
    assert insist("import asyncio, traitlets.config, zmq") == ""


END = """
import atexit, logging, types
from werkbank_zygote.rehearsal.stage import no_trace_in_modules
class Server:
    def leave(self): print("server")
def of_a_module(): print("module")
with no_trace_in_modules():
    server = Server()
    atexit.register(server.leave)
    atexit.register((lambda kept: lambda: print(kept))("closure"))
    atexit.register(of_a_module)
    logging.getLogger().addHandler(logging.StreamHandler())
    logging.getLogger("made.up").setLevel(1)
assert not logging.getLogger().handlers
assert logging.getLogger("made.up").level == logging.NOTSET
"""


def test_what_a_rehearsed_server_wants_done_at_the_end_is_not_done_by_children() -> None:
    done = subprocess.run([sys.executable, "-c", END], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("module\n", "")
