"""Who may act for the whole workbench."""

import hmac
from typing import Annotated

from fastapi import Depends, Request

from hub.web.auth import api_person
from hub.web.problems import Problem
from hub.words import later


async def admin(request: Request) -> str:
    """Who acts as admin: a signed-in admin, or the command line on this machine. Raises Problem 401 or 403."""
    _kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if hmac.compare_digest(token.encode(), request.app.state.command_line.encode()):
        return "werkbank-cli"
    person = await api_person(request)
    if not person.admin:
        raise Problem(403, "not-an-admin", later("Only admins may do this."), later("Ask the admins."))
    return person.name


Admin = Annotated[str, Depends(admin)]
