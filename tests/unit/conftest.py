"""Fixtures for tests that start nothing."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.leases.broker import Broker
from hub.leases.desk import Desk
from hub.leases.events import Listed, Looked
from hub.leases.identity import Tokens
from hub.leases.model import Rules
from hub.leases.rules import rules_of
from hub.leases.store import Store
from tests.support.desk import MakeWorld, World, settings_with_class
from tests.support.leases import MoodyInventory


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """A world with `count` devices of class `big`, all seen clean; `rules` overrule those of the settings."""
    store = Store(f"sqlite:///{tmp_path}/leases.sqlite")
    store.begin_term()

    def world(count: int = 1, **rules: Any) -> World:
        settings = settings_with_class()
        inventory = MoodyInventory(count)
        made: list[World] = []
        known: Rules = replace(rules_of(settings), **rules)
        broker = Broker(known, store, inventory, lambda: made[0].now)
        made.append(World(Desk(settings, broker, Tokens("key"))))
        made[0].tell(Listed(inventory.devices()))
        for device in inventory.devices():
            made[0].tell(Looked(device.uuid, True))
        return made[0]

    yield world
    store.close()


@pytest.fixture
def amsterdam() -> Iterator[None]:
    """This machine's clock as it would be in Amsterdam."""
    with pytest.MonkeyPatch.context() as there:
        there.setenv("TZ", "Europe/Amsterdam")
        time.tzset()
        yield
    time.tzset()
