"""More than the settings allow, for a while: for a programme or for one user, until an end.

Plain values; who grants them and where they are kept is `hub.programmes`' business.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["programme", "user"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody may have beyond the settings' bounds."""

    id: int
    kind: Kind
    name: str
    """Of the programme or the user."""
    hours: float
    """Device-hours per week on top of the programme's quota; 0 for a user, whom no quota of hours bounds."""
    devices: int
    """Devices at once on top of the bound."""
    start: float
    end: float
    """Unix seconds: it holds from `start` until before `end`."""
    reason: str
    by: str
    """Who granted it."""

    def holds(self, now: float) -> bool:
        """Whether it counts at `now` (Unix seconds)."""
        return self.start <= now < self.end


def hours_with(allowances: Iterable[Allowance], hours: Mapping[str, float | None]) -> dict[str, float]:
    """The programmes' bounds on hours with what is allowed on top; programmes without a bound stay without."""
    more: dict[str, float] = defaultdict(float)
    for one in allowances:
        more[one.name] += one.hours if one.kind == "programme" else 0.0
    return {name: most + more[name] for name, most in hours.items() if most is not None}


def devices_with(allowances: Iterable[Allowance], devices: Mapping[str, int | None]) -> dict[str, int]:
    """The programmes' bounds on devices with what is allowed on top; programmes without a bound stay without."""
    more: dict[str, int] = defaultdict(int)
    for one in allowances:
        more[one.name] += one.devices if one.kind == "programme" else 0
    return {name: most + more[name] for name, most in devices.items() if most is not None}


def of_users(allowances: Iterable[Allowance], devices_per_user: int) -> dict[str, int]:
    """Devices at once of those users who may have more than `devices_per_user`."""
    more: dict[str, int] = defaultdict(int)
    for one in allowances:
        if one.kind == "user" and one.devices:
            more[one.name] += one.devices
    return {name: devices_per_user + count for name, count in sorted(more.items())}


def of_person(allowances: Iterable[Allowance], user: str, programmes: Iterable[str]) -> tuple[Allowance, ...]:
    """Those that are for this user, or for a programme of theirs."""
    mine = set(programmes)
    return tuple(one for one in allowances if one.name in (mine if one.kind == "programme" else {user}))
