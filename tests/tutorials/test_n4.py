"""Lesson N4: its judges know right from wrong however it is written, its forecasts know only the days before, and its
numbers hold for other draws.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest
from arch import arch_model
from scipy.special import xlogy
from scipy.stats import binomtest, chi2
from werkbank_lessons.exercises.n4 import backtest, tail_risk, volatility

from tutorials.build import variants
from tutorials.build.catalogue import read_expected
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, judged, wrong_cells

EXERCISES = ["N4-1", "N4-2", "N4-3"]
SEEDS = [1, 2, 3]
KNOWN = {"xlogy": xlogy, "chi2": chi2}


def run(names, cell, old="", new=""):
    """What a cell of the lesson prints, with ``old`` in its text replaced."""
    assert old in cell.text
    said = io.StringIO()
    with redirect_stdout(said):
        exec(compile(cell.text.replace(old, new) if old else cell.text, cell.lid, "exec"), names)
    return said.getvalue()


@pytest.fixture(scope="module")
def lesson():
    """The names of the solved lesson after it has run once, without checks and figures, and its cells by id."""
    cells = {cell.lid: cell for cell in variants.solved(lesson_cells("N4", "en")) if cell.kind == "code"}
    names: dict = {}
    for cell in cells.values():
        if cell.role != "check" and "figure" not in cell.tags:
            run(names, cell)
    return names, cells


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("method", ["inverted_cdf", "hazen", "weibull", "median_unbiased", "lower", "higher"])
def test_every_definition_of_a_quantile_passes(method, seed):
    def mine(returns, probability):
        value_at_risk = -np.quantile(returns, probability, method=method)
        return np.array([value_at_risk, -returns[returns <= -value_at_risk].mean()])

    assert judged("N4-1", mine, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_the_worst_days_taken_from_a_sorted_list_pass_too(seed):
    def mine(returns, probability):
        worst = sorted(returns)[: int(len(returns) * probability)]
        return [-worst[-1], -sum(worst) / len(worst)]

    assert judged("N4-1", mine, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_volatility_carried_along_and_one_written_as_a_sum_pass_too(seed):
    def carried(surprises, start, omega, alpha, beta):
        found, variance = [], start * start
        for surprise in surprises:
            found.append(variance**0.5)
            variance = omega + alpha * surprise * surprise + beta * variance
        return found

    def summed(surprises, start, omega, alpha, beta):
        days = np.arange(len(surprises))
        weights = np.tril(beta ** np.maximum(days[:, np.newaxis] - 1 - days, 0), -1)
        return np.sqrt(beta**days * start**2 + weights @ (omega + alpha * surprises**2))

    assert judged("N4-2", carried, seed) is None
    assert judged("N4-2", summed, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_backtest_written_with_counts_passes_too(seed):
    def mine(exceeded, probability):
        days = exceeded.astype(int)
        pairs = np.zeros((2, 2))
        np.add.at(pairs, (days[:-1], days[1:]), 1)
        hits, quiet = days.sum(), len(days) - days.sum()
        share = hits / len(days)
        coverage = xlogy(hits, share / probability) + xlogy(quiet, (1 - share) / (1 - probability))
        rows = pairs / np.maximum(pairs.sum(axis=1, keepdims=True), 1)
        both = pairs.sum(axis=0) / pairs.sum()
        independence = xlogy(pairs, rows).sum() - xlogy(pairs, both).sum()
        return chi2.sf([2 * coverage, 2 * independence], df=1).tolist()

    assert judged("N4-3", mine, seed) is None


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("cell", wrong_cells("N4"))
def test_every_wrong_answer_gets_its_own_hint(cell, seed):
    assert judged(cell.exercise, answer_of(cell, **KNOWN), seed) == cell.more["hint"]


def on_all_days(surprises, start, omega, alpha, beta):
    return volatility(surprises, surprises.std(), omega, alpha, beta)


def at_the_long_run(surprises, start, omega, alpha, beta):
    return volatility(surprises, (omega / (1 - alpha - beta)) ** 0.5, omega, alpha, beta)


def swapped(surprises, start, omega, alpha, beta):
    return volatility(surprises, start, omega, beta, alpha)


def not_squared(surprises, start, omega, alpha, beta):
    return volatility(np.sqrt(np.abs(surprises)), start, omega, alpha, beta)


def normal(returns, probability):
    deviation = returns.std(ddof=1)
    return 2.3263 * deviation - returns.mean(), 2.665 * deviation


def exact(exceeded, probability):
    test = binomtest(int(exceeded.sum()), exceeded.size, probability, alternative="greater")
    return test.pvalue, backtest(exceeded, probability)[1]


def statistics(exceeded, probability):
    return tuple(chi2.isf(backtest(exceeded, probability), 1))


def two_degrees(exceeded, probability):
    return tuple(chi2.sf(chi2.isf(backtest(exceeded, probability), 1), 2))


def jointly(exceeded, probability):
    coverage = backtest(exceeded, probability)
    return coverage[0], chi2.sf(chi2.isf(coverage, 1).sum(), 2)


def with_first_day(exceeded, probability):
    def best(days):
        rate = days.mean() if days.size else 0
        return xlogy(days.sum(), rate) + xlogy((~days).sum(), 1 - rate)

    before, after = exceeded[:-1], exceeded[1:]
    statistic = 2 * (best(after[before]) + best(after[~before]) - best(exceeded))
    return backtest(exceeded, probability)[0], chi2.sf(statistic, 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("N4-1", lambda returns, p: tail_risk(-returns, p), "N4-1.gain"),
        ("N4-1", lambda returns, p: (-tail_risk(-returns, p)[0], 1.0), "N4-1.gain"),
        ("N4-1", normal, "N4-1.normal"),
        ("N4-1", lambda returns, p: (1.3 * tail_risk(returns, p)[0], 9.0), "N4-1.quantile"),
        ("N4-1", lambda returns, p: (tail_risk(returns, p)[0], -tail_risk(returns, p)[1]), "N4-1.sign"),
        ("N4-1", lambda returns, p: (tail_risk(returns, p)[0], 0.01), "N4-1.below"),
        ("N4-1", lambda returns, p: (tail_risk(returns, p)[0], 999.0), "N4-1.shortfall"),
        ("N4-1", lambda returns, p: (tail_risk(returns, p)[0], np.nan), "N4-1.number"),
        ("N4-1", lambda returns, p: tail_risk(returns, p)[0], "N4-1.pair"),
        ("N4-2", on_all_days, "N4-2.whole"),
        ("N4-2", at_the_long_run, "N4-2.first"),
        ("N4-2", swapped, "N4-2.formula"),
        ("N4-2", not_squared, "N4-2.formula"),
        ("N4-2", lambda surprises, start, *rest: np.full(surprises.size, start), "N4-2.still"),
        ("N4-2", lambda surprises, *rest: volatility(surprises, *rest)[1:], "N4-2.shape"),
        ("N4-2", lambda surprises, *rest: volatility(surprises, *rest) * np.nan, "N4-2.number"),
        ("N4-3", lambda exceeded, p: backtest(exceeded, p)[::-1], "N4-3.order"),
        ("N4-3", lambda exceeded, p: backtest(exceeded, p)[0], "N4-3.pair"),
        ("N4-3", lambda exceeded, p: (np.nan, np.nan), "N4-3.number"),
        ("N4-3", lambda exceeded, p: (0.5, 0.5), "N4-3.coverage"),
        ("N4-3", lambda exceeded, p: (backtest(exceeded, p)[0], 0.5), "N4-3.independence"),
        ("N4-3", exact, "N4-3.exact"),
        ("N4-3", statistics, "N4-3.statistic"),
        ("N4-3", two_degrees, "N4-3.freedom"),
        ("N4-3", jointly, "N4-3.joint"),
        ("N4-3", with_first_day, "N4-3.first_day"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_without_the_libraries_of_its_extras_the_judges_can_still_be_imported():
    code = "import sys; sys.modules.update(dict.fromkeys(['arch', 'scipy', 'statsmodels', 'pandas'])); import {}"
    subprocess.run([sys.executable, "-c", code.format("werkbank_lessons.exercises.n4")], check=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference_volatility_is_the_one_of_arch(seed):
    returns = np.random.default_rng(seed).standard_t(5, size=400)
    fixed = arch_model(returns, mean="Zero", vol="GARCH").fix([0.02, 0.1, 0.88])
    found = volatility(returns, fixed.conditional_volatility[0], 0.02, 0.1, 0.88)
    assert found == pytest.approx(fixed.conditional_volatility, rel=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference_of_tail_risk_is_what_theory_gives(seed):
    found = tail_risk(np.random.default_rng(seed).normal(size=400_000), 0.01)
    assert found == pytest.approx((2.326, 2.665), abs=0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_right_model_passes_and_one_that_looks_ahead_seems_far_too_good(seed):
    """Days made by a GARCH of which everything is known."""
    surprises = np.random.default_rng(seed).normal(size=8000)
    returns, sigma = np.empty(8000), 1.0
    for day, surprise in enumerate(surprises):
        returns[day] = sigma * surprise
        sigma = (0.02 + 0.1 * returns[day] ** 2 + 0.88 * sigma**2) ** 0.5
    known = volatility(returns, 1.0, 0.02, 0.1, 0.88)
    exceeded = -returns > 2.326 * known
    assert min(backtest(exceeded, 0.01)) > 0.01
    assert (-returns[:-1] > 2.326 * known[1:]).sum() < exceeded.sum() / 2


def test_nothing_is_fitted_on_the_days_that_are_held_out(lesson):
    names, _ = lesson
    assert names["training"].index[-1] < names["test"].index[0]
    alone = arch_model(names["training"], mean="Constant", vol="GARCH", dist="t").fit(disp="off")
    assert names["fitted"].params.to_numpy() == pytest.approx(alone.params.to_numpy(), rel=1e-3)


def test_no_forecast_of_the_rolling_fits_knows_the_day_that_it_is_for(lesson, monkeypatch):
    names, _ = lesson
    part = names["returns"].iloc[:1126]
    changed = part.copy()
    changed.iloc[1030] = -9.0
    rows = []
    for returns in (part, changed):
        monkeypatch.setitem(names, "returns", returns)
        rows.append(names["rolling"](1, "skewt"))
    assert rows[0].shape == (126, 3)
    moved = np.flatnonzero(~np.isclose(rows[0], rows[1], rtol=1e-9).all(axis=1))
    assert moved[0] == 31


@pytest.mark.parametrize("place", [0, 999, 4029])
def test_the_simple_models_use_the_days_up_to_the_evening_before(lesson, place):
    names, _ = lesson
    before = names["returns"].to_numpy()[: 1000 + place]
    decay = 0.94 ** np.arange(before.size)[::-1]
    wanted = {
        "normal": 2.3263 * before[-1000:].std(ddof=1) - before[-1000:].mean(),
        "historical": -np.quantile(before[-500:], 0.01),
        "ewma": 2.3263 * (decay @ before**2 / decay.sum()) ** 0.5,
    }
    for name, value in wanted.items():
        assert names["forecasts"][name][place] == pytest.approx(value, rel=1e-3), name


def kept(text):
    """The promised numbers that ``text`` prints, each within its tolerance; their names."""
    found = set()
    for name, number in read_expected("N4").items():
        for line in re.findall(rf"(?m)^{re.escape(number.label.en)}: (-?[\d.]+)", text):
            assert float(line) == pytest.approx(number.value, abs=number.tolerance + 1e-9), name
            found.add(name)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_drawn_by_chance_holds_for_other_draws(lesson, seed):
    names, cells = lesson
    drawn = run(dict(names), cells["backtest-power"], "default_rng(20)", f"default_rng({seed})")
    assert len(kept(drawn)) == 5
    severity = run(dict(names), cells["shortfall"], "default_rng(21)", f"default_rng({seed})")
    assert len(kept(severity)) == 6
    intervals = re.findall(r"\((\S+) … (\S+)\)", severity)
    assert len(intervals) == 3
    assert all(float(low) <= 1.02 and 1.05 <= float(high) <= 1.25 for low, high in intervals)


def test_the_verdicts_are_those_of_the_text(lesson):
    names, _ = lesson
    p_values = {name: names["backtest"](days, 0.01) for name, days in names["exceedances"].items()}
    assert sum(one < 1e-4 for pair in p_values.values() for one in pair) == 3
    assert max(p_values["historical"]) < 0.05
    assert p_values["garch"][0] < 1e-3
    assert min(p_values["filtered"][0], p_values["skewed"][0]) > 0.05
    recent = {name: 100 * days[-499:].mean() for name, days in names["exceedances"].items()}
    assert [name for name, share in recent.items() if share > 100 * 10 / 499] == ["normal", "ewma"]
    assert [round(recent[name], 1) for name in ("normal", "ewma")] == [3.6, 2.4]


def test_with_fits_once_a_year_the_story_is_the_same(lesson, monkeypatch):
    names, _ = lesson
    monkeypatch.setitem(names, "QUARTER", 252)
    symmetric, skewed = (names["rolling"](*kind)[:, 0] for kind in ((0, "t"), (1, "skewt")))
    assert backtest(names["long_losses"] > symmetric, 0.01)[0] < 0.01
    assert backtest(names["long_losses"] > skewed, 0.01)[0] > 0.05
