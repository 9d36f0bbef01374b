"""Synthetic traces that look like published ones.

The numbers that traces are fitted to come from

- a two-day excerpt of a public production trace of notebooks: 51 sessions with GPU cells, 518 GPU cells of
  3 minutes or more, one GPU each. Session life: median 21 h. Share of a session inside GPU cells: quartiles 3 %,
  19 % and 39 %; over all reserved GPU time 25.7 %. Gap between GPU cells: median 3 min, 75 % 8 min, 90 % 41 min,
  95 % 148 min. Device memory of a GPU cell: median 2.3 GB, 90 % 18 GB.
- NotebookOS (arXiv 2503.20591): duration of a task on a GPU: median 2 min, 75 % 5 min. The excerpt leaves
  out cells under 3 minutes, so durations here have their median between the two, at 3 min, and 75 % at 6 min.

A replay of the excerpt itself, in which a GPU passes on 5 minutes after its last cell and takes half a minute
for it, needed 38 GPUs with one for each session and 15 with leases before nobody waited longer than a minute.
So 38 sessions lived at once, and at most 15 had a cell that ran or had ended less than four and a half minutes
ago. A trace of the excerpt's size is the one of many placements in time that comes closest to both numbers.

What these sources do not say is assumed: the quantiles in between (straight lines, logarithmic where values
span orders of magnitude), how many cells a session has (log-normal around ten), when sessions begin (a day
rhythm that is highest at 14:00 and lowest at 02:00; the trace begins at midnight) and how what is left of a
session's idle time divides before its first cell and after its last (any way alike). Without a choice among
placements 38 sessions live at once, and 16 have computed within the last minutes, on average over seeds.

Durations of most cells are of minutes, yet a quarter of the reserved time is spent in cells: both hold only
if some cells run for hours. A fifth of a session's cells, one at least, therefore divides what is left of its share.

Values are drawn evenly over their distribution (one from each of n equal slices), so that also a trace of
51 sessions has its quantiles.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import mul
from statistics import NormalDist

from hub.simulate.trace import Cell, Session, Trace

HOUR, MINUTE, DAY = 3600.0, 60.0, 86400.0
SESSIONS, DAYS = 51, 2
CELLS_PER_SESSION = 518 / 51
LIFE_H = ((0.0, 1.0), (0.25, 9.0), (0.5, 21.0), (0.75, 33.0), (1.0, 47.5))
"""(probability, hours); of these, the median is published."""
ACTIVE_SHARE = ((0.0, 0.004), (0.25, 0.03), (0.5, 0.19), (0.75, 0.39), (1.0, 0.83))
ACTIVE_OF_RESERVED = 0.257
PAIRINGS = 32
"""How many pairings of life and share are tried for the one that is closest to it."""
AT_ONCE = 38
"""Sessions that live at the same time, at most."""
KEPT_AT_ONCE, KEPT_FOR = 15, 4.5 * MINUTE
"""Of these, how many have a cell that runs or ended less than so long ago, at most."""
PLACEMENTS = 200
"""How many placements in time are tried for the one that is closest to both."""
DURATION_MIN = ((0.0, 0.5), (0.3, 1.5), (0.6, 2.8), (0.9, 5.0), (1.0, 10.0))
"""Of short cells."""
LONG_CELLS = 0.2
"""Share of a session's cells that are long: one of them at least."""
LONG_SIGMA = 0.6
"""Spread of the long cells of a session, as the standard deviation of the logarithm."""
GAP_MIN = ((0.0, 0.3), (0.5, 3.0), (0.75, 8.0), (0.9, 41.0), (0.95, 148.0), (1.0, 900.0))
VRAM_GB = ((0.0, 0.4), (0.5, 2.3), (0.9, 18.0), (1.0, 78.0))
LEAST_CELL_S = 20.0
CELLS_SIGMA = 0.9
"""Spread of the number of cells, as the standard deviation of its logarithm."""
COUNT_SCATTER = 1.5
"""How loosely the number of cells follows the active time: standard deviation of a factor's logarithm."""
RHYTHM = 0.85
"""How far the rate of arrivals swings around its mean."""
BUSIEST_HOUR = 14.0

