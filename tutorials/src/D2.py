# %% [markdown] lid="title"
# # {{title}}
#
# **For** researchers and students who can read a Python function. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network, no earlier lesson. It helps if you have met `numpy`; xarray and Dask are explained where they appear.
#
# **Why here.** The government's letter on this facility says: “{{claim.climate-modelling.quote}}” (*{{claim.climate-modelling.en}}*). This lesson is a small, honest piece of that work: real model data, real traps, and numbers you can defend.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
from pathlib import Path

import dask
import iris_sample_data
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from werkbank_lessons import Stopwatch, check, cluster, set_language, tr, use
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, draw_coast, draw_map, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="cluster-text" minutes=4
# ## 1 · Start two workers ({{section.minutes}} min)
#
# A Dask *cluster* is one scheduler, which hands out work, and some workers, which do it. On this facility you ask **Dask Gateway** for one. Elsewhere the same line starts workers beside your notebook, or computes in the notebook itself; it tells you which and why.
#
# Do you need a cluster here? No: the data are 3.5 MB and fit on a phone. You use one because the steps are the same for 3.5 TB, and it is better to learn them on something you can check by hand.

# %% lid="cluster-start"
workers = cluster(workers=2)

# %% [markdown] lid="open-text" minutes=5
# ## 2 · Open two futures ({{section.minutes}} min)
#
# The files hold the annual mean air temperature at 1.5 m over a box around North America (15–60° N, 135–45° W, land and sea), 1860–2099, from one climate model of the Met Office (HadGEM2-AO), run twice:
#
# - **A1B**: rapid growth, a balanced mix of energy sources, *no* climate policy;
# - **E1**: strong mitigation, designed to stabilise greenhouse gases at about 450 ppm CO₂-equivalent.
#
# A scenario is not a forecast: it answers “what if”. And one run is one possible sequence of weather, so we shall have to separate climate from chance.
#
# **Where are the workers?** A worker opens the file itself, so it must see the same disk. If it does not, we read the data here and send them along: fine for megabytes, wrong for terabytes (put those on shared storage).

# %% lid="open"
folder = Path(iris_sample_data.path)
files = {"A1B": folder / "A1B_north_america.nc", "E1": folder / "E1_north_america.nc"}


def open_scenario(path):
    if workers.can_read(path):
        return xr.open_dataset(path, chunks={"time": 60}).air_temperature
    return xr.open_dataset(path).air_temperature.load().chunk({"time": 60})


fields = {name: open_scenario(path) for name, path in files.items()}
fields["A1B"]

# %% [markdown] lid="open-after"
# Nothing has been read yet except the description: xarray made a *lazy* array of 4 chunks of 60 years. A chunk is the unit of work for one worker. Here a chunk is 0.4 MB, which is far too small to be efficient; for real data aim at about 100 MB per chunk.

# %% [markdown] lid="calendar-text" minutes=5
# ## 3 · A year of 360 days ({{section.minutes}} min)
#
# Many climate models give every month 30 days. That makes averages simple and dates treacherous. Look at the time axis:

# %% lid="calendar-look"
time = fields["A1B"].time
print(time.values[0], "…", time.values[-1], "·", time.dt.calendar)
print(xr.open_dataset(files["A1B"]).time_bnds.values[0])

# %% [markdown] lid="calendar-trap"
# Two things to see. The dates are `cftime` objects, because no NumPy date can express 30 February. And each value is the mean from **1 December to 1 December**: the meteorological year, stamped at its middle, 1 June.
#
# Now the trap. This line looks right, and would be right for observations:

# %% lid="calendar-fail"
try:
    fields["A1B"].sel(time=slice("1961-01-01", "1990-12-31"))
except ValueError as problem:
    print("ValueError:", problem)

# %% [markdown] lid="calendar-cure"
# There is no 31 December in this calendar. It is good that it fails loudly: forcing such dates into the ordinary calendar means either dropping days (30 February has no counterpart) or shifting them. For annual values the cure is simple: use the **year** as the axis, and never a day of the month that you did not see in the data.

# %% lid="calendar-year"
annual = {name: field.assign_coords(time=time.dt.year).rename(time="year") for name, field in fields.items()}
BASELINE, FUTURE = slice(1961, 1990), slice(2070, 2099)
annual["A1B"].sel(year=BASELINE).year.values

