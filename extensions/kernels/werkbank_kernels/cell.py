"""A cell that waits at the gate, and what its output shows meanwhile: one display, changed in place."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable

from .gate import SHUT, Gate, Verdict
from .lease import device_name, waiting_sentence
from .words import duration, tr

_GRACE_S = 0.4  # a wait shorter than this is not worth a line in the notebook

Show = Callable[[dict[str, str]], None]


class WaitingCell:
    """`show` gets a MIME bundle for each new thing to tell; None for a cell that shows nothing."""

    def __init__(self, gate: Gate, show: Show | None) -> None:
        self._gate, self._show = gate, show
        self._began = time.monotonic()
        self._shown = ""
        self._was_away = gate.position == SHUT

    async def admitted(self) -> Verdict:
        """Wait at the gate; the display says where things stand, and at the end how it went."""
        grace = asyncio.get_running_loop().call_later(_GRACE_S, self._tell)
        try:
            verdict = await self._gate.admit(self._tell_again)
        finally:
            grace.cancel()
        self._finish(verdict)
        return verdict

    def _tell(self) -> None:
        self._put(waiting_sentence(self._gate.lease, self._gate.silent))

    def _tell_again(self) -> None:
        if self._shown:
            self._tell()

    def _finish(self, verdict: Verdict) -> None:
        notes = [note_sentence(note) for note in self._gate.take_notes()] if self._show and verdict.admitted else []
        if self._shown:
            notes.insert(0, self._outcome(verdict))
        if notes:
            self._put(" ".join(notes))

    def _outcome(self, verdict: Verdict) -> str:
        if not verdict.admitted:
            return tr("after.cancelled" if verdict.interrupted else "after.refused")
        waited = duration(time.monotonic() - self._began)
        if not self._gate.bound:
            return tr("after.cpu", time=waited)
        return tr(
            "after.resumed" if self._was_away else "after.granted", device=device_name(self._gate.lease), time=waited
        )

    def _put(self, sentence: str) -> None:
        if self._show is None or sentence == self._shown:
            return
        self._shown = sentence
        self._show({"text/plain": sentence, "text/html": f'<div role="status">{html.escape(sentence)}</div>'})


def note_sentence(note: str) -> str:
    """The sentence for a note of the gate; see `Gate.note`."""
    kind, _, rest = note.partition(":")
    return rest if kind == "said" else tr(f"note.{kind}", device=rest)


def why_interrupted(position: str) -> str:
    """The sentence for a cell that was stopped while it waited at a gate of that position."""
    return tr("stopped.interrupted_parked" if position == SHUT else "stopped.interrupted")
