"""What is to be measured, and how much of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

PARTS = ("seats", "memory", "kernel", "cluster", "browser", "growth")
SIDES = ("stock", "lean", "werkbank")
MEMORY_RUNS = 2
GROWTH_RUNS = 2


class Plan(NamedTuple):
    """What to measure."""

    settings: Path
    counts: Sequence[int]
    """How many seats to start at once; each of them `runs` times at every hub."""
    runs: int
    parts: Sequence[str] = ("seats",)
    """Which of PARTS."""
    memory: int = 8
    """Seats with a kernel each that run when their memory is measured."""
    crowd: int = 0
    """Seats with an idle kernel each, at Werkbank alone; 0 for none."""

    @property
    def rounds(self) -> int:
        """Rounds in all, with one unmeasured at each hub that fills the machine's caches."""
        repeated = {
            "seats": self.runs * len(self.counts),
            "memory": min(self.runs, MEMORY_RUNS),
            "kernel": self.runs,
            "cluster": self.runs,
            "browser": self.runs,
            "growth": min(self.runs, GROWTH_RUNS),
        }
        return len(SIDES) * (1 + sum(repeated[part] for part in self.parts)) + (1 if self.crowd else 0)

    @property
    def users(self) -> list[str]:
        """As many as any part needs at once."""
        most = max(self.counts) if "seats" in self.parts else 1
        most = max(most, self.memory) if "memory" in self.parts else most
        return [f"bench-{number:02}" for number in range(max(most, self.crowd))]


class Watcher(Protocol):
    """Hears how the measurement goes."""

    def now(self, sentence: str) -> None:
        """What happens now."""

    def round_done(self) -> None:
        """One of `Plan.rounds` is over."""

    def failed(self, sentence: str, log: str) -> None:
        """Something failed; the end of the log that may say why."""
