"""What a person has, told as it changes: a stream of `me` and `counters` for each one who listens."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from pydantic import BaseModel
from sse_starlette import ServerSentEvent

from hub.leases.desk import Desk
from hub.leases.listening import LOOK_PERIOD, STREAM_LIFE, WAIT_PERIOD, rung_within
from hub.leases.me import me_view
from hub.leases.meter import Meter
from hub.web.hub_api import Person

LEAST_PERIOD = 0.2
"""Seconds between two looks, at least: what changes several times within them is told once."""
PASSING: dict[str, Any] = {"now": True, "leases": {"__all__": {"held_seconds", "busy_seconds"}}}
"""What changes by itself, and is no news."""


class News:
    """One listener's: tells what a person has, when it differs from what was told last."""

    def __init__(self, desk: Desk, person: Person, language: str) -> None:
        self._desk, self._person, self._language = desk, person, language
        self._told = ""

    def news(self) -> BaseModel | None:
        """What is to be told now, if anything."""
        view = me_view(self._desk, self._person, self._language)
        told, self._told = self._told, view.model_dump_json(exclude=PASSING)
        return view if told != self._told else None

    def seconds_left(self) -> float:
        """How long the next look has time, unless the bell rings."""
        waits = any(lease.is_waiting for lease in self._desk.of_user(self._person.name))
        return WAIT_PERIOD if waits else LOOK_PERIOD


class Teller(Protocol):
    """A part of what somebody has."""

    def news(self) -> BaseModel | None:
        """What is to be told now, if anything."""

    def seconds_left(self) -> float:
        """How long the next look has time, unless the bell rings."""


async def me_events(
    desk: Desk, person: Person, language: str, more: Mapping[str, Teller] = MappingProxyType({})
) -> AsyncIterator[ServerSentEvent]:
    """What `person` has and what their devices do, now and as it changes, for STREAM_LIFE; and `more` parts by name."""
    clock = asyncio.get_running_loop().time
    end = clock() + STREAM_LIFE
    with desk.bells.of(person.name) as bell:
        tellers: dict[str, Teller] = {
            "me": News(desk, person, language),
            "counters": Meter(desk, person.name, bell.set),
            **more,
        }
        while clock() < end:
            bell.clear()
            for event in _news(tellers):
                yield event
            await asyncio.sleep(LEAST_PERIOD)
            await rung_within(bell, min(teller.seconds_left() for teller in tellers.values()))


def _news(tellers: Mapping[str, Teller]) -> Iterator[ServerSentEvent]:
    for name, teller in tellers.items():
        if (view := teller.news()) is not None:
            yield ServerSentEvent(view.model_dump_json(), event=name)
