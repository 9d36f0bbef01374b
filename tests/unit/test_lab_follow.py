"""The seat listens to the broker while a browser is there, says when it cannot, and recovers by itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from werkbank_lab import follow
from werkbank_lab.errors import NoAnswer, Refused
from werkbank_lab.follow import Follower
from werkbank_lab.view import View

Event = tuple[str, dict[str, Any]]
ME: Event = ("me", {"user": "scientist"})
LOG = logging.getLogger("test")


class ScriptedBroker:
    """Each connection follows the next line of the script: events, then an error, silence (...) or the end."""

    def __init__(self, *script: list[Any]) -> None:
        self.script, self.connections, self.closed = list(script), 0, False

    async def events(self) -> AsyncIterator[Event]:
        self.connections += 1
        for step in self.script.pop(0) if self.script else [...]:
            if step is ...:
                await asyncio.Event().wait()
            elif isinstance(step, Exception):
                raise step
            else:
                yield step

    async def close(self) -> None:
        self.closed = True


class SourceThatFails:
    def gather(self, view: View) -> None:
        raise OSError("the disk is gone")


class Beats:
    def __init__(self) -> None:
        self.count = 0

    def gather(self, view: View) -> None:
        self.count += 1
        view.put("seat", {"count": self.count})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(follow, "LONGEST_PAUSE_S", 0.02)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what changes knows nothing of us
            await asyncio.sleep(0.005)


def follower(broker: Any, *sources: Any, clock: Callable[[], float] | None = None) -> tuple[Follower, View, list[Any]]:
    told: list[Any] = []
    view = View(lambda part, value: told.append((part, value)))
    more = {"clock": clock} if clock else {}
    return Follower(lambda: broker, view, list(sources), LOG, **more), view, told


def states(told: list[Any]) -> list[str]:
    return [value["state"] for part, value in told if part == "connection"]


async def test_nobody_listens_before_a_browser_asks() -> None:
    broker = ScriptedBroker([ME, ...])
    one, view, told = follower(broker)
    await asyncio.sleep(0.02)
    assert (broker.connections, told) == (0, [])
    one.watch()
    await until(lambda: view.all().get("me") == ME[1])
    assert states(told) == ["connecting", "live"]
    await one.stop()


async def test_many_tabs_share_one_connection() -> None:
    broker = ScriptedBroker([ME, ...])
    one, view, _ = follower(broker)
    for _tab in range(5):
        one.watch()
    await until(lambda: "me" in view.all())
    one.watch()
    assert broker.connections == 1
    await one.stop()
    assert broker.closed


async def test_a_silent_broker_is_called_unreachable_and_what_was_known_stays() -> None:
    broker = ScriptedBroker([ME, NoAnswer("gone")], [NoAnswer("gone")], [("me", {"user": "again"}), ...])
    one, view, told = follower(broker)
    one.watch()
    await until(lambda: view.all().get("me") == {"user": "again"})
    assert states(told) == ["connecting", "live", "unreachable", "live"]
    assert next(value for part, value in told if part == "me") == ME[1], "it was not forgotten meanwhile"
    await one.stop()


async def test_a_stream_that_ends_is_opened_again_without_alarm() -> None:
    broker = ScriptedBroker([ME], [ME, ...])
    one, _, told = follower(broker)
    one.watch()
    await until(lambda: broker.connections == 2)
    assert states(told) == ["connecting", "live"]
    await one.stop()


async def test_a_stream_that_ends_before_it_began_is_not_asked_for_at_full_speed() -> None:
    broker = ScriptedBroker([], [], [ME, ...])
    one, view, told = follower(broker)
    one.watch()
    await until(lambda: "me" in view.all())
    assert states(told) == ["connecting", "unreachable", "live"]
    await one.stop()


async def test_a_refusal_is_told_in_the_brokers_words() -> None:
    broker = ScriptedBroker([Refused(401, "This token is not valid any more. Restart your seat.")])
    one, view, _ = follower(broker)
    one.watch()
    await until(lambda: view.all()["connection"]["state"] == "refused")
    assert view.all()["connection"]["why"] == "This token is not valid any more. Restart your seat."
    await one.stop()


async def test_the_seat_stops_listening_some_time_after_the_last_browser() -> None:
    now = 0.0
    broker = ScriptedBroker([ME], [ME], [ME, ...])
    beats = Beats()
    one, _, _ = follower(broker, beats, clock=lambda: now)
    one.watch()
    await until(lambda: broker.connections)
    now = follow.WATCHED_FOR_S + 1
    await until(lambda: one._tasks["look"].done())
    await one.stop()


async def test_a_browser_that_comes_back_is_told_of_the_seat_again_while_the_broker_is_still_listened_to() -> None:
    now = 0.0
    broker, beats = ScriptedBroker([ME, ...]), Beats()
    one, view, _ = follower(broker, beats, clock=lambda: now)
    one.watch()
    await until(lambda: "me" in view.all())
    now = follow.WATCHED_FOR_S + 1
    await until(lambda: one._tasks["look"].done())
    before = beats.count
    one.watch()
    await until(lambda: beats.count > before)
    assert broker.connections == 1
    assert not one._tasks["look"].done()
    await one.stop()


async def test_what_nobody_expected_does_not_end_the_listening(caplog: pytest.LogCaptureFixture) -> None:
    broker = ScriptedBroker([KeyError("surprise")], [ME, ...])
    one, view, told = follower(broker)
    one.watch()
    await until(lambda: "me" in view.all())
    assert states(told) == ["connecting", "unreachable", "live"]
    assert "lab.broker-not-understood" in caplog.text
    await one.stop()


async def test_what_one_source_cannot_tell_does_not_hide_the_others(caplog: pytest.LogCaptureFixture) -> None:
    one, view, _ = follower(None, SourceThatFails(), Beats())
    one.watch()
    assert view.all()["seat"] == {"count": 1}
    assert "connection" not in view.all(), "outside a workbench there is no broker to wait for"
    assert "lab.not-gathered source=SourceThatFails" in caplog.text
    await one.stop()


def test_a_part_is_told_only_when_it_changed() -> None:
    told: list[Any] = []
    view = View(lambda part, value: told.append(part))
    for value in ({"a": 1}, {"a": 1}, {"a": 2}):
        view.put("me", value)
    assert told == ["me", "me"]
