"""What people and programs may ask of accounting, and what becomes of it."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict

from hub.accounting.accounts import Accounts, Told
from hub.accounting.periods import BadPeriod, Period, period_of
from hub.accounting.report import Entry, found
from hub.accounting.scope import Scope, of_myself, of_programme, of_workshop
from hub.pages.service_page import language_of
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.words import later

AnyGrouping = Literal[
    "programme", "user", "workshop", "gpu_class", "device", "profile", "lesson", "notebook", "day", "month"
]


class When(BaseModel):
    """A period; left out, this month so far."""

    model_config = ConfigDict(populate_by_name=True)

    period: Annotated[str, Query(max_length=20, description="A month, quarter or year: 2026-11, 2026-Q4, 2026.")] = ""
    first: Annotated[date | None, Query(alias="from", description="The first day (UTC).")] = None
    last: Annotated[date | None, Query(alias="to", description="The last day (UTC), included.")] = None

    def read(self, now: float) -> Period:
        """Raises Problem 422."""
        try:
            return period_of(self.period, self.first, self.last, now)
        except BadPeriod as bad:
            raise Problem(422, "bad-period", bad.sentence, "", bad.facts) from None


class Which(BaseModel):
    """Some of the lines."""

    words: Annotated[str, Query(max_length=200, description="Lines in whose name each of these words occurs.")] = ""
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Query(ge=1, le=20_000)] = 1_000

    def of(self, told: Told) -> list[Entry]:
        """Those lines."""
        return found(told.entries, self.words)[self.offset : self.offset + self.limit]


class Question(When, Which):
    """A period, and some of the lines."""


class MyQuestion(Question):
    """About what I may see."""

    by: AnyGrouping = "gpu_class"
    programme: Annotated[str, Query(max_length=32, description="The use of a programme that I lead.")] = ""
    workshop: Annotated[str, Query(max_length=32, description="The use of a workshop that I give.")] = ""


class Everything(Question):
    """About everybody."""

    by: AnyGrouping = "programme"


async def accounts_of(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


AtAccounts = Annotated[Accounts, Depends(accounts_of)]

OWN: dict[str, tuple[str, ...]] = {
    "me": ("gpu_class", "programme", "profile", "notebook", "lesson", "device"),
    "programme": ("user", "gpu_class", "profile", "lesson", "device"),
    "workshop": ("user", "gpu_class", "profile", "lesson", "device"),
    "all": ("programme", "user", "workshop", "gpu_class", "profile", "device", "lesson"),
}
"""What pages offer to tell use by, the first unless something else is asked for."""


def scope_of(accounts: Accounts, person: Person, programme: str, workshop: str) -> Scope:
    """Whose use is asked for. Raises Problem 403 for what the person may not see, 422 for both at once."""
    if programme and workshop:
        raise Problem(422, "both", later("Ask for a programme or for a workshop, not for both."))
    if programme:
        return of_programme(person, programme, accounts.settings)
    return of_workshop(person, workshop, accounts.workshops) if workshop else of_myself(person)


async def told(request: Request, accounts: Accounts, scope: Scope, by: str, when: When) -> Told:
    """The report that is asked for. Raises Problem 422."""
    allowed = (*OWN[scope.kind], "day", "month")
    if by not in allowed:
        facts = {"by": by, "allowed": ", ".join(allowed)}
        raise Problem(422, "bad-by", later('This use is not told by "{by}", only by {allowed}.'), "", facts)
    return await accounts.report(scope, by, when.read(accounts.now()), language_of(request))  # type: ignore[arg-type]
