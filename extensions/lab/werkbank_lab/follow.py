"""Follows the broker while a browser is there: one connection per seat, however many tabs are open."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from .errors import NoAnswer, Refused
from .view import View

if TYPE_CHECKING:
    from .broker import Broker

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 15.0
WATCHED_FOR_S = 150.0
"""How long after a browser last asked the seat goes on listening: one asks at least every minute."""

LIVE, CONNECTING, UNREACHABLE, REFUSED = "live", "connecting", "unreachable", "refused"


class Gathers(Protocol):
    """Something in the seat that is looked at while a browser is there."""

    def gather(self, view: View) -> None:
        """Put what is now into the view."""


class Follower:
    """Listens to the broker and looks at the seat as long as somebody watches."""

    def __init__(
        self,
        connect: Callable[[], Broker | None],
        view: View,
        sources: list[Gathers],
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect, self._view, self._sources, self._log, self._clock = connect, view, sources, log, clock
        self._broker: Broker | None = None
        self._watched_until = 0.0
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def watch(self) -> None:
        """A browser asks: go on, or begin."""
        self._watched_until = self._clock() + WATCHED_FOR_S
        # One by one: after a laptop's sleep one may have ended while the other still waits for an event.
        if self._is_over("look"):
            self._gather()
            self._begin("look", self._look_around())
        if self._is_over("listen") and self.broker() is not None:
            self._say(CONNECTING)
            self._begin("listen", self._listen())

    def _is_over(self, name: str) -> bool:
        return name not in self._tasks or self._tasks[name].done()

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.create_task(work, name=f"werkbank-lab-{name}")

    def broker(self) -> Broker | None:
        """The broker of this seat, once it is needed: what speaks to it is not imported before."""
        self._broker = self._broker or self._connect()
        return self._broker

    async def stop(self) -> None:
        """End, and let go of the broker. Jupyter Server has no hook for it: there it ends with the process."""
        self._watched_until = 0.0
        for task in self._tasks.values():
            task.cancel()
        for task in self._tasks.values():
            with suppress(asyncio.CancelledError):
                await task
        if self._broker is not None:
            await self._broker.close()

    def _is_watched(self) -> bool:
        return self._clock() < self._watched_until

    # --- the seat itself -----------------------------------------------------------------------

    async def _look_around(self) -> None:
        while self._is_watched():
            self._gather()
            await asyncio.sleep(1)

    def _gather(self) -> None:
        for source in self._sources:
            try:
                source.gather(self._view)
            except Exception:  # what one source cannot tell must not hide what the others can
                self._log.exception("lab.not-gathered source=%s", type(source).__name__)

    # --- the broker ------------------------------------------------------------------------------

    async def _listen(self) -> None:
        pause = FIRST_PAUSE_S
        while self._is_watched():
            try:
                await self._hear()
                pause = FIRST_PAUSE_S  # the broker ends its stream now and then, so that we prove again who we are
                continue
            except NoAnswer as problem:
                self._say(UNREACHABLE)
                self._log.info("lab.broker-unreachable why=%s again_in=%.0f", problem, pause)
            except Refused as refusal:
                self._say(REFUSED, str(refusal))
                pause = LONGEST_PAUSE_S
            except Exception:  # whatever it is, the next attempt must come
                self._say(UNREACHABLE)
                self._log.exception("lab.broker-not-understood")
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _hear(self) -> None:
        """Take in events until the stream ends or nobody watches any more."""
        assert self._broker is not None
        heard = False
        async for name, value in self._broker.events():
            heard = True
            self._view.put(name, value)
            self._say(LIVE)
            if not self._is_watched():
                break
        if not heard:
            raise NoAnswer("the stream ended before its first event")

    def _say(self, state: str, why: str = "") -> None:
        self._view.put("connection", {"state": state, "why": why})
