"""Talking with the broker until it has answered: retries, the event stream and the heartbeat of one lease."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from .broker import Broker, Request, Ticket
from .errors import Refused, Silent
from .lease import Lease

Beat = Mapping[str, Any]


class Pause:
    """Growing pauses between attempts: 1 s, 2 s … 15 s."""

    def __init__(self, first_s: float = 1.0, longest_s: float = 15.0) -> None:
        self._first, self._longest = first_s, longest_s
        self._next = first_s

    async def wait(self) -> None:
        pause, self._next = self._next, min(2 * self._next, self._longest)
        await asyncio.sleep(pause)

    def forget(self) -> None:
        self._next = self._first


class Correspondence:
    """Hands every lease the broker tells to `took`, and whether the broker answers to `silent`.

    Nothing here gives a lease up: without an answer all goes on as before.
    """

    def __init__(
        self, broker: Broker, took: Callable[[Lease], None], silent: Callable[[bool], None], log: logging.Logger
    ):
        self._broker, self._took, self._silent, self._log = broker, took, silent, log
        self._beat_due = asyncio.Event()

    async def ask(self, request: Request) -> tuple[Lease, Ticket]:
        """Ask until there is an answer; raises Refused."""
        pause = Pause()
        while True:
            try:
                answer = await self._broker.ask(request)
            except Silent as problem:
                self._unanswered("ask", problem)
                await pause.wait()
            else:
                self._silent(False)
                return answer

    async def settle(self, ticket: Ticket, act: str, body: Mapping[str, Any], known: Lease) -> None:
        """Say `act` until it is heard; what is refused is settled by looking what the lease is now."""
        pause = Pause()
        while True:
            try:
                self._hear(await self._broker.act(ticket, act, body))
                return
            except Refused as no:
                self._log.info("lease.%s refused lease=%s code=%s", act, ticket.lease_id, no.code)
                await self._look(ticket, no, known)
                return
            except Silent as problem:
                self._unanswered(act, problem)
                await pause.wait()

    async def try_once(self, ticket: Ticket, act: str) -> Refused | Silent | None:
        """Say `act` one time; returns what was in the way."""
        try:
            self._hear(await self._broker.act(ticket, act))
        except (Refused, Silent) as problem:
            return problem
        return None

    async def follow(self, ticket: Ticket, known: Callable[[], Lease | None]) -> None:
        """Hear every change of the lease until it has ended or is another one."""
        pause = Pause()
        while (lease := known()) is not None and lease.id == ticket.lease_id and not lease.ended:
            try:
                async for told in self._broker.events(ticket):
                    pause.forget()
                    self._hear(told)
                    if told.ended:
                        return
            except Refused as no:
                await self._look(ticket, no, lease)
            except Silent as problem:
                self._unanswered("follow", problem)
            await pause.wait()

    def beat_now(self) -> None:
        self._beat_due.set()

    async def beat(
        self, ticket: Ticket, known: Callable[[], Lease | None], what: Callable[[], Beat], said: Callable[[], None]
    ) -> None:
        """Say what the kernel does, regularly and at once on a change, until the lease has ended or is another one.

        `said` is called when the latest `what` was heard.
        """
        pause = Pause()
        while (lease := known()) is not None and lease.id == ticket.lease_id and not lease.ended:
            self._beat_due.clear()
            try:
                self._hear(await self._broker.act(ticket, "heartbeat", {"epoch": lease.epoch, **what()}))
                pause.forget()
                said()
            except Refused as no:
                await self._look(ticket, no, lease)
            except Silent as problem:
                self._unanswered("heartbeat", problem)
                await pause.wait()
                continue
            await self._until_due(lease.heartbeat_s)

    async def _until_due(self, period_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._beat_due.wait(), period_s)

    async def _look(self, ticket: Ticket, no: Refused, known: Lease) -> None:
        """After a "no": a stale epoch or an ended lease shows in the lease itself; an unknown lease is lost."""
        if no.status in (401, 403, 404):
            self._took(known.lost(str(no)))
            return
        try:
            self._hear(await self._broker.get(ticket))
        except Refused as again:
            if again.status in (401, 403, 404, 410):
                self._took(known.lost(str(again)))
        except Silent as problem:
            self._unanswered("get", problem)

    def _hear(self, lease: Lease) -> None:
        self._silent(False)
        self._took(lease)

    def _unanswered(self, act: str, problem: Silent) -> None:
        self._log.debug("lease.%s unanswered: %s", act, problem)
        self._silent(True)
