"""What is promised to seats and what is free, on one machine."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from hub.settings import Profile


@dataclass(frozen=True)
class Capacity:
    """Bytes: the machine's, and what running seats were promised."""

    memory: int
    promised_memory: int
    overcommit: float

    @classmethod
    def of_machine(cls, running: Iterable[Profile], overcommit: float) -> "Capacity":
        """Capacity with the profiles of `running` seats taken off."""
        return cls(
            memory=psutil.virtual_memory().total,
            promised_memory=sum(int(profile.memory) for profile in running),
            overcommit=overcommit,
        )

    def seats_left(self, profile: Profile) -> int:
        """How many more seats of `profile` can be promised memory."""
        left = self.memory * self.overcommit - self.promised_memory
        return max(0, int(left // int(profile.memory)))
