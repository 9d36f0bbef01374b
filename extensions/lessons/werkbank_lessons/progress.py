"""The learner's own record of exercises: which they have passed. It stays with them, and nobody else reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path


def progress_path() -> Path:
    """``$XDG_DATA_HOME/werkbank/progress.jsonl`` or the same under ``~/.local/share``."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "werkbank" / "progress.jsonl"


def passed() -> set[str]:
    """Ids of the exercises that were passed; lines that cannot be read say nothing."""
    try:
        lines = progress_path().read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    found = set()
    for line in lines:
        try:
            event = json.loads(line)
            if event["event"] == "passed":
                found.add(str(event["exercise"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
