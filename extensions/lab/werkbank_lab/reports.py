"""In a workshop: the seat tells how far its learner is. Numbers and times only: no code, no output, no file name."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from . import follow
from .errors import NoAnswer, Refused
from .view import View

if TYPE_CHECKING:
    from .broker import Broker

LEAST_PERIOD_S = 2.0
"""Between two reports, at least."""
PERIOD_S = 30.0
"""Between two reports while nothing changes: whoever is silent for ninety seconds is away."""
OPENS_BEFORE_S = 3600.0
"""What is tried so long before a workshop starts counts for it: seats are open by then."""
GONE = 404

Exercises = dict[str, dict[str, Any]]


class Keeps(Protocol):
    """The learner's record, as `werkbank_lessons` has it."""

    def exercises(self, since: float) -> Exercises:
        """By exercise `tries`, `last` and `passed`."""


class NoRecord:
    """Where there are no lessons."""

    def exercises(self, since: float) -> Exercises:
        """Nothing was tried."""
        return {}


def record() -> Keeps:
    """The learner's record, in a seat that has lessons."""
    try:
        from werkbank_lessons.progress import Record
    except ImportError:
        return NoRecord()
    found: Keeps = Record()
    return found


def workshops_of(view: View) -> list[dict[str, Any]]:
    """The workshops that are on, as the broker told of them last."""
    part = view.get("workshops") or {}
    return [one for one in part.get("workshops", ()) if isinstance(one, dict)]


@dataclass
class Front:
    """The lesson that the learner looks at, as their browser says."""

    lesson: str | None = None


@dataclass
class Telling:
    """What was told of one workshop, and when something is told again."""

    said: Any = None
    not_before: float = 0.0
    due: float = 0.0
    pause: float = 0.0
    is_over: bool = False
    task: asyncio.Task[None] | None = None

    def is_due(self, now: float, known: Any) -> bool:
        """Whether something is to be told now."""
        if self.is_over or now < self.not_before or not (self.task is None or self.task.done()):
            return False
        return now >= self.due or known != self.said


class Ran:
    """When a cell last ran in this seat, and whether one runs. What kernels do by themselves does not count."""

    def __init__(self, kernel_manager: Any, clock: Callable[[], float]) -> None:
        self._manager, self._clock = kernel_manager, clock
        self._last: float | None = None
        self.is_busy = False

    @property
    def began(self) -> float | None:
        """When the last cell began to run; None for never, and where the kernel manager does not tell."""
        began: float | None = getattr(self._manager, "cell_ran", None)
        return began

    def look(self) -> None:
        """Take in what kernels do now."""
        kernels = (self._manager.get_kernel(one) for one in self._manager.list_kernel_ids())
        self.is_busy = any(getattr(kernel, "execution_state", "") == "busy" for kernel in kernels)
        moments = [one for one in (self._last, self.began, self._clock() if self.is_busy else None) if one is not None]
        self._last = max(moments, default=None)

    def seconds_ago(self) -> float | None:
        """None for never."""
        return None if self._last is None else round(max(0.0, self._clock() - self._last), 1)


class Reports:
    """Tells of each workshop that is on: at once when something changed, else every half minute."""

    def __init__(
        self,
        kernel_manager: Any,
        front: Front,
        broker: Callable[[], Broker | None],
        log: logging.Logger,
        keeps: Callable[[], Keeps] = record,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._front, self._broker, self._log, self._clock = front, broker, log, clock
        self._ran = Ran(kernel_manager, clock)
        self._keeps, self._record = keeps, None if keeps is record else keeps()
        self._tellings: dict[str, Telling] = {}
        self._part: Any = None

    def gather(self, view: View) -> None:
        """Tell what is to be told, and show the browser how far the learner is."""
        workshops = workshops_of(view)
        if (part := view.get("workshops")) is not self._part:
            self._renew(workshops)
            self._part = part
        if not workshops:
            return
        self._ran.look()
        mine: Exercises = {}
        for workshop in workshops:
            exercises = self._exercises(workshop)
            mine |= exercises
            self._tell_if_due(workshop, exercises)
        view.put("exercises", mine)

    async def stop(self) -> None:
        """End what is under way."""
        for task in [one.task for one in self._tellings.values() if one.task is not None]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _renew(self, workshops: list[dict[str, Any]]) -> None:
        """The part changed: what was over may be on again, and what is not there any more is forgotten."""
        self._tellings = {one["id"]: self._tellings.get(one["id"], Telling()) for one in workshops}
        for telling in self._tellings.values():
            telling.is_over = False

    def _exercises(self, workshop: dict[str, Any]) -> Exercises:
        """Those of the workshop's lessons."""
        self._record = self._record or self._keeps()
        known = self._record.exercises(workshop["starts"] - OPENS_BEFORE_S)
        return {name: one for name, one in known.items() if name.partition("-")[0] in workshop["lessons"]}

    def _tell_if_due(self, workshop: dict[str, Any], exercises: Exercises) -> None:
        lesson = self._front.lesson if self._front.lesson in workshop["lessons"] else None
        known = (exercises, lesson, self._ran.is_busy, self._ran.began)
        telling = self._tellings[workshop["id"]]
        if not telling.is_due(self._clock(), known) or (broker := self._broker()) is None:
            return
        report = {
            "exercises": exercises,
            "lesson": lesson,
            "ran_ago": self._ran.seconds_ago(),
            "busy": self._ran.is_busy,
        }
        work = self._tell(broker, workshop["id"], report, telling, known)
        telling.task = asyncio.create_task(work, name="werkbank-lab-report")

    async def _tell(self, broker: Broker, id: str, report: dict[str, Any], telling: Telling, known: Any) -> None:
        try:
            await broker.progress(id, report)
        except Refused as refusal:
            telling.is_over = refusal.status == GONE
            telling.not_before = self._clock() + follow.LONGEST_PAUSE_S
            self._log.info("lab.report-refused workshop=%s status=%d why=%s", id, refusal.status, refusal)
        except NoAnswer as problem:
            telling.pause = min(2 * telling.pause or follow.FIRST_PAUSE_S, follow.LONGEST_PAUSE_S)
            telling.not_before = self._clock() + telling.pause
            self._log.info("lab.report-unheard workshop=%s why=%s again_in=%.0f", id, problem, telling.pause)
        else:
            now = self._clock()
            telling.said, telling.pause = known, 0.0
            telling.not_before, telling.due = now + LEAST_PERIOD_S, now + PERIOD_S
