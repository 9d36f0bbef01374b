"""What is known of one kernel and its lease. The other modules of a keeper share it and say when it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .acts import Observed
from .broker import Ticket
from .errors import Refused
from .lease import Lease


@dataclass(frozen=True)
class Wish:
    """What a kernelspec wants: `gated` kernels wait at their gate, others before they start.

    Those that run `elsewhere`, as a job of a cluster, have a gate in the seat whether they wait at it or not.
    """

    gpu_class: str
    count: int
    gated: bool
    holder: str
    elsewhere: bool = False

    @property
    def linked(self) -> bool:
        """Whether there is a gate to tell things to, and to hear from."""
        return self.gated or self.elsewhere


class Holding:
    """The lease (what the broker wants) and `seen` (what the kernel is); `refusal` is the broker's last no."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.lease: Lease | None = None
        self.ticket: Ticket | None = None
        self.seen = Observed()
        self.refusal: Refused | None = None
        self.ending = False
        self.listeners: set[Callable[[], None]] = set()

    @property
    def live(self) -> Ticket | None:
        """The ticket of a lease that has not ended."""
        return self.ticket if self.lease is not None and not self.lease.ended else None

    def observe(self, **facts: Any) -> None:
        """Note what the kernel is now; the names are those of `Observed`."""
        self.seen = replace(self.seen, **facts)

    def forget(self) -> None:
        """Know of no lease and no kernel any more."""
        self.lease = self.ticket = None
        self.seen = Observed()

    def changed(self) -> None:
        """Tell whoever listens."""
        for listener in list(self.listeners):
            listener()
