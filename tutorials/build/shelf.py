"""What lies beside the built notebooks for programs: the shelf of JupyterLab."""

from __future__ import annotations

import json

from .catalogue import lessons, read_entry
from .extras import distributions
from .timetables import plain, read_timetables

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
    "measures",
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
