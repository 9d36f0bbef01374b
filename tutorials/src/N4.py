# %% [markdown] lid="title"
# # {{title}}
#
# **For** students, researchers and engineers who make forecasts and have to say how far to trust them; no knowledge of finance needed. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network, no earlier lesson. It helps if you have met `numpy` and know what a quantile and a p-value are.
#
# **Why here.** Among the fields in which the Netherlands is already strong, the government's letter on this facility counts “{{claim.financial-technology.quote}}” (*{{claim.financial-technology.en}}*). A model that says how much money can be lost is a good place to learn what such fields have in common: somebody will rely on it, so somebody has to test it.
#
# This lesson is about testing forecasts. It is no investment advice, and past losses promise nothing about later ones. Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from arch import arch_model
from arch.data import sp500
from scipy.special import xlogy
from scipy.stats import binom, chi2, norm
from scipy.stats import t as student

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()
PROBABILITY = 0.01

# %% [markdown] lid="loss-text" minutes=10
# ## 1 · A loss is a positive number ({{section.minutes}} min)
#
# Our portfolio follows the S&P 500, an index of five hundred large American companies, without dividends and costs. The package `arch` carries its daily closing prices from 1999 to 2018. From prices $P$ come returns $r_t = 100 \ln(P_t / P_{t-1})$, in per cent; for days like these that is nearly the percentage by which the value changes.
#
# **About the data.** The documentation of `arch` calls them “the S&P 500 data used in the examples”. It says neither where the prices come from nor under which terms; the package itself has the NCSA licence. Good enough to learn on. For work that others rely on, take prices of which you know both.

# %% lid="loss-data"
prices = sp500.load()["Close"]
returns = 100 * np.log(prices).diff().dropna()
HELD_OUT = 499
training, test = returns.iloc[:-HELD_OUT], returns.iloc[-HELD_OUT:]
for part in (training, test):
    print(f"{part.index[0]:%Y-%m-%d} … {part.index[-1]:%Y-%m-%d}: {len(part)} {tr('N4.line.days')}")

# %% [markdown] lid="loss-exercise"
# We set the last 500 prices aside, which make 499 returns. Nothing below may look at them before it is tested on them.
#
# Two numbers tell how bad a bad day is. **Value at risk** (VaR) at 1 % is the loss that is exceeded on 1 % of the days. **Expected shortfall** (ES) is the mean loss on those days. Both are *losses*: positive when money is lost. Many mistakes with VaR hide in that sentence, because the data are returns.
#
# ### Exercise 1 · try ({{exercise.N4-1}} min)
#
# The function below takes `returns` (an array, in %) and a `probability` such as 0.01, and should give VaR and ES. It looks at the wrong days. Run it and read what the check says; then repair it.
#
# <details><summary>Hint</summary>
#
# Make losses of the returns first: `losses = -returns`. The loss that 1 % of the days exceed is the quantile of the losses at 1 − 0.01.
#
# </details>

# %% lid="loss-start" tags=["exercise"] exercise="N4-1"
def my_tail_risk(returns, probability):
    value_at_risk = np.quantile(returns, 1 - probability)
    shortfall = returns[returns > value_at_risk].mean()
    return value_at_risk, shortfall


# %% lid="loss-solution" tags=["solution"] exercise="N4-1"
def my_tail_risk(returns, probability):
    losses = -returns
    value_at_risk = np.quantile(losses, 1 - probability)
    shortfall = losses[losses > value_at_risk].mean()
    return value_at_risk, shortfall


# %% lid="loss-wrong-sign" tags=["wrong"] exercise="N4-1" hint="N4-1.sign"
def my_tail_risk(returns, probability):
    value_at_risk = np.quantile(returns, probability)
    return value_at_risk, returns[returns < value_at_risk].mean()


# %% lid="loss-wrong-percent" tags=["wrong"] exercise="N4-1" hint="N4-1.percent"
def my_tail_risk(returns, probability):
    value_at_risk = -np.percentile(returns, probability)
    return value_at_risk, -returns[-returns >= value_at_risk].mean()


# %% lid="loss-wrong-excess" tags=["wrong"] exercise="N4-1" hint="N4-1.excess"
def my_tail_risk(returns, probability):
    losses = -returns
    value_at_risk = np.quantile(losses, 1 - probability)
    return value_at_risk, (losses[losses > value_at_risk] - value_at_risk).mean()


# %% lid="loss-wrong-losing" tags=["wrong"] exercise="N4-1" hint="N4-1.losing"
def my_tail_risk(returns, probability):
    losses = -returns
    return np.quantile(losses, 1 - probability), losses[losses > 0].mean()


# %% lid="loss-check" tags=["check"] exercise="N4-1"
check("N4-1", my_tail_risk)

