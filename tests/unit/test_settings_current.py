"""Settings that are followed: what is safe takes effect, the rest waits, a bad file changes nothing."""

import os
from copy import deepcopy
from pathlib import Path

import pytest

from hub.errors import SettingsError
from hub.leases.events import Ruled
from hub.leases.machine import decide
from hub.leases.rules import rules_of
from hub.leases.state import State
from hub.settings import ContainersSite, Current, Settings, SlurmSite
from hub.settings.document import read, with_value
from hub.settings.effects import WHEN, When, when
from hub.settings.flat import changed, flat

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "werkbank.yaml").read_text()


@pytest.fixture
def current(tmp_path: Path) -> Current:
    (tmp_path / "werkbank.yaml").write_text(TEXT)
    return Current(tmp_path / "werkbank.yaml")


def write(current: Current, *changes: tuple[tuple[str | int, ...], object]) -> Settings:
    text = current.file.read_text()
    for place, value in changes:
        text = with_value(text, place, value)
    current.file.write_text(text)
    current.look()
    return current.settings


def test_every_key_of_the_list_is_a_setting(current: Current) -> None:
    site = current.started.site.model_copy(
        update={"slurm": SlurmSite(address="login1"), "containers": ContainersSite(socket="/s")}
    )
    started = current.started.model_copy(update={"site": site})
    keys = {".".join(k.split(".")[:1] + k.split(".")[2:]) if when_entry(k) else k for k in flat(started)}
    for key in WHEN:
        assert any(one == key or one.startswith(f"{key}.") for one in keys), key


def when_entry(key: str) -> bool:
    return key.split(".")[0] in ("profiles", "programmes", "environments", "gpu_classes")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("profiles.small.cpu", When.START),
        ("profiles.small", When.START),
        ("profiles.small.idle_timeout", When.NOW),
        ("programmes.ained.members", When.SIGN_IN),
        ("programmes.ained.quota.gpus", When.NOW),
        ("site.kind", When.RESTART),
        ("site.footprint.pue.value", When.NOW),
        ("leases.database", When.RESTART),
        ("leases.notice", When.NOW),
        ("environments.default.prefix", When.RESTART),
        ("something.new", When.RESTART),
    ],
)
def test_what_is_not_on_the_list_waits_for_a_restart(key: str, expected: When) -> None:
    assert when(key) is expected


def test_a_changed_profile_is_in_effect_and_a_changed_server_waits(current: Current) -> None:
    now = write(current, (("profiles", 0, "cpu"), 3), (("server", "port"), 9000), (("leases", "isolation"), "none"))
    assert now.profile("small").cpu == 3
    assert (now.server.port, now.leases.isolation) == (8000, "advisory")
    assert current.waiting == ["server.port", "leases.isolation"]
    assert write(current, (("server", "port"), 8000), (("leases", "isolation"), "advisory")) is not None
    assert current.waiting == []


def test_a_removed_profile_is_remembered_for_its_seats(current: Current) -> None:
    rest = read(TEXT)["profiles"][:2]
    now = write(current, (("profiles",), rest))
    assert [p.name for p in now.profiles] == ["small", "medium"]
    with pytest.raises(KeyError):
        now.profile("large")
    assert now.profile_of_seat("large").memory == 8 * 2**30
    again = write(current, (("profiles",), [*rest, {**read(TEXT)["profiles"][2], "memory": "9GiB"}]))
    assert again.profile_of_seat("large").memory == 9 * 2**30


def test_a_profile_whose_environment_waits_waits_with_it(current: Current) -> None:
    fresh = {**read(TEXT)["profiles"][0], "name": "fresh", "environment": "new"}
    now = write(
        current,
        (("environments", "new"), {"title": {"en": "New", "nl": "Nieuw"}, "prefix": "/opt/new"}),
        (("profiles",), [*read(TEXT)["profiles"], fresh]),
    )
    assert [p.name for p in now.profiles] == ["small", "medium", "large"]
    assert current.waiting == ["environments.new", "profiles.fresh"]


@pytest.mark.parametrize("text", ["profiles: []", "a: [", "", "profiles: !!python/object:os.system x", "\0"])
def test_a_file_that_cannot_be_used_changes_nothing_but_says_so(current: Current, text: str) -> None:
    before = current.settings
    current.file.write_text(text)
    current.look()
    assert current.settings is before
    assert current.problem
    current.file.write_text(TEXT)
    current.look()
    assert current.problem == ""


def test_a_file_that_is_gone_and_comes_back_is_read_again(current: Current) -> None:
    current.file.unlink()
    current.look()
    assert "cannot be read" in current.problem
    current.file.write_text(with_value(TEXT, ("culling", "keeps"), 7))
    current.look()
    assert (current.problem, current.settings.culling.keeps) == ("", 7)


def test_an_unchanged_file_is_not_read_again(current: Current) -> None:
    before = current.settings
    current.look()
    assert current.settings is before
    os.utime(current.file)
    current.look()
    assert changed(before, current.settings) == []


def test_what_the_command_line_says_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "werkbank.yaml").write_text(TEXT)
    current = Current(tmp_path / "werkbank.yaml", {"server": {"port": 7}})
    write(current, (("server", "port"), 9000))
    assert (current.settings.server.port, current.waiting) == (7, [])


def test_configuration_that_is_copied_follows_the_same_file(current: Current) -> None:
    assert deepcopy(current) is current


def test_the_broker_goes_by_its_new_rules_and_takes_nothing_away(current: Current) -> None:
    state = State(rules_of(current.settings))
    now = write(current, (("programmes", 0, "quota", "gpus"), 3), (("leases", "devices_per_user"), 9))
    after, _actions = decide(state, Ruled(rules_of(now)), 10.0)
    assert after.rules.programme_devices == {"ained": 3}
    assert after.rules.devices_per_user == 9


# --- files that are meant to hurt ----------------------------------------------------------------------

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{n}: &{n} [{', '.join([f'*{m}'] * 9)}]\n" for m, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "aliases stand for more than"),
        ("a: &a [*a]\n", "problems in the settings"),
        ("a: &a\n  b: *a\n", "problems in the settings"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ],
)
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        Current(tmp_path / "s.yaml")