Quantiles = Sequence[tuple[float, float]]


@dataclass(slots=True)
class _Draft:
    """A session in the making; seconds."""

    life: float
    active: float
    durations: list[float]
    gaps: list[float]
    slots: int
    """Cells it is to have."""

    @property
    def idle_left(self) -> float:
        return self.life - self.active - sum(self.gaps)


def generate(sessions: int = SESSIONS, days: float = DAYS, seed: int = 0) -> Trace:
    """A trace of so many sessions that begin and end within so many days. The same seed, the same trace."""
    chance = random.Random(seed)  # noqa: S311 - a simulation is to be repeatable
    drafts = _drafts(sessions, days, chance)
    _share_out_durations(drafts, chance)
    _share_out_gaps(drafts, chance)
    vram = iter(_drawn(VRAM_GB, sum(len(draft.durations) for draft in drafts), chance, log=True))
    made = []
    for session in _fitting(drafts, days, chance).sessions:
        cells = tuple(replace(cell, vram=round(next(vram) * 1e9)) for cell in session.cells)
        made.append(replace(session, cells=cells))
    source = f"synthetic, {_counted(sessions, 'session')} in {_counted(days, 'day')}, seed {seed}"
    return Trace(source, tuple(sorted(made, key=lambda session: (session.start, session.name))))


def _fitting(drafts: Sequence[_Draft], days: float, chance: random.Random) -> Trace:
    """The sessions at their times; of the excerpt's size, as many at once as there."""
    is_like_excerpt = (len(drafts), days) == (SESSIONS, DAYS)
    placements = (_placement(drafts, days, chance) for _ in range(PLACEMENTS if is_like_excerpt else 1))
    return min(placements, key=lambda t: abs(t.most_at_once - AT_ONCE) + abs(t.most_kept(KEPT_FOR) - KEPT_AT_ONCE))


def _placement(drafts: Sequence[_Draft], days: float, chance: random.Random) -> Trace:
    placed = (_placed(f"session-{number:04}", draft, days * DAY, chance) for number, draft in enumerate(drafts))
    return Trace("", tuple(placed))


def _counted(number: float, thing: str) -> str:
    return f"{number:g} {thing}" if number == 1 else f"{number:g} {thing}s"


def _drafts(sessions: int, days: float, chance: random.Random) -> list[_Draft]:
    lives = [min(hours * HOUR, days * DAY) for hours in _drawn(LIFE_H, sessions, chance)]
    shares = _paired(lives, _drawn(ACTIVE_SHARE, sessions, chance), chance)
    counts = _counts(sessions, chance)
    # Who computes more does so in more cells, on the whole: counts go to sessions by their active time, loosely.
    order = sorted(range(sessions), key=lambda i: lives[i] * shares[i] * chance.lognormvariate(0, COUNT_SCATTER))
    count_of = dict(zip(order, sorted(counts), strict=True))
    return [
        _Draft(life, life * share, [], [], count_of[i])
        for i, (life, share) in enumerate(zip(lives, shares, strict=True))
    ]


def _paired(lives: Sequence[float], shares: list[float], chance: random.Random) -> list[float]:
    """The shares in an order in which, of all reserved time, about the published part is active."""
    orders = [chance.sample(shares, len(shares)) for _ in range(PAIRINGS)]
    return min(orders, key=lambda order: abs(sum(map(mul, lives, order)) / sum(lives) - ACTIVE_OF_RESERVED))


def _counts(sessions: int, chance: random.Random) -> list[int]:
    """Cells of each session: log-normal, at least one, ten on average."""
    mu = math.log(CELLS_PER_SESSION) - CELLS_SIGMA**2 / 2
    slices = [(i + chance.random()) / sessions for i in range(sessions)]
    drawn = [math.exp(mu + CELLS_SIGMA * _normal(slice)) for slice in slices]
    factor = CELLS_PER_SESSION * sessions / sum(drawn)
    return [max(1, round(count * factor)) for count in drawn]


