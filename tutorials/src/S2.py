# %% [markdown] lid="title"
# # {{title}}
#
# **For** everybody who wants to know whether their work needs a GPU, and can read a Python function. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no network, and no GPU: where there is one, the same cells use it. Do lesson S1 first, for the words *kernel*, *lease* and *profile*. You need no physics: a quantum circuit is explained as what it is to a computer, a list of operations on a long row of numbers.
#
# **Why here.** The government's letter names what good infrastructure is for: “{{claim.quantum-computing.quote}}” (*{{claim.quantum-computing.en}}*). A quantum computer of thirty qubits can be simulated on an ordinary one, to check it or to try an algorithm, and few computations show as clearly where a GPU helps and where it ends.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import math
import os
import time
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np
import psutil
import torch
from IPython import get_ipython
from torch.utils import benchmark

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.exercises.s2_device import PeakMemory, SimulatedDevice
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="device-text" minutes=2
# ## 1 · What does this notebook compute on? ({{section.minutes}} min)
#
# You choose a GPU by choosing a *kernel*, in the launcher or at the top right of the notebook: *Python 3* runs on processors only, and there is one more for each kind of GPU of your profile. Do it before you run a cell. A kernel that you let begin without its GPU (`%werkbank cpu`) stays on the CPU once its code has looked for one, and the next cell but one looks.
#
# Which of the two should you choose? That is the question of this lesson. Begin with *Python 3*; come back with a GPU if you like.

# %% lid="device-ask"
shell = get_ipython()
if shell.find_line_magic("werkbank") is None and find_spec("werkbank_kernels"):
    shell.run_line_magic("load_ext", "werkbank_kernels")
if shell.find_line_magic("werkbank"):
    shell.run_line_magic("werkbank", "gpu")
else:
    print(tr("S2.line.no_werkbank"))

# %% lid="device-choose"
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.set_num_threads(min(torch.get_num_threads(), 4))
if device.type == "cuda":
    print(tr("S2.line.on_gpu", name=torch.cuda.get_device_name()))
else:
    print(tr("S2.line.on_cpu", threads=torch.get_num_threads()))

# %% [markdown] lid="state-text" minutes=7
# ## 2 · A state is 2ⁿ numbers ({{section.minutes}} min)
#
# Three bits hold one of the eight bit strings 000, 001 … 111. Three *qubits* hold a number for each of those eight at the same time: an *amplitude*, a complex number. When you read the qubits out you see only one bit string, and the squared size of its amplitude is the probability of seeing that one. So all those squares add up to 1.
#
# All amplitudes together are the *state*. For n qubits there are 2ⁿ, and in torch's `complex64` each takes 8 bytes (two numbers of 4). How large is that?

# %% lid="state-bytes"
def state_bytes(n):
    return 8 * 2**n


print(f"{tr('S2.line.qubits', n=20)}: {state_bytes(20) / 1e6:.2f} MB")
for n in (30, 33, 34):
    print(f"{tr('S2.line.qubits', n=n)}: {state_bytes(n) / 1e9:.2f} GB")

# %% [markdown] lid="state-exercise"
# Twenty qubits fit in {{expected.state_20}}, thirty take {{expected.state_30}}, and thirty-four {{expected.state_34}}: nearly all of the 141 GB of an H200. Each qubit doubles the memory, so the other way round: **twice the memory buys one qubit**.
#
# Each qubit also doubles the time. Why then is memory the first limit? Because it is a different kind of limit. A computation that takes twice as long still ends. One that needs twice the memory that there is does not begin.
#
# ### Exercise 1 · try ({{exercise.S2-1}} min)
#
# How many qubits fit on *your* device? The function gets `free_bytes`, and `states`: how many states have to fit at the same time. One is not enough: a gate needs space to work in, and you will measure below how much. `states` may be a number such as 1.5. Return the largest whole n for which that many states of n qubits fit. Run the function, read what the check says, and repair it.
#
# <details><summary>Hint</summary>
#
# One state takes 8 · 2ⁿ bytes; how many bytes do `states` of them take? Set that equal to `free_bytes` and solve for n with `math.log2`. Then think about which way to round: a state of which half fits, does not fit.
#
# </details>

# %% lid="state-start" tags=["exercise"] exercise="S2-1"
def my_largest_n(free_bytes, states):
    return round(math.log2(free_bytes / 8))


