"""What lies beside the built notebooks for programs and for people: the shelf of JupyterLab, and README's table."""

from __future__ import annotations

import json
import re

from .catalogue import ROOT, Entry, lessons, read_entry
from .extras import distributions

README = ROOT / "README.md"
_TABLE = re.compile(r"(?s)(?<=<!-- lessons: built -->\n).*?(?=<!-- /lessons -->)")
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
    }
    return json.dumps(shown, ensure_ascii=False, indent=1) + "\n"


def readme() -> str:
    """The authors' manual with today's table of lessons between its marks; raises ValueError without the marks."""
    text = README.read_text(encoding="utf-8")
    if not _TABLE.search(text):
        raise ValueError(f"{README.name}: the marks <!-- lessons: built --> and <!-- /lessons --> are gone")
    return _TABLE.sub(lambda _old: table(), text)


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
