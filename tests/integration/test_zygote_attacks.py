"""What a bad caller does to a node costs nobody else anything: bounded loops, unix sockets of this test only."""

import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from werkbank_zygote.client import NoZygote, _connect, fork
from werkbank_zygote.header import LONGEST_REQUEST, SELF, Header
from werkbank_zygote.parent import MOST_UNREAD
from werkbank_zygote.request import MOST_DESCRIPTORS, TIMEOUT_S

from tests.support.accounts import FIRST_UID, skip_without_rights
from tests.support.workbench import eventually
from tests.support.zygote import Node, descriptors, node, node_of_accounts

ANN, BOB = FIRST_UID, FIRST_UID + 1
GOOD = {"module": "this", "argv": ["this"], "env": {}, "cwd": "/"}


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node(tmp_path_factory.mktemp("zygotes")) as running:
        yield running


@pytest.fixture
def unharmed(kernels: Node) -> Iterator[Node]:
    """The zygote is the same afterwards, has no child or descriptor more, and serves."""
    zygote = kernels.zygote()
    before = descriptors(zygote.pid)
    yield kernels
    assert kernels.serves()
    assert not kernels.said("zygote.lost")
    if kernels.served_by() == zygote.pid:  # else somebody changed a package meanwhile, and it was relieved
        eventually(lambda: not zygote.children(), 2 * TIMEOUT_S, "no child is left, not even a dead one")
        eventually(lambda: descriptors(zygote.pid) == before, 10, "as many descriptors as before")
        assert zygote.num_threads() == 1


def packed(body: bytes, uid: int = SELF) -> bytes:
    return Header(uid, len(body)).pack() + body


def _header(length: int) -> bytes:
    return struct.pack(">4sII16s", b"WBZ2", SELF, length, bytes(16))


