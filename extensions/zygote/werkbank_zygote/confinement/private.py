"""Namespaces of its own for a process: /tmp, /var/tmp and /dev/shm that nobody else sees, and System V memory.

Needs root. The two folders on disk belong to a place (a seat, or the clusters of a user): whoever starts the process
makes them, and removes them when nothing of it runs any more. /dev/shm goes with the last process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator

from .calls import LIBC, insist

FOLDERS = {"tmp": "/tmp", "var-tmp": "/var/tmp"}  # noqa: S108 - these are meant
SHARED_MEMORY = "/dev/shm"  # noqa: S108
_NEWNS, _NEWUTS, _NEWIPC = 0x00020000, 0x04000000, 0x08000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_SLAVE = 2, 4, 4096, 16384, 1 << 19
_ONLY_FOLDERS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def reason() -> str:
    """Why there can be none on this machine, such as in a container without the capability; empty when there can.

    It is tried, in a process of its own.
    """
    code = f"from {__name__} import begin; begin()"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def begin() -> None:
    """Leave the namespaces of the machine. OSError."""
    insist(LIBC.unshare(_NEWNS | _NEWUTS | _NEWIPC), "unshare")
    # What the machine mounts later is seen here too; what is mounted here is seen nowhere else.
    _mount(None, "/", None, _MS_REC | _MS_SLAVE, None)


def make(folder: str) -> None:
    """The folders of a place. They may be there already. OSError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name in FOLDERS:
        path = os.path.join(folder, name)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            os.chmod(path, 0o1777)  # noqa: S103 - as /tmp is


def remove(folder: str) -> None:
    """All that was left in them, too. What cannot be removed stays."""
    shutil.rmtree(folder, ignore_errors=True)


def enter(folder: str, visible: Iterable[str]) -> None:
    """Leave the machine's own temporary folders. `visible` are paths that are seen as before. OSError."""
    with contextlib.ExitStack() as after:
        begin()
        kept = [(path, _opened(path, after)) for path in _outermost(map(os.path.realpath, visible))]
        own = {target: _opened(os.path.join(folder, name), after) for name, target in FOLDERS.items()}
        for target, descriptor in own.items():
            _mount(f"/proc/self/fd/{descriptor}", target, None, _MS_BIND, None)
        for path, descriptor in kept:
            with contextlib.ExitStack() as closing:
                place = _made(path, own, closing)
                _mount(f"/proc/self/fd/{descriptor}", f"/proc/self/fd/{place}", None, _MS_BIND | _MS_REC, None)
        if not any(path.startswith(SHARED_MEMORY + "/") for path in visible):
            _mount("tmpfs", SHARED_MEMORY, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777")


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Those that lie in a folder that is exchanged, without those that lie in one of them."""
    folders = tuple(f"{target}/" for target in FOLDERS.values())
    hidden = sorted(path for path in set(paths) if path.startswith(folders) and os.path.isdir(path))
    last = None
    for path in hidden:
        if last is None or not path.startswith(f"{last}/"):
            last = path
            yield path


def _opened(path: str, after: contextlib.ExitStack) -> int:
    descriptor = os.open(path, _ONLY_FOLDERS)
    after.callback(os.close, descriptor)
    return descriptor


def _made(path: str, own: dict[str, int], closing: contextlib.ExitStack) -> int:
    """The folder of this path below the exchanged one, made where it is missing.

    Its user may have been there before: no link is followed, and nothing that is not root's is entered.
    """
    target = next(target for target in own if path.startswith(f"{target}/"))
    here = _opened(target, closing)
    for part in path[len(target) + 1 :].split("/"):
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o755, dir_fd=here)
        here = os.open(part, _ONLY_FOLDERS, dir_fd=here)
        closing.callback(os.close, here)
        if os.fstat(here).st_uid != 0:
            raise PermissionError(f"{path}: somebody else made a part of it")
    return here


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    insist(LIBC.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]), f"mount {target}")
