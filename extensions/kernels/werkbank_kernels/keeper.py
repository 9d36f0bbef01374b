"""Looks after the lease of one kernel: asks, binds, parks, resumes, gives back. Lives in the background thread.

The broker says what is wanted (the lease), kernel and actuator say what is; after each change `acts.next_act` names the
one thing to do.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from . import acts
from .broker import Address, Broker, Request, Ticket
from .correspondence import Correspondence
from .cuda import process_start
from .errors import KernelNotStarted, Refused
from .lease import AWAY, HELD, OFFERED, WAITING, Lease
from .link_server import LinkServer, NotConnected
from .parker import Parker
from .wire import Message
from .words import tr

T = TypeVar("T")

_ANSWER_S = 5.0  # the kernel's link thread answers at once unless something holds the interpreter
_PING_S, _PONG_S = 1.0, 2.0
_GIVE_BACK_S = 3.0  # a kernel's end does not wait longer for the broker
_GIVE_BACK_FOR_S = 600.0  # after that the broker has noticed the missing heartbeat itself


@dataclass(frozen=True)
class Wish:
    """What a kernelspec wants: `gated` kernels wait at their gate, others before they start."""

    gpu_class: str
    count: int
    gated: bool
    holder: str


class LeaseKeeper:
    """All methods but `__init__` run in the background loop."""

    def __init__(self, address: Address, wish: Wish, log: logging.Logger) -> None:
        self._address, self._wish, self._log = address, wish, log
        self.lease: Lease | None = None
        self.silent = False
        self.watched = False
        self.kernel_busy: Callable[[], bool] = lambda: False
        self.unparkable = ""
        self._ticket: Ticket | None = None
        self._seen = acts.Observed()
        self._kernel: Message = {}
        self._saying = self._told_of = 0  # cells that had begun when a heartbeat was written, and was heard
        self._refusal: Refused | None = None
        self._unwanted = False
        self._hung = False
        self._asking: asyncio.Task[tuple[Lease, Ticket]] | None = None
        self._ending = False
        self._pidfd: int | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watchers: set[asyncio.Event] = set()

    async def start(self) -> str:
        """Begin; returns the path of the gate's socket ("" when the kernel has no gate)."""
        self._broker = Broker(self._address)
        self._letters = Correspondence(self._broker, self._took, self._heard_silence, self._log)
        self._parker = Parker(self._log)
        self._wake = asyncio.Event()
        self.link = LinkServer(self._heard, self._lost_link)
        if self._wish.gated:
            await self.link.start()
        self._begin("reconcile", self._reconcile())
        self._begin("watchdog", self._watchdog())
        self._wake.set()
        return self.link.path if self._wish.gated else ""

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"werkbank-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended_task)
        return task

    def _ended_task(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.error("lease.task %s failed", task.get_name(), exc_info=task.exception())

    # What comes in.

    def _took(self, lease: Lease) -> None:
        """A lease as the broker tells it; one that was overtaken changes nothing."""
        before = self.lease
        if before is None or lease.id != before.id or lease.is_older_than(before):
            return
        if before.state != lease.state:
            self._log.info("lease.%s from=%s lease=%s epoch=%s", lease.state, before.state, lease.id, lease.epoch)
        self.lease = lease
        self._changed()

    def _heard_silence(self, silent: bool) -> None:
        if silent != self.silent:
            self.silent = silent
            self._log.log(logging.WARNING if silent else logging.INFO, "broker.%s", "silent" if silent else "answers")
            self._changed()

    def _heard(self, message: Message) -> None:
        """A message of the kernel."""
        kind = message["type"]
        if kind == "hello":
            self._seen = replace(self._seen, connected=True, pid=int(message["pid"]))
        elif kind == "state":
            self._kernel_state(message)
        elif kind == "command":
            self._kernel_command(str(message.get("name")))
        self._changed()

    def _kernel_command(self, name: str) -> None:
        if name == "cancel":  # now: the next cell may already be on its way with a new wish
            self._cancel()
        else:
            self._begin("command", self._obey(name))

    async def _obey(self, name: str) -> None:
        try:
            await self.command(name)
        except KernelNotStarted as problem:
            self.link.tell({"type": "note", "sentence": tr("magic.keep_refused", why=str(problem))})

    def _kernel_state(self, state: Message) -> None:
        before = self._beat()
        came = bool(state.get("wants")) and not self._kernel.get("wants")
        if came:
            self._unwanted = False
        self._kernel = state
        cpu = self._seen.cpu or bool(state.get("cpu"))
        self._seen = replace(self._seen, wants=self._seen.wants or came, cpu=cpu, has_device=bool(state.get("bound")))
        if self._beat() != before:
            self._letters.beat_now()

    def watch(self, watched: bool) -> None:
        """Whether a browser is connected to this kernel."""
        if watched != self.watched:
            self.watched = watched
            self._letters.beat_now()

    def _lost_link(self) -> None:
        self._seen = replace(self._seen, connected=False)
        self._changed()

    def _changed(self) -> None:
        """Tell the kernel where its gate belongs, and look what is to be done."""
        self.link.tell(
            {
                "type": "lease",
                "gate": acts.position(self.lease, self._seen),
                "lease": dict(self.lease.raw) if self.lease is not None else None,
                "silent": self.silent,
            }
        )
        self._wake.set()
        for watcher in self._watchers:
            watcher.set()

    # What is done about it.

    async def _reconcile(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (act := acts.next_act(self.lease, self._seen)) != acts.NOTHING:
                try:
                    await getattr(self, f"_{act}")()
                except NotConnected:
                    break  # the kernel comes back, or its death is noticed
                except Exception:
                    self._log.exception("lease.%s failed", act)
                    await asyncio.sleep(1)

    async def _ask(self) -> None:
        self._seen = replace(self._seen, asked=True, wants=False)
        self._refusal, self._unwanted = None, False
        wish = self._wish
        server = self._address.server
        request = Request(
            uuid.uuid4().hex, wish.gpu_class, wish.count, "interactive", wish.holder[:200], server, wish.gated
        )
        asking = self._asking = _outlive(self._letters.ask(request))
        try:
            lease, ticket = await asyncio.shield(asking)
        except Refused as no:
            self._refused(no)
            return
        except asyncio.CancelledError:
            asking.add_done_callback(self._asked_in_vain)
            raise
        finally:
            self._asking = None if asking.done() else asking
        if self._unwanted:
            self._give_back(ticket, "cancelled")
            return
        self.lease, self._ticket = lease, ticket
        self._log.info("lease.%s lease=%s class=%s", lease.state, lease.id, wish.gpu_class)
        self._begin("follow", self._letters.follow(ticket, lambda: self.lease))
        self._begin("beat", self._letters.beat(ticket, lambda: self.lease, self._say, self._said))
        self._changed()

    def _asked_in_vain(self, asking: asyncio.Task[tuple[Lease, Ticket]]) -> None:
        """The answer came after the kernel's end: if it is a lease, it goes back."""
        if not asking.cancelled() and asking.exception() is None:
            self._give_back(asking.result()[1], "cancelled")
        _outlive(self._broker.close())

    def _refused(self, no: Refused) -> None:
        self._log.info("lease.refused class=%s code=%s", self._wish.gpu_class, no.code)
        self._refusal = no
        self._seen = replace(self._seen, wants=False)  # who waited is told now
        self.link.tell({"type": "refused", "sentence": str(no)})
        self._changed()

    def _say(self) -> dict[str, Any]:
        self._saying = self._entered()
        return self._beat()

    def _said(self) -> None:
        """A heartbeat was heard. If it spoke of cells that are over, the next one follows at once and says so."""
        spoke_of_past = self._saying != self._told_of and not self._kernel.get("busy")
        self._told_of = self._saying
        if spoke_of_past:
            self._letters.beat_now()

    def _entered(self) -> int:
        return int(self._kernel.get("entered") or 0)

    def _busy(self) -> bool:
        """Whether a cell runs, or ran since the broker last heard of this kernel."""
        if not self._wish.gated:
            return self.kernel_busy()
        return bool(self._kernel.get("busy")) or self._entered() != self._told_of

    def _beat(self) -> dict[str, Any]:
        return {
            "busy": self._busy(),
            "wants": bool(self._kernel.get("wants")) or self._hung,
            "watched": self.watched,
            "unparkable": self.unparkable,
        }

    async def _bind(self) -> None:
        lease, ticket, pid = self.lease, self._ticket, self._seen.pid
        if self._wish.gated:
            answer = await self.link.ask({"type": "bind", "lease": dict(lease.raw)}, _ANSWER_S)
            if not answer.get("ok"):
                self._seen = replace(self._seen, has_device=False)
                await self._letters.settle(ticket, "release", {"reason": "unbindable"}, lease)
                return
        self._seen = replace(self._seen, bound=acts.wanted_binding(lease, pid))
        if lease.state == OFFERED or self._seen.told != (pid, lease.id):
            body = {"epoch": lease.epoch, "pid": pid, "pid_started": process_start(pid)}
            await self._letters.settle(ticket, "bound", body, lease)
            self._seen = replace(self._seen, told=(pid, lease.id))
        self._changed()

    async def _park(self) -> None:
        lease, ticket = self.lease, self._ticket
        if not await self._shut_gate():
            await self._reported(
                lease, ticket, "park", {"outcome": "later", "reason": "busy", "bytes": 0, "seconds": 0.0}
            )
            return
        self._seen = replace(self._seen, shut=True)
        self._changed()
        outcome = await self._parker.park(lease, self._seen.pid, self._kernel.get("modules") or [])
        if outcome["outcome"] == "refused":
            self.unparkable = outcome["reason"]
        await self._reported(lease, ticket, "park", outcome)

    async def _shut_gate(self) -> bool:
        """Close the gate; False when something runs. A message that is just being handled gets a moment."""
        for _ in range(3):
            if (await self.link.ask({"type": "close"}, _ANSWER_S)).get("ok"):
                return True
            if self._kernel.get("busy") or self._kernel.get("wants"):
                return False
            await asyncio.sleep(0.1)
        return False

    async def _resume(self) -> None:
        lease, ticket = self.lease, self._ticket
        outcome = await self._parker.resume(lease, self._seen.pid, self._kernel.get("modules") or [])
        await self._reported(lease, ticket, "resume", outcome)

    async def _reported(self, lease: Lease, ticket: Ticket, act: str, outcome: dict[str, Any]) -> None:
        """Tell the broker how it went; the gate may open again once it knows that the kernel runs."""
        self._seen = replace(self._seen, done=acts.round_of(lease))
        await self._letters.settle(ticket, "report", {"epoch": lease.epoch, "act": act, **outcome}, lease)
        runs = outcome["outcome"] == "done" if act == "resume" else outcome["outcome"] in ("later", "refused")
        if runs:
            self._seen = replace(self._seen, shut=False)
        self._hung = False
        self._changed()

    async def _watchdog(self) -> None:
        """A thread of a parked kernel may block in CUDA and hold the interpreter: then the kernel needs its GPU."""
        while True:
            await asyncio.sleep(_PING_S)
            if self.lease is None or self.lease.state not in AWAY or not self.link.connected:
                continue
            hung = not await self._pongs()
            if hung != self._hung and self.lease is not None and self.lease.state in AWAY:
                self._hung = hung
                self._letters.beat_now()

    async def _pongs(self) -> bool:
        try:
            await self.link.ask({"type": "ping"}, _PONG_S)
        except NotConnected:
            return not self.link.connected  # gone is not hung
        return True

    # What people ask for.

    async def command(self, name: str) -> None:
        """`cancel` the waiting, `release` the device, `keep` it longer, or start on the `cpu`."""
        if name == "cancel":
            self._cancel()
            self.link.tell({"type": "refused", "sentence": tr("after.cancelled")})  # to the cells that wait
        elif name == "release" and self._ticket is not None and self.lease is not None:
            await self._letters.settle(self._ticket, "release", {"reason": "user"}, self.lease)
        elif name == "keep" and self._ticket is not None:
            if problem := await self._letters.try_once(self._ticket, "keep"):
                raise KernelNotStarted(str(problem) if isinstance(problem, Refused) else tr("stopped.no_answer"))
        elif name == "cpu":
            self._seen = replace(self._seen, cpu=True)
            self.link.tell({"type": "cpu"})
            self._changed()

    def _cancel(self) -> None:
        self._seen = replace(self._seen, wants=False)
        if self.lease is None:
            self._unwanted = True
        elif self.lease.state in WAITING and self._ticket is not None:
            ticket, self.lease, self._ticket = self._ticket, None, None
            self._give_back(ticket, "cancelled")
            self._changed()

    # The kernel's life.

    async def device(self) -> dict[str, str]:
        """Wait for a device, for kernels without a gate; its environment, or KernelNotStarted with the reason."""
        news = asyncio.Event()
        self._watchers.add(news)
        try:
            while True:
                news.clear()
                if self._refusal is not None:
                    raise KernelNotStarted(str(self._refusal))
                if self.lease is not None and (self.lease.state == OFFERED or self.lease.state in HELD):
                    return self.lease.environment
                if self.lease is not None and self.lease.ended:
                    raise KernelNotStarted(tr("error.ended", why=self.lease.why_ended))
                if self._ending:
                    raise KernelNotStarted(tr("error.cancelled"))
                await news.wait()
        finally:
            self._watchers.discard(news)

    async def launched(self, pid: int) -> None:
        """The kernel's process runs; its unexpected death gives the lease back."""
        self._ending = False
        self._unwatch()
        self._pidfd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._died)
        if not self._wish.gated:
            self._seen = replace(self._seen, connected=True, pid=pid)
        self._changed()

    def _unwatch(self) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
        self._pidfd = None

    def _died(self) -> None:
        self._unwatch()
        if self._ending:
            return
        self._log.warning("kernel.died pid=%s", self._seen.pid)
        self._forget("died")
        self._seen = replace(self._seen, asked=True)  # until it is started again nobody wants a device

    async def ending(self) -> None:
        """Somebody ends the kernel's process: its death is no accident."""
        self._ending = True
        for watcher in self._watchers:
            watcher.set()

    async def restart(self) -> None:
        """The process was ended to be started again: the lease stays, unless what it holds went with the process."""
        self._unwatch()
        if self.lease is not None and (self.lease.state in AWAY or self.lease.ended):
            self._forget("shutdown")
        asked = self.lease is not None
        told = self._seen.told
        self._seen = acts.Observed(asked=asked, told=told)
        self._kernel, self.unparkable, self._refusal, self._ending = {}, "", None, False
        self._saying = self._told_of = 0
        self._changed()

    def _forget(self, reason: str) -> None:
        """Give the lease back and know nothing of it any more."""
        if self._ticket is not None and self.lease is not None and not self.lease.ended:
            self._give_back(self._ticket, reason)
        self.lease = self._ticket = None
        self._seen = acts.Observed()
        self._kernel = {}
        self._saying = self._told_of = 0

    def _give_back(self, ticket: Ticket, reason: str) -> asyncio.Task[None]:
        return _outlive(self._released(ticket, reason))

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

    async def stop(self, reason: str) -> None:
        """Give the lease back and end; returns after at most a few seconds, also when the broker does not answer."""
        self._ending = self._unwanted = True
        self._unwatch()
        returning = None
        if self._ticket is not None and self.lease is not None and not self.lease.ended:
            returning = self._give_back(self._ticket, reason)
        self.lease = None
        asking = bool(self._asking)
        for task in list(self._tasks):
            task.cancel()
        if returning is not None:
            await asyncio.wait({returning}, timeout=_GIVE_BACK_S)
        await self.link.stop()
        await self._parker.close()
        if not asking:
            await self._broker.close()


_outliving: set[asyncio.Task[Any]] = set()


def _outlive(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that goes on when its kernel is gone, and is held until it is done."""
    task = asyncio.get_running_loop().create_task(work, name="werkbank-outliving")
    _outliving.add(task)
    task.add_done_callback(_outliving.discard)
    return task