# %% lid="loss-answer"
tail_risk = use("N4-1", my_tail_risk)
historical_var, historical_es = tail_risk(training.to_numpy(), PROBABILITY)
print(f"{tr('N4.line.historical_var')}: {historical_var:.2f} %")
print(f"{tr('N4.line.historical_es')}: {historical_es:.2f} %")
for year in ("2006", "2008"):
    print(f"{tr('N4.line.count_year')} {year}: {(-training[year] > historical_var).sum()}")

# %% [markdown] lid="loss-after"
# Over eighteen years one day in a hundred lost more than {{expected.historical_var}}, and those days lost {{expected.historical_es}} on average. To take quantiles of the past like this is called *historical simulation*.
#
# The last two lines count the days beyond that VaR: {{expected.count_2006}} in 2006, {{expected.count_2008}} in 2008. One number for all days is right on average and wrong nearly always: too high in calm years, too low in the storm.

# %% [markdown] lid="garch-text" minutes=6
# ## 2 · Calm and storm come in spells ({{section.minutes}} min)
#
# Yesterday's return says almost nothing about today's. Its *size* says a lot:

# %% lid="garch-echo"
print(f"{tr('N4.line.echo_return')}: {training.autocorr():.2f}")
print(f"{tr('N4.line.echo_size')}: {training.abs().autocorr():.2f}")

# %% [markdown] lid="garch-model"
# **GARCH(1,1)** puts that in one line. Let $\varepsilon_t = r_t - \mu$ be the surprise of day $t$. Its standard deviation $\sigma_t$, the *volatility*, moves with the last surprise:
#
# $$\sigma^2_{t} = \omega + \alpha\,\varepsilon^2_{t-1} + \beta\,\sigma^2_{t-1}, \qquad r_t = \mu + \sigma_t z_t .$$
#
# For $z_t$ we take Student's $t$ with $\nu$ degrees of freedom, scaled to variance 1: large surprises happen more often than the normal distribution says. `arch` finds the five parameters by maximum likelihood. `last_obs` keeps the last 499 days out of the fit.

# %% lid="garch-fit"
model = arch_model(returns, mean="Constant", vol="GARCH", p=1, q=1, dist="t")
fitted = model.fit(last_obs=len(training), disp="off")
mean, omega, alpha, beta, nu = fitted.params
print(fitted.params.round(3).to_string())
print(f"{tr('N4.line.persistence')}: {alpha + beta:.3f}")
print(f"{tr('N4.line.half_life')}: {np.log(0.5) / np.log(alpha + beta):.0f}")
quantile = float(model.distribution.ppf(PROBABILITY, [nu]))
print(f"{tr('N4.line.quantile')}: {quantile:.2f}")
print(f"{tr('N4.line.quantile_scipy')}: {student.ppf(PROBABILITY, nu):.2f}")

# %% [markdown] lid="garch-after"
# $\alpha + \beta$ is {{expected.persistence}}: after a shock, the variance needs about {{expected.half_life}} trading days to come halfway back. So volatility can be forecast, even where the sign of the next return cannot.
#
# The VaR of a day follows: $\text{VaR}_t = -(\mu + q\,\sigma_t)$, where $q$ is the 1 % quantile of $z$. Here is a trap. $q$ is {{expected.quantile}}, but `scipy.stats.t` gives {{expected.quantile_scipy}}, because *its* $t$ has variance $\nu/(\nu-2)$. If you multiply that by σ, your VaR is too large by a sixth, and your backtest will look splendid.

# %% [markdown] lid="filter-text" minutes=10
# ## 3 · What did you know the evening before? ({{section.minutes}} min)
#
# A forecast for Tuesday may use what was known on Monday evening. That sounds easy. In code, the difference is one index.
#
# ### Exercise 2 · change ({{exercise.N4-2}} min)
#
# The function below turns an array of `surprises` (in %) into a volatility for each day. It **looks ahead**. Change it so that the value of each day uses surprises of *earlier* days only, as in the formula above. The value of the first day is `start`; the parameters are given.
#
# <details><summary>Hint</summary>
#
# In the formula, both terms on the right carry $t-1$. Which day does `surprises[day]` belong to?
#
# </details>

# %% lid="filter-start" tags=["exercise"] exercise="N4-2"
def my_volatility(surprises, start, omega, alpha, beta):
    variance = np.empty(len(surprises))
    variance[0] = start**2
    for day in range(1, len(surprises)):
        variance[day] = omega + alpha * surprises[day] ** 2 + beta * variance[day - 1]
    return np.sqrt(variance)


# %% lid="filter-solution" tags=["solution"] exercise="N4-2"
def my_volatility(surprises, start, omega, alpha, beta):
    variance = np.empty(len(surprises))
    variance[0] = start**2
    for day in range(1, len(surprises)):
        variance[day] = omega + alpha * surprises[day - 1] ** 2 + beta * variance[day - 1]
    return np.sqrt(variance)


