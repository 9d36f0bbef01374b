"""Signing in at a real OpenID provider, through a real hub and its proxy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.oidc.browser import Browser
from tests.support.oidc.hub import Address, Hub, running_hub
from tests.support.oidc.provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider

SETTINGS: dict[str, Any] = {
    "programmes": [
        {"name": "ained", "title": {"en": "AiNed", "nl": "AiNed"}, "members": ["listed@example.nl"]},
        {"name": "health-ri", "title": {"en": "Health-RI", "nl": "Health-RI"}},
    ],
    "admin_groups": ["admins"],
}


@contextmanager
def _running(folder: Path, **authentication: Any) -> Iterator[tuple[Hub, Provider]]:
    """A provider and a hub that know each other."""
    address = Address()
    with running_provider(address.callback, folder) as provider:
        sign_in = {"kind": "oidc", "issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        settings = {**SETTINGS, "authentication": {**sign_in, **authentication}}
        with running_hub(settings, folder, address) as hub:
            yield hub, provider


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Provider]]:
    folder = tmp_path_factory.mktemp("site")
    with _running(folder, group_map={"urn:example:co:health-ri": "health-ri"}) as site:
        yield site


@pytest.mark.parametrize(
    ("claims", "groups", "admin"),
    [
        ({"groups": ["ained", "visitors"]}, ["ained", "visitors"], False),
        ({"groups": ["urn:example:co:health-ri"]}, ["health-ri"], False),
        ({"groups": ["admins"]}, ["admins"], True),
        ({"groups": "admins"}, ["admins"], True),
        ({"groups": []}, [], False),
        ({"groups": None}, [], False),
        ({}, [], False),
        ({"groups": ["", "x" * 256, "ained"]}, ["ained"], False),
    ],
)
def test_claimed_groups_become_the_users_groups(
    site: tuple[Hub, Provider], claims: dict[str, Any], groups: list[str], admin: bool
) -> None:
    hub, provider = site
    provider.set_accounts({"noor": {"preferred_username": "Noor@example.nl", **claims}})
    with Browser(hub) as browser:
        page = browser.sign_in_at_provider("noor")
        assert page.status_code == 200
        assert browser.is_signed_in()
    user = hub.users()["noor@example.nl"]
    assert (sorted(user["groups"]), user["admin"]) == (groups, admin)


def test_the_settings_add_members_to_a_programme(site: tuple[Hub, Provider]) -> None:
    hub, provider = site
    provider.set_accounts({"l": {"preferred_username": "listed@example.nl", "groups": ["visitors"]}})
    with Browser(hub) as browser:
        browser.sign_in_at_provider("l")
    assert sorted(hub.users()["listed@example.nl"]["groups"]) == ["ained", "visitors"]


def test_who_leaves_the_admin_group_is_no_admin_after_the_next_sign_in(site: tuple[Hub, Provider]) -> None:
    hub, provider = site
    seen = []
    for groups in (["admins", "ained"], ["ained"], ["admins"]):
        provider.set_accounts({"sam": {"preferred_username": "sam", "groups": groups}})
        with Browser(hub) as browser:
            browser.sign_in_at_provider("sam")
            seen.append((hub.users()["sam"]["admin"], browser.get(f"{hub.url}/hub/admin").status_code))
    assert seen == [(True, 200), (False, 403), (True, 200)]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({}, "did not say what your user name is (claim “preferred_username”)"),
        ({"preferred_username": ""}, "did not say what your user name is"),
        ({"preferred_username": 42}, "did not say what your user name is"),
        ({"preferred_username": ["a", "b"]}, "did not say what your user name is"),
        ({"preferred_username": "../../root"}, "cannot be used here"),
        ({"preferred_username": "a" * 200}, "at most 64 characters"),
        ({"preferred_username": "<b>x</b>"}, "also has “<”"),
        ({"preferred_username": "x\u0000y"}, "U+0000"),
        ({"preferred_username": "ａｄｍｉｎ"}, "easily taken for another character"),
        ({"preferred_username": "ok", "groups": 42}, "the claim “groups” is not a list of names"),
        ({"preferred_username": "ok", "groups": {"admins": True}}, "is not a list of names"),
        ({"preferred_username": "ok", "groups": ["admins", 1]}, "is not a list of names"),
    ],
)
def test_claims_that_make_no_sense_are_refused_with_their_reason(
    site: tuple[Hub, Provider], claims: dict[str, Any], says: str
) -> None:
    hub, provider = site
    provider.set_accounts({"odd": claims})
    before = hub.users()
    with Browser(hub) as browser:
        page = browser.sign_in_at_provider("odd")
        assert page.status_code == 403
        assert says in unescape(page.text)
        assert "your institution" in page.text
        assert "<b>x" not in page.text
        assert not browser.is_signed_in()
    assert hub.users() == before


def test_a_refusal_is_told_in_dutch_to_who_reads_dutch(site: tuple[Hub, Provider]) -> None:
    hub, provider = site
    provider.set_accounts({"odd": {"preferred_username": "a/b"}})
    with Browser(hub, language="nl") as browser:
        text = unescape(browser.sign_in_at_provider("odd").text)
    assert (
        "De gebruikersnaam die van je instelling kwam, is hier niet te gebruiken. In een gebruikersnaam staan alleen"
        in text
    )


def test_who_stops_at_the_provider_reads_what_to_do(site: tuple[Hub, Provider]) -> None:
    hub, _ = site
    with Browser(hub) as browser:
        form = browser.get(f"{hub.url}/hub/oauth_login")
        page = browser.get(f"{form.url}/abort")
    assert page.status_code == 403
    assert "Start again from the sign-in page" in page.text


def test_a_code_counts_once(site: tuple[Hub, Provider]) -> None:
    hub, provider = site
    provider.set_accounts({"noor": {"preferred_username": "noor"}})
    with Browser(hub) as browser:
        callback = _callback(browser, "noor")
        cookies = httpx.Cookies(browser.cookies)
        assert browser.get(callback).status_code == 200
        # Again, as somebody would who had seen both the address and the cookies.
        browser.cookies = cookies
        page = browser.get(callback)
        assert page.status_code == 403
        assert "was not completed" in page.text
    with Browser(hub) as thief:
        assert thief.get(callback).status_code == 400
        assert not thief.is_signed_in()


_BEHIND_TLS = {"Host": "bank.example.nl", "X-Forwarded-Proto": "https"}


def test_the_callback_is_the_address_that_the_browser_sees(site: tuple[Hub, Provider]) -> None:
    hub, _ = site
    with Browser(hub) as browser:
        for headers, expected in (
            ({}, f"{hub.url}/hub/oauth_callback"),
            (_BEHIND_TLS, "https://bank.example.nl/hub/oauth_callback"),
        ):
            answer = browser.get(f"{hub.url}/hub/oauth_login", headers=headers, follow_redirects=False)
            asked = parse_qs(urlsplit(answer.headers["location"]).query)
            assert asked["redirect_uri"] == [expected]
            assert asked["code_challenge_method"] == ["S256"]


def test_the_sign_in_button_names_the_provider(site: tuple[Hub, Provider]) -> None:
    hub, _ = site
    with Browser(hub) as browser:
        page = browser.get(f"{hub.url}/hub/login")
    assert re.search(r"/hub/oauth_login[^>]*>\s*Sign in with your institution", page.text)


def test_allowed_groups_keep_others_out_and_an_outage_is_told(tmp_path: Path) -> None:
    accounts = {
        "in": {"preferred_username": "in", "groups": ["urn:ained"]},
        "out": {"preferred_username": "out", "groups": ["admins"]},
    }
    restricted = {"allowed_groups": ["ained", "health-ri"], "group_map": {"urn:ained": "ained"}}
    with _running(tmp_path, **restricted) as (hub, provider):
        provider.set_accounts(accounts)
        with Browser(hub) as browser:
            assert browser.sign_in_at_provider("in").status_code == 200
        with Browser(hub) as browser:
            page = browser.sign_in_at_provider("out")
            assert page.status_code == 403
            assert not browser.is_signed_in()
            assert "this workbench is for members of: ained, health-ri." in page.text
        assert set(hub.users()) == {"in"}
        with Browser(hub) as browser:
            callback = _callback(browser, "in")
            provider.stop()
            page = browser.get(callback)
            assert page.status_code == 503
            assert "your institution does not answer" in page.text


def _callback(browser: Browser, login: str) -> str:
    """The address with a code that the provider sends this person back to, not yet visited."""
    page = browser.get(f"{browser.hub.url}/hub/oauth_login")
    browser.follow_redirects = False
    page = browser.submit(page, login=login, password="any")
    while page.next_request is None or not str(page.next_request.url).startswith(browser.hub.url):
        page = browser.send(page.next_request) if page.next_request else browser.submit(page)
    browser.follow_redirects = True
    return str(page.next_request.url)
