"""Which groups somebody is in and who is an admin: one rule for every way to sign in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.authentication.names import normal
from hub.settings import Settings


@dataclass(frozen=True)
class Membership:
    """Groups and admins as the settings declare them."""

    members: Mapping[str, frozenset[str]]
    """Programme → the users whom the settings list as its members."""
    admin_groups: frozenset[str]

    @classmethod
    def declared_in(cls, settings: Settings) -> "Membership":
        """The rule of these settings."""
        members = {p.name: frozenset(map(normal, p.members)) for p in settings.programmes}
        return cls(members=members, admin_groups=frozenset(settings.admin_groups))

    def groups(self, user: str, claimed: Iterable[str]) -> list[str]:
        """All groups of `user`, sorted: those claimed at sign-in and the programmes that list them."""
        programmes = {name for name, members in self.members.items() if user in members}
        return sorted(programmes | set(claimed))

    def is_admin(self, groups: Iterable[str]) -> bool:
        """Whether a member of `groups` is an admin."""
        return not self.admin_groups.isdisjoint(groups)

    def apply(self, authenticator: Any, handler: Any, auth_model: dict[str, Any]) -> dict[str, Any]:
        """JupyterHub's `post_auth_hook`: settle groups and admin at each sign-in.

        Admin is always said, never left open: JupyterHub keeps what is left open, and somebody who
        left the admin group would stay an admin.
        """
        groups = self.groups(auth_model["name"], auth_model.get("groups") or ())
        return {**auth_model, "groups": groups, "admin": self.is_admin(groups)}
