"""The gate in a leased kernel: whatever may touch a device passes it, and it decides when.

One gate serves waiting for a GPU, binding it late, and parking. It is shared by the kernel's threads: shells ask to be
admitted, the link to the provisioner tells the lease. `running` and `position` change under one lock, so the gate is
never closed with something inside, and nothing gets inside a closed gate.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .cuda import INITIALISED, cuda_state, managed_memory
from .lease import BROKEN, PARKED, RESUMING, Lease, device_name

WAITING, OPEN, SHUT, OVER = "waiting", "open", "parked", "over"  # positions; the provisioner sends these words
_CUDA_LOOK_S = 1.0  # a look reads /proc/self/maps, too much for every widget message


@dataclass(frozen=True)
class Verdict:
    """How waiting ended: admitted, or not, and then why in a sentence for people."""

    admitted: bool
    sentence: str = ""
    interrupted: bool = False


ADMITTED = Verdict(True)


class Waiter:
    """Something at the closed gate, in the event loop of one shell."""

    def __init__(self, changed: Callable[[], None] | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.verdict: asyncio.Future[Verdict] = self.loop.create_future()
        self._changed = changed

    def decide(self, verdict: Verdict, abandoned: Callable[[], None]) -> None:
        """Hand over the verdict in the waiter's own thread; `abandoned` is called when nobody waits any more."""

        def deliver() -> None:
            if self.verdict.done():
                abandoned()
            else:
                self.verdict.set_result(verdict)

        try:
            self.loop.call_soon_threadsafe(deliver)
        except RuntimeError:  # its subshell is gone
            abandoned()

    def tell(self) -> None:
        if self._changed is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._changed)


