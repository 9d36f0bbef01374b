# %% [markdown] lid="title"
# # {{title}}
#
# **For** everybody who opens the facility for the first time and can read a line of Python. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network, no earlier lesson.
#
# **Why here.** The government's letter calls an AI facility “{{claim.one-stop-shop.quote}}” (*{{claim.one-stop-shop.en}}*). One shop for everybody means sharing what is scarce. This lesson shows how that works here, and how to be a good neighbour in it.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import json
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="words-text" minutes=2
# ## 1 · Seven words ({{section.minutes}} min)
#
# | word | what it is | it ends |
# |---|---|---|
# | **profile** | what you picked before you came in: processors, memory, kinds of GPU | |
# | **seat** | your running server: JupyterLab and everything you start in it | after a while without activity, or when you stop it |
# | **kernel** | the process that runs the cells of one notebook and holds its variables | when you shut it down, or with the seat |
# | **lease** | the right of *one kernel* to a GPU | when the kernel gives it back or ends |
# | **queue** | where a kernel waits when every GPU is in use; you see your place and the reason | when it is your turn, or you stop waiting |
# | **parked** | your kernel's GPU memory rests in the machine's ordinary memory, and the GPU is with somebody else | at your next cell, when there is a GPU again |
# | **programme** | who your use is counted for | |
#
# Note what is *not* there: a GPU does not belong to you, nor to your seat. It belongs to a kernel, for as long as that kernel needs it. You will compute below why that matters.

# %% [markdown] lid="seat-text" minutes=6
# ## 2 · What did you get? ({{section.minutes}} min)
#
# A seat tells its programs what they may use through *environment variables*: names with a text. These five describe your profile:

# %% lid="seat-facts"
for name in ("WERKBANK_PROFILE", "CPU_LIMIT", "MEM_LIMIT", "WERKBANK_DASK_WORKERS", "WERKBANK_DASK_CLUSTERS"):
    print(f"{name}: {os.environ.get(name) or tr('S1.line.not_stated')}")
print(f"{tr('S1.line.processors')}: {os.cpu_count()}")

# %% [markdown] lid="seat-after"
# The last line is a trap. `os.cpu_count()` counts the processors of the *machine*, which you share; `CPU_LIMIT` is your part. A library that starts a thread for each processor of the machine makes you and your neighbours slower, so a seat also sets `OMP_NUM_THREADS` to your part.
#
# “Not stated” means just that: nobody told this kernel. It does not mean zero, and it does not mean unlimited.
#
# ### Exercise 1 · try ({{exercise.S1-1}} min)
#
# `MEM_LIMIT` is a number of bytes. Where the machine enforces it, a kernel that goes over it is ended, variables and all. The function below should turn it into GiB, the unit in which profiles are described. `environment` is a dictionary such as `os.environ`; the variable may be missing, and then the answer is `None`. Run it, read what the check says, and repair it.
#
# <details><summary>Hint</summary>
#
# 1 GiB (gibibyte) is 2³⁰ bytes, 7 % more than 1 GB (gigabyte, 10⁹ bytes). A dictionary has a method `get`, which gives `None` for what is not there.
#
# </details>

# %% lid="seat-start" tags=["exercise"] exercise="S1-1"
def my_memory_gib(environment):
    return int(environment["MEM_LIMIT"]) / 10**9


# %% lid="seat-solution" tags=["solution"] exercise="S1-1"
def my_memory_gib(environment):
    limit = environment.get("MEM_LIMIT")
    return None if limit is None else int(limit) / 2**30


# %% lid="seat-wrong-gigabyte" tags=["wrong"] exercise="S1-1" hint="S1-1.gigabyte"
def my_memory_gib(environment):
    limit = environment.get("MEM_LIMIT")
    return None if limit is None else int(limit) / 1e9


# %% lid="seat-wrong-mebibyte" tags=["wrong"] exercise="S1-1" hint="S1-1.size"
def my_memory_gib(environment):
    limit = environment.get("MEM_LIMIT")
    return None if limit is None else int(limit) / 1024**2


