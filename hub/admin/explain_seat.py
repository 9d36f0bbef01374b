"""May somebody start a seat with a profile now? The answer of the very functions that the spawner asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.admin.explain_answer import Answer, Fact
from hub.errors import Refusal
from hub.pages.filters import gib, written
from hub.settings import Profile, Settings
from hub.spawners.capacity import Capacity
from hub.spawners.doors import profiles_of, require_account, require_room
from hub.spawners.options import admit
from hub.words import Translate, later, translator
from hub.workshops.admission import Admitted

MOST_SEATS = 5
"""Seats that are named among those whose end makes room."""


@dataclass(frozen=True)
class Promise:
    """Memory that a running seat was promised, and until when at the latest or if it stays idle."""

    user: str
    server: str
    profile: Profile
    until: datetime | None


@dataclass(frozen=True)
class Situation:
    """What a start would meet now."""

    user: str
    groups: tuple[str, ...]
    admitted: Sequence[Admitted]
    promises: Sequence[Promise]
    """Everybody's running seats."""


def seat_answer(asked: str, who: Situation, settings: Settings, language: str) -> Answer:
    """Whether `who` may start a seat with the profile called `asked`."""
    _ = translator(language)
    mine = profiles_of(who.user, who.groups, who.admitted, settings)
    others = [one for one in who.promises if (one.user, one.server) != (who.user, "")]
    capacity = Capacity.of_machine((one.profile for one in others), settings.site.memory_overcommit)
    facts = list(_facts(who, mine, settings, _, language))
    try:
        profile = admit({"profile": asked}, settings, mine, _, language)
        if settings.site.slurm is not None:
            # There is always room in a line; what Slurm says of it is known once there is a job.
            facts.append(
                Fact(label=_("Place"), text=_("A job of the cluster; who comes when it is full waits in line."))
            )
            require_account(who.user, _)
        else:
            facts += _room(profile, capacity, _)
            require_room(profile, capacity, _, language)
        if settings.site.seats_run_as == "system-accounts":
            require_account(who.user, _)
    except Refusal as refusal:
        changes = list(_changes(refusal.reason, asked, settings, capacity, others, _, language))
        facts.append(Fact(label=_("What they read"), text=str(refusal)))
        sentence = _(_WHY_NOT[refusal.reason]).format(user=who.user, profile=asked)
        return Answer(verdict="no", code=refusal.reason, sentence=sentence, facts=facts, changes=changes)
    title = profile.title.in_language(language)
    sentence = _("{user} can start a seat with the profile {profile} now.").format(user=who.user, profile=title)
    return Answer(verdict="yes", code="", sentence=sentence, facts=facts, changes=[])


_WHY_NOT = {
    "no-profile": later("No profile is for the groups of {user}."),
    "unknown-profile": later("There is no profile called {profile}."),
    "profile-not-allowed": later("The profile {profile} is for other groups than those of {user}."),
    "no-capacity": later("The memory of this machine is promised to other seats."),
    "no-account": later("This machine has no account called {user}."),
}


def _facts(who: Situation, mine: Sequence[Profile], settings: Settings, _: Translate, language: str) -> Iterable[Fact]:
    none = _("none")
    yield Fact(label=_("Groups"), text=", ".join(settings.group_titles(who.groups, language)) or none)
    names = ", ".join(one.title.in_language(language) for one in mine)
    yield Fact(label=_("Profiles they can pick"), text=names or none)
    if who.admitted:
        opened = ", ".join(f"{one.workshop} ({one.profile})" for one in who.admitted)
        yield Fact(label=_("Workshops that are on for them"), text=opened)
    running = [one for one in who.promises if one.user == who.user]
    if running:
        seats = ", ".join(one.profile.title.in_language(language) for one in running)
        yield Fact(label=_("Seats that run for them"), text=seats)


def _room(profile: Profile, capacity: Capacity, _: Translate) -> Iterable[Fact]:
    sentence = _("{promised} of {all} GiB are promised to other seats; {count} more of this profile fit.")
    facts = {"promised": f"{capacity.promised_memory / 2**30:.1f}", "count": capacity.seats_left(profile)}
    whole = f"{capacity.memory * capacity.overcommit / 2**30:.1f}"
    yield Fact(label=_("Memory"), text=sentence.format(all=whole, **facts))


def _changes(
    reason: str,
    asked: str,
    settings: Settings,
    capacity: Capacity,
    others: Sequence[Promise],
    _: Translate,
    language: str,
) -> Iterable[str]:
    if reason in ("no-profile", "profile-not-allowed"):
        yield from _groups(reason, asked, settings, _, language)
    elif reason == "no-capacity":
        yield from _seats(settings.profile(asked), capacity, others, _, language)
    elif reason == "unknown-profile":
        names = ", ".join(one.name for one in settings.profiles)
        yield _("Profiles here: {names}.").format(names=names)
    else:
        yield _("An admin of this machine makes the account.")


def _groups(reason: str, asked: str, settings: Settings, _: Translate, language: str) -> Iterable[str]:
    """Which group would open it, and who can see to that."""
    wanted = [one for one in settings.profiles if one.name == asked or reason == "no-profile"]
    for group in dict.fromkeys(group for one in wanted for group in one.groups):
        title = settings.group_titles([group], language)[0]
        leads = ", ".join(lead for one in settings.programmes if one.name == group for lead in one.leads)
        if leads:
            sentence = _("They become a member of {group}: its programme lead sees to that ({leads}).")
        else:
            sentence = _("They become a member of {group}: at sign-in, or in the settings.")
        yield sentence.format(group=title, leads=leads)
    yield _("A workshop that has this profile opens it to everybody in it while it is on.")


def _seats(
    profile: Profile, capacity: Capacity, others: Sequence[Promise], _: Translate, language: str
) -> Iterable[str]:
    """Which seats' ends would make room, the earliest first."""
    if capacity.memory * capacity.overcommit < int(profile.memory):
        yield _("This machine is too small for this profile, whatever ends.")
        return
    ending = sorted((one for one in others if one.until), key=lambda one: (one.until, one.user))
    freed = 0
    for one in ending[:MOST_SEATS]:
        freed += int(one.profile.memory)
        assert one.until is not None
        left = Capacity(capacity.memory, capacity.promised_memory - freed, capacity.overcommit)
        enough = _("From then on there is room.") if left.seats_left(profile) else ""
        sentence = _("The seat of {user} ({profile}, {memory} GiB) ends by {time} unless it is used or kept.")
        facts = {"user": one.user, "profile": one.profile.title.in_language(language)}
        when = written(one.until.timestamp())
        yield f"{sentence.format(**facts, memory=gib(int(one.profile.memory)), time=when)} {enough}".strip()
        if enough:
            return
    yield _("They pick a smaller profile, or an admin raises `site.memory_overcommit`.")
