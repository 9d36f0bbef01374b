"""Who comes into somebody's seat without being able to stop it is a guest, and sees only what is meant for guests.

JupyterHub lets everybody with `access:servers` use all of a seat: files, kernels, terminals. A share gives that scope
and no other, so who has no more is let through to handlers that are made for guests, and is nobody to all the others.
This is done where people are identified: many handlers of extensions ask for no more than that somebody is there.
"""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado import web
from werkbank_kernels.words import tr

from .reader import language_of


class ForGuests(JupyterHandler):
    """What a guest may ask for. It reads and changes nothing; whether there is something to see, it says itself."""


def guard(serverapp: Any) -> bool:
    """From now on guests reach only what is for them. False outside a hub, where there are no guests to let in."""
    provider = serverapp.identity_provider
    if (hub_auth := getattr(provider, "hub_auth", None)) is None:
        return False
    known = provider.get_user

    async def get_user(handler: web.RequestHandler) -> Any:
        user = await known(handler)
        if user is None or isinstance(handler, ForGuests) or is_at_home(user.hub_user, hub_auth):
            return user
        _refuse_instead_of_signing_in(handler)
        return None

    provider.get_user = get_user
    return True


def is_at_home(hub_user: dict[str, Any], hub_auth: Any) -> bool:
    """Whether the seat is theirs, or they could stop it anyway: an admin."""
    owner, server = os.environ.get("JUPYTERHUB_USER", ""), os.environ.get("JUPYTERHUB_SERVER_NAME", "")
    if hub_user.get("kind") == "user" and hub_user["name"] == owner:
        return True
    return bool(hub_auth.check_scopes({f"delete:servers!server={owner}/{server}"}, hub_user))


def _refuse_instead_of_signing_in(handler: web.RequestHandler) -> None:
    """Signed in they are: sending them to sign in would go round for ever."""
    owner = os.environ.get("JUPYTERHUB_USER", "")

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise web.HTTPError(403, "%s", tr("shown.only_that", language_of(handler), owner=owner))

    handler.redirect = refuse  # type: ignore[method-assign]
