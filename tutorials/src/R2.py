# %% [markdown] lid="title"
# # {{title}}
#
# **For** everybody who computes, or decides about computing. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook, a little Python, and about {{memory}} GB of memory; no GPU, no network, no earlier lesson.
#
# **Why here.** The government's letter on an AI facility promises to take its side effects into account: “{{claim.side-effects.quote}}” (*{{claim.side-effects.en}}*). A promise like that is kept run by run, by people who know what a run costs.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import logging
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.energy import Meter
from werkbank_lessons.figures import INK, LINE, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="factors-text" minutes=10
# ## 1 · From a chip to a building ({{section.minutes}} min)
#
# A watt is a speed: energy per second. A 700 W device takes 0.7 **kWh** in an hour. From the energy of computers (IT) to what a run costs outside the machine room it takes four factors:
#
# | factor | means | multiplies |
# |---|---|---|
# | **PUE**, power usage effectiveness | energy of the whole building ÷ energy of its IT; 1 would be perfect | kWh of IT → kWh of the building |
# | **carbon intensity** | grams of CO₂e per kWh of electricity | kWh of the *building* → grams |
# | **WUE**, water usage effectiveness | litres of water per kWh of IT | kWh of *IT* → litres |
# | **ERF**, energy reuse factor | share of the building's energy that is reused outside it as heat, 0 to 1 | kWh of the *building* → kWh of heat |
#
# Mind the third row: by its definition the water is counted per kWh of IT, not of the building.
#
# ### Exercise 1 · try ({{exercise.R2-1}} min)
#
# The function below makes the four conversions, with two mistakes that often appear in reports. Run it, read what the check says, and repair it. `carbon` is in grams per kWh.
#
# <details><summary>Hint</summary>
#
# Go through the right-hand column of the table, and look for each line which kWh it takes.
#
# </details>

# %% lid="factors-start" tags=["exercise"] exercise="R2-1"
def my_footprint(it_kwh, pue, wue, erf, carbon):
    site_kwh = it_kwh * pue
    return {
        "site_kwh": site_kwh,
        "co2_g": it_kwh * carbon,
        "water_l": site_kwh * wue,
        "heat_kwh": site_kwh * erf,
    }


# %% lid="factors-solution" tags=["solution"] exercise="R2-1"
def my_footprint(it_kwh, pue, wue, erf, carbon):
    site_kwh = it_kwh * pue
    return {
        "site_kwh": site_kwh,
        "co2_g": site_kwh * carbon,
        "water_l": it_kwh * wue,
        "heat_kwh": site_kwh * erf,
    }


# %% lid="factors-wrong-water" tags=["wrong"] exercise="R2-1" hint="R2-1.water"
def my_footprint(it_kwh, pue, wue, erf, carbon):
    site = it_kwh * pue
    return {"site_kwh": site, "co2_g": site * carbon, "water_l": site * wue, "heat_kwh": site * erf}


# %% lid="factors-wrong-sum" tags=["wrong"] exercise="R2-1" hint="R2-1.site"
def my_footprint(it_kwh, pue, wue, erf, carbon):
    site = it_kwh + pue
    return {"site_kwh": site, "co2_g": site * carbon, "water_l": it_kwh * wue, "heat_kwh": site * erf}


# %% lid="factors-wrong-heat" tags=["wrong"] exercise="R2-1" hint="R2-1.heat"
def my_footprint(it_kwh, pue, wue, erf, carbon):
    site = it_kwh * pue
    return {"site_kwh": site, "co2_g": site * carbon, "water_l": it_kwh * wue, "heat_kwh": it_kwh * erf}


# %% lid="factors-wrong-minus" tags=["wrong"] exercise="R2-1" hint="R2-1.credit"
def my_footprint(it_kwh, pue, wue, erf, carbon):
    site = it_kwh * pue
    heat = site * erf
    return {"site_kwh": site, "co2_g": (site - heat) * carbon, "water_l": it_kwh * wue, "heat_kwh": heat}


