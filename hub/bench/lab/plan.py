"""How much is to be measured."""

from pathlib import Path
from typing import NamedTuple

from hub.bench.lab.figures import VARIANTS

MOST_LEASES = 60
"""The panel shows so many at once; more only when asked for."""


class Plan(NamedTuple):
    """What to measure."""

    settings: Path
    runs: int = 5
    """Openings of the panel, changes that it shows, and starts of each variant."""
    leases: int = 50
    """That the panel shows; half of them have a device."""
    hours: int = 8
    """Of events, whose memory is measured."""

    @property
    def rounds(self) -> int:
        """With one start of each variant that is not counted."""
        return 2 * self.runs + 1 + len(VARIANTS) * (self.runs + 1)
