# %% [markdown] lid="title"
# # {{title}}
#
# **For** everybody who trains models, or decides which one to train, and has seen a neural network in Python. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no network, and no GPU: where there is one, the same cells use it. Lesson A1 explains the training loop that we use here.
#
# **Why here.** Of DeepSeek, a Chinese language model, the government's letter says that it “{{claim.algorithmic-efficiency.quote}}” (*{{claim.algorithmic-efficiency.en}}*; the scanner read é for ë). Whoever gets computing power from everybody's money should know how to do more with less of it, and how to tell a saving from a lucky run.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import stats
from torch import nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.flop_counter import FlopCounterMode

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.data import path_of
from werkbank_lessons.energy import Meter
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
torch.set_num_threads(1)
stopwatch = Stopwatch()

# %% [markdown] lid="count-text" minutes=6
# ## 1 · Count first ({{section.minutes}} min)
#
# Of version V3 of that model these figures have been published: 671 billion weights, of which 37 billion work for any one token (a token is a word or a piece of one); a compressed memory of what came before; and numbers of 8 bits, a format called FP8. We cannot repeat that training here. We can take the three ideas apart, and try each at a size that you can check.
#
# “Less” of *what*? Three things can be counted before anything runs:
#
# - **weights**: the numbers that a model has learnt;
# - **memory**: weights times bytes per weight;
# - **work**: multiplications and additions, in FLOP (*floating-point operations*). A weight that takes part costs one of each, so about 2 FLOP per input. FLOP is an amount; FLOP/s is a speed.
#
# Here are two networks, a small one and one that is eight times as wide. PyTorch counts along.

# %% lid="count-device"
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if device.type == "cuda":
    print(tr("A3.line.on_gpu", name=torch.cuda.get_device_name()))
else:
    print(tr("A3.line.on_cpu"))

# %% lid="count-networks"
SIZE, WIDTH, ANSWERS = 32, 32, 32


def dense(size, width, outputs):
    return nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Linear(width, outputs))


def weights_of(model):
    return sum(weights.numel() for weights in model.parameters())


def work_of(model, inputs):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(inputs)
    return counter.get_total_flops() / len(inputs)


example = torch.randn(1000, SIZE)
small, large = dense(SIZE, WIDTH, ANSWERS), dense(SIZE, 8 * WIDTH, ANSWERS)
print(f"{tr('A3.line.weights_small')}: {weights_of(small)}")
print(f"{tr('A3.line.weights_large')}: {weights_of(large)}")
print(f"{tr('A3.line.work_small')}: {work_of(small, example):.0f} FLOP")
print(f"{tr('A3.line.work_large')}: {work_of(large, example):.0f} FLOP")

# %% [markdown] lid="count-after"
# {{expected.weights_small}} weights and {{expected.work_small}} per input; {{expected.weights_large}} and {{expected.work_large}}. Two per weight, and a little less, because PyTorch leaves out the biases. In a *dense* network such as these every weight works for every input, so more weights is more work. Now the published figures, by the same rules.

# %% lid="count-published"
ALL, ACTIVE = 671e9, 37e9
print(f"{tr('A3.line.active')}: {100 * ACTIVE / ALL:.2f} %")
print(f"{tr('A3.line.work_token')}: {2 * ACTIVE / 1e9:.0f} GFLOP")
print(f"{tr('A3.line.work_dense')}: {2 * ALL / 1e9:.0f} GFLOP")
print(f"{tr('A3.line.memory')}: {ALL * 1 / 1e9:.0f} GB")

# %% [markdown] lid="count-published-after"
# Only {{expected.active}} of the weights work for a token: {{expected.work_token}} instead of {{expected.work_dense}}, roughly, since looking back at earlier tokens comes on top. But *all* of them have to be at hand: at one byte each {{expected.memory}}, while a large GPU has 141 GB. So this is not simply a smaller model. **It trades one kind of cost for another**, and that is what to look for in every claim of efficiency: what became less, and what did not?

# %% [markdown] lid="cache-text" minutes=10
# ## 2 · Remember less: the KV cache ({{section.minutes}} min)
#
# A language model writes token by token. In each layer it looks back at everything before, by way of two rows of numbers per earlier token: a *key*, by which the token is found, and a *value*, which is what it contributes. Those of earlier tokens do not change any more, so they are kept. That is the **KV cache**. It saves work, and takes memory that grows with each token of each conversation. Three ways to keep it:
#
# | | kept per token, in each layer |
# |---|---|
# | *multi-head attention* | a key and a value for each head |
# | *grouped-query attention* | the heads that ask (`query_heads`) share: a key and a value for each of fewer `kv_heads` |
# | *multi-head latent attention* | one short `latent` row, from which the keys and values of all heads are computed again when needed |
#
# ### Exercise 1 · try ({{exercise.A3-1}} min)
#
# How many bytes is the cache of `tokens` tokens? `model` is a dictionary with `layers`, `query_heads`, `kv_heads`, `head_size` (the length of one key, and of one value), `latent` (the length of that row, or 0 where there is none) and `bytes_each`, the bytes of one number. Run the function, read what the check says, and repair it; each time the check comes one kind of model further.
#
# <details><summary>Hint</summary>
#
# Begin with one token and one layer: which numbers are kept? Keys *and* values, for the heads that have their own. If there is a latent row, then that is all there is. Then multiply.
#
# </details>

