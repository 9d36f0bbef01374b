"""Which lessons a change touches: those run; all of them when their kit, locks or claims changed, or nobody can tell.

The change is what differs from where this branch left the first parent of the main branch, committed or not. Set
WERKBANK_TEST_LESSONS to `all`, or to ids with commas between them, to choose yourself.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from ruamel.yaml import YAML

from tutorials.build.catalogue import lessons, read_entry

from .support import ROOT

# Of one lesson alone; its id is the first group, or its lower-case form.
OWN = re.compile(
    r"tutorials/(?:src|catalogue|expected|i18n/nl)/([A-Z][0-9]+)\.\w+"
    r"|tutorials/notebooks/([A-Z][0-9]+)-[^/]+/.+"
    r"|extensions/lessons/werkbank_lessons/exercises/([a-z][0-9]+)\.py"
    r"|tests/tutorials/test_([a-z][0-9]+)\.py"
)
WORDS = re.compile(r"extensions/lessons/werkbank_lessons/words/\w+\.toml")
CLAIMS = "tutorials/catalogue/claims.yaml"
# Follow from the others, or are for people only.
BESIDE = (
    "tutorials/notebooks/catalogue.json",
    "tutorials/README.md",
    "tutorials/timetables.yaml",
    "tutorials/trainers.md",
    "tutorials/trainers.nl.md",
    "extensions/lessons/README.md",
)
FEW = 6
"""Lessons that run in every language: more take longer than somebody waits for the tests."""
SHARED = ("tutorials/", "extensions/lessons/", "tests/tutorials/", "images/lessons/", "pyproject.toml")
LOCKS = re.compile(r"images/[\w.-]+\.lock|images/lab/.+|tests/requirements\.lock")


def touched() -> set[str]:
    """The ids of the lessons to run."""
    wanted = os.environ.get("WERKBANK_TEST_LESSONS", "")
    if wanted:
        return set(lessons()) if wanted == "all" else set(wanted.split(",")) & set(lessons())
    base = _base()
    if base is None:
        return set(lessons())
    found = lessons_of(_changed(base), lambda path: _git("show", f"{base}:{path}") or "")
    return set(lessons()) & found


def touched_itself() -> set[str]:
    """Of those, the ones whose own files a change touches, or that somebody chose: they run in every language.

    None where a change touches many at once, or nobody can tell: it is then one of the kit.
    """
    if os.environ.get("WERKBANK_TEST_LESSONS"):
        return touched()
    base = _base()
    own = {_id(match) for path in _changed(base) if (match := OWN.fullmatch(path))} if base else set()
    return own & set(lessons()) if len(own) <= FEW else set()


def lessons_of(paths: Iterable[str], before: Callable[[str], str]) -> set[str]:
    """The lessons that a change of ``paths`` touches; ``before`` gives a file's text before the change."""
    found: set[str] = set()
    for path in paths:
        if own := OWN.fullmatch(path):
            found.add(_id(own))
        elif WORDS.fullmatch(path):
            found |= _with_other_words(tomllib.loads(before(path)), tomllib.loads(_now(path)))
        elif path == CLAIMS:
            found |= _with_other_claims(_yaml(before(path)), _yaml(_now(path)))
        elif path not in BESIDE and (path.startswith(SHARED) or LOCKS.fullmatch(path)):
            return set(lessons())
    return found


def _id(own: re.Match[str]) -> str:
    return next(filter(None, own.groups())).upper()


def _with_other_words(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """Lessons whose sections (``[D2-1]``, ``[D2.figure]``) differ; all when a section of the kit does."""
    sections = {section.partition("-")[0] for section in _differing(old, new)}
    return sections if sections <= set(lessons()) else set(lessons())


def _with_other_claims(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    claims = _differing(old, new)
    return {lesson for lesson in lessons() if claims & set(read_entry(lesson).claims)}


def _differing(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _base() -> str | None:
    """Where this branch left the first parent of the main branch; None where git does not tell."""
    for main in ("main", "origin/main"):
        if base := _git("merge-base", "HEAD", f"{main}^1"):
            return base.strip()
    return None


def _changed(base: str) -> list[str]:
    differing = _git("diff", "--name-only", "--no-renames", base)
    new = _git("ls-files", "--others", "--exclude-standard")
    assert differing is not None
    assert new is not None
    return differing.splitlines() + new.splitlines()


def _git(*arguments: str) -> str | None:
    command = ["git", "-c", "core.quotePath=false", *arguments]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def _now(path: str) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _yaml(text: str) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(text) or {}
