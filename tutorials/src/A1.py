# %% [markdown] lid="title"
# # {{title}}
#
# **For** everybody who trains models, or is about to, and has seen a neural network in Python. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no network, and no GPU: where there is one, the same cells use it. Lesson S1 explains the words *kernel*, *seat* and *parked*.
#
# **Why here.** The government's letter says that access to an AI facility makes the Netherlands “{{claim.talent.quote}}” (*{{claim.talent.en}}*). This lesson is such knowledge: it is what separates a demonstration from a run that you dare to leave alone for a week.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import copy
import cProfile
import io
import math
import os
import pickle
import pstats
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import CosineAnnealingLR

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="ends-text" minutes=4
# ## 1 · What ends a run, and what does not ({{section.minutes}} min)
#
# A *run* is the training of one model, from its first step to its last. It lives in the memory of a kernel. What happens to it on this facility?
#
# | | your run |
# |---|---|
# | you close the tab, or your laptop | goes on; a seat in which a cell runs is not idle |
# | somebody waits for your GPU while a cell runs | goes on: a kernel that is busy is never parked |
# | somebody waits for your GPU between two cells | you get a notice; then the kernel is parked, if it can be, and comes back with all variables at your next cell |
# | you interrupt the cell | stops in the middle of a step; the variables stay |
# | you restart the kernel, or your seat is stopped | is interrupted, and gone a few seconds later |
# | your seat reaches the end of its life, which its profile sets | the same, after a warning, also when it is busy |
# | your seat runs out of memory, or the machine fails | gone at once |
#
# In the last three rows you have lost what you did not write to a file. On a batch system there is one more: the time that you asked for is over. So a long run writes down all that it remembers, every now and then, and that file is called a **checkpoint**.

# %% lid="ends-device"
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, products on a GPU may differ in the last digits
torch.use_deterministic_algorithms(True, warn_only=True)
torch.set_num_threads(1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if device.type == "cuda":
    print(tr("A1.line.on_gpu", name=torch.cuda.get_device_name()))
else:
    print(tr("A1.line.on_cpu"))

# %% [markdown] lid="ends-after"
# These lines ask for *the same answer each time*. Floating-point sums depend on their order, and so may their last digits on the number of threads, on the device and on the version of torch. Within one machine and one version you can have runs that are equal to the last bit; PyTorch promises no more than that. One thread, because the model below is so small that a second one costs more than it helps.

# %% [markdown] lid="loop-text" minutes=6
# ## 2 · A loop worth saving ({{section.minutes}} min)
#
# Our work is small on purpose: 1,797 handwritten digits of 8 × 8 pixels. We divide them in three. The model learns from the **training** images. The **validation** images tell us, while we work, how it does on images that it has not seen. The **test** images are for one look, at the end: whoever chooses by a number can no longer report that number.

# %% lid="loop-data"
SEED = 1
digits = load_digits()
images = torch.tensor(digits.images / 16, dtype=torch.float32, device=device).unsqueeze(1)
labels = torch.tensor(digits.target, device=device)

numbers = np.arange(len(digits.target))
training, rest = train_test_split(numbers, train_size=1200, stratify=digits.target, random_state=SEED)
validation, test = train_test_split(rest, train_size=297, stratify=digits.target[rest], random_state=SEED)
print(len(training), len(validation), len(test))


# %% lid="loop-model"
def make_model(dropout):
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    ).to(device)


EPOCHS, BATCH = 10, 60
STEPS_PER_EPOCH = len(training) // BATCH
STEPS = EPOCHS * STEPS_PER_EPOCH


@dataclass
class Run:
    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    step: int = 0


