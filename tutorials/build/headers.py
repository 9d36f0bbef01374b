"""What is wrong with the headers of a lesson's cells: keys, tags, words, and exercises with a part missing."""

from __future__ import annotations

import re
from difflib import get_close_matches

from werkbank_lessons.words import is_word

from .catalogue import Entry
from .source import NOTE, ROLES, Cell

KEYS = ("lid", "minutes", "tags", "exercise", "hint", "alt")
TAGS = (*ROLES, NOTE, "setup", "figure")
_ONCE = ("exercise", "solution", "check")
_ITS_OWN = "lines_to_"  # jupytext keeps blank lines so
_DRAWS = re.compile(r"plt\.(subplots|subplot_mosaic|figure)\(")


def of_cells(entry: Entry, cells: list[Cell]) -> list[str]:
    """A sentence for every mistake in the headers of ``cells``."""
    place = f"src/{entry.id}.py"
    problems = [f"{place}: cell {cell.lid!r}: {said}" for cell in cells for said in _of_cell(cell)]
    problems += [f"{place}: {said}" for said in _of_exercises(entry, cells)]
    if not any("setup" in cell.tags for cell in cells):
        problems.append(f'{place}: no cell has tags=["setup"]; exercises need the cell with the imports')
    notes = [cell for cell in cells if cell.is_note and cell.kind == "markdown"]
    if len(notes) != 1:
        problems.append(
            f'{place}: has {len(notes)} text cells with tags=["{NOTE}"]; a trainer needs one: what to leave out, which '
            "questions come"
        )
    return problems


def _of_cell(cell: Cell) -> list[str]:
    said = [_misspelt("key", key, KEYS) for key in cell.more if key not in KEYS and not key.startswith(_ITS_OWN)]
    said += [_misspelt("tag", tag, TAGS) for tag in cell.tags if tag not in TAGS]
    for key in ("hint", "alt"):
        if key in cell.more and not is_word(cell.more[key]):
            said.append(f"{key} {cell.more[key]!r} is in no words/; write it under a section of the lesson")
    if cell.role == "wrong" and "hint" not in cell.more:
        said.append('a wrong answer needs hint="…", the key of the hint that must come out')
    if "figure" in cell.tags and "alt" not in cell.more:
        said.append('a figure needs alt="…", the key of its text alternative')
    if cell.kind == "code" and _DRAWS.search(cell.text) and cell.role is None and "figure" not in cell.tags:
        said.append('draws; give it tags=["figure"] and alt="…"')
    if cell.kind == "code" and "minutes" in cell.more:
        said.append("minutes belong to the text cell that opens a section")
    if cell.kind == "markdown" and cell.text.startswith("## ") and "minutes" not in cell.more:
        said.append("opens a section; say how long it takes with minutes=…")
    return said


def _of_exercises(entry: Entry, cells: list[Cell]) -> list[str]:
    promised = [exercise.id for exercise in entry.exercises]
    said = [
        f"cell {cell.lid!r}: exercise {cell.exercise!r} is not in the catalogue; allowed are {', '.join(promised)}"
        for cell in cells
        if cell.exercise and cell.exercise not in promised
    ]
    for name in promised:
        roles = [cell.role for cell in cells if cell.exercise == name]
        said += [
            f"exercise {name}: has {roles.count(role)} cells with the tag {role!r}; it needs one"
            for role in _ONCE
            if roles.count(role) != 1
        ]
        if "wrong" not in roles:
            said.append(f"exercise {name}: has no wrong answer; write down the mistakes you expect")
    return said


def _misspelt(what: str, found: str, allowed: tuple[str, ...]) -> str:
    near = get_close_matches(found, allowed, n=1)
    guess = f" (did you mean {near[0]!r}?)" if near else ""
    return f"there is no {what} {found!r}{guess}; allowed are {', '.join(allowed)}"
