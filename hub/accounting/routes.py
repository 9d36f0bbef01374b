"""Use as programs and the command line ask for it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from hub.accounting.asking import AtAccounts, Everything, MyQuestion, scope_of, told
from hub.accounting.report import UseReport
from hub.accounting.scope import EVERYTHING
from hub.web.admin import Admin
from hub.web.auth import ApiPerson
from hub.web.problems import answers

api = APIRouter(prefix="/api/v1", tags=["use"])


@api.get("/use", responses=answers(401, 403, 404, 422, 503))
async def my_use(
    request: Request, accounts: AtAccounts, person: ApiPerson, asked: Annotated[MyQuestion, Query()]
) -> UseReport:
    """What did I use? Or: what did the programme use that I lead, or the workshop that I give?"""
    scope = await run_in_threadpool(scope_of, accounts, person, asked.programme, asked.workshop)
    report = await told(request, accounts, scope, asked.by, asked)
    return report.view(asked.of(report))


@api.get("/admin/use", responses=answers(401, 403, 422, 503))
async def all_use(
    request: Request, accounts: AtAccounts, _admin: Admin, asked: Annotated[Everything, Query()]
) -> UseReport:
    """What did everybody use?"""
    report = await told(request, accounts, EVERYTHING, asked.by, asked)
    return report.view(asked.of(report))