# %% lid="filter-wrong-whole" tags=["wrong"] exercise="N4-2" hint="N4-2.whole"
def my_volatility(surprises, start, omega, alpha, beta):
    surprises = surprises - surprises.mean()
    variance = np.empty(len(surprises))
    variance[0] = start**2
    for day in range(1, len(surprises)):
        variance[day] = omega + alpha * surprises[day - 1] ** 2 + beta * variance[day - 1]
    return np.sqrt(variance)


# %% lid="filter-wrong-variance" tags=["wrong"] exercise="N4-2" hint="N4-2.variance"
def my_volatility(surprises, start, omega, alpha, beta):
    variance = np.empty(len(surprises))
    variance[0] = start**2
    for day in range(1, len(surprises)):
        variance[day] = omega + alpha * surprises[day - 1] ** 2 + beta * variance[day - 1]
    return variance


# %% lid="filter-wrong-late" tags=["wrong"] exercise="N4-2" hint="N4-2.late"
def my_volatility(surprises, start, omega, alpha, beta):
    variance = np.full(len(surprises), start**2)
    for day in range(2, len(surprises)):
        variance[day] = omega + alpha * surprises[day - 2] ** 2 + beta * variance[day - 1]
    return np.sqrt(variance)


# %% lid="filter-check" tags=["check"] exercise="N4-2"
check("N4-2", my_volatility)

# %% [markdown] lid="filter-after"
# The check changes one surprise and looks which of your values move. That test needs no knowledge of GARCH: change tomorrow, and see whether today's forecast notices. Use it on any pipeline that claims to forecast.
#
# Now the 499 days. `arch` makes the same forecasts: the row of a day holds the variance for the *next* day, made on the evening of the row. Take the row of the day itself instead, and you have looked ahead. What would that do to a backtest?

# %% lid="filter-answer"
volatility_of = use("N4-2", my_volatility)
start = fitted.conditional_volatility.iloc[0]
volatility = volatility_of((returns - mean).to_numpy(), start, omega, alpha, beta)[-HELD_OUT:]
forecast = fitted.forecast(horizon=1, start=len(training) - 1)
evenings = np.sqrt(forecast.variance["h.1"].to_numpy())
print(f"{tr('N4.line.difference')}: {np.abs(evenings[:-1] - volatility).max():.0e} %")

losses = -test.to_numpy()
value_at_risk = -(mean + quantile * volatility)
exceeded = losses > value_at_risk
peeking = losses > -(mean + quantile * evenings[1:])
print(f"{tr('N4.line.count_fixed')}: {exceeded.sum()}")
print(f"{tr('N4.line.count_peeking')}: {peeking.sum()}")

# %% [markdown] lid="filter-answer-after"
# Honest forecasts are exceeded on {{expected.count_fixed}} days, forecasts that look ahead on {{expected.count_peeking}}. A VaR that knows the loss before it happens rises in time. Nobody notices from the picture, and the backtest is a triumph. **A result that is too good is the first thing to check.**

# %% [markdown] lid="count-text" minutes=7
# ## 4 · Ten, where five were promised ({{section.minutes}} min)
#
# A right 1 % VaR would be exceeded on about 5 of 499 days, but not on exactly 5. If exceedances come independently, each with probability 1 %, their number follows the binomial distribution. How often would a **right** model have ten or more?

# %% lid="count-chance"
count = int(exceeded.sum())
print(f"{tr('N4.line.promised')}: {PROBABILITY * HELD_OUT:.1f}")
print(f"{tr('N4.line.rate_fixed')}: {100 * exceeded.mean():.1f} %")
print(f"{tr('N4.line.chance')}: {binom.sf(count - 1, HELD_OUT, PROBABILITY):.3f}")
print(f"{tr('N4.line.count_250')}: {exceeded[-250:].sum()}")
columns = {tr("N4.line.loss"): losses, "VaR (%)": value_at_risk, tr("N4.line.ratio"): losses / value_at_risk}
print(pd.DataFrame(columns, index=test.index)[exceeded].round(3).to_string())

# %% lid="count-figure" tags=["figure"] alt="N4.figure.alt_luck"
figure, axes = plt.subplots(figsize=(9.5, 4.4), layout="constrained")
numbers = np.arange(0, 23)
for rate, colour, shift in ((0.01, "blue", -0.2), (0.02, "vermilion", 0.2)):
    chance = 100 * binom.pmf(numbers, HELD_OUT, rate)
    axes.bar(numbers + shift, chance, width=0.4, color=OKABE_ITO[colour])
axes.text(2.3, 16, tr("N4.figure.right"), color=OKABE_ITO["blue"], ha="right", fontweight="bold")
axes.text(12.7, 11.2, tr("N4.figure.double"), color=OKABE_ITO["vermilion"], fontweight="bold")
axes.axvline(count, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), zorder=0)
axes.text(count + 0.3, 19.4, tr("N4.figure.ours", count=count), color=INK, va="top")
axes.set(xlim=(-3.5, 22.5), ylim=(0, 20), xlabel=tr("N4.figure.exceedances"), ylabel=tr("N4.figure.chance"))
axes.set_title(tr("N4.figure.luck_title"))
show(figure, tr("N4.figure.alt_luck"))

