"""The beginning of a new lesson: small and complete, to be replaced part by part."""

from __future__ import annotations

import datetime as dt
import platform
import re
from pathlib import Path

from .catalogue import ROOT, lessons
from .outputs import rebuild
from .source import read_source
from .translation import accept

TEMPLATE = Path(__file__).parent / "template"
PROJECT = ROOT.parent
_ID = re.compile(r"[A-Z][0-9]{1,3}")
_STEM = "sure-mean"
_MEAN = "9.65"  # of the numbers that the template makes
_WORDS = "extensions/lessons/werkbank_lessons/words"


class CannotBeginError(ValueError):
    """The lesson was not begun, and nothing was written; the message says why and what is allowed."""


def begin(lesson: str) -> list[Path]:
    """Write the sources of a new lesson, its notebooks and its tests; returns the files, words among them.

    Its measured cost stands at a provisional 1 until `record` knows better. Raises `CannotBeginError`.
    """
    if not _ID.fullmatch(lesson):
        raise CannotBeginError(
            f"{lesson!r} is no id for a lesson; write a capital letter and a number, such as N5. Nothing was written."
        )
    files = _files(lesson)
    taken = [path for path in files if (PROJECT / path).exists()]
    if lesson in lessons() or taken:
        there = ", ".join(taken) or f"tutorials/catalogue/{lesson}.yaml"
        raise CannotBeginError(f"lesson {lesson} is already there ({there}); choose another id. Nothing was written.")
    for path, text in files.items():
        (PROJECT / path).write_text(text, encoding="utf-8")
    words = {f"{_WORDS}/{language}.toml": _filled(f"words.{language}.toml", lesson) for language in ("en", "nl")}
    for path, text in words.items():
        with (PROJECT / path).open("a", encoding="utf-8") as file:
            file.write(text)
    cells = read_source(lesson)
    accept(lesson, "nl", [cell.lid for cell in cells], cells)  # both were written together, by people
    return [PROJECT / path for path in (*files, *words)]


def record(lesson: str, seconds: float, mebibytes: float) -> list[str]:
    """Write into the catalogue what a run took, rebuild, and return the names of what is new."""
    path = ROOT / "catalogue" / f"{lesson}.yaml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?<=cpu2_seconds: )[\d.]+", f"{max(seconds, 0.1):.1f}", text)
    text = re.sub(r"(?<=peak_memory_mib: )\d+", f"{max(mebibytes, 1):.0f}", text)
    path.write_text(text, encoding="utf-8")
    return rebuild(lessons())


def _files(lesson: str) -> dict[str, str]:
    """The lesson's own files, by their place in the project."""
    places = {
        "source.py": f"tutorials/src/{lesson}.py",
        "dutch.md": f"tutorials/i18n/nl/{lesson}.md",
        "entry.yaml": f"tutorials/catalogue/{lesson}.yaml",
        "expected.json": f"tutorials/expected/{lesson}.json",
        "exercises.py": f"extensions/lessons/werkbank_lessons/exercises/{lesson.lower()}.py",
        "tests.py": f"tests/tutorials/test_{lesson.lower()}.py",
    }
    return {place: _filled(name, lesson) for name, place in places.items()}


def _filled(name: str, lesson: str) -> str:
    text = (TEMPLATE / f"{name}.txt").read_text(encoding="utf-8")
    known = {
        "ID": lesson,
        "STEM": _STEM,
        "MEAN": _MEAN,
        "SECONDS": "1",
        "MEBIBYTES": "1",
        "TODAY": dt.datetime.now().astimezone().date().isoformat(),
        "PYTHON": platform.python_version(),
        "FINGERPRINT": "new",
    }
    return re.sub(r"@([A-Z]+)@", lambda found: known[found[1]], text)
