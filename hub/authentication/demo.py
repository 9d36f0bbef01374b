"""Demo users with one shared password, for trying Werkbank out."""

from secrets import compare_digest
from typing import Any

from traitlets import Dict, Unicode

from hub.authentication.sign_in import FormSignIn


class DemoSignIn(FormSignIn):
    """Users from the settings, all with the password that was made at the first start.

    JupyterHub's shared-password authenticator wants another password for admins, and anybody who
    knows the password can sign in there under any name; here only the declared users exist.
    """

    users = Dict(help="Demo users and the groups they are in.").tag(config=True)
    password = Unicode(help="The password they share.").tag(config=True)

    async def password_is_right(self, handler: Any, data: dict[str, str]) -> bool:
        """Compares in constant time, whether or not the user exists."""
        fits = compare_digest(data["password"].encode(), self.password.encode())
        return fits and bool(self.password) and data["username"] in self.users

    async def groups_of(self, name: str) -> list[str] | None:
        """As declared in the settings."""
        return list(self.users[name]) if name in self.users else None