# %% [markdown] lid="count-after"
# With a probability of {{expected.chance}} a right model has ten or more. That is unlikely, not impossible. And look at the last column of the table: on 8 February 2018 the loss was only 1.005 times the VaR. A hair's breadth less, and the count would be nine.
#
# Supervisors of banks count too. In 250 days four exceedances at most are *green*, five to nine *yellow*, ten or more *red* (Basel Committee 1996). Our last 250 days have {{expected.count_250}}: yellow.
#
# The figure shows what makes this hard. The blue and the orange bars overlap: with 499 days, a right model and one that is wrong by a factor of two can look alike. **Rare events need long tests.**

# %% [markdown] lid="backtest-text" minutes=12
# ## 5 · Luck, or failure? ({{section.minutes}} min)
#
# Two tests are standard; both compare two explanations by their likelihood. Let $n$ days have $x$ exceedances. If each day exceeds with probability $q$, the log-likelihood is
#
# $$\ell(x, n; q) = x \ln q + (n - x) \ln(1 - q).$$
#
# - **Coverage** (Kupiec 1995). Is the rate what was promised? $\;2\,[\ell(x, n; x/n) - \ell(x, n; p)]$ for a promised $p$.
# - **Independence** (Christoffersen 1998). Does an exceedance make one *the next day* more likely? Take the days from the second on. $x_0$ exceedances in the $n_0$ of them after a quiet day, $x_1$ in the $n_1$ after an exceedance: are two rates better than one? $\;2\,[\ell(x_0, n_0; x_0/n_0) + \ell(x_1, n_1; x_1/n_1) - \ell(x_0 + x_1, n_0 + n_1; \tfrac{x_0+x_1}{n_0+n_1})]$
#
# If there is nothing wrong, each of these follows a χ² distribution with one degree of freedom, roughly. The p-value is the probability of at least this much.
#
# ### Exercise 3 · transfer ({{exercise.N4-3}} min)
#
# Write a function that returns the p-values of both tests, coverage first. `exceeded` is an array of `True` and `False`, `probability` the promised $p$. When no day follows an exceedance, that part of the sum is 0.
#
# <details><summary>Hint</summary>
#
# `xlogy(x, q)` is $x \ln q$, and 0 when $x$ is 0, where `x * np.log(q)` would give `nan`. `chi2.sf(value, 1)` is the probability of at least `value`. `exceeded[1:]` are the days from the second on, `exceeded[:-1]` the days before them: `exceeded[1:][exceeded[:-1]]` are those after an exceedance.
#
# </details>

# %% lid="backtest-start" tags=["exercise"] exercise="N4-3"
def my_backtest(exceeded, probability):
    def likelihood(days, rate):
        return xlogy(days.sum(), rate) + xlogy((~days).sum(), 1 - rate)

    ...


# %% lid="backtest-solution" tags=["solution"] exercise="N4-3"
def my_backtest(exceeded, probability):
    def likelihood(days, rate):
        return xlogy(days.sum(), rate) + xlogy((~days).sum(), 1 - rate)

    def best(days):
        return likelihood(days, days.mean()) if days.size else 0.0

    before, after = exceeded[:-1], exceeded[1:]
    coverage = 2 * (best(exceeded) - likelihood(exceeded, probability))
    independence = 2 * (best(after[~before]) + best(after[before]) - best(after))
    return chi2.sf(coverage, 1), chi2.sf(independence, 1)


# %% lid="backtest-wrong-half" tags=["wrong"] exercise="N4-3" hint="N4-3.factor"
def my_backtest(exceeded, probability):
    def likelihood(days, rate):
        return xlogy(days.sum(), rate) + xlogy((~days).sum(), 1 - rate)

    def best(days):
        return likelihood(days, days.mean()) if days.size else 0.0

    before, after = exceeded[:-1], exceeded[1:]
    coverage = best(exceeded) - likelihood(exceeded, probability)
    return chi2.sf(coverage, 1), chi2.sf(best(after[~before]) + best(after[before]) - best(after), 1)


# %% lid="backtest-wrong-side" tags=["wrong"] exercise="N4-3" hint="N4-3.side"
def my_backtest(exceeded, probability):
    def likelihood(days, rate):
        return xlogy(days.sum(), rate) + xlogy((~days).sum(), 1 - rate)

    def best(days):
        return likelihood(days, days.mean()) if days.size else 0.0

    before, after = exceeded[:-1], exceeded[1:]
    coverage = 2 * (best(exceeded) - likelihood(exceeded, probability))
    independence = 2 * (best(after[~before]) + best(after[before]) - best(after))
    return chi2.cdf(coverage, 1), chi2.cdf(independence, 1)


