# %% [markdown] lid="title"
# # {{title}}
#
# **For** researchers and students whose data no longer fit in one notebook, or soon will not. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook, some `numpy`, and about {{memory}} GB of memory; no GPU, no network. Lesson S1 helps: it tells what a seat is and why you give back what you no longer use.
#
# **Why here.** The government's letter on this facility says: “{{claim.climate-modelling.quote}}” (*{{claim.climate-modelling.en}}*). Infrastructure alone does nothing; this lesson is about the step in between, from a loop that works to a cluster that does the work.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import logging
import math
import time

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from dask.diagnostics import Profiler
from distributed import get_task_stream

from werkbank_lessons import Stopwatch, check, cluster, set_language, tr, use
from werkbank_lessons.figures import INK, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="cluster-text" minutes=4
# ## 1 · Ask for a cluster ({{section.minutes}} min)
#
# A Dask cluster is one **scheduler**, which knows what must be done and hands it out, and some **workers**, processes that do it. Your notebook is the **client**: it describes the work and receives the result.
#
# On this facility you ask **Dask Gateway** for a cluster. Your profile says how many workers you may have, over all your clusters together, and the clusters end with your seat. Elsewhere the line below starts workers beside your notebook, or computes in the notebook itself; it tells you which, and why.

# %% lid="cluster-start"
workers = cluster(workers=2)

# %% [markdown] lid="cluster-after"
# By hand it is `from dask_gateway import Gateway`, then `Gateway().new_cluster()`, `cluster.scale(2)` and `cluster.get_client()`. JupyterLab's panel *GPUs and queue* lists your clusters, with a button for each **dashboard**: live pictures of what the workers do. Open it now if you have one; in section 6 we read it together.

# %% [markdown] lid="data-text" minutes=6
# ## 2 · A record of forty summers ({{section.minutes}} min)
#
# You will count heat waves in daily maximum temperatures, 1981–2020, on a grid of 48 × 36 cells of 6.25 km. The record is **invented**: a lesson may not download, and real station data need their owner's terms. It is invented with care, from four parts:
#
# 1. a seasonal cycle, warmest in the second half of July;
# 2. weather: warm and cold spells over the whole country, in which a day keeps 80 % of the departure of the day before;
# 3. cooler near the coast in the north-west, warmer inland, and small local differences;
# 4. a warming of 0.017 K a year.
#
# It is calibrated to what the *Compendium voor de Leefomgeving* publishes for the Netherlands: a trend from 9 summer days (25 °C or more) a year in 1907 to 25 in 2019. A straight line between the two, which is our simplification, passes through 20 in 1981. So treat everything below as an exercise and not as knowledge about a real place.

# %% lid="data-parts"
SEED = 29
NORTH, EAST = 48, 36
CELL_KM = 6.25

days = np.arange("1981-01-01", "2021-01-01", dtype="datetime64[D]")
day_of_year = (days - days.astype("datetime64[Y]")).astype(int)
years_since_2001 = (days - np.datetime64("2001-01-01")).astype(int) / 365.25


def spells(seed, kept=0.8, deviation=4.1):
    """Departures from the season (K) that last: weather over the whole country."""
    steps = np.random.default_rng(seed).normal(0, deviation * math.sqrt(1 - kept**2), days.size)
    departure = np.zeros(days.size)
    for day in range(1, days.size):
        departure[day] = kept * departure[day - 1] + steps[day]
    return departure


season = 13.6 - 8.5 * np.cos(2 * np.pi * (day_of_year - 20) / 365.25)
national = season + spells(SEED) + 0.017 * years_since_2001

# %% [markdown] lid="data-tile-text"
# One part is still missing: the cells. The function below makes a *tile* of the grid. Dask will call it for each tile, on a worker, and tells it through `block_info` which part of the array is wanted. Nothing is sent but the recipe, which is how you treat large files too: each worker reads its own part.

# %% lid="data-tile"
def inland(row, column):
    """Departure of a cell from the national value (K): cool near the coast in the north-west."""
    from_coast = CELL_KM * (column + 0.3 * (NORTH - row))
    return -2.7 + 3.5 * (1 - np.exp(-from_coast / 70))


def invent(block_info=None):
    """The tile of the record at ``block_info``: north × east × time, °C."""
    rows, columns, _ = (range(*where) for where in block_info[None]["array-location"])
    tile = np.empty((len(rows), len(columns), days.size), "float32")
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            local = np.random.default_rng([SEED, row + 1, column + 1]).normal(0, 0.8, days.size)
            tile[i, j] = national + inland(row, column) + local
    return tile


