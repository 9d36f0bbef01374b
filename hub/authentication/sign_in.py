"""What every way to sign in does alike: names, sentences, and who is let in."""

from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.utils import maybe_future

from hub.authentication import names
from hub.authentication.sentences import SignInRefused, as_http_error


class SignIn(Authenticator):  # type: ignore[misc]  # JupyterHub has no types
    """Goes before one of JupyterHub's authenticators and adds our rules to it."""

    async def get_authenticated_user(self, handler: Any, data: Any) -> Any:
        """As JupyterHub's, but a refusal becomes a page that says why.

        The one place that sees all steps of signing in and also the request with its language.
        """
        try:
            return await super().get_authenticated_user(handler, data)
        except SignInRefused as refusal:
            raise as_http_error(refusal, handler) from refusal

    def normalize_username(self, username: str) -> str:
        """The spelling under which the hub keeps a name."""
        return str(super().normalize_username(names.normal(username)))

    def validate_username(self, username: str) -> bool:
        """Also called for users whom an admin adds through the hub's API."""
        return bool(super().validate_username(username)) and names.problem(username) is None

    async def check_allowed(self, username: str, authentication: Any = None) -> bool:
        """As JupyterHub's, but who may not come in hears which groups may."""
        if await maybe_future(super().check_allowed(username, authentication)):
            return True
        groups = sorted(getattr(self, "allowed_groups", ()))
        if not groups:
            return False
        raise SignInRefused("not-allowed", groups=", ".join(groups))


class FormSignIn(SignIn):
    """Sign in with a name and a password on the hub's own page."""

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Check the name's form, then the password; None says no more than "not right".

        The password is checked under the normal spelling: the account that is checked is the one
        that comes in. An empty password never does, also where PAM would take it.
        """
        name = names.typed(data.get("username", ""))
        if not data.get("password"):
            return None
        if not await self.password_is_right(handler, {**data, "username": name}):
            return None
        return {"name": name, "groups": await self.groups_of(name) or []}

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Every few minutes: groups and admin as they are now; False (sign in again) once the account is gone."""
        groups = await self.groups_of(user.name)
        if groups is None:
            return False
        model = {"name": user.name, "groups": groups}
        try:
            if not await self.check_allowed(user.name, model):
                return False
        except SignInRefused:
            return False
        refreshed: dict[str, Any] = await self.run_post_auth_hook(handler, model)
        return refreshed

    async def password_is_right(self, handler: Any, data: dict[str, str]) -> bool:
        """Whether `data["password"]` is that of `data["username"]`; takes as long for unknown users."""
        raise NotImplementedError

    async def groups_of(self, name: str) -> list[str] | None:
        """The groups of this account now; None when there is no such account."""
        raise NotImplementedError
