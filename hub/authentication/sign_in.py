"""What every way to sign in does alike: names, sentences, and who is let in."""

from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.utils import maybe_future
from traitlets import Any as AnyTrait

from hub.authentication import names
from hub.authentication.guest import GuestHandler, guest_of
from hub.authentication.sentences import SignInRefused, as_http_error
from hub.workshops.admission import is_guest
from hub.workshops.people import GUEST


class SignIn(Authenticator):  # type: ignore[misc]  # JupyterHub has no types
    """Goes before one of JupyterHub's authenticators and adds our rules to it."""

    tickets = AnyTrait(help="The tickets of temporary accounts.").tag(config=True)
    admission = AnyTrait(help="Who may come in because of a workshop.").tag(config=True)

    def get_handlers(self, app: Any) -> list[Any]:
        """As JupyterHub's, and the way in for temporary accounts."""
        return [*super().get_handlers(app), ("/guest", GuestHandler)]

    async def get_authenticated_user(self, handler: Any, data: Any) -> Any:
        """As JupyterHub's, but a refusal becomes a page that says why.

        The one place that sees all steps of signing in and also the request with its language.
        """
        try:
            if ticket := guest_of(data):
                return self._guest(ticket.user)
            found = await super().get_authenticated_user(handler, data)
            if found and is_guest(found["name"]):
                raise SignInRefused("name-reserved", found=GUEST)
            return found
        except SignInRefused as refusal:
            raise as_http_error(refusal, handler) from refusal

    def _guest(self, user: str) -> dict[str, Any]:
        """A temporary account, while its workshop is on: in no group, and no admin."""
        if not any(one.is_temporary for one in self.admission.of(user)):
            raise SignInRefused("workshop-over")
        return {"name": user, "groups": [], "admin": False, "auth_state": None}

    async def refresh_user(self, user: Any, handler: Any = None) -> Any:
        """As the way to sign in does; a temporary account is one no longer than its workshop is on."""
        if not is_guest(user.name):
            return await self.refresh(user, handler)
        try:
            return self._guest(user.name)
        except SignInRefused:
            return False

    async def refresh(self, user: Any, handler: Any) -> Any:
        """For accounts that are not temporary."""
        return await super().refresh_user(user, handler)

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

    async def refresh(self, user: Any, handler: Any) -> bool | dict[str, Any]:
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
