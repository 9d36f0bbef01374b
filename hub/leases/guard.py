"""Lets the groups of a user's seats and workers open the GPUs that the user leases, and no others.

The broker's decisions are followed at once: a device is open before its kernel hears of it, and shut before anybody
else is offered it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from hub.cgroups.devices import DeviceGroups, device_groups
from hub.cgroups.groups import prefix_of
from hub.cgroups.nodes import Node
from hub.leases.broker import Broker
from hub.leases.events import Action, SaveLease
from hub.leases.state import State
from hub.logs import get_logger

log = get_logger("guard")

REVIEW_PERIOD = 2.0
"""Seconds between looks for groups made since, and for what could not be done before."""


class Guard:
    """Runs beside a broker, on a machine where `device_groups` works."""

    def __init__(self, broker: Broker, groups: DeviceGroups, workbench: Path) -> None:
        self._broker, self._groups, self._workbench = broker, groups, workbench
        self._done: dict[tuple[str, int], frozenset[Node]] = {}
        self._users: set[str] = set()
        self.trouble = ""
        """Why the last attempt failed; empty when nothing is wrong."""
        broker.observers.append(self._observe)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Guard"]:
        """Begin with what the records say, then follow until the block ends."""
        self._review()
        task = asyncio.create_task(self._review_for_ever(), name="guard.review")
        try:
            yield self
        finally:
            task.cancel()

    async def _review_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REVIEW_PERIOD)
            self._review()

    def _review(self) -> None:
        """Also the groups of those who lease nothing any more: what they had is shut."""
        state = self._broker.state
        for user in self._users | set(state.of_user):
            self._mind(state, user)

    def _observe(self, state: State, actions: tuple[Action, ...]) -> None:
        for user in {action.lease.user for action in actions if isinstance(action, SaveLease)}:
            self._mind(state, user)

    def _mind(self, state: State, user: str) -> None:
        self._users.add(user)
        nodes = nodes_of(state, user)
        try:
            for name, identity in self._groups.members(prefix_of(self._workbench, user)):
                if self._done.get((name, identity)) != nodes:
                    self._groups.allow(name, nodes)
                    self._done[name, identity] = nodes
                    log.info("devices.open", user=user, group=name, nodes=sorted(map(str, nodes)))
        except FileNotFoundError:
            pass  # the group went away: the next review sees what is there
        except OSError as error:
            self.trouble = str(error)
            log.error("devices.not-enforced", user=user, error=str(error))
        else:
            self.trouble = ""


def nodes_of(state: State, user: str) -> frozenset[Node]:
    """What opens the devices that a user holds now."""
    mine = [state.leases[id] for id in state.of_user.get(user) or ()]
    pairs = [(lease, state.devices.get(uuid)) for lease in mine for uuid in lease.devices]
    # A parked lease remembers its device, which may be somebody else's now.
    held = [device for lease, device in pairs if device is not None and device.lease == lease.id]
    return frozenset(Node(*node) for device in held for node in device.nodes)


@contextlib.asynccontextmanager
async def guarded(broker: Broker, isolation: str, workbench: Path) -> AsyncIterator[Guard | None]:
    """The guard while the block runs, where the settings want one. OSError where the machine cannot have one."""
    if isolation != "enforced":
        yield None
        return
    groups, enforcement = device_groups()
    if groups is None:
        raise OSError(f"leases.isolation: {enforcement.reason}")
    async with Guard(broker, groups, workbench).running() as guard:
        yield guard