class Gate:
    """See the module. `notify` is called, from any thread, when what the provisioner should know has changed."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiters: list[Waiter] = []
        self.position = WAITING
        self.running = 0
        self.entered = 0
        self.lease: Lease | None = None
        self.silent = False
        self.cpu = False
        self.bound = False
        self.notes: list[str] = []
        self.command: Callable[[str], None] = lambda name: None
        self.notify: Callable[[], None] = lambda: None
        self.handling: Callable[[], bool] = lambda: False
        self._cuda_seen, self._cuda_seen_at = "", 0.0

    elsewhere = False
    """Whether what is behind it is on another machine."""

    # Asked by the shells.

    def enter(self) -> bool:
        """Go in if the gate is open; every True is paid back with `leave`."""
        with self._lock:
            if self.position != OPEN:
                return False
            self.running += 1
            self.entered += 1
        self.notify()
        return True

    def leave(self) -> None:
        """Something that was admitted has ended."""
        with self._lock:
            self.running -= 1
        self.notify()

    async def admit(self, changed: Callable[[], None] | None = None) -> Verdict:
        """Wait until the gate opens (then pay back with `leave`) or it is clear that it will not.

        `changed` is called in the caller's event loop whenever there is something new to tell about the wait.
        """
        with self._lock:
            if self.position == OPEN:
                self.running += 1
                self.entered += 1
                waiter = None
            elif self.position == OVER:
                return Verdict(False, self._over())
            else:
                waiter = Waiter(changed)
                self._waiters.append(waiter)
        self.notify()
        return ADMITTED if waiter is None else await self._wait(waiter)

    async def _wait(self, waiter: Waiter) -> Verdict:
        try:
            return await waiter.verdict
        except asyncio.CancelledError:
            # Admitted in the same moment: nobody else will pay back.
            if waiter.verdict.done() and not waiter.verdict.cancelled() and waiter.verdict.result().admitted:
                self.leave()
            raise
        finally:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
            self.notify()

    def interrupt(self, sentence: Callable[[str], str]) -> bool:
        """End every wait, because the user said so; returns whether something waited. `sentence(position)` is why."""
        with self._lock:
            waiters, position = self._waiters, self.position
            self._waiters = []
        if not waiters:
            return False
        for waiter in waiters:
            waiter.decide(Verdict(False, sentence(position), interrupted=True), lambda: None)
        if position == WAITING:
            self.command("cancel")
        self.notify()
        return True

    # Told by the provisioner, on the link's thread.

    def tell(self, position: str, lease: Lease | None, silent: bool) -> None:
        """All there is to know, again at each change. Opens, shuts or ends as `position` says."""
        with self._lock:
            broken = lease is not None and lease.state == BROKEN
            if broken and not (self.lease is not None and self.lease.state == BROKEN):
                self.notes.append("broken")
            self.lease, self.silent, self.position = lease, silent, position
            waiters = list(self._waiters)
            if position in (OPEN, OVER):
                self._waiters = []
            if position == OPEN:
                self.running += len(waiters)
                self.entered += len(waiters)
            verdict = ADMITTED if position == OPEN else Verdict(False, self._over() if position == OVER else "")
        for waiter in waiters:
            if position == OPEN:
                waiter.decide(verdict, self.leave)
            elif position == OVER:
                waiter.decide(verdict, lambda: None)
            else:
                waiter.tell()
        self.notify()

    def refuse(self, sentence: str) -> None:
        """The broker said no: whoever waits is told; the next cell may ask again."""
        with self._lock:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.decide(Verdict(False, sentence), lambda: None)
        self.notify()

    def note(self, note: str) -> None:
        """Something the next cell should tell: "broken", "unbindable", "joined:<device>" or "said:<sentence>"."""
        with self._lock:
            self.notes.append(note)

    def bind(self, environment: Mapping[str, str], lease: Lease) -> bool:
        """Make the lease's environment visible in this process; False when CUDA has already looked and found nothing.

        libcuda reads the environment when it initialises, through the same `environ` that Python writes.
        """
        if not self.bound and self.cuda() == INITIALISED:
            return self._unbindable()
        os.environ.update(environment)
        # A cell that started on the CPU may have initialised CUDA between the look and the change.
        if not self.bound and self.cpu and self.cuda() == INITIALISED:
            self.unbind()
            return self._unbindable()
        if not self.bound and self.cpu:
            self.note(f"joined:{device_name(lease)}")
        self.bound = True
        return True

    def _unbindable(self) -> bool:
        self.note("unbindable")
        return False

    def unbind(self) -> None:
        """Hide the device from what this process and its children start from now on."""
        self.bound = False
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ.pop("WERKBANK_LEASE", None)

    def close(self) -> bool:
        """Shut for parking; False when something is inside, or in front of it being handled."""
        with self._lock:
            if self.running or self._waiters or self.handling():
                return False
            if self.position == OPEN:
                self.position = SHUT
            return self.position == SHUT

    # What others see.

    @property
    def wants(self) -> bool:
        return bool(self._waiters)

    @property
    def away(self) -> bool:
        """Whether objects on the device must not be touched now."""
        return self.position == SHUT or (self.lease is not None and self.lease.state in (PARKED, RESUMING))

    def take_notes(self) -> list[str]:
        """What the next cell should tell, once."""
        with self._lock:
            notes, self.notes = self.notes, []
        return notes

    def state(self) -> dict[str, Any]:
        """What the provisioner should know, as it goes over the link."""
        with self._lock:
            state = {"busy": self.running > 0, "wants": bool(self._waiters), "cpu": self.cpu, "bound": self.bound}
            # Cells can begin and end between two looks: whoever only looked would take them for idleness.
            state["entered"] = self.entered
            fresh = self.away or time.monotonic() < self._cuda_seen_at + _CUDA_LOOK_S
        return state | {"modules": managed_memory(), "cuda": self._cuda_seen if fresh else self.cuda()}

    def cuda(self) -> str:
        """This process's CUDA state, looked at now; not to be asked while parked."""
        if self._cuda_seen != INITIALISED:  # there is no way back
            self._cuda_seen, self._cuda_seen_at = cuda_state(), time.monotonic()
        return self._cuda_seen

    def _over(self) -> str:
        from .words import tr

        why = self.lease.why_ended if self.lease is not None else tr("stopped.over_unknown")
        return tr("stopped.over", why=why)