# %% lid="factors-check" tags=["check"] exercise="R2-1"
check("R2-1", my_footprint)

# %% [markdown] lid="factors-after"
# Now one large GPU, rated at 700 W, busy for a day. The factors of the building are those of an **imaginary** facility; ask yours for its own, with year and source (JupyterLab's panel *GPUs and queue* shows them where they were reported). The carbon intensities are those of the electricity made in a country in 2023, as the package `codecarbon` lists them.

# %% lid="factors-answer"
footprint = use("R2-1", my_footprint)
PUE, WUE, ERF = 1.3, 0.4, 0.2
CARBON = {"SE": 40.7, "FR": 56.0, "NL": 267.6, "DE": 381.0, "PL": 661.9}

day = footprint(0.7 * 24, PUE, WUE, ERF, CARBON["NL"])
shower_kwh = 4.186 * (38 - 10) / 3600  # a litre from 10 to 38 °C, at 4.186 kJ per kg and K
print(f"{tr('R2.line.site')}: {day['site_kwh']:.1f} kWh")
print(f"{tr('R2.line.co2')}: {day['co2_g'] / 1000:.1f} kg")
print(f"{tr('R2.line.water')}: {day['water_l']:.1f} l")
print(f"{tr('R2.line.heat')}: {day['heat_kwh']:.1f} kWh")
print(f"{tr('R2.line.shower')}: {day['heat_kwh'] / shower_kwh:.0f} l")
for country, carbon in CARBON.items():
    print(f"  {country} {footprint(0.7 * 24, PUE, WUE, ERF, carbon)['co2_g'] / 1000:6.1f} kg")

# %% [markdown] lid="factors-honest"
# So a day of one GPU is {{expected.site}} in the building, {{expected.co2}} of CO₂e on Dutch electricity, {{expected.water}} of water, and {{expected.heat}} of reused heat: enough to warm {{expected.shower}} of water from 10 to 38 °C, if nothing gets lost on the way.
#
# Four things to keep in mind:
#
# - **700 W is a rating**, an upper bound for a busy device, and not a measurement.
# - **Reused heat is told beside the CO₂, not subtracted from it.** Whoever burns less gas for it counts that saving; twice is once too many. And data centres give lukewarm heat, which often needs a heat pump.
# - **Missing is not zero.** A WUE of 0 in a tool may mean that nobody filled it in.
# - **Left out**: the processors, memory and disks around the GPU, the network, and the making of the hardware. Say so where you give such a number.

# %% [markdown] lid="measure-text" minutes=4
# ## 2 · Measure a cell ({{section.minutes}} min)
#
# A `Meter` stands around a piece of work. Some processors have energy counters, and some machines let you read them; then it measures, but the whole processor, with everybody who uses it at that moment. Elsewhere it **estimates**: the CPU seconds of this kernel, times the watts of one core. It says which:

# %% lid="measure-first"
with Meter() as meter:
    np.linalg.svd(np.random.default_rng(1).normal(size=(400, 400)))

kind = tr("R2.line.measured" if meter.measured else "R2.line.estimated")
print(meter.sentence())
print(f"{meter.cpu_seconds:.2f} s, {1000 * meter.wh:.3f} mWh ({kind})")

# %% [markdown] lid="measure-second-text"
# Would somebody else say the same? `codecarbon` is a package that does this work with more care, and in many more places. Where it is installed, it gives a second opinion on the same piece of work. Expect another number, perhaps ten times ours: it counts memory and its own start and stop too, and makes other assumptions about the processor. That two honest estimates differ so much is good to know before you quote one with three digits.

# %% lid="measure-second"
def second_opinion(work):
    """Wh according to codecarbon, None where it is not installed."""
    if find_spec("codecarbon") is None:
        return None
    from codecarbon import OfflineEmissionsTracker

    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    tracker = OfflineEmissionsTracker(
        country_iso_code="NLD", tracking_mode="process", output_methods=[], allow_multiple_runs=True, log_level="critical"
    )
    tracker.start()
    work()
    tracker.stop()
    return 1000 * tracker.final_emissions_data.energy_consumed


