"""Puts the page "Operations" together from what the broker knows and what others were asked."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from starlette.datastructures import State

from hub.admin.operations_devices import device_facts, parked_facts, queue_facts, waiting
from hub.admin.operations_look import Look
from hub.admin.operations_model import (
    Asked,
    Counts,
    DependencyFact,
    DeviceFact,
    Operations,
    moment,
)
from hub.admin.operations_running import cluster_facts, seat_facts
from hub.admin.operations_signs import Facts, Troubles, signs_of
from hub.admin.operations_words import TITLES
from hub.health import Seen
from hub.leases.desk import Desk
from hub.leases.page_facility import classes
from hub.settings import Current
from hub.versions import versions
from hub.words import translator

Row = TypeVar("Row")

MOST_ROWS = 20
"""Rows of a list that are shown before somebody asks for all."""
MOST_WAITING = 100
"""Those who wait that are shown at most, whatever is asked: each costs milliseconds in which nobody is given a GPU."""


def operations(state: State, look: Look, user: str, language: str, asked: Asked) -> Operations:
    """The page as `user` reads it, with the rows that are asked for."""
    desk: Desk = state.leases
    current: Current = state.current
    given = (desk, current, state.sightings.seen, look, user, language, asked)
    return operations_of(*given, gateway=state.gateway is not None, now=time.time())


class Shown:
    """Which rows of each list are shown, and how many there are."""

    def __init__(self, whole: str) -> None:
        self._whole, self.found = whole, dict[str, int]()

    def of(self, name: str, rows: Sequence[Row]) -> tuple[Row, ...]:
        """The rows of the list of that name that are shown."""
        self.found[name] = len(rows)
        return tuple(rows if self._whole in (name, "*") else rows[:MOST_ROWS])


def operations_of(
    desk: Desk,
    current: Current,
    seen: tuple[Seen, ...],
    look: Look,
    user: str,
    language: str,
    asked: Asked,
    *,
    gateway: bool,
    now: float,
) -> Operations:
    """The same, of its parts. `now` is in Unix seconds."""
    at = datetime.fromtimestamp(now, UTC)
    facts = Facts(
        devices=device_facts(desk, look.left_over, look.drained, language),
        seats=seat_facts(look.seats or (), look.memory, desk.settings, language, at),
        clusters=cluster_facts(look.clusters or (), desk.settings, language, at),
        machine=look.machine,
    )
    parked, queue = parked_facts(desk, language), waiting(desk)
    troubles = Troubles(seen, current.problem, desk.guard.trouble if desk.guard else "", look.jobs, look.without_nodes)
    shown, has = Shown(asked.whole), asked.has
    wanted = [lease for lease in queue if has(lease.user, lease.programme, lease.holder, lease.gpu_class)]
    return Operations(
        signs=signs_of(troubles, facts, language, now),
        dependencies=_dependencies(seen, language),
        counts=_counts(look, facts, len(parked), len(queue)),
        classes=tuple(classes(desk, user, language)),
        queue=tuple(queue_facts(desk, shown.of("queue", wanted)[:MOST_WAITING], language)),
        devices=shown.of("devices", [device for device in facts.devices if _has_device(asked, device)]),
        parked=shown.of("parked", [one for one in parked if has(one.user, one.holder, one.title)]),
        seats=shown.of("seats", [seat for seat in facts.seats if has(seat.user, seat.server, seat.profile)]),
        clusters=shown.of("clusters", [one for one in facts.clusters if has(one.user, one.name, one.gpu_class)]),
        found=shown.found,
        gateway=gateway,
        machine=look.machine,
        waiting_settings=tuple(current.waiting),
        last_backup=None if look.last_backup is None else moment(look.last_backup),
        versions=versions(),
    )


def _has_device(asked: Asked, device: DeviceFact) -> bool:
    return asked.has(device.uuid, device.title, device.model, device.user, device.holder, device.stage)


def _dependencies(seen: tuple[Seen, ...], language: str) -> tuple[DependencyFact, ...]:
    """What is away first."""
    _ = translator(language)
    facts = [
        DependencyFact(
            one.name, _(TITLES[one.name]), one.ok, one.detail, None if one.since is None else moment(one.since)
        )
        for one in seen
    ]
    return tuple(sorted(facts, key=lambda fact: fact.ok))


def _counts(look: Look, facts: Facts, parked: int, waiting: int) -> Counts:
    return Counts(
        seats=None if look.seats is None else len(facts.seats),
        seats_running=sum(seat.stage == "running" for seat in facts.seats),
        devices=len(facts.devices),
        held=sum(bool(device.lease) for device in facts.devices),
        free=sum(device.stage == "free" for device in facts.devices),
        out=sum(device.draining or device.stage in ("quarantined", "unseen") for device in facts.devices),
        parked=parked,
        waiting=waiting,
        clusters=None if look.clusters is None else len(facts.clusters),
        workers=sum(cluster.workers for cluster in facts.clusters),
        cores=sum(cluster.cores for cluster in facts.clusters),
    )
