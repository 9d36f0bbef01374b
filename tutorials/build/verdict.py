"""What an executed lesson shows: the numbers it printed against those it promises, hints, complaints, exercises."""

from __future__ import annotations

import html
import re
import string
from dataclasses import dataclass
from typing import Any

from werkbank_lessons import words
from werkbank_lessons.words import tr

from .catalogue import Entry, Expectation, read_expected


@dataclass(frozen=True)
class Number:
    """A number that a lesson promises, and how often and as what it was printed."""

    name: str
    promised: Expectation
    found: tuple[float, ...]

    @property
    def is_kept(self) -> bool:
        """Printed once, within the tolerance."""
        return len(self.found) == 1 and abs(self.found[0] - self.promised.value) <= self.promised.tolerance + 1e-9

    def sentence(self) -> str:
        found = ", ".join(f"{number:g}" for number in self.found) or "nothing"
        return f"{self.name}: {found}, promised {self.promised.value:g} ± {self.promised.tolerance:g} once"


def printed(executed: Any) -> str:
    """Everything the cells of an executed notebook printed."""
    return "".join(output.text for _cell, output in _outputs(executed) if output.get("name") == "stdout")


def numbers(lesson: str, executed: Any, language: str) -> list[Number]:
    """The promised numbers, each as it was printed: a line ``<label>: <number>``."""
    text = printed(executed)
    found = []
    for name, promised in read_expected(lesson).items():
        label = re.escape(getattr(promised.label, language))
        lines = re.findall(rf"(?m)^{label}: ([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", text)
        found.append(Number(name, promised, tuple(map(float, lines))))
    return found


def complaints(executed: Any) -> list[str]:
    """Errors and whatever went to stderr, warnings too, each with its cell."""
    said = []
    for cell, output in _outputs(executed):
        if output.output_type == "error":
            said.append(f"{cell.id}: {output.ename}: {output.evalue}")
        elif output.get("name") == "stderr":
            said.append(f"{cell.id}: {output.text}")
    return said


def figures_without_alt(executed: Any) -> list[str]:
    """Cells that promise a figure and show none with its text alternative."""
    promised = [cell for cell in executed.cells if "figure" in cell.metadata.get("tags", [])]
    return [cell.id for cell in promised if not any(_has_alt(output, cell.metadata.alt) for output in cell.outputs)]


def _has_alt(output: Any, alt: str) -> bool:
    return f'alt="{html.escape(alt)}"' in output.get("data", {}).get("text/html", "")


def passed(entry: Entry, executed: Any, language: str) -> list[str]:
    """The exercises that the notebook says are passed."""
    text = printed(executed)
    return [one.id for one in entry.exercises if tr("check.passed", language, exercise=one.id) in text]


def is_hint(key: str, said: str, language: str) -> bool:
    """Whether ``said`` is the sentence ``key``, whatever is filled in."""
    parts = string.Formatter().parse(words._words(language)[key])
    pattern = "".join(re.escape(text) + (".*" if field is not None else "") for text, field, _, _ in parts)
    return re.fullmatch(pattern, said, re.DOTALL) is not None


def _outputs(executed: Any) -> list[tuple[Any, Any]]:
    return [(cell, output) for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
