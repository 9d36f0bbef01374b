"""When a seat stops: plain rules, tried at their edges."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.db import connect
from hub.errors import Refusal
from hub.seats.idle import Activity, Why, outlook
from hub.seats.keep import Keeps
from hub.settings import Culling, Profile

START = datetime(2027, 1, 14, 14, 0, tzinfo=UTC)
CULLING = Culling(warn_before="10m", keep_for="2h", keeps=2)  # type: ignore[arg-type]
WORDS = {"en": "x", "nl": "x"}
PROFILE = Profile.model_validate(
    {
        "name": "p",
        "title": WORDS,
        "description": WORDS,
        "cpu": 1,
        "memory": "1GiB",
        "idle_timeout": "1h",
        "life": "12h",
    }
)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_a_seat_stops_an_idle_timeout_after_its_last_activity_and_warns_before() -> None:
    end = outlook(Activity(START, after(30)), PROFILE, CULLING, after(31))
    assert (end.stops_at, end.warns_at, end.why) == (after(90), after(80), Why.IDLE)
    assert not end.is_due(after(89))
    assert end.is_due(after(90))
    assert end.warns(after(80))


def test_a_seat_that_runs_a_cell_is_not_idle_however_silent_the_cell_is() -> None:
    end = outlook(Activity(START, START, busy=True), PROFILE, CULLING, after(300))
    assert end.stops_at == after(360)


def test_a_kept_seat_stays_until_then() -> None:
    end = outlook(Activity(START, START, kept_until=after(150)), PROFILE, CULLING, after(70))
    assert end.stops_at == after(150)


def test_nothing_holds_a_seat_beyond_its_life() -> None:
    activity = Activity(START, after(719), kept_until=after(900), busy=True)
    end = outlook(activity, PROFILE, CULLING, after(719))
    assert (end.stops_at, end.why) == (after(720), Why.LIFE)


def test_a_seat_can_be_kept_a_few_times_and_a_new_seat_begins_with_all_of_them(tmp_path: Path) -> None:
    keeps = Keeps(connect(f"sqlite:///{tmp_path / 'keeps.sqlite'}"))
    assert keeps.of("ada", "", START) == (None, 0)
    assert keeps.keep("ada", "", START, CULLING, after(50)) == after(170)
    assert keeps.keep("ada", "", START, CULLING, after(60)) == after(180)
    with pytest.raises(Refusal, match="as often as it can be kept"):
        keeps.keep("ada", "", START, CULLING, after(70))
    assert keeps.of("ada", "", START) == (after(180), 2)
    assert keeps.of("ada", "other", START) == (None, 0)
    assert keeps.of("ada", "", after(500)) == (None, 0)
    assert keeps.keep("ada", "", after(500), CULLING, after(550)) == after(670)