# %% lid="state-solution" tags=["solution"] exercise="S2-1"
def my_largest_n(free_bytes, states):
    return math.floor(math.log2(free_bytes / (8 * states)))


# %% lid="state-wrong-real" tags=["wrong"] exercise="S2-1" hint="S2-1.number_of_bytes"
def my_largest_n(free_bytes, states):
    return math.floor(math.log2(free_bytes / (4 * states)))


# %% lid="state-wrong-up" tags=["wrong"] exercise="S2-1" hint="S2-1.over"
def my_largest_n(free_bytes, states):
    return math.ceil(math.log2(free_bytes / (8 * states)))


# %% lid="state-wrong-strict" tags=["wrong"] exercise="S2-1" hint="S2-1.exact"
def my_largest_n(free_bytes, states):
    n = 0
    while 8 * 2 ** (n + 1) * states < free_bytes:
        n += 1
    return n


# %% lid="state-wrong-alone" tags=["wrong"] exercise="S2-1" hint="S2-1.states"
def my_largest_n(free_bytes, states):
    return math.floor(math.log2(free_bytes / 8))


# %% lid="state-check" tags=["check"] exercise="S2-1"
check("S2-1", my_largest_n)

# %% lid="state-answer"
def free_memory(device):
    if device.type == "cuda":
        return torch.cuda.mem_get_info()[0]
    free = psutil.virtual_memory().available
    limit = os.environ.get("MEM_LIMIT")
    return min(free, int(limit) - psutil.Process().memory_info().rss) if limit else free


largest_n = use("S2-1", my_largest_n)
free_here = free_memory(device)
print(tr("S2.line.fit_here", gb=free_here / 1e9, one=largest_n(free_here, 1), three=largest_n(free_here, 3)))
print(f"{tr('S2.line.fit_one')}: {largest_n(141e9, 1)}")
print(f"{tr('S2.line.fit_half')}: {largest_n(141e9, 1.5)}")
print(f"{tr('S2.line.fit_three')}: {largest_n(141e9, 3)}")

# %% [markdown] lid="state-after"
# On 141 GB a state of {{expected.fit_one}} qubits fits on paper. With half a state of space to work in, {{expected.fit_half}} is the most; with two states of it, {{expected.fit_three}}. So the question is not how large your data are, but **how much is there at the same moment, at the worst moment**.
#
# Free memory is what is free *now*; in a seat your limit (`MEM_LIMIT`) counts for everything in it together, other notebooks included. Do not try out the limit by going over it. A GPU refuses with an `OutOfMemoryError`, which you can survive; on a CPU the request may be granted, and the kernel is ended when it begins to use what it got.

# %% [markdown] lid="circuit-text" minutes=7
# ## 3 · A circuit that you can check ({{section.minutes}} min)
#
# We keep the state as a tensor with one axis of length 2 per qubit: `state[0, 1, 1]` is the amplitude of 011. Then `state.select(q, 1)` is the half in which qubit q is 1: a *view*, which takes no memory. A *gate* changes the amplitudes. Two kinds are enough here:
#
# - **Hadamard** on qubit q: each pair of amplitudes that differ only in qubit q, (a, b), becomes ((a + b)/√2, (a − b)/√2);
# - **controlled phase** on qubits p and q: where both are 1, the amplitude is multiplied by a number of size 1, e^(i·angle).
#
# The **quantum Fourier transform** (QFT) is made of nothing else: a Hadamard on each qubit, smaller and smaller phases with all that follow it, and at the end swaps, which put the qubits in reverse order. It is the heart of Shor's algorithm, which would break public-key encryption such as RSA on a quantum computer that is large and precise enough.

# %% lid="circuit-gates"
def hadamard(state, q):
    zero, one = state.select(q, 0), state.select(q, 1)
    difference = zero - one
    zero += one
    one.copy_(difference)
    state *= math.sqrt(0.5)
    return state


def controlled_phase(state, p, q, angle):
    first, last = sorted((p, q))
    both = state.select(last, 1).select(first, 1)
    both *= complex(math.cos(angle), math.sin(angle))
    return state


def swap(state, p, q):
    moved = state.movedim((p, q), (0, 1))
    kept = moved[0, 1].clone()
    moved[0, 1] = moved[1, 0]
    moved[1, 0] = kept
    return state


