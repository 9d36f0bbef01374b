"""The program that the kernel asks when a process of a group opens a device (cgroup v2), and how it gets there.

cgroup v2 has no file for devices: access is decided by a small BPF program of type CGROUP_DEVICE. Instructions and
numbers are those of <linux/bpf.h> and the kernel's documentation of control groups (v2, "Device controller").
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterable
from pathlib import Path

from hub.cgroups.nodes import Node, Range

_SYSCALL = {"x86_64": 321, "aarch64": 280, "ppc64le": 361, "s390x": 351, "riscv64": 280}
_PROG_LOAD, _PROG_ATTACH, _PROG_TYPE_CGROUP_DEVICE, _ATTACH_CGROUP_DEVICE = 5, 8, 15, 6
_CHARACTER = 2  # BPF_DEVCG_DEV_CHAR

# Operation codes: load a word, and with a constant, jump if (not) equal / less / greater, set, end.
_LOAD, _AND, _JNE, _JEQ, _JLT, _JGT, _SET, _EXIT = 0x61, 0x57, 0x55, 0x15, 0xA5, 0x25, 0xB7, 0x95
_RESULT, _CONTEXT, _TYPE, _MAJOR, _MINOR = 0, 1, 2, 3, 4
_ALLOW, _DENY = 1, 0


def program(guarded: Iterable[Range], allowed: Iterable[Node]) -> bytes:
    """Refuses every guarded device that is not among the allowed; everything else is left to others."""
    code = [
        _instruction(_LOAD, _TYPE, _CONTEXT),
        _instruction(_AND, _TYPE, constant=0xFFFF),
        _instruction(_LOAD, _MAJOR, _CONTEXT, offset=4),
        _instruction(_LOAD, _MINOR, _CONTEXT, offset=8),
        _instruction(_JEQ, _TYPE, offset=2, constant=_CHARACTER),
        *_end(_ALLOW),
    ]
    for node in sorted(allowed):
        code += [
            _instruction(_JNE, _MAJOR, offset=3, constant=node.major),
            _instruction(_JNE, _MINOR, offset=2, constant=node.minor),
            *_end(_ALLOW),
        ]
    for guard in guarded:
        code += [
            _instruction(_JNE, _MAJOR, offset=4, constant=guard.major),
            _instruction(_JLT, _MINOR, offset=3, constant=guard.first),
            _instruction(_JGT, _MINOR, offset=2, constant=guard.last),
            *_end(_DENY),
        ]
    return b"".join([*code, *_end(_ALLOW)])


def attach(group: Path, code: bytes) -> None:
    """Make `code` the group's program, instead of the one it had. OSError when the kernel refuses."""
    loaded = _load(code)
    try:
        target = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _bpf(_PROG_ATTACH, struct.pack("=IIII", target, loaded, _ATTACH_CGROUP_DEVICE, 0))
        finally:
            os.close(target)
    finally:
        os.close(loaded)


def _load(code: bytes) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"BSD")
    attributes = struct.pack(
        "=IIQQIIQII16s",
        _PROG_TYPE_CGROUP_DEVICE,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
        0,
        0,
        0,
        0,
        0,
        b"werkbank",
    )
    return _bpf(_PROG_LOAD, attributes)


def _bpf(command: int, attributes: bytes) -> int:
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(f"the bpf system call has no known number on {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    answer = int(libc.syscall(number, command, buffer, len(attributes)))
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "bpf")
    return answer


def _instruction(operation: int, register: int, source: int = 0, offset: int = 0, constant: int = 0) -> bytes:
    return struct.pack("=BBhi", operation, register | source << 4, offset, constant)


def _end(result: int) -> tuple[bytes, bytes]:
    return _instruction(_SET, _RESULT, constant=result), _instruction(_EXIT, 0)