# %% lid="seat-wrong-zero" tags=["wrong"] exercise="S1-1" hint="S1-1.zero"
def my_memory_gib(environment):
    return int(environment.get("MEM_LIMIT", 0)) / 2**30


# %% lid="seat-wrong-missing" tags=["wrong"] exercise="S1-1" hint="S1-1.missing"
def my_memory_gib(environment):
    return int(environment["MEM_LIMIT"]) / 2**30


# %% lid="seat-check" tags=["check"] exercise="S1-1"
check("S1-1", my_memory_gib)

# %% lid="seat-answer"
memory_gib = use("S1-1", my_memory_gib)
table = np.zeros((10_000, 1_000))
print(f"{tr('S1.line.mine')}: {memory_gib(os.environ) or tr('S1.line.not_stated')}")
print(f"{tr('S1.line.table')}: {table.nbytes / 2**30:.3f} GiB")
del table

# %% [markdown] lid="seat-end"
# Ten million numbers of 8 bytes: 0.075 GiB. Many operations make a copy or two, so plan for three times the size of your data. JupyterLab's panel *GPUs and queue* shows what your seat takes while you work.

# %% [markdown] lid="gpu-text" minutes=3
# ## 3 · Ask your kernel about its GPU ({{section.minutes}} min)
#
# You choose a GPU by choosing a *kernel*: at the top right of the notebook, *Python 3* runs on processors only, and there is one more for each kind of GPU of your profile. Such a kernel starts at once, also when every GPU is in use; its first cell waits in the queue, and shows your place.
#
# In any cell of your own you can type `%werkbank` to ask what this kernel leases, `%werkbank queue` why it waits, `%werkbank cpu` to go on without a GPU meanwhile, and `%werkbank help` for the rest. The next cell asks for you, and says so when this is no workbench.

# %% lid="gpu-ask"
shell = get_ipython()
if shell.find_line_magic("werkbank") is None and find_spec("werkbank_kernels"):
    shell.run_line_magic("load_ext", "werkbank_kernels")
if shell.find_line_magic("werkbank"):
    shell.run_line_magic("werkbank", "gpu")
else:
    print(tr("S1.line.no_werkbank"))

described = os.environ.get("WERKBANK_GPU_CLASSES")
for gpu in json.loads(described or "[]"):
    mark = tr("S1.line.simulated") if gpu["simulated"] else ""
    print(f"{gpu['title']}: {gpu['memory'] / 1e9:.0f} GB {mark}".strip())
if described is None:
    print(tr("S1.line.no_workbench"))
elif described == "[]":
    print(tr("S1.line.no_gpus"))
visible = os.environ.get("CUDA_VISIBLE_DEVICES")
print(f"CUDA_VISIBLE_DEVICES: {tr('S1.line.not_set') if visible is None else visible or tr('S1.line.no_device')}")

# %% [markdown] lid="gpu-after"
# `CUDA_VISIBLE_DEVICES` is how a CUDA library learns which GPU it may use; in a seat it is empty without a lease, and the library sees none. Never set it yourself: you would take somebody else's GPU. A *simulated* GPU computes nothing. It exists to practise waiting and sharing, and says so wherever it is named.

# %% [markdown] lid="queue-text" minutes=10
# ## 4 · One GPU, five people ({{section.minutes}} min)
#
# Here is a morning. For each person: when they arrive and leave, and the cells that need the GPU as (asks, runs), all in minutes after nine o'clock. People read, think and fetch coffee between cells; that is what research looks like.

# %% lid="queue-morning"
morning = {
    "Anouk": (0, 90, [(5, 10), (40, 5), (75, 10)]),
    "Bram": (10, 70, [(20, 8), (50, 10)]),
    "Chen": (20, 120, [(28, 6), (65, 10), (100, 12)]),
    "Daan": (30, 80, [(35, 12), (70, 5)]),
    "Esra": (45, 150, [(48, 4), (80, 15), (130, 10)]),
}
cells = sorted((minute, length, name) for name, (_, _, wanted) in morning.items() for minute, length in wanted)

