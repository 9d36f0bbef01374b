"""What is promised to seats and what is free, on one machine."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from hub.settings import Profile


@dataclass(frozen=True)
class Capacity:
    """Cores and bytes: the machine's, and what running seats were promised."""

    cores: int
    memory: int
    promised_cores: float
    promised_memory: int
    overcommit: float

    @classmethod
    def of_machine(cls, running: Iterable[Profile], overcommit: float) -> "Capacity":
        """Capacity with the profiles of `running` seats taken off."""
        running = list(running)
        return cls(
            cores=psutil.cpu_count() or 1,
            memory=psutil.virtual_memory().total,
            promised_cores=sum(profile.cpu for profile in running),
            promised_memory=sum(int(profile.memory) for profile in running),
            overcommit=overcommit,
        )

    def seats_left(self, profile: Profile) -> int:
        """How many more seats of `profile` can be promised memory."""
        left = self.memory * self.overcommit - self.promised_memory
        return max(0, int(left // int(profile.memory)))
