"""The loop around `decide`: events in, decisions written down, answers and looks out.

One writer: events wait in a queue, are decided one after the other and written together; nobody sees a
decision before it is written. So a broker that is killed at any point finds on its return what was written,
and nothing else has happened.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from hub.errors import BrokerError, LeaseRefused
from hub.leases.events import Action, Event, Listed, LookAt, Looked, Returned, SaveLease, Ticked, Transition
from hub.leases.inventory import Inventory, Unreadable
from hub.leases.machine import decide
from hub.leases.model import Rules
from hub.leases.state import State
from hub.leases.store import Store
from hub.logs import get_logger

log = get_logger("broker")

MOST_AT_ONCE = 64
"""Decisions that are written in one transaction at most."""
TICK_PERIOD = 1.0
LIST_PERIOD, LIST_PERIOD_OF_JOBS = 30.0, 10.0
"""Seconds between reads of the whole inventory; on a cluster others take and return devices, too."""


@dataclass(frozen=True)
class _Told:
    """One event on its way, and who waits for what became of it."""

    event: Event
    answer: "asyncio.Future[State]"


class Broker:
    """Decides who gets which device. Use it inside `async with broker.running()`."""

    def __init__(self, rules: Rules, store: Store, inventory: Inventory, now: Callable[[], float]) -> None:
        self._rules, self.store, self.inventory, self.now = rules, store, inventory, now
        self.state = State(rules)
        self.unreadable = ""
        """Why the devices could not be read at the last attempt; empty when they could."""
        self.observers: list[Callable[[State, tuple[Action, ...]], None]] = []
        """Called with every decision after it was written."""
        self._told: asyncio.Queue[_Told] = asyncio.Queue()
        self._looks: asyncio.Queue[str] = asyncio.Queue()
        self._looking: set[str] = set()
        self._changed: dict[str, asyncio.Event] = {}

    # --- asking --------------------------------------------------------------------------------

    async def tell(self, event: Event) -> State:
        """Decide about an event; returns the state that followed, once it is written down.

        Raises LeaseRefused when it cannot be, and BrokerError when it could not be written.
        """
        answer: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        self._told.put_nowait(_Told(event, answer))
        return await answer

    async def changed(self, lease: str) -> None:
        """Return when the lease changes."""
        await self._changed.setdefault(lease, asyncio.Event()).wait()

    # --- running -------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Broker"]:
        """Read the records, then decide until the block ends. A task that fails ends the block."""
        await asyncio.to_thread(self.store.begin_term)
        self.state = await asyncio.to_thread(self.store.load, self._rules, self.now())
        async with asyncio.TaskGroup() as tasks:
            owned = [
                tasks.create_task(self._decide_for_ever(), name="broker.decide"),
                tasks.create_task(self._look_for_ever(), name="broker.look"),
            ]
            await self.tell(Returned())
            await self.read_inventory()
            period = LIST_PERIOD_OF_JOBS if self._rules.jobs else LIST_PERIOD
            owned += [
                tasks.create_task(self._every(TICK_PERIOD, self._tick), name="broker.tick"),
                tasks.create_task(self._every(period, self.read_inventory), name="broker.list"),
            ]
            log.info("broker.started", leases=len(self.state.leases), devices=len(self.state.devices))
            try:
                yield self
            finally:
                for task in owned:
                    task.cancel()

    async def _every(self, period: float, act: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(period)
            await act()

    async def _tick(self) -> None:
        try:
            # A tick looks at a bounded number of leases, so that others are answered in between.
            while (await self.tell(Ticked())).is_late(self.now()):
                pass
        except BrokerError as error:
            if type(error) is not BrokerError:
                raise
            log.error("broker.not-written", error=str(error))

    async def _decide_for_ever(self) -> None:
        while True:
            batch = [await self._told.get()]
            while len(batch) < MOST_AT_ONCE and not self._told.empty():
                batch.append(self._told.get_nowait())
            await self._decide(batch)

    async def _decide(self, batch: list[_Told]) -> None:
        state = self.state
        actions: list[Action] = []
        decided: list[tuple[_Told, State]] = []
        for told in batch:
            try:
                state, asked = decide(state, told.event, self.now())
            except LeaseRefused as refused:
                _answer(told, refused)
                continue
            actions += asked
            decided.append((told, state))
        try:
            if actions:
                await asyncio.to_thread(self.store.save, actions)
        except Exception as error:
            # Nothing was written, so nothing has happened: the old state stands.
            problem = error if isinstance(error, BrokerError) else BrokerError(f"not written: {error}")
            for told, _state in decided:
                _answer(told, problem)
            if isinstance(error, BrokerError):
                raise
            log.error("broker.not-written", error=str(error))
            return
        self.state = state
        self._carry_out(tuple(actions))
        for told, then in decided:
            _answer(told, then)

    def _carry_out(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Transition():
                    _log(action)
                case LookAt(device) if device not in self._looking:
                    self._looking.add(device)
                    self._looks.put_nowait(device)
                case SaveLease(lease) if (event := self._changed.pop(lease.id, None)) is not None:
                    event.set()
        for observer in self.observers:
            observer(self.state, actions)

    # --- looking -------------------------------------------------------------------------------

    async def _look_for_ever(self) -> None:
        while True:
            uuid = await self._looks.get()
            self._looking.discard(uuid)
            device = self.state.devices.get(uuid)
            if device is None:
                continue
            clean: bool | None = None
            try:
                clean = await asyncio.to_thread(self.inventory.is_clean, device)
            except Unreadable as error:
                log.warning("device.unreadable", device=uuid, error=str(error))
            with contextlib.suppress(LeaseRefused):
                await self.tell(Looked(uuid, clean))

    async def read_inventory(self) -> None:
        """See which devices there are. A failed read changes nothing but `unreadable`."""
        try:
            devices = await asyncio.to_thread(self.inventory.devices)
        except Unreadable as error:
            if str(error) != self.unreadable:
                log.error("inventory.unreadable", error=str(error))
            self.unreadable = str(error)
            return
        self.unreadable = ""
        await self.tell(Listed(devices))


def _answer(told: _Told, answer: State | BaseException) -> None:
    """Whoever asked may have gone meanwhile."""
    if told.answer.done():
        return
    if isinstance(answer, BaseException):
        told.answer.set_exception(answer)
    else:
        told.answer.set_result(answer)


def _log(edge: Transition) -> None:
    before = str(edge.before) if edge.before else "none"
    log.info("lease.moved", lease=edge.lease, before=before, after=str(edge.after), why=edge.why)