# %% [markdown] lid="queue-exercise"
# On many systems a GPU comes with the *server*: it is yours from arrival to departure, whether you compute or not. Here it comes with a *kernel*, which makes room between cells when somebody waits. How long do people wait under each rule?
#
# ### Exercise 2 · change ({{exercise.S1-2}} min)
#
# One GPU serves requests in the order in which they arrive. `arrives` and `lasts` are arrays, sorted by arrival: request *i* comes at minute `arrives[i]` and then holds the GPU for `lasts[i]` minutes. The function should return how long each of them waits. This version looks only at the request just before it. Change it so that it is right for a long queue too.
#
# <details><summary>Hint</summary>
#
# Walk through the requests one by one and remember a single number: the minute at which the GPU is free. A request starts at that minute or at its own arrival, whichever is later. What is the new minute at which the GPU is free?
#
# </details>

# %% lid="queue-start" tags=["exercise"] exercise="S1-2"
def my_waits(arrives, lasts):
    ends = arrives + lasts
    waits = np.zeros(len(arrives))
    waits[1:] = np.maximum(ends[:-1] - arrives[1:], 0)
    return waits


# %% lid="queue-solution" tags=["solution"] exercise="S1-2"
def my_waits(arrives, lasts):
    free, waits = arrives[0], []
    for arrival, length in zip(arrives, lasts):
        begins = max(arrival, free)
        waits.append(begins - arrival)
        free = begins + length
    return np.array(waits)


# %% lid="queue-wrong-idle" tags=["wrong"] exercise="S1-2" hint="S1-2.idle"
def my_waits(arrives, lasts):
    before = np.cumsum(lasts) - lasts
    return np.maximum(arrives[0] + before - arrives, 0)


# %% lid="queue-wrong-negative" tags=["wrong"] exercise="S1-2" hint="S1-2.negative"
def my_waits(arrives, lasts):
    free, waits = arrives[0], []
    for arrival, length in zip(arrives, lasts):
        waits.append(free - arrival)
        free = max(arrival, free) + length
    return np.array(waits)


# %% lid="queue-wrong-begins" tags=["wrong"] exercise="S1-2" hint="S1-2.begins"
def my_waits(arrives, lasts):
    free, begins = arrives[0], []
    for arrival, length in zip(arrives, lasts):
        begins.append(max(arrival, free))
        free = begins[-1] + length
    return np.array(begins)


# %% lid="queue-check" tags=["check"] exercise="S1-2"
check("S1-2", my_waits)

# %% [markdown] lid="queue-both"
# Now the same function for both rules. A request under the first rule is a whole visit; under the second it is a cell.

# %% lid="queue-answer"
waits_of = use("S1-2", my_waits)

arrives = np.array([arrival for arrival, _, _ in morning.values()])
stays = np.array([leaves - arrival for arrival, leaves, _ in morning.values()])
server_wait = dict(zip(morning, waits_of(arrives, stays)))

asks = np.array([minute for minute, _, _ in cells])
runs = np.array([length for _, length, _ in cells])
cell_wait = waits_of(asks, runs)
lease_wait = {person: sum(w for w, (_, _, name) in zip(cell_wait, cells) if name == person) for person in morning}

print(f"{tr('S1.line.wait_server')}: {np.mean(list(server_wait.values())):.1f} min")
print(f"{tr('S1.line.wait_lease')}: {np.mean(list(lease_wait.values())):.1f} min")

# %% [markdown] lid="queue-after"
# The same five people and the same cells, on the same single GPU: on average a person waits {{expected.wait_server}} when a GPU comes with the server, and {{expected.wait_lease}}, all cells together, when it comes with the cell. Nobody computed faster. Only the idle time was shared.