# %% lid="cache-start" tags=["exercise"] exercise="A3-1"
def my_cache_bytes(model, tokens):
    numbers = model["query_heads"] * model["head_size"]
    return tokens * model["layers"] * numbers * model["bytes_each"]


# %% lid="cache-solution" tags=["solution"] exercise="A3-1"
def my_cache_bytes(model, tokens):
    numbers = model["latent"] or 2 * model["kv_heads"] * model["head_size"]
    return tokens * model["layers"] * numbers * model["bytes_each"]


# %% lid="cache-wrong-heads" tags=["wrong"] exercise="A3-1" hint="A3-1.heads"
def my_cache_bytes(model, tokens):
    numbers = model["latent"] or 2 * model["query_heads"] * model["head_size"]
    return tokens * model["layers"] * numbers * model["bytes_each"]


# %% lid="cache-wrong-twice" tags=["wrong"] exercise="A3-1" hint="A3-1.latent_twice"
def my_cache_bytes(model, tokens):
    row = model["latent"] or model["kv_heads"] * model["head_size"]
    return tokens * model["layers"] * 2 * row * model["bytes_each"]


# %% lid="cache-wrong-both" tags=["wrong"] exercise="A3-1" hint="A3-1.latent_too"
def my_cache_bytes(model, tokens):
    numbers = 2 * model["kv_heads"] * model["head_size"] + model["latent"]
    return tokens * model["layers"] * numbers * model["bytes_each"]


# %% lid="cache-wrong-bytes" tags=["wrong"] exercise="A3-1" hint="A3-1.bytes"
def my_cache_bytes(model, tokens):
    numbers = model["latent"] or 2 * model["kv_heads"] * model["head_size"]
    return tokens * model["layers"] * numbers * 2


# %% lid="cache-check" tags=["check"] exercise="A3-1"
check("A3-1", my_cache_bytes)

# %% [markdown] lid="cache-compare"
# Now one example, kept in the three ways: 32 layers, 32 heads of size 128, numbers of 2 bytes. With grouped queries, four heads share a key and a value. The latent row has 512 numbers, and 64 more that say where the token stands.

