"""What a forked child reads: twelve bytes, then JSON. Everything that is not a request is refused by name."""

import json
import struct
from typing import Any

import pytest
from werkbank_zygote.become import user_for
from werkbank_zygote.caller import NotAllowed
from werkbank_zygote.exec_only import needs_exec
from werkbank_zygote.header import LONGEST_REQUEST, SELF, BadHeader, Header, unpack
from werkbank_zygote.log import MOST_LETTERS, log
from werkbank_zygote.request import BadRequest, Request, parse

GOOD: dict[str, Any] = {"module": "json.tool", "argv": ["tool"], "env": {"A": "b"}, "cwd": "/"}


def test_a_request_says_what_runs_and_where() -> None:
    assert parse(json.dumps(GOOD).encode()) == Request("json.tool", ["tool"], {"A": "b"}, "/")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"module": "../x"}, "module"),
        ({"module": "os;system"}, "module"),
        ({"module": ""}, "module"),
        ({"module": ".os"}, "module"),
        ({"module": "os\0"}, "module"),
        ({"module": ["os"]}, "module"),
        ({"module": None}, "module"),
        ({"argv": "x"}, "argv"),
        ({"argv": []}, "argv"),
        ({"argv": [1]}, "argv"),
        ({"argv": ["a\0b"]}, "argv"),
        ({"env": ["A"]}, "env"),
        ({"env": {"A": 1}}, "env"),
        ({"env": {"A": "\0"}}, "env"),
        ({"env": {"A=B": "c"}}, "env"),
        ({"env": {"": "c"}}, "env"),
        ({"env": {"\0": "c"}}, "env"),
        ({"env": None}, "env"),
        ({"cwd": 1}, "cwd"),
        ({"cwd": "\0"}, "cwd"),
        ({"title": 5}, "title"),
        ({"umask": "077"}, "umask"),
        ({"umask": -1}, "umask"),
        ({"umask": 0o1000}, "umask"),
        ({"umask": True}, "umask"),
        ({"parent_pid": "1"}, "parent_pid"),
        ({"parent_pid": -1}, "parent_pid"),
        ({"parent_pid": 2**70}, "parent_pid"),
        ({"descriptors": "A"}, "descriptors"),
        ({"descriptors": [3]}, "descriptors"),
        ({"descriptors": ["A="]}, "env"),
        ({"descriptors": [""]}, "env"),
        ({"uid": 0}, "unknown: uid"),
        ({"preexec": "x", "rlimits": {}}, "unknown: preexec, rlimits"),
    ],
)
def test_a_wrong_request_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        parse(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b"1", b"null", b"[" * 100_000, b'{"module": 1' + b"0" * 5000 + b"}"]
)
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"WBZ2",
        b"GET / HTTP/1.1\r\nHost: example"[:28],
        b"WBZ1" + bytes(24),
        struct.pack(">4sII16s", b"WBZ2", 0, 0, bytes(16)),
        struct.pack(">4sII16s", b"WBZ2", 0, LONGEST_REQUEST + 1, bytes(16)),
        struct.pack(">4sII16s", b"WBZ2", 0, 1 << 30, bytes(16)),
        struct.pack(">4sII16s", b"WBZ2", 0, (1 << 32) - 1, bytes(16)),
        Header(0, 1).pack() + b"x",
    ],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(BadHeader):
        unpack(data)


def test_a_header_is_read_as_it_was_written() -> None:
    for header in (Header(SELF, LONGEST_REQUEST), Header(0, 1, bytes(range(16)))):
        assert unpack(header.pack()) == header


def test_no_path_can_be_made_of_a_place() -> None:
    assert Header(0, 1).folder == ""
    assert Header(0, 1, b"../../../../../a").folder == b"../../../../../a".hex()


@pytest.mark.parametrize(
    ("asked", "caller", "may_name", "becomes"),
    [(None, 1000, None, 1000), (1000, 1000, None, 1000), (1001, 5, 5, 1001), (1001, 0, 0, 1001), (0, 0, None, 0)],
)
def test_who_becomes_whom(asked: int | None, caller: int, may_name: int | None, becomes: int) -> None:
    assert user_for(asked, caller, may_name) == becomes


@pytest.mark.parametrize(
    ("asked", "caller", "may_name"),
    [(1001, 1000, None), (1001, 1000, 5), (0, 5, 5), (0, 1000, 0), (5, 1000, 5), (1001, 0, None)],
)
def test_only_the_hub_names_users_and_nobody_is_made_root(asked: int, caller: int, may_name: int | None) -> None:
    with pytest.raises(NotAllowed):
        user_for(asked, caller, may_name)


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "PYTHONUTF8", "LD_PRELOAD", "MALLOC_ARENA_MAX", "PANDAS_FUTURE"])
def test_what_is_read_before_a_fork_could_set_it_needs_a_new_process(name: str) -> None:
    assert name in needs_exec({name: "1"}, {})
    assert name in needs_exec({}, {name: "1"})
    assert needs_exec({name: "1", "PYTHONPATH": "/x", "HOME": "/h"}, {name: "1"}) == ""


def test_a_caller_writes_no_lines_of_ours_and_no_long_ones(capfd: pytest.CaptureFixture[str]) -> None:
    log("warning", "zygote.refused", why="x\nlevel=error event=made.up" + "y" * 10_000)
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert len(err) < 2 * MOST_LETTERS
