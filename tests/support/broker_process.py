"""A broker that is killed in the middle: `python -m tests.support.broker_process DATABASE WHEN NUMBER`.

Plays a fixed afternoon of two users on one device against the real broker. WHEN is `before`, `after` or
`never`: the process kills itself right before (after) its NUMBERth write. Prints one JSON line at its end.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence

from hub import logs
from hub.errors import LeaseRefused
from hub.leases.broker import Broker
from hub.leases.events import Action, Released, Requested, Ticked
from hub.leases.invariants import violations
from hub.leases.model import LeaseState, Rules
from hub.leases.store import Store
from tests.support.leases import MoodyInventory, lease, obey

RULES = Rules(min_idle=0, min_idle_crowded=0, min_hold=0, notice=0, park_again_after=0, spare_lighter_user_for=0)


class KilledStore(Store):
    """Ends its process by SIGKILL around one particular write."""

    def __init__(self, url: str, when: str, number: int) -> None:
        super().__init__(url)
        self._when, self._left = when, number

    def save(self, actions: Sequence[Action]) -> None:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().save(actions)
        if self._left == 0 and self._when == "after":
            os.kill(os.getpid(), signal.SIGKILL)


class VirtualClock:
    """Each look is a second later, beginning after everything an earlier run can have seen."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        self._now += 1.0
        return self._now


async def afternoon(broker: Broker) -> None:
    """`first` computes, idles and is parked for `second`; then `first` wants back and `second` is parked."""
    for id, user in (("first", "ada"), ("second", "bob")):
        if await asyncio.to_thread(broker.store.lease, id) is None:
            await broker.tell(Requested(lease(id, user)))
    await until(broker, "second", LeaseState.ACTIVE)
    await until(broker, "first", LeaseState.ACTIVE)
    for id in ("first", "second"):
        with contextlib.suppress(LeaseRefused):
            await broker.tell(Released(id, "user"))


async def until(broker: Broker, id: str, state: LeaseState) -> None:
    """Time passes, seats obey and `id` has a cell to run, until the lease is in that state or has ended."""
    for _round in range(200):
        for other in ("first", "second"):
            if other in broker.state.leases:
                await obey(broker, other, busy=other == id)
        if id not in broker.state.leases or broker.state.leases[id].state is state:
            return
        await broker.tell(Ticked())
        assert not violations(broker.state), violations(broker.state)
    raise AssertionError(f"{id} never became {state}: {broker.state.leases[id]}")


async def main(url: str, when: str, number: int) -> None:
    logs.configure()
    store = KilledStore(url, when, number)
    clock = VirtualClock(1_800_000_000.0 + (0 if when != "never" else 10_000_000))
    broker = Broker(RULES, store, MoodyInventory(count=1), clock.now)
    async with broker.running():
        await afternoon(broker)
    found = {"violations": violations(broker.state), "live": sorted(broker.state.leases)}
    print(json.dumps(found | {"open_intents": len(store.open_intents())}))
    store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
