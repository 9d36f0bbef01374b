"""How much is to be measured, and the goals."""

from collections.abc import Sequence
from typing import NamedTuple

GOALS = {"seat_s": 2.5, "cluster_s": 5.0, "kernel_s": 2.0, "squeue_per_5s": 1.0, "death_s": 25.0}
"""What each figure should not exceed, in the order of the report."""
BESIDE = {
    "cluster_s": ("cluster_created_s", "cluster_both_s"),
    "squeue_per_5s": ("asking_cpu_percent",),
    "death_s": ("slurm_death_s",),
}
"""What is told beside a figure, without a goal of its own."""
LOOK_RUNS, DEATH_RUNS = 2, 3
"""The most runs of these: they take long, and differ little."""
SIDES = ("stock", "werkbank")


class Plan(NamedTuple):
    """What to measure."""

    runs: int = 5
    """How many times each figure, both sides in turn."""
    seats: int = 500
    """That are simulated, to count what Slurm is asked about them."""
    seconds: int = 30
    """How long that is counted, each time."""
    figures: Sequence[str] = tuple(GOALS)
    """Which of GOALS."""

    def runs_of(self, figure: str) -> int:
        """How many times this one is measured."""
        return min(self.runs, {"squeue_per_5s": LOOK_RUNS, "death_s": DEATH_RUNS}.get(figure, self.runs))

    @property
    def rounds(self) -> int:
        """In all, with one start of each side that is not counted. A node dies for both sides at once.

        Stock has no kernels that are jobs.
        """
        sides = {name: 1 if name in ("death_s", "kernel_s") else len(SIDES) for name in self.figures}
        return len(SIDES) + sum(count * self.runs_of(name) for name, count in sides.items())
