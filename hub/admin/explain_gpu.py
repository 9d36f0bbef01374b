"""Could a kernel of somebody get a GPU now? Asked of the broker's own decisions, on a copy of what it knows."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hub.admin.explain_answer import Answer, Fact
from hub.errors import LeaseRefused
from hub.leases.desk import Desk
from hub.leases.explain import Verdict, would_be
from hub.leases.explain_view import holder_rows, line_rows, what_changes_it, why_waits
from hub.leases.model import Lease
from hub.leases.page_facility import coarse
from hub.leases.reservations import reserved_from
from hub.leases.seat_requests import LeaseRequest, lease_of
from hub.leases.sentences import REFUSALS
from hub.leases.state import NOBODY, Step
from hub.pages.filters import decimal, span, written
from hub.pages.filters import hours as exact
from hub.settings import Profile
from hub.web.hub_api import Person, SeatRecord
from hub.words import Translate, later, translator

BOUND = ("own-cap", "programme-hours", "programme-devices", "unreadable", "out-of-service")
"""Reasons that no estimate can know the end of."""

_REFUSED = {
    "unknown-class": later("There is no GPU class of that name."),
    "class-not-allowed": later("None of the profiles that they can pick has GPUs of this class."),
    "over-cap": later("They ask for more at once than one person can have here."),
    "too-many-waiting": later("They already wait for as many GPUs as one person can."),
    "not-enough-devices": later("There are not that many GPUs of this class."),
}


def gpu_answer(desk: Desk, person: Person, mine: Sequence[Profile], gpu_class: str, language: str) -> Answer:
    """Whether a kernel of `person`, who can pick the profiles `mine`, could have a device of a class now."""
    _, now = translator(language), desk.broker.now()
    try:
        asked = _request(desk, person, mine, gpu_class, now)
    except LeaseRefused as refused:
        return _never(desk, refused.code, gpu_class, _, language)
    verdict = would_be(desk.broker.state, asked, now)
    if verdict.refused:
        return _never(desk, verdict.refused, gpu_class, _, language, _facts(desk, asked, verdict, _, language))
    facts = [Fact(label=_("With the profile"), text=asked.profile), *_facts(desk, asked, verdict, _, language)]
    if verdict.stands is None and not desk.broker.unreadable:
        sentence = _("A kernel of {user} would get a GPU at once.").format(user=person.name)
        return Answer(verdict="yes", code="", sentence=sentence, facts=facts, changes=[])
    return _waits(desk, verdict, facts, language)


def _request(desk: Desk, person: Person, mine: Sequence[Profile], gpu_class: str, now: float) -> Lease:
    """The request as a seat with the likeliest profile would make it. Raises LeaseRefused."""
    running = [seat.profile for seat in person.seats]
    having = [one.name for one in mine if gpu_class in one.gpu_classes]
    profile = next((name for name in having if name in running), having[0] if having else None)
    if profile is None and gpu_class in desk.settings.gpu_classes:
        raise LeaseRefused("class-not-allowed")
    seat = SeatRecord("", "", profile, True, None, None, None, person.name)
    body = LeaseRequest(key=secrets.token_hex(16), gpu_class=gpu_class)
    return lease_of(body, replace(person, seats=(seat,)), desk.settings, now)


def _waits(desk: Desk, verdict: Verdict, facts: list[Fact], language: str) -> Answer:
    state, lease, stands, _ = verdict.state, verdict.lease, verdict.stands, translator(language)
    reason = "unreadable" if desk.broker.unreadable or stands is None else stands.reason
    why = why_waits(state, lease, reason, language)
    if stands and stands.place and reason not in BOUND:
        place = _("{place} of {of}").format(place=stands.place, of=stands.of)
        facts.append(Fact(label=_("Place in the line"), text=place))
        seconds = desk.estimates.of_nobody_yet(state, lease, stands.place)
        if seconds >= 0:
            facts.append(Fact(label=_("Expected wait"), text=span(coarse(seconds), language)))
    return Answer(
        verdict="waits",
        code=reason,
        sentence=_("Not now: a kernel of {user} would wait.").format(user=lease.user) + f" {why}",
        facts=facts,
        changes=[what_changes_it(reason, language)],
        line=line_rows(state, lease.gpu_class, language),
        devices=holder_rows(state, lease, language),
        asked=lease.id,
    )


def _never(desk: Desk, code: str, gpu_class: str, _: Translate, language: str, facts: Iterable[Fact] = ()) -> Answer:
    message = _(_REFUSED[code]) if code in _REFUSED else _(REFUSALS[code][1])
    changes = []
    if code == "class-not-allowed":
        for one in desk.settings.profiles:
            if gpu_class in one.gpu_classes:
                groups = ", ".join(desk.settings.group_titles(one.groups, language)) or _("everybody")
                sentence = _("They pick the profile {profile}, which is for {groups}.")
                changes.append(sentence.format(profile=one.title.in_language(language), groups=groups))
    elif code == "unknown-class":
        changes.append(_("Classes here: {names}.").format(names=", ".join(desk.settings.gpu_classes) or "–"))
    elif code == "too-many-waiting":
        changes.append(_("One of their kernels that wait is served or shut down."))
    return Answer(verdict="no", code=code, sentence=message, facts=list(facts), changes=changes)


def _facts(desk: Desk, asked: Lease, verdict: Verdict, _: Translate, language: str) -> Iterable[Fact]:
    """The numbers of every rule that could hold it back, as they are before the request."""
    state, name = desk.broker.state, asked.programme
    step, rules = Step(state, verdict.state.now), state.rules
    of = _("{count} of {most}")
    mine = of.format(count=step.occupied_by(asked.user), most=rules.devices_of(asked.user))
    yield Fact(label=_("GPUs they have"), text=mine)
    if name:
        used = (step.use.get(("programme", name)) or NOBODY).hours_this_week(step.now)
        hours, devices = rules.programme_hours.get(name), rules.programme_devices.get(name)
        bound = _("no bound")
        yield Fact(label=_("Programme"), text=name)
        told = of.format(count=decimal(used, language), most=bound if hours is None else exact(hours, language))
        yield Fact(label=_("Its GPU-hours this week"), text=told)
        held = step.programme_devices.get(name) or 0
        yield Fact(label=_("Its GPUs now"), text=of.format(count=held, most=bound if devices is None else devices))
    else:
        yield Fact(label=_("Programme"), text=_("none"))
    total, free = len(step.of_class.get(asked.gpu_class) or ()), len(step.free(asked.gpu_class))
    yield Fact(label=_("Free GPUs of this class"), text=of.format(count=free, most=total))
    if kept := reserved_from(step, asked):
        yield Fact(label=_("Of the free ones, reserved for others"), text=str(kept))
    yield from _reservations(step, asked, _)


def _reservations(step: Step, asked: Lease, _: Translate) -> Iterable[Fact]:
    mine = [one for one in step.reservations.values() if one.gpu_class == asked.gpu_class and step.now < one.end]
    for one in sorted(mine, key=lambda one: (one.start, one.id))[:5]:
        sentence = _("{count} for {id}, {start} to {end}")
        text = sentence.format(count=one.count, id=one.id, start=written(one.start), end=written(one.end))
        whose = _("Reservation they are in") if one.is_for(asked) else _("Reservation of others")
        yield Fact(label=whose, text=text)
