"""Bring lesson notebooks into a home folder without ever overwriting the learner's work.

The rule, per notebook: what nobody touched follows the facility; what the learner touched is the learner's. "Touched"
is decided by the SHA-256 of what was placed, kept in a small state file, never by time stamps: those change when a
home folder moves.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = "tutorials"
_STATE_FORMAT = 1


class OutsideHomeError(OSError):
    """The place for a lesson lies outside the home folder, through a link: nothing is written there."""


@dataclass(frozen=True)
class Places:
    """Where lessons and their state live for one user."""

    home: Path
    state: Path

    @classmethod
    def of_user(cls) -> Places:
        """The places of whoever runs this process, after the XDG base directory rules."""
        home = Path.home()
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        return cls(home=home, state=data / "werkbank" / "lessons.json")

    def target(self, relative: Path) -> Path:
        """Where the lesson file ``relative`` belongs; raises `OutsideHomeError` when a link leads elsewhere."""
        target = self.home / _FOLDER / relative
        home = self.home.resolve()
        if not target.parent.resolve().is_relative_to(home) or not target.resolve().is_relative_to(home):
            raise OutsideHomeError(f"{_FOLDER}/{relative} leads out of the home folder")
        return target


@dataclass
class Report:
    """What one pass did, as counts per action and problems as sentences."""

    actions: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """One line for the log, e.g. ``2 placed, 1 kept``."""
        done = ", ".join(f"{count} {action}" for action, count in sorted(self.actions.items())) or "no lessons found"
        return f"{done}; {len(self.problems)} problems" if self.problems else done


def place_lessons(source: Path, places: Places, log) -> Report:
    """Place every ``<lesson>/<notebook>.ipynb`` of ``source`` under ``~/tutorials``.

    Never raises for a single file: a problem is logged as one sentence and the other lessons go on. Repeating a pass
    changes nothing, so it may run at every seat start.
    """
    report = Report()
    if not source.is_dir():
        _problem(report, log, f"there is no folder with lessons at {source}")
        return report
    state, trusted = _read_state(places.state, report, log)
    before = json.dumps(state, sort_keys=True)
    for notebook in sorted(source.glob("*/*.ipynb")):
        relative = notebook.relative_to(source)
        try:
            action = _place_one(notebook, relative, places, state, trusted)
        except (OSError, ValueError) as problem:
            _problem(report, log, f"{relative} was not placed: {problem}")
        else:
            report.actions[action] += 1
    if json.dumps(state, sort_keys=True) != before or not trusted:
        _write_state(places.state, state, report, log)
    return report


def _place_one(notebook: Path, relative: Path, places: Places, state: dict, trusted: bool) -> str:
    """Carry out the rule for one notebook and return the name of what was done."""
    content = notebook.read_bytes()
    new = sha256(content)
    target = places.target(relative)
    entry = state.setdefault(relative.as_posix(), {})
    if not target.exists():
        write_whole(target, content)
        entry.update(placed=new)
        return "placed"
    current = hash_of(target)
    if current == new:
        entry.update(placed=new)
        return "unchanged"
    if trusted and current == entry.get("placed") and not target.is_symlink():
        write_whole(target, content)
        entry.update(placed=new)
        return "updated"
    if entry.get("placed") == new or entry.get("beside") == new:
        return "kept"
    _lay_beside(target, content, new, places, relative)
    entry.update(beside=new)
    return "kept, new version beside it"


def _lay_beside(target: Path, content: bytes, new: str, places: Places, relative: Path) -> None:
    """Write the new version under a name that says which version it is, never over an existing file."""
    version = _version(content) or new[:8]
    for label in (version, f"{version}-{new[:8]}"):
        name = f"{target.stem}.v{label}{target.suffix}"
        beside = places.target(relative.with_name(name))
        if beside.exists() and hash_of(beside) != new:
            continue
        if not beside.exists():
            write_whole(beside, content)
        return
    raise FileExistsError(f"{target.name} and the names for its new version are all taken")


def _version(content: bytes) -> str | None:
    """The lesson version a notebook carries; only characters that are safe in a file name pass."""
    try:
        version = json.loads(content)["metadata"]["werkbank"]["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) and version.replace(".", "").isalnum() else None


def hash_of(path: Path) -> str:
    """What tells one content from another."""
    return sha256(path.read_bytes())


def read_memory(places: Places) -> dict:
    """What was placed so far, by path; nothing where that cannot be read: then what differs counts as edited."""
    return _read_state(places.state, Report(), _NoLog())[0]


def remember(places: Places, relative: Path, content: bytes) -> None:
    """That this content was placed there."""
    state, _trusted = _read_state(places.state, Report(), _NoLog())
    state.setdefault(relative.as_posix(), {})["placed"] = sha256(content)
    _write_state(places.state, state, Report(), _NoLog())


class _NoLog:
    def warning(self, *_words) -> None:
        """What is wrong with the memory was said when the seat started."""


def _read_state(path: Path, report: Report, log) -> tuple[dict, bool]:
    """The remembered hashes, and whether they may be trusted.

    Without trustworthy memory every file that differs counts as edited: keeping one file too many is cheap, losing an
    afternoon of work is not.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != _STATE_FORMAT:
            raise ValueError(f"format {stored['format']!r}")
        lessons = {str(name): dict(entry) for name, entry in stored["lessons"].items()}
    except FileNotFoundError:
        return {}, True
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        _problem(
            report,
            log,
            f"{path.name} cannot be read ({problem}); every lesson that differs counts as edited and is kept",
        )
        return {}, False
    return lessons, True


def _write_state(path: Path, lessons: dict, report: Report, log) -> None:
    text = json.dumps({"format": _STATE_FORMAT, "lessons": lessons}, indent=1, sort_keys=True) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as problem:
        _problem(report, log, f"{path.name} was not saved: {problem}")


def write_whole(target: Path, content: bytes) -> None:
    """Write whole or not at all: a learner or a full disk never sees half a notebook."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _problem(report: Report, log, sentence: str) -> None:
    report.problems.append(sentence)
    log.warning("lessons.place %s", sentence)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