opinion = second_opinion(lambda: np.linalg.svd(np.random.default_rng(1).normal(size=(400, 400))))
print(tr("R2.line.no_codecarbon") if opinion is None else f"codecarbon: {1000 * opinion:.3f} mWh")

# %% [markdown] lid="cheaper-text" minutes=12
# ## 3 · The same answer, for less ({{section.minutes}} min)
#
# Two classes of points that overlap, and a model that learns to tell them apart: logistic regression, the smallest neural network there is. It learns in *epochs*: each looks at all examples and improves the weights a little.

# %% lid="cheaper-data"
rng = np.random.default_rng(2025)
FEATURES = 20
direction = rng.normal(size=FEATURES)
direction *= 1.2 / np.linalg.norm(direction)


def draw(count):
    """Points (count × features, the first feature is 1) and their classes, 0 or 1."""
    classes = rng.integers(0, 2, count)
    points = rng.normal(size=(count, FEATURES)) + np.outer(2 * classes - 1, direction)
    return np.column_stack([np.ones(count), points]), classes


(train_x, train_y), (check_x, check_y), (test_x, test_y) = draw(4000), draw(2000), draw(20000)


def accuracy(weights, x, y):
    return np.mean((x @ weights > 0) == y)


# %% [markdown] lid="cheaper-ways-text"
# The first way is how one might write it down on paper: example by example. The second does the same arithmetic on the whole table at once. The third looks at a quarter of the examples.

# %% lid="cheaper-ways"
EPOCHS, RATE = 200, 0.05


def gradient_by_row(weights, x, y):
    total = np.zeros(x.shape[1])
    for row, label in zip(x, y):
        total += (1 / (1 + np.exp(-(row @ weights))) - label) * row
    return total / len(y)


def gradient(weights, x, y):
    return x.T @ (1 / (1 + np.exp(-(x @ weights))) - y) / len(y)


def train(x, y, slope, epochs=EPOCHS):
    weights = np.zeros(x.shape[1])
    for _ in range(epochs):
        weights -= RATE * slope(weights, x, y)
    return weights


ways = {
    "rows": lambda: train(train_x, train_y, gradient_by_row),
    "table": lambda: train(train_x, train_y, gradient),
    "fewer": lambda: train(train_x[:1000], train_y[:1000], gradient),
}
results = {}
for name, way in ways.items():
    with Meter() as meter:
        weights = way()
    results[name] = meter.wh, accuracy(weights, test_x, test_y)
    print(f"{tr(f'R2.line.{name}')}: {100 * results[name][1]:.1f} % · {1000 * meter.wh:.4f} mWh ({kind})")

# %% [markdown] lid="cheaper-exercise"
# The first two find the same weights and have {{expected.rows}} right; only the electricity differs. A quarter of the examples gives up next to nothing here.
#
# What is left to save? Look at how long we train. `EPOCHS` was somebody's guess, and nobody looked whether the model still improved.
#
# ### Exercise 2 · change ({{exercise.R2-2}} min)
#
# `step()` trains one epoch; `score()` gives the accuracy now, on examples kept apart for checking. The function below trains `most` epochs, whatever happens. Change it so that it stops when the score has not become better for some ten epochs in a row. Scores wobble, so a single dip is no reason to stop. Return the **best** score you saw, and never train more than `most` epochs.
#
# <details><summary>Hint</summary>
#
# Remember two things: the best score so far, and how many epochs ago that was. `break` leaves a loop.
#
# </details>

# %% lid="cheaper-start" tags=["exercise"] exercise="R2-2"
def my_training(step, score, most):
    for _ in range(most):
        step()
    return score()


# %% lid="cheaper-solution" tags=["solution"] exercise="R2-2"
def my_training(step, score, most):
    best, since = -np.inf, 0
    for _ in range(most):
        step()
        now = score()
        since = 0 if now > best else since + 1
        best = max(best, now)
        if since == 10:
            break
    return best