# %% lid="cache-answer"
cache_bytes = use("A3-1", my_cache_bytes)
plain = {"layers": 32, "query_heads": 32, "kv_heads": 32, "head_size": 128, "latent": 0, "bytes_each": 2}
models = {"heads": plain, "groups": plain | {"kv_heads": 8}, "latent": plain | {"latent": 512 + 64}}
ROOM, TOKENS = 100e9, 32_768
conversations = {}
for name, model in models.items():
    print(f"{tr(f'A3.line.{name}')}: {cache_bytes(model, 1) / 1e3:.0f} kB")
    conversations[name] = int(ROOM // cache_bytes(model, TOKENS))
    print(f"{tr(f'A3.line.{name}_fit')}: {conversations[name]}")

# %% lid="cache-figure" tags=["figure"] alt="A3.figure.alt_cache"
PER_COLUMN = 3
COLOUR = {"heads": OKABE_ITO["vermilion"], "groups": OKABE_ITO["orange"], "latent": OKABE_ITO["blue"]}
figure, panels = plt.subplots(3, 1, figsize=(10, 4.4), sharex=True, layout="constrained")
for axes, (name, count) in zip(panels, conversations.items()):
    column, row = np.divmod(np.arange(count), PER_COLUMN)
    axes.scatter(column, PER_COLUMN - 1 - row, s=170, marker="s", color=COLOUR[name])
    axes.text(column[-1] + 0.9, 1, count, color=COLOUR[name], va="center", fontsize=20, fontweight="bold")
    axes.text(-0.9, 1, tr(f"A3.figure.{name}"), color=INK, ha="right", va="center")
    axes.set(xlim=(-0.7, 31), ylim=(-0.8, 2.8))
    axes.axis("off")
figure.suptitle(tr("A3.figure.cache_title"), x=0.01, ha="left", fontweight="bold")
show(figure, tr("A3.figure.alt_cache"))

# %% [markdown] lid="cache-after"
# {{expected.heads}} per token, {{expected.groups}}, and {{expected.latent}}. In 100 GB, apart from the weights, that is {{expected.heads_fit}}, {{expected.groups_fit}} or {{expected.latent_fit}} conversations of 32,768 tokens at the same time, on the same chip.
#
# And the price? Heads that share can tell less apart. A latent row is a *low-rank* approximation: keys and values of all heads have to come out of few numbers, and computing them again takes extra work. Whether the answers stay as good, no arithmetic can say; that takes trained models, and a fair comparison. How fair, section 5 tells.

# %% [markdown] lid="experts-text" minutes=12
# ## 3 · Work less: a mixture of experts ({{section.minutes}} min)
#
# A **mixture of experts** has several small networks, the *experts*, and a *router* that looks at each input and sends it to one of them (in large models to a few, in each layer anew). So there are many weights, of which only a few work for any one input.
#
# The router gives each expert a probability, and the input goes to the most probable one. Choosing has no gradient: a tiny change of the router mostly changes no choice. So we multiply the expert's answer by that probability. Only by that does the router learn anything.

# %% lid="experts-class"
class Experts(nn.Module):
    def __init__(self, count, size, width, outputs):
        super().__init__()
        self.router = nn.Linear(size, count)
        self.experts = nn.ModuleList(dense(size, width, outputs) for _ in range(count))

    def forward(self, inputs):
        self.probabilities = self.router(inputs).softmax(dim=1)
        probability, chosen = self.probabilities.max(dim=1)
        order = chosen.argsort()  # the inputs of the first expert first, and so on
        groups = inputs[order].split(chosen.bincount(minlength=len(self.experts)).tolist())
        outputs = torch.cat([expert(group) for expert, group in zip(self.experts, groups)])
        return probability.unsqueeze(1) * outputs[order.argsort()]


experts = Experts(8, SIZE, WIDTH, ANSWERS)
print(f"{tr('A3.line.weights_experts')}: {weights_of(experts)}")
print(f"{tr('A3.line.work_experts')}: {work_of(experts, example):.0f} FLOP")

# %% [markdown] lid="experts-exercise"
# {{expected.weights_experts}} weights, about as many as the large network, and {{expected.work_experts}} per input, of which the router takes 512. What could go wrong? An expert that gets more inputs learns more, so the router sends it still more. The others never learn, and you keep them in memory for nothing.
#
# ### Exercise 2 · change ({{exercise.A3-2}} min)
#
# So one adds something to the loss that is large when the division is uneven. `probabilities` is what the router gives: a tensor with a row for each input and a column for each expert; rows add up to 1. The function below was meant to even things out. It does so by making the router doubt: it punishes every clear choice. Change it. It should be lowest when all experts get *equally many* inputs, however sure the router is of each; and the router must be able to learn from it. The check lets a lopsided router learn from your loss alone, and looks at what it does then.
#
# <details><summary>Hint</summary>
#
# There are two numbers per expert: the share of the inputs that it gets (`argmax`, `one_hot`, then the mean over the inputs), and its mean probability. The first is what should become even, but has no gradient. The second has one. Multiply them per expert and add up: an expert that already gets much then pays most for its probability. Times the number of experts, an even division costs 1.
#
# </details>

# %% lid="experts-start" tags=["exercise"] exercise="A3-2"
def my_balance(probabilities):
    return probabilities.max(dim=1).values.mean()


# %% lid="experts-solution" tags=["solution"] exercise="A3-2"
def my_balance(probabilities):
    count = probabilities.shape[1]
    share = one_hot(probabilities.argmax(dim=1), count).float().mean(dim=0)
    return count * (share * probabilities.mean(dim=0)).sum()


# %% lid="experts-wrong-shares" tags=["wrong"] exercise="A3-2" hint="A3-2.gradient"
def my_balance(probabilities):
    count = probabilities.shape[1]
    share = one_hot(probabilities.argmax(dim=1), count).float().mean(dim=0)
    return count * (share * share).sum()


# %% lid="experts-wrong-sign" tags=["wrong"] exercise="A3-2" hint="A3-2.sign"
def my_balance(probabilities):
    mean = probabilities.mean(dim=0)
    return -(mean * mean.log()).sum()


# %% lid="experts-wrong-rows" tags=["wrong"] exercise="A3-2" hint="A3-2.undecided"
def my_balance(probabilities):
    return (probabilities * probabilities.log()).sum(dim=1).mean()


# %% lid="experts-wrong-mean" tags=["wrong"] exercise="A3-2" hint="A3-2.constant"
def my_balance(probabilities):
    count = probabilities.shape[1]
    return count * probabilities.mean(dim=0).sum()


# %% lid="experts-check" tags=["check"] exercise="A3-2"
check("A3-2", my_balance)

# %% [markdown] lid="experts-facts"
# Something to learn: 1,500 *facts*. Each is a question of 32 random numbers and one of 32 answers, drawn at random. There is no rule behind them, so they can only be learnt by heart. The questions have a mean of 1, because what layers pass on to each other is seldom centred on zero either. Each of five seeds has its own facts; within a seed every network gets the same facts, in the same order.

# %% lid="experts-train"
FIRST = 1
SEEDS = range(FIRST, FIRST + 5)
FACTS, BALANCE_WEIGHT = 1500, 0.2


def facts(seed):
    generator = torch.Generator().manual_seed(seed)
    questions = 1 + torch.randn(FACTS, SIZE, generator=generator)
    answers = torch.randint(ANSWERS, (FACTS,), generator=generator)
    return questions.to(device), answers.to(device)


def train(model, inputs, targets, seed, steps, batch, rate, extra=None):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, foreach=True)
    scheduler = CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.randint(len(targets), (batch,), generator=generator)
        loss = cross_entropy(model(inputs[chosen]), targets[chosen])
        if extra is not None:
            loss = loss + extra()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()


