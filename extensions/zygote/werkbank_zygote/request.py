"""What is asked for, read and checked by the child, as its user."""

from __future__ import annotations

import array
import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from . import header

TIMEOUT_S = 5.0
MOST_DESCRIPTORS = 8


class BadRequest(ValueError):
    """Not a request that can be served."""


@dataclass(frozen=True)
class Request:
    """One program: a Python module with its arguments, in an environment of its own."""

    module: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    umask: int = 0o077
    title: str = ""
    descriptors: list[str] = field(default_factory=list)
    """Environment variables that get the numbers of the descriptors sent after stdin, stdout and stderr."""
    parent_pid: int = 0
    """The process without which this one has no purpose; it ends when that one does. 0 for none."""


def read_header(connection: socket.socket) -> tuple[header.Header, list[int]]:
    """The fixed beginning, and the descriptors that came with it. BadHeader, BadRequest, TimeoutError, OSError."""
    connection.settimeout(TIMEOUT_S)
    descriptors = array.array("i")
    data, ancillary, flags, _address = connection.recvmsg(
        header.LENGTH, socket.CMSG_SPACE(MOST_DESCRIPTORS * descriptors.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    if flags & socket.MSG_CTRUNC:
        raise BadRequest(f"more than {MOST_DESCRIPTORS} descriptors")
    return header.unpack(data), list(descriptors)


def read_request(connection: socket.socket, length: int) -> Request:
    """The request of `length` bytes, all of it within TIMEOUT_S. BadRequest, TimeoutError, OSError."""
    data = bytearray()
    deadline = time.monotonic() + TIMEOUT_S
    while len(data) < length:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        part = connection.recv(length - len(data))
        if not part:
            raise BadRequest("the caller went away in the middle of it")
        data += part
        if time.monotonic() > deadline:
            raise BadRequest(f"it takes longer than {TIMEOUT_S:g} s")
    return parse(bytes(data))


def parse(data: bytes) -> Request:
    """The request in this JSON. BadRequest with the name of what is wrong."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise BadRequest(str(problem)) from problem
    if not isinstance(found, dict):
        raise BadRequest("not an object")
    if unknown := set(found) - set(Request.__dataclass_fields__):
        raise BadRequest(f"unknown: {', '.join(sorted(unknown))}")
    for name in ("module", "cwd", "title"):
        _insist_text(name, found.setdefault(name, "") if name == "title" else found.get(name))
    for name in ("argv", "descriptors"):
        _insist_texts(name, found.setdefault(name, []))
    for name, most in (("umask", 0o777), ("parent_pid", 1 << 30)):
        _insist_number(name, found.get(name, 0), most)
    _insist_environment(found.get("env"), found["descriptors"])
    if not found["argv"]:
        raise BadRequest("argv: the program's name is needed")
    if not all(part.isidentifier() for part in found["module"].split(".")):
        raise BadRequest(f"module: {found['module'][:100]!r} is no name of a module")
    return Request(**found)


def _insist_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or "\0" in value:
        raise BadRequest(f"{name}: a text is needed")


def _insist_texts(name: str, value: Any) -> None:
    if not isinstance(value, list):
        raise BadRequest(f"{name}: a list of texts is needed")
    for part in value:
        _insist_text(name, part)


def _insist_number(name: str, value: Any, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:  # True is an int, and none that is meant
        raise BadRequest(f"{name}: a number from 0 to {most} is needed")


def _insist_environment(env: Any, descriptors: list[str]) -> None:
    if not isinstance(env, dict):
        raise BadRequest("env: an object of texts is needed")
    _insist_texts("env", list(env.values()))
    for name in (*env, *descriptors):
        _insist_text("env", name)
        if not name or "=" in name:
            raise BadRequest(f"env: {name[:100]!r} is no name of a variable")