# %% lid="backtest-wrong-promise" tags=["wrong"] exercise="N4-3" hint="N4-3.promise"
def my_backtest(exceeded, probability):
    def likelihood(days, rate):
        return xlogy(days.sum(), rate) + xlogy((~days).sum(), 1 - rate)

    def best(days):
        return likelihood(days, days.mean()) if days.size else 0.0

    before, after = exceeded[:-1], exceeded[1:]
    coverage = 2 * (best(exceeded) - likelihood(exceeded, probability))
    independence = 2 * (best(after[~before]) + best(after[before]) - likelihood(after, probability))
    return chi2.sf(coverage, 1), chi2.sf(independence, 1)


# %% lid="backtest-wrong-zero" tags=["wrong"] exercise="N4-3" hint="N4-3.zero"
def my_backtest(exceeded, probability):
    def best(days):
        with np.errstate(all="ignore"):
            rate = days.sum() / np.float64(days.size)
            return days.sum() * np.log(rate) + (~days).sum() * np.log(1 - rate)

    count, days = exceeded.sum(), exceeded.size
    before, after = exceeded[:-1], exceeded[1:]
    promised = count * np.log(probability) + (days - count) * np.log(1 - probability)
    independence = 2 * (best(after[~before]) + best(after[before]) - best(after))
    return chi2.sf(2 * (best(exceeded) - promised), 1), chi2.sf(independence, 1)


# %% lid="backtest-check" tags=["check"] exercise="N4-3"
check("N4-3", my_backtest)

# %% lid="backtest-answer"
backtest = use("N4-3", my_backtest)
coverage, independence = backtest(exceeded, PROBABILITY)
print(f"{tr('N4.line.coverage_fixed')}: {coverage:.3f}")
print(f"{tr('N4.line.independence_fixed')}: {independence:.2f}")
clearly = losses > 1.01 * value_at_risk
print(f"{tr('N4.line.coverage_clearly')}: {backtest(clearly, PROBABILITY)[0]:.3f}")

# %% [markdown] lid="backtest-after"
# The coverage test gives {{expected.coverage_fixed}}: below 5 %, so by the usual convention the VaR **failed its backtest**. There is no sign of clusters ({{expected.independence_fixed}}). The last line leaves out the one day with a hair's breadth: {{expected.coverage_clearly}}, and the VaR has passed. Nothing about the model has changed. Evidence grows bit by bit; only verdicts jump at 5 %.
#
# What can such a test see at all? Try it where you know the truth: many made-up series, in which each day exceeds with a known probability. How often does the test object?

# %% lid="backtest-power"
rng = np.random.default_rng(20)


def share_refused(days, rate, repeats=1000):
    """Share of made-up series for which coverage and independence are below 5 %."""
    p_values = [backtest(rng.random(days) < rate, PROBABILITY) for _ in range(repeats)]
    return (np.array(p_values) < 0.05).mean(axis=0)


for days in (499, 4030):
    for percent in (1, 2):
        refused = share_refused(days, percent / 100)
        print(f"{tr('N4.line.refused', days=days, percent=percent)}: {100 * refused[0]:.0f} %")
        print(f"{tr('N4.line.dependent', days=days, percent=percent)}: {100 * refused[1]:.0f} %")

# %% [markdown] lid="backtest-power-after"
# With 499 days the coverage test refuses a right model in {{expected.refused_499_1}} of the cases (not 5 %: counts are whole numbers, and χ² is only roughly right) and a model that is **wrong by a factor of two** in only {{expected.refused_499_2}}. With 4,030 days it finds such a model nearly always. So the two years can hardly decide; we need more days. The independence test objects to a right model in {{expected.dependent_499_1}}, which is less than it should: with five exceedances there are hardly any neighbours to look at. That it found nothing means little.

# %% [markdown] lid="models-text" minutes=8
# ## 6 · Sixteen years, six models ({{section.minutes}} min)
#
# To get more days without cheating, go through history as it happened: fit on 1,000 days, forecast the next quarter (63 days) one day ahead each, move on, fit again. A **rolling fit** never sees the future either, and it follows a market that changes. That makes 4,030 forecasts, from the end of 2002 to 2018. We take six models, which all promise 1 %:
#
# - **normal**: mean and standard deviation of the last 1,000 days, and nothing else;
# - **historical simulation**: quantile of the last 500 days;
# - **EWMA**: variance as a moving average that forgets 6 % a day, normal (RiskMetrics 1996);
# - **GARCH with t**: ours, refitted;
# - **filtered historical simulation**: the σ of that GARCH, and for $q$ the quantile of its past residuals $z$;
# - **GJR-GARCH with skewed t**: falls move volatility more than rises, and large falls may be more common than large rises.

# %% lid="models-compute"
WINDOW, QUARTER = 1000, 63
LEVELS = PROBABILITY * (np.arange(200) + 0.5) / 200


