"""Exercises of lesson N4, "Portfolio risk: tell bad luck from a bad model"."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from . import Exercise, NotYetError
from .answers import row_of_numbers


def tail_risk(returns: np.ndarray, probability: float) -> tuple[float, float]:
    """Value at risk and expected shortfall (%, losses positive) of ``returns`` (%) at ``probability``."""
    losses = -np.asarray(returns)
    value_at_risk = np.quantile(losses, 1 - probability)
    return float(value_at_risk), float(losses[losses > value_at_risk].mean())


def judge_tail_risk(answer, rng: np.random.Generator) -> None:
    """Days on which falls are larger than rises, so that each mix-up of sign and side gives another number.

    Definitions of a quantile differ by up to one observation on either side; all of them pass.
    """
    for probability in (0.01, 0.025, 0.05):
        returns = _days(rng)
        value_at_risk, shortfall = row_of_numbers(answer(returns.copy(), probability), 2, "N4-1.pair")
        if not np.isfinite([value_at_risk, shortfall]).all():
            raise NotYetError("N4-1.number")
        losses = np.sort(-returns)[::-1]
        if not _is_var(losses, value_at_risk, probability):
            raise NotYetError(_which_var(returns, value_at_risk, probability), found=value_at_risk)
        if not _is_shortfall(losses, shortfall, probability):
            raise NotYetError(_which_shortfall(losses, value_at_risk, shortfall, probability), found=shortfall)


def _days(rng: np.random.Generator) -> np.ndarray:
    """Returns (%) with heavy tails, the heavier one on the side of the losses."""
    surprise = rng.standard_t(4, size=int(rng.integers(400, 1500)))
    return rng.uniform(0.02, 0.1) + rng.uniform(0.8, 1.4) * np.where(surprise < 0, 1.6, 1.0) * surprise


def _around(losses: np.ndarray, probability: float) -> tuple[int, int]:
    """Positions in the falling ``losses`` between which every definition of the quantile lies."""
    expected = losses.size * probability
    return max(math.floor(expected) - 1, 0), math.ceil(expected)


def _is_var(losses: np.ndarray, found: float, probability: float) -> bool:
    high, low = _around(losses, probability)
    return bool(losses[low] - 1e-9 <= found <= losses[high] + 1e-9)


def _is_shortfall(losses: np.ndarray, found: float, probability: float) -> bool:
    high, low = _around(losses, probability)
    return bool(losses[: low + 1].mean() - 1e-9 <= found <= losses[: max(high, 1)].mean() + 1e-9)


def _which_var(returns: np.ndarray, found: float, probability: float) -> str:
    """The hint that fits a wrong value at risk: another sign, another side, another unit, or an assumed shape."""
    losses, gains = np.sort(-returns)[::-1], np.sort(returns)[::-1]
    is_normal = math.isclose(abs(found), abs(_normal_var(returns, probability)), rel_tol=0.002)
    usual = (
        ("N4-1.sign", _is_var(losses, -found, probability)),
        ("N4-1.gain", math.isclose(abs(found), np.quantile(returns, 1 - probability), rel_tol=1e-9)),
        ("N4-1.normal", is_normal),
        ("N4-1.gain", _is_var(gains, abs(found), probability)),
        ("N4-1.percent", abs(found) >= losses[1]),
    )
    return next((hint for hint, fits in usual if fits), "N4-1.quantile")


def _normal_var(returns: np.ndarray, probability: float) -> float:
    return -float(returns.mean() + NormalDist().inv_cdf(probability) * returns.std())


def _which_shortfall(losses: np.ndarray, value_at_risk: float, found: float, probability: float) -> str:
    """The hint that fits a wrong expected shortfall beside a right value at risk."""
    if math.isclose(abs(found), losses[losses > 0].mean(), rel_tol=1e-6):
        return "N4-1.losing"
    if _is_shortfall(losses, -found, probability):
        return "N4-1.sign"
    if _is_shortfall(losses, found + value_at_risk, probability):
        return "N4-1.excess"
    return "N4-1.below" if found < value_at_risk else "N4-1.shortfall"


def volatility(surprises: np.ndarray, start: float, omega: float, alpha: float, beta: float) -> np.ndarray:
    """GARCH(1,1) volatility (%) of each day, from the ``surprises`` (%) of earlier days; ``start`` (%) is that of the
    first day.
    """
    variance = np.empty(len(surprises))
    variance[0] = start**2
    for day in range(1, len(surprises)):
        variance[day] = omega + alpha * surprises[day - 1] ** 2 + beta * variance[day - 1]
    return np.sqrt(variance)


def judge_volatility(answer, rng: np.random.Generator) -> None:
    """Compare on random days; a wrong answer shows what it looks at when the surprise of one day changes."""
    for _ in range(3):
        surprises, parameters = _market(rng)
        found = _volatility(answer, surprises, parameters)
        exact = volatility(surprises, *parameters)
        if np.allclose(found, exact, rtol=1e-6):
            continue
        if np.allclose(found, exact**2, rtol=1e-6):
            raise NotYetError("N4-2.variance")
        _require_yesterday(answer, surprises, parameters, found)
        if not math.isclose(found[0], parameters[0], rel_tol=1e-6):
            raise NotYetError("N4-2.first", found=found[0], exact=parameters[0])
        day = int(np.flatnonzero(~np.isclose(found, exact, rtol=1e-6))[0])
        raise NotYetError("N4-2.formula", day=day, found=found[day], exact=exact[day])


def _market(rng: np.random.Generator) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Surprises (%), and start, omega, alpha and beta of a GARCH whose variance stays finite."""
    alpha = rng.uniform(0.05, 0.15)
    parameters = rng.uniform(0.5, 2), rng.uniform(0.01, 0.05), alpha, rng.uniform(0.7, 0.98 - alpha)
    return rng.standard_t(5, size=int(rng.integers(60, 120))), parameters


