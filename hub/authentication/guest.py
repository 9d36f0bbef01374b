"""Signing in with a temporary account of a workshop."""

from typing import Any

from jupyterhub.handlers.base import BaseHandler

from hub.authentication.sentences import SignInRefused, as_http_error
from hub.workshops.admission import is_guest
from hub.workshops.guests import COOKIE, Ticket


class GuestHandler(BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """Where the workshop's page sends the browser of somebody who gets, or comes back to, a temporary account."""

    async def get(self) -> None:
        """Take the ticket, sign in, and go on to the workshop."""
        ticket = self.authenticator.tickets.take(self.get_argument("ticket", ""), self.get_cookie(COOKIE) or "")
        self.clear_cookie(COOKIE, path=self.request.path)
        if ticket is None:
            raise as_http_error(SignInRefused("ticket-used"), self)
        if (now := self.current_user) is not None and now.name != ticket.user and not is_guest(now.name):
            # A link must not put somebody else in the place of whoever is signed in.
            raise as_http_error(SignInRefused("signed-in-already", name=now.name), self)
        user = await self.login_user({"guest": ticket})
        self._jupyterhub_user = user
        self.redirect(self.get_next_url(user))


def guest_of(data: Any) -> Ticket | None:
    """The ticket of a sign-in that was made by `GuestHandler`; nothing that a form can send is one."""
    ticket = data.get("guest") if isinstance(data, dict) else None
    return ticket if isinstance(ticket, Ticket) else None
