"""What there is for everybody: GPU classes with their devices, and what a person and their programmes used.

Values as coarse as pages write them; see `page_view`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal
from weakref import WeakKeyDictionary

from hub.leases.bounds import MyAllowance, level, my_allowances, percent, sentence
from hub.leases.desk import Desk
from hub.leases.model import Device, DeviceState
from hub.leases.state import NOBODY, State, is_grantable
from hub.pages.filters import decimal
from hub.settings import Profile
from hub.settings.model import Programme
from hub.web.hub_api import Person
from hub.words import translator

Square = Literal["mine", "used", "free", "pause", "out"]
"""What a device does; `pause` is being checked, or kept for somebody."""


@dataclass(frozen=True)
class ClassFact:
    """One GPU class: its devices, and what somebody who asked now would wait."""

    title: str
    simulated: bool
    memory: int
    total: int
    free: int
    squares: tuple[Square, ...]
    waiting: int
    wait: int | None
    known: bool

    def many(self, kind: Square) -> int:
        """How many devices are in that state."""
        return self.squares.count(kind)


@dataclass(frozen=True)
class ProgrammeUse:
    """What a programme of mine has used this week. Hours are device-hours."""

    title: str
    hours: float
    mine: float
    """My part of them."""
    quota: float | None
    devices: int
    most_devices: int | None
    due: int | None
    """The share of all use it is due, in percent; None where there is nobody to share with."""
    had: int | None
    """The share it had this week; None before anybody used anything."""
    name: str
    soft: float | None
    """Hours of a week after which its members are told; nobody waits for them."""
    notice: str
    """A sentence once its hours of this week are nearly or all used; else empty."""


# --- classes ----------------------------------------------------------------------------------------


def classes(desk: Desk, user: str, language: str) -> Iterable[ClassFact]:
    """Every class of the settings, in their order."""
    state = desk.broker.state
    for row in class_rows(desk, language):
        devices = [state.devices[uuid] for uuid in state.of_class.get(row["name"]) or ()]
        wait = row["expected_wait_s"]
        yield ClassFact(
            title=row["title"],
            simulated=row["simulated"],
            memory=int(desk.settings.gpu_classes[row["name"]].memory),
            total=row["total"],
            free=row["free"],
            squares=tuple(_square(state, device, user) for device in devices),
            waiting=row["waiting"],
            wait=None if wait is None else coarse(wait),
            known=row["known"],
        )


_latest: WeakKeyDictionary[Desk, dict[str, tuple[State, str, list[dict[str, Any]]]]] = WeakKeyDictionary()


def class_rows(desk: Desk, language: str) -> list[dict[str, Any]]:
    """The desk's classes; everybody who looks at the same state shares one count of a thousand devices."""
    state, unreadable = desk.broker.state, desk.broker.unreadable
    known = _latest.setdefault(desk, {}).get(language)
    if known is None or known[0] is not state or known[1] != unreadable:
        known = _latest[desk][language] = (state, unreadable, desk.classes(language))
    return known[2]


def _square(state: State, device: Device, user: str) -> Square:
    holder = state.leases.get(device.lease) if device.lease else None
    if holder is not None:
        return "mine" if holder.user == user else "used"
    if device.draining or not device.visible or device.state is DeviceState.QUARANTINED:
        return "out"
    if device.taken:
        return "used"
    return "free" if is_grantable(device) else "pause"


def kernels(desk: Desk, profiles: Iterable[Profile], language: str) -> tuple[str, ...]:
    """Titles of the classes that these profiles have and that there are devices of."""
    names = dict.fromkeys(name for profile in profiles for name in profile.gpu_classes)
    declared = desk.settings.gpu_classes
    return tuple(declared[name].title.in_language(language) for name in names if desk.broker.state.of_class.get(name))


# --- use ----------------------------------------------------------------------------------------------


def programmes(desk: Desk, person: Person, language: str) -> Iterable[ProgrammeUse]:
    """The use of every programme that the person is in."""
    mine = [programme for programme in desk.settings.programmes if programme.name in person.groups]
    for number, programme in enumerate(mine):
        yield programme_use(desk, programme, person if number == 0 else None, language)


def allowed(desk: Desk, person: Person, language: str) -> tuple[MyAllowance, ...]:
    """What the person and their programmes may have for a while, beyond the settings."""
    titles = {one.name: one.title.in_language(language) for one in desk.settings.programmes}
    mine = {name: title for name, title in titles.items() if name in person.groups}
    return my_allowances(desk.allowances, person.name, mine, desk.broker.now())


def programme_use(desk: Desk, programme: Programme, member: Person | None, language: str) -> ProgrammeUse:
    """`member` is the one whose use is counted for it: a person's first programme counts."""
    state = desk.broker.state
    used = hours(state, "programme", programme.name)
    due, had = _shares(desk, programme)
    title, most = programme.title.in_language(language), state.rules.programme_hours.get(programme.name)
    return ProgrammeUse(
        title=title,
        hours=used,
        mine=min(used, hours(state, "user", member.name)) if member else 0.0,
        quota=most,
        devices=state.programme_devices.get(programme.name) or 0,
        most_devices=state.rules.programme_devices.get(programme.name),
        due=due,
        had=had,
        name=programme.name,
        soft=programme.quota.soft_gpu_hours_per_week,
        notice=_notice(title, used, most, programme.quota.soft_gpu_hours_per_week, language),
    )


def _notice(title: str, used: float, most: float | None, soft: float | None, language: str) -> str:
    facts = {name: decimal(value or 0, language) for name, value in (("used", used), ("most", most), ("soft", soft))}
    facts["percent"] = str(percent(used, most) if most else 100)
    return sentence(level(used, most, soft), translator(language), programme=title, **facts)


def _shares(desk: Desk, programme: Programme) -> tuple[int | None, int | None]:
    state, others = desk.broker.state, desk.settings.programmes
    shares = sum(other.share for other in others)
    if len(others) < 2 or not shares:
        return None, None
    used = {other.name: hours(state, "programme", other.name) for other in others}
    total = sum(used.values())
    return round(100 * programme.share / shares), round(100 * used[programme.name] / total) if total else None


def hours(state: State, kind: str, name: str) -> float:
    """Device-hours that a user or a programme has used since Monday, to one decimal."""
    return round((state.use.get((kind, name)) or NOBODY).hours_this_week(state.now), 1)


def coarse(seconds: float) -> int:
    """An estimate as exact as it is: whole minutes, from 20 minutes on fives, from 2 hours on whole hours."""
    unit = 60 if seconds < 1200 else 300 if seconds < 7200 else 3600
    return ceil(seconds / unit) * unit