def record(chunks):
    """The whole record as a lazy array; ``chunks`` are sizes per dimension."""
    shape = (NORTH, EAST, days.size)
    sizes = da.core.normalize_chunks(chunks, shape)
    lazy = da.map_blocks(invent, chunks=sizes, dtype="float32", meta=np.empty((0, 0, 0), "float32"))
    return xr.DataArray(lazy, dims=("north", "east", "time"), coords={"time": days.astype("datetime64[ns]")})


# %% lid="data-lazy"
began = time.perf_counter()
temperature = record((12, 12, days.size))
print(f"{tr('D1.line.described')}: {temperature.nbytes / 1e6:.0f} MB, {1000 * (time.perf_counter() - began):.0f} ms")

began = time.perf_counter()
one_cell = temperature[0, 0].compute()
print(f"{tr('D1.line.computed')}: {one_cell.nbytes / 1e6:.2f} MB, {1000 * (time.perf_counter() - began):.0f} ms")

# %% [markdown] lid="data-after"
# The first line is **lazy**: it only wrote down what would have to be done, for 101 MB, in no time. The second is **eager**: `compute()` made a worker do it. Until you ask for values (`compute`, a plot, `float(…)`), a chain of steps stays a description, called the *graph*.
#
# Ask for values late, and once. A loop that calls `compute()` in each turn hands out one piece of work at a time and lets the other workers wait.

# %% [markdown] lid="chunk-text" minutes=8
# ## 3 · Chunks: what a worker gets in its hands ({{section.minutes}} min)
#
# Dask cuts an array into **chunks**, blocks along its dimensions. A chunk is the unit of work: a worker holds a few of them in memory at once. Rules of thumb: about 100 MB a chunk on real data (ours are smaller, because the record is), and several chunks for each worker, so that nobody sits idle at the end.
#
# ### Exercise 1 · try ({{exercise.D1-1}} min)
#
# How many chunks does an array have? `shape` and `chunks` are tuples of equal length: the size of the array and of a chunk along each dimension. Run the function below, read what the check says, and repair it.
#
# <details><summary>Hint</summary>
#
# Take one dimension: 10 long, in chunks of 4. That makes 4, 4 and 2. `math.ceil` rounds up.
#
# </details>

