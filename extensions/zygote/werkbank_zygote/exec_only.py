"""What only a new process can have: settings that are read before the first line of Python runs."""

from __future__ import annotations

from collections.abc import Mapping

_BEGINNINGS = ("LD_", "PYTHON", "MALLOC_", "GLIBC_", "GCONV_")
_RENEWED = {"PYTHONPATH", "PYTHONNOUSERSITE"}  # a fork follows these


def needs_exec(wanted: Mapping[str, str], zygote: Mapping[str, str]) -> str:
    """Why a program with this environment cannot be forked from a zygote that was started with that one; else ""."""
    names = {name for name in {*wanted, *zygote} if name.startswith(_BEGINNINGS)} - _RENEWED
    differing = sorted(name for name in names if wanted.get(name) != zygote.get(name))
    return f"{', '.join(differing)} can only be set for a new process" if differing else ""
