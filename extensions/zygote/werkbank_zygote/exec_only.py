"""What only a new process can have: settings that are read before the first line of Python runs."""

from __future__ import annotations

from collections.abc import Mapping

_BEGINNINGS = ("LD_", "PYTHON", "MALLOC_", "GLIBC_", "GCONV_", "PANDAS_", "NUMPY_", "NPY_", "PILLOW_", "PYDEVD_")
_RENEWED = {"PYTHONPATH", "PYTHONNOUSERSITE"}  # a fork follows these


def is_exec_only(name: str) -> bool:
    """Whether this variable is read by the loader, the interpreter or a library before a fork could set it."""
    return name.startswith(_BEGINNINGS) and name not in _RENEWED


def needs_exec(wanted: Mapping[str, str], zygote: Mapping[str, str]) -> str:
    """Why a program with this environment cannot be forked from a zygote that was started with that one; else ""."""
    names = filter(is_exec_only, {*wanted, *zygote})
    differing = sorted(name for name in names if wanted.get(name) != zygote.get(name))
    return f"{', '.join(differing)} can only be set for a new process" if differing else ""