@torch.no_grad()
def recall(model, questions, answers):
    return 100 * (model(questions).argmax(dim=1) == answers).float().mean().item()


# %% lid="experts-answer"
balance = use("A3-2", my_balance)
NAMES = ("small", "uneven", "balanced", "large")


def make(name):
    if name in ("small", "large"):
        return dense(SIZE, WIDTH if name == "small" else 8 * WIDTH, ANSWERS).to(device)
    return Experts(8, SIZE, WIDTH, ANSWERS).to(device)


trained = {name: [] for name in NAMES}
recalled = {name: [] for name in NAMES}
meters = {name: [] for name in NAMES}
shares = {"uneven": [], "balanced": []}
for seed in SEEDS:
    questions, answers = facts(seed)
    for name in NAMES:
        torch.manual_seed(seed)
        model = make(name)
        extra = (lambda: BALANCE_WEIGHT * balance(model.probabilities)) if name == "balanced" else None
        with Meter() as meter:
            train(model, questions, answers, seed, steps=200, batch=375, rate=0.02, extra=extra)
            recalled[name].append(recall(model, questions, answers))
        trained[name].append(model)
        meters[name].append(meter)
        if name in shares:
            chosen = model.probabilities.argmax(dim=1).cpu()
            shares[name].append(chosen.bincount(minlength=8).sort(descending=True).values.numpy() / FACTS)

for name in NAMES:
    print(f"{tr(f'A3.line.recall_{name}')}: {np.mean(recalled[name]):.2f} %")

# %% lid="experts-figure" tags=["figure"] alt="A3.figure.alt_experts"
TONE = {"small": OKABE_ITO["sky"], "uneven": OKABE_ITO["vermilion"], "balanced": OKABE_ITO["blue"], "large": INK}


figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), width_ratios=(3, 2), layout="constrained")
for name in NAMES:
    work = work_of(trained[name][0], example.to(device)) / 1e3
    left.plot([work] * len(SEEDS), recalled[name], "o", color=TONE[name], markersize=10, alpha=0.6)
    place = {"x": work * (0.9 if name == "large" else 1.1), "y": np.mean(recalled[name])}
    side = "right" if name == "large" else "left"
    left.text(**place, s=tr(f"A3.figure.{name}"), color=TONE[name], ha=side, va="center", fontweight="bold")
