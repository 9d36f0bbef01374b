"""What this process has to do with CUDA, looked at without touching a device."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

UNMAPPED, UNINITIALISED, INITIALISED = "unmapped", "uninitialised", "initialised"

_NOT_INITIALIZED = 3  # CUresult


def managed_memory() -> list[str]:
    """What this process imported that may use managed memory, which it would not survive being parked with.

    In the words of the precheck: cudf, rmm, cupy-managed, numba-managed. What cannot be told counts as managed.
    """
    found = [name for name in ("cudf", "rmm") if name in sys.modules]
    if "cupy" in sys.modules and _cupy_is_changed(sys.modules["cupy"]):
        found.append("cupy-managed")
    if "numba.cuda" in sys.modules:
        found.append("numba-managed")
    return found


def _cupy_is_changed(cupy: Any) -> bool:
    """Whether CuPy allocates in another way than its default, which is not managed."""
    try:
        return cupy.cuda.get_allocator() != cupy.get_default_memory_pool().malloc
    except Exception:  # half imported, or another version
        return True


def cuda_state() -> str:
    """UNMAPPED (no libcuda here), UNINITIALISED (cuInit has not run) or INITIALISED (also when in doubt).

    Never calls cuInit and never loads the library; may block while the process is parked, so do not ask then.
    """
    if not _is_mapped():
        return UNMAPPED
    try:
        library = ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
        answer = library.cuDeviceGetCount(ctypes.byref(ctypes.c_int()))
    except (OSError, AttributeError):
        return INITIALISED
    return UNINITIALISED if answer == _NOT_INITIALIZED else INITIALISED


def _is_mapped() -> bool:
    try:
        return "libcuda.so" in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True


def process_start(pid: int) -> str:
    """Field 22 of /proc/PID/stat, which with the pid names one process; "" when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
