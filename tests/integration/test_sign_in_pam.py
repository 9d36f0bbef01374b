"""Signing in with a system account, at a real hub and through the system's real PAM."""

from collections.abc import Iterator

import pytest

from tests.support.oidc.browser import Browser
from tests.support.oidc.hub import Hub, running_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = {"authentication": {"kind": "pam", "allowed_groups": ["no-such-group"]}}
    with running_hub(settings, tmp_path_factory.mktemp("hub")) as hub:
        yield hub


def test_an_account_that_does_not_exist_gets_the_ordinary_message(hub: Hub) -> None:
    with Browser(hub) as browser:
        page = browser.sign_in("nobody-has-this-account", "x")
    assert page.status_code == 403
    assert "Invalid username or password" in page.text
    assert hub.users() == {}


def test_a_name_that_no_account_can_have_is_refused_with_its_reason(hub: Hub) -> None:
    with Browser(hub) as browser:
        page = browser.sign_in("DOMAIN\\user", "x")
    assert page.status_code == 400
    assert "A user name has only letters" in page.text
    assert hub.users() == {}
