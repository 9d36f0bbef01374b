"""Which notebook a learner lets the trainers of a workshop look at. The service keeps that there is one, not which."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import NoAnswer, Refused
from .reports import workshops_of
from .view import View

if TYPE_CHECKING:
    from .broker import Broker

ASKED_AGAIN_S = 5.0
"""How long an answer of the service holds, and how long it and the seat may disagree."""


@dataclass(frozen=True)
class Agreement:
    """What is shown, and in which workshop."""

    workshop: str
    path: str
    """Below the seat's home."""


def server() -> str:
    """This seat's name; "" for the default one."""
    return os.environ.get("JUPYTERHUB_SERVER_NAME", "")


class Showing:
    """One per seat, and forgotten with it: a seat that starts shows nothing."""

    def __init__(
        self,
        broker: Callable[[], Broker | None],
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker, self._log, self._clock = broker, log, clock
        self.agreement: Agreement | None = None
        self._confirmed = -1e9
        self._disagree_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    def agree(self, workshop: str, path: str) -> None:
        """The learner agreed, and the service knows."""
        self.agreement, self._confirmed = Agreement(workshop, path), self._clock()

    def end(self) -> None:
        """Nothing is shown any more."""
        self.agreement = None

    async def now(self) -> Agreement | None:
        """What may be looked at now: only what the service, too, takes to be shown. Raises NoAnswer."""
        if self.agreement is not None and self._clock() - self._confirmed > ASKED_AGAIN_S:
            if (broker := self._broker()) is None:
                return None
            told = await broker.workshops()
            if any(_is_shown(one) and one["id"] == self.agreement.workshop for one in told):
                self._confirmed = self._clock()
            else:
                self.end()
        return self.agreement

    def gather(self, view: View) -> None:
        """Tell the browser; where seat and service do not agree for a while, nothing is shown."""
        claimed = {one["id"] for one in workshops_of(view) if _is_shown(one)}
        own = {self.agreement.workshop} if self.agreement else set()
        if claimed == own:
            self._disagree_since = None
        elif self._disagree_since is None:
            self._disagree_since = self._clock()
        elif self._clock() - self._disagree_since > ASKED_AGAIN_S and (self._task is None or self._task.done()):
            self._disagree_since = None
            if own - claimed:
                self.end()
            self._task = asyncio.create_task(self._hide(claimed - own), name="werkbank-lab-hide")
        shown = self.agreement
        view.put("shown", {"workshop": shown and shown.workshop, "path": shown and shown.path})

    async def _hide(self, workshops: set[str]) -> None:
        """Tell the service that nothing is shown in these."""
        if (broker := self._broker()) is None:
            return
        for workshop in workshops:
            with suppress(Refused, NoAnswer):  # seen again a moment later
                await broker.shown(workshop, False)
                self._log.info("lab.shown-ended workshop=%s", workshop)


def _is_shown(workshop: dict[str, Any]) -> bool:
    shown = workshop.get("shown")
    return isinstance(shown, dict) and shown.get("server", "") == server()