def _share_out_durations(drafts: Sequence[_Draft], chance: random.Random) -> None:
    """Short durations go where they fit; the long cells of a session divide what is left of its active time."""
    long = [max(1, round(LONG_CELLS * draft.slots)) for draft in drafts]
    slots = [draft.slots - some for draft, some in zip(drafts, long, strict=True)]
    left = [draft.active - LEAST_CELL_S for draft in drafts]
    pool = [minutes * MINUTE for minutes in _drawn(DURATION_MIN, sum(slots), chance, log=True)]
    for duration in sorted(pool, reverse=True):
        fits = [n if room > 2 * duration else 0 for n, room in zip(slots, left, strict=True)]
        if (i := _pick(fits, chance)) is None:
            continue
        drafts[i].durations.append(duration)
        left[i] -= duration
        slots[i] -= 1
    for draft, some, room in zip(drafts, long, left, strict=True):
        draft.durations += _divided(room + LEAST_CELL_S, some, chance)
        chance.shuffle(draft.durations)


def _divided(total: float, parts: int, chance: random.Random) -> list[float]:
    """`total` in so many parts of different size."""
    weights = [chance.lognormvariate(0, LONG_SIGMA) for _ in range(parts)]
    return [total * weight / sum(weights) for weight in weights]


def _share_out_gaps(drafts: Sequence[_Draft], chance: random.Random) -> None:
    """The longest gaps first, to sessions that have the idle time for them."""
    pool = [
        minutes * MINUTE for minutes in _drawn(GAP_MIN, sum(len(d.durations) - 1 for d in drafts), chance, log=True)
    ]
    left = [draft.life - draft.active for draft in drafts]
    slots = [len(draft.durations) - 1 for draft in drafts]
    for gap in sorted(pool, reverse=True):
        fits = [n * room if room > gap else 0 for n, room in zip(slots, left, strict=True)]
        if (i := _pick(fits, chance)) is None:
            i = max(range(len(slots)), key=lambda i: (slots[i] > 0, left[i]))
        taken = min(gap, left[i] / 2)
        drafts[i].gaps.append(taken)
        left[i] -= taken
        slots[i] -= 1
    for draft in drafts:
        chance.shuffle(draft.gaps)


def _placed(name: str, draft: _Draft, horizon: float, chance: random.Random) -> Session:
    """The session with its start in the day's rhythm, and its cells one after the other."""
    start = _arrival(horizon - draft.life, chance)
    now = start + draft.idle_left * chance.random()
    cells = []
    for duration, gap in zip(draft.durations, [*draft.gaps, 0.0], strict=True):
        cells.append(Cell(now, now + duration))
        now += duration + gap
    return Session(name, start, max(start + draft.life, cells[-1].end), 1, tuple(cells))


def _arrival(latest: float, chance: random.Random) -> float:
    """A moment from 0 to `latest` in the day's rhythm."""
    while True:
        moment = chance.uniform(0, max(latest, 0.0))
        swing = RHYTHM * math.cos(2 * math.pi * (moment / HOUR - BUSIEST_HOUR) / 24)
        if chance.random() * (1 + RHYTHM) < 1 + swing:
            return moment


def _drawn(quantiles: Quantiles, count: int, chance: random.Random, *, log: bool = False) -> list[float]:
    """So many values, one from each slice of the distribution, in no order."""
    values = [_value(quantiles, (i + chance.random()) / count, log=log) for i in range(count)]
    chance.shuffle(values)
    return values


def _value(quantiles: Quantiles, probability: float, *, log: bool) -> float:
    """The quantile of that probability, between two known ones on a straight (or logarithmic) line."""
    right = min(max(1, bisect_right(quantiles, (probability, math.inf))), len(quantiles) - 1)
    (p0, low), (p1, high) = quantiles[right - 1], quantiles[right]
    part = (probability - p0) / (p1 - p0)
    return low * (high / low) ** part if log else low + (high - low) * part


def _normal(probability: float) -> float:
    return NormalDist().inv_cdf(min(max(probability, 1e-9), 1 - 1e-9))


def _pick(weights: Sequence[float], chance: random.Random) -> int | None:
    """An index by weight; None when nothing has any."""
    if not any(weights):
        return None
    return chance.choices(range(len(weights)), weights)[0]
