"""Decayed use, and who has had less of their share.

Use halves every `half_life`: what was held a week ago counts half. Instead of decaying every account at
every look, an account keeps `level = log2(use) + t / half_life`. The decay cancels out: levels of two
accounts compare the same at all times, so a queue ordered by them stays in order until somebody is charged.
"""

import math
from dataclasses import dataclass, replace

NEVER = -math.inf
WEEK = 7 * 86400
_MONDAY = 4 * 86400
"""The first Monday after the Unix epoch began (a Thursday), in seconds."""


@dataclass(frozen=True, slots=True)
class Use:
    """What an account has used so far."""

    level: float = NEVER
    """log2(decayed device-seconds) + t / half-life; see the module."""
    week: int = 0
    """Number of the week that `week_seconds` belongs to; weeks begin on Monday, 00:00 UTC."""
    week_seconds: float = 0.0
    """Device-seconds held in that week."""

    def charged(self, seconds: float, now: float, half_life: float) -> "Use":
        """This use and `seconds` more device-seconds, held until `now`."""
        if seconds <= 0:
            return self
        week = week_of(now)
        before = self.week_seconds if self.week == week else 0.0
        return replace(self, level=_add(self.level, seconds, now, half_life), week=week, week_seconds=before + seconds)

    def decayed(self, now: float, half_life: float) -> float:
        """Device-seconds that still count at `now`."""
        return 0.0 if self.level == NEVER else 2.0 ** (self.level - now / half_life)

    def hours_this_week(self, now: float) -> float:
        """Device-hours held since Monday."""
        return self.week_seconds / 3600 if self.week == week_of(now) else 0.0


def week_of(now: float) -> int:
    """The number of the week that `now` (Unix seconds) lies in."""
    return int((now - _MONDAY) // WEEK)


def next_monday(now: float) -> float:
    """When the next week begins (Unix seconds)."""
    return (week_of(now) + 1) * WEEK + _MONDAY


def weighed(use: Use, share: float) -> float:
    """The level of an account that is due `share` times as much as others: lower goes first."""
    return use.level - math.log2(share)


def _add(level: float, seconds: float, now: float, half_life: float) -> float:
    """log2(2**(level - t) + seconds) + t with t = now / half_life, without overflow."""
    new = math.log2(seconds) + now / half_life
    high, low = max(level, new), min(level, new)
    return high if low == NEVER else high + math.log1p(2.0 ** (low - high)) / math.log(2)