# %% lid="cheaper-wrong-soon" tags=["wrong"] exercise="R2-2" hint="R2-2.soon"
def my_training(step, score, most):
    best = -np.inf
    for _ in range(most):
        step()
        now = score()
        if now <= best:
            break
        best = now
    return best


# %% lid="cheaper-wrong-last" tags=["wrong"] exercise="R2-2" hint="R2-2.last"
def my_training(step, score, most):
    best, since = -np.inf, 0
    for _ in range(most):
        step()
        now = score()
        since = 0 if now > best else since + 1
        best = max(best, now)
        if since == 10:
            break
    return now


# %% lid="cheaper-wrong-most" tags=["wrong"] exercise="R2-2" hint="R2-2.most"
def my_training(step, score, most):
    best, since = -np.inf, 0
    while since < 10:
        step()
        now = score()
        since = 0 if now > best else since + 1
        best = max(best, now)
    return best


# %% lid="cheaper-wrong-look" tags=["wrong"] exercise="R2-2" hint="R2-2.never"
def my_training(step, score, most):
    best = -np.inf
    for _ in range(most):
        step()
        best = max(best, score())
    return best


# %% lid="cheaper-check" tags=["check"] exercise="R2-2"
check("R2-2", my_training)

# %% lid="cheaper-answer"
training = use("R2-2", my_training)


class Model:
    """Logistic regression that trains an epoch at a time, on a quarter of the examples."""

    def __init__(self):
        self.weights, self.epochs = np.zeros(FEATURES + 1), 0

    def step(self):
        self.weights -= RATE * gradient(self.weights, train_x[:1000], train_y[:1000])
        self.epochs += 1

    def score(self):
        return accuracy(self.weights, check_x, check_y)


model = Model()
with Meter() as meter:
    training(model.step, model.score, EPOCHS)
results["early"] = meter.wh, accuracy(model.weights, test_x, test_y)
print(f"{tr('R2.line.early')}: {100 * results['early'][1]:.1f} % · {1000 * meter.wh:.4f} mWh ({kind})")
print(f"{tr('R2.line.epochs')}: {model.epochs}")
print(f"{tr('R2.line.cheaper')}: {results['rows'][0] / results['table'][0]:.0f} ×")

# %% lid="cheaper-figure" tags=["figure"] alt="R2.figure.alt_ways"
figure, axes = plt.subplots(figsize=(10, 3.6))
energies = [1000 * wh for wh, _ in results.values()]
axes.hlines(range(len(results)), min(energies) / 3, energies, color=LINE, linewidth=2)
axes.plot(energies, range(len(results)), "o", markersize=13, color=OKABE_ITO["blue"])
for row, (wh, share) in enumerate(results.values()):
    axes.text(1300 * wh, row, tr("R2.figure.right", share=100 * share), va="center", color=INK)
axes.set(xscale="log", xlim=(min(energies) / 3, 12 * max(energies)), ylim=(3.5, -0.5))
axes.set(yticks=range(len(results)), yticklabels=[tr(f"R2.line.{name}") for name in results])
axes.set_xlabel(f"{tr('R2.figure.energy')} (mWh, {kind})")
axes.set_title(tr("R2.figure.ways_title"))
show(figure, tr("R2.figure.alt_ways"))

# %% [markdown] lid="cheaper-after"
# Read the horizontal axis: each number is ten times the one before. Nobody gave up accuracy that matters, and the first step, from rows to a table, saved most. The order in which to look is the same for large models: first *how* you compute, then *how much data*, then *how long*, and only then a faster machine.
#
# Looking costs as well: each call of `score` is a computation. With a model this small it may eat what stopping early saves; with training that takes days it is nothing. And choosing by the score on `check_x` makes that score a little too good, so the figure shows the accuracy on a third set.

