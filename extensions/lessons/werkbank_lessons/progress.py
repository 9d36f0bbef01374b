"""The learner's own record of exercises: what they tried and passed. It stays with them.

In a workshop the seat tells the trainer how often an exercise was tried and when it was passed: `Record`. Nothing else
of it leaves the seat.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_EXERCISE = re.compile(r"[A-Z]\d{1,3}-\d{1,3}")
_LATEST = 1e11
_AT_ONCE = 2**20
"""Bytes that are read in one look; the rest comes with the next ones."""


@dataclass(frozen=True)
class Event:
    """One line of the record."""

    at: float
    """Unix seconds."""
    exercise: str
    passed: bool


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


class Record:
    """The record while it grows: each look goes on where the last one ended.

    A file that became shorter, or is another one, is read anew. Lines that cannot be read say nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or progress_path()
        self._file: int | None = None
        self._offset = 0
        self._events: dict[str, list[Event]] = {}

    def exercises(self, since: float) -> dict[str, dict[str, Any]]:
        """By exercise: `tries` from `since` on until it was passed, and when it was `last` tried and first `passed`.

        What was only tried before `since` is left out; what was passed before is not. Times are Unix seconds; `passed`
        is None where it was not.
        """
        self._read_on()
        told = {exercise: _summary(events, since) for exercise, events in self._events.items()}
        return {exercise: summary for exercise, summary in told.items() if summary is not None}

    def _read_on(self) -> None:
        try:
            with self._path.open("rb") as record:
                state = os.fstat(record.fileno())
                if state.st_ino != self._file or state.st_size < self._offset:
                    self._file, self._offset, self._events = state.st_ino, 0, {}
                record.seek(self._offset)
                content = record.read(_AT_ONCE)
        except OSError:  # what was read before is still so
            return
        end = content.rfind(b"\n") + 1
        if not end and len(content) == _AT_ONCE:
            end = len(content)  # no line is so long
        self._offset += end
        for event in _events(content[:end].splitlines()):
            self._events.setdefault(event.exercise, []).append(event)


def _events(lines: Iterable[bytes]) -> Iterable[Event]:
    for line in lines:
        try:
            told = json.loads(line)
            event = Event(datetime.fromisoformat(told["at"]).timestamp(), told["exercise"], told["event"] == "passed")
            known = told["event"] in ("tried", "passed") and _EXERCISE.fullmatch(event.exercise)
        except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
            continue
        if known and 0 <= event.at <= _LATEST:
            yield event


def _summary(events: list[Event], since: float) -> dict[str, Any] | None:
    """What is told of one exercise; None where there is nothing to tell."""
    first = next((place for place, event in enumerate(events) if event.passed), None)
    passed_at = None if first is None else events[first].at
    until = len(events) if first is None else first + 1
    tries = sum(event.at >= since for event in events[:until])
    if not tries and passed_at is None:
        return None
    return {"tries": tries, "last": max(event.at for event in events), "passed": passed_at}