def rolling(asymmetric, distribution):
    """VaR and ES (%) of each day after the first window: from the distribution, and VaR from past residuals."""
    rows = []
    for first in range(WINDOW, len(returns), QUARTER):
        days = returns.iloc[first - WINDOW : first + QUARTER]
        model = arch_model(days, mean="Constant", vol="GARCH", p=1, o=asymmetric, q=1, dist=distribution)
        fitted = model.fit(last_obs=WINDOW, disp="off")
        shape = fitted.params.iloc[len(fitted.params) - model.distribution.num_params :]
        ahead = fitted.forecast(horizon=1, start=WINDOW - 1)
        mean = ahead.mean["h.1"].to_numpy()[:-1]
        sigma = np.sqrt(ahead.variance["h.1"].to_numpy()[:-1])
        tail = model.distribution.ppf([PROBABILITY, *LEVELS], shape)
        residual = np.quantile(fitted.std_resid.dropna(), PROBABILITY)
        rows.append(-np.column_stack([mean + sigma * tail[0], mean + sigma * tail[1:].mean(), mean + sigma * residual]))
    return np.concatenate(rows)


def shortfall_of(days):
    return tail_risk(days.to_numpy(), PROBABILITY)[1]


garch, skewed = rolling(0, "t"), rolling(1, "skewt")
past = returns.shift(1)
spread = past.rolling(WINDOW).std()
decayed = np.sqrt((past**2).ewm(alpha=0.06, adjust=False).mean())
forecasts = {
    "normal": -(past.rolling(WINDOW).mean() + norm.ppf(PROBABILITY) * spread).to_numpy()[WINDOW:],
    "historical": -past.rolling(500).quantile(PROBABILITY).to_numpy()[WINDOW:],
    "ewma": -(norm.ppf(PROBABILITY) * decayed).to_numpy()[WINDOW:],
    "garch": garch[:, 0],
    "filtered": garch[:, 2],
    "skewed": skewed[:, 0],
}

# %% [markdown] lid="models-table-text"
# `past` is shifted by one day, so that a window ends the evening before: the same care as in section 3, in pandas. For each model you see the exceedances, the p-values of both tests, and the mean VaR: how much money you would have to hold ready.

# %% lid="models-table"
long_losses = -returns.to_numpy()[WINDOW:]
exceedances = {name: long_losses > var for name, var in forecasts.items()}
for name, days in exceedances.items():
    p_values = backtest(days, PROBABILITY)
    print(f"{tr(f'N4.line.long_{name}')}: {days.sum()}")
    print(f"    {100 * days.mean():.2f} % · p {p_values[0]:.4f} {tr('N4.line.coverage')}, {p_values[1]:.4f} "
          f"{tr('N4.line.independence')} · {tr('N4.line.mean_var')} {forecasts[name].mean():.2f} %")

# %% [markdown] lid="models-own-text"
# Stay with our own model for a moment. What do the same 499 days look like with a rolling fit, and with a fit on *all* days, which has seen the test? And what is left of the returns of the training days when $\mu$ is taken off and each is divided by its σ?

# %% lid="models-own"
recent = exceedances["garch"][-HELD_OUT:]
print(f"{tr('N4.line.count_rolling')}: {recent.sum()}")
print(f"{tr('N4.line.coverage_rolling')}: {backtest(recent, PROBABILITY)[0]:.2f}")

whole = model.fit(disp="off")
tail = model.distribution.ppf(PROBABILITY, [whole.params["nu"]])
seen = (-returns > -(whole.params["mu"] + tail * whole.conditional_volatility)).to_numpy()
print(f"{tr('N4.line.count_seen')}: {seen[-HELD_OUT:].sum()}")
print(f"{tr('N4.line.count_seen_all')}: {seen.sum()}")
print(f"{tr('N4.line.coverage_seen_all')}: {backtest(seen, PROBABILITY)[0]:.3f}")

residuals = fitted.std_resid.dropna()
print(f"{tr('N4.line.falls')}: {(residuals < -3).sum()}")
print(f"{tr('N4.line.rises')}: {(residuals > 3).sum()}")

# %% [markdown] lid="models-after"
# - **The 499 days.** Exceedances with the fixed fit {{expected.count_fixed}}, with the rolling fit {{expected.count_rolling}} ($p$ {{expected.coverage_rolling}}: it passes), with the fit that has seen them {{expected.count_seen}}. Do not read a ranking in that: one day more or less is luck, in each of the three.
# - **The 4,030 days.** {{expected.long_garch}} where 40 were promised. A right model would stray so far less than once in a thousand times. **So the failure was real: the two years could not show it, sixteen can.** Even the fit that has seen all days fails in its own data ({{expected.count_seen_all}} of 5,030, $p$ {{expected.coverage_seen_all}}). Refitting is no cure for a wrong shape.
# - **The shape.** Of the standardised residuals {{expected.falls}} lie below −3 and {{expected.rises}} above +3. Student's $t$ is symmetric; this market is not. Filtered historical simulation takes $q$ from the residuals and comes closer ({{expected.long_filtered}}). With asymmetry in the volatility and in the shape it is {{expected.long_skewed}}.