# %% [markdown] lid="when-text" minutes=12
# ## 4 · When? A full grid ({{section.minutes}} min)
#
# The letter calls the Dutch grid “krap”, tight. Then it also matters *when* you compute. Below is a **made-up** day, by the hour: the carbon intensity of electricity (low when the sun shines, high in the evening; its mean is the {{expected.carbon}} of 2023), and the room that the facility has left under the power that its connection allows.

# %% lid="when-day"
hours = np.arange(24)
sun = np.exp(-(((hours - 13) / 3.2) ** 2))
evening = np.exp(-(((hours - 19.5) / 2.2) ** 2))
carbon = 300 - 190 * sun + 130 * evening
carbon *= CARBON["NL"] / carbon.mean()
room = 95 - 70 * np.exp(-(((hours - 12.2) / 2.0) ** 2)) - 25 * evening
print(f"{tr('R2.line.mean')}: {carbon.mean():.0f} g/kWh")

# %% [markdown] lid="when-exercise"
# ### Exercise 3 · transfer ({{exercise.R2-3}} min)
#
# A job draws `power` kW for a number of whole hours on end, `lasts`; it cannot be interrupted. `carbon` (g/kWh) and `room` (kW) are arrays with a value for each hour. Write a function that returns the hour at which to start so that the job emits least, among the starts where there is room enough in **every** hour of the job, and where it is done by the end of the arrays. Return `None` when it never fits.
#
# <details><summary>Hint</summary>
#
# Which starts are possible at all, from 0 to which hour? For each of them, look at a slice of the two arrays: `carbon[start:start + lasts]`. With `power` the same in each hour, the sum of the carbon intensities tells the emission.
#
# </details>

# %% lid="when-start" tags=["exercise"] exercise="R2-3"
def my_start(carbon, room, power, lasts):
    ...


# %% lid="when-solution" tags=["solution"] exercise="R2-3"
def my_start(carbon, room, power, lasts):
    starts = [
        start for start in range(len(carbon) - lasts + 1) if (room[start : start + lasts] >= power).all()
    ]
    if not starts:
        return None
    return min(starts, key=lambda start: carbon[start : start + lasts].sum())


# %% lid="when-wrong-hour" tags=["wrong"] exercise="R2-3" hint="R2-3.hour"
def my_start(carbon, room, power, lasts):
    starts = [s for s in range(len(carbon) - lasts + 1) if (room[s : s + lasts] >= power).all()]
    return min(starts, key=lambda s: carbon[s]) if starts else None


# %% lid="when-wrong-room" tags=["wrong"] exercise="R2-3" hint="R2-3.room"
def my_start(carbon, room, power, lasts):
    starts = [s for s in range(len(carbon) - lasts + 1) if room[s] >= power]
    return min(starts, key=lambda s: carbon[s : s + lasts].sum()) if starts else None


# %% lid="when-wrong-end" tags=["wrong"] exercise="R2-3" hint="R2-3.end"
def my_start(carbon, room, power, lasts):
    starts = [s for s in range(len(carbon)) if (room[s : s + lasts] >= power).all()]
    return min(starts, key=lambda s: carbon[s : s + lasts].sum()) if starts else None


# %% lid="when-wrong-none" tags=["wrong"] exercise="R2-3" hint="R2-3.none"
def my_start(carbon, room, power, lasts):
    starts = [s for s in range(len(carbon) - lasts + 1) if (room[s : s + lasts] >= power).all()]
    return min(starts, key=lambda s: carbon[s : s + lasts].sum())


# %% lid="when-check" tags=["check"] exercise="R2-3"
check("R2-3", my_start)

# %% lid="when-answer"
start_for = use("R2-3", my_start)
POWER, LASTS = 40, 4


def emission(start):
    """Kilograms of CO₂e of the job, on the building's side of the meter."""
    return POWER * carbon[start : start + LASTS].sum() / 1000


free, fitting = start_for(carbon, np.full(24, 1000), POWER, LASTS), start_for(carbon, room, POWER, LASTS)
print(f"{tr('R2.line.at_six')}: {emission(18):.1f} kg")
print(f"{tr('R2.line.no_cap')}: {emission(free):.1f} kg ({free}:00)")
print(f"{tr('R2.line.capped')}: {emission(fitting):.1f} kg ({fitting}:00)")

