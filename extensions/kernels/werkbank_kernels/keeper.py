"""Looks after the lease of one kernel: asks, binds, parks, resumes, gives back. Lives in the background thread.

The broker says what is wanted (the lease), kernel and actuator say what is; after each change `acts.next_act` names the
one thing to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import acts, ungated
from .asking import Asking
from .background import Tasks
from .broker import Address, Broker, Ticket
from .correspondence import Correspondence
from .cuda import process_start
from .errors import KernelNotStarted, Refused
from .heartbeat import Heartbeat
from .holding import Holding, Wish
from .lease import AWAY, OFFERED, QUEUED, Lease
from .link_server import LinkServer, NotConnected
from .parking_acts import ANSWER_S, ParkingActs
from .process_watch import ProcessWatch
from .wire import Message
from .words import tr

if TYPE_CHECKING:
    from .job.kernel import JobKernel, Launch
    from .job.records import Record

    Link = LinkServer | JobKernel


class LeaseKeeper:
    """All methods but `__init__` run in the background loop. `kernel_busy` is asked of a kernel without a gate."""

    def __init__(self, address: Address, wish: Wish, kernel_busy: Callable[[], bool], log: logging.Logger) -> None:
        self._address, self._wish, self._log = address, wish, log
        self._holding = Holding(wish)
        self._heartbeat = Heartbeat(wish.linked, kernel_busy, lambda: self._letters.beat_now())
        self._tasks = Tasks(log)
        self._process = ProcessWatch(self._died)
        self.silent = False
        self.remember: Callable[[Ticket], Record] | None = None
        """What the next seat must know of a kernel that outlives this one; None for one that does not."""
        self._kept: Record | None = None

    @property
    def lease(self) -> Lease | None:
        """The lease as the broker told it last."""
        return self._holding.lease

    async def start(self, ticket: Ticket | None = None) -> str:
        """Begin, with a `ticket` that there is already or by asking for one.

        Returns the path of the gate's socket ("" when there is none).
        """
        broker = Broker(self._address)
        self._letters = Correspondence(broker, self._took, self._heard_silence, self._log)
        self._wake = asyncio.Event()
        self.kernel = self._job_kernel() if self._wish.elsewhere else None
        self._link: Link = self.kernel or LinkServer(self._heard, self._lost_link)
        self._asking = Asking(self._address, self._holding, broker, self._letters, self._link, self._log)
        self._parking = ParkingActs(self._holding, self._heartbeat, self._letters, self._link, self._log)
        self._holding.listeners |= {self._tell_kernel, self._wake.set}
        if self._wish.linked:
            await self._link.start()
        if ticket is not None:
            await self._go_on_with(ticket)
        self._tasks.begin("reconcile", self._reconcile())
        self._tasks.begin("watchdog", self._parking.watch_for_hangs())
        self._wake.set()
        return self._link.path if self._wish.linked else ""

    def _job_kernel(self) -> JobKernel:
        from .job.kernel import JobKernel  # ZeroMQ's loop is of no use to kernels of this machine

        return JobKernel(self._heard, self._log)

    # What comes in.

    def _took(self, lease: Lease) -> None:
        """A lease as the broker tells it; one that was overtaken changes nothing."""
        before = self._holding.lease
        if before is None or lease.id != before.id or lease.is_older_than(before):
            return
        if before.state != lease.state:
            self._log.info("lease.%s from=%s lease=%s epoch=%s", lease.state, before.state, lease.id, lease.epoch)
        self._holding.lease = lease
        if lease.ended:
            self._remember(None)
        self._holding.changed()

    def _heard_silence(self, silent: bool) -> None:
        if silent != self.silent:
            self.silent = silent
            self._log.log(logging.WARNING if silent else logging.INFO, "broker.%s", "silent" if silent else "answers")
            self._holding.changed()

    def _heard(self, message: Message) -> None:
        """A message of the kernel."""
        kind = message["type"]
        if kind == "hello":
            self._holding.observe(connected=True, pid=int(message["pid"]))
        elif kind == "state":
            self._kernel_state(message)
        elif kind == "command":
            self._kernel_command(str(message.get("name")))
        self._holding.changed()

    def _kernel_state(self, state: Message) -> None:
        came = self._heartbeat.hear(state)
        if came:
            self._asking.wanted()
        seen = self._holding.seen
        wants, cpu = seen.wants or came, seen.cpu or bool(state.get("cpu"))
        self._holding.observe(wants=wants, cpu=cpu, has_device=bool(state.get("bound")))

    def _kernel_command(self, name: str) -> None:
        if name == "cancel":  # now: the next cell may already be on its way with a new wish
            self._asking.cancel()
        else:
            self._tasks.begin("command", self._obey(name))

    async def _obey(self, name: str) -> None:
        try:
            await self.command(name)
        except KernelNotStarted as problem:
            self._link.tell({"type": "note", "sentence": tr("magic.keep_refused", why=str(problem))})

    def _lost_link(self) -> None:
        self._holding.observe(connected=False)
        self._holding.changed()

    def _tell_kernel(self) -> None:
        """Where its gate belongs, and all there is to know of the lease."""
        lease = self._holding.lease
        self._link.tell(
            {
                "type": "lease",
                "gate": acts.position(lease, self._holding.seen),
                "lease": dict(lease.raw) if lease is not None else None,
                "silent": self.silent,
            }
        )

    def watch(self, watched: bool) -> None:
        """Whether a browser is connected to this kernel."""
        self._heartbeat.watch(watched)

    # What is done about it.

    async def _reconcile(self) -> None:
        do = {
            acts.ASK: self._ask,
            acts.BIND: self._bind,
            acts.PARK: self._parking.park,
            acts.RESUME: self._parking.resume,
        }
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (act := acts.next_act(self._holding.lease, self._holding.seen)) != acts.NOTHING:
                try:
                    await do[act]()
                except NotConnected:
                    break  # the kernel comes back, or its death is noticed
                except Exception:
                    self._log.exception("lease.%s failed", act)
                    await asyncio.sleep(1)

    async def _ask(self) -> None:
        if (ticket := await self._asking.ask()) is not None:
            self._follow(ticket)

    async def _go_on_with(self, ticket: Ticket) -> None:
        """Take a lease over that an earlier seat had; how it stands the broker tells as soon as it answers."""
        self._holding.observe(asked=True)
        if self.kernel is not None:
            self.kernel.adopted = True
        self._holding.lease, self._holding.ticket = Lease(ticket.lease_id, QUEUED, 0, 0.0), ticket
        self._follow(ticket)

    def _follow(self, ticket: Ticket) -> None:
        known, beat = (lambda: self._holding.lease), self._heartbeat
        self._tasks.begin("follow", self._letters.follow(ticket, known))
        self._tasks.begin("beat", self._letters.beat(ticket, known, beat.say, beat.said))
        self._remember(ticket)
        self._holding.changed()

    def _remember(self, ticket: Ticket | None) -> None:
        """A kernel that outlives this seat is written down for the next one; with no ticket, it is forgotten."""
        if self._kept is not None:
            self._kept.forget()
        self._kept = self.remember(ticket) if ticket is not None and self.remember is not None else None
        if self._kept is not None:
            self._kept.keep()

    async def _bind(self) -> None:
        """Show the kernel its device, and tell the broker that it has it."""
        lease, ticket, pid = self._holding.lease, self._holding.ticket, self._holding.seen.pid
        assert lease is not None
        assert ticket is not None
        if self._wish.linked:
            # The host of a kernel elsewhere knows its seat by the ticket; a kernel of this machine needs none.
            more = {"token": ticket.token} if self._wish.elsewhere else {}
            answer = await self._link.ask({"type": "bind", "lease": dict(lease.raw), **more}, ANSWER_S)
            if not answer.get("ok"):
                self._holding.observe(has_device=False)
                await self._letters.settle(ticket, "release", {"reason": answer.get("reason", "unbindable")}, lease)
                return
        self._holding.observe(bound=acts.wanted_binding(lease, pid))
        if lease.state == OFFERED or self._holding.seen.told != (pid, lease.id):
            body = {"epoch": lease.epoch, "pid": pid, "pid_started": process_start(pid)}
            await self._letters.settle(ticket, "bound", body, lease)
            self._holding.observe(told=(pid, lease.id))
        self._holding.changed()
        if self._wish.gated and not self._wish.elsewhere:  # beside the first cell, as long as the device is about empty
            self._tasks.begin("try-out", self._parking.try_out())

    # What people ask for.

    async def command(self, name: str) -> None:
        """`cancel` the waiting, `release` the device, `keep` it longer, or start on the `cpu`."""
        lease, ticket = self._holding.lease, self._holding.ticket
        if name == "cancel":
            self._asking.cancel()
            self._link.tell({"type": "refused", "sentence": tr("after.cancelled")})  # to the cells that wait
        elif name == "release" and ticket is not None and lease is not None:
            await self._letters.settle(ticket, "release", {"reason": "user"}, lease)
        elif name == "keep" and ticket is not None:
            if problem := await self._letters.try_once(ticket, "keep"):
                raise KernelNotStarted(str(problem) if isinstance(problem, Refused) else tr("stopped.no_answer"))
        elif name == "cpu" and self._wish.elsewhere:
            raise KernelNotStarted(tr("magic.cpu_elsewhere"))
        elif name == "cpu":
            self._holding.observe(cpu=True)
            self._link.tell({"type": "cpu"})
            self._holding.changed()

    async def device(self) -> dict[str, str]:
        """Wait for a device, for kernels without a gate; its environment, or KernelNotStarted with the reason."""
        return await ungated.device(self._holding)

    # The kernel's life.

    async def launched(self, pid: int) -> None:
        """The kernel's process runs; its unexpected death gives the lease back."""
        self._holding.ending = False
        self._process.watch(pid)
        if not self._wish.gated:
            self._holding.observe(connected=True, pid=pid)
        self._holding.changed()

    async def launch_elsewhere(self, launch: Launch) -> JobKernel:
        """The kernel is to run as the lease's job, from when that is there."""
        assert self.kernel is not None
        self._holding.ending = False
        await self.kernel.launch(launch)
        self._remember(self._holding.live)
        self._holding.changed()
        return self.kernel

    def _died(self) -> None:
        if self._holding.ending:
            return
        self._log.warning("kernel.died pid=%s", self._holding.seen.pid)
        self._forget("died")
        self._holding.observe(asked=True)  # until it is started again nobody wants a device

    async def ending(self) -> None:
        """Somebody ends the kernel's process: its death is no accident."""
        self._holding.ending = True
        self._holding.changed()

    async def restart(self) -> None:
        """The process was ended to be started again: the lease stays, unless what it holds went with the process."""
        self._process.stop()
        lease = self._holding.lease
        if lease is not None and (lease.state in AWAY or lease.ended):
            self._forget("shutdown")
        asked, told = self._holding.lease is not None, self._holding.seen.told
        self._holding.seen = acts.Observed(asked=asked, told=told)
        self._holding.refusal, self._holding.ending = None, False
        self._heartbeat.restart()
        self._holding.changed()

    def _forget(self, reason: str) -> None:
        """Give the lease back and know nothing of it any more."""
        if (ticket := self._holding.live) is not None:
            self._asking.give_back(ticket, reason)
        self._remember(None)
        self._holding.forget()
        self._heartbeat.forget()

    async def stop(self, reason: str) -> None:
        """Give the lease back and end; returns after at most a few seconds, also when the broker does not answer."""
        self._holding.ending = True
        self._remember(None)
        self._process.stop()
        returning = self._asking.begin_end(reason)
        self._tasks.cancel()
        await self._asking.end(returning)
        await self._link.stop()
        await self._parking.close()