# %% lid="chunk-start" tags=["exercise"] exercise="D1-1"
def my_chunk_count(shape, chunks):
    count = 1
    for size, chunk in zip(shape, chunks):
        count = count * (size // chunk)
    return count


# %% lid="chunk-solution" tags=["solution"] exercise="D1-1"
def my_chunk_count(shape, chunks):
    count = 1
    for size, chunk in zip(shape, chunks):
        count = count * math.ceil(size / chunk)
    return count


# %% lid="chunk-wrong-floor" tags=["wrong"] exercise="D1-1" hint="D1-1.rest"
def my_chunk_count(shape, chunks):
    return math.prod(size // chunk for size, chunk in zip(shape, chunks))


# %% lid="chunk-wrong-sum" tags=["wrong"] exercise="D1-1" hint="D1-1.sum"
def my_chunk_count(shape, chunks):
    return sum(math.ceil(size / chunk) for size, chunk in zip(shape, chunks))


# %% lid="chunk-wrong-volume" tags=["wrong"] exercise="D1-1" hint="D1-1.volume"
def my_chunk_count(shape, chunks):
    return math.ceil(math.prod(shape) / math.prod(chunks))


# %% lid="chunk-wrong-size" tags=["wrong"] exercise="D1-1" hint="D1-1.size"
def my_chunk_count(shape, chunks):
    return math.prod(chunks)


# %% lid="chunk-check" tags=["check"] exercise="D1-1"
check("D1-1", my_chunk_count)

# %% lid="chunk-answer"
chunk_count = use("D1-1", my_chunk_count)
for chunks in ((12, 12, days.size), (NORTH, EAST, 10), (1, 1, days.size)):
    print(f"{chunks}: {chunk_count((NORTH, EAST, days.size), chunks)} chunks, {math.prod(chunks) * 4 / 1e6:.2f} MB")

# %% [markdown] lid="chunk-after"
# Three layouts of the same 101 MB. Each task costs the scheduler up to a millisecond, whatever is in it, so the last one spends its time on administration. The second looks reasonable: data often come like that, a file for each month or each ten days. For our question it is a trap, as you see next.

# %% [markdown] lid="wave-text" minutes=12
# ## 4 · Do not cut a heat wave in two ({{section.minutes}} min)
#
# The KNMI, the national weather service, speaks of a **heat wave** when its reference station near Utrecht has at least five days in a row of 25.0 °C or more (summer days), of which at least three of 30.0 °C or more (tropical days). We apply that rule to each cell, so ours are local heat waves.
#
# The function walks through the days, for all cells of a tile at once. It marks the day on which a spell *becomes* a heat wave, so that the number of marks is the number of heat waves.

# %% lid="wave-function"
def find_waves(tmax):
    """Mark the day on which a heat wave is complete; time is the last axis, °C."""
    summer = np.ascontiguousarray(np.moveaxis(tmax >= 25, -1, 0))
    tropical = np.ascontiguousarray(np.moveaxis(tmax >= 30, -1, 0))
    marks = np.zeros_like(summer)
    length = np.zeros(summer.shape[1:], int)
    heat = np.zeros_like(length)
    known = np.zeros(length.shape, bool)
    for day in range(len(summer)):
        length = (length + 1) * summer[day]
        heat = (heat + tropical[day]) * summer[day]
        wave = (length >= 5) & (heat >= 3)
        marks[day] = wave & ~known
        known = wave
    return np.moveaxis(marks, 0, -1)


# %% [markdown] lid="wave-trap-text"
# Take one tile, with its 40 years whole, and count. Then cut the same tile into pieces of ten days, and let Dask apply the same function to each piece with `map_blocks`. (It is so small that we let the notebook do it, and not the workers.)

# %% lid="wave-trap"
tile = temperature[:12, -12:].compute()
whole = find_waves(tile.values)

pieces = tile.chunk(time=10)
cut = pieces.data.map_blocks(find_waves, dtype=bool).compute(scheduler="synchronous")

print(f"{tr('D1.line.whole')}: {whole.sum()}")
print(f"{tr('D1.line.cut')}: {cut.sum()}")
print(f"{tr('D1.line.missed')}: {100 * (whole & ~cut).sum() / whole.sum():.0f} %")
print(f"{tr('D1.line.invented')}: {100 * (cut & ~whole).sum() / whole.sum():.0f} %")

# %% [markdown] lid="wave-trap-after"
# The totals differ little, and that makes it worse, because nobody would look again. Yet {{expected.missed}} of the heat waves are not found where they are: a cut falls within the spell, and neither part is long or hot enough by then. Others are found where there is none, because a long spell in two pieces counts twice. `map_blocks` does what it says and asks no questions. xarray's `apply_ufunc` asks one: you name the dimension that a function needs whole, and it refuses when that is cut.

# %% lid="wave-refused"
def waves_of(field):
    return xr.apply_ufunc(
        find_waves,
        field,
        input_core_dims=[["time"]],
        output_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=[bool],
    )


try:
    waves_of(pieces)
except ValueError as problem:
    print("ValueError:", str(problem).split(". ")[0])

# %% [markdown] lid="wave-exercise"
# The message offers to join the pieces for you (`rechunk`). For 101 MB that is fine. For terabytes it moves nearly every byte between workers, so choose the layout first.
#
# ### Exercise 2 · change ({{exercise.D1-2}} min)
#
# `sizes` is a dictionary with the lengths of `north`, `east` and `time`; the values take 4 bytes each. Return a dictionary with the size of a chunk along each of the three, such that `time` stays whole, a chunk is at most `most_mb` MB (1 MB = 10⁶ bytes), and the chunks are not needlessly small: at least a quarter of `most_mb`. The version below cuts a year at a time. Change it.
#
# <details><summary>Hint</summary>
#
# How many MB does one cell take, with all its days? How many cells fit in a chunk, then? A square of that many cells has a side of about the square root. Do not make it longer than the grid.
#
# </details>

# %% lid="wave-start" tags=["exercise"] exercise="D1-2"
def my_chunks(sizes, most_mb):
    return {"north": sizes["north"], "east": sizes["east"], "time": 365}


# %% lid="wave-solution" tags=["solution"] exercise="D1-2"
def my_chunks(sizes, most_mb):
    cells = most_mb * 1e6 / (4 * sizes["time"])
    side = int(math.sqrt(cells))
    return {"north": min(side, sizes["north"]), "east": min(side, sizes["east"]), "time": sizes["time"]}


# %% lid="wave-wrong-whole" tags=["wrong"] exercise="D1-2" hint="D1-2.large"
def my_chunks(sizes, most_mb):
    return {"north": sizes["north"], "east": sizes["east"], "time": sizes["time"]}


# %% lid="wave-wrong-cell" tags=["wrong"] exercise="D1-2" hint="D1-2.small"
def my_chunks(sizes, most_mb):
    return {"north": 1, "east": 1, "time": sizes["time"]}


# %% lid="wave-wrong-month" tags=["wrong"] exercise="D1-2" hint="D1-2.time"
def my_chunks(sizes, most_mb):
    days_in_chunk = int(most_mb * 1e6 / (4 * sizes["north"] * sizes["east"]))
    return {"north": sizes["north"], "east": sizes["east"], "time": days_in_chunk}


# %% lid="wave-wrong-bytes" tags=["wrong"] exercise="D1-2" hint="D1-2.large"
def my_chunks(sizes, most_mb):
    side = int(math.sqrt(most_mb * 1e6 / sizes["time"]))
    return {"north": min(side, sizes["north"]), "east": min(side, sizes["east"]), "time": sizes["time"]}


# %% lid="wave-check" tags=["check"] exercise="D1-2"
check("D1-2", my_chunks)

# %% lid="wave-answer"
chunks_for = use("D1-2", my_chunks)
chosen = chunks_for(dict(temperature.sizes), 10)
temperature = record(tuple(chosen[name] for name in temperature.dims))
print(f"{chosen}: {temperature.data.npartitions} chunks")

# %% [markdown] lid="compute-text" minutes=6
# ## 5 · Compute, once ({{section.minutes}} min)
#
# Now the question: how many summer days and heat waves had each cell, in the first twenty years and in the last? The four answers go into one dataset, and one `compute` makes them all: each tile is invented once, looked at four times, and forgotten. `persist()` would keep it on the workers, for when you want to look again.
#
# While it computes we note which worker did what. It is the same record that the dashboard draws.

# %% lid="compute-describe"
PERIODS = {"before": slice("1981", "2000"), "after": slice("2001", "2020")}
waves = waves_of(temperature)
answers = xr.Dataset()
for name, period in PERIODS.items():
    answers[f"summer_{name}"] = (temperature.sel(time=period) >= 25).sum("time") / 20
    answers[f"waves_{name}"] = waves.sel(time=period).sum("time")
print(f"{tr('D1.line.tasks')}: {len(dict(answers.__dask_graph__()))}")


# %% lid="compute-run"
def compute_and_watch(lazy):
    """The values, and what was done meanwhile: (worker, start, stop, what), in seconds."""
    if workers.client is None:
        with Profiler() as profiler:
            values = lazy.compute()
        return values, [("notebook", task.start_time, task.end_time, "compute") for task in profiler.results]
    with get_task_stream(workers.client) as stream:
        values = lazy.compute()
    return values, [
        (task["worker"], part["start"], part["stop"], part["action"])
        for task in stream.data
        for part in task["startstops"]
    ]


found, watched = compute_and_watch(answers)
for name in answers:
    print(f"{tr(f'D1.line.{name}')}: {float(found[name].mean()):.1f}")

# %% [markdown] lid="compute-after"
# In this record: {{expected.summer_before}} summer days a year in 1981–2000 and {{expected.summer_after}} in 2001–2020; {{expected.waves_before}} heat waves in an average cell in the first twenty years, {{expected.waves_after}} in the last.
#
# Before you put that in a headline: heat waves are rare, and all cells share the same weather, so twenty years hold only a handful of independent events. Change `SEED` above and run again. The warming in the recipe stays 0.017 K a year, and the numbers move by several summer days and several heat waves, now and then even in the other direction. Many cells are not much evidence.

# %% lid="compute-figure" tags=["figure"] alt="D1.figure.alt_map"
extent = (0, EAST * CELL_KM, 0, NORTH * CELL_KM)
most = float(max(found.waves_before.max(), found.waves_after.max()))

figure, panels = plt.subplots(1, 3, figsize=(12, 5), layout="constrained", sharey=True)
for axes, name in zip(panels, ("summer_after", "waves_before", "waves_after")):
    style = {"cmap": "cividis", "vmin": 0} if name == "summer_after" else {"cmap": "viridis", "vmin": 0, "vmax": most}
    image = axes.imshow(found[name], origin="lower", extent=extent, interpolation="nearest", **style)
    axes.set_title(tr(f"D1.figure.{name}"), fontsize=11)
    axes.set_xlabel(tr("D1.figure.east"))
    if name != "waves_before":
        label = tr("D1.figure.summer_days" if name == "summer_after" else "D1.figure.waves")
        figure.colorbar(image, ax=panels[0] if name == "summer_after" else panels[1:], label=label, shrink=0.75)
panels[0].set_ylabel(tr("D1.figure.north"))
show(figure, tr("D1.figure.alt_map"))

# %% [markdown] lid="watch-text" minutes=3
# ## 6 · Read the dashboard ({{section.minutes}} min)
#
# The most useful picture of the dashboard is the **task stream**: a row for each worker, a bar for each task. This is yours, from the computation above:

# %% lid="watch-figure" tags=["figure"] alt="D1.figure.alt_stream"
COLOUR = {"compute": OKABE_ITO["blue"], "transfer": OKABE_ITO["vermilion"]}
names = sorted({worker for worker, *_ in watched})
origin = min(start for _, start, _, _ in watched)

figure, axes = plt.subplots(figsize=(10, 1.4 + 0.6 * len(names)))
for worker, start, stop, action in watched:
    bar = [(start - origin, stop - start)]
    axes.broken_barh(bar, (names.index(worker) - 0.35, 0.7), facecolor=COLOUR.get(action, MUTED), edgecolor="white")
axes.set(yticks=range(len(names)), yticklabels=[f"worker {number + 1}" for number in range(len(names))])
axes.set(ylim=(len(names) - 0.4, -0.6), xlabel=tr("D1.figure.seconds"))
axes.set_title(tr("D1.figure.stream_title"))
for place, action in ((0.86, "compute"), (1.0, "transfer")):
    label = tr(f"D1.figure.{action}")
    axes.text(place, 1.03, label, color=COLOUR[action], transform=axes.transAxes, ha="right", fontweight="bold")
show(figure, tr("D1.figure.alt_stream"))

wall = max(stop for _, _, stop, _ in watched) - origin
work = sum(stop - start for _, start, stop, action in watched if action == "compute")
print(tr("D1.line.work", work=work, wall=wall, count=len(names)))
if held := workers.worker_memory():
    print(tr("cost.worker_memory", count=len(held), mib=sum(held) / 2**20))

# %% [markdown] lid="watch-after"
# What to look for:
#
# - **white between the bars**: workers wait. Chunks too few or too unequal, or the notebook hands out work bit by bit (only at the very start it may be a worker that still loads its libraries);
# - **red** (transfer): data travel between workers. A little is normal; much of it means a layout against the question, as with `rechunk`;
# - **thousands of hair-thin bars**: chunks too small; the scheduler is busier than the workers;
# - **one long bar while the rest is done**: the slowest chunk decides. Cut more finely.

# %% [markdown] lid="scale-text" minutes=9
# ## 7 · As many as you need, no longer than you need them ({{section.minutes}} min)
#
# Workers that do nothing still hold memory and processors that others wait for. `scale` sets a number; `adapt` lets the scheduler ask for workers when there is work, and lets them go when there is none.

# %% lid="scale-hands"
def wait_for_workers(count, patience=60):
    """Wait until ``count`` workers are there, and tell how many there are."""
    deadline = time.monotonic() + patience
    while len(workers.client.scheduler_info(n_workers=-1)["workers"]) != count and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(workers.client.scheduler_info(n_workers=-1)["workers"])


def speak_less():
    """Workers that are let go say so at length."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


speak_less()
workers.on_every_worker(speak_less)
if workers.client is None:
    print(tr("D1.line.no_workers"))
else:
    workers.client.cluster.scale(1)
    print(f"scale(1): {wait_for_workers(1)}")
    workers.client.cluster.adapt(minimum=0, maximum=2)
    print(f"adapt(0, 2), {tr('D1.line.no_work')}: {wait_for_workers(0)}")

# %% [markdown] lid="scale-exercise"
# From two workers to none, because nobody had work for them. The next computation calls them back by itself.
#
# ### Exercise 3 · transfer ({{exercise.D1-3}} min)
#
# Make it a habit that you can take to your own analyses. `start` is a function without arguments that starts a cluster; `work` is a function that gets a client (`cluster.get_client()`) and computes something; `most` is a number of workers. Write a function that starts a cluster, lets it adapt between 0 and `most` workers, gives `work` its client, and returns what `work` returns. And whatever happens, also when `work` fails, the cluster must be closed with `cluster.close()`; the error must still reach whoever called you.
#
# <details><summary>Hint</summary>
#
# In Python, what stands under `finally:` is done after `try:`, whether that ended well or not. And `return` inside `try` does not skip it.
#
# </details>

# %% lid="scale-start" tags=["exercise"] exercise="D1-3"
def my_run(start, work, most):
    ...


# %% lid="scale-solution" tags=["solution"] exercise="D1-3"
def my_run(start, work, most):
    cluster = start()
    try:
        cluster.adapt(minimum=0, maximum=most)
        return work(cluster.get_client())
    finally:
        cluster.close()


# %% lid="scale-wrong-open" tags=["wrong"] exercise="D1-3" hint="D1-3.open"
def my_run(start, work, most):
    cluster = start()
    cluster.adapt(minimum=0, maximum=most)
    return work(cluster.get_client())


# %% lid="scale-wrong-failed" tags=["wrong"] exercise="D1-3" hint="D1-3.failed"
def my_run(start, work, most):
    cluster = start()
    cluster.adapt(minimum=0, maximum=most)
    result = work(cluster.get_client())
    cluster.close()
    return result


# %% lid="scale-wrong-silent" tags=["wrong"] exercise="D1-3" hint="D1-3.silent"
def my_run(start, work, most):
    cluster = start()
    try:
        cluster.adapt(minimum=0, maximum=most)
        return work(cluster.get_client())
    except Exception as problem:
        print(problem)
    finally:
        cluster.close()


# %% lid="scale-wrong-fixed" tags=["wrong"] exercise="D1-3" hint="D1-3.adapt"
def my_run(start, work, most):
    cluster = start()
    try:
        cluster.scale(most)
        return work(cluster.get_client())
    finally:
        cluster.close()


# %% lid="scale-check" tags=["check"] exercise="D1-3"
check("D1-3", my_run)

# %% [markdown] lid="scale-use-text"
# How hot did it get? The cluster has no workers at this moment; watch it help itself. Your function closes it afterwards, so we look at the costs first.

# %% lid="scale-answer"
run = use("D1-3", my_run)


def hottest(client):
    return float(temperature.max().compute())


stopwatch.report(workers)
if workers.client is None:
    record_high = hottest(None)
else:
    record_high = run(lambda: workers.client.cluster, hottest, most=2)
print(f"{tr('D1.line.hottest')}: {record_high:.1f} °C")

# %% [markdown] lid="cost-text" minutes=2
# ## 8 · What it cost, and what you keep ({{section.minutes}} min)
#
# You saw the costs above: time, memory, and no energy, because nobody measured it. Workers are separate processes; their memory is not in the line of the kernel. Closing a second time does no harm, and makes certain that nothing is left behind:

# %% lid="cost"
workers.close()

# %% [markdown] lid="summary"
# ### Summary
#
# - Describe first (lazy), compute late and once. A graph costs milliseconds; values cost time and memory.
# - A chunk is what a worker holds. Keep whole the dimension that your question runs along; here, cutting time every ten days misplaced {{expected.missed}} of the heat waves without a warning.
# - Let the library refuse for you: `apply_ufunc` names the dimension that must be whole, `map_blocks` does not ask.
# - Read the task stream: white is waiting, red is travelling, hair-thin is too small.
# - Adapt from zero, and close in `finally`.
#
# ### What next
#
# - Run section 4 with pieces of 365 days. What do you expect, and why? (Where in the year are the cuts?)
# - Write your own large results to **Zarr** on shared storage, where each worker writes its own chunks: `answers.to_zarr(…)`, in an environment that has the package `zarr`.
# - Lesson D2 puts a cluster to work on real climate scenarios.
#
# **Sources.** Definition of a heat wave: KNMI, as reported by NOS · Number of summer days: *Compendium voor de Leefomgeving*, indicator 0589 · The record itself is invented, and free to use.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Open a dashboard on the projector before section 5 and let the room say what they see while it computes.
#
# **Short of time?** Leave out section 6 where you have shown a live dashboard, and give exercise 3 as homework.
#
# **Questions that come**
#
# - *Why is the total nearly right and still wrong?* Heat waves that are cut are missed, and long ones counted twice; look where they are, not how many there are.
# - *Why not simply more workers?* Each task costs the scheduler time, and others wait for workers too.
# - *Is this what happened in the Netherlands?* No: the record is invented, and calibrated to one published trend.
