"""Parking and resuming a gated kernel, as the broker orders it: gate, actuator, report."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from . import acts
from .broker import Ticket
from .correspondence import Correspondence
from .heartbeat import Heartbeat
from .holding import Holding
from .lease import AWAY, HELD, OFFERED, Lease
from .link_server import LinkServer, NotConnected
from .parker import Parker

ANSWER_S = 5.0  # the kernel's link thread answers at once unless something holds the interpreter
_PING_S, _PONG_S = 1.0, 2.0


class ParkingActs:
    """One per kernel. `park` and `resume` raise NotConnected when the kernel is not there."""

    def __init__(
        self, holding: Holding, heartbeat: Heartbeat, letters: Correspondence, link: LinkServer, log: logging.Logger
    ):
        self._holding, self._heartbeat = holding, heartbeat
        self._letters, self._link = letters, link
        self._parker = Parker(log)

    async def try_out(self) -> None:
        """Find out whether kernels can be parked on the devices of this one, and say so at once when they cannot."""
        lease, pid = self._holding.lease, self._holding.seen.pid
        if lease is None or (lease.state != OFFERED and lease.state not in HELD):
            return
        reason = await self._parker.no_parking(lease)
        if reason and self._holding.seen.pid == pid:  # a process that came after this one is tried itself
            self._heartbeat.cannot_park(reason)

    async def park(self) -> None:
        """Take the kernel's device memory to the host and say how it went; a kernel in use is left alone."""
        lease, ticket = self._held()
        if not await self._shut_gate():
            busy = {"outcome": "later", "reason": "busy", "bytes": 0, "seconds": 0.0}
            await self._reported(lease, ticket, "park", busy)
            return
        self._holding.observe(shut=True)
        self._holding.changed()
        outcome = await self._parker.park(lease, self._holding.seen.pid, self._heartbeat.modules)
        if outcome["outcome"] == "refused":
            self._heartbeat.cannot_park(outcome["reason"])
        await self._reported(lease, ticket, "park", outcome)

    async def resume(self) -> None:
        """The way back."""
        lease, ticket = self._held()
        outcome = await self._parker.resume(lease, self._holding.seen.pid, self._heartbeat.modules)
        await self._reported(lease, ticket, "resume", outcome)

    def _held(self) -> tuple[Lease, Ticket]:
        assert self._holding.lease is not None
        assert self._holding.ticket is not None
        return self._holding.lease, self._holding.ticket

    async def _shut_gate(self) -> bool:
        """Close the gate; False when something runs. A message that is just being handled gets a moment."""
        for _ in range(3):
            if (await self._link.ask({"type": "close"}, ANSWER_S)).get("ok"):
                return True
            if self._heartbeat.in_use:
                return False
            await asyncio.sleep(0.1)
        return False

    async def _reported(self, lease: Lease, ticket: Ticket, act: str, outcome: dict[str, Any]) -> None:
        """Tell the broker how it went; the gate may open again once it knows that the kernel runs."""
        self._holding.observe(done=acts.round_of(lease))
        await self._letters.settle(ticket, "report", {"epoch": lease.epoch, "act": act, **outcome}, lease)
        runs = outcome["outcome"] == "done" if act == "resume" else outcome["outcome"] in ("later", "refused")
        if runs:
            self._holding.observe(shut=False)
        self._heartbeat.hang(False)
        self._holding.changed()

    async def watch_for_hangs(self) -> None:
        """A thread of a parked kernel may block in CUDA and hold the interpreter: then the kernel needs its GPU."""
        while True:
            await asyncio.sleep(_PING_S)
            if self._is_away() and self._link.connected:
                hung = not await self._pongs()
                if self._is_away():
                    self._heartbeat.hang(hung)

    def _is_away(self) -> bool:
        return self._holding.lease is not None and self._holding.lease.state in AWAY

    async def _pongs(self) -> bool:
        try:
            await self._link.ask({"type": "ping"}, _PONG_S)
        except NotConnected:
            return not self._link.connected  # gone is not hung
        return True

    async def close(self) -> None:
        """The actuator ends with the last kernel of the seat, after the act it is in."""
        await self._parker.close()