def _volatility(answer, surprises: np.ndarray, parameters: tuple) -> np.ndarray:
    """The answer's volatility; raises `NotYetError` unless it is a finite number for each day."""
    found = row_of_numbers(answer(surprises.copy(), *parameters), surprises.size, "N4-2.shape")
    if not np.isfinite(found).all():
        raise NotYetError("N4-2.number")
    return found


def _require_yesterday(answer, surprises: np.ndarray, parameters: tuple, found: np.ndarray) -> None:
    """Change the surprise of one day: the first value that moves must be that of the next day."""
    changed = surprises.copy()
    day = surprises.size // 2
    changed[day] += 5
    moved = np.flatnonzero(~np.isclose(_volatility(answer, changed, parameters), found, rtol=1e-9))
    if moved.size == 0:
        raise NotYetError("N4-2.still")
    if moved[0] < day:
        raise NotYetError("N4-2.whole", day=day, moved=int(moved[0]))
    if moved[0] == day:
        raise NotYetError("N4-2.ahead", day=day)
    if moved[0] > day + 1:
        raise NotYetError("N4-2.late", day=day, moved=int(moved[0]))


def backtest(exceeded: np.ndarray, probability: float) -> tuple[float, float]:
    """P-values of Kupiec's test of coverage at ``probability`` and of Christoffersen's test of independence, for
    ``exceeded`` (true on the days of exceedance).
    """
    days = np.asarray(exceeded, dtype=bool)
    return _p_value(_coverage(days, probability)), _p_value(_independence(days))


def _likelihood(days: np.ndarray, rate: float) -> float:
    """Log-likelihood of exceedances with probability ``rate`` each; 0 ln 0 is 0."""
    hits, quiet = int(days.sum()), int((~days).sum())
    return (hits * math.log(rate) if hits else 0.0) + (quiet * math.log(1 - rate) if quiet else 0.0)


def _best(days: np.ndarray) -> float:
    return _likelihood(days, float(days.mean())) if days.size else 0.0


def _coverage(days: np.ndarray, probability: float) -> float:
    return 2 * (_best(days) - _likelihood(days, probability))


def _two_rates(days: np.ndarray) -> float:
    """Log-likelihood with one rate after quiet days and one after exceedances."""
    before, after = days[:-1], days[1:]
    return _best(after[~before]) + _best(after[before])


def _independence(days: np.ndarray) -> float:
    return 2 * (_two_rates(days) - _best(days[1:]))


def _p_value(statistic: float, freedom: int = 1) -> float:
    """Upper tail of χ² with one or two degrees of freedom."""
    half = max(statistic, 0.0) / 2
    return math.erfc(math.sqrt(half)) if freedom == 1 else math.exp(-half)


