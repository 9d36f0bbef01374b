"""Exercises of lesson R2, "Watts, water and warmth: account for what a run costs"."""

from __future__ import annotations

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, require_something

_KEYS = ("site_kwh", "co2_g", "water_l", "heat_kwh")


def footprint(it_kwh: float, pue: float, wue: float, erf: float, carbon: float) -> dict[str, float]:
    """From kWh of IT to kWh of the building, grams of CO2e (``carbon`` in g/kWh), litres (``wue`` per kWh of IT) and
    kWh of reused heat.
    """
    site = it_kwh * pue
    return {"site_kwh": site, "co2_g": site * carbon, "water_l": it_kwh * wue, "heat_kwh": site * erf}


def judge_footprint(answer, rng: np.random.Generator) -> None:
    """Three random buildings; the first wrong quantity decides the hint."""
    for _ in range(3):
        case = {
            "it_kwh": rng.uniform(5, 500),
            "pue": rng.uniform(1.1, 1.9),
            "wue": rng.uniform(0.1, 2),
            "erf": rng.uniform(0.1, 0.7),
            "carbon": rng.uniform(30, 700),
        }
        case = {name: float(value) for name, value in case.items()}
        found = _quantities(answer(*case.values()))
        for key, exact in footprint(**case).items():
            if not np.isclose(found[key], exact, rtol=1e-6):
                raise NotYetError(_why(key, found[key], case), found=found[key], exact=exact)


def _quantities(found) -> dict[str, float]:
    require_something(found)
    if not isinstance(found, dict) or set(found) != set(_KEYS):
        raise NotYetError("R2-1.keys")
    return {key: finite_number(found[key], "R2-1.keys") for key in _KEYS}


def _why(key: str, found: float, case: dict[str, float]) -> str:
    """The hint for a wrong quantity; emissions have more than one typical mistake."""
    if key != "co2_g":
        return {"site_kwh": "R2-1.site", "water_l": "R2-1.water", "heat_kwh": "R2-1.heat"}[key]
    site = case["it_kwh"] * case["pue"]
    if np.isclose(found, case["it_kwh"] * case["carbon"], rtol=1e-6):
        return "R2-1.co2"
    if np.isclose(found, site * (1 - case["erf"]) * case["carbon"], rtol=1e-6):
        return "R2-1.credit"
    return "R2-1.grams" if np.isclose(found * 1000, site * case["carbon"], rtol=1e-6) else "R2-1.emission"


def training(step, score, most: int) -> float:
    """Train until the score has not improved for ten epochs, at most ``most`` epochs; the best score."""
    best, since = -np.inf, 0
    for _ in range(most):
        step()
        now = score()
        since = 0 if now > best else since + 1
        best = max(best, now)
        if since == 10:
            break
    return best