# %% lid="models-figure" tags=["figure"] alt="N4.figure.alt_models"
figure, axes = plt.subplots(figsize=(9.5, 4.6), layout="constrained")
names = list(exceedances)
places = np.arange(len(names))[::-1]
for days, colour, shift, size in ((HELD_OUT, "sky", 0.17, 7), (len(long_losses), "blue", -0.17, 9)):
    low, high = binom.ppf([0.025, 0.975], days, PROBABILITY)
    for place, name in zip(places, names, strict=True):
        axes.plot([100 * low / days, 100 * high / days], [place + shift] * 2, color=LINE, linewidth=9,
                  solid_capstyle="butt", zorder=0)
        rate = 100 * exceedances[name][-days:].mean()
        axes.plot(rate, place + shift, marker="o", markersize=size, color=OKABE_ITO[colour])
    axes.text(0.74, 0.13 + 0.2 * shift, tr("N4.figure.days", days=days), transform=axes.transAxes,
              color=OKABE_ITO[colour], va="center", fontweight="bold")
axes.axvline(100 * PROBABILITY, color=INK, linewidth=1, zorder=0)
axes.text(100 * PROBABILITY + 0.02, 5.62, tr("N4.figure.promised"), color=INK, va="center", fontsize=10)
axes.set_yticks(places, [tr(f"N4.figure.{name}") for name in names])
axes.set_xlim(left=0)
axes.set(ylim=(-0.6, 5.8), xlabel=tr("N4.figure.share"))
axes.set_title(tr("N4.figure.models_title"))
show(figure, tr("N4.figure.alt_models"))

# %% [markdown] lid="models-honest"
# The grey bars hold 95 % of what a right model would show by chance. How far may you go with this?
#
# - **Twelve tests.** Among twelve tests of right models, one false alarm at 5 % is no surprise. But three of these p-values are below one in ten thousand.
# - **The winner was chosen after the race.** GJR-GARCH with skewed $t$ does well on days that we have now seen. A fair test needs days after 2018, and decisions taken before looking at them.
# - **“Passed” is not “right”.** It means: not refused with these days. Even the winner has 499 days in a row with {{expected.worst_window}} exceedances; whoever tested it just then would have thrown it away.
#
# And one old favourite fails both tests. Look at *when* historical simulation fails:

# %% lid="spells-figure" tags=["figure"] alt="N4.figure.alt_spells"
figure, panels = plt.subplots(2, 1, figsize=(10, 6.6), sharex=True, sharey=True, layout="constrained")
days = returns.index[WINDOW:]
for axes, name in zip(panels, ("historical", "skewed"), strict=True):
    hit = exceedances[name]
    axes.vlines(days, 0, np.maximum(long_losses, 0), color=LINE, linewidth=0.7)
    axes.plot(days, forecasts[name], color=OKABE_ITO["blue"], linewidth=1.3)
    axes.scatter(days[hit], long_losses[hit], s=22, color=OKABE_ITO["vermilion"], zorder=3, linewidth=0)
    axes.set(ylim=(0, 16), ylabel=tr("N4.figure.loss"))
    axes.set_title(tr(f"N4.figure.spells_{name}", count=hit.sum()))
panels[0].text(days[1540], 9.1, tr("N4.figure.beyond"), color=OKABE_ITO["vermilion"])
panels[0].text(days[1560], 6.8, tr("N4.figure.var"), color=OKABE_ITO["blue"])
show(figure, tr("N4.figure.alt_spells"))
storm = (days >= "2007-07-01") & (days < "2009-01-01")
print(f"{tr('N4.line.crisis')}: {exceedances['historical'][storm].sum()}")
worst_window = pd.Series(exceedances["skewed"]).rolling(HELD_OUT).sum().max()
print(f"{tr('N4.line.worst_window')}: {worst_window:.0f}")
for name in ("historical", "skewed"):
    print(f"{tr(f'N4.line.var_{name}')}: {forecasts[name].mean():.2f} %")

# %% [markdown] lid="spells-after"
# Of its {{expected.long_historical}} exceedances, {{expected.crisis}} fall between July 2007 and December 2008, often close together: the independence test sees that. Then it stays high for two years, when the storm has long passed. On average it is **dearer** than the model below it ({{expected.var_historical}} against {{expected.var_skewed}}) and protects less. A rate that is right on average is not enough; a VaR has to be there on the day.