def new_run(seed):
    torch.manual_seed(seed)
    model = make_model(dropout=0.3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    return Run(model, optimizer, CosineAnnealingLR(optimizer, STEPS))


print(f"{tr('A1.line.parameters')}: {sum(weights.numel() for weights in make_model(0.3).parameters())}")

# %% [markdown] lid="loop-parts"
# A convolutional network with {{expected.parameters}} weights; an *optimizer* (AdamW), which turns gradients into steps; and a *scheduler*, which lets the learning rate fall from 0.003 to zero along a cosine. *Dropout* switches off three in ten inputs of a layer at random, in each step anew.
#
# **Mixed precision.** Most GPUs multiply much faster with numbers of 16 bits. But those are coarse:

# %% lid="loop-precision"
one = torch.tensor(1.0)
print(f"{tr('A1.line.sum_32')}: {(one + 0.001).item():.3f}")
print(f"{tr('A1.line.sum_16')}: {(one.bfloat16() + 0.001).item():.3f}")

# %% [markdown] lid="loop-precision-after"
# In `float32`, 1 + 0.001 is {{expected.sum_32}}; in `bfloat16` it is {{expected.sum_16}}: the small step is lost. A training run is nothing but small steps. So the weights stay in `float32`, and `torch.autocast` lets only the expensive products compute in 16 bits. That is the *mixed* in mixed precision. (The other 16-bit type, `float16`, also needs a `GradScaler`; what that remembers then belongs in a checkpoint too.) On a CPU we leave it out.
#
# Now the loop. `steps` is a *generator*: after each step it hands over, and goes on when asked for the next. So whoever uses it decides what happens between two steps. Which images a step gets follows from its number alone, so it need not be remembered.

# %% lid="loop-steps"
def batch(step):
    epoch, place = divmod(step, STEPS_PER_EPOCH)
    order = np.random.default_rng([SEED, epoch]).permutation(training)
    return order[place * BATCH : (place + 1) * BATCH]


def learn(model, optimizer, inputs, targets):
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        loss = cross_entropy(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def steps(run, until):
    while run.step < until:
        chosen = batch(run.step)
        run.model.train()
        learn(run.model, run.optimizer, images[chosen], labels[chosen])
        run.scheduler.step()
        run.step += 1
        yield run.step


@torch.no_grad()
def evaluate(model, chosen, truth=labels):
    model.eval()
    scores = model(images[chosen])
    right = scores.argmax(dim=1) == truth[chosen]
    return cross_entropy(scores, truth[chosen]).item(), 100 * right.float().mean().item()


# %% lid="loop-first"
first = new_run(SEED)
for step in steps(first, STEPS):
    if step % (2 * STEPS_PER_EPOCH) == 0:
        loss, accuracy = evaluate(first.model, validation)
        print(tr("A1.line.progress", step=step, loss=loss, accuracy=accuracy))

print(f"{tr('A1.line.test')}: {evaluate(first.model, test)[1]:.2f} %")

# %% [markdown] lid="loop-after"
# `model.train()` and `model.eval()` switch dropout on and off; forget the second, and you judge a model with three tenths of a layer missing. On the test images {{expected.test}} are right. With 300 images that is known to two percentage points or so; and the same thirteen people wrote all of these digits, so it says little about the handwriting of a fourteenth.

# %% [markdown] lid="file-text" minutes=4
# ## 3 · A file that you can rely on ({{section.minutes}} min)
#
# Before we ask what belongs in a checkpoint: two ways in which the file itself lets you down. First, the machine stops **while it is being written**. Half a checkpoint is none:

# %% lid="file-half"
folder = Path("A1-checkpoints")
folder.mkdir(exist_ok=True)
path = folder / "demonstration.pt"
torch.save(first.model.state_dict(), path)
path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
try:
    torch.load(path, weights_only=True)
except (OSError, RuntimeError):
    print(tr("A1.line.half"))

# %% [markdown] lid="file-whole"
# And if it had the name of your last good checkpoint, you have lost that one as well. The cure has three steps: write *beside* it, wait until it is on the disk, and then give it its name. Renaming happens as a whole or not at all, so under that name there is always a complete file, the old or the new.

# %% lid="file-write" tags=["setup"]
def write_whole(state, path):
    beside = path.with_name(f"{path.name}.part")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


# %% [markdown] lid="file-trust"
# Second, a checkpoint that comes **from somebody else**. torch writes with Python's *pickle*, and a pickle can contain instructions to call any function. Ours calls `print`; another would call whatever its maker wanted, with your rights, on your files.

# %% lid="file-trap"
class Surprise:
    def __reduce__(self):
        return print, (tr("A1.line.surprise"),)


write_whole({"model": Surprise()}, path)
torch.load(path, weights_only=False)
try:
    torch.load(path, weights_only=True)
except pickle.UnpicklingError:
    print(tr("A1.line.refused"))

# %% [markdown] lid="file-after"
# With `weights_only=True` torch reads tensors, numbers, text, lists and dictionaries, and refuses the rest. It is what recent versions do when you say nothing; say it all the same, because older ones do the opposite, and because many examples on the web switch it off.

# %% [markdown] lid="state-text" minutes=10
# ## 4 · What does a run remember? ({{section.minutes}} min)
#
# The weights, of course. Is that all? The check below lets a run go on after your checkpoint, and compares it with a run that was never interrupted. Not a single bit may differ.
#
# ### Exercise 1 · try ({{exercise.A1-1}} min)
#
# `my_checkpoint` gets a path and a `run`, with `run.model`, `run.optimizer`, `run.scheduler` and `run.step`, and returns two functions: one that writes the run to the file, and one that reads the file back into the run. After a restart the second is called on a *new* run, with other weights. Run the cell, read what the check says, and complete it; each time the check comes one mistake further.
#
# <details><summary>Hint</summary>
#
# Everything with a `state_dict()` has a `load_state_dict()` too. What else in a training step depends on what happened before? Think of dropout: where do random numbers come from, and what decides the next? Look at `torch.get_rng_state` and `torch.set_rng_state`; on a GPU dropout has random numbers of its own (`torch.cuda.get_rng_state_all`). And reread section 3.
#
# </details>

# %% lid="state-start" tags=["exercise"] exercise="A1-1"
def my_checkpoint(path, run):
    def save():
        state = {"model": run.model.state_dict(), "step": run.step}
        torch.save(state, path)

    def load():
        state = torch.load(path, weights_only=False)
        run.model.load_state_dict(state["model"])
        run.step = state["step"]

    return save, load


# %% lid="state-solution" tags=["solution"] exercise="A1-1"
def my_checkpoint(path, run):
    def save():
        state = {
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "scheduler": run.scheduler.state_dict(),
            "step": run.step,
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state_all(),
        }
        write_whole(state, path)

    def load():
        state = torch.load(path, weights_only=True, map_location="cpu")
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.scheduler.load_state_dict(state["scheduler"])
        run.step = state["step"]
        torch.set_rng_state(state["random"])
        torch.cuda.set_rng_state_all(state["random_gpu"])

    return save, load


# %% lid="state-wrong-scheduler" tags=["wrong"] exercise="A1-1" hint="A1-1.scheduler"
def my_checkpoint(path, run):
    def save():
        state = {
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "step": run.step,
            "random": torch.get_rng_state(),
        }
        write_whole(state, path)

    def load():
        state = torch.load(path, weights_only=True)
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.step = state["step"]
        torch.set_rng_state(state["random"])

    return save, load


# %% lid="state-wrong-random" tags=["wrong"] exercise="A1-1" hint="A1-1.random"
def my_checkpoint(path, run):
    def save():
        state = {
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "scheduler": run.scheduler.state_dict(),
            "step": run.step,
        }
        write_whole(state, path)

    def load():
        state = torch.load(path, weights_only=True)
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.scheduler.load_state_dict(state["scheduler"])
        run.step = state["step"]

    return save, load


# %% lid="state-wrong-torn" tags=["wrong"] exercise="A1-1" hint="A1-1.torn"
def my_checkpoint(path, run):
    def save():
        state = {
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "scheduler": run.scheduler.state_dict(),
            "step": run.step,
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state_all(),
        }
        torch.save(state, path)

    def load():
        state = torch.load(path, weights_only=True, map_location="cpu")
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.scheduler.load_state_dict(state["scheduler"])
        run.step = state["step"]
        torch.set_rng_state(state["random"])
        torch.cuda.set_rng_state_all(state["random_gpu"])

    return save, load


# %% lid="state-wrong-pickle" tags=["wrong"] exercise="A1-1" hint="A1-1.pickle"
def my_checkpoint(path, run):
    def save():
        state = {
            "model": run.model.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "scheduler": run.scheduler.state_dict(),
            "step": run.step,
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state_all(),
        }
        write_whole(state, path)

    def load():
        state = torch.load(path, weights_only=False, map_location="cpu")
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.scheduler.load_state_dict(state["scheduler"])
        run.step = state["step"]
        torch.set_rng_state(state["random"])
        torch.cuda.set_rng_state_all(state["random_gpu"])

    return save, load


# %% lid="state-check" tags=["check"] exercise="A1-1"
check("A1-1", my_checkpoint)

# %% [markdown] lid="state-compare"
# How bad is it to forget something? We interrupt a run after step 147 of 200, in the middle of an epoch, and let it come back a few times: with everything, and then each time with less. A run that was never interrupted goes along for comparison.

# %% lid="state-answer"
checkpoint = use("A1-1", my_checkpoint)
RESTART = 147


def watch(run):
    seen = []
    for step in steps(run, STEPS):
        weights = nn.utils.parameters_to_vector(run.model.parameters()).detach().clone()
        seen.append((step, evaluate(run.model, validation)[0], weights))
    return seen


def come_back(parts):
    run = new_run(seed=SEED + 1)
    saved = torch.load(folder / "parts.pt", weights_only=True)
    run.step = RESTART
    for part in parts:
        getattr(run, part).load_state_dict(saved[part])
    return watch(run)


run = new_run(SEED)
before = [(step, evaluate(run.model, validation)[0]) for step in steps(run, RESTART) if step >= 80]
save, _ = checkpoint(folder / "run.pt", run)
save()
parts = ("model", "optimizer", "scheduler")
write_whole({part: getattr(run, part).state_dict() for part in parts}, folder / "parts.pt")
unbroken = watch(run)

fresh = new_run(seed=SEED + 1)
_, load = checkpoint(folder / "run.pt", fresh)
load()
everything = watch(fresh)
forgetful = {count: come_back(parts[:count]) for count in (1, 2, 3)}


def differing(one, other):
    return 100 * (one != other).float().mean().item()


print(f"{tr('A1.line.everything')}: {differing(everything[-1][2], unbroken[-1][2]):.2f} %")
print(f"{tr('A1.line.weights_only')}: {differing(forgetful[1][-1][2], unbroken[-1][2]):.2f} %")

# %% lid="state-figure" tags=["figure"] alt="A1.figure.alt_restart"
NAME = {1: "weights", 2: "optimizer", 3: "scheduler"}
COLOUR = {1: OKABE_ITO["vermilion"], 2: OKABE_ITO["purple"], 3: OKABE_ITO["green"]}
UP_OR_DOWN = {1: "bottom", 2: "bottom", 3: "top"}


def losses_of(seen):
    return [one[0] for one in seen], [one[1] for one in seen]


def distances_to(seen, other):
    return [(one[2] - two[2]).abs().max().item() for one, two in zip(seen, other)]


figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
left.plot(*losses_of(before), color=INK, linewidth=1.4)
left.plot(*losses_of(unbroken), color=INK, linewidth=3)
left.plot(*losses_of(everything), color=OKABE_ITO["sky"], linewidth=1.4, linestyle=(0, (4, 2)))
left.plot(*losses_of(forgetful[1]), color=COLOUR[1], linewidth=1.8)
top = max(losses_of(forgetful[1])[1])
left.text(152, 1.02 * top, tr("A1.figure.weights"), color=COLOUR[1], va="bottom", fontweight="bold")
left.text(RESTART + 2, 0.8 * min(losses_of(unbroken)[1]), tr("A1.figure.both"), color=INK, va="top")
left.set(xlim=(80, 200), ylim=(0, 1.25 * top), ylabel=tr("A1.figure.loss"))
left.set_title(tr("A1.figure.left"))

ZERO = 1e-6  # a logarithmic axis has no zero, so we give it one
for count, seen in forgetful.items():
    right.plot(losses_of(seen)[0], distances_to(seen, unbroken), color=COLOUR[count], linewidth=1.8)
    place = distances_to(seen, unbroken)[-1] * (1.5 if count < 3 else 0.6)
    style = {"color": COLOUR[count], "ha": "right", "va": UP_OR_DOWN[count], "fontweight": "bold"}
    right.text(199, place, tr(f"A1.figure.{NAME[count]}"), **style)
distance = np.maximum(distances_to(everything, unbroken), ZERO)
right.plot(losses_of(everything)[0], distance, color=OKABE_ITO["sky"], linewidth=3)
right.text(199, 1.5 * ZERO, tr("A1.figure.everything"), color=INK, ha="right", fontweight="bold")
right.set(xlim=(140, 200), ylim=(ZERO / 1.5, 1), yscale="log", ylabel=tr("A1.figure.distance"))
right.set_yticks([ZERO, 1e-4, 1e-3, 1e-2, 1e-1, 1], ["0", "0.0001", "0.001", "0.01", "0.1", "1"])
right.minorticks_off()
right.set_title(tr("A1.figure.right"))
for axes in (left, right):
    axes.axvline(RESTART, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_xlabel(tr("A1.figure.step"))
left.text(RESTART - 1, 0.02 * top, tr("A1.figure.restart"), color=MUTED, ha="right", va="bottom", rotation=90)
show(figure, tr("A1.figure.alt_restart"))

# %% [markdown] lid="state-after"
# With everything, {{expected.everything}} of the weights differ at the end; with the weights alone, {{expected.weights_only}}. On the left you see what that does: the loss jumps, because AdamW has forgotten its running averages, and because the schedule begins again at its highest learning rate. If you ever see such a jump in a curve, ask first whether somebody forgot the optimizer. On the right: each thing you remember brings you closer, and only with the random numbers too do you arrive at *exactly* zero.
#
# Is exactness worth it? The forgetful run recovers, and may even end a little lower, since it learned fast for longer. But it is **another experiment** than the one in your paper, and how it ends now depends on when your seat was stopped. An exact resume is also the best test there is of your own code: “nearly equal” may be chance or a mistake, and zero leaves no doubt.

# %% [markdown] lid="signal-text" minutes=5
# ## 5 · Asked to stop ({{section.minutes}} min)
#
# Whoever ends your run usually asks first, with a **signal**. When you restart a kernel or your seat is stopped, Jupyter sends SIGINT, the same as for the stop button; then SIGTERM; and after some five seconds SIGKILL, which no program can catch. A batch system does much the same when your time is over.
#
# By default SIGINT raises a `KeyboardInterrupt` wherever Python happens to be. That may be halfway through `optimizer.step()`, with half of the weights updated: not a state to save. So we only *note* the signal, let the step finish, and then write. Who presses the stop button a second time gets the interrupt after all.

# %% lid="signal-class"
class StopRequest:
    def __enter__(self):
        self.name = None
        numbers = (signal.SIGINT, signal.SIGTERM)
        self.before = {number: signal.signal(number, self.note) for number in numbers}
        return self

    def note(self, number, frame):
        if self.name == "SIGINT" and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name

    def __exit__(self, *problem):
        for number, handler in self.before.items():
            signal.signal(number, handler)


def train(path, terminate_at=None):
    run = new_run(SEED)
    save, load = checkpoint(path, run)
    if path.exists():
        load()
        print(tr("A1.line.goes_on", step=run.step))
    with StopRequest() as stop:
        for step in steps(run, STEPS):
            if step == terminate_at:
                signal.raise_signal(signal.SIGTERM)
            asked = stop.name
            if asked or step % 50 == 0:
                save()
            if asked:
                print(tr("A1.line.stopped", signal=asked, step=step))
                break
    return run


# %% [markdown] lid="signal-try"
# We play the batch system ourselves, and send SIGTERM after step 87. Then we forget everything, and call the same function again: it sees the file, and goes on.

# %% lid="signal-answer"
path = folder / "long-run.pt"
run = train(path, terminate_at=87)
del run

run = train(path)
path.unlink()
mine, theirs = (nn.utils.parameters_to_vector(one.model.parameters()) for one in (run, first))
print(f"{tr('A1.line.after_signal')}: {differing(mine, theirs):.2f} %")

# %% [markdown] lid="signal-after"
# {{expected.after_signal}} of the weights differ from those of the very first run, which nobody disturbed. Note where the file is: in the folder of this notebook, below your home. `/tmp` may be emptied when your seat ends, which is just when you need it.

# %% [markdown] lid="often-text" minutes=3
# ## 6 · How often? ({{section.minutes}} min)
#
# A signal does not always come, so write every now and then as well. How large is a checkpoint?

# %% lid="often-size"
weights = sum(tensor.numel() for tensor in run.model.state_dict().values())
averages = sum(tensor.numel() for one in run.optimizer.state_dict()["state"].values() for tensor in one.values())
save, _ = checkpoint(folder / "run.pt", run)
began = time.perf_counter()
save()
print(tr("A1.line.written", kb=(folder / "run.pt").stat().st_size / 1e3, ms=1e3 * (time.perf_counter() - began)))
print(f"{tr('A1.line.per_weight')}: {(weights + averages) / weights:.2f}")

BYTES_EACH, LARGE = 4, 7e9
large_gb = 3 * BYTES_EACH * LARGE / 1e9
print(f"{tr('A1.line.large')}: {large_gb:.2f} GB")
seconds_to_write = large_gb / 1
between_failures = 24 * 3600
print(f"{tr('A1.line.young')}: {math.sqrt(2 * seconds_to_write * between_failures) / 60:.2f} min")

# %% [markdown] lid="often-after"
# {{expected.per_weight}} numbers per weight: AdamW keeps two running averages of each. For a model of seven billion weights in `float32` that is {{expected.large}}, and at 1 GB/s it takes 84 seconds to write, far more than the time between a signal and the end. Then the signal is no rescue, and only the last checkpoint counts.
#
# Write too often, and you do little else; too seldom, and an interruption costs much. A rule of thumb (Young, 1974) balances the two: with a checkpoint that takes *C* seconds and *M* seconds from one interruption to the next, on average, write every √(2·*C*·*M*) seconds. For this large model, interrupted once a day, that is every {{expected.young}}.

# %% [markdown] lid="profile-text" minutes=8
# ## 7 · Where does the time go? ({{section.minutes}} min)
#
# Not all of the time of a run is learning. In practice the images are files, which must be read and decoded, and are often changed a little at random each time (*augmentation*), so that the model does not learn single pixels by heart. Let us make 300 digits into files: PNG images of 256 × 256 pixels.

# %% lid="profile-files"
def scan(digit):
    pixels = np.kron(15 * digit, np.ones((32, 32))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def decode_scan(file):
    pixels = np.asarray(Image.open(io.BytesIO(file)), dtype=np.float32)
    return torch.from_numpy(pixels.reshape(8, 32, 8, 32).mean(axis=(1, 3)) / 240).unsqueeze(0)


def add_noise(image):
    return image.add_(0.1 * torch.randn(image.shape))


files = [scan(digits.images[number]) for number in training[:300]]
targets = labels[training[:300]]


def three_epochs(make_images):
    image = make_images(files, decode_scan, add_noise)
    model = make_model(dropout=0.3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for _ in range(3):
        for chosen in torch.randperm(len(files)).split(BATCH):
            inputs = torch.stack([image(number) for number in chosen.tolist()])
            learn(model, optimizer, inputs.to(device), targets[chosen])


# %% [markdown] lid="profile-guess"
# Guess first: reading, changing or learning? Then measure. A *profiler* counts the calls of every function and the time spent in it; `cProfile` comes with Python. (For what happens *on* a GPU, use `torch.profiler`.)

# %% lid="profile-measure"
PARTS = ("decode_scan", "add_noise", "learn")


def profiled(make_images):
    with cProfile.Profile() as profiler:
        three_epochs(make_images)
    found = pstats.Stats(profiler).get_stats_profile().func_profiles
    return {part: found[part].cumtime for part in PARTS}, found["decode_scan"].ncalls


def plain_images(files, decode, augment):
    def image(number):
        return augment(decode(files[number]))

    return image


seconds_before, calls_before = profiled(plain_images)
for part, seconds in seconds_before.items():
    print(f"{part}: {seconds:.2f} s")
print(f"{tr('A1.line.decoded_before')}: {calls_before}")

# %% [markdown] lid="profile-exercise"
# Most of the time goes to decoding: {{expected.decoded_before}} times, for 300 files. A GPU would hardly help here: it would wait for its images.
#
# ### Exercise 2 · change ({{exercise.A1-2}} min)
#
# The function below gets the files, `decode` (slow, and always the same for the same file) and `augment` (fast, and different each time). It returns a function that gives the image with a given number. Change it so that every file is decoded only **once**, however often its image is asked for, and the model sees just what it saw before. Beware: `augment` writes in the image that it is given.
#
# <details><summary>Hint</summary>
#
# What lies above `def image` happens once; what lies inside happens each time. Which of the two steps belongs where? And what does the second call for the same number find, if `augment` has written in the only copy? A tensor has `clone()`.
#
# </details>

# %% lid="profile-start" tags=["exercise"] exercise="A1-2"
def my_images(files, decode, augment):
    def image(number):
        return augment(decode(files[number]))

    return image


# %% lid="profile-solution" tags=["solution"] exercise="A1-2"
def my_images(files, decode, augment):
    decoded = [decode(file) for file in files]

    def image(number):
        return augment(decoded[number].clone())

    return image


# %% lid="profile-wrong-frozen" tags=["wrong"] exercise="A1-2" hint="A1-2.frozen"
def my_images(files, decode, augment):
    ready = [augment(decode(file)) for file in files]

    def image(number):
        return ready[number]

    return image


# %% lid="profile-wrong-drift" tags=["wrong"] exercise="A1-2" hint="A1-2.drift"
def my_images(files, decode, augment):
    decoded = [decode(file) for file in files]

    def image(number):
        return augment(decoded[number])

    return image


# %% lid="profile-check" tags=["check"] exercise="A1-2"
check("A1-2", my_images)

# %% lid="profile-answer"
make_images = use("A1-2", my_images)
seconds_after, calls_after = profiled(make_images)
print(f"{tr('A1.line.decoded_after')}: {calls_after}")

# %% lid="profile-figure" tags=["figure"] alt="A1.figure.alt_profile"
SHADE = {"decode_scan": OKABE_ITO["orange"], "add_noise": OKABE_ITO["sky"], "learn": OKABE_ITO["blue"]}

figure, axes = plt.subplots(figsize=(10, 2.6))
for place, seconds in enumerate((seconds_before, seconds_after)):
    begins = 0
    for part in PARTS:
        axes.barh(place, seconds[part], left=begins, height=0.55, color=SHADE[part])
        if place == 0:
            axes.text(begins + seconds[part] / 2, -0.35, part, color=INK, fontsize=10, ha="center", va="bottom")
        begins += seconds[part]
axes.set(yticks=(0, 1), yticklabels=(tr("A1.figure.each_time"), tr("A1.figure.once")), ylim=(1.5, -0.75))
axes.set(xlabel=tr("A1.figure.seconds"))
axes.set_title(tr("A1.figure.profile_title"))
show(figure, tr("A1.figure.alt_profile"))

# %% [markdown] lid="profile-after"
# {{expected.decoded_after}} times is enough. What you may keep is what is always the same; what is random must be done anew, or the model gets to see one single version of each image. This costs memory: the decoded images have to fit. If they do not, write them to disk in a form that reads fast, or let other processes decode ahead (`num_workers` of torch's `DataLoader`; each then has random numbers of its own, and your checkpoint more to remember).
#
# What is left of the decoding is done once, however many epochs follow. Measure again after each repair: the next bottleneck is often another one.

# %% [markdown] lid="best-text" minutes=7
# ## 8 · Keep the best, not the last ({{section.minutes}} min)
#
# People label data, and people make mistakes. We give one in four training images a wrong label, and leave validation and test as they are. A network can learn such mistakes by heart; it needs some epochs for that. So the loss on the validation images falls at first, and rises later, while the loss on the training images goes on falling. Stop when it has not improved for `patience` epochs, and go back to the best: *early stopping*.
#
# ### Exercise 3 · transfer ({{exercise.A1-3}} min)
#
# Write that function. `train_epoch()` trains `model` for one epoch, `validate()` gives the validation loss of the model as it then is. Train until the loss has not improved for `patience` epochs in a row, and at most `most` epochs. At the end the model must have the weights of its best epoch again; return the loss of that epoch.
#
# <details><summary>Hint</summary>
#
# Remember three things: the best loss, the state of the model at that moment, and how many epochs ago that was. Does `state_dict()` give you a copy of the weights, or the weights themselves? Print one before and after an epoch.
#
# </details>

# %% lid="best-start" tags=["exercise"] exercise="A1-3"
def my_fit(model, train_epoch, validate, patience, most):
    ...


# %% lid="best-solution" tags=["solution"] exercise="A1-3"
def my_fit(model, train_epoch, validate, patience, most):
    best, state, since = math.inf, None, 0
    for _ in range(most):
        train_epoch()
        loss = validate()
        since += 1
        if loss < best:
            best, state, since = loss, copy.deepcopy(model.state_dict()), 0
        if since == patience:
            break
    model.load_state_dict(state)
    return best


# %% lid="best-wrong-alias" tags=["wrong"] exercise="A1-3" hint="A1-3.alias"
def my_fit(model, train_epoch, validate, patience, most):
    best, state, since = math.inf, None, 0
    for _ in range(most):
        train_epoch()
        loss = validate()
        since += 1
        if loss < best:
            best, state, since = loss, model.state_dict(), 0
        if since == patience:
            break
    model.load_state_dict(state)
    return best


# %% lid="best-wrong-last" tags=["wrong"] exercise="A1-3" hint="A1-3.last"
def my_fit(model, train_epoch, validate, patience, most):
    best, since = math.inf, 0
    for _ in range(most):
        train_epoch()
        loss = validate()
        since = 0 if loss < best else since + 1
        best = min(best, loss)
        if since == patience:
            break
    return best


# %% lid="best-wrong-buffers" tags=["wrong"] exercise="A1-3" hint="A1-3.buffers"
def my_fit(model, train_epoch, validate, patience, most):
    best, weights, since = math.inf, None, 0
    for _ in range(most):
        train_epoch()
        loss = validate()
        since += 1
        if loss < best:
            best, weights, since = loss, [weight.detach().clone() for weight in model.parameters()], 0
        if since == patience:
            break
    with torch.no_grad():
        for weight, kept in zip(model.parameters(), weights):
            weight.copy_(kept)
    return best


# %% lid="best-wrong-first" tags=["wrong"] exercise="A1-3" hint="A1-3.soon"
def my_fit(model, train_epoch, validate, patience, most):
    best, state = math.inf, None
    for _ in range(most):
        train_epoch()
        loss = validate()
        if loss >= best:
            break
        best, state = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
    return best


# %% lid="best-check" tags=["check"] exercise="A1-3"
check("A1-3", my_fit)

# %% lid="best-answer"
fit = use("A1-3", my_fit)
random = np.random.default_rng(SEED)
wrong = random.choice(training, size=len(training) // 4, replace=False)
noisy = labels.clone()
noisy[wrong] = (noisy[wrong] + torch.from_numpy(random.integers(1, 10, size=len(wrong))).to(device)) % 10

torch.manual_seed(SEED)
model = make_model(dropout=0)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
learned, curve, last = [], [], {}


def train_epoch():
    model.train()
    for chosen in np.array_split(random.permutation(training), STEPS_PER_EPOCH):
        learn(model, optimizer, images[chosen], noisy[chosen])


def validate():
    learned.append(evaluate(model, training, noisy)[0])
    curve.append(evaluate(model, validation)[0])
    last.update(copy.deepcopy(model.state_dict()))
    return curve[-1]


fit(model, train_epoch, validate, patience=8, most=40)
best_accuracy = evaluate(model, test)[1]
model.load_state_dict(last)
print(f"{tr('A1.line.best')}: {best_accuracy:.2f} %")
print(f"{tr('A1.line.last')}: {evaluate(model, test)[1]:.2f} %")

# %% lid="best-figure" tags=["figure"] alt="A1.figure.alt_best"
figure, axes = plt.subplots(figsize=(10, 3.8))
epochs = np.arange(1, len(curve) + 1)
best = int(np.argmin(curve))
axes.axvspan(epochs[best], epochs[-1], color=LINE, alpha=0.45, linewidth=0)
axes.plot(epochs, learned, color=OKABE_ITO["orange"], linewidth=1.8)
axes.plot(epochs, curve, color=OKABE_ITO["blue"], linewidth=1.8)
axes.plot(epochs[best], curve[best], "o", color=OKABE_ITO["vermilion"], markersize=9)
axes.text(epochs[best], 0.06, tr("A1.figure.best", epoch=best + 1), color=INK, ha="center", fontweight="bold")
axes.text(epochs[-1] + 0.2, learned[-1], tr("A1.figure.learned"), color=INK, va="bottom")
axes.text(epochs[-1] + 0.2, curve[-1], tr("A1.figure.validated"), color=OKABE_ITO["blue"], va="top")
axes.text(epochs[best] + 0.2, 1.02 * max(learned), tr("A1.figure.patience"), color=MUTED, va="top")
axes.set(ylim=(0, 1.05 * max(learned)), xlabel=tr("A1.figure.epoch"), ylabel=tr("A1.figure.cross_entropy"))
axes.locator_params(axis="x", integer=True)
axes.set_title(tr("A1.figure.best_title"))
show(figure, tr("A1.figure.alt_best"))

# %% [markdown] lid="best-after"
# On the test images the best weights get {{expected.best}} right, and the last ones {{expected.last}}. The curve is jumpy, so *which* epoch is best is partly luck: with a patience of 2 you would have stopped at an earlier dip. And because we chose by the validation loss, that loss now flatters us. The honest number is that of the test images, which chose nothing.
#
# For a long run, keep two files: the *last* checkpoint, complete, to go on with; and the *best* model, its weights alone, to use.

# %% [markdown] lid="cost-text" minutes=1
# ## 9 · What it cost, and what you keep ({{section.minutes}} min)
#
# Clear away what you no longer need; a disk full of old checkpoints ends runs too. And if this kernel leases a GPU, shut it down when you are done.

# %% lid="cost"
shutil.rmtree(folder)
stopwatch.report()
if device.type == "cuda":
    print(tr("A1.line.gpu_memory", gib=torch.cuda.max_memory_allocated() / 2**30))

# %% [markdown] lid="summary"
# ### Summary
#
# - A busy kernel is not parked, and a parked one comes back. A restart, the end of a seat and a lack of memory leave you what is in a file.
# - A run remembers its weights, optimizer, scheduler, step and random numbers. With all of them {{expected.everything}} of the weights differ after a restart.
# - Write beside and rename; load with `weights_only=True`; note a signal, finish the step, then write.
# - Measure before you repair. Keep what is always the same, and make anew what is random.
# - Choose by validation, report on test, and keep the best model as well as the last checkpoint.
#
# ### What next
#
# - Do it for real. Set `EPOCHS` to 100, run the cells down to section 5, and there `train(folder / "real.pt")` in a cell of your own. Restart the kernel halfway, and do the same again: at which step does it go on?
# - Open this notebook with a GPU kernel, if your profile has one. Does the check still find no difference? No GPU has been recorded for this lesson yet.
# - R2 tells what a run costs in energy. From one GPU to many nodes: SURF's *Snellius AI Guide*.
#
# **Words.** Epoch: one pass over all training images. Loss: how far the model is off; lower is better. SIGINT, SIGTERM, SIGKILL: messages of the operating system to a process: interrupt, please end, end. PNG: a format for images.
#
# **Sources.** J. W. Young (1974), *A first order approximation to the optimum checkpoint interval*, Communications of the ACM 17 · L. Prechelt (1998), *Early stopping, but when?*, in *Neural Networks: Tricks of the Trade* · the documentation of PyTorch, on reproducibility, on `torch.load` and on automatic mixed precision, and of Jupyter Client, on shutting down kernels · Data: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, as shipped with scikit-learn.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Restart a kernel yourself in the middle of a run and let it go on: it says more than any slide.
#
# **Short of time?** Leave out 6 and 7; exercise 2 stands by itself.
#
# **Questions that come**
#
# - *Why not save the whole model object?* It needs pickle, and breaks when the code changes.
# - *Is exactness needed?* No, but nothing tests a checkpoint as well.
# - *And on a GPU?* The same, with its own random numbers; deterministic operations can be slower.
