"""Landlock: what of the file system a process and all its children can ever reach, whatever the files' modes say.

The numbers are those of <linux/landlock.h>. Only rights to files are handled: devices keep their ioctls, sockets and
signals are as they were. Programs of different domains cannot be traced (`ptrace`) by one another, also by their user.
Python has no kept library for it.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress

from .calls import LIBC, insist

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_BENEATH = 1
LEAST_VERSION = 2
"""Since Linux 5.19: before, nothing could be moved from one folder to another."""

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_CHANGE_FOLDERS = sum(1 << number for number in range(4, 13))  # remove, and make anything, in a folder
_REFER, _TRUNCATE = 1 << 13, 1 << 14

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | _CHANGE_FOLDERS | _REFER | _TRUNCATE
USE = READ | WRITE_FILE | _TRUNCATE
"""Files that are there can be written, as their modes allow; none can be made."""
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE

TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - these are meant
SYSTEM = ("/dev", "/proc", "/sys/fs/cgroup")

Rules = dict[str, int]


def version() -> int:
    """Of Landlock on this machine; 0 without it."""
    return max(0, int(LIBC.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))))


def rules(home: str, readable: Iterable[str], writable: Iterable[str]) -> Rules:
    """Rights by folder: at home and in `writable` everything, elsewhere reading, beside the home nothing."""
    own = os.path.realpath(home)
    found = dict.fromkeys(_away_from(own), READ)
    found |= dict.fromkeys(map(os.path.realpath, readable), READ)
    found |= dict.fromkeys(SYSTEM, USE)
    return found | dict.fromkeys((own, *TEMPORARY, *map(os.path.realpath, writable)), WRITE)


def _away_from(home: str) -> Iterator[str]:
    """All that lies in no folder of homes: for /data/homes/ann what is in / but /data, and in /data but homes."""
    here = "/"
    parts = home.strip("/").split("/")
    for part in parts[:-1] or [home.strip("/")]:
        with suppress(FileNotFoundError, PermissionError), os.scandir(here) as entries:
            yield from (entry.path for entry in entries if entry.name != part)
        here = os.path.join(here, part)


def restrict(wanted: Rules) -> None:
    """Give up everything but this, for good. What is not there is left out. OSError: nothing was given up."""
    handled = struct.pack("Q", _handled())
    ruleset = insist(LIBC.syscall(_CREATE, handled, ctypes.c_size_t(len(handled)), ctypes.c_uint32(0)), "landlock")
    try:
        for path, rights in wanted.items():
            with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
                _allow(ruleset, path, rights)
        insist(LIBC.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)), "landlock")
    finally:
        os.close(ruleset)


def _handled() -> int:
    return WRITE if version() >= 3 else WRITE & ~_TRUNCATE


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights & _handled(), place)
        insist(LIBC.syscall(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_BENEATH), rule, ctypes.c_uint32(0)), path)
    finally:
        os.close(place)
