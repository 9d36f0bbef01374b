"""The settings of signing in → JupyterHub's configuration."""

from functools import partial
from typing import Any

from traitlets.config import Config

from hub.authentication.demo import DemoSignIn
from hub.authentication.discovery import discover
from hub.authentication.membership import Membership
from hub.authentication.names import typed
from hub.authentication.oidc import OidcSignIn
from hub.authentication.pam import PamSignIn
from hub.authentication.sentences import SignInRefused
from hub.db import connect
from hub.errors import SettingsError
from hub.settings import Current, DemoAuthentication, OidcAuthentication, PamAuthentication, Settings
from hub.state import StateDirectory
from hub.workshops.admission import Admission
from hub.workshops.guests import Tickets


def configure(c: Config, settings: Settings, state: StateDirectory) -> None:
    """Set all of JupyterHub's sign-in configuration.

    Raises SettingsError when the provider cannot be used now or the settings name an impossible user.
    """
    c.Authenticator.manage_groups = True
    c.Authenticator.post_auth_hook = Membership.declared_in(settings).apply
    c.SignIn.tickets = Tickets(state.secret("guest-tickets"))
    c.SignIn.admission = Admission(connect(state.database("werkbank")))
    match settings.authentication:
        case DemoAuthentication() as demo:
            _configure_demo(c, demo, state)
        case PamAuthentication() as pam:
            _configure_pam(c, pam)
        case OidcAuthentication() as oidc:
            _configure_oidc(c, oidc)


def follow(c: Config, current: Current) -> None:
    """After `configure`: programmes and groups of admins are those of the moment at which somebody signs in."""
    c.Authenticator.post_auth_hook = partial(_settle, current)


def _settle(current: Current, authenticator: Any, handler: Any, auth_model: dict[str, Any]) -> dict[str, Any]:
    return Membership.declared_in(current.settings).apply(authenticator, handler, auth_model)


def _configure_demo(c: Config, demo: DemoAuthentication, state: StateDirectory) -> None:
    c.JupyterHub.authenticator_class = DemoSignIn
    # Signing in is for the declared users alone; who passes that needs no second list.
    c.Authenticator.allow_all = True
    c.DemoSignIn.users = {_declared(name): list(groups) for name, groups in demo.users.items()}
    c.DemoSignIn.password = state.demo_password()


def _configure_pam(c: Config, pam: PamAuthentication) -> None:
    c.JupyterHub.authenticator_class = PamSignIn
    c.Authenticator.allow_all = not pam.allowed_groups
    c.PAMAuthenticator.allowed_groups = set(pam.allowed_groups)


def _configure_oidc(c: Config, oidc: OidcAuthentication) -> None:
    if "openid" not in oidc.scopes:
        raise SettingsError("authentication.scopes: `openid` must be among them. Nothing was started.")
    endpoints = discover(str(oidc.issuer))
    c.JupyterHub.authenticator_class = OidcSignIn
    c.Authenticator.allow_all = not oidc.allowed_groups
    generic = c.GenericOAuthenticator
    generic.allowed_groups = set(oidc.allowed_groups)
    generic.authorize_url = endpoints.authorization
    generic.token_url = endpoints.token
    generic.userdata_url = endpoints.userinfo
    generic.basic_auth = endpoints.basic_auth
    generic.enable_pkce = True
    generic.client_id = oidc.client_id
    generic.client_secret = oidc.client_secret.get_secret_value()
    generic.scope = list(oidc.scopes)
    generic.username_claim = oidc.username_claim
    generic.login_service = oidc.title.en
    c.OidcSignIn.provider = oidc.title
    c.OidcSignIn.groups_claim = oidc.groups_claim
    c.OidcSignIn.group_map = dict(oidc.group_map)


def _declared(name: str) -> str:
    try:
        return typed(name)
    except SignInRefused as refusal:
        raise SettingsError(f"authentication.users: {name!r} cannot be a user. {refusal}") from None
