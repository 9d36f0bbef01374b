"""All that can be said of lessons without running them, and what of it needs no person to repair."""

from __future__ import annotations

from dataclasses import dataclass

from werkbank_lessons.exercises import exercise

from .catalogue import Entry, lessons, read_entry, read_expected
from .consistency import of_catalogue, of_entry, of_goals, of_minutes
from .headers import of_cells
from .outputs import out_of_date
from .refusals import CatalogueError
from .source import Cell, SourceError, read_source
from .translation import TranslationError, problems, read_translation


@dataclass(frozen=True)
class Finding:
    """One problem. ``is_repairable`` where a rebuild repairs it, once all others are gone."""

    said: str
    is_repairable: bool = False


def findings() -> list[Finding]:
    """What is wrong with the lessons, in the order of the files to look at; empty when nothing is."""
    entries: dict[str, Entry] = {}
    found = []
    for lesson in lessons():
        try:
            entries[lesson] = read_entry(lesson)
        except CatalogueError as problem:
            found += str(problem).splitlines()
    found += of_catalogue(entries)
    for name, entry in entries.items():
        if name == entry.id:
            found += _of_lesson(entry)
    if found:
        return [Finding(said) for said in found]
    return [Finding(f"{name}: is not what its source gives", is_repairable=True) for name in out_of_date(lessons())]


def _of_lesson(entry: Entry) -> list[str]:
    try:
        cells = read_source(entry.id)
        numbers = read_expected(entry.id)
    except FileNotFoundError:
        return [f"src/{entry.id}.py: is not there"]
    except (SourceError, CatalogueError) as problem:
        return str(problem).splitlines()
    found = [*of_entry(entry), *of_goals(entry), *of_minutes(entry, cells), *of_cells(entry, cells)]
    text = "".join(cell.text for cell in cells if cell.kind == "markdown")
    if not any(f"{{{{expected.{name}}}}}" in text for name in numbers):
        found.append(
            f"expected/{entry.id}.json: no text reads its numbers; write {{{{expected.NAME}}}} where one belongs"
        )
    return found + _of_judges(entry) + _of_dutch(entry, cells)


def _of_judges(entry: Entry) -> list[str]:
    found = []
    for one in entry.exercises:
        try:
            exercise(one.id)
        except KeyError:
            place = f"werkbank_lessons/exercises/{entry.id.lower()}.py"
            found.append(f"{place}: has no exercise {one.id}; add it to EXERCISES")
        except ModuleNotFoundError:  # of an extra: whoever runs the lesson needs it, who reads it does not
            continue
    return found


def _of_dutch(entry: Entry, cells: list[Cell]) -> list[str]:
    """Stale or missing Dutch; only a person can accept one."""
    place = f"i18n/nl/{entry.id}.md"
    try:
        said = problems(cells, read_translation(entry.id, "nl"))
    except FileNotFoundError:
        return [f"{place}: is not there"]
    except TranslationError as problem:
        return [f"{place}: {problem}"]
    return [f"{place}: {problem}{_advice(entry.id, problem)}" for problem in said]


def _advice(lesson: str, problem: str) -> str:
    lid, _, what = problem.partition(":")
    if "the English changed" not in what:
        return ""
    return f"; read it again, then: python -m tutorials.build {lesson} --accept {lid}"