# %% lid="queue-figure" tags=["figure"] alt="S1.figure.alt_morning"
STYLE = {
    "wait": {"facecolor": "white", "edgecolor": OKABE_ITO["vermilion"], "hatch": "////", "linewidth": 0.8},
    "hold": {"facecolor": OKABE_ITO["sky"], "alpha": 0.5},
    "run": {"facecolor": OKABE_ITO["blue"]},
}
LABEL = {"facecolor": "white", "edgecolor": LINE, "boxstyle": "round,pad=0.25"}


def draw_morning(axes, bars, title):
    for kind, person, begins, length in bars:
        axes.broken_barh([(begins, length)], (list(morning).index(person) - 0.32, 0.64), **STYLE[kind])
    axes.set(yticks=range(len(morning)), yticklabels=list(morning), ylim=(4.6, -0.6), xlim=(0, 420))
    axes.set_title(title)


per_server, per_cell = [], []
for person, (arrival, leaves, wanted) in morning.items():
    wait = server_wait[person]
    per_server += [("wait", person, arrival, wait), ("hold", person, arrival + wait, leaves - arrival)]
    per_server += [("run", person, minute + wait, length) for minute, length in wanted]
for wait, (minute, length, person) in zip(cell_wait, cells):
    per_cell += [("wait", person, minute, wait), ("run", person, minute + wait, length)]

figure, (above, below) = plt.subplots(2, 1, figsize=(10, 5.6), sharex=True, layout="constrained")
draw_morning(above, per_server, tr("S1.figure.server"))
draw_morning(below, per_cell, tr("S1.figure.lease"))
above.text(100, 0, tr("S1.figure.hold"), va="center", color=INK)
above.text(165, 3, tr("S1.figure.wait"), va="center", ha="center", color=INK, bbox=LABEL)
above.annotate(tr("S1.figure.run"), (390, 3.7), (370, 2.9), color=INK, arrowprops={"arrowstyle": "-", "color": MUTED})
below.set_xlabel(tr("S1.figure.minutes"))
show(figure, tr("S1.figure.alt_morning"))

# %% [markdown] lid="queue-honest"
# What this picture leaves out. Handing a GPU over is not free: a kernel must have been idle for some minutes before it is parked, and moving its memory takes seconds. And the real queue is not plain first come, first served: the programme that is furthest below its share goes first, then the person who has used least, then who asked first; and nobody is overtaken for more than a few hours. The page *My GPUs* in the top bar tells you your place and the reason, whatever they are.

# %% [markdown] lid="park-text" minutes=3
# ## 5 · Parked is not lost ({{section.minutes}} min)
#
# When somebody waits and you run nothing, you get a notice, with a button to keep the GPU a while longer. Without an answer your kernel is *parked*: what it has on the GPU moves to the machine's memory. When you run the next cell, it comes back, with every variable in place. What stays, and what does not:
#
# | | variables | on the GPU | files at home | files in /tmp |
# |---|---|---|---|---|
# | you do nothing for an hour, nobody waits | stay | stays | stay | stay |
# | your kernel is parked, and you run a cell | stay | comes back | stay | stay |
# | you restart the kernel | **gone** | **gone** | stay | stay |
# | your seat is stopped (idle for too long, or by you) | **gone** | **gone** | stay | may be gone |
# | the hub is restarted by its admins | stay | stays | stay | stay |
#
# Two limits. A parked kernel that nobody returns to loses its GPU memory in the end (after a day, unless your facility chose otherwise). And not everything can be parked, such as a kernel with several GPUs; `%werkbank` says so for yours.

# %% [markdown] lid="files-text" minutes=3
# ## 6 · Where your files live ({{section.minutes}} min)
#
# So results belong in a file at home, not in a variable. Save one, lose the variable, and read it back:

# %% lid="files-save"
result = np.array(list(lease_wait.values()))
saved = Path("S1-waits.npy")
np.save(saved, result)
del result

print(np.load(saved))
saved.unlink()

