"""Fills ``{{…}}`` in lesson text from the catalogue and the expected numbers, so that no number is written twice."""

from __future__ import annotations

import re

from .catalogue import Claim, Entry, Expectation
from .source import Cell, SourceError

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


def fill(text: str, values: dict[str, str], cell: Cell) -> str:
    """Replace every placeholder; raises `SourceError` that lists what exists when one is unknown."""

    def value(found: re.Match) -> str:
        name = found[1]
        if name == "section.minutes" and "minutes" in cell.more:
            return str(cell.more["minutes"])
        if name not in values:
            raise SourceError(
                f"cell {cell.lid!r}: nothing is called {{{{{name}}}}}; known: {', '.join(sorted(values))}"
            )
        return values[name]

    return _PLACEHOLDER.sub(value, text)


def values_of(
    entry: Entry, claims: dict[str, Claim], expected: dict[str, Expectation], language: str
) -> dict[str, str]:
    """Everything a lesson's text may refer to, in one language."""
    values = {
        "title": getattr(entry.title, language),
        "minutes": str(entry.minutes.total),
        "minutes.read": str(entry.minutes.read),
        "minutes.exercises": str(entry.minutes.exercises),
        "memory": _decimal(f"{entry.resources.memory_gb:g}", language),
        "seconds": f"{entry.measured.cpu2_seconds:.0f}",
        "goals": "\n".join(f"{n}. {getattr(goal, language)}" for n, goal in enumerate(entry.goals, start=1)),
    }
    values |= {f"exercise.{exercise.id}": str(exercise.minutes) for exercise in entry.exercises}
    values |= {f"claim.{name}.quote": claims[name].quote for name in entry.claims}
    values |= {f"claim.{name}.en": claims[name].en for name in entry.claims}
    values |= {f"expected.{name}": _shown(number, language) for name, number in expected.items()}
    return values


_BARE = ("year", "count")  # units that text leaves out
_WHOLE = (*_BARE, "%")


def _shown(number: Expectation, language: str) -> str:
    """A number as text shows it: a year or a count bare, a quantity with a space before its unit."""
    decimals = number.decimals if number.decimals is not None else 0 if number.unit in _WHOLE else 2
    shown = _decimal(f"{number.value:.{decimals}f}", language)
    return shown if number.unit in _BARE else f"{shown} {number.unit}"


def _decimal(number: str, language: str) -> str:
    """With the decimal sign of running text; what a cell prints has Python's, in every language."""
    return number.replace(".", ",") if language == "nl" else number
