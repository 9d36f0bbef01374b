"""What would follow if the settings file became another: who sees what, which seats, leases and workshops it touches.

Nothing is changed by looking.
"""

import difflib
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool

from hub.leases.desk import Desk
from hub.seats.idle import Activity, outlook
from hub.seats.keep import Keeps
from hub.settings import Profile, Settings
from hub.settings.current import in_effect
from hub.settings.effects import When, when
from hub.settings.flat import changed, flat
from hub.web.hub_api import HubApi, Person, SeatRecord
from hub.workshops.agreement import disagreements
from hub.workshops.model import Workshop
from hub.workshops.organiser import Organiser

DAYS = 14
"""Published workshops that begin within so many days are asked about."""
MOST_NAMED = 20
"""People or seats that are named; of more, only the number is told."""


@dataclass(frozen=True)
class Change:
    """One changed key."""

    key: str
    before: str
    after: str
    when: When


@dataclass(frozen=True)
class Seen:
    """What members of a group would see that they did not, and the other way round."""

    group: str
    """Empty for people who are in none of the groups that profiles name."""
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class Loser:
    """Somebody who would lose profiles."""

    user: str
    lost: tuple[str, ...]


@dataclass(frozen=True)
class TouchedSeat:
    """A running seat whose profile would be another, or gone."""

    user: str
    server: str
    profile: str
    gone: bool
    ends: datetime | None
    """When it would be stopped, where that is earlier than now planned."""


@dataclass(frozen=True)
class TouchedWorkshop:
    """A published workshop that would no longer be possible."""

    title: str
    starts: datetime
    why: str
    """`fits` where there would not be enough, else the code of what it names that would be gone."""
    what: str


@dataclass(frozen=True)
class Review:
    """All of it."""

    changes: tuple[Change, ...]
    seen: tuple[Seen, ...]
    losers: tuple[Loser, ...]
    seats: tuple[TouchedSeat, ...]
    leases: Mapping[str, int]
    """Live leases of each GPU class that would be gone."""
    workshops: tuple[TouchedWorkshop, ...]

    @property
    def now(self) -> tuple[Change, ...]:
        """Changes that need no restart."""
        return tuple(change for change in self.changes if change.when is not When.RESTART)

    @property
    def later(self) -> tuple[Change, ...]:
        """Changes that wait for a restart."""
        return tuple(change for change in self.changes if change.when is When.RESTART)


def diff(before: str, after: str, names: tuple[str, str]) -> list[str]:
    """The unified diff of two texts of the file, line by line; `names` says what each is."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return list(lines)


def changes_of(old: Settings, new: Settings) -> tuple[Change, ...]:
    """Every changed key with its values, as they may be shown."""
    before, after = flat(old), flat(new)
    return tuple(Change(key, _said(before, key), _said(after, key), when(key)) for key in changed(old, new))


def _said(values: Mapping[str, object], key: str) -> str:
    """An entry's own values are in the diff; here only whether it is there."""
    if key in values:
        return as_words(values[key])
    return "…" if any(one.startswith(f"{key}.") for one in values) else ""


