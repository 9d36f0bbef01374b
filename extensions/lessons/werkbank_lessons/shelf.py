"""The lessons as the panel in JupyterLab shows them: what there is, how far the learner is, and copies on request.

Nothing here writes over a notebook that the learner has changed: what is set aside keeps its content under a new name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from typing import Any

from .place import Places, hash_of, read_memory, remember, write_whole
from .progress import passed

CATALOGUE = "catalogue.json"
NEEDED = {
    "id": str,
    "folder": str,
    "stem": str,
    "title": dict,
    "track": str,
    "level": str,
    "minutes": dict,
    "exercises": list,
}


class UnknownLessonError(LookupError):
    """There is no such lesson in that language."""


class Shelf:
    """The lessons of one facility and one learner."""

    def __init__(self, source: Path, places: Places) -> None:
        self._source, self._places = source, places

    def all(self) -> dict[str, Any]:
        """Every lesson that can be shown, and a sentence for each that cannot."""
        done, memory = passed(), read_memory(self._places)
        lessons, problems = [], []
        missing = _missing(self._extras())
        for entry in self._entries(problems):
            exercises = [one | {"passed": one.get("id") in done} for one in entry["exercises"]]
            try:
                notebooks = self._notebooks(entry, memory)
            except OSError as problem:  # of one lesson's files; the others can be shown
                problems.append(f"{entry['id']}: {problem}")
                continue
            extras = [name for name in entry.get("extras", []) if name in missing]
            lessons.append(entry | {"exercises": exercises, "notebooks": notebooks, "missing": extras})
        return {"lessons": lessons, "problems": problems}

    def open(self, lesson: str, language: str) -> str:
        """The path of the learner's notebook, which is placed when it is not there."""
        relative = self._relative(lesson, language)
        target = self._places.target(relative)
        if not target.exists():
            self._place(relative, target)
        return self._path(target)

    def fresh(self, lesson: str, language: str) -> str:
        """Another copy beside the learner's own."""
        relative = self._relative(lesson, language)
        copy = _free(self._places.target(relative), "copy")
        write_whole(copy, (self._source / relative).read_bytes())
        return self._path(copy)

    def language_of(self, lesson: str, wanted: str) -> str:
        """The wanted language where the lesson has it, else one that it has. Raises UnknownLessonError."""
        spoken = next((self._languages(entry) for entry in self._entries([]) if entry["id"] == lesson), None)
        if not spoken:
            raise UnknownLessonError(lesson, wanted)
        return wanted if wanted in spoken else spoken[0]

    def is_changed(self, lesson: str, language: str) -> bool:
        """Whether the learner has changed their notebook."""
        relative = self._relative(lesson, language)
        return bool(self._standing(relative, read_memory(self._places))["state"] == "edited")

    def reset(self, lesson: str, language: str) -> tuple[str, str]:
        """The lesson as it came, and where the learner's version is now; empty when there was nothing of theirs."""
        relative = self._relative(lesson, language)
        target, kept = self._places.target(relative), ""
        if target.exists() and hash_of(target) != hash_of(self._source / relative):
            mine = _free(target, "mine")
            os.replace(target, mine)
            kept = self._path(mine)
        self._place(relative, target)
        return self._path(target), kept

    def _place(self, relative: Path, target: Path) -> None:
        content = (self._source / relative).read_bytes()
        write_whole(target, content)
        remember(self._places, relative, content)

    def _entries(self, problems: list[str]) -> Iterator[dict[str, Any]]:
        try:
            found = json.loads((self._source / CATALOGUE).read_text(encoding="utf-8"))["lessons"]
        except (OSError, ValueError, KeyError, TypeError) as problem:
            problems.append(f"{CATALOGUE}: {problem}")
            return
        for number, entry in enumerate(found if isinstance(found, list) else []):
            if wrong := _wrong(entry):
                name = entry.get("id", number) if isinstance(entry, dict) else number
                problems.append(f"{CATALOGUE}: {name}: {', '.join(wrong)}")
            elif self._languages(entry):
                yield entry

    def _extras(self) -> dict[str, list[str]]:
        """The distributions of each extra that lessons use; none where the catalogue is older or cannot be read."""
        try:
            found = json.loads((self._source / CATALOGUE).read_text(encoding="utf-8"))["extras"]
            return {str(name): [str(one) for one in of] for name, of in found.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _languages(self, entry: dict[str, Any]) -> list[str]:
        folder = self._source / entry["folder"]
        return [name for name in entry["title"] if (folder / f"{entry['stem']}.{name}.ipynb").is_file()]

    def _notebooks(self, entry: dict[str, Any], memory: dict[str, Any]) -> dict[str, dict[str, Any]]:
        relatives = {name: Path(entry["folder"], f"{entry['stem']}.{name}.ipynb") for name in self._languages(entry)}
        return {name: self._standing(relative, memory) for name, relative in relatives.items()}

    def _standing(self, relative: Path, memory: dict[str, Any]) -> dict[str, Any]:
        """Whether it is there, changed by the learner, and whether a newer one lies beside it."""
        target = self._places.target(relative)
        placed = memory.get(relative.as_posix(), {}).get("placed")
        there = "untouched" if target.exists() and hash_of(target) == placed else "edited"
        state = there if target.exists() else "absent"
        newer = state == "edited" and placed is not None and hash_of(self._source / relative) != placed
        return {"path": self._path(target), "state": state, "newer": newer}

    def _relative(self, lesson: str, language: str) -> Path:
        for entry in self._entries([]):
            if entry["id"] == lesson and language in self._languages(entry):
                return Path(entry["folder"], f"{entry['stem']}.{language}.ipynb")
        raise UnknownLessonError(lesson, language)

    def _path(self, target: Path) -> str:
        return target.relative_to(self._places.home).as_posix()


def _missing(extras: dict[str, list[str]]) -> set[str]:
    """The extras that are not whole in this seat's environment."""
    return {name for name, distributions in extras.items() if not all(map(_is_installed, distributions))}


def _is_installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except (PackageNotFoundError, ValueError):
        return False


def _wrong(entry: Any) -> list[str]:
    """The keys without which, or with which, an entry cannot be shown."""
    if not isinstance(entry, dict):
        return [type(entry).__name__]
    wrong = [key for key, kind in NEEDED.items() if type(entry.get(key)) is not kind]
    names = [key for key in ("folder", "stem") if key not in wrong and Path(entry[key]).name != entry[key]]
    strange = [] if "exercises" in wrong or all(isinstance(one, dict) for one in entry["exercises"]) else ["exercises"]
    extras = entry.get("extras", [])  # an older catalogue has none
    if not isinstance(extras, list) or not all(isinstance(one, str) for one in extras):
        strange.append("extras")
    return wrong + names + strange


def _free(target: Path, word: str) -> Path:
    """A name beside `target` that nothing has yet."""
    names = (target.with_name(f"{target.stem}.{word}-{number}{target.suffix}") for number in count(1))
    return next(name for name in names if not name.exists() and not name.is_symlink())
