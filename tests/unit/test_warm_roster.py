"""The list of a class, and the time at which its seats start."""

from datetime import datetime
from pathlib import Path

import httpx
import pytest

from hub.cli.warm import BadTime, next_time
from hub.seats.warming import BadRoster, read_roster, warm
from hub.web.hub_client import StartAnswer

NOW = datetime.fromisoformat("2026-11-24T13:00:00+01:00")


def roster(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "class.csv"
    path.write_text(text, encoding="utf-8")
    return read_roster(path)


@pytest.mark.parametrize(
    "text",
    [
        "ada\nbob\n",
        "user,mail\nada,ada@example.org\nbob,bob@example.org\n",
        "# the class\n\nAda ; Lovelace\nbob\nada\n",
        "\ufeffusername\tname\nada\tAda\nbob\tBob\n",
    ],
)
def test_users_stand_one_on_a_line_or_in_the_first_column_and_count_once(tmp_path: Path, text: str) -> None:
    assert roster(tmp_path, text) == ["ada", "bob"]


def test_every_line_that_cannot_be_used_is_named_and_nobody_is_taken(tmp_path: Path) -> None:
    with pytest.raises(BadRoster) as refused:
        roster(tmp_path, "ada\n../etc\nbob; rm\na b\n")
    said = str(refused.value)
    assert "no seat was started" in said
    assert 'line 2: "../etc"' in said
    assert 'line 4: "a b"' in said
    assert "line 3" not in said


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody\n"])
def test_an_empty_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRoster, match="names nobody"):
        roster(tmp_path, text)


def test_a_file_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadRoster, match="No seat was started"):
        read_roster(tmp_path / "none.csv")


def test_a_time_is_the_next_one_that_the_clock_shows() -> None:
    assert next_time("13:55", NOW).isoformat() == "2026-11-24T13:55:00+01:00"
    assert next_time("9:00", NOW).isoformat() == "2026-11-25T09:00:00+01:00"


@pytest.mark.parametrize("text", ["noon", "25:00", "12:60", "12", "-1:00", "12:00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadTime, match="no time of day"):
        next_time(text, NOW)


class HubThatGoesAway:
    """Takes the wish for a seat, and answers nothing after it."""

    def start_seat(self, user: str, profile: str) -> StartAnswer:
        return StartAnswer("pending")

    def seat_is_ready(self, user: str) -> bool | None:
        raise httpx.ConnectError("refused")


def test_a_hub_that_goes_away_is_told_for_each_seat_and_stops_nobody_else() -> None:
    found = warm(HubThatGoesAway(), ["ada", "bob"], "small", lambda _outcome: None)  # type: ignore[arg-type]
    assert [(one.user, one.state) for one in found] == [("ada", "failed"), ("bob", "failed")]
    assert "the hub does not answer: refused" in found[0].why
