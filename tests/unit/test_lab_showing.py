"""The notebook that a seat shows: only while the service, too, takes it to be shown."""

import logging
from typing import Any

import pytest
from werkbank_lab.errors import NoAnswer
from werkbank_lab.showing import ASKED_AGAIN_S, Agreement, Showing
from werkbank_lab.view import View

LOG = logging.getLogger("test")
SHOWN = {"since": 1.0, "server": "", "looked": None}


class Service:
    """Says what it is told to say, or nothing."""

    def __init__(self, **shown: dict[str, Any] | None) -> None:
        self.shown_in = shown
        self.asked = 0
        self.hidden: list[tuple[str, bool]] = []
        self.is_silent = False

    async def workshops(self) -> list[dict[str, Any]]:
        self.asked += 1
        if self.is_silent:
            raise NoAnswer("silent")
        return [{"id": id, "shown": shown} for id, shown in self.shown_in.items()]

    async def shown(self, workshop: str, is_shown: bool, server: str = "") -> dict[str, Any]:
        self.hidden.append((workshop, is_shown))
        return {}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def showing(service: Service, clock: Clock) -> Showing:
    return Showing(lambda: service, LOG, clock)  # type: ignore[arg-type,return-value]


def view_with(**shown: dict[str, Any] | None) -> View:
    view = View(lambda _part, _value: None)
    view.put("workshops", {"workshops": [{"id": id, "shown": one} for id, one in shown.items()]})
    return view


async def test_a_seat_that_was_asked_nothing_shows_nothing(clock: Clock) -> None:
    assert await showing(Service(a=SHOWN), clock).now() is None


async def test_the_service_is_asked_again_after_a_while_and_its_no_ends_it(clock: Clock) -> None:
    service = Service(a=SHOWN)
    seat = showing(service, clock)
    seat.agree("a", "x.ipynb")
    assert await seat.now() == Agreement("a", "x.ipynb")
    assert service.asked == 0
    clock.now += ASKED_AGAIN_S + 1
    assert await seat.now() == Agreement("a", "x.ipynb")
    service.shown_in = {"a": None}
    clock.now += ASKED_AGAIN_S + 1
    assert await seat.now() is None
    service.shown_in = {"a": SHOWN}
    assert await seat.now() is None, "it does not come back by itself"


async def test_nothing_is_told_while_the_service_cannot_be_asked(clock: Clock) -> None:
    service = Service(a=SHOWN)
    seat = showing(service, clock)
    seat.agree("a", "x.ipynb")
    service.is_silent = True
    clock.now += ASKED_AGAIN_S + 1
    with pytest.raises(NoAnswer):
        await seat.now()
    service.is_silent = False
    assert await seat.now() == Agreement("a", "x.ipynb")


@pytest.mark.parametrize("other", [{**SHOWN, "server": "another"}, None])
async def test_another_seat_of_the_learner_shows_what_it_shows(clock: Clock, other: dict[str, Any] | None) -> None:
    service = Service(a=other)
    seat = showing(service, clock)
    seat.agree("a", "x.ipynb")
    clock.now += ASKED_AGAIN_S + 1
    assert await seat.now() is None


async def test_a_seat_that_forgot_tells_the_service_that_nothing_is_shown(clock: Clock) -> None:
    service = Service(a=SHOWN)
    seat, view = showing(service, clock), view_with(a=SHOWN)
    seat.gather(view)
    assert service.hidden == []
    clock.now += ASKED_AGAIN_S + 1
    seat.gather(view)
    assert seat._task is not None
    await seat._task
    assert service.hidden == [("a", False)]
    assert view.get("shown") == {"workshop": None, "path": None}


async def test_a_moments_disagreement_is_none(clock: Clock) -> None:
    service = Service(a=SHOWN)
    seat, before, after = showing(service, clock), view_with(a=None), view_with(a=SHOWN)
    seat.agree("a", "x.ipynb")
    seat.gather(before)
    clock.now += 1
    seat.gather(after)
    clock.now += ASKED_AGAIN_S + 1
    seat.gather(after)
    assert after.get("shown") == {"workshop": "a", "path": "x.ipynb"}
    assert service.hidden == []


async def test_who_shows_one_in_another_workshop_does_not_show_it_in_the_first_any_more(clock: Clock) -> None:
    service = Service(a=SHOWN, b=SHOWN)
    seat, view = showing(service, clock), view_with(a=SHOWN, b=SHOWN)
    seat.agree("b", "x.ipynb")
    seat.gather(view)
    clock.now += ASKED_AGAIN_S + 1
    seat.gather(view)
    assert seat._task is not None
    await seat._task
    assert service.hidden == [("a", False)]
    assert view.get("shown") == {"workshop": "b", "path": "x.ipynb"}
