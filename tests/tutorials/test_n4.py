"""Lesson N4: its judges know right from wrong however it is written, its forecasts know only the days before, and its
numbers hold for other draws.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np
import pytest
from werkbank_lessons.checks import check
from werkbank_lessons.exercises.n4 import backtest, tail_risk, volatility
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.catalogue import read_expected
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, judged, odd_answers, wrong_cells

pytest.importorskip("arch", reason="the extras of N4 are not here")
import arch
from scipy.special import xlogy
from scipy.stats import binomtest, chi2

EXERCISES = ["N4-1", "N4-2", "N4-3"]
KNOWN = {"xlogy": xlogy, "chi2": chi2}


def run(names, cell, **replaced):
    """What a cell of the lesson prints, with some of its text replaced."""
    text = cell.text
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    said = io.StringIO()
    with redirect_stdout(said):
        exec(compile(text, cell.lid, "exec"), names)
    return said.getvalue()


@pytest.fixture(scope="module")
def lesson():
    """The names of the solved lesson after it has run once without its figures, and its cells by id."""
    cells = {cell.lid: cell for cell in variants.solved(lesson_cells("N4", "en")) if cell.kind == "code"}
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WERKBANK_LANGUAGE", "en")
        for cell in cells.values():
            if "figure" not in cell.tags:
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
    return -returns.mean() + 2.326 * deviation if probability == 0.01 else np.nan, 2.665 * deviation


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


@pytest.mark.parametrize("ex_id", EXERCISES)
@pytest.mark.parametrize("odd", odd_answers())
def test_no_answer_stops_the_lesson(ex_id, odd, capsys):
    check(ex_id, odd)
    said = capsys.readouterr().out
    assert f"◔ {ex_id}: not yet." in said
    if callable(odd) and odd.__name__ != "<lambda>":
        return
    assert tr("check.unexpected", problem="").split("(")[0] not in said


@pytest.mark.parametrize("ex_id", EXERCISES)
def test_an_answer_that_writes_in_its_input_cannot_mislead_the_judge(ex_id):
    reference = {"N4-1": tail_risk, "N4-2": volatility, "N4-3": backtest}[ex_id]

    def careless(first, *rest):
        found = reference(first, *rest)
        first[:] = first[0]
        return found

    assert judged(ex_id, careless, 1) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_reference_volatility_is_the_one_of_arch(seed):
    returns = np.random.default_rng(seed).standard_t(5, size=400)
    fixed = arch.arch_model(returns, mean="Zero", vol="GARCH").fix([0.02, 0.1, 0.88])
    found = volatility(returns, fixed.conditional_volatility[0], 0.02, 0.1, 0.88)
    assert found == pytest.approx(fixed.conditional_volatility, rel=1e-10)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_reference_shortfall_is_the_mean_of_the_tail_that_theory_gives(seed):
    value_at_risk, shortfall = tail_risk(np.random.default_rng(seed).normal(size=400_000), 0.01)
    assert (value_at_risk, shortfall) == pytest.approx((2.326, 2.665), abs=0.03)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_right_model_passes_its_backtest_and_one_that_looks_ahead_seems_far_too_good(seed):
    """Days made by a GARCH with normal surprises, of which everything is known."""
    rng = np.random.default_rng(seed)
    returns = arch.arch_model(None, mean="Zero", vol="GARCH", rescale=False)
    made = returns.simulate([0.02, 0.1, 0.88], 6000, initial_value_vol=1.0)["data"].to_numpy()
    made = made if seed is None else _made(rng)
    sigma = volatility(made, 1.0, 0.02, 0.1, 0.88)
    exceeded = -made > 2.326 * sigma
    assert min(backtest(exceeded, 0.01)) > 0.005
    assert 0.4 * exceeded[:-1].sum() > (-made[:-1] > 2.326 * sigma[1:]).sum()


def test_the_split_keeps_the_last_499_days_out_of_what_is_fitted(lesson):
    names, _ = lesson
    assert names["fitted"].fit_stop == len(names["training"])
    assert len(names["returns"]) == len(names["training"]) + 499
    assert names["training"].index[-1] < names["test"].index[0]


@pytest.mark.parametrize("day", [1500, 3000, 4900])
def test_no_forecast_of_the_long_run_knows_the_day_it_is_for(lesson, day):
    names, _ = lesson
    past = dict(names)
    changed = names["returns"].copy()
    changed.iloc[day] = -9.0
    window = slice(day - 1000 - 63, day + 64)
    moved = {}
    for version, returns in (("was", names["returns"]), ("is", changed)):
        past["returns"] = returns.iloc[window]
        exec("found = rolling(1, 'skewt')", _with_rolling(past))
        moved[version] = past["found"]
    differ = np.flatnonzero(~np.isclose(moved["was"], moved["is"]).all(axis=1))
    assert differ[0] == 63 + 1
