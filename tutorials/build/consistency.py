"""What no single file can say wrong: lessons, claims, extras, minutes and exercises that do not fit each other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from werkbank_lessons.data import names

from .catalogue import Entry, read_claims
from .extras import carried, distributions, extras
from .source import Cell

SECTION_LIMIT = 12  # minutes: attention, not taste
VERBS = "verbs.toml"


def of_entry(entry: Entry) -> list[str]:
    """What this entry names that does not exist: claims, extras, files, libraries."""
    file = f"catalogue/{entry.id}.yaml"
    claims = read_claims()
    problems = [
        *_unknown(f"{file}: claims", entry.claims, claims),
        *_unknown(f"{file}: extras", entry.extras, extras()),
        *_unknown(f"{file}: data", _files(entry), names()),
    ]
    if not problems:
        problems += _libraries(file, entry)
    return problems


def _files(entry: Entry) -> list[str]:
    """The files that this entry says lessons carry."""
    kind = "file:"
    return [source.source.removeprefix(kind) for source in entry.data if source.source.startswith(kind)]


def of_goals(entry: Entry) -> list[str]:
    """Goals that begin with something nobody can observe."""
    known = tomllib.loads((Path(__file__).parent / VERBS).read_text(encoding="utf-8"))
    return [
        f"catalogue/{entry.id}.yaml: goals.{number}.{language}: begins with {first!r}; allowed are the verbs in "
        f"tutorials/build/{VERBS}: {', '.join(verbs)}"
        for number, goal in enumerate(entry.goals)
        for language, verbs in known.items()
        if (first := getattr(goal, language).split()[0].rstrip(",.:")) not in verbs
    ]


def _libraries(file: str, entry: Entry) -> list[str]:
    has = carried() | {name for extra in entry.extras for name in distributions(extra)}
    return [
        f"{file}: libraries: {library!r} is neither in the workbench's environment nor in the lesson's extras "
        f"({', '.join(entry.extras) or 'none'}); add the extra that brings it: {', '.join(extras())}"
        for library in entry.libraries
        if library.lower() not in has
    ]


def of_minutes(entry: Entry, cells: list[Cell]) -> list[str]:
    """Whether the sections of the source take as long as the entry promises."""
    place = f"catalogue/{entry.id}.yaml: minutes"
    sections = {cell.lid: cell.more["minutes"] for cell in cells if "minutes" in cell.more}
    problems = [
        f"src/{entry.id}.py: cell {lid!r}: minutes is {minutes!r}; a section takes 1 to {SECTION_LIMIT} whole minutes"
        for lid, minutes in sections.items()
        if not isinstance(minutes, int) or not 1 <= minutes <= SECTION_LIMIT
    ]
    if not problems and (total := sum(sections.values())) != entry.minutes.total:
        problems.append(f"{place}: promises {entry.minutes.total}; the sections of src/{entry.id}.py take {total}")
    return problems


def of_catalogue(entries: dict[str, Entry]) -> list[str]:
    """What the entries (by the name of their file) say of each other: ids, folders, prerequisites, what comes next."""
    ids = [entry.id for entry in entries.values()]
    problems = [
        f"catalogue/{name}.yaml: id is {entry.id!r}; it is the name of the file"
        for name, entry in entries.items()
        if name != entry.id
    ]
    for key in ("id", "folder"):
        problems += _taken_twice(entries, key)
    for name, entry in entries.items():
        file = f"catalogue/{name}.yaml"
        problems += _unknown(f"{file}: prerequisites", (before.id for before in entry.prerequisites), ids)
        problems += _unknown(f"{file}: next", entry.next, ids)
    return problems + _circles({entry.id: entry for entry in entries.values()})


def _taken_twice(entries: dict[str, Entry], key: str) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for name, entry in entries.items():
        value = getattr(entry, key)
        if value in first:
            problems.append(f"catalogue/{name}.yaml: {key} {value!r} is also that of catalogue/{first[value]}.yaml")
        first.setdefault(value, name)
    return problems


def _circles(known: dict[str, Entry]) -> list[str]:
    """Each circle of prerequisites once, from its first lesson."""

    def before(path: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
        if path[-1] in path[:-1]:
            yield path[path.index(path[-1]) :]
        elif path[-1] in known:
            for earlier in known[path[-1]].prerequisites:
                yield from before((*path, earlier.id))

    circles = {circle for lesson in known for circle in before((lesson,)) if circle[0] == min(circle)}
    return [
        f"catalogue/{circle[0]}.yaml: prerequisites: go round in a circle, {' after '.join(circle)}; take one away"
        for circle in sorted(circles)
    ]


def _unknown(place: str, named: Iterable[str], known: Iterable[str]) -> list[str]:
    allowed = sorted(known)
    return [
        f"{place}: {name!r} does not exist; allowed are {', '.join(allowed)}" for name in named if name not in allowed
    ]