def judge_backtest(answer, rng: np.random.Generator) -> None:
    """Series with neighbours, without neighbours, and without any day after an exceedance."""
    for _ in range(2):
        days, probability = _series(rng)
        _judge_series(answer, days, probability, "N4-3.number")
    lonely, probability = _series(rng, spells=0)
    _judge_series(answer, lonely, probability, "N4-3.zero")
    nothing = np.zeros(int(rng.integers(200, 400)), dtype=bool)
    _judge_series(answer, nothing, probability, "N4-3.zero")
    nothing[-1] = True
    _judge_series(answer, nothing, probability, "N4-3.zero")


def _series(rng: np.random.Generator, spells: int = 3) -> tuple[np.ndarray, float]:
    """Days with 8 to 14 lonely exceedances and ``spells`` of two days, and a promised rate that is not theirs."""
    lonely = int(rng.integers(8, 15))
    days = np.zeros(20 * (lonely + spells + 5), dtype=bool)
    places = rng.choice(np.arange(1, days.size // 20), size=lonely + spells, replace=False) * 20
    places = places + rng.integers(0, 15, size=places.size)
    days[places] = True
    days[places[:spells] + 1] = True
    return days, float(days.mean() * rng.uniform(0.3, 0.7))


def _judge_series(answer, days: np.ndarray, probability: float, undefined: str) -> None:
    """Compare both p-values; ``undefined`` is the hint for one that is no number."""
    found = row_of_numbers(answer(days.copy(), probability), 2, "N4-3.pair")
    if not np.isfinite(found).all():
        raise NotYetError(undefined)
    exact = backtest(days, probability)
    if _same(found[0], exact[0]) and _same(found[1], exact[1]):
        return
    if _same(found[0], exact[1]) and _same(found[1], exact[0]):
        raise NotYetError("N4-3.order")
    if not _same(found[0], exact[0]):
        raise NotYetError(_which_coverage(days, probability, found[0]), found=found[0], exact=exact[0])
    raise NotYetError(_which_independence(days, probability, found[1]), found=found[1], exact=exact[1])


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-10)


def _which_coverage(days: np.ndarray, probability: float, found: float) -> str:
    """The hint that fits a wrong p-value of coverage."""
    statistic = _coverage(days, probability)
    at_least = 1 - _binomial_below(int(days.sum()), days.size, probability)
    usual = (*_usual(statistic), ("N4-3.exact", at_least), ("N4-3.exact", 2 * at_least))
    return next((hint for hint, value in usual if _same(found, value)), "N4-3.coverage")


def _which_independence(days: np.ndarray, probability: float, found: float) -> str:
    """The hint that fits a wrong p-value of independence beside a right one of coverage."""
    two, after = _two_rates(days), days[1:]
    promised = 2 * (two - _likelihood(after, probability))
    usual = (
        *_usual(_independence(days)),
        ("N4-3.promise", _p_value(promised)),
        ("N4-3.promise", _p_value(2 * (two - _likelihood(days, probability)))),
        ("N4-3.promise", _p_value(promised, freedom=2)),
        ("N4-3.joint", _p_value(_coverage(days, probability) + _independence(days), freedom=2)),
        ("N4-3.first_day", _p_value(2 * (two - _best(days)))),
        ("N4-3.first_day", _p_value(2 * (two - _likelihood(after, float(days.mean()))))),
    )
    return next((hint for hint, value in usual if _same(found, value)), "N4-3.independence")


def _usual(statistic: float) -> tuple[tuple[str, float], ...]:
    """What is often returned instead of the p-value of a statistic."""
    return (
        ("N4-3.statistic", statistic),
        ("N4-3.factor", _p_value(statistic / 2)),
        ("N4-3.side", 1 - _p_value(statistic)),
        ("N4-3.freedom", _p_value(statistic, freedom=2)),
    )


def _binomial_below(count: int, days: int, rate: float) -> float:
    """Probability of fewer than ``count`` exceedances."""
    return sum(math.comb(days, one) * rate**one * (1 - rate) ** (days - one) for one in range(count))


EXERCISES = {
    "N4-1": Exercise(tail_risk, judge_tail_risk),
    "N4-2": Exercise(volatility, judge_volatility),
    "N4-3": Exercise(backtest, judge_backtest),
}
