"""Explanations as the command line asks for them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hub.accounting.asking import AtAccounts
from hub.admin.explain_answer import Answer
from hub.admin.explain_asking import could_get, may_start, member
from hub.admin.explain_quota import QuotaView, quota_view
from hub.pages.service_page import language_of
from hub.web.admin import Admin
from hub.web.problems import Problem, answers
from hub.words import later, translator

api = APIRouter(prefix="/api/v1/admin/explain", tags=["admin"])

Hours = Annotated[float | None, Query(ge=0, le=1e9, description="GPU-hours per week.")]
Gpus = Annotated[int | None, Query(ge=0, le=100_000, description="GPUs at once.")]


@api.get("/user", responses=answers(401, 403, 404, 422, 503))
async def user(
    request: Request,
    _admin: Admin,
    name: Annotated[str, Query(min_length=1, max_length=255)],
    profile: Annotated[str, Query(max_length=32)] = "",
    gpu: Annotated[str, Query(max_length=32, description="A GPU class.")] = "",
) -> Answer:
    """May somebody start a seat with a profile now, or could a kernel of theirs get a GPU; and if not, why?"""
    if bool(profile) == bool(gpu):
        raise Problem(422, "one-of-both", later("Ask for a profile or for a GPU class: one of both."))
    state, language = request.app.state, language_of(request)
    person = await member(state, None, name)
    if profile:
        return await may_start(state, person, profile, language)
    return await could_get(state, person, gpu, language)


@api.get("/quota", responses=answers(401, 403, 404, 422, 503))
async def quota(
    request: Request,
    _admin: Admin,
    accounts: AtAccounts,
    programme: Annotated[str, Query(min_length=1, max_length=32)],
    gpu_hours: Hours = None,
    gpus: Gpus = None,
    period: Annotated[str, Query(max_length=20, description="A month, quarter or year; left out, last month.")] = "",
) -> QuotaView:
    """What would a quota have held back last month?"""
    require_known(request, programme)
    translate = translator(language_of(request))
    return await quota_view(accounts, programme, gpu_hours, gpus, period, translate)


def require_known(request: Request, programme: str) -> None:
    """Raises Problem 404 for a programme that is not in the settings."""
    names = [one.name for one in request.app.state.settings.programmes]
    if programme not in names:
        facts = {"name": programme, "allowed": ", ".join(names) or "–"}
        message = later('There is no programme called "{name}".')
        raise Problem(404, "no-such-programme", message, later("Known here: {allowed}."), facts)
