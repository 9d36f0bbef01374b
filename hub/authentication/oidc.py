"""Sign in at an OpenID Connect provider."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote_plus

from jupyterhub.utils import get_browser_protocol
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthCallbackHandler, guess_callback_uri
from tornado.httpclient import HTTPClientError
from traitlets import Any as AnyTrait
from traitlets import Dict, Unicode

from hub.authentication import names
from hub.authentication.sentences import SignInRefused, as_http_error
from hub.authentication.sign_in import SignIn

_LONGEST_GROUP = 255


class _CallbackHandler(OAuthCallbackHandler):  # type: ignore[misc]  # oauthenticator has no types
    """Where the provider sends people back to."""

    def check_error(self) -> None:
        """A person who stopped at the provider reads what to do next, not the protocol's words."""
        if self.get_argument("error", ""):
            self.log.warning("The provider refused a sign-in: %r", self.get_argument("error_description", "")[:200])
            raise as_http_error(SignInRefused("provider-refused", provider=self.authenticator.provider), self)


class OidcSignIn(SignIn, GenericOAuthenticator):  # type: ignore[misc]  # oauthenticator has no types
    """oauthenticator's generic authenticator, strict about what the provider says of a person."""

    callback_handler = _CallbackHandler

    provider = AnyTrait(help="What people call the provider: a text in every language.").tag(config=True)
    groups_claim = Unicode("groups", help="The claim that lists somebody's groups.").tag(config=True)
    group_map = Dict(help="Group names as in the claim → as used here.").tag(config=True)

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> Any:
        """As oauthenticator's, but an outage or a stale code is a sentence and not a failure of the hub."""
        try:
            return await super().authenticate(handler, data, **kwargs)
        except HTTPClientError as error:
            # 400 and its like: the code was used before, or is too old. 5xx and no answer at all: an outage.
            reason = "provider-refused" if 400 <= error.code < 500 else "provider-silent"
            raise SignInRefused(reason, provider=self.provider) from error
        except OSError as error:
            raise SignInRefused("provider-silent", provider=self.provider) from error

    def user_info_to_username(self, user_info: Any) -> str:
        """The claimed user name in its normal spelling."""
        name = user_info.get(self.username_claim) if isinstance(user_info, dict) else None
        if not isinstance(name, str) or not name:
            raise SignInRefused("claimed-name-missing", provider=self.provider, claim=self.username_claim)
        try:
            return names.claimed(name)
        except SignInRefused as refusal:
            raise SignInRefused("claimed-name-unfit", provider=self.provider, because=refusal) from refusal

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        """The claimed groups under the names used here."""
        claimed = auth_state[self.user_auth_state_key].get(self.groups_claim)
        groups = _as_names(claimed)
        if groups is None:
            raise SignInRefused("claimed-groups-unreadable", provider=self.provider, claim=self.groups_claim)
        mapped = {self.group_map.get(group, group) for group in groups}
        usable = {group for group in mapped if 0 < len(group) <= _LONGEST_GROUP}
        if usable != mapped:
            self.log.warning("Ignoring %d claimed groups whose names are empty or too long.", len(mapped - usable))
        return usable

    def get_callback_url(self, handler: Any = None) -> str:
        """As the browser sees this hub, also behind more than one proxy (oauthenticator looks at the innermost)."""
        if handler is None or self.oauth_callback_url:
            return str(super().get_callback_url(handler))
        request = handler.request
        return str(guess_callback_uri(get_browser_protocol(request), request.host, handler.hub.server.base_url))

    def build_token_info_request_headers(self) -> dict[str, str]:
        """As oauthenticator's, with id and secret encoded as RFC 6749 (2.3.1) asks: a secret may hold `+` or `%`."""
        headers: dict[str, str] = super().build_token_info_request_headers()
        if self.basic_auth:
            headers["Authorization"] = _basic(quote_plus(self.client_id), quote_plus(self.client_secret))
        return headers


def _as_names(claim: Any) -> Iterable[str] | None:
    """The names in a groups claim: a list, one name, or nothing at all; None for any other thing."""
    if claim is None:
        return ()
    if isinstance(claim, str):
        return (claim,)
    if isinstance(claim, list) and all(isinstance(name, str) for name in claim):
        return claim
    return None


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