# %% lid="files-where"
for name, folder in (("home", Path.home()), ("tmp", Path(tempfile.gettempdir()))):
    free = shutil.disk_usage(folder).free / 2**30
    print(f"{tr(f'S1.line.{name}')}: {folder}, {free:.1f} GiB {tr('S1.line.free')}")

# %% [markdown] lid="files-after"
# - **Home** is yours and stays. Lessons lie in `tutorials`; your own edits there are never overwritten.
# - **/tmp** is for what you can make again. It may be emptied when your seat ends.
# - The free space is that of the *disk*, which you may share; your own quota, if there is one, can be smaller. Ask your facility, and whether homes are backed up. A backup nobody has told you about does not exist.
# - Data about people do not belong in a home folder unless your agreement says so.

# %% [markdown] lid="quota-text" minutes=2
# ## 7 · Quota and footprint ({{section.minutes}} min)
#
# Your programme may have a number of **GPU-hours** per week, from Monday. One GPU-hour is one GPU *held* for one hour, busy or not; while you are parked or queue you hold none. For our morning:

# %% lid="quota-answer"
print(f"{tr('S1.line.held_server')}: {stays.sum() / 60:.2f} h")
print(f"{tr('S1.line.held_lease')}: {runs.sum() / 60:.2f} h")

# %% [markdown] lid="quota-after"
# {{expected.held_server}} against {{expected.held_lease}}, for the same results. The difference is also electricity: an idle GPU that is held draws power and does nothing. The panel *GPUs and queue* shows the **footprint** of your GPUs: kWh, CO₂e and water, as far as the energy was measured and your facility reports the factors. What is not known is called “not reported”, which is not the same as nothing.

# %% [markdown] lid="manners-text" minutes=6
# ## 8 · Good manners ({{section.minutes}} min)
#
# 1. Ask for the smallest profile in which your work fits. You can always come back with a larger one.
# 2. Write and test on the CPU with a small part of your data; choose a GPU kernel when it works.
# 3. Done with the GPU? Shut the kernel down. (One that has not used its GPU yet can go on without: *Kernel → Give Back GPU*, or `%werkbank release`.) Closing the browser tab gives nothing back.
# 4. Save results to files, so that you can let go at any moment.
# 5. Press *Keep* when you need it, and not out of habit: somebody waits on the other side.
#
# ### Exercise 3 · transfer ({{exercise.S1-3}} min)
#
# Make rule 1 a function. `profiles` is a list of dictionaries as below, in no particular order; `need` says how many `cpu` and how much `memory_gib` the work takes at least, and `gpu`: the kind of GPU, or `None` for none. Return the `name` of the profile with the least memory in which the work fits, and `None` when it fits in none.
#
# <details><summary>Hint</summary>
#
# First make a list of the profiles in which the work fits: three conditions. Then look for the smallest of that list; `min` takes a `key`. What should happen when the list is empty?
#
# </details>

# %% lid="manners-profiles"
profiles = [
    {"name": "small", "cpu": 1, "memory_gib": 2, "gpus": []},
    {"name": "large", "cpu": 4, "memory_gib": 8, "gpus": ["h200"]},
    {"name": "medium", "cpu": 2, "memory_gib": 4, "gpus": ["h200-slice"]},
]
need = {"cpu": 1, "memory_gib": 3, "gpu": None}


# %% lid="manners-start" tags=["exercise"] exercise="S1-3"
def my_profile(profiles, need):
    ...


# %% lid="manners-solution" tags=["solution"] exercise="S1-3"
def my_profile(profiles, need):
    fitting = [
        profile
        for profile in profiles
        if profile["cpu"] >= need["cpu"]
        and profile["memory_gib"] >= need["memory_gib"]
        and (need["gpu"] is None or need["gpu"] in profile["gpus"])
    ]
    if not fitting:
        return None
    return min(fitting, key=lambda profile: profile["memory_gib"])["name"]


