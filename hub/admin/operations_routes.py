"""The page "Operations" for programs: the same facts, all of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hub.admin.operations_look import Lookout
from hub.admin.operations_model import Asked, Operations
from hub.admin.operations_view import operations
from hub.pages.service_page import language_of
from hub.web.admin import Admin
from hub.web.problems import answers

api = APIRouter(prefix="/api/v1/admin", tags=["admin"])


@api.get("/operations", responses=answers(401, 403, 422, 503))
async def everything(
    request: Request,
    who: Admin,
    words: Annotated[str, Query(max_length=200, description="Rows in which each of these words occurs.")] = "",
) -> Operations:
    """Is everything there, what is wrong and since when, and who has what: devices, line, seats, clusters."""
    lookout: Lookout = request.app.state.lookout
    asked = Asked(tuple(words.lower().split()[:10]), "*")
    return operations(request.app.state, await lookout.look(), who, language_of(request), asked)
