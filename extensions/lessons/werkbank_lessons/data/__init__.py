"""Files that lessons carry, because a lesson never downloads; what they are and under which terms: README.md here."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
_OURS = ("README.md",)


def names() -> list[str]:
    """The names of the files that lessons carry."""
    files = (path for path in _FOLDER.iterdir() if path.is_file() and path.suffix != ".py")
    return sorted(path.name for path in files if path.name not in _OURS)


def path_of(name: str) -> Path:
    """Where the file ``name`` lies in this environment; raises FileNotFoundError that says which files there are."""
    if name not in names():
        raise FileNotFoundError(f"the lessons carry no file {name!r}; there are {', '.join(names())}")
    return _FOLDER / name
