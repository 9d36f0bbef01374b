"""Workers of lesson N3 that compute nothing: they keep a clock of their own, so that hours pass in an instant."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True)
class Shift:
    """One calculation: which worker did it, from when to when (hours)."""

    candidate: Hashable
    worker: int
    start: float
    stop: float


class SimulatedWorkers:
    """``count`` workers; a calculation of ``candidate`` takes ``hours(candidate)`` and gives ``value(candidate)``.

    Attributes: ``now`` (hours since the start), ``running`` (shifts that have not been collected, also those that
    wait for a worker), ``done`` (collected shifts, in that order).
    """

    def __init__(self, count: int, hours: Callable, value: Callable) -> None:
        self._hours, self._value = hours, value
        self._free_at = [0.0] * count
        self.now = 0.0
        self.running: deque[Shift] = deque()
        self.done: list[Shift] = []

    def submit(self, candidate: Hashable) -> None:
        """Start a calculation on the worker that is free first."""
        worker = min(range(len(self._free_at)), key=self._free_at.__getitem__)
        start = max(self.now, self._free_at[worker])
        stop = start + float(self._hours(candidate))
        self._free_at[worker] = stop
        self.running.append(Shift(candidate, worker, start, stop))

    def next_result(self) -> tuple:
        """Wait for the calculation that is ready first and return (candidate, value); raises RuntimeError when none
        was submitted.
        """
        if not self.running:
            raise RuntimeError("no calculation is running, so there is nothing to wait for; submit one first")
        first = min(self.running, key=lambda shift: shift.stop)
        self.running.remove(first)
        self.done.append(first)
        self.now = max(self.now, first.stop)
        return first.candidate, self._value(first.candidate)