def qft(state):
    n = state.dim()
    for q in range(n):
        hadamard(state, q)
        for p in range(q + 1, n):
            controlled_phase(state, p, q, math.pi / 2 ** (p - q))
    for q in range(n // 2):
        swap(state, q, n - 1 - q)
    return state


# %% [markdown] lid="circuit-check-text"
# These functions change the state that they are given, and that is on purpose. Are they right? There is an exact answer to compare with: on the list of all amplitudes the QFT is the discrete Fourier transform (with a plus in the exponent and 1/√2ⁿ in front), which torch has as `ifft`. We let it compute in double precision, from a random state of 20 qubits.

# %% lid="circuit-check"
def random_state(n, seed=1):
    generator = torch.Generator().manual_seed(seed)
    state = torch.randn((2,) * n, dtype=torch.complex64, generator=generator).to(device)
    return state / torch.linalg.vector_norm(state)


state = random_state(20)
exact = torch.fft.ifft(state.flatten().to(torch.complex128), norm="ortho")
error = torch.linalg.vector_norm(qft(state).flatten() - exact)
print(f"{tr('S2.line.gates')}: {20 * 21 // 2}")
print(f"{tr('S2.line.error')}: {1e6 * float(error):.2f}")

# %% [markdown] lid="circuit-check-after"
# {{expected.gates}} gates, ten swaps, and {{expected.error}} (parts per million) of difference: about what {{expected.gates}} roundings of numbers with seven digits leave behind. If that is not precise enough, `complex128` has sixteen digits. It takes 16 bytes per amplitude, so the price is known: one qubit.
#
# What is a QFT for? It finds *periods*. Let us make a state of 8 qubits in which every tenth amplitude has the same size and all others are zero.

# %% lid="circuit-figure" tags=["figure"] alt="S2.figure.alt_period"
periodic = torch.zeros(2**8, dtype=torch.complex64, device=device)
periodic[3::10] = 1
periodic /= torch.linalg.vector_norm(periodic)
before = periodic.abs().square().cpu().numpy()
after = qft(periodic.clone().view((2,) * 8)).flatten().abs().square().cpu().numpy()
print(f"{tr('S2.line.peaks')}: {np.count_nonzero(after > 0.05)}")

figure, panels = plt.subplots(2, 1, figsize=(10, 4.6), sharex=True, layout="constrained")
for axes, probability, colour, name in zip(panels, (before, after), ("sky", "vermilion"), ("before", "after")):
    axes.bar(range(256), probability, width=1.2, color=OKABE_ITO[colour])
    axes.set(ylabel=tr("S2.figure.probability"), xlim=(-3, 258), ylim=(0, 0.115))
    axes.set_title(tr(f"S2.figure.{name}"))
panels[1].set_xlabel(tr("S2.figure.row"))
show(figure, tr("S2.figure.alt_period"))

# %% [markdown] lid="circuit-figure-after"
# Below stand {{expected.peaks}} peaks, one for each multiple of 256/10: the QFT has turned the distance between the lines into their number. A real quantum computer shows you *one* bit string per run, drawn with these probabilities; all amplitudes at once are never to be seen. A simulation shows them all, and the memory is what you pay for that.
#
# ### How many states at the same time?
#
# In textbooks a gate is a matrix, and torch can multiply with it in one line. Our function does the same work in the state's own memory. We measure what each needs at its worst moment, on 24 qubits.

# %% lid="circuit-memory"
MATRIX = torch.tensor([[1, 1], [1, -1]], dtype=torch.complex64, device=device) * math.sqrt(0.5)


def hadamard_by_matrix(state, q):
    return torch.tensordot(MATRIX, state, dims=([1], [q])).movedim(0, q)


def zeros(n):
    return torch.zeros((2,) * n, dtype=torch.complex64, device=device)


for gate, name in ((hadamard, "in_place"), (hadamard_by_matrix, "by_matrix")):
    gate(zeros(12), 6)
    with PeakMemory(device) as peak:
        gate(zeros(24), 12)
    print(f"{tr(f'S2.line.{name}')}: {peak.bytes / state_bytes(24):.2f}")

# %% [markdown] lid="circuit-memory-after"
# {{expected.in_place}} states against {{expected.by_matrix}}. Same result, same device, half the memory: **one qubit for free**, which is what you would otherwise get from a GPU with twice the memory. The other gates take less than half a state beside it, so the whole QFT needs 1.5. (On a GPU torch counts for you: `torch.cuda.max_memory_allocated()`. On a CPU our `PeakMemory` looks at this process, a thousand times a second.)

# %% [markdown] lid="measure-text" minutes=10
# ## 4 · Measure the work, and not the asking ({{section.minutes}} min)
#
# A GPU works *asynchronously*. When you write `qft(state)`, Python puts the operations in a queue and goes on at once. Who then looks at the clock has measured how long it takes to *ask*. `torch.cuda.synchronize()` waits until the queue is empty.
#
# Two more traps, on any device. The **first run** is slower: memory is taken, libraries are loaded. And you **share** the machine: now and then a run is disturbed by somebody else's.
#
# To let everybody see this, with or without a GPU, here is a *simulated* device. It computes nothing; it has a queue and a clock of its own, and its times are made up.

# %% lid="measure-trap"
simulated = SimulatedDevice(runs=[0.52, 0.02])


def milliseconds(wait):
    began = simulated.clock()
    simulated.work()
    if wait:
        simulated.synchronise()
    return 1000 * (simulated.clock() - began)


print(f"{tr('S2.line.first')}: {milliseconds(wait=True):.2f}")
print(f"{tr('S2.line.asked')}: {milliseconds(wait=False):.2f}")
simulated.synchronise()
print(f"{tr('S2.line.waited')}: {milliseconds(wait=True):.2f}")

# %% [markdown] lid="measure-exercise"
# The same work, three answers: {{expected.sim_first}} the first time, {{expected.sim_asked}} when nobody waits for the result, and {{expected.sim_waited}}. Only the last is what the next run will take. With the second you would report a GPU two thousand times too fast.
#
# ### Exercise 2 · change ({{exercise.S2-2}} min)
#
# The function below should tell how many seconds one `work()` takes. It falls into every trap. `synchronise()` waits until all work is done, `clock()` gives seconds, and `repeats` is how many runs to time. Change it, so that a first run does not count, every run is timed until it is done, and a few disturbed runs do not matter. It must be right for `repeats = 1` too.
#
# <details><summary>Hint</summary>
#
# Before the clock runs for the first time, one run has to be over and done with. Inside the loop, time each run by itself and keep the times in a list. Which summary of a list does not move when a third of it is far too large?
#
# </details>

# %% lid="measure-start" tags=["exercise"] exercise="S2-2"
def my_seconds(work, synchronise, clock, repeats):
    began = clock()
    for _ in range(repeats):
        work()
    return (clock() - began) / repeats


# %% lid="measure-solution" tags=["solution"] exercise="S2-2"
def my_seconds(work, synchronise, clock, repeats):
    work()
    synchronise()
    times = []
    for _ in range(repeats):
        began = clock()
        work()
        synchronise()
        times.append(clock() - began)
    return np.median(times)


# %% lid="measure-wrong-asking" tags=["wrong"] exercise="S2-2" hint="S2-2.launch"
def my_seconds(work, synchronise, clock, repeats):
    work()
    synchronise()
    times = []
    for _ in range(repeats):
        began = clock()
        work()
        times.append(clock() - began)
    return np.median(times)


# %% lid="measure-wrong-cold" tags=["wrong"] exercise="S2-2" hint="S2-2.first"
def my_seconds(work, synchronise, clock, repeats):
    times = []
    for _ in range(repeats):
        began = clock()
        work()
        synchronise()
        times.append(clock() - began)
    return np.median(times)


# %% lid="measure-wrong-pending" tags=["wrong"] exercise="S2-2" hint="S2-2.pending"
def my_seconds(work, synchronise, clock, repeats):
    work()
    times = []
    for _ in range(repeats):
        began = clock()
        work()
        synchronise()
        times.append(clock() - began)
    return np.median(times)


# %% lid="measure-wrong-mean" tags=["wrong"] exercise="S2-2" hint="S2-2.mean"
def my_seconds(work, synchronise, clock, repeats):
    work()
    synchronise()
    began = clock()
    for _ in range(repeats):
        work()
    synchronise()
    return (clock() - began) / repeats


# %% lid="measure-check" tags=["check"] exercise="S2-2"
check("S2-2", my_seconds)

# %% [markdown] lid="measure-real"
# Now on what you really have. torch brings a tool that does the same and more, `torch.utils.benchmark`; in your own work, use that. One thing to know: it computes with *one* thread unless you say otherwise.

# %% lid="measure-answer"
seconds_of = use("S2-2", my_seconds)


def synchronise():
    if device.type == "cuda":
        torch.cuda.synchronize()


state = random_state(16)
mine = seconds_of(lambda: qft(state), synchronise, time.perf_counter, 25)
timer = benchmark.Timer("qft(state)", globals={"qft": qft, "state": state}, num_threads=torch.get_num_threads())
theirs = timer.blocked_autorange(min_run_time=0.3).median
print(tr("S2.line.both", mine=1000 * mine, theirs=1000 * theirs))

# %% [markdown] lid="measure-after"
# The two should be close. On a busy machine they may not be; then measure again, and longer. A time without the number of runs, and without what else the machine did, is an anecdote. (To time parts of a queue on a GPU there is `torch.cuda.Event`, a mark that the device itself provides with a time.)

# %% [markdown] lid="wall-text" minutes=4
# ## 5 · Time, and the wall ({{section.minutes}} min)
#
# We time the QFT from 6 to 20 qubits, on the CPU, and on the GPU if this kernel has one. From the last measurement we extrapolate: per qubit twice the amplitudes, and n more gates. That is rough, good to a factor of two or so, which on this scale is enough.

# %% lid="wall-measure"
def time_qft(where, sizes):
    times = {}
    for n in sizes:
        state = random_state(n).to(where)
        times[n] = seconds_of(lambda: qft(state), synchronise, time.perf_counter, 3)
    return times


measured = {"cpu": time_qft("cpu", range(6, 21, 2))}
if device.type == "cuda":
    measured["gpu"] = time_qft("cuda", range(6, 25, 2))


def gates(n):
    return n * (n + 1) // 2


def predict(times, n):
    last = max(times)
    return times[n] if n in times else times[last] * 2.0 ** (n - last) * gates(n) / gates(last)


for name, times in measured.items():
    small, middle, large = (1e6 * times[n] / gates(n) for n in (6, 12, max(times)))
    where = tr(f"S2.figure.{name}")
    print(tr("S2.line.per_gate", where=where, small=small, middle=middle, large=large, last=max(times)))

# %% lid="wall-figure" tags=["figure"] alt="S2.figure.alt_wall"
COLOUR = {"cpu": OKABE_ITO["blue"], "gpu": OKABE_ITO["vermilion"]}
MARKS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 3}


