"""Asks the broker for a kernel's lease, withdraws the request, and gives the lease back."""

from __future__ import annotations

import asyncio
import logging
import uuid

from .background import outlive
from .broker import Address, Broker, Request, Ticket
from .correspondence import Correspondence
from .errors import Refused
from .holding import Holding
from .lease import WAITING, Lease
from .link_server import LinkServer

_GIVE_BACK_S = 3.0  # a kernel's end does not wait longer for the broker
_GIVE_BACK_FOR_S = 600.0  # after that the broker has noticed the missing heartbeat itself


class Asking:
    """One per kernel. It owns the broker's connection, which an answer that is still on its way outlives."""

    def __init__(
        self,
        address: Address,
        holding: Holding,
        broker: Broker,
        letters: Correspondence,
        link: LinkServer,
        log: logging.Logger,
    ):
        self._address, self._holding, self._log = address, holding, log
        self._broker, self._letters, self._link = broker, letters, link
        self._request: asyncio.Task[tuple[Lease, Ticket]] | None = None
        self._unwanted = False

    async def ask(self) -> Ticket | None:
        """Ask until there is an answer; None when it is a no, or nobody wants the lease any more."""
        holding, wish = self._holding, self._holding.wish
        holding.observe(asked=True, wants=False)
        holding.refusal, self._unwanted = None, False
        try:
            lease, ticket = await self._answer()
        except Refused as no:
            self._refused(no)
            return None
        if self._unwanted:
            self.give_back(ticket, "cancelled")
            return None
        holding.lease, holding.ticket = lease, ticket
        self._log.info("lease.%s lease=%s class=%s", lease.state, lease.id, wish.gpu_class)
        return ticket

    async def _answer(self) -> tuple[Lease, Ticket]:
        wish, server = self._holding.wish, self._address.server
        request = Request(
            uuid.uuid4().hex, wish.gpu_class, wish.count, "interactive", wish.holder[:200], server, wish.gated
        )
        asking = self._request = outlive(self._letters.ask(request))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(self._asked_in_vain)
            raise
        finally:
            self._request = None if asking.done() else asking

    def _asked_in_vain(self, asking: asyncio.Task[tuple[Lease, Ticket]]) -> None:
        """The answer came after the kernel's end: if it is a lease, it goes back."""
        if not asking.cancelled() and asking.exception() is None:
            self.give_back(asking.result()[1], "cancelled")
        outlive(self._broker.close())

    def _refused(self, no: Refused) -> None:
        self._log.info("lease.refused class=%s code=%s", self._holding.wish.gpu_class, no.code)
        self._holding.refusal = no
        self._holding.observe(wants=False)  # who waited is told now
        self._link.tell({"type": "refused", "sentence": str(no)})
        self._holding.changed()

    def wanted(self) -> None:
        """A cell has come to the gate: a request that was withdrawn before is wanted after all."""
        self._unwanted = False

    def cancel(self) -> None:
        """Withdraw the request, also one that is still on its way; a lease that has its device stays."""
        holding = self._holding
        holding.observe(wants=False)
        if holding.lease is None:
            self._unwanted = True
        elif holding.lease.state in WAITING and holding.ticket is not None:
            ticket, holding.lease, holding.ticket = holding.ticket, None, None
            self.give_back(ticket, "cancelled")
            holding.changed()

    def give_back(self, ticket: Ticket, reason: str) -> asyncio.Task[None]:
        """Say that the lease is over, however long it takes; also after the kernel's end."""
        return outlive(self._released(ticket, reason))

    async def _released(self, ticket: Ticket, reason: str) -> None:
        """Say it with a connection of its own: this may outlive the keeper."""
        broker = Broker(self._address)
        letters = Correspondence(broker, lambda lease: None, lambda silent: None, self._log)
        nobody = Lease(ticket.lease_id, "released", 0, 0.0)
        try:
            await asyncio.wait_for(letters.settle(ticket, "release", {"reason": reason}, nobody), _GIVE_BACK_FOR_S)
            self._log.info("lease.released lease=%s reason=%s", ticket.lease_id, reason)
        except TimeoutError:
            self._log.warning("lease.release unheard lease=%s reason=%s", ticket.lease_id, reason)
        finally:
            await broker.close()

    def begin_end(self, reason: str) -> asyncio.Task[None] | None:
        """Want nothing any more and give back what is held; the task that says so to the broker."""
        self._unwanted = True
        ticket = self._holding.live
        self._holding.lease = None
        return self.give_back(ticket, reason) if ticket is not None else None

    async def end(self, returning: asyncio.Task[None] | None) -> None:
        """Wait a few seconds at most for what `begin_end` began, and hang up unless a request is on its way."""
        if returning is not None:
            await asyncio.wait({returning}, timeout=_GIVE_BACK_S)
        if self._request is None:
            await self._broker.close()
