"""Who may act for the whole workbench."""

import hmac
from typing import Annotated

from fastapi import Depends, Request

from hub.web.auth import api_person
from hub.web.roles import require_admin

COMMAND_LINE = "werkbank-cli"


def is_command_line(request: Request) -> bool:
    """Whether the command line on this machine asks."""
    _kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return hmac.compare_digest(token.encode(), request.app.state.command_line.encode())


async def admin(request: Request) -> str:
    """Who acts as admin: a signed-in admin, or the command line on this machine. Raises Problem 401 or 403."""
    if is_command_line(request):
        return COMMAND_LINE
    return require_admin(await api_person(request)).name


Admin = Annotated[str, Depends(admin)]
"""Who is asking: their name."""