# %% lid="manners-wrong-first" tags=["wrong"] exercise="S1-3" hint="S1-3.first"
def my_profile(profiles, need):
    for profile in profiles:
        enough = profile["cpu"] >= need["cpu"] and profile["memory_gib"] >= need["memory_gib"]
        if enough and (need["gpu"] is None or need["gpu"] in profile["gpus"]):
            return profile["name"]


# %% lid="manners-wrong-gpu" tags=["wrong"] exercise="S1-3" hint="S1-3.gpu"
def my_profile(profiles, need):
    fitting = [p for p in profiles if p["cpu"] >= need["cpu"] and p["memory_gib"] >= need["memory_gib"]]
    return min(fitting, key=lambda p: p["memory_gib"])["name"] if fitting else None


# %% lid="manners-wrong-strict" tags=["wrong"] exercise="S1-3" hint="S1-3.exact"
def my_profile(profiles, need):
    fitting = [
        p
        for p in profiles
        if p["cpu"] > need["cpu"]
        and p["memory_gib"] > need["memory_gib"]
        and (need["gpu"] is None or need["gpu"] in p["gpus"])
    ]
    return min(fitting, key=lambda p: p["memory_gib"])["name"] if fitting else None


# %% lid="manners-wrong-none" tags=["wrong"] exercise="S1-3" hint="S1-3.none"
def my_profile(profiles, need):
    fitting = [
        p
        for p in profiles
        if p["cpu"] >= need["cpu"]
        and p["memory_gib"] >= need["memory_gib"]
        and (need["gpu"] is None or need["gpu"] in p["gpus"])
    ]
    return min(fitting, key=lambda p: p["memory_gib"])["name"]


# %% lid="manners-check" tags=["check"] exercise="S1-3"
check("S1-3", my_profile)

# %% lid="manners-answer"
profile_for = use("S1-3", my_profile)
print(f"{tr('S1.line.choose')}: {profile_for(profiles, need)}")

# %% [markdown] lid="manners-after"
# Three GiB and one processor need *medium* here, although its GPU stays unused: memory decides. Change `need` to a piece of work of your own, and `profiles` to what you are offered when you start a seat.

# %% [markdown] lid="cost-text" minutes=1
# ## 9 · What it cost, and what you keep ({{section.minutes}} min)
#
# Every lesson ends by telling what it cost, and never gives a number that nobody measured.

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - A profile describes your seat; a seat runs kernels; a *kernel* leases a GPU, for as long as it needs it.
# - Waiting happens in a live notebook, with a place and a reason. Parking keeps your variables; restarting does not.
# - With one GPU for five people, sharing idle time brought the mean wait from {{expected.wait_server}} to {{expected.wait_lease}}.
# - Results live in files at home. GPU-hours count what you hold, not what you use.
# - Ask for the smallest profile that fits, and give back what you are done with.
#
# ### What next
#
# - Open a notebook with a GPU kernel, where your profile has one, and run `%werkbank` in it. Then run `%werkbank help`.
# - Restart this kernel and look at `morning`: gone. Then think of what you would have lost in your own work.
# - Go on with a lesson from the panel *Lessons*; D2 computes two climates on a Dask cluster of your own.
#
# **Words.** GiB: 2³⁰ bytes; GB: 10⁹ bytes. CUDA: the software through which programs use NVIDIA's GPUs. Dask: a library that spreads work over several processes, the *workers*. CO₂e: all greenhouse gases, expressed as the amount of CO₂ that warms as much.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Let five people act out section 4 before anybody computes: one chair is the GPU, and who thinks gets up. Show the queue panel with two accounts in section 5.
#
# **Short of time?** Tell section 7 and leave out 8 but for exercise 3, which can be homework.
#
# **Questions that come**
#
# - *Is my GPU taken away in the middle of a cell?* No: a kernel makes room between cells, and keeps its variables.
# - *Why may I not simply keep it?* You may ask for that where your profile allows it; your programme pays the hours, busy or not.
# - *Why does the lesson say “not stated” on my laptop?* Nobody gave it limits there; on the workbench the profile does.
