"""The variants of a lesson: what a learner gets, what a trainer gets, and what the tests run."""

from __future__ import annotations

from dataclasses import replace

from .source import Cell

_SOLUTION = {"en": "Solution", "nl": "Uitwerking"}


def learner(cells: list[Cell], language: str) -> list[Cell]:
    """Starter code to work in, each solution folded away as text behind its check, no wrong answers."""
    folded = {cell.exercise: _folded(cell, language) for cell in cells if cell.role == "solution"}
    shown: list[Cell] = []
    for cell in cells:
        if cell.role not in ("solution", "wrong") and not cell.is_note:
            shown.append(cell)
        if cell.role == "check":
            shown.append(folded[cell.exercise])
    return shown


def solved(cells: list[Cell]) -> list[Cell]:
    """Each starter replaced by its solution, to test that a lesson holds together."""
    return [cell for cell in cells if cell.role not in ("exercise", "wrong") and not cell.is_note]


def trainer(cells: list[Cell], note: Cell) -> list[Cell]:
    """The solved lesson, with the ``note`` for its trainer below the title."""
    title, *rest = solved(cells)
    return [title, note, *rest]


def mutations(cells: list[Cell]) -> list[tuple[Cell, Cell]]:
    """Every starter and every wrong answer, each with the check that must refuse it."""
    checks = {cell.exercise: cell for cell in cells if cell.role == "check"}
    return [(cell, checks[cell.exercise]) for cell in cells if cell.role in ("exercise", "wrong")]


def setup(cells: list[Cell]) -> list[Cell]:
    """The cells an exercise needs before it: imports and language."""
    return [cell for cell in cells if "setup" in cell.tags]


def _folded(cell: Cell, language: str) -> Cell:
    summary = _SOLUTION[language]
    text = f"<details><summary>{summary}</summary>\n\n```python\n{cell.text}\n```\n\n</details>"
    return replace(cell, kind="markdown", text=text)
