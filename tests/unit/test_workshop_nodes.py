"""Nodes of a workshop, with a Slurm that answers when a test lets it."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.db import connect
from hub.leases.desk import Desk
from hub.settings import load
from hub.web.hub_api import HubApi
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.model import Workshop
from hub.workshops.nodes import Need, NodeKeeper
from hub.workshops.organiser import Organiser
from hub.workshops.people import Members
from hub.workshops.store import Workshops
from tests.support.workbench import ROOT
from tests.unit.test_workshop_store import workshop


class SlowNodes:
    """Keeps nodes as a NodeKeeper does, and is as slow about it as a test wants."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.is_aligning, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def align(self, due: Collection[Need], unclear: Collection[str] = ()) -> None:
        self.is_aligning.set()
        await self.may_go_on.wait()
        self.kept = {need.workshop.id for need in due}

    async def let_go(self, workshop: Workshop) -> None:
        self.kept.discard(workshop.id)


@pytest.fixture
def workshops(tmp_path: Path) -> Workshops:
    return Workshops(connect(f"sqlite:///{tmp_path / 'workshops.sqlite'}"))


def organiser_of(workshops: Workshops, nodes: SlowNodes) -> Organiser:
    async def tell(_event: Any) -> None:
        """Nothing of its GPUs is asked here."""

    desk = SimpleNamespace(broker=SimpleNamespace(state=SimpleNamespace(reservations={}), tell=tell))
    return Organiser(
        load(ROOT / "werkbank.yaml"),
        cast(Desk, desk),
        cast(HubApi, None),
        workshops,
        Members(connect("sqlite://")),
        cast(NodeKeeper, nodes),
    )


@pytest.mark.parametrize("action", ["withdraw", "close"])
async def test_what_is_made_true_from_older_records_does_not_outlive_the_end_of_a_workshop(
    workshops: Workshops, action: str
) -> None:
    nodes = SlowNodes()
    organiser = organiser_of(workshops, nodes)
    kept = workshops.move(workshops.put(workshop(), "ben", 0), WorkshopState.PUBLISHED, "ben", "published")
    aligning = asyncio.create_task(organiser.align_reservations())
    await nodes.is_aligning.wait()
    ending = asyncio.create_task(getattr(organiser, action)(kept, "ben"))
    await asyncio.wait({ending}, timeout=0.5)  # whether it waits for who aligns or not
    nodes.may_go_on.set()
    await asyncio.gather(aligning, ending)
    assert nodes.kept == set()
    now = workshops.of("one")
    assert now is not None
    assert now.state is not WorkshopState.PUBLISHED