# %% lid="when-figure" tags=["figure"] alt="R2.figure.alt_day"
figure, (above, below) = plt.subplots(2, 1, figsize=(10, 5.4), sharex=True, layout="constrained")
above.stairs(carbon, range(25), baseline=None, color=INK, linewidth=2)
below.bar(hours, room, width=1, align="edge", color=OKABE_ITO["sky"], edgecolor="white")
below.axhline(POWER, color=OKABE_ITO["vermilion"], linewidth=1.5)
needs = tr("R2.figure.needs", power=POWER)
below.text(0.3, POWER + 5, needs, color=INK, bbox={"facecolor": "white", "edgecolor": LINE, "boxstyle": "round,pad=0.2"})
for start, colour in ((free, "vermilion"), (fitting, "green")):
    for axes in (above, below):
        axes.axvspan(start, start + LASTS, color=OKABE_ITO[colour], alpha=0.18, linewidth=0)
above.text(free + 0.15, 470, tr("R2.figure.unbounded"), color=INK, va="top")
above.text(fitting + LASTS - 0.15, 470, tr("R2.figure.fits"), color=INK, ha="right", va="top")
above.set(ylim=(0, 480), ylabel=tr("R2.figure.carbon"))
below.set(xlim=(0, 24), xticks=range(0, 25, 3), ylim=(0, 105), ylabel=tr("R2.figure.room"), xlabel=tr("R2.figure.hour"))
above.set_title(tr("R2.figure.day_title"))
show(figure, tr("R2.figure.alt_day"))

# %% [markdown] lid="when-after"
# At six in the evening the job emits {{expected.at_six}}; where the sun shines and there is room, {{expected.capped}}. The greenest hours of all ({{expected.no_cap}}) were taken, because everybody computes at noon. Notice what the shift does *not* change: the kilowatt-hours. And an hour of low intensity that everybody moves to is soon no longer low.

# %% [markdown] lid="cost-text" minutes=2
# ## 5 · What it cost, and what you keep ({{section.minutes}} min)
#
# This lesson's own costs. Its energy is only given where it was measured for this session alone, and an estimate is not that.

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - CO₂e = kWh of IT × PUE × carbon intensity; water = kWh of IT × WUE; reused heat = kWh of IT × PUE × ERF, told beside and not subtracted.
# - A day of one 700 W GPU in our imaginary building: {{expected.site}}, {{expected.co2}} of CO₂e, {{expected.water}} of water.
# - Say with each number whether it was measured or estimated, of which machine, with factors of which year.
# - Look first at how you compute, then at how much data, then at how long, then at when.
#
# ### What next
#
# - Put a `Meter` around a cell of your own work, and write one sentence with the result as you would put it in a paper.
# - Ask your facility for its PUE, WUE and ERF, with year and source, and put them in section 1.
# - Find out who waits for the heat. A reuse factor is a contract with a neighbour, not a property of a machine.
#
# **Sources.** PUE, ERF and WUE: ISO/IEC 30134, parts 2, 6 and 9 · Carbon intensities of 2023: data of the package `codecarbon` 3.3.2 (MIT licence) · Rating of a processor core: AMD EPYC 9654, 360 W for 96 cores, from the same package.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Let everybody guess first what a day of one GPU costs, in kWh and in showers; show the guesses beside section 1. Bring the factors of your own facility, with their year.
#
# **Short of time?** Tell the second opinion in section 2, and give exercise 3 as homework.
#
# **Questions that come**
#
# - *Why is the second opinion ten times ours?* It counts more, and assumes more about the processor; two honest estimates differ that much.
# - *May I subtract the reused heat?* No: tell it beside. Whoever burns less gas for it counts the saving.
# - *Is at night better?* In this made-up day the sun decides; look at the intensity of your own grid, hour by hour.