def as_words(value: object) -> str:
    """A value on one line, without the syntax of a programming language."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {as_words(one)}" for key, one in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(as_words, value)) or "–"
    return str(value)


@dataclass(frozen=True)
class Reviewer:
    """Looks at the workbench as it is now."""

    hub: HubApi
    desk: Desk
    organiser: Organiser
    keeps: Keeps

    async def review(self, old: Settings, new: Settings, running: Settings) -> Review:
        """What follows from `new` in place of `old` (both as the file says); `running` is what is in effect."""
        people = await self.hub.people()
        then = in_effect(running, running, new)
        seats = await run_in_threadpool(lambda: tuple(self._seats(people, running, then)))
        return Review(
            changes=changes_of(old, new),
            seen=tuple(who_sees(old, new, people)),
            losers=tuple(losers(old, new, people)),
            seats=seats,
            leases=self._leases(old, new),
            workshops=tuple([one async for one in self._workshops(old, new)]),
        )

    def _leases(self, old: Settings, new: Settings) -> dict[str, int]:
        live = [lease.gpu_class for lease in self.desk.broker.state.leases.values()]
        gone = old.gpu_classes.keys() - new.gpu_classes.keys()
        return {name: live.count(name) for name in sorted(gone) if name in live}

    def _seats(self, people: Iterable[Person], old: Settings, new: Settings) -> Iterator[TouchedSeat]:
        now = datetime.now(UTC)
        for person in people:
            for seat in person.seats:
                before, after = _profile(old, seat.profile), _profile(new, seat.profile)
                if before is None or after is None:
                    continue
                gone = before.name not in {profile.name for profile in new.profiles}
                end = self._earlier_end(person, seat, (old, before), (new, after), now)
                if gone or before != after or end is not None:
                    yield TouchedSeat(person.name, seat.server, before.name, gone, end)

    def _earlier_end(
        self,
        person: Person,
        seat: SeatRecord,
        old: tuple[Settings, Profile],
        new: tuple[Settings, Profile],
        now: datetime,
    ) -> datetime | None:
        """When the seat would stop, if that is within the day and earlier than it would have been."""
        if seat.started is None:
            return None
        until, _count = self.keeps.of(person.name, seat.server, seat.started)
        activity = Activity(seat.started, seat.last_activity or seat.started, until)
        before, after = (outlook(activity, profile, tree.culling, now).stops_at for tree, profile in (old, new))
        return max(after, now) if after < before and after < now + timedelta(days=1) else None

    async def _workshops(self, old: Settings, new: Settings) -> AsyncIterator[TouchedWorkshop]:
        horizon = time.time() + DAYS * 86_400
        for workshop in await self.organiser.published():
            if workshop.window.start <= horizon and (trouble := await self._trouble(workshop, old, new)):
                yield TouchedWorkshop(workshop.title.en, workshop.starts, *trouble)

    async def _trouble(self, workshop: Workshop, old: Settings, new: Settings) -> tuple[str, str] | None:
        """Why a workshop that is possible now would not be."""
        if any(True for _ in disagreements(workshop, old)):
            return None
        for problem in disagreements(workshop, new):
            return problem.code, problem.facts.get("value", "")
        after = await self.organiser.with_settings(new).fits(workshop)
        if after.fits or not (await self.organiser.with_settings(old).fits(workshop)).fits:
            return None
        return "fits", ", ".join(need.what for need in after.needs if not need.fits)


def _profile(settings: Settings, name: str | None) -> Profile | None:
    return next((one for one in (*settings.profiles, *settings.retired) if one.name == name), None)


def who_sees(old: Settings, new: Settings, people: Iterable[Person]) -> Iterator[Seen]:
    """What each group would gain and lose. A group is looked at alone; members of several see all of theirs."""
    named = {group for tree in (old, new) for profile in tree.profiles for group in profile.groups}
    known = {group for person in people for group in person.groups} | {p.name for p in new.programmes}
    everyone = _difference(old, new, ())
    if any(everyone):
        yield Seen("", *everyone)
    for group in sorted(named | known):
        gained, lost = _difference(old, new, (group,))
        if (gained, lost) != everyone:
            yield Seen(group, gained, lost)


def losers(old: Settings, new: Settings, people: Iterable[Person]) -> Iterator[Loser]:
    """People known to the hub who could start less than before."""
    for person in people:
        _gained, lost = _difference(old, new, person.groups)
        if lost:
            yield Loser(person.name, lost)


def _difference(old: Settings, new: Settings, groups: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = ([one.name for one in tree.profiles_for(groups)] for tree in (old, new))
    return tuple(n for n in after if n not in before), tuple(n for n in before if n not in after)