def draw_times(axes, name, times):
    last = max(times)
    ahead = np.arange(last, largest_n(141e9, 1.5) + 1)
    axes.plot(times.keys(), times.values(), "o-", color=COLOUR[name], linewidth=1.8)
    axes.plot(ahead, [predict(times, n) for n in ahead], color=COLOUR[name], linewidth=1.4, linestyle=(0, (4, 2)))
    style = {"color": COLOUR[name], "ha": "right", "bbox": PAPER}
    axes.text(last - 0.6, times[last] * 1.6, tr(f"S2.figure.{name}"), fontweight="bold", **style)
    axes.text(25.6, 1.6 * predict(times, 26), tr("S2.figure.extrapolated"), fontsize=10, **style)


def draw_wall(axes, size, label):
    edge = largest_n(size, 1.5) + 0.5
    axes.axvline(edge, color=INK, linewidth=1.2)
    axes.text(edge - 0.12, 2e-5, label, rotation=90, ha="right", va="bottom", color=INK, fontsize=10)


figure, axes = plt.subplots(figsize=(10, 5.2))
for name, seconds in MARKS.items():
    axes.axhline(seconds, color=LINE, linewidth=1)
    axes.text(5.7, seconds * 1.15, tr(f"S2.figure.{name}"), color=MUTED, fontsize=9)
