"""The stream of what a person has, beside a real broker: told by a bell, not by looking; it ends and leaves nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sse_starlette import ServerSentEvent

from hub.clock import Clock
from hub.leases import me_events as stream
from hub.leases.broker import Broker
from hub.leases.desk import Desk
from hub.leases.events import Released, Requested
from hub.leases.identity import Tokens
from hub.leases.me_events import me_events
from hub.leases.rules import rules_of
from hub.leases.store import Store
from hub.settings.model import FootprintFactors, Pue
from tests.support.desk import person, settings_with_class
from tests.support.leases import MoodyInventory, activate, lease

NEVER = 86_400.0
Told = tuple[str, dict[str, Any]]


@asynccontextmanager
async def desk_with(tmp_path: Path, inventory: MoodyInventory) -> AsyncIterator[Desk]:
    """A desk with a running broker, once every device has been seen clean."""
    settings, store = settings_with_class(), Store(f"sqlite:///{tmp_path}/leases.sqlite")
    async with Broker(rules_of(settings), store, inventory, Clock().now).running() as broker:
        desk = Desk(settings, broker, Tokens("key"))
        async with asyncio.timeout(30):
            while desk.classes("en")[0]["free"] < inventory.count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield desk
        desk.counters.close()
    store.close()


@pytest.fixture
async def inventory() -> MoodyInventory:
    return MoodyInventory(count=2)


@pytest.fixture
async def desk(tmp_path: Path, inventory: MoodyInventory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A desk whose listeners never look by themselves."""
    monkeypatch.setattr(stream, "LOOK_PERIOD", NEVER)
    monkeypatch.setattr(stream, "WAIT_PERIOD", NEVER)
    async with desk_with(tmp_path, inventory) as made:
        yield made


async def until(events: AsyncIterator[ServerSentEvent], kind: str, **wanted: object) -> dict[str, Any]:
    """The next event of a kind whose values, or those of its first row, are these."""
    async with asyncio.timeout(30):
        async for event in events:
            told: dict[str, Any] = json.loads(event.data)
            rows = told["leases"] if kind == "me" and "leases" in told else told.get("devices", [])
            if event.event == kind and wanted.items() <= (rows[0] if rows else {}).items():
                return told
    raise AssertionError(f"the stream ended before {kind} {wanted}")


def listening(desk: Desk, user: str = "ada") -> Any:
    return aclosing(me_events(desk, person(user, ("ained",)), "en"))


async def test_my_own_changes_are_told_by_the_bell(desk: Desk) -> None:
    async with listening(desk) as events:
        assert (await until(events, "me"))["leases"] == []
        await desk.broker.tell(Requested(lease("mine", "ada", requested=desk.broker.now())))
        await activate(desk.broker, "mine")
        await until(events, "me", id="mine", state="active")
        await desk.broker.tell(Released("mine", "user"))
        assert (await until(events, "me"))["leases"] == []


async def test_what_others_do_rings_no_bell_of_mine_and_shows_no_lease_of_theirs(desk: Desk) -> None:
    async with listening(desk) as events:
        await until(events, "me")
        await desk.broker.tell(Requested(lease("secret", "bob", requested=desk.broker.now())))
        await activate(desk.broker, "secret")
        await desk.broker.tell(Requested(lease("mine", "ada", requested=desk.broker.now())))
        told = await until(events, "me", id="mine")
        assert [row["id"] for row in told["leases"]] == ["mine"]
        assert told["classes"][0]["held"] == 2
        assert "secret" not in json.dumps(told)


async def test_the_line_is_looked_at_without_a_bell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK_PERIOD", 0.1)
    async with desk_with(tmp_path, MoodyInventory(count=1)) as desk, listening(desk) as events:
        assert (await until(events, "me"))["classes"][0]["held"] == 0
        await desk.broker.tell(Requested(lease("theirs", "bob", requested=desk.broker.now())))
        await activate(desk.broker, "theirs")
        async with asyncio.timeout(30):
            while (await until(events, "me"))["classes"][0]["held"] == 0:
                pass


async def test_counters_are_told_while_i_hold_a_device_and_unknown_where_the_driver_fails(
    desk: Desk, inventory: MoodyInventory
) -> None:
    async with listening(desk) as events, listening(desk) as others:
        await desk.broker.tell(Requested(lease("mine", "ada", requested=desk.broker.now())))
        await activate(desk.broker, "mine")
        told = await until(events, "counters", lease="mine")
        assert told == await until(others, "counters", lease="mine"), "one reading for both"
        assert told["devices"][0]["utilization"] == 0
        inventory.unreadable = True
        await until(events, "counters", utilization=None, memory_used=None, memory=2**34)


async def test_the_passing_of_time_is_no_news(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK_PERIOD", 0.0)
    monkeypatch.setattr(stream, "STREAM_LIFE", 1.5)
    await desk.broker.tell(Requested(lease("mine", "ada", requested=desk.broker.now())))
    await activate(desk.broker, "mine")
    async with listening(desk) as events:
        assert [event.event async for event in events] == ["me", "counters"]


async def test_the_first_word_has_the_figures_that_the_site_reports(desk: Desk) -> None:
    pue = {"value": 1.3, "year": 2024, "source": "annual report"}
    site = desk.settings.site.model_copy(update={"footprint": FootprintFactors(pue=Pue(**pue))})
    desk.settings = desk.settings.model_copy(update={"site": site})
    async with listening(desk) as events:
        assert (await until(events, "me"))["footprint"] == {"pue": pue, "co2e": None, "water": None}


async def test_a_stream_ends_by_itself_and_whoever_leaves_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(desk) as events:
        await until(events, "me")
    assert desk.bells._of == {}
    monkeypatch.setattr(stream, "LOOK_PERIOD", 0.1)
    monkeypatch.setattr(stream, "STREAM_LIFE", 0.3)
    async with listening(desk) as events:
        assert [event.event async for event in events] == ["me"]
        assert desk.bells._of == {}
