"""Extras: libraries that some lessons need and no seat should carry without need (``images/lessons/<extra>``)."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .catalogue import ROOT, Entry

ENVIRONMENT = ROOT.parent / ".venv-lessons"  # made by `./werkbank lessons install`
STAMP = "werkbank-lessons.json"
IMAGES = ROOT.parent / "images"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


class MissingExtrasError(Exception):
    """A lesson cannot run here; the message says what would help."""


def extras() -> list[str]:
    """The names of all extras."""
    return sorted(path.parent.name for path in (IMAGES / "lessons").glob("*/requirements.in"))


def distributions(extra: str) -> list[str]:
    """What an extra asks for by name, with that of the extras it builds on; not what those need in turn."""
    return sorted(_asked_for(IMAGES / "lessons" / extra / "requirements.in"))


def carried() -> set[str]:
    """Everything in the workbench's own environment, needed by others or by name."""
    lock = (IMAGES / "workbench.lock").read_text(encoding="utf-8")
    return {_plain(found[0]) for line in lock.splitlines() if (found := _NAME.match(line))}


def python_for(entry: Entry) -> str:
    """A Python that has what the lesson needs: this one, else that of ``./werkbank lessons install``.

    Raises `MissingExtrasError` where there is none.
    """
    wanted = {name for extra in entry.extras for name in distributions(extra)}
    if all(map(_is_here, wanted)):
        return sys.executable
    if set(entry.extras) <= installed():
        return str(ENVIRONMENT / "bin" / "python")
    raise MissingExtrasError(
        f"lesson {entry.id} needs the extras {', '.join(entry.extras)}, which are not installed here; run "
        f"./werkbank lessons install {' '.join(entry.extras)}"
    )


def installed() -> set[str]:
    """The extras in the environment of the lessons, whatever their age."""
    try:
        return set(json.loads((ENVIRONMENT / STAMP).read_text(encoding="utf-8"))["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _is_here(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def _asked_for(file: Path) -> set[str]:
    names: set[str] = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            names |= _asked_for(file.parent / line.removeprefix("-r ").strip())
        elif found := _NAME.match(line):
            names.add(_plain(found[0]))
    return names


def _plain(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
