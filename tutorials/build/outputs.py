"""Everything that is built from the sources: notebooks, training material, the shelf, and tables of the manuals."""

from __future__ import annotations

from pathlib import Path

from .catalogue import ROOT, read_entry
from .consistency import of_entry
from .manuals import manuals
from .notebooks import build, write
from .refusals import CatalogueError
from .shelf import shelf
from .training_material import FILE, training_material


def out_of_date(chosen: list[str], output: Path = ROOT / "notebooks", variant: str = "learner") -> list[str]:
    """What of these lessons is not what their sources give, by name."""
    wanted = {output / name: text for name, text in _files(chosen, variant).items()} | _manual(output)
    return [path.relative_to(output.parent).as_posix() for path, text in wanted.items() if not _same(path, text)]


def rebuild(chosen: list[str], output: Path = ROOT / "notebooks", variant: str = "learner") -> list[str]:
    """Write what is out of date, and return the names."""
    changed = write(_files(chosen, variant), output)
    for path, text in _manual(output).items():
        if not _same(path, text):
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return [path.name for path in changed]


def _files(chosen: list[str], variant: str) -> dict[str, str]:
    """Everything that is built, by its name below the output; raises `CatalogueError` before anything is written."""
    entries = [read_entry(lesson) for lesson in chosen]
    if wrong := [problem for entry in entries for problem in of_entry(entry)]:
        raise CatalogueError("\n".join(wrong))
    files = {}
    for entry in entries:
        files |= build(entry.id, variant)
        files[f"{entry.folder}/{FILE}"] = training_material(entry)
    return files | {"catalogue.json": shelf()}


def _manual(output: Path) -> dict[Path, str]:
    """The manuals' tables belong to the committed notebooks only."""
    return manuals() if output == ROOT / "notebooks" else {}


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text
