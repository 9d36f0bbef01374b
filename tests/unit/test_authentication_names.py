"""Which names a user can have, and what their home folder is called."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.authentication.names import claimed, normal, problem, typed
from hub.authentication.sentences import SignInRefused
from hub.names import home_name

ACCEPTED = {
    "ada": "ada",
    "Ada": "ada",
    "ada.lovelace@example.nl": "ada.lovelace@example.nl",
    "a+b_c-d": "a+b_c-d",
    "_service": "_service",
    "0": "0",
    "josé": "josé",
    "jose\N{COMBINING ACUTE ACCENT}": "josé",
    "ΣΊΣΥΦΟΣ": "σίσυφος",
    "李雷": "李雷",
    "a" * 64: "a" * 64,
    ("e\N{COMBINING ACUTE ACCENT}" * 64): "é" * 64,
}

REFUSED = {
    "": "name-missing",
    "a" * 65: "name-too-long",
    "a" * 200: "name-too-long",
    "é" * 10_000_000: "name-too-long",
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 10: "name-too-long",
    ".": "name-start",
    "..": "name-start",
    ".ssh": "name-start",
    "-rf": "name-start",
    "--help": "name-start",
    "+x": "name-start",
    "@x": "name-start",
    "\N{HALFWIDTH IDEOGRAPHIC FULL STOP}x": "name-characters",
    "\N{ONE DOT LEADER}ssh": "name-start",
    "\N{TWO DOT LEADER}": "name-start",
    "../x": "name-characters",
    "a/b": "name-characters",
    "a\N{FULLWIDTH SOLIDUS}b": "name-characters",
    "a\\b": "name-characters",
    "a b": "name-characters",
    "a\u00a0b": "name-characters",
    " a": "name-characters",
    "a\n": "name-characters",
    "a\0b": "name-characters",
    "a\x7fb": "name-characters",
    "a\u200bb": "name-characters",
    "a\u202eb": "name-characters",
    "a\udc80b": "name-characters",
    "a%2fb": "name-characters",
    "<script>": "name-characters",
    "a&b": "name-characters",
    "a'b": "name-characters",
    'a"b': "name-characters",
    "a;b": "name-characters",
    "$(id)": "name-characters",
    "`id`": "name-characters",
    "{{1}}": "name-characters",
    "a*": "name-characters",
    "~a": "name-characters",
    "a:b": "name-characters",
    "a,b": "name-characters",
    "a|b": "name-characters",
    "a!b": "name-characters",
    "💥": "name-characters",
}


def _ids(names: dict[str, str]) -> list[str]:
    return [ascii(name[:20]) for name in names]


@pytest.mark.parametrize(("name", "spelled"), ACCEPTED.items(), ids=_ids(ACCEPTED))
def test_a_usable_name_gets_one_spelling(name: str, spelled: str) -> None:
    assert typed(name) == spelled


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=_ids(REFUSED))
def test_an_impossible_name_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(SignInRefused) as refusal:
        typed(name)
    assert refusal.value.reason == reason
    assert refusal.value.status_code == 400


@pytest.mark.parametrize("name", ["ａｄｍｉｎ", "\N{KELVIN SIGN}ees", "\N{LATIN SMALL LIGATURE FI}nn", "a²"])
def test_a_provider_cannot_send_one_person_in_under_another_ones_name(name: str) -> None:
    assert typed(name)  # Somebody who types it still has to know that account's password.
    with pytest.raises(SignInRefused, match="easily taken for another"):
        claimed(name)


def test_a_provider_may_spell_the_same_text_in_parts() -> None:
    assert claimed("Jose\N{COMBINING ACUTE ACCENT}") == "josé"


def test_no_character_has_two_normal_spellings() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    assert [c for c in characters if normal(normal(c)) != normal(c)] == []


def test_no_accepted_character_means_anything_to_a_shell_a_path_or_a_page() -> None:
    accepted = {chr(point) for point in range(128) if problem("a" + chr(point)) is None}
    assert accepted == set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-")
    beyond = {unicodedata.category(chr(p)) for p in range(128, sys.maxunicode + 1) if problem("a" + chr(p)) is None}
    assert beyond == {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"}


HOMES = {
    "ada": "ada",
    "a-b_c": "a-b_c",
    "0day": "0day",
    "a" * 32: "a" * 32,
}


@pytest.mark.parametrize(("user", "home"), HOMES.items())
def test_a_plain_name_is_its_own_home(user: str, home: str) -> None:
    assert home_name(user) == home


@pytest.mark.parametrize(
    "user", ["a" * 33, "a" * 64, "josé", "李雷", "a.b", "a@b.nl", "_x", "Ada", "a+b", "..", "a/b", "-", "con:", "x\0"]
)
def test_any_other_name_gets_a_slug_with_its_digest(user: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}-[0-9a-f]{8}", home_name(user))


def test_nobody_can_sign_up_for_somebody_elses_home() -> None:
    for user in ("josé", "a.b", "a" * 40):
        squatter = home_name(user)
        assert home_name(squatter) != squatter


@given(st.sets(st.text(alphabet="ab.-_@é0", min_size=1, max_size=12), min_size=2, max_size=50))
def test_different_users_have_different_homes(users: set[str]) -> None:
    assert len({home_name(user) for user in users}) == len(users)


@given(st.text(min_size=1))
def test_a_home_is_one_plain_folder_whatever_the_name(user: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,40}", home_name(user))
