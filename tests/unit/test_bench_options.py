"""What `bench start` is asked for, and the settings that it measures Werkbank with."""

from pathlib import Path

import pytest

from hub.bench.plan import PARTS
from hub.bench.settings import generated
from hub.cli.bench import DEFAULT_PARTS, BadParts, BadUsers, parse_parts, parse_users
from hub.errors import SettingsError
from hub.settings import DemoAuthentication, load
from tests.support.workbench import ROOT


def test_users_are_read_in_their_order_and_each_once() -> None:
    assert parse_users("1, 10,1") == [1, 10]


@pytest.mark.parametrize("text", ["", "0", "1,", "ten", "-1", "1.5", "101", "1;10", "9" * 5000, "١", "1 10"])
def test_what_is_no_list_of_users_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadUsers, match=r"(?s)such as 1,10\. Nothing was started"):
        parse_users(text)


def test_parts_are_read_in_their_order_and_all_is_every_one() -> None:
    assert parse_parts("memory, seats,memory") == ["memory", "seats"]
    assert parse_parts("all") == list(PARTS)
    assert set(parse_parts(DEFAULT_PARTS)) < set(PARTS)


@pytest.mark.parametrize("text", ["", "seat", "seats;memory", "seats,", "ALL"])
def test_what_is_no_list_of_parts_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(BadParts, match=r"(?s)one of seats, memory, .*, all\. .*Nothing was started"):
        parse_parts(text)


def test_werkbank_is_measured_with_its_own_profiles_and_limits_on_loopback_only(tmp_path: Path) -> None:
    given = load(ROOT / "werkbank.yaml")
    measured = load(generated(ROOT / "werkbank.yaml", tmp_path / "copy.yaml", ["bench-00", "bench-01"]))
    assert measured.profiles == given.profiles
    assert measured.site.limits == given.site.limits
    assert measured.server.address == "127.0.0.1"
    assert measured.server.port == 0
    assert measured.server.database == "sqlite"
    assert isinstance(measured.authentication, DemoAuthentication)
    assert list(measured.authentication.users) == ["bench-00", "bench-01"]


def test_users_may_have_the_first_profile_whoever_it_is_for(tmp_path: Path) -> None:
    text = (ROOT / "werkbank.yaml").read_text().replace("groups: []", "groups: [trainers]")
    (tmp_path / "given.yaml").write_text(text)
    measured = load(generated(tmp_path / "given.yaml", tmp_path / "copy.yaml", ["bench-00"]))
    assert isinstance(measured.authentication, DemoAuthentication)
    assert list(measured.authentication.users["bench-00"]) == ["trainers"]


def test_settings_that_cannot_be_used_are_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("profiles: 3\n")
    with pytest.raises(SettingsError):
        generated(tmp_path / "bad.yaml", tmp_path / "copy.yaml", ["bench-00"])
    assert not (tmp_path / "copy.yaml").exists()
