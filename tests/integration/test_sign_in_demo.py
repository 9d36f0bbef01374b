"""Signing in as a demo user, at a real hub."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.oidc.browser import Browser
from tests.support.oidc.hub import Hub, running_hub

SETTINGS = {
    "authentication": {
        "kind": "demo",
        "users": {"scientist": ["ained"], "Trainer": ["trainers"], "admin": ["admins"], "josé": []},
    },
    "programmes": [
        {"name": "ained", "title": {"en": "AiNed", "nl": "AiNed"}},
        {"name": "health-ri", "title": {"en": "Health-RI", "nl": "Health-RI"}, "members": ["TRAINER", "admin"]},
    ],
}

ORDINARY = "Invalid username or password"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(SETTINGS, tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def browser(hub: Hub) -> Iterator[Browser]:
    with Browser(hub) as browser:
        yield browser


@pytest.mark.parametrize(
    ("typed", "name", "groups", "admin"),
    [
        ("scientist", "scientist", ["ained"], False),
        ("trainer", "trainer", ["health-ri", "trainers"], False),
        ("admin", "admin", ["admins", "health-ri"], True),
        (" SCIENTIST ", "scientist", ["ained"], False),
        ("scientist\0", "scientist", ["ained"], False),  # the web server makes a space of NUL, and trims
        ("jose\N{COMBINING ACUTE ACCENT}", "josé", [], False),
    ],
)
def test_a_demo_user_comes_in_with_declared_groups(
    browser: Browser, typed: str, name: str, groups: list[str], admin: bool
) -> None:
    page = browser.sign_in(typed, browser.hub.password)
    assert page.status_code == 200
    assert browser.is_signed_in()
    user = browser.hub.users()[name]
    assert (sorted(user["groups"]), user["admin"]) == (groups, admin)


def test_the_admin_group_opens_the_admin_page_and_others_stay_out(hub: Hub) -> None:
    for user, status in (("admin", 200), ("scientist", 403)):
        with Browser(hub) as browser:
            browser.sign_in(user, hub.password)
            assert browser.get(f"{hub.url}/hub/admin").status_code == status


@pytest.mark.parametrize("password", ["wrong", "wröng", "", " ", "x" * 100_000, "\0"])
def test_a_wrong_password_is_answered_alike_for_known_and_unknown_users(hub: Hub, password: str) -> None:
    answers = set()
    before = set(hub.users())
    for user in ("admin", "nobody"):
        with Browser(hub) as browser:
            page = browser.sign_in(user, password)
            assert not browser.is_signed_in()
            answers.add((page.status_code, _error(page)))
    assert answers == {(403, ORDINARY)}
    assert set(hub.users()) == before


def test_the_right_password_does_not_let_an_undeclared_user_in(browser: Browser) -> None:
    page = browser.sign_in("nobody", browser.hub.password)
    assert (page.status_code, _error(page)) == (403, ORDINARY)
    assert "nobody" not in browser.hub.users()
    assert not browser.is_signed_in()


HOSTILE = {
    "../../etc/passwd": "only letters, digits",
    "a/b": "“/”",
    "..": "starts with",
    ".hidden": "starts with",
    "-rf": "starts with",
    "ad\x07min": "U+0020",
    "ad\nmin": "U+000A",
    "ad\u202emin": "U+202E",
    "<script>alert(1)</script>": "“&lt;”",
    "'; drop table users; --": "“&#39;”",
    "{{ 7 * 7 }}": "“{”",
    "%2e%2e": "“%”",
    "$(id)": "“$”",
    "a" * 65: "at most 64 characters; this one has 65",
    "a" * 200: "this one has 200",
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 200: "at most 64",
    "": "Fill in your user name",
}


@pytest.mark.parametrize(("name", "says"), HOSTILE.items(), ids=[repr(name[:24]) for name in HOSTILE])
def test_an_impossible_name_is_refused_with_its_reason_and_creates_nothing(
    browser: Browser, name: str, says: str
) -> None:
    before = set(browser.hub.users())
    page = browser.sign_in(name, browser.hub.password)
    assert page.status_code == 400
    assert says in _error(page)
    assert "<script>alert" not in page.text
    assert set(browser.hub.users()) == before
    assert not browser.is_signed_in()


def test_the_reason_is_told_in_dutch_to_who_reads_dutch(hub: Hub) -> None:
    with Browser(hub, language="nl-NL,nl;q=0.9,en;q=0.1") as browser:
        assert "Een gebruikersnaam telt hoogstens 64 tekens" in _error(browser.sign_in("a" * 70, "x"))


def test_a_form_without_its_fields_is_answered_and_breaks_nothing(browser: Browser) -> None:
    login = f"{browser.hub.url}/hub/login"
    browser.get(login)
    xsrf = browser.cookies["_xsrf"]
    assert browser.post(login, data={"_xsrf": xsrf}).status_code == 400
    assert browser.post(login, data={"_xsrf": xsrf, "username": "admin"}).status_code == 403
    assert browser.post(login, data={"_xsrf": xsrf, "password": browser.hub.password}).status_code == 400


def _error(page: httpx.Response) -> str:
    """The sentence on the sign-in form."""
    _, found, rest = page.text.partition('class="login_error">')
    assert found, f"no sentence on the page ({page.status_code}):\n{page.text}"
    return rest.partition("</p>")[0].strip()
