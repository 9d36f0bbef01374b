"""How near a programme is to what it may use this week, and where it is heading."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hub.leases.allowances import Allowance, of_person
from hub.leases.fairshare import WEEK, next_monday
from hub.words import Translate, later

NEAR = 0.8
"""Members are warned once this share of the week's hours is used."""
LEAST_PACE = 6 * 3600.0
"""Seconds of a week before which its pace says nothing yet."""

Level = Literal["", "near", "soft", "used-up"]

SENTENCES = {
    "near": later("{programme} has used {percent}% of its GPU-hours of this week: {used} of {most}. "
                  "Once they are used up, new requests wait until Monday."),
    "soft": later("{programme} has used {used} GPU-hours this week, more than the {soft} that it plans with. "
                  "Nobody waits for that; think of what can wait."),
    "used-up": later("{programme} has used its {most} GPU-hours of this week. New requests wait until Monday; "
                     "kernels that have a GPU keep it."),
}  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """Where the week's use is heading."""

    by_sunday: float
    """Device-hours used when the week ends, if it goes on as so far."""
    reached: float | None
    """When the bound is reached at that pace (Unix seconds); None when that is not in this week."""


def level(used: float, most: float | None, soft: float | None) -> Level:
    """What members are told of device-hours `used` this week: the gravest that holds."""
    if most is not None and used >= most:
        return "used-up"
    if soft is not None and used >= soft:
        return "soft"
    return "near" if most is not None and used >= NEAR * most else ""


def pace(used: float, most: float | None, now: float) -> Pace | None:
    """The week's use at this pace; None while the week is too young to say."""
    left = next_monday(now) - now
    elapsed = WEEK - left
    if elapsed < LEAST_PACE:
        return None
    rate = used / elapsed
    reached = now + (most - used) / rate if most is not None and rate > 0 and used < most else None
    return Pace(used + rate * left, reached if reached is not None and reached < now + left else None)


def percent(used: float, most: float) -> int:
    """How much of it is used, never rounded up to all of it."""
    return 100 if used >= most else min(99, int(100 * used / most))


@dataclass(frozen=True)
class MyAllowance:
    """What somebody has for a while, beyond the settings."""

    programme: str
    """The programme's title; empty for what is the user's alone."""
    hours: float
    devices: int
    until: float
    """Unix seconds."""
    reason: str


def my_allowances(
    allowances: Iterable[Allowance], user: str, titles: dict[str, str], now: float
) -> tuple[MyAllowance, ...]:
    """Those for this user and for programmes of theirs (name to title) that hold now, the first to end first."""
    mine = [one for one in of_person(allowances, user, titles) if one.holds(now)]
    return tuple(
        MyAllowance(titles[one.name] if one.kind == "programme" else "", one.hours, one.devices, one.end, one.reason)
        for one in sorted(mine, key=lambda one: (one.end, one.id))
    )


def sentence(code: Level, translate: Translate, **facts: object) -> str:
    """What members read; empty for no warning."""
    return translate(SENTENCES[code]).format(**facts) if code else ""
