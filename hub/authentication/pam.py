"""System accounts, through PAM."""

import asyncio
import grp
import os
import pwd
from typing import Any

from jupyterhub.auth import PAMAuthenticator

from hub.authentication.sign_in import FormSignIn


class PamSignIn(FormSignIn, PAMAuthenticator):  # type: ignore[misc]  # JupyterHub has no types
    """JupyterHub's PAM authenticator; the account's Unix groups are the user's groups."""

    async def password_is_right(self, handler: Any, data: dict[str, str]) -> bool:
        """Ask PAM; also whether the account may be used now."""
        return await PAMAuthenticator.authenticate(self, handler, data) is not None

    async def groups_of(self, name: str) -> list[str] | None:
        """Looked up in a thread: a directory behind the system's accounts can take its time."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, unix_groups, name)


def unix_groups(account: str) -> list[str] | None:
    """Names of all groups of a system account; None when there is no such account.

    Groups without a name, as in many containers, are left out.
    """
    try:
        primary = pwd.getpwnam(account).pw_gid
    except KeyError:
        return None
    return sorted(name for gid in os.getgrouplist(account, primary) if (name := _group_name(gid)))


def _group_name(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None
