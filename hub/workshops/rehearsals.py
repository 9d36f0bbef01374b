"""Dress rehearsals of this workbench: begun by a trainer, one at a time, and remembered."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import JSON, Engine, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.db import Base
from hub.logs import get_logger
from hub.names import home_name
from hub.state import StateDirectory
from hub.web.hub_client import HubClient, RunningSeat
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.lifecycle import OPEN, PROMISED
from hub.workshops.organiser import Organiser
from hub.workshops.people import Member, guest_name
from hub.workshops.rehearsal import Extra, Rehearsal, Stage, rehearse
from hub.workshops.store import Kept

log = get_logger("workshops")

MOST_PEOPLE = 60


class RehearsalRow(Base):
    """The latest rehearsal of a workshop."""

    __tablename__ = "workshop_rehearsals"

    workshop: Mapped[str] = mapped_column(String(32), primary_key=True)
    record: Mapped[dict[str, Any]] = mapped_column(JSON)


class Rehearsals:
    """Used on the event loop only."""

    def __init__(self, engine: Engine, organiser: Organiser, state: StateDirectory, stage: Stage) -> None:
        self._engine, self._organiser, self._state, self._stage = engine, organiser, state, stage
        self._running: dict[str, Rehearsal] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Rehearsals"]:
        """At its end rehearsals are broken off; who came in is removed when the service is back."""
        async with asyncio.TaskGroup() as self._tasks:
            tidying = self._tasks.create_task(self._remove_leftovers(), name="rehearsals.leftovers")
            self._begun: set[asyncio.Task[None]] = set()
            try:
                yield self
            finally:
                tidying.cancel()
                for task in self._begun:
                    task.cancel()

    async def begin(self, kept: Kept, people: int, who: str) -> Rehearsal:
        """Have so many come in. Raises Problem where it cannot be."""
        if self._running:
            sentence = later("Another rehearsal is being given.")
            raise Problem(409, "rehearsing", sentence, later("Begin this one when it is over."))
        if kept.state not in PROMISED - OPEN:
            sentence = later("Only a published workshop that is not on yet can be rehearsed.")
            raise Problem(409, "not-now", sentence, later("Publish it first."))
        workshop = kept.workshop
        rehearsal = Rehearsal(workshop.id, kept.version, min(people, MOST_PEOPLE), time.time(), who)
        users = [guest_name() for _ in range(rehearsal.people)]
        await asyncio.to_thread(self._organiser.members.add_extras, workshop.id, users)
        extras = [Extra(self._stage, workshop, user, number) for number, user in enumerate(users, 1)]
        self._running[workshop.id] = rehearsal
        task = self._tasks.create_task(self._give(kept, rehearsal, extras), name=f"rehearsal-{workshop.id}")
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        log.info("workshop.rehearsal-begun", workshop=workshop.id, who=who, people=rehearsal.people)
        return rehearsal

    async def latest(self, workshop: str) -> Rehearsal | None:
        """The one that is being given, else the last."""
        return self._running.get(workshop) or await asyncio.to_thread(self._read, workshop)

    async def _give(self, kept: Kept, rehearsal: Rehearsal, extras: list[Extra]) -> None:
        try:
            await rehearse(rehearsal, extras, kept.workshop, self._clean)
            await asyncio.to_thread(self._write, rehearsal)
            if rehearsal.has_passed:
                await self._note_passed(kept)
        finally:
            del self._running[kept.workshop.id]
        log.info("workshop.rehearsal-ended", workshop=kept.workshop.id, passed=rehearsal.has_passed)

    async def _note_passed(self, kept: Kept) -> None:
        """The workshop is rehearsed, unless it was changed or began meanwhile."""
        now = await asyncio.to_thread(self._organiser.workshops.of, kept.workshop.id)
        if now is not None and now.workshop == kept.workshop and now.state in PROMISED - OPEN:
            await self._organiser.passed(now, "werkbank")

    async def _clean(self, user: str) -> None:
        """Remove an account of a rehearsal: its seat, its files, its name."""
        await asyncio.to_thread(self._remove, user)

    def _remove(self, user: str) -> None:
        hub = HubClient(self._state)
        while not hub.ended_user(user):
            hub.stop_seat(RunningSeat(user, ""))
            time.sleep(0.2)
        hub.remove_user(user)
        shutil.rmtree(self._state.homes / home_name(user), ignore_errors=True)
        for member in self._of(user):
            self._organiser.members.leave(member.workshop, user)

    def _of(self, user: str) -> list[Member]:
        return [member for member in self._organiser.members.rehearsing() if member.user == user]

    async def _remove_leftovers(self) -> None:
        """Accounts of rehearsals that a killed service left behind."""
        for member in await asyncio.to_thread(self._organiser.members.rehearsing):
            try:
                await self._clean(member.user)
            except Exception as error:  # the next start tries again, and the others are removed all the same
                log.error("workshop.rehearsal-leftover", user=member.user, error=str(error))

    def _read(self, workshop: str) -> Rehearsal | None:
        with Session(self._engine) as session:
            row = session.get(RehearsalRow, workshop)
            return Rehearsal.of_record(row.record) if row else None

    def _write(self, rehearsal: Rehearsal) -> None:
        with Session(self._engine) as session, session.begin():
            session.merge(RehearsalRow(workshop=rehearsal.workshop, record=rehearsal.as_record()))
