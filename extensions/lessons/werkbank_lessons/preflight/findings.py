"""What a look found, as a table that can be read at a glance, read aloud, and sent to whoever can repair it."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from IPython.display import display

from ..words import tr

State = Literal["good", "mind", "wrong"]
_SIGN = {"good": "✔", "mind": "▲", "wrong": "✖"}
_COLOUR = {"good": "#009E73", "mind": "#B07A00", "wrong": "#D55E00"}  # of signs: 3:1 and more on light and dark


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its name, what was seen, and what to do unless it is in order."""

    state: State
    what: str
    said: str
    advice: str = ""

    def line(self) -> str:
        """The finding as one line of text."""
        return f"{_SIGN[self.state]} {self.what}: {' '.join(filter(None, (self.said, self.advice)))}"


def verdict(holds: bool, what: str, said: str, advice: str = "") -> Finding:
    """``good`` where ``holds``, otherwise ``wrong`` with the ``advice``."""
    return Finding("good", what, said) if holds else Finding("wrong", what, said, advice)


class Findings(list[Finding]):
    """Findings in the order in which they were looked for; a notebook shows them as a table."""

    def gather(self, *looks: Iterable[Finding]) -> None:
        """Add what the ``looks`` find, and show the table as it grows: some take seconds."""
        shown = display(self, display_id=True)
        for one in chain.from_iterable(looks):
            self.append(one)
            shown.update(self)

    def summary(self) -> str:
        """One sentence: how many are in order, and how many are not."""
        counts = {state: sum(one.state == state for one in self) for state in _SIGN}
        return tr("preflight.summary", **counts)

    def write(self, path: Path) -> Path:
        """Write everything as Markdown to ``path``, which may be sent to whoever keeps the workbench."""
        head = tr("preflight.report", moment=f"{dt.datetime.now():%Y-%m-%d %H:%M}")
        lines = [f"# {head}", "", self.summary(), "", *(f"- {one.line()}" for one in self)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def __repr__(self) -> str:
        return "\n".join([*(one.line() for one in self), self.summary()])

    def _repr_html_(self) -> str:
        rows = "".join(_row(one) for one in self)
        caption = html.escape(self.summary())
        return f'<table style="border-collapse: collapse"><caption>{caption}</caption><tbody>{rows}</tbody></table>'


def _row(one: Finding) -> str:
    state = html.escape(tr(f"preflight.state.{one.state}")).replace(" ", "&nbsp;")
    cell = 'style="text-align: left; vertical-align: top; padding: 4px 12px 4px 0"'
    advice = f"<br><strong>{html.escape(one.advice)}</strong>" if one.advice else ""
    sign = f'<span style="color: {_COLOUR[one.state]}">{_SIGN[one.state]}</span>&nbsp;{state}'
    return (
        f"<tr><td {cell}>{sign}</td>"
        f'<th scope="row" {cell}>{html.escape(one.what)}</th><td {cell}>{html.escape(one.said)}{advice}</td></tr>'
    )