class _Pupil:
    """A model whose score after each epoch is known beforehand, and that counts its epochs."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores
        self.epochs = 0

    def step(self) -> None:
        if self.epochs >= len(self.scores):
            raise NotYetError("R2-2.most", most=len(self.scores))
        self.epochs += 1

    def score(self) -> float:
        return float(self.scores[max(self.epochs, 1) - 1])


def judge_training(answer, rng: np.random.Generator) -> None:
    """Once with scores that stop improving long before the end, once with scores that never stop."""
    most = int(rng.integers(150, 250))
    peak = int(rng.integers(30, 50))
    pupil = _Pupil(_plateau(rng, most, peak))
    found = _score(answer(pupil.step, pupil.score, most))
    if pupil.epochs > most // 2:
        raise NotYetError("R2-2.never", epochs=pupil.epochs, peak=peak)
    _judge_best(found, pupil, peak)
    rising = _Pupil(np.linspace(0.5, rng.uniform(0.8, 0.95), most))
    found = _score(answer(rising.step, rising.score, most))
    if not np.isclose(found, rising.scores.max(), rtol=1e-9):
        raise NotYetError("R2-2.soon", epochs=rising.epochs, peak=most)


def _plateau(rng: np.random.Generator, most: int, peak: int) -> np.ndarray:
    """Scores that rise to ``peak`` with dips of one to three epochs on the way, and then stay a little below it."""
    scores = np.linspace(0.5, rng.uniform(0.8, 0.95), peak)
    for dip in rng.choice(np.arange(4, peak - 6, 5), size=3, replace=False):
        scores[dip : dip + int(rng.integers(1, 4))] = 0.48
    return np.concatenate([scores, scores[-1] - rng.uniform(0.01, 0.03, most - peak)])


def _judge_best(found: float, pupil: _Pupil, peak: int) -> None:
    if pupil.epochs < peak:
        raise NotYetError("R2-2.soon", epochs=pupil.epochs, peak=peak)
    if np.isclose(found, pupil.scores.max(), rtol=1e-9):
        return
    if np.isclose(found, pupil.score(), rtol=1e-9):
        raise NotYetError("R2-2.last")
    raise NotYetError("R2-2.best", found=found, exact=float(pupil.scores.max()))


def _score(found) -> float:
    return finite_number(found, "R2-2.number")


def start(carbon: np.ndarray, room: np.ndarray, power: float, lasts: int) -> int | None:
    """First hour of the job (``power`` kW for ``lasts`` hours) that emits least (``carbon``, g/kWh per hour) where
    ``room`` (kW per hour) allows it throughout; None when it never fits.
    """
    starts = [s for s in range(len(carbon) - lasts + 1) if (room[s : s + lasts] >= power).all()]
    return min(starts, key=lambda s: carbon[s : s + lasts].sum()) if starts else None


def judge_start(answer, rng: np.random.Generator) -> None:
    """A day with traps: one very green hour among dirty ones, a green end, no room in the middle, no room at all."""
    hours, lasts = int(rng.integers(30, 60)), int(rng.integers(3, 6))
    carbon = rng.uniform(250, 450, hours)
    carbon[4], carbon[-1] = 20.0, 10.0
    best = int(rng.integers(10, hours - 12))
    carbon[best : best + lasts] = rng.uniform(100, 120, lasts)
    plenty, power = np.full(hours, 500.0), float(rng.integers(20, 90))
    _expect(answer, carbon, plenty, power, lasts)
    tight = plenty.copy()
    tight[best + lasts // 2] = power - 1
    _expect(answer, carbon, tight, power, lasts)
    exact = np.where(tight < power, tight, power)
    _expect(answer, carbon, exact, power, lasts)
    _expect(answer, carbon, plenty, 600.0, lasts)
    _expect(answer, carbon[:lasts], plenty[:lasts], power, lasts)


def _expect(answer, carbon: np.ndarray, room: np.ndarray, power: float, lasts: int) -> None:
    exact = start(carbon, room, power, lasts)
    try:
        found = answer(carbon.copy(), room.copy(), power, lasts)
    except ValueError:
        if exact is None:
            raise NotYetError("R2-3.none") from None
        raise
    if exact is None:
        if found is not None:
            raise NotYetError("R2-3.none")
        return
    begins = _hour(found)
    if begins != exact:
        raise NotYetError(_why_start(begins, carbon, room, power, lasts), hour=begins)


def _hour(found) -> int:
    number = finite_number(found, "R2-3.whole")
    if number != int(number):
        raise NotYetError("R2-3.whole")
    return int(number)


def _why_start(begins: int, carbon: np.ndarray, room: np.ndarray, power: float, lasts: int) -> str:
    """The hint for a start that is not the best."""
    if not 0 <= begins <= len(carbon) - lasts:
        return "R2-3.end"
    if not (room[begins : begins + lasts] >= power).all():
        return "R2-3.room"
    fitting = [s for s in range(len(carbon) - lasts + 1) if (room[s : s + lasts] >= power).all()]
    return "R2-3.hour" if begins == min(fitting, key=lambda s: carbon[s]) else "R2-3.least"


EXERCISES = {
    "R2-1": Exercise(footprint, judge_footprint),
    "R2-2": Exercise(training, judge_training),
    "R2-3": Exercise(start, judge_start),
}
