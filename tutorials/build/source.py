"""A lesson's source: one jupytext py:percent file whose cells carry a ``lid`` (lesson cell id) and tags."""

from __future__ import annotations

from dataclasses import dataclass, field

import jupytext

from .catalogue import ROOT

ROLES = ("exercise", "solution", "wrong", "check")
NOTE = "trainer"


class SourceError(ValueError):
    """A source file that cannot be built; the message names lesson, cell and what is allowed."""


@dataclass(frozen=True)
class Cell:
    """One cell. ``role`` is None for plain cells; ``more`` holds the other metadata (minutes, hint, alt …)."""

    lid: str
    kind: str
    text: str
    tags: tuple[str, ...] = ()
    exercise: str | None = None
    more: dict = field(default_factory=dict)

    @property
    def role(self) -> str | None:
        return next((role for role in ROLES if role in self.tags), None)

    @property
    def is_note(self) -> bool:
        """Whether only trainers get to see it."""
        return NOTE in self.tags


def read_source(lesson: str) -> list[Cell]:
    """The cells of ``src/<lesson>.py`` in order; raises `SourceError` for a missing or repeated ``lid``."""
    notebook = jupytext.read(ROOT / "src" / f"{lesson}.py", fmt="py:percent")
    cells = [_cell(lesson, number, cell) for number, cell in enumerate(notebook.cells, start=1)]
    seen: set[str] = set()
    for cell in cells:
        if cell.lid in seen:
            raise SourceError(f"{lesson}: two cells have lid {cell.lid!r}; give each its own")
        seen.add(cell.lid)
    return cells


def _cell(lesson: str, number: int, cell) -> Cell:
    metadata = dict(cell.metadata)
    lid = metadata.pop("lid", None)
    if not lid:
        raise SourceError(f'{lesson}: cell {number} has no lid; write for example lid="weights-text" in its header')
    tags = tuple(metadata.pop("tags", ()))
    exercise = metadata.pop("exercise", None)
    if bool(set(tags) & set(ROLES)) != bool(exercise):
        raise SourceError(
            f'{lesson}: cell {lid!r} must have both a tag out of {", ".join(ROLES)} and exercise="…", or neither'
        )
    return Cell(lid=lid, kind=cell.cell_type, text=cell.source, tags=tags, exercise=exercise, more=metadata)