# %% [markdown] lid="shortfall-text" minutes=4
# ## 7 · And how bad is it then? ({{section.minutes}} min)
#
# VaR says how often, not how much. Two portfolios with the same VaR can lose 3 % or 30 % on the day beyond it. Therefore the international rules for banks' trading books moved from VaR at 99 % to expected shortfall at 97.5 % (Basel Committee 2019), while their backtest still counts exceedances of VaR.
#
# An ES forecast can be tested too. If it is right, then on days of exceedance the loss divided by the ES forecast is 1 on average. The interval comes from drawing those days again with replacement (*bootstrap*), as if they were independent. The second line of each model takes how often and how bad together: all losses beyond VaR, in units of what the model promised (after Acerbi and Székely 2014).

# %% lid="shortfall"
shortfalls = {
    "historical": past.rolling(500).apply(shortfall_of).to_numpy()[WINDOW:],
    "garch": garch[:, 1],
    "skewed": skewed[:, 1],
}
rng = np.random.default_rng(21)
for name, shortfall in shortfalls.items():
    ratio = (long_losses / shortfall)[exceedances[name]]
    draws = rng.choice(ratio, size=(5000, ratio.size)).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    print(f"{tr(f'N4.line.severity_{name}')}: {ratio.mean():.2f} ({low:.2f} … {high:.2f})")
    print(f"{tr(f'N4.line.total_{name}')}: {ratio.sum() / (PROBABILITY * len(long_losses)):.2f}")

# %% [markdown] lid="shortfall-after"
# Our GARCH with $t$ gets the size right ({{expected.severity_garch}}): its bad days are as bad as it says, they only come too often. Together that makes {{expected.total_garch}} times the promised losses, and {{expected.total_historical}} times for historical simulation. The skewed model comes to {{expected.total_skewed}}. Look at the intervals before you compare the first lines: with forty to sixty days of exceedance, a model whose ES is wrong by a tenth would hardly stand out.

# %% [markdown] lid="cost-text" minutes=1
# ## 8 · What it cost, and what you keep ({{section.minutes}} min)
#
# Two models with 64 fits each, on one series. A bank has thousands of series. No fit needs another, so all of them can be spread over the workers of a cluster (lesson D1) without changing the method.

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - VaR and expected shortfall are losses. Turn the sign once, at the beginning, and say so.
# - A forecast uses what was known the evening before. Change tomorrow and see whether it moves. Looking ahead turned {{expected.count_fixed}} exceedances into {{expected.count_peeking}}.
# - GARCH(1,1) with $t$: {{expected.count_fixed}} exceedances in 499 days where 5 were promised, $p$ {{expected.coverage_fixed}}. By itself that is thin evidence: such a test misses nearly every second model that is wrong by a factor of two.
# - Over 4,030 days it was {{expected.long_garch}} where 40 were promised: failure, not luck. The losses are skewed and Student's $t$ is not.
# - Count, look for clusters, and compare sizes. Say how many models you tried, and which data chose the winner.
#
# ### What next
#
# - Set `PROBABILITY = 0.025` and run sections 6 and 7 again. Which verdicts change, and do you have more evidence now or less? (The text keeps the numbers for 1 %.)
# - Choose another window or another distribution (`dist="ged"`) *before* you look, write down what you expect, then run section 6.
# - Your own forecasts with a promised rate (load on a grid, water levels, waiting times): how many days until a factor of two shows?
# - Lesson D1 puts work like these fits on a cluster.
#
# **Sources.** T. Bollerslev (1987), *A conditionally heteroskedastic time series model for speculative prices and rates of return*, Review of Economics and Statistics 69 · L. R. Glosten, R. Jagannathan, D. E. Runkle (1993), *On the relation between the expected value and the volatility of the nominal excess return on stocks*, Journal of Finance 48 · B. E. Hansen (1994), *Autoregressive conditional density estimation*, International Economic Review 35 · P. H. Kupiec (1995), *Techniques for verifying the accuracy of risk measurement models*, Journal of Derivatives 3 · J.P. Morgan and Reuters (1996), *RiskMetrics technical document* · P. F. Christoffersen (1998), *Evaluating interval forecasts*, International Economic Review 39 · G. Barone-Adesi, K. Giannopoulos, L. Vosper (1999), *VaR without correlations for portfolios of derivative securities*, Journal of Futures Markets 19 · C. Acerbi, B. Székely (2014), *Back-testing expected shortfall*, Risk · Basel Committee on Banking Supervision (1996), *Supervisory framework for the use of “backtesting” in conjunction with the internal models approach to market risk capital requirements*; (2019), *Minimum capital requirements for market risk* · Data: in the package `arch`, which names no source.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Short of time?** Leave out 7.
#
# **Questions that come**
#
# - *Did it fail or not?* With 499 days nobody can say; with 4,030 it did.
# - *Why not simply take the skewed model?* Do, and test it on days that did not choose it.
# - *Where do the prices come from?* The package does not say; the lesson says so.
# - *What should I buy?* No advice here.