for name, times in measured.items():
    draw_times(axes, name, times)
for size in (16, 80, 141):
    draw_wall(axes, size * 1e9, f"{size} GB")
axes.axvspan(largest_n(141e9, 1.5) + 0.5, 36, facecolor="white", edgecolor=LINE, hatch="////", linewidth=0)
axes.text(34.8, 1, tr("S2.figure.too_large"), rotation=90, ha="center", va="center", fontsize=10, bbox=PAPER)
axes.set(xlim=(5.5, 36), ylim=(1e-5, 4e5), yscale="log", xlabel=tr("S2.figure.qubits"), ylabel=tr("S2.figure.time"))
axes.set_title(tr("S2.figure.wall_title"))
show(figure, tr("S2.figure.alt_wall"))

# %% [markdown] lid="wall-after"
# Read it from left to right. With **few qubits** the line rises slowly, and mostly because there are more gates: a state of 12 qubits is 64 times as large as one of 6, and a gate on it takes nothing like 64 times as long. You time Python and the starting of operations, some microseconds each, and not the arithmetic. A GPU has to be asked too, and changes nothing here. With **many qubits** the line is straight on this scale: twice the time per qubit. Each gate reads and writes the state and hardly computes, so what counts is how fast memory can be read and written; that is what a GPU is better at. At the **wall** it is over, however patient you are: a black line is where 1.5 states no longer fit.