REQUESTS = {
    "nothing": b"",
    "one byte": b"W",
    "half a header": b"WBZ2\0\0",
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "no length": _header(0),
    "a length too long": _header(LONGEST_REQUEST + 1),
    "a gigabyte": _header(1 << 30),
    "four gigabytes": _header((1 << 32) - 1),
    "no body": Header(SELF, 100).pack(),
    "half a body": Header(SELF, 100).pack() + b"x" * 50,
    "no JSON": packed(b"\xff\xfe{"),
    "a deep hole": packed(b"[" * 100_000),
    "another type": packed(json.dumps(GOOD | {"argv": {"0": "x"}}).encode()),
    "an unknown key": packed(json.dumps(GOOD | {"uid": 0}).encode()),
    "a path for a module": packed(json.dumps(GOOD | {"module": "../x"}).encode()),
    "a command for a module": packed(json.dumps(GOOD | {"module": "os;system"}).encode()),
    "no descriptors": packed(json.dumps(GOOD).encode()),
    "another user": packed(json.dumps(GOOD).encode(), uid=1),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
@pytest.mark.parametrize("manner", ["waits", "goes away"])
def test_a_bad_request_is_answered_with_silence_in_time(unharmed: Node, request_: bytes, manner: str) -> None:
    with _connect(unharmed.address()) as caller:
        caller.settimeout(2 * TIMEOUT_S)
        caller.sendall(request_)
        if manner == "waits":
            with suppress(ConnectionResetError):  # where some of ours was not read
                assert caller.recv(100) in (b"", struct.pack(">i", 65))  # its end, or that it ended with 65


@pytest.mark.parametrize("count", [0, 1, 2, 4, MOST_DESCRIPTORS, MOST_DESCRIPTORS + 1, 200])
def test_a_wrong_number_of_descriptors_is_refused_and_none_is_kept(unharmed: Node, count: int) -> None:
    body = json.dumps(GOOD).encode()
    with _connect(unharmed.address()) as caller, open(os.devnull) as nothing:
        socket.send_fds(caller, [Header(SELF, len(body)).pack()], [nothing.fileno()] * count)
        caller.settimeout(2 * TIMEOUT_S)
        caller.sendall(body)
        assert caller.recv(100) == struct.pack(">i", 65)


def test_a_request_by_drops_is_given_up_in_time(unharmed: Node) -> None:
    began = time.monotonic()
    with _connect(unharmed.address()) as caller, suppress(BrokenPipeError, ConnectionResetError):
        caller.sendall(Header(SELF, 10_000).pack())
        while time.monotonic() - began < 4 * TIMEOUT_S:
            caller.sendall(b" ")
            time.sleep(0.1)
    assert time.monotonic() - began < 2 * TIMEOUT_S


def test_a_caller_who_never_gives_the_word_starts_nothing(unharmed: Node, tmp_path: Path) -> None:
    name = unharmed.program(f"open({str(tmp_path / 'ran')!r}, 'w')")
    env = {"PYTHONPATH": str(unharmed.programs)}

    class ChangedTheirMind(OSError):
        pass

    def leave(_pid: int) -> None:
        raise ChangedTheirMind

    with open(os.devnull, "r+") as nothing, pytest.raises(NoZygote):
        fork(unharmed.address(), name, [name], env, "/", (nothing.fileno(),) * 3, before_start=leave)
    eventually(lambda: not unharmed.zygote().children(), what="the child is gone")
    assert not (tmp_path / "ran").exists()


def test_callers_who_come_and_go_in_hundreds_leave_nothing(unharmed: Node) -> None:
    for _time in range(300):
        _connect(unharmed.address()).close()
    for _time in range(100):
        with _connect(unharmed.address()) as caller:
            caller.sendall(b"WBZ2")
    began = time.monotonic()
    assert unharmed.serves()
    assert time.monotonic() - began < 5


def test_silent_callers_of_one_user_take_nobody_elses_place() -> None:
    skip_without_rights()
    silent = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
callers = []
for number in range(400):
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    caller.connect(os.fspath(address))
    callers.append(caller)
print("silent", flush=True)
time.sleep(600)
"""
    with node_of_accounts(["ann", "bob"]) as accounts:
        accounts.node.programs.joinpath("hello.py").write_text("print('hello')")
        zygote = accounts.node.zygote()
        before = len(descriptors(zygote.pid))
        flood = accounts.ask(silent, ANN)
        try:
            assert flood.stdout is not None
            assert flood.stdout.readline() == "silent\n"
            eventually(lambda: accounts.node.said("zygote.too-many"), 10, "the flood is noticed")
            began = time.monotonic()
            assert accounts.answer("print(run('hello'))", BOB) == "hello\n\n"
            assert time.monotonic() - began < 5
            assert len(zygote.children()) <= MOST_UNREAD
            assert len(accounts.node.said("zygote.too-many")) == 1, "a flood of callers is no flood of lines"
            eventually(lambda: not zygote.children(), 3 * TIMEOUT_S, "silent callers are given up")
        finally:
            flood.kill()
            flood.communicate()
        eventually(lambda: len(descriptors(zygote.pid)) == before, what="as many descriptors as before")
        assert accounts.answer("print(run('hello'))", ANN) == "hello\n\n"


def test_a_user_with_a_debugger_at_their_child_does_not_disturb_who_reads_for_others() -> None:
    """A child's pipe to the zygote would take part of a number, and every number after it would be another."""
    skip_without_rights()
    stall = """
caller = _connect(address)
caller.sendall(Header(SELF, 100).pack())
time.sleep(1)
pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and os.stat(f"/proc/{name}").st_uid == os.getuid()]
mine = [pid for pid in pids if pid != os.getpid()]
found = []
for pid in mine:
    try: found += os.listdir(f"/proc/{pid}/fd")
    except PermissionError: found.append("refused")
print(found)
"""
    with node_of_accounts(["ann"]) as accounts:
        assert accounts.answer(stall, ANN) == "['refused']\n"


def test_a_zygote_without_descriptors_left_waits_and_serves_again(tmp_path: Path) -> None:
    with node(tmp_path) as kernels:
        zygote = kernels.zygote()
        used = len(descriptors(zygote.pid))
        psutil.Process(zygote.pid).rlimit(psutil.RLIMIT_NOFILE, (used + 3, used + 3))
        sleeping = [kernels.start("import time; time.sleep(600)") for _time in range(3)]
        with pytest.raises(NoZygote):
            kernels.start("")
        assert 0 < len(kernels.said("zygote.cannot-accept")) < 200, "it does not spin"
        sleeping[0].kill()
        sleeping[0].wait(10)
        eventually(kernels.serves, 20, "it serves again")
        assert kernels.served_by() == zygote.pid
