"""What a trainer needs of a lesson: when each section begins, what to leave out, and which questions come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .source import NOTE, Cell, SourceError

WORDS = {
    "en": {"from": "from", "section": "section", "exercise": "exercise", "minutes": "min"},
    "nl": {"from": "vanaf", "section": "deel", "exercise": "oefening", "minutes": "min"},
}
_HEADING = re.compile(r"^## (?P<title>.*?)(?: \(\d+ min\))?$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A section of a lesson: the minute at which it begins, its title, its minutes and the exercises in it."""

    begins: int
    title: str
    minutes: int
    exercises: tuple[str, ...]


def sections(cells: list[Cell]) -> list[Section]:
    """The sections of a lesson in order; ``cells`` are those of one language."""
    opens = [place for place, cell in enumerate(cells) if "minutes" in cell.more]
    found: list[Section] = []
    for place, end in zip(opens, [*opens[1:], len(cells)], strict=True):
        begins = found[-1].begins + found[-1].minutes if found else 0
        exercises = tuple(cell.exercise for cell in cells[place:end] if cell.role == "exercise" and cell.exercise)
        heading = _HEADING.search(cells[place].text)
        title = heading["title"] if heading else cells[place].lid
        found.append(Section(begins, title, cells[place].more["minutes"], exercises))
    return found


def note(lesson: str, cells: list[Cell], language: str) -> Cell:
    """The note for the trainer as a cell of its own, with the minutes before the author's words; raises `SourceError`
    when the lesson has none.
    """
    written = next((cell for cell in cells if cell.is_note), None)
    if written is None:
        raise SourceError(f'{lesson}: no text cell has tags=["{NOTE}"]; write what to leave out, which questions come')
    return replace(written, text=f"{_timetable(cells, language)}\n{written.text}")


def _timetable(cells: list[Cell], language: str) -> str:
    return "".join(f"{line}\n" for line in _lines(cells, WORDS[language]))


def _lines(cells: list[Cell], words: dict[str, str]) -> Iterator[str]:
    yield f"| {words['from']} | {words['section']} | {words['minutes']} |"
    yield "|---|---|---|"
    for section in sections(cells):
        title = section.title.replace("|", r"\|")
        named = ", ".join(f"{words['exercise']} {exercise.partition('-')[2]}" for exercise in section.exercises)
        what = f"{title} *({named})*" if named else title
        yield f"| {section.begins // 60}:{section.begins % 60:02} | {what} | {section.minutes} |"