# %% [markdown] lid="gate-text" minutes=8
# ## 6 · Write a gate of your own ({{section.minutes}} min)
#
# The gate of two qubits that you will meet most often is **CNOT** (controlled NOT). It has a *control* and a *target*: where the control is 1, the target is turned over; where the control is 0, nothing happens.
#
# | control, target | becomes |
# |---|---|
# | 00 | 00 |
# | 01 | 01 |
# | 10 | 11 |
# | 11 | 10 |
#
# ### Exercise 3 · transfer ({{exercise.S2-3}} min)
#
# Write it. `state` has one axis of length 2 per qubit, `control` and `target` are the numbers of two axes, in any order. Return the state after the gate; you may change the one you were given. The check compares with the table, and looks whether the squared amplitudes still add up to 1.
#
# <details><summary>Hint</summary>
#
# `state.movedim((control, target), (0, 1))` is a view in which the two axes come first, whatever their order. Which part of it has to change, and along which axis does it turn over? If you move amplitudes within the same memory, think of what is overwritten before it has been read; `flip` and `clone` make copies.
#
# </details>

# %% lid="gate-start" tags=["exercise"] exercise="S2-3"
def my_cnot(state, control, target):
    ...


# %% lid="gate-solution" tags=["solution"] exercise="S2-3"
def my_cnot(state, control, target):
    moved = state.movedim((control, target), (0, 1))
    moved[1] = moved[1].flip(0)
    return state


# %% lid="gate-wrong-always" tags=["wrong"] exercise="S2-3" hint="S2-3.always"
def my_cnot(state, control, target):
    return state.flip(target)


# %% lid="gate-wrong-roles" tags=["wrong"] exercise="S2-3" hint="S2-3.roles"
def my_cnot(state, control, target):
    moved = state.movedim((target, control), (0, 1))
    moved[1] = moved[1].flip(0)
    return state


# %% lid="gate-wrong-overwritten" tags=["wrong"] exercise="S2-3" hint="S2-3.norm"
def my_cnot(state, control, target):
    moved = state.movedim((control, target), (0, 1))
    moved[1, 0], moved[1, 1] = moved[1, 1], moved[1, 0]
    return state


# %% lid="gate-wrong-axis" tags=["wrong"] exercise="S2-3" hint="S2-3.axis"
def my_cnot(state, control, target):
    ones = state.select(control, 1)
    ones.copy_(ones.flip(target))
    return state


# %% lid="gate-check" tags=["check"] exercise="S2-3"
check("S2-3", my_cnot)

# %% [markdown] lid="gate-use"
# With it you can make the best known state of all: a Hadamard on the first qubit, and then CNOT from each to the next, on 20 qubits.

# %% lid="gate-answer"
cnot = use("S2-3", my_cnot)
state = zeros(20)
state.view(-1)[0] = 1
state = hadamard(state, 0)
for q in range(19):
    state = cnot(state, q, q + 1)
probability = state.abs().square().flatten()
print(f"{tr('S2.line.all_zero')}: {float(probability[0]):.2f}")
print(f"{tr('S2.line.all_one')}: {float(probability[-1]):.2f}")
print(f"{tr('S2.line.rest')}: {float(probability[1:-1].sum()):.2f}")

# %% [markdown] lid="gate-after"
# Of more than a million bit strings only two are left: all zeros with probability {{expected.all_zero}}, all ones with {{expected.all_one}}. Read one qubit, and you know the nineteen others. Twenty coins that somebody laid the same way up would do that too. What makes this *entanglement* is that both amplitudes are there at once, and that later gates can let them add up or cancel. The state is called a GHZ state, after Greenberger, Horne and Zeilinger.
#
# CNOT was within reach all along: a Hadamard on the target, a controlled phase with angle π, and the Hadamard again, is the same gate. But it takes three passes through the memory instead of one.

