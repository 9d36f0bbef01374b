"""A programme as its leads and admins see it: use, bounds, where it is heading, members."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.authentication.membership import Membership
from hub.authentication.names import normal
from hub.leases.allowances import Allowance
from hub.leases.bounds import Pace, pace, percent
from hub.leases.desk import Desk
from hub.leases.page_facility import ProgrammeUse, hours, programme_use
from hub.leases.state import Step
from hub.settings.model import Programme, Settings
from hub.web.hub_api import Person


@dataclass(frozen=True)
class Member:
    """One member, with what is theirs this week."""

    name: str
    is_lead: bool
    is_listed: bool
    """The settings name them; else sign-in puts them in the group."""
    is_known: bool
    """They have been here."""
    counts_for: str
    """The programme that their use is counted for."""
    hours: float
    """Device-hours since Monday."""
    devices: int
    waiting: int


@dataclass(frozen=True)
class ProgrammeView:
    """The whole of it."""

    programme: Programme
    use: ProgrammeUse
    pace: Pace | None
    percent: int | None
    """How much of the week's hours is used; None without a bound."""
    left: float | None
    """Device-hours left this week."""
    members: tuple[Member, ...]
    allowances: tuple[Allowance, ...]
    """Those that hold now, for the programme and for its members."""


def programme_view(desk: Desk, programme: Programme, people: Iterable[Person], language: str) -> ProgrammeView:
    """The programme now; `people` is everybody whom the hub knows."""
    use, now = programme_use(desk, programme, None, language), desk.broker.now()
    members = tuple(_members(desk, programme, list(people)))
    names = {one.name for one in members}
    mine = {"programme": {programme.name}, "user": names}
    return ProgrammeView(
        programme=programme,
        use=use,
        pace=pace(use.hours, use.quota, now),
        percent=percent(use.hours, use.quota) if use.quota else (100 if use.quota == 0 else None),
        left=None if use.quota is None else max(0.0, use.quota - use.hours),
        members=members,
        allowances=tuple(one for one in desk.allowances if one.name in mine[one.kind] and one.holds(now)),
    )


def _members(desk: Desk, programme: Programme, people: list[Person]) -> Iterable[Member]:
    """Those the hub has in the group, and those whom the settings list, whether or not they were here."""
    known = {person.name: person for person in people}
    listed = Membership.declared_in(desk.settings).members.get(programme.name, frozenset())
    leads = {normal(lead) for lead in programme.leads} | set(programme.leads)
    names = listed | {person.name for person in people if programme.name in person.groups}
    step = Step(desk.broker.state, desk.broker.now())
    for name in sorted(names):
        groups = set(known[name].groups) if name in known else {programme.name}
        yield Member(
            name=name,
            is_lead=name in leads,
            is_listed=name in listed,
            is_known=name in known,
            counts_for=_counts_for(desk.settings, groups),
            hours=hours(desk.broker.state, "user", name),
            devices=step.occupied_by(name),
            waiting=sum(lease.is_waiting for lease in step.leases_of(name)),
        )


def _counts_for(settings: Settings, groups: set[str]) -> str:
    return next((one.name for one in settings.programmes if one.name in groups), "")