# %% [markdown] lid="weights-text" minutes=8
# ## 4 · The Earth is not a rectangle ({{section.minutes}} min)
#
# The grid has a row every 1.25° of latitude. On the map all cells look alike; on the sphere they shrink towards the pole, because the circles of latitude do. A cell at 60° N has half the area of one at the equator.
#
# ### Exercise 1 · try ({{exercise.D2-1}} min)
#
# The function below takes a `field` with `latitude` and `longitude` (in degrees) and gives its mean. Run it and read what the check says. Then change the line with `weights` so that every cell counts with its area.
#
# <details><summary>Hint</summary>
#
# The distance around a circle of latitude φ is proportional to cos φ. NumPy has `np.cos` and `np.deg2rad`.
#
# </details>

# %% lid="weights-start" tags=["exercise"] exercise="D2-1"
def my_area_mean(field):
    weights = xr.ones_like(field.latitude)
    return field.weighted(weights).mean(("latitude", "longitude"))


# %% lid="weights-solution" tags=["solution"] exercise="D2-1"
def my_area_mean(field):
    weights = np.cos(np.deg2rad(field.latitude))
    return field.weighted(weights).mean(("latitude", "longitude"))


# %% lid="weights-wrong-plain" tags=["wrong"] exercise="D2-1" hint="D2-1.equal"
def my_area_mean(field):
    return field.mean(("latitude", "longitude"))


# %% lid="weights-wrong-degrees" tags=["wrong"] exercise="D2-1" hint="D2-1.unit"
def my_area_mean(field):
    return field.weighted(np.cos(field.latitude)).mean(("latitude", "longitude"))


# %% lid="weights-wrong-sum" tags=["wrong"] exercise="D2-1" hint="D2-1.constant"
def my_area_mean(field):
    return (field * np.cos(np.deg2rad(field.latitude))).mean(("latitude", "longitude"))


# %% lid="weights-wrong-sine" tags=["wrong"] exercise="D2-1" hint="D2-1.gradient"
def my_area_mean(field):
    weights = np.sin(np.deg2rad(abs(field.latitude)))
    return field.weighted(weights).mean(("latitude", "longitude"))


# %% lid="weights-check" tags=["check"] exercise="D2-1"
check("D2-1", my_area_mean)

# %% [markdown] lid="weights-after"
# How does the check know? It never reads your code. It invents a field that is the same everywhere, and one that grows as sin φ between two random latitudes *a* and *b*. The mean of the second over the sphere is known exactly: (sin *a* + sin *b*) / 2. Testing on a case with a known answer is a habit worth taking along.

# %% [markdown] lid="answer-text" minutes=5
# ## 5 · The answer, in two numbers ({{section.minutes}} min)
#
# Now the workers have something to do. `dask.compute` asks for both series at once, so that one worker need not wait for the other. We compare two periods of 30 years, long enough for most of the weather to average out.

# %% lid="answer"
area_mean = use("D2-1", my_area_mean)
lazy = {name: area_mean(field) for name, field in annual.items()}
series = dict(zip(lazy, dask.compute(*lazy.values()), strict=True))


def warming(values):
    return values.sel(year=FUTURE).mean("year") - values.sel(year=BASELINE).mean("year")


for name, values in series.items():
    print(f"{name}: {float(warming(values)):+.2f} K")

# %% [markdown] lid="answer-after"
# In this model and this box, the end of the century is {{expected.warming_a1b}} warmer than 1961–1990 without climate policy, and {{expected.warming_e1}} with strong mitigation. How much did the weights matter?

# %% lid="answer-unweighted"
for name, field in annual.items():
    plain = warming(field.mean(("latitude", "longitude"))).compute()
    print(f"{name} {tr('D2.line.unweighted')}: {float(plain):+.2f} K")

# %% [markdown] lid="answer-unweighted-after"
# Without weights you would report {{expected.unweighted_a1b}} and {{expected.unweighted_e1}}: too much, because the north warms most and would count too often. The mistake is larger than many effects that papers discuss.

# %% lid="answer-figure" tags=["figure"] alt="D2.figure.alt_series"
COLOUR = {"A1B": OKABE_ITO["vermilion"], "E1": OKABE_ITO["blue"]}
LABEL = {"A1B": tr("D2.figure.a1b"), "E1": tr("D2.figure.e1")}