# %% [markdown] lid="decide-text" minutes=3
# ## 7 · CPU or GPU? ({{section.minutes}} min)
#
# Now ask, with numbers. The rule: **what does the work need at its worst moment, and how long does the CPU take?** If it fits in your seat and you can wait for it, take the CPU; others need the GPU more. If not, the smallest GPU in which it fits. The sizes below are examples; put in those of your own profile.

# %% lid="decide"
PATIENCE = 60
GPUS = {"16 GB": 16e9, "80 GB": 80e9, "141 GB": 141e9}


def advice(n):
    need = 1.5 * state_bytes(n)
    if predict(measured["cpu"], n) <= PATIENCE and need <= free_memory(torch.device("cpu")):
        return tr("S2.line.take_cpu")
    return next((tr("S2.line.take_gpu", gpu=gpu) for gpu, size in GPUS.items() if need <= size), tr("S2.line.take_none"))


def shown(amount, units):
    fitting = {size: name for name, size in units.items() if size <= amount} or {1: "?"}
    return f"{amount / max(fitting):.1f} {fitting[max(fitting)]}"


for n in (12, 20, 26, 30, 32, 34):
    size = shown(1.5 * state_bytes(n), {"kB": 1e3, "MB": 1e6, "GB": 1e9})
    wait = shown(predict(measured["cpu"], n), {"µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600})
    print(tr("S2.line.decide", n=n, size=size, wait=wait, advice=advice(n)))

# %% [markdown] lid="decide-after"
# Three things that this table does not know. Part of a GPU's memory is gone before you begin, to CUDA and its libraries: what counts is what is free. A slice of a GPU (MIG) has less memory *and* less speed than the whole. And a machine is not faster because it is larger: **measure your own work on a small case first**, on the CPU, while nobody has to wait for you.

# %% [markdown] lid="cost-text" minutes=1
# ## 8 · What it cost, and what you keep ({{section.minutes}} min)
#
# Tell what a result cost, as you tell how precise it is. If this kernel leases a GPU, shut the kernel down when you are done: what you hold counts, busy or not.

# %% lid="cost"
stopwatch.report()
if device.type == "cuda":
    print(tr("S2.line.gpu_memory", gib=torch.cuda.max_memory_allocated() / 2**30))

# %% [markdown] lid="summary"
# ### Summary
#
# - A state of n qubits takes 8 · 2ⁿ bytes: {{expected.state_20}} for 20 qubits, {{expected.state_30}} for 30. Twice the memory, one qubit.
# - Memory comes first: too slow still ends, too large does not begin. What counts is the worst moment; working in place brought it from {{expected.by_matrix}} to {{expected.in_place}} states.
# - Measure with a first run that does not count, wait until the work is done, and take the median.
# - Small work is no faster on a GPU. Take the smallest profile in which your measured need fits.
#
# ### What next
#
# - Let `random_state` make `complex128`, and predict before you run it: what becomes of the memory, the error and the time?
# - Open this notebook once more with a GPU kernel, if your profile has one. Where does its line cross that of the CPU? No GPU has been recorded for this lesson yet, so your figure is the first.
# - D1 takes work that does not fit in one process to a cluster of your own; R2 tells what it costs in energy.
#
# **Words.** CUDA: the software through which programs use NVIDIA's GPUs. FFT: the fast algorithm for the discrete Fourier transform. It does on a list of 2ⁿ numbers what the QFT does on n qubits; the QFT needs far fewer steps, but does not let you read the list. MIG: a GPU divided into fixed parts.
#
# **Sources.** M. A. Nielsen and I. L. Chuang, *Quantum Computation and Quantum Information* (Cambridge University Press), on the quantum Fourier transform · P. W. Shor (1997), *Polynomial-time algorithms for prime factorization and discrete logarithms on a quantum computer*, SIAM Journal on Computing 26 · the documentation of PyTorch, on `torch.utils.benchmark` and the semantics of CUDA.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** With one GPU in the room, run section 5 on it yourself and show the two lines.
#
# **Short of time?** Leave out 6: nothing after it needs it.
#
# **Questions that come**
#
# - *Why not simply a GPU?* With few qubits you time Python, and above 33 not even 141 GB is enough.
# - *Is the QFT a faster FFT?* It takes fewer steps, but you may not read the list.
# - *Can fifty qubits be simulated?* As a state, no: 9 PB. Circuits with little entanglement can, with other methods.
# - *Why are our times different?* Caches and neighbours; that is section 4.
