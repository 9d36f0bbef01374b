"""What lies beside the built notebooks for programs and for people: the shelf of JupyterLab, and the tables of the
manuals.
"""

from __future__ import annotations

import json
from pathlib import Path

from .catalogue import ROOT, Entry, lessons, read_entry
from .extras import distributions
from .timetables import page, plain, read_timetables

README = ROOT / "README.md"
GUIDES = {"en": ROOT / "trainers.md", "nl": ROOT / "trainers.nl.md"}
_SHOWN = {
    "id",
    "version",
    "folder",
    "stem",
    "title",
    "track",
    "level",
    "minutes",
    "goals",
    "resources",
    "extras",
    "exercises",
    "next",
}


def shelf() -> str:
    """What JupyterLab shows of all lessons, as JSON, and what each extra they use consists of."""
    entries = [read_entry(lesson) for lesson in lessons()]
    used = sorted({extra for entry in entries for extra in entry.extras})
    shown = {
        "lessons": [entry.model_dump(mode="json", include=_SHOWN) for entry in entries],
        "extras": {extra: distributions(extra) for extra in used},
        "timetables": [plain(timetable) for timetable in read_timetables()],
    }
    return json.dumps(shown, ensure_ascii=False, indent=1) + "\n"


def manuals() -> dict[Path, str]:
    """What people read, with today's tables between its marks; raises ValueError where the marks are gone."""
    guides = {path: _between(path, "timetables", page(language)) for language, path in GUIDES.items()}
    return {README: _between(README, "lessons", table())} | guides


def _between(path: Path, name: str, built: str) -> str:
    """The text of ``path`` with ``built`` between the marks of that name."""
    begin, end = f"<!-- {name}: built -->", f"<!-- /{name} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(f"{begin}\n")
    _old, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{path.name}: the marks {begin} and {end} are gone")
    return before + found + built + found_end + after


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