left.axhline(100 / ANSWERS, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
left.text(40, 100 / ANSWERS + 1, tr("A3.figure.guessing"), color=MUTED, ha="right", va="bottom")
left.set(xscale="log", xlim=(3.5, 40), ylim=(0, 105), xlabel=tr("A3.figure.work"), ylabel=tr("A3.figure.recall"))
left.set_xticks([4, 8, 16, 32], ["4", "8", "16", "32"])
left.minorticks_off()
left.set_title(tr("A3.figure.experts_title"))

for shift, name, place in ((-0.2, "uneven", 2), (0.2, "balanced", 4)):
    heights = 100 * np.mean(shares[name], axis=0)
    right.bar(np.arange(1, 9) + shift, heights, width=0.4, color=TONE[name])
    style = {"color": TONE[name], "va": "bottom", "fontweight": "bold"}
    right.text(place - 0.4, heights[place - 1] + 2, tr(f"A3.figure.{name}"), **style)
right.axhline(100 / 8, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
right.text(8.5, 100 / 8 + 0.6, tr("A3.figure.even"), color=INK, ha="right", va="bottom")
right.set(xticks=range(1, 9), xlabel=tr("A3.figure.expert"), ylabel=tr("A3.figure.share"))
right.set_title(tr("A3.figure.shares_title"))
show(figure, tr("A3.figure.alt_experts"))

# %% [markdown] lid="experts-after"
# The small network recalls {{expected.recall_small}} of the facts, and guessing would give 3 %. Eight experts recall {{expected.recall_balanced}} for practically the same work, provided that they all get something to do: without a word about balance it is {{expected.recall_uneven}}, and on the right you see why. The large network recalls {{expected.recall_large}}, for seven times the work of the experts.
#
# What does this show? Facts have to be stored in weights, and experts are a way to have many weights and use few. What does it *not* show? That experts are worse than a large network: give them three times as many steps, and they recall nearly everything too. Nor that they understand anything better, because there was nothing to understand here.

# %% [markdown] lid="bits-text" minutes=5
# ## 4 · Fewer bits per weight ({{section.minutes}} min)
#
# A weight in `float32` takes 32 bits. Does it need them? **Quantisation** rounds weights to a few values: with 4 bits, in our version, to fifteen, evenly spaced from −7 to +7 steps. Each output of a layer has a step of its own, so that its largest weight just fits. And FP8: that spaces its values unevenly, as `float32` does, with 8 bits for a sign, an exponent (4) and the digits (3).
#
# We take the networks that are already trained, round their weights, and ask them the same facts.

# %% lid="bits-answer"
BITS = (8, 6, 5, 4, 3, 2)


def rounded(weights, bits):
    if bits == "fp8":
        return weights.to(torch.float8_e4m3fn).float()
    most = 2 ** (bits - 1) - 1
    step = weights.abs().amax(dim=-1, keepdim=True) / most
    return (weights / step).round() * step


def recall_with(model, seed, bits):
    copy = make("large")
    copy.load_state_dict({name: rounded(weights, bits) for name, weights in model.state_dict().items()})
    return recall(copy, *facts(seed))


kept = {bits: [recall_with(*pair, bits) for pair in zip(trained["large"], SEEDS)] for bits in (*BITS, "fp8")}
for bits in ("fp8", 8, 4, 3, 2):
    print(f"{tr(f'A3.line.bits_{bits}')}: {np.mean(kept[bits]):.2f} %")

# %% lid="bits-figure" tags=["figure"] alt="A3.figure.alt_bits"
figure, axes = plt.subplots(figsize=(10, 3.9))
axes.plot(BITS, [np.mean(kept[bits]) for bits in BITS], color=OKABE_ITO["blue"], linewidth=2)
for bits in BITS:
    axes.plot([bits] * len(SEEDS), kept[bits], "o", color=OKABE_ITO["blue"], markersize=8, alpha=0.6)
    size = weights_of(trained["large"][0]) * bits / 8 / 1e3
    axes.text(bits, 115, tr("A3.figure.kilobytes", size=size), color=MUTED, ha="center", va="center")
axes.plot([8.25] * len(SEEDS), kept["fp8"], "D", color=OKABE_ITO["vermilion"], markersize=8, alpha=0.6)
axes.text(8.25, min(kept["fp8"]) - 5, "FP8", color=OKABE_ITO["vermilion"], ha="center", va="top", fontweight="bold")
axes.axhline(np.mean(recalled["large"]), color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
full = tr("A3.figure.full", size=weights_of(trained["large"][0]) * 4 / 1e3)
axes.text(1.7, np.mean(recalled["large"]) - 3, full, color=MUTED, ha="right", va="top")
axes.set(xlim=(8.6, 1.6), ylim=(0, 122), xticks=BITS, yticks=range(0, 101, 25), xlabel=tr("A3.figure.bits"))
axes.set_ylabel(tr("A3.figure.recall"))
axes.set_title(tr("A3.figure.bits_title"))
show(figure, tr("A3.figure.alt_bits"))

# %% [markdown] lid="bits-after"
# With 8 bits, a quarter of the memory, {{expected.bits_8}} is recalled; with FP8 {{expected.bits_fp8}}; with 4 bits still {{expected.bits_4}}, with 3 {{expected.bits_3}}, and with 2 bits {{expected.bits_2}}. Of the 32 bits, most could go for free here, and the last few cost dearly.
#
# Again, look at what was saved. We *stored* fewer bits; the products were still computed in `float32`, so nothing went faster. Less work needs chips that compute in 8 bits. And *training* with few bits is another matter than rounding afterwards: think of A1, where a step of 0.001 was lost in `bfloat16`.

# %% [markdown] lid="seeds-text" minutes=12
# ## 5 · Better, or lucky? ({{section.minutes}} min)
#
# Experts learn facts by heart for little work. Do they also write better? Let us make a language model, as small as can be: it sees sixteen characters of the letter, and predicts the next. Its middle part is a dense network, or four experts of the same width. All learn from the first nine tenths of the letter, and are judged on the last. The measure is *bits per character*: how many yes-or-no questions, on average, separate the model from the next character. Lower is better; somebody who knows only which characters there are needs {{expected.blind}}.

# %% lid="seeds-model"
CONTEXT = 16
letter = " ".join(path_of("letter-ai-faciliteit.txt").read_text(encoding="utf-8").split())
characters = sorted(set(letter))
codes = torch.tensor([characters.index(one) for one in letter], device=device)
windows = codes.unfold(0, CONTEXT + 1, 1)
inputs, targets = windows[:, :-1], windows[:, -1]
cut = len(windows) * 9 // 10
learned, unseen = slice(0, cut), slice(cut, None)


class LanguageModel(nn.Module):
    def __init__(self, middle):
        super().__init__()
        self.embed = nn.Embedding(len(characters), 16)
        self.first = nn.Linear(CONTEXT * 16, 64)
        self.middle = middle
        self.last = nn.Linear(64, len(characters))

    def forward(self, contexts):
        hidden = self.first(self.embed(contexts).flatten(start_dim=1)).relu()
        return self.last(hidden + self.middle(hidden))


@torch.no_grad()
def bits_per_character(model, part):
    return cross_entropy(model(inputs[part]), targets[part]).item() / np.log(2)


def language_result(seed, with_experts):
    torch.manual_seed(seed)
    middle = Experts(4, 64, 64, 64) if with_experts else dense(64, 64, 64)
    model = LanguageModel(middle).to(device)
    extra = (lambda: BALANCE_WEIGHT * balance(middle.probabilities)) if with_experts else None
    train(model, inputs[learned], targets[learned], seed, steps=200, batch=128, rate=0.005, extra=extra)
    return bits_per_character(model, unseen), bits_per_character(model, learned)


print(f"{tr('A3.line.blind')}: {np.log2(len(characters)):.2f}")
without, at_home = np.array([language_result(seed, with_experts=False) for seed in SEEDS]).T
with_experts, _ = np.array([language_result(seed, with_experts=True) for seed in SEEDS]).T
for seed, one, other in zip(SEEDS, without, with_experts):
    print(tr("A3.line.seed", seed=seed, dense=one, experts=other, saved=one - other))
print(f"{tr('A3.line.letter_dense')}: {without.mean():.2f}")
print(f"{tr('A3.line.letter_experts')}: {with_experts.mean():.2f}")
print(f"{tr('A3.line.letter_learned')}: {at_home.mean():.2f}")

# %% [markdown] lid="seeds-exercise"
# Look at the last column. With one seed the experts save something, with another they lose. Who runs a single seed reports one or the other, in good faith; who runs five and reports the best one, reports luck.
#
# A seed decides the first weights and the order of the examples. Both models of a seed share the order, so some of the luck is shared too, and drops out when we subtract *within* a seed. That is a **paired** comparison. What remains is a handful of differences. Their mean is our estimate; how sure is it? For *n* differences with standard deviation *s*, the 95 % interval is
#
# $$\text{mean} \;\pm\; t \cdot \frac{s}{\sqrt{n}},$$
#
# with *t* from Student's table for *n* − 1 degrees of freedom. For many seeds *t* is nearly 1.96; for five it is 2.78, and for three 4.30, because so few hardly tell you how large *s* is. If zero lies outside of the interval, the difference is more than the luck of seeds explains.
#
# ### Exercise 3 · transfer ({{exercise.A3-3}} min)
#
# `a` and `b` are the results of two models, in NumPy arrays of the same length: the same seeds in the same order. Return `(low, high)`, the 95 % interval of the mean of **b − a**. The function below makes more than one mistake.
#
# <details><summary>Hint</summary>
#
# Subtract first, and then forget about `a` and `b`. `stats.t.ppf(0.975, degrees)` gives *t*; `std(ddof=1)` divides by *n* − 1, as a sample of few needs.
#
# </details>

# %% lid="seeds-start" tags=["exercise"] exercise="A3-3"
def my_interval(a, b):
    middle = b.mean() - a.mean()
    reach = 1.96 * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return middle - reach, middle + reach


# %% lid="seeds-solution" tags=["solution"] exercise="A3-3"
def my_interval(a, b):
    differences = b - a
    t = stats.t.ppf(0.975, len(differences) - 1)
    reach = t * differences.std(ddof=1) / np.sqrt(len(differences))
    return differences.mean() - reach, differences.mean() + reach


# %% lid="seeds-wrong-unpaired" tags=["wrong"] exercise="A3-3" hint="A3-3.unpaired"
def my_interval(a, b):
    middle = b.mean() - a.mean()
    t = stats.t.ppf(0.975, 2 * len(a) - 2)
    reach = t * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return middle - reach, middle + reach


# %% lid="seeds-wrong-few" tags=["wrong"] exercise="A3-3" hint="A3-3.few"
def my_interval(a, b):
    differences = b - a
    reach = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    return differences.mean() - reach, differences.mean() + reach


# %% lid="seeds-wrong-root" tags=["wrong"] exercise="A3-3" hint="A3-3.root"
def my_interval(a, b):
    differences = b - a
    reach = stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1)
    return differences.mean() - reach, differences.mean() + reach


# %% lid="seeds-wrong-sided" tags=["wrong"] exercise="A3-3" hint="A3-3.one_sided"
def my_interval(a, b):
    differences = b - a
    t = stats.t.ppf(0.95, len(differences) - 1)
    reach = t * differences.std(ddof=1) / np.sqrt(len(differences))
    return differences.mean() - reach, differences.mean() + reach


# %% lid="seeds-check" tags=["check"] exercise="A3-3"
check("A3-3", my_interval)

# %% [markdown] lid="seeds-judge"
# Now judge all our claims alike, three about facts and the one about the letter. To the right of zero is better for whoever is named.

# %% lid="seeds-answer"
interval = use("A3-3", my_interval)
claims = {
    "balanced_small": (recalled["small"], recalled["balanced"]),
    "balanced_uneven": (recalled["uneven"], recalled["balanced"]),
    "large_balanced": (recalled["balanced"], recalled["large"]),
    "letter": (-without, -with_experts),  # fewer bits is better
}
intervals, differences = {}, {}
for name, (a, b) in claims.items():
    a, b = np.array(a), np.array(b)
    differences[name] = b - a
    intervals[name] = interval(a.copy(), b.copy())
    low, high = intervals[name]
    verdict = tr("A3.line.decided" if low > 0 or high < 0 else "A3.line.undecided")
    print(tr("A3.line.interval", claim=tr(f"A3.line.claim_{name}"), low=low, high=high, verdict=verdict))

# %% lid="seeds-figure" tags=["figure"] alt="A3.figure.alt_seeds"
figure, panels = plt.subplots(2, 1, figsize=(10, 5), height_ratios=(3, 1.4), layout="constrained")
for axes, names in zip(panels, (["large_balanced", "balanced_uneven", "balanced_small"], ["letter"])):
    for place, name in enumerate(names):
        low, high = intervals[name]
        colour = OKABE_ITO["blue"] if low > 0 or high < 0 else MUTED
        axes.plot([low, high], [place, place], color=colour, linewidth=9, alpha=0.35, solid_capstyle="butt")
        axes.plot(differences[name], [place] * len(differences[name]), "o", color=colour, markersize=8)
        axes.plot([differences[name].mean()] * 2, [place - 0.2, place + 0.2], color=INK, linewidth=2)
    axes.axvline(0, color=OKABE_ITO["vermilion"], linewidth=1.6)
    axes.set_yticks(range(len(names)), [tr(f"A3.figure.claim_{name}") for name in names])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.spines["left"].set_visible(False)
reach = 1.15 * max(abs(np.array([*intervals["letter"], *differences["letter"]])))
panels[1].set(xlim=(-reach, reach), xlabel=tr("A3.figure.saved"))
panels[0].set(xlabel=tr("A3.figure.points"))
panels[0].set_title(tr("A3.figure.facts_title"))
panels[1].set_title(tr("A3.figure.letter_title"))
show(figure, tr("A3.figure.alt_seeds"))

# %% [markdown] lid="seeds-after"
# Each dot is a seed, the band is the interval. The three claims about facts stand: differences so large show with five seeds, and even the wide band of the second stays clear of zero. The claim about the letter does not stand: {{expected.letter_dense}} bits per character for dense and {{expected.letter_experts}} for experts, on average, and zero lies within the interval. That does **not** prove the two equal; it says how large the difference could still be, and that five seeds cannot tell. To see half as large a difference you need about four times as many seeds.
#
# Is it strange that experts help with facts and not here? Not very. They bring room to store. But on the text that it has learnt from, the dense model needs only {{expected.letter_learned}} bits: room is not what it is short of. And a result at one size is no promise for another, in either direction: it would be just as wrong to conclude that experts do not help in large language models.
#
# And the interval knows of seeds only. Another letter, another split or another learning rate is a chance of its own. Who tries twenty variants that change nothing will find one, on average, whose interval misses zero: so decide *before* you look what you will compare.

# %% [markdown] lid="time-text" minutes=3
# ## 6 · Less work is not less time ({{section.minutes}} min)
#
# One question is left: was it *cheaper*? We noted time and energy of each training. Same networks, four kinds of cost.

# %% lid="time-answer"
print(meters["small"][0].sentence())
costs = {}
for name in ("small", "balanced", "large"):
    model = trained[name][0]
    seconds = np.median([meter.seconds for meter in meters[name]])
    energy = 1e3 * np.median([meter.wh for meter in meters[name]])
    costs[name] = (work_of(model, example.to(device)) / 1e3, weights_of(model) * 4 / 1e3, seconds)
    print(tr("A3.line.cost", name=tr(f"A3.line.name_{name}"), seconds=seconds, energy=energy))

# %% lid="time-figure" tags=["figure"] alt="A3.figure.alt_time"
figure, panels = plt.subplots(1, 3, figsize=(12, 3.2), sharey=True, layout="constrained")
for axes, title, values in zip(panels, ("work", "weights", "seconds"), zip(*costs.values())):
    names = list(costs)
    axes.barh(range(3), values, color=[TONE[name] for name in names], height=0.62)
    for place, value in enumerate(values):
        shown = f"{value:.2f}" if title == "seconds" else f"{value:.1f}"
        axes.text(value + 0.02 * max(values), place, shown, color=INK, va="center", fontweight="bold")
    axes.set(xlim=(0, 1.2 * max(values)), ylim=(2.6, -0.6), xticks=[])
    axes.set_yticks(range(3), [tr(f"A3.figure.{name}") for name in names])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_title(tr(f"A3.figure.{title}_title"))
show(figure, tr("A3.figure.alt_time"))

# %% [markdown] lid="time-after"
# The experts do about as much *work* as the small network, keep as many *weights* as the large one, and on our CPU take more *time* than either. Eight small products one after the other, and the sorting before and after, cost more than one large product; a processor is fast at large products. Systems that run large mixtures put the experts next to each other, on many GPUs, and then moving inputs between those becomes the cost.
#
# So FLOP are not seconds, and seconds are not watt-hours. On a processor without a readable counter the energy above is only an estimate: CPU seconds times a number of watts. It cannot know that one product makes a chip hotter than another, so it merely repeats the time. R2 shows how to measure.

# %% [markdown] lid="cost-text" minutes=2
# ## 7 · What it cost, and what you keep ({{section.minutes}} min)

# %% lid="cost"
stopwatch.report()
if device.type == "cuda":
    print(tr("A3.line.gpu_memory", gib=torch.cuda.max_memory_allocated() / 2**30))

# %% [markdown] lid="summary"
# ### Summary
#
# - Count before you run: weights, memory, work. Ask of every saving what became less, and what did not.
# - A shared or latent cache saves memory; experts save work, not memory; fewer bits save memory, and work only on chips that compute with them.
# - Experts must be kept balanced, or you pay for weights that do nothing.
# - Compare within seeds, report the interval, and decide beforehand what you compare. One seed is an anecdote.
# - FLOP are not time, and time is not energy: measure what you want to save.
#
# ### What next
#
# - Set `FIRST` to 11 and run everything again. Which of the four claims changes?
# - Take 20 seeds for the letter. Does the interval shrink as the formula says? Seeds do not need each other: with lesson D1 you can spread them over workers.
# - Round the *experts* instead of the large network. Which loses more at 4 bits? Decide beforehand how you will judge.
# - R2 measures energy and water; A2 makes more text out of which a model can learn.
#
# **Words.** Token: what a language model reads and writes, a word or a piece of one. Head: one of the parts of a layer that look back, each in its own way. Seed: the number with which a row of random numbers begins. Low rank: computed from few numbers.
#
# **Sources.** DeepSeek-AI (2024), *DeepSeek-V3 technical report*, for the figures in section 1, which we did not check · N. Shazeer and others (2017), *Outrageously large neural networks: the sparsely-gated mixture-of-experts layer*, ICLR · W. Fedus, B. Zoph, N. Shazeer (2022), *Switch Transformers*, JMLR 23 · J. Ainslie and others (2023), *GQA: training generalized multi-query transformer models from multi-head checkpoints*, EMNLP · Student (1908), *The probable error of a mean*, Biometrika 6 · Data: the letter *Uitkomsten verkenning AI-faciliteit* (2025); facts generated in the lesson.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Before section 5, let everybody write down which language model will be better; afterwards give each table another `FIRST` and compare across the room.
#
# **Short of time?** Leave out 4 and 6; exercise 3 stands by itself and is the heart of it.
#
# **Questions that come**
#
# - *So do experts not help?* With facts they do; one size says nothing of another.
# - *Why not more seeds?* Try it, and watch the interval.
# - *Is DeepSeek this efficient?* Its makers' figures are quoted, not checked.
# - *Why no energy of a GPU?* Nobody has measured it for this lesson; R2 tells how one would.
