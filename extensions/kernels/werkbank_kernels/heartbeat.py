"""What a heartbeat tells the broker about a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .wire import Message


class Heartbeat:
    """`beat_now` is called when the broker should hear at once; `kernel_busy` is asked of a kernel without a gate."""

    def __init__(self, gated: bool, kernel_busy: Callable[[], bool], beat_now: Callable[[], None]) -> None:
        self._gated, self._kernel_busy, self._beat_now = gated, kernel_busy, beat_now
        self._kernel: Message = {}
        self._saying = self._told_of = 0  # cells that had begun when a heartbeat was written, and was heard
        self._watched = self._hung = False
        self._unparkable = ""

    # What is heard of the kernel.

    def hear(self, state: Message) -> bool:
        """The kernel's own word of how it stands; returns whether something has come to its gate."""
        before = self.body()
        came = bool(state.get("wants")) and not self._kernel.get("wants")
        self._kernel = state
        self._tell_if_not(before)
        return came

    def watch(self, watched: bool) -> None:
        """Whether a browser is connected to this kernel."""
        before, self._watched = self.body(), watched
        self._tell_if_not(before)

    def cannot_park(self, reason: str) -> None:
        """The actuator's code for why this kernel is not parked."""
        before, self._unparkable = self.body(), reason
        self._tell_if_not(before)

    def hang(self, hung: bool) -> None:
        """Whether a thread of the parked kernel blocks it: it then needs its device."""
        before, self._hung = self.body(), hung
        self._tell_if_not(before)

    def forget(self) -> None:
        """The process of which all this was said is gone."""
        self._kernel = {}
        self._saying = self._told_of = 0

    def restart(self) -> None:
        """Another process begins, and may be parked."""
        self.forget()
        self._unparkable = ""

    def _tell_if_not(self, before: dict[str, Any]) -> None:
        if self.body() != before:
            self._beat_now()

    # What is said.

    @property
    def modules(self) -> list[str]:
        """What the kernel imported that parking has to know of."""
        return self._kernel.get("modules") or []

    @property
    def in_use(self) -> bool:
        """Whether something runs in the kernel or waits at its gate, by its own word."""
        return bool(self._kernel.get("busy") or self._kernel.get("wants"))

    def body(self) -> dict[str, Any]:
        """How things stand now."""
        return {
            "busy": self._busy(),
            "wants": bool(self._kernel.get("wants")) or self._hung,
            "watched": self._watched,
            "unparkable": self._unparkable,
        }

    def say(self) -> dict[str, Any]:
        """What a heartbeat says that is being written."""
        self._saying = self._entered()
        return self.body()

    def said(self) -> None:
        """A heartbeat was heard. If it spoke of cells that are over, the next one follows at once and says so."""
        spoke_of_past = self._saying != self._told_of and not self._kernel.get("busy")
        self._told_of = self._saying
        if spoke_of_past:
            self._beat_now()

    def _entered(self) -> int:
        return int(self._kernel.get("entered") or 0)

    def _busy(self) -> bool:
        """Whether a cell runs, or ran since the broker last heard of this kernel."""
        if not self._gated:
            return self._kernel_busy()
        return bool(self._kernel.get("busy")) or self._entered() != self._told_of
