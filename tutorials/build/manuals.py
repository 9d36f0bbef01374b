"""The manuals: what is built between their marks, for people who teach and people who write lessons."""

from __future__ import annotations

from pathlib import Path

from . import timetables
from .catalogue import ROOT, Entry, lessons, read_entry
from .guide import note
from .notebooks import lesson_cells

README = ROOT / "README.md"
GUIDES = {"en": ROOT / "trainers.md", "nl": ROOT / "trainers.nl.md"}


def manuals() -> dict[Path, str]:
    """What people read, with today's tables between its marks; raises ValueError where the marks are gone."""
    texts = {README: _between(README, README.read_text(encoding="utf-8"), "lessons", table())}
    for language, path in GUIDES.items():
        guide = _between(path, path.read_text(encoding="utf-8"), "timetables", timetables.page(language))
        texts[path] = _between(path, guide, "notes", notes(language))
    return texts


def _between(path: Path, text: str, name: str, built: str) -> str:
    """``text``, which is that of ``path``, with ``built`` between the marks of that name."""
    begin, end = f"<!-- {name}: built -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(f"{begin}\n")
    _old, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{path.name}: the marks {begin} and {end} are gone")
    return before + found + built + found_end + after


def notes(language: str) -> str:
    """What a trainer needs of each lesson, as Markdown in one language."""
    return "\n".join(_note(lesson, language) for lesson in lessons())


def _note(lesson: str, language: str) -> str:
    title = getattr(read_entry(lesson).title, language)
    return f"### {lesson} · {title}\n\n{note(lesson, lesson_cells(lesson, language), language).text}\n"


def table() -> str:
    """A line of Markdown for each lesson: title, minutes, needs, and when it last ran."""
    head = "| id | lesson | minutes | needs | checked on |\n|---|---|---|---|---|\n"
    return head + "".join(_row(read_entry(lesson)) for lesson in lessons())


def _row(entry: Entry) -> str:
    measured = entry.measured
    energy = f"{measured.wh:g} Wh" if measured.wh is not None else "energy not measured"
    checked = f"{measured.on}: {measured.cpu2_seconds:g} s, {measured.peak_memory_mib} MiB, {energy}"
    columns = (entry.id, f"{entry.title.en} · {entry.title.nl}", str(entry.minutes.total), _needs(entry), checked)
    return f"| {' | '.join(columns)} |\n"


def _needs(entry: Entry) -> str:
    dask = {"none": "", "local": "two processes for Dask", "gateway-or-local": "Dask Gateway, or two processes"}
    resources = entry.resources
    gpu = "a GPU is welcome" if resources.gpu == "optional" else ""
    extras = f"extras: {', '.join(entry.extras)}" if entry.extras else ""
    return "; ".join(filter(None, (f"{resources.memory_gb:g} GB", dask[resources.dask], gpu, extras)))
