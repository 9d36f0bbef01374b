"""Groups, admins, sentences, and what `configure` makes of the settings."""

import asyncio
import grp
import os
import pwd
import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets.config import Config

from hub.authentication.configuring import configure
from hub.authentication.demo import DemoSignIn
from hub.authentication.membership import Membership
from hub.authentication.pam import PamSignIn, unix_groups
from hub.authentication.sentences import REASONS, SignInRefused
from hub.errors import SettingsError
from hub.settings import Settings
from hub.state import StateDirectory

PROFILE = {
    "name": "small",
    "title": {"en": "Small", "nl": "Klein"},
    "description": {"en": "For the tests.", "nl": "Voor de tests."},
    "cpu": 1,
    "memory": "512MiB",
}


def _settings(**sections: Any) -> Settings:
    return Settings.model_validate({"profiles": [PROFILE], **sections})


def _programme(name: str, *members: str) -> dict[str, Any]:
    return {"name": name, "title": {"en": name, "nl": name}, "members": members}


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory.open(tmp_path)


def _authenticator(settings: Settings, state: StateDirectory) -> Any:
    c = Config()
    configure(c, settings, state)
    return c.JupyterHub.authenticator_class(config=c)


def _sign_in(authenticator: Any, username: str, password: str) -> Any:
    return asyncio.run(authenticator.get_authenticated_user(None, {"username": username, "password": password}))


def _refresh(authenticator: Any, user: str) -> Any:
    return asyncio.run(authenticator.refresh_user(SimpleNamespace(name=user)))


@pytest.mark.parametrize(
    ("user", "claimed", "groups", "admin"),
    [
        ("ada", [], ["ained"], False),
        ("grace", [], [], False),
        ("grace", ["ained"], ["ained"], False),
        ("grace", ["wheel", "ained"], ["ained", "wheel"], True),
        ("ada", ["ained"], ["ained"], False),
        ("root", [], ["admins"], True),
        ("ada", ["Admins"], ["Admins", "ained"], False),
    ],
)
def test_groups_are_what_sign_in_claims_and_what_programmes_list(
    user: str, claimed: list[str], groups: list[str], admin: bool
) -> None:
    settings = _settings(
        programmes=[_programme("ained", "ADA"), _programme("admins", "root")], admin_groups=["admins", "wheel"]
    )
    model = Membership.declared_in(settings).apply(None, None, {"name": user, "groups": claimed, "admin": None})
    assert (model["groups"], model["admin"]) == (groups, admin)


def test_without_admin_groups_nobody_is_an_admin() -> None:
    membership = Membership.declared_in(_settings(admin_groups=[]))
    assert membership.apply(None, None, {"name": "root", "groups": ["admins"], "admin": True})["admin"] is False


def test_every_refusal_is_said_in_both_languages() -> None:
    values = {"provider", "claim", "because", "groups", "limit", "length", "found", "name"}
    for reason in REASONS:
        refusal = SignInRefused(reason, **dict.fromkeys(values, "…"))
        english, dutch = refusal.in_language("en"), refusal.in_language("nl")
        assert english != dutch
        assert english == str(refusal) == refusal.in_language("fy")
        assert refusal.status_code in {400, 403, 409, 503}
        assert not set("{}") & set(english + dutch)
        assert all(text[-1] in string.punctuation for text in (english, dutch))


DEMO = {"kind": "demo", "users": {"Ada": ["ained"], "admin": ["admins"]}}


def test_only_declared_demo_users_come_in_with_the_shared_password(state: StateDirectory) -> None:
    authenticator = _authenticator(_settings(authentication=DEMO), state)
    assert _sign_in(authenticator, "ada", state.demo_password())["groups"] == ["ained"]
    assert _sign_in(authenticator, "ADA", state.demo_password())["name"] == "ada"
    assert _sign_in(authenticator, "admin", state.demo_password())["admin"] is True
    for user, password in (("ada", "wrong"), ("ada", ""), ("nobody", state.demo_password())):
        assert _sign_in(authenticator, user, password) is None