def shade(axes, period, label):
    axes.axvspan(period.start, period.stop, color=LINE, alpha=0.45, linewidth=0)
    axes.text((period.start + period.stop) / 2, 6.9, label, ha="center", va="top", color=MUTED, fontsize=9)


def draw_future(axes, name, change):
    future = change.sel(year=slice(1999, None))
    axes.plot(future.year, future, color=COLOUR[name], linewidth=1.8)
    mean = float(change.sel(year=FUTURE).mean())
    axes.hlines(mean, FUTURE.start, FUTURE.stop, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.text(2102, mean, f"{LABEL[name]}\n{mean:+.2f} K", color=COLOUR[name], va="center", fontweight="bold")


figure, axes = plt.subplots(figsize=(10, 5))
change = {name: values - values.sel(year=BASELINE).mean() for name, values in series.items()}
shade(axes, BASELINE, tr("D2.figure.baseline"))
shade(axes, FUTURE, tr("D2.figure.future"))
axes.axhline(0, color=LINE, linewidth=1)
past = change["A1B"].sel(year=slice(None, 1999))
axes.plot(past.year, past, color=INK, linewidth=1.4)
axes.text(1905, 0.75, tr("D2.figure.shared"), color=INK, ha="center")
for name, values in change.items():
    draw_future(axes, name, values)
axes.set(xlim=(1858, 2100), ylim=(-1.5, 7), xlabel=tr("D2.figure.year"), ylabel=tr("D2.figure.temperature"))
axes.set_title(tr("D2.figure.series_title"))
show(figure, tr("D2.figure.alt_series"))

# %% [markdown] lid="part-text" minutes=8
# ## 6 · When do the futures part? ({{section.minutes}} min)
#
# The two lines wiggle. A difference in one year may be weather. We call the futures *separated* when A1B − E1 exceeds twice the standard deviation σ that chance alone gives to such a difference, and **stays** there.
#
# Which σ? A tempting answer is the spread of A1B − E1 before the futures start. Try it:

# %% lid="part-trap"
years = series["A1B"].year.values
difference = (series["A1B"] - series["E1"]).values.astype(float)
shared = (annual["A1B"] == annual["E1"]).all(("latitude", "longitude")).compute().values
print(f"{tr('D2.line.last_shared')}: {years[shared][-1]}")
print(f"{tr('D2.line.spread')}: {difference[shared].std():.2f} K")

# %% [markdown] lid="part-sigma"
# The scenarios share one simulated past, so their difference there is exactly zero and says nothing about chance. With σ = 0 you would “find” a separation in the first year above zero.
#
# An honest σ comes from one run: the scatter of its baseline years around a straight line, so that the warming within the baseline does not count as chance. After 1999 the two runs have each their own weather, so the variances add and the difference has √2 times that σ.

# %% lid="part-sigma-compute"
baseline = series["A1B"].sel(year=BASELINE)
line = np.polynomial.Polynomial.fit(baseline.year, baseline, deg=1)
sigma_one_run = float((baseline - line(baseline.year)).std(ddof=2))
sigma = np.sqrt(2) * sigma_one_run
print(f"{tr('D2.line.sigma_one')}: {sigma_one_run:.2f} K")
print(f"{tr('D2.line.sigma')}: {sigma:.2f} K")

# %% [markdown] lid="part-exercise"
# ### Exercise 2 · change ({{exercise.D2-2}} min)
#
# The function below returns the first year in which the difference exceeds 2 σ. Change it so that it returns the first year from which the difference exceeds 2 σ **in that year and in every later one**, and `None` when there is no such year. `years` and `difference` are arrays of equal length, `sigma` is a number.
#
# <details><summary>Hint</summary>
#
# Turn it around: find the years in which the difference is *not* large enough. Which year comes after the last of them? What if there is none, or if it is the very last year? `np.flatnonzero` gives positions.
#
# </details>

# %% lid="part-start" tags=["exercise"] exercise="D2-2"
def my_separation_year(years, difference, sigma):
    beyond = difference > 2 * sigma
    return int(years[beyond][0])


# %% lid="part-solution" tags=["solution"] exercise="D2-2"
def my_separation_year(years, difference, sigma):
    small = np.flatnonzero(difference <= 2 * sigma)
    first = small[-1] + 1 if small.size else 0
    return int(years[first]) if first < len(years) else None


# %% lid="part-wrong-last-small" tags=["wrong"] exercise="D2-2" hint="D2-2.off_by_one"
def my_separation_year(years, difference, sigma):
    return int(years[difference <= 2 * sigma][-1])


# %% lid="part-wrong-four-sigma" tags=["wrong"] exercise="D2-2" hint="D2-2.threshold"
def my_separation_year(years, difference, sigma):
    small = np.flatnonzero(difference <= 4 * sigma)
    return int(years[small[-1] + 1]) if small[-1] + 1 < len(years) else int(years[-1])


# %% lid="part-wrong-never" tags=["wrong"] exercise="D2-2" hint="D2-2.never"
def my_separation_year(years, difference, sigma):
    small = np.flatnonzero(difference <= 2 * sigma)
    first = small[-1] + 1 if small.size else 0
    return int(years[min(first, len(years) - 1)])


# %% lid="part-check" tags=["check"] exercise="D2-2"
check("D2-2", my_separation_year)

# %% lid="part-answer"
separation_year = use("D2-2", my_separation_year)
for factor in (1, 2, 3):
    print(f"{factor}σ: {separation_year(years, difference, sigma * factor / 2)}")

# %% [markdown] lid="part-after"
# Beyond 2 σ for good from **{{expected.separation}}**, half a century after the runs part ways. The range over 1, 2 and 3 σ is part of the answer: a year like this rests on your threshold, on the length of a baseline (30 values fix σ to about 13 %), and on a single run of each scenario. Centres that can afford it run many members and ask the same of their mean. The early crossings that you see below are why “the first year above” misleads.

# %% lid="part-figure" tags=["figure"] alt="D2.figure.alt_gap"
figure, axes = plt.subplots(figsize=(10, 4))
parted = separation_year(years, difference, sigma)
axes.fill_between(years, -2 * sigma, 2 * sigma, color=LINE, alpha=0.45, linewidth=0)
axes.plot(years, difference, color=OKABE_ITO["green"], linewidth=1.8)
axes.axhline(0, color=LINE, linewidth=1)
axes.text(2098, 2 * sigma - 0.08, tr("D2.figure.threshold", value=2 * sigma), color=MUTED, ha="right", va="top")
if parted is not None:
    axes.axvline(parted, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.text(parted - 1, 2.8, tr("D2.figure.separated", year=parted), ha="right", va="top", fontweight="bold")
axes.set(xlim=(2000, 2099), ylim=(-1, 3), xlabel=tr("D2.figure.year"), ylabel=tr("D2.figure.gap"))
axes.set_title(tr("D2.figure.gap_title"))
show(figure, tr("D2.figure.alt_gap"))

# %% [markdown] lid="map-text" minutes=4
# ## 7 · Where? ({{section.minutes}} min)
#
# An average over a continent hides the pattern. The same subtraction, without averaging over space, gives a map. The projection keeps areas true, so your eye weighs the cells as your weights did. The coastline is the edge of the sea in an ocean model's grid of about 1°: for orientation only.

# %% lid="map-figure" tags=["figure"] alt="D2.figure.alt_map"
maps = dict(zip(annual, dask.compute(*(warming(field) for field in annual.values())), strict=True))
sea = xr.open_dataset(folder / "NEMO" / "nemo_1m_20150101-20150201_grid-T.nc", decode_times=False).tos[0]

figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for axes, (name, field) in zip(panels, maps.items()):
    shared = draw_map(axes, field, cmap="cividis", vmin=0, vmax=10)
    axes.set_title(tr(f"D2.figure.map_{name.lower()}"))
gap = draw_map(panels[2], maps["A1B"] - maps["E1"], cmap="viridis", vmin=0, vmax=5)
panels[2].set_title(tr("D2.figure.map_difference"))
for axes in panels:
    draw_coast(axes, sea, colors="white", linewidths=0.9)
figure.colorbar(shared, ax=panels[:2], orientation="horizontal", shrink=0.5, label=tr("D2.figure.map_warming"))
figure.colorbar(gap, ax=panels[2], orientation="horizontal", shrink=0.9, label=tr("D2.figure.map_gap"))
figure.suptitle(tr("D2.figure.map_title"), x=0.007, ha="left", fontweight="bold")
show(figure, tr("D2.figure.alt_map"))

# %% [markdown] lid="transfer-text" minutes=8
# ## 8 · Take it to your own calendar ({{section.minutes}} min)
#
# You weighted space. Time needs it too. In the model a year is twelve equal months; in your observations February is shorter than January, so the mean of twelve monthly values is *not* the mean of the year.
#
# ### Exercise 3 · transfer ({{exercise.D2-3}} min)
#
# Write a function that turns monthly means into annual means, in **any** calendar. `monthly` has one dimension `time`; return an array with one value per year on the dimension `year`. The check uses three calendars.
#
# <details><summary>Hint</summary>
#
# `monthly.time.dt.days_in_month` knows the calendar of the data. A weighted mean is the sum of value × weight divided by the sum of the weights; `groupby("time.year").sum()` makes both.
#
# </details>

# %% lid="transfer-start" tags=["exercise"] exercise="D2-3"
def my_annual_mean(monthly):
    ...


# %% lid="transfer-solution" tags=["solution"] exercise="D2-3"
def my_annual_mean(monthly):
    days = monthly.time.dt.days_in_month
    return (monthly * days).groupby("time.year").sum() / days.groupby("time.year").sum()


# %% lid="transfer-wrong-equal" tags=["wrong"] exercise="D2-3" hint="D2-3.months"
def my_annual_mean(monthly):
    return monthly.groupby("time.year").mean()


# %% lid="transfer-wrong-365" tags=["wrong"] exercise="D2-3" hint="D2-3.months"
def my_annual_mean(monthly):
    days = monthly.time.dt.days_in_month
    return (monthly * days).groupby("time.year").sum() / 365


# %% lid="transfer-wrong-shape" tags=["wrong"] exercise="D2-3" hint="D2-3.shape"
def my_annual_mean(monthly):
    days = monthly.time.dt.days_in_month
    return (monthly * days).sum() / days.sum()


# %% lid="transfer-check" tags=["check"] exercise="D2-3"
check("D2-3", my_annual_mean)

# %% lid="transfer-answer"
annual_mean = use("D2-3", my_annual_mean)
for calendar in ("360_day", "standard"):
    months = xr.date_range("2001-01-01", periods=12, freq="MS", calendar=calendar, use_cftime=True)
    season = xr.DataArray(10 - 12 * np.cos(2 * np.pi * np.arange(12) / 12), dims="time", coords={"time": months})
    print(f"{calendar}: {float(annual_mean(season)[0]):.3f} °C, {tr('D2.line.plain')} {float(season.mean()):.3f} °C")

# %% [markdown] lid="cost-text" minutes=3
# ## 9 · What it cost, and what you keep ({{section.minutes}} min)
#
# Tell what a result cost, as you tell its uncertainty. Then give the workers back: somebody else may be waiting for them.

# %% lid="cost"
stopwatch.report(workers)
workers.close()

# %% [markdown] lid="summary"
# ### Summary
#
# - Weight by area (cos φ on a regular grid), and test the mean on a field whose answer you know.
# - Look at the calendar before you select dates. In 360 days there is no 31 December; the year is a safe axis for annual values.
# - A1B {{expected.warming_a1b}}, E1 {{expected.warming_e1}}: 2070–2099 minus 1961–1990, one model, one run per scenario, one box of land and sea.
# - The futures part beyond 2 σ from {{expected.separation}}, with a σ that comes from data in which chance is visible.
#
# ### What next
#
# - Move the baseline to 1860–1889, close to what is often called pre-industrial (1850–1900), and see which of your sentences change.
# - Put a file of your own in `files`. If it is large, keep it on shared storage and let the workers open it.
#
# **Sources.** T. C. Johns and others (2011), *Climate change under aggressive mitigation: the ENSEMBLES multi-model experiment*, Climate Dynamics 37, doi:10.1007/s00382-011-1005-5 · J. A. Lowe and others (2009), *New study for climate modeling, analyses, and scenarios*, Eos 90(21) · J. P. Snyder (1987), *Map projections: a working manual*, USGS Professional Paper 1395 · Data: Met Office, in the package `iris-sample-data`.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Short of time?** Leave out 7 and do exercise 3 as homework.
#
# **Questions that come**
#
# - *Why is the difference before 2000 exactly zero?* There is one shared run.
# - *Is A1B “business as usual”?* No: it is one storyline without climate policy.
# - *Why a cluster for 3.5 MB?* For the steps, not for the speed; the lesson says so.
