"""Notebooks out of cells: the same bytes for the same source, whoever builds and whenever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from werkbank_lessons.words import tr

from . import variants
from .catalogue import LANGUAGES, ROOT, Entry, read_claims, read_entry, read_expected
from .frame import fill, values_of
from .guide import note
from .source import Cell, read_source
from .translation import TranslationError, problems, read_translation

_LANGUAGE_LINE = 'set_language("en")'


def lesson_cells(lesson: str, language: str) -> list[Cell]:
    """All cells of a lesson in one language, placeholders filled; raises `TranslationError` when its Dutch is not
    complete.
    """
    cells = read_source(lesson)
    texts = {}
    if language != "en":
        texts = read_translation(lesson, language)
        if found := problems(cells, texts):
            raise TranslationError(f"{lesson}.{language}: " + "; ".join(found))
    values = values_of(read_entry(lesson), read_claims(), read_expected(lesson), language)
    return [_in_language(cell, language, texts, values) for cell in cells]


def _in_language(cell: Cell, language: str, texts: dict, values: dict[str, str]) -> Cell:
    if cell.kind == "markdown":
        text = texts[cell.lid].text if texts else cell.text
        return replace(cell, text=fill(text, values, cell))
    more = dict(cell.more)
    if "alt" in more:
        more["alt"] = tr(more["alt"], language)
    return replace(cell, text=cell.text.replace(_LANGUAGE_LINE, f'set_language("{language}")'), more=more)


def notebook(cells: list[Cell], entry: Entry, language: str):
    """A notebook without outputs whose cell ids are the lesson cell ids, so that a rebuild changes no byte."""
    made = new_notebook(cells=[_notebook_cell(cell) for cell in cells])
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "title": getattr(entry.title, language),
        "werkbank": {"lesson": entry.id, "version": entry.version, "language": language},
    }
    nbformat.validate(made)
    return made


def _notebook_cell(cell: Cell):
    metadata = {"lid": cell.lid, **cell.more}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    if cell.exercise:
        metadata["exercise"] = cell.exercise
    make = new_markdown_cell if cell.kind == "markdown" else new_code_cell
    return make(cell.text, id=cell.lid, metadata=metadata)


def build(lesson: str, variant: str = "learner") -> dict[str, str]:
    """File name → content of a lesson's notebooks, one per language; ``variant`` is ``learner`` or ``trainer``."""
    entry = read_entry(lesson)
    files = {}
    for language in LANGUAGES:
        cells = lesson_cells(lesson, language)
        chosen = (
            variants.learner(cells, language)
            if variant == "learner"
            else variants.trainer(cells, note(lesson, cells, language))
        )
        text = nbformat.writes(notebook(chosen, entry, language))
        files[f"{entry.folder}/{entry.stem}.{language}.ipynb"] = text.rstrip("\n") + "\n"
    return files


def write(files: dict[str, str], folder: Path = ROOT / "notebooks") -> list[Path]:
    """Write what changed under ``folder`` and return those paths."""
    changed = []
    for name, text in files.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        changed.append(path)
    return changed