def test_without_a_password_no_demo_user_comes_in() -> None:
    authenticator = DemoSignIn(users={"ada": []}, password="", allow_all=True)
    assert not asyncio.run(authenticator.password_is_right(None, {"username": "ada", "password": ""}))


def test_a_demo_user_who_is_no_longer_declared_has_to_sign_in_again(state: StateDirectory) -> None:
    authenticator = _authenticator(_settings(authentication=DEMO), state)
    assert _refresh(authenticator, "admin") == {"name": "admin", "groups": ["admins"], "admin": True}
    assert _refresh(authenticator, "gone") is False


def test_an_impossible_demo_user_is_a_problem_of_the_settings(state: StateDirectory) -> None:
    with pytest.raises(SettingsError, match=r"authentication\.users: 'a/b' cannot be a user\. A user name has only"):
        configure(Config(), _settings(authentication={"kind": "demo", "users": {"a/b": []}}), state)


def test_an_admin_cannot_add_an_impossible_name_through_the_api(state: StateDirectory) -> None:
    authenticator = _authenticator(_settings(authentication=DEMO), state)
    assert authenticator.validate_username("new.user@example.nl")
    for name in ("../x", "a b", "x" * 65, ""):
        assert not authenticator.validate_username(authenticator.normalize_username(name))


ME = pwd.getpwuid(os.getuid()).pw_name
MY_GROUP = grp.getgrgid(pwd.getpwuid(os.getuid()).pw_gid).gr_name


def test_unix_groups_are_those_of_the_system() -> None:
    groups = unix_groups(ME)
    assert groups is not None
    assert MY_GROUP in groups
    assert groups == sorted(groups)
    assert unix_groups("nobody-has-this-account") is None


def test_pam_refuses_an_account_that_does_not_exist(state: StateDirectory, caplog: pytest.LogCaptureFixture) -> None:
    authenticator = _authenticator(_settings(authentication={"kind": "pam"}), state)
    assert isinstance(authenticator, PamSignIn)
    assert _sign_in(authenticator, "nobody-has-this-account", "x") is None
    assert "PAM Authentication failed" in caplog.text


def test_pam_never_hears_of_an_impossible_name(state: StateDirectory, caplog: pytest.LogCaptureFixture) -> None:
    authenticator = _authenticator(_settings(authentication={"kind": "pam"}), state)
    with pytest.raises(HTTPError, match=r"400.*only letters"):
        _sign_in(authenticator, "DOMAIN\\user", "x")
    assert "PAM" not in caplog.text


@pytest.mark.parametrize(("allowed", "comes_in"), [([], True), ([MY_GROUP], True), (["no-such-group"], False)])
def test_pam_lets_in_only_members_of_allowed_groups(state: StateDirectory, allowed: list[str], comes_in: bool) -> None:
    settings = _settings(authentication={"kind": "pam", "allowed_groups": allowed}, admin_groups=[MY_GROUP])
    authenticator = _authenticator(settings, state)
    refreshed = _refresh(authenticator, ME)
    if comes_in:
        assert MY_GROUP in refreshed["groups"]
        assert refreshed["admin"] is True
    else:
        assert refreshed is False
        with pytest.raises(SignInRefused, match="this workbench is for members of: no-such-group"):
            asyncio.run(authenticator.check_allowed(ME, {"name": ME}))


def test_a_pam_account_that_is_gone_has_to_sign_in_again(state: StateDirectory) -> None:
    authenticator = _authenticator(_settings(authentication={"kind": "pam"}), state)
    assert _refresh(authenticator, "nobody-has-this-account") is False


def test_oidc_needs_the_openid_scope(state: StateDirectory) -> None:
    sign_in = {
        "kind": "oidc",
        "issuer": "https://login.example.nl",
        "client_id": "w",
        "client_secret": "s",
        "scopes": ["profile"],
    }
    with pytest.raises(SettingsError, match=r"authentication\.scopes: `openid` must be among them"):
        configure(Config(), _settings(authentication=sign_in), state)
