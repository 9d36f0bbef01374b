"""Starting the seats of a class ahead of time, for admins: ask, then look how far it is."""

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from hub.authentication.names import claimed
from hub.authentication.sentences import SignInRefused
from hub.logs import get_logger
from hub.seats.warming import MOST_USERS, Outcome, warm
from hub.settings.types import Name
from hub.state import StateDirectory
from hub.web.admin import Admin
from hub.web.hub_client import HubClient
from hub.web.problems import WITH_A_BODY, Problem, answers
from hub.words import later

log = get_logger("seats")
api = APIRouter(prefix="/api/v1/admin/warmings", tags=["seats"])

KEPT = 20
"""Warmings that can be looked up after their end."""
MOST_WAITING = 5
START_TIMEOUT = 180.0


@dataclass
class Warming:
    """One class whose seats are started."""

    profile: str
    users: list[str]
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    asked: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: Literal["waiting", "running", "done"] = "waiting"
    outcomes: list[Outcome] = field(default_factory=list)


class Warmings:
    """One after the other: what comes all at once is not sooner ready."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._known: dict[str, Warming] = {}
        self._turn = asyncio.Lock()
        self._end = threading.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Warmings"]:
        """At its end nothing more is started; what was asked for goes on in the hub."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                yield self
            finally:
                self._end.set()

    def begin(self, profile: str, users: list[str]) -> Warming | None:
        """Start these seats in the background; None while too many classes wait for their turn."""
        if sum(one.state != "done" for one in self._known.values()) >= MOST_WAITING:
            return None
        warming = Warming(profile, users)
        self._known[warming.id] = warming
        for old in [one.id for one in self._known.values() if one.state == "done"][:-KEPT]:
            del self._known[old]
        self._tasks.create_task(self._run(warming), name=f"warming-{warming.id}")
        return warming

    def of(self, id: str) -> Warming | None:
        return self._known.get(id)

    async def _run(self, warming: Warming) -> None:
        async with self._turn:
            warming.state = "running"
            hub = HubClient(self._state, timeout=START_TIMEOUT)
            await asyncio.to_thread(
                warm, hub, warming.users, warming.profile, warming.outcomes.append, self._end.is_set
            )
            warming.state = "done"
        ready = sum(outcome.is_ready for outcome in warming.outcomes)
        log.info("class.warmed", id=warming.id, profile=warming.profile, ready=ready, users=len(warming.users))


class Wish(BaseModel):
    """Whose seats, with which profile."""

    profile: Name
    users: Annotated[list[str], Field(min_length=1, max_length=MOST_USERS)]


class SeatOutcome(BaseModel):
    """What became of one user's seat."""

    user: str
    state: Literal["ready", "was running", "refused", "failed"]
    seconds: float
    why: str


class WarmingView(BaseModel):
    """How far it is."""

    id: str
    profile: str
    asked: datetime
    state: Literal["waiting", "running", "done"]
    total: int
    ready: int
    seats: list[SeatOutcome]
    """Those that are decided, in the order in which they were."""


@api.post("", status_code=202, responses=answers(403, *WITH_A_BODY, 429))
async def begin(request: Request, who: Admin, wish: Wish) -> WarmingView:
    """Start the default seats of these users, some at a time, within the machine's limits. Users may be new here."""
    known = [profile.name for profile in request.app.state.settings.profiles]
    if wish.profile not in known:
        sentence = later("There is no profile {name}; known here: {known}. No seat was started.")
        raise Problem(422, "no-such-profile", sentence, "", {"name": wish.profile, "known": ", ".join(known)})
    warming = request.app.state.warmings.begin(wish.profile, _names(wish.users))
    if warming is None:
        hint = later("Ask again when one of them is done.")
        raise Problem(429, "too-many-classes", later("Seats of several classes are being started already."), hint)
    log.info("class.asked", id=warming.id, admin=who, profile=wish.profile, users=len(warming.users))
    facts = {"profile": wish.profile, "users": len(warming.users)}
    await run_in_threadpool(request.app.state.audit.tell, who, "seats.warmed", f"warming:{warming.id}", **facts)
    return _view(warming)


@api.get("/{id}", responses=answers(401, 403, 404, 422))
async def look(request: Request, _who: Admin, id: Annotated[str, Path(max_length=32)]) -> WarmingView:
    """Who is ready, and who is not and why."""
    if (warming := request.app.state.warmings.of(id)) is None:
        raise Problem(404, "no-such-warming", later("There is no such class, or it was too long ago."))
    return _view(warming)


def _names(users: list[str]) -> list[str]:
    names, wrong = [], []
    for user in users:
        try:
            names.append(claimed(user))
        except SignInRefused:
            wrong.append(user[:60])
    if wrong:
        sentence = later("These are no names of users: {names}. No seat was started.")
        raise Problem(422, "not-a-name", sentence, "", {"names": ", ".join(wrong[:20])})
    return list(dict.fromkeys(names))


def _view(warming: Warming) -> WarmingView:
    return WarmingView(
        id=warming.id,
        profile=warming.profile,
        asked=warming.asked,
        state=warming.state,
        total=len(warming.users),
        ready=sum(outcome.is_ready for outcome in warming.outcomes),
        seats=[SeatOutcome.model_validate(outcome, from_attributes=True) for outcome in list(warming.outcomes)],
    )
