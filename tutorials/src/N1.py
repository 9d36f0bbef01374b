# %% [markdown] lid="title"
# # {{title}}
#
# **For** students and researchers in the life sciences, and anybody who trains models on related cases. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network, no earlier lesson. It helps if you have met `numpy` and know what a matrix product is; the genetics is explained where it appears.
#
# **Why here.** The government's letter on this facility names what the Netherlands is strong in: “{{claim.plant-breeding.quote}}” (*{{claim.plant-breeding.en}}*). This lesson is about a method that plant breeders use to choose from more lines than they can sow, made small enough to follow step by step.
#
# The crop, its varieties and its trials are simulated. That has one advantage over real data: we know the truth, so we can see which evaluation tells it. Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
from statistics import NormalDist

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.exercises.n1_lines import make_lines
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="lines-text" minutes=4
# ## 1 · A thousand lines, and not enough field ({{section.minutes}} min)
#
# A breeder crosses two good parents and makes *lines* from the cross: plants that breed true, because they have two equal copies of every chromosome (doubled haploids). Each line is a new mixture of its parents. Which one is best? You can sow all of them in several places and weigh the harvest. That takes a season and a lot of land, and the weather adds noise.
#
# Reading a line's DNA takes a leaf. A *marker* is a place in the genome where lines differ; we count how many copies of one of its two forms (*alleles*) a line has: 0 or 2 here, and 1 in plants that do not breed true. **Genomic prediction** learns from lines that have been in a trial what the markers of the others are worth.
#
# Our programme: 40 crosses between 40 parents, each parent in two of them, and 25 lines per cross (a *family*).

# %% lid="lines-make"
lines = make_lines(seed=6)
count, markers = lines.genotypes.shape
print(f"{tr('N1.line.lines')}: {count}")
print(f"{tr('N1.line.markers')}: {markers}")
print(lines.genotypes[::200, :24].astype(int))
for one in range(3):
    print(f"{lines.family[one]}  {tr('N1.line.trial')} {lines.trial[one]:.2f} t/ha")

# %% [markdown] lid="lines-noise-text"
# `trial` is the mean yield of a line in its plots. `true_value` is what nobody has in practice: the yield with endlessly many plots. The share of the variance between lines that is genetic is called the *heritability* $h^2$. A breeder estimates it from repeated plots; we can compute it.

# %% lid="lines-noise"
def correlation(one, other):
    return np.corrcoef(one, other)[0, 1]


print(f"{tr('N1.line.heritability')}: {correlation(lines.trial, lines.true_value) ** 2:.2f}")
print(f"{tr('N1.line.spread')}: {lines.true_value.std():.2f} t/ha")

# %% [markdown] lid="relationship-text" minutes=9
# ## 2 · Who is related to whom? ({{section.minutes}} min)
#
# Two sister lines have the same parent's allele at half of the places where their parents differ, on average. But one pair shares more than another, and markers see it. The **genomic relationship matrix** $G$ holds that for each pair of lines. With $p_j$ the frequency of the counted allele of marker $j$ and $M$ the counts (lines × markers), VanRaden (2008) defines
#
# $$Z_{ij} = M_{ij} - 2 p_j, \qquad G = \frac{Z Z^{\mathsf T}}{2 \sum_j p_j (1 - p_j)}.$$
#
# In words: two lines are related as far as they deviate from the average in the same direction, and to share a rare allele tells more than to share a common one.
#
# ### Exercise 1 · try ({{exercise.N1-1}} min)
#
# The function below takes `genotypes` (lines × markers; 0, 1 or 2) and multiplies. Run it and read what the check says. Then make it follow the definition.
#
# <details><summary>Hint</summary>
#
# A plant has two copies of each marker, so the mean count of a marker is twice the frequency of its allele. `genotypes.mean(axis=0)` gives a mean per marker, and NumPy subtracts it from every row.
#
# </details>

# %% lid="relationship-start" tags=["exercise"] exercise="N1-1"
def my_relationship(genotypes):
    return genotypes @ genotypes.T / genotypes.shape[1]


# %% lid="relationship-solution" tags=["solution"] exercise="N1-1"
def my_relationship(genotypes):
    frequency = genotypes.mean(axis=0) / 2
    centred = genotypes - 2 * frequency
    return centred @ centred.T / (2 * (frequency * (1 - frequency)).sum())


# %% lid="relationship-wrong-uncentred" tags=["wrong"] exercise="N1-1" hint="N1-1.centre"
def my_relationship(genotypes):
    frequency = genotypes.mean(axis=0) / 2
    return genotypes @ genotypes.T / (2 * (frequency * (1 - frequency)).sum())


# %% lid="relationship-wrong-half" tags=["wrong"] exercise="N1-1" hint="N1-1.frequency"
def my_relationship(genotypes):
    frequency = genotypes.mean(axis=0) / 2
    centred = genotypes - frequency
    return centred @ centred.T / (2 * (frequency * (1 - frequency)).sum())


# %% lid="relationship-wrong-scale" tags=["wrong"] exercise="N1-1" hint="N1-1.scale"
def my_relationship(genotypes):
    centred = genotypes - genotypes.mean(axis=0)
    return centred @ centred.T / genotypes.shape[1]


# %% lid="relationship-wrong-line" tags=["wrong"] exercise="N1-1" hint="N1-1.line"
def my_relationship(genotypes):
    centred = genotypes - genotypes.mean(axis=1, keepdims=True)
    return centred @ centred.T / genotypes.shape[1]


# %% lid="relationship-wrong-markers" tags=["wrong"] exercise="N1-1" hint="N1-1.markers"
def my_relationship(genotypes):
    centred = genotypes - genotypes.mean(axis=0)
    return centred.T @ centred / len(genotypes)


# %% lid="relationship-check" tags=["check"] exercise="N1-1"
check("N1-1", my_relationship)

# %% lid="relationship-answer"
relationship_of = use("N1-1", my_relationship)
relationship = relationship_of(lines.genotypes)
print(f"{tr('N1.line.diagonal')}: {relationship.diagonal().mean():.2f}")

# %% [markdown] lid="relationship-after"
# The mean of the diagonal is {{expected.diagonal}}, not 1. That is right: the diagonal is about 1 + *F*, and a line that breeds true is completely inbred, *F* = 1. Relationship counts from the average of these lines, so it can be negative: less alike than two lines of this programme on average. A picture shows the design of the crosses:

# %% lid="relationship-figure" tags=["figure"] alt="N1.figure.alt_relationship"
part = slice(0, 250)
figure, axes = plt.subplots(figsize=(7.5, 6.2), layout="constrained")
image = axes.imshow(relationship[part, part], cmap="viridis", vmin=-0.5, vmax=2, interpolation="nearest")
middles = np.arange(12, 250, 25)
axes.set_xticks(middles, lines.family[middles], rotation=60, ha="right", rotation_mode="anchor", fontsize=9)
axes.set_yticks(middles, lines.family[middles], fontsize=9)
axes.tick_params(length=0)
axes.set_title(tr("N1.figure.relationship_title"))
figure.colorbar(image, ax=axes, shrink=0.8, label=tr("N1.figure.relationship"))
show(figure, tr("N1.figure.alt_relationship"))

# %% [markdown] lid="relationship-blocks-text"
# Large programmes have tens of thousands of lines and markers, and then $Z$ may not fit in memory. But $Z Z^{\mathsf T}$ is a sum over markers, so it can be made block by block. `dask.array` writes that as if it were NumPy; with a Dask cluster the blocks go to its workers.

# %% lid="relationship-blocks"
blocks = da.from_array(lines.genotypes, chunks=(count, 500))
frequency = blocks.mean(axis=0) / 2
centred = blocks - 2 * frequency
in_blocks = (centred @ centred.T / (2 * (frequency * (1 - frequency)).sum())).compute()
print(f"{tr('N1.line.block_difference')}: {np.abs(in_blocks - relationship).max():.0e}")

# %% [markdown] lid="gblup-text" minutes=6
# ## 3 · From relatives to a prediction ({{section.minutes}} min)
#
# You know the yields $y$ of some lines, and who is related to whom. Then predict a line from its relatives, and believe close ones more. The best linear unbiased prediction (**GBLUP**) does that in one formula:
#
# $$\hat g = G_{\cdot,\text{train}}\,(G_{\text{train},\text{train}} + \lambda I)^{-1}\,(y_\text{train} - \bar y_\text{train}).$$
#
# $\lambda$ is the variance of the noise in units of that of $G$: the noisier the trial, the more you shrink towards the mean. With a heritability of $h^2$ it is $\bar d\,(1 - h^2)/h^2$, where $\bar d$ is the mean of the diagonal of $G$. Forget $\bar d$ with inbred lines, and your $\lambda$ is half of what it should be. (Software for breeders estimates $\lambda$ and the mean from the training lines together, by REML; we use the known $h^2$ and the plain mean.)

# %% lid="gblup"
HERITABILITY = 0.5
NOISE = relationship.diagonal().mean() * (1 - HERITABILITY) / HERITABILITY


def gblup(relationship, trial, train):
    known = relationship[np.ix_(train, train)] + NOISE * np.eye(len(train))
    mean = trial[train].mean()
    return mean + relationship[:, train] @ np.linalg.solve(known, trial[train] - mean)


train = np.arange(0, count, 2)
test = np.arange(1, count, 2)
predicted = gblup(relationship, lines.trial, train)
print(f"{tr('N1.line.half')}: {correlation(predicted[test], lines.true_value[test]):.2f}")

# %% [markdown] lid="gblup-ridge-text"
# Where have the markers gone? Suppose you had done what any machine learner does: a linear model with one effect per marker, and a penalty on large effects (*ridge regression*, with penalty $\lambda \cdot 2\sum_j p_j(1-p_j)$). It gives the same prediction, up to rounding:

# %% lid="gblup-ridge"
frequency = lines.genotypes.mean(axis=0) / 2
centred = lines.genotypes - 2 * frequency
penalty = NOISE * 2 * (frequency * (1 - frequency)).sum()
mean = lines.trial[train].mean()
effects = np.linalg.solve(
    centred[train].T @ centred[train] + penalty * np.eye(markers), centred[train].T @ (lines.trial[train] - mean)
)
ridge = mean + centred @ effects
print(f"{tr('N1.line.ridge_difference')}: {np.abs(ridge - predicted).max():.0e} t/ha")

# %% [markdown] lid="gblup-after"
# Ridge solves as many equations as there are markers (2,000), GBLUP as many as there are training lines (500). Take the smaller. And now you know what GBLUP assumes: every marker has some effect, all are small, and they add up.
#
# **Is it cheating that $G$ contains the lines we predict?** No: their DNA is known before any trial. What must not leak is their *yield*, in whatever form: not in the mean, not in $\lambda$, not in a choice of markers.

# %% [markdown] lid="folds-text" minutes=10
# ## 4 · Which lines will you predict? ({{section.minutes}} min)
#
# In *cross-validation* you divide the lines into folds, and predict each fold from the others. Divide at random, and about twenty full sisters of each line are in training. That is a fair test **if** you will use the model for sisters of lines in the trial. But a breeder often wants to know about next year's crosses, of which no sister has been sown. Then a random division answers a question that nobody asked, and the answer flatters.
#
# ### Exercise 2 · change ({{exercise.N1-2}} min)
#
# The function below gives each line a fold, from 0 up to and including `folds - 1`, at random. `family` holds the family of each line, in any order. Change it so that **a family is never divided**, that the folds have equally many families (give or take one), and that the division is still drawn by `rng`.
#
# <details><summary>Hint</summary>
#
# Draw folds for the *families*, and then look up each line's family. `np.unique(family, return_inverse=True)` gives the names, and for each line the position of its name.
#
# </details>

# %% lid="folds-start" tags=["exercise"] exercise="N1-2"
def my_folds(family, folds, rng):
    return rng.permutation(np.arange(len(family)) % folds)


# %% lid="folds-solution" tags=["solution"] exercise="N1-2"
def my_folds(family, folds, rng):
    names, position = np.unique(family, return_inverse=True)
    fold_of_family = rng.permutation(np.arange(len(names)) % folds)
    return fold_of_family[position]


# %% lid="folds-wrong-blocks" tags=["wrong"] exercise="N1-2" hint="N1-2.split"
def my_folds(family, folds, rng):
    return np.arange(len(family)) * folds // len(family)


# %% lid="folds-wrong-each" tags=["wrong"] exercise="N1-2" hint="N1-2.count"
def my_folds(family, folds, rng):
    names, position = np.unique(family, return_inverse=True)
    return rng.permutation(len(names))[position]


# %% lid="folds-wrong-dice" tags=["wrong"] exercise="N1-2" hint="N1-2.uneven"
def my_folds(family, folds, rng):
    names, position = np.unique(family, return_inverse=True)
    return rng.integers(0, folds, size=len(names))[position]


# %% lid="folds-wrong-same" tags=["wrong"] exercise="N1-2" hint="N1-2.same"
def my_folds(family, folds, rng):
    names, position = np.unique(family, return_inverse=True)
    return position % folds


# %% lid="folds-check" tags=["check"] exercise="N1-2"
check("N1-2", my_folds)

# %% [markdown] lid="folds-measure-text"
# Now both, five times each, so that not everything hangs on one draw. There are two measures, which are often confused. *Predictive ability* is the correlation of prediction and trial, the one you can compute in practice. *Accuracy* is the correlation with the true value; a breeder estimates it as ability divided by $h$. Here we can look.

# %% lid="folds-measure"
folds_by_family = use("N1-2", my_folds)
rng = np.random.default_rng(1)


def folds_at_random(family, folds, rng):
    return rng.permutation(np.arange(len(family)) % folds)


def cross_validate(fold, relationship=relationship, trial=lines.trial):
    found = np.empty(count)
    for one in np.unique(fold):
        train = np.flatnonzero(fold != one)
        found[fold == one] = gblup(relationship, trial, train)[fold == one]
    return found


def within_families(predicted):
    each = [lines.family == name for name in np.unique(lines.family)]
    return np.mean([correlation(predicted[one], lines.true_value[one]) for one in each])


RUNS = {}
for name, divide in (("random", folds_at_random), ("family", folds_by_family)):
    RUNS[name] = [cross_validate(divide(lines.family, 5, rng)) for _ in range(5)]
    ability = np.mean([correlation(run, lines.trial) for run in RUNS[name]])
    accuracy = np.mean([correlation(run, lines.true_value) for run in RUNS[name]])
    within = np.mean([within_families(run) for run in RUNS[name]])
    print(f"{tr(f'N1.line.ability_{name}')}: {ability:.2f}")
    print(f"{tr(f'N1.line.estimate_{name}')}: {ability / HERITABILITY**0.5:.2f}")
    print(f"{tr(f'N1.line.accuracy_{name}')}: {accuracy:.2f}")
    print(f"{tr(f'N1.line.within_{name}')}: {within:.2f}")

# %% [markdown] lid="folds-after"
# With random folds the accuracy is {{expected.accuracy_random}}, with whole families {{expected.accuracy_family}}. Both are true, each for its own question. Promise the first to a colleague who makes new crosses, and you promise too much.
#
# Look at the last line of each four. **Within** families the accuracy is {{expected.within_random}} and {{expected.within_family}}, much closer to each other. Most of what random folds had extra was the *mean of each family*, which twenty sown sisters tell you without any DNA. Which sister is the best is the question for which you need markers, and it is much harder than {{expected.accuracy_random}} suggests.

# %% lid="folds-figure" tags=["figure"] alt="N1.figure.alt_folds"
figure, panels = plt.subplots(1, 2, figsize=(9.5, 5.2), sharex=True, sharey=True, layout="constrained")
names = np.unique(lines.family)
truth_of_family = [lines.true_value[lines.family == name].mean() for name in names]
for axes, kind, colour in zip(panels, ("random", "family"), ("vermilion", "blue"), strict=True):
    run = RUNS[kind][0]
    axes.axline((10, 10), slope=1, color=LINE, linewidth=1.2, zorder=0)
    axes.scatter(run, lines.true_value, s=9, color=OKABE_ITO[colour], alpha=0.35, linewidth=0)
    means = [run[lines.family == name].mean() for name in names]
    axes.scatter(means, truth_of_family, s=42, color=INK, edgecolor="white", linewidth=0.8)
    axes.set(aspect="equal", xlabel=tr("N1.figure.predicted"))
    axes.set_title(tr(f"N1.figure.folds_{kind}"))
panels[0].set_ylabel(tr("N1.figure.true_value"))
panels[0].text(0.03, 0.96, tr("N1.figure.family_mean"), transform=panels[0].transAxes, color=INK, va="top")
show(figure, tr("N1.figure.alt_folds"))

# %% [markdown] lid="leak-text" minutes=3
# ## 5 · A number from nothing ({{section.minutes}} min)
#
# Another way to fool yourself is common enough to have a name: *selection bias*. Shuffle the yields, so that there is nothing left to predict. Choose the 200 markers that correlate best with them, and cross-validate with those: once with the markers chosen on all lines, once chosen again in each training set. We do that with five shuffles. The two differ in one line, `looked_at`.

# %% lid="leak"
def best_markers(trial, looked_at):
    deviation = lines.genotypes[looked_at] - lines.genotypes[looked_at].mean(axis=0)
    spread = np.sqrt((deviation**2).sum(axis=0))
    covariance = np.abs(deviation.T @ (trial[looked_at] - trial[looked_at].mean()))
    return np.argsort(covariance / np.maximum(spread, 1e-9))[-200:]


def validate_with_choice(trial, fold, leaks):
    found = np.empty(count)
    for one in np.unique(fold):
        train = np.flatnonzero(fold != one)
        looked_at = np.arange(count) if leaks else train
        chosen = lines.genotypes[:, best_markers(trial, looked_at)]
        found[fold == one] = gblup(relationship_of(chosen), trial, train)[fold == one]
    return correlation(found, trial)


shuffles = [(rng.permutation(lines.trial), folds_at_random(lines.family, 5, rng)) for _ in range(5)]
for name, leaks in (("leaky", True), ("honest", False)):
    abilities = [validate_with_choice(trial, fold, leaks) for trial, fold in shuffles]
    print(f"{tr(f'N1.line.{name}')}: {np.mean(abilities):.2f}")

# %% [markdown] lid="leak-after"
# {{expected.leaky}} where there is nothing, and about zero when the choice is part of what is validated. The rule is simple: **everything that looks at yields happens inside the fold**. Shuffling the outcome is also the cheapest test of a pipeline that you did not write yourself.

# %% [markdown] lid="curve-text" minutes=4
# ## 6 · A cleverer model, or more lines? ({{section.minutes}} min)
#
# Two ways to spend money. A cleverer model: instead of $G$ a Gaussian kernel of the genetic distance, which can also learn effects that do not add up. Or a larger trial. We draw training sets of 50 to 800 lines, predict 200 others, and do that ten times; once for sisters of training lines, once for new crosses, of which no line is in training (though their parents may have children there, as in practice).

# %% lid="curve-compute"
SIZES = (50, 100, 200, 400, 800)
similarity = relationship / relationship.diagonal().mean()
distance = np.maximum(similarity.diagonal()[:, np.newaxis] + similarity.diagonal() - 2 * similarity, 0)
kernel = np.exp(-distance / distance.mean())
kernel = kernel - kernel.mean(axis=0) - kernel.mean(axis=1, keepdims=True) + kernel.mean()
kernel = kernel * relationship.diagonal().mean() / kernel.diagonal().mean()


def accuracies(model, target):
    rng = np.random.default_rng(7)
    found = []
    for _ in range(10):
        divide = folds_at_random if target == "sisters" else folds_by_family
        fold = divide(lines.family, 5, rng)
        test, rest = np.flatnonzero(fold == 0), rng.permutation(np.flatnonzero(fold != 0))
        runs = [gblup(model, lines.trial, rest[:size])[test] for size in SIZES]
        found.append([correlation(run, lines.true_value[test]) for run in runs])
    return np.array(found)


curves = {(name, target): accuracies(model, target)
          for name, model in (("gblup", relationship), ("kernel", kernel)) for target in ("sisters", "crosses")}
for target in ("sisters", "crosses"):
    for place, size in ((0, 50), (4, 800)):
        print(f"{tr(f'N1.line.{target}_{size}')}: {curves['gblup', target][:, place].mean():.2f}")
gap = np.abs([(curves["kernel", one] - curves["gblup", one]).mean(axis=0) for one in ("sisters", "crosses")]).max()
print(f"{tr('N1.line.model_gap')}: {gap:.2f}")

# %% lid="curve-figure" tags=["figure"] alt="N1.figure.alt_curve"
figure, axes = plt.subplots(figsize=(9.5, 5.2), layout="constrained")
for target, colour in (("sisters", "vermilion"), ("crosses", "blue")):
    found = curves["gblup", target]
    middle, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
    axes.fill_between(SIZES, middle - spread, middle + spread, color=OKABE_ITO[colour], alpha=0.15, linewidth=0)
    axes.plot(SIZES, middle, color=OKABE_ITO[colour], marker="o", linewidth=2)
    axes.plot(SIZES, curves["kernel", target].mean(axis=0), color=OKABE_ITO[colour], linestyle=(0, (2, 2)), linewidth=2)
    axes.text(860, middle[-1], tr(f"N1.figure.{target}"), color=OKABE_ITO[colour], va="center", fontweight="bold")
axes.axhline(HERITABILITY**0.5, color=LINE, linewidth=1.2, zorder=0)
axes.text(51, HERITABILITY**0.5 + 0.01, tr("N1.figure.own_trial"), color=MUTED, fontsize=10)
axes.set_xscale("log")
axes.set_xticks(SIZES, [str(size) for size in SIZES])
axes.minorticks_off()
axes.set(xlim=(47, 1500), ylim=(0, 0.95), xlabel=tr("N1.figure.size"), ylabel=tr("N1.figure.accuracy"))
axes.set_title(tr("N1.figure.curve_title"))
show(figure, tr("N1.figure.alt_curve"))

# %% [markdown] lid="curve-after"
# From 50 to 800 lines the accuracy for sisters rises from {{expected.sisters_50}} to {{expected.sisters_800}}, and for new crosses from {{expected.crosses_50}} to {{expected.crosses_800}}. The two models differ by at most {{expected.model_gap}}. *Which* lines you sow, and how many, matters more than the model. Read this with care: our trait adds up by construction, so the kernel had nothing to gain. Still, comparisons on real crops often find small differences too (Heslot and others, 2012).
#
# The bands show one standard deviation over the ten draws. For new crosses it is wide: much depends on which families happen to be sown. The grey line is $h$, the accuracy of a line's own trial. Above it, the trials of sisters together tell more about a line than its own would.

# %% [markdown] lid="response-text" minutes=8
# ## 7 · What do you gain by it? ({{section.minutes}} min)
#
# A correlation feeds nobody. The **selection response** does: how much better are the lines that you choose than all the candidates, on average?
#
# ### Exercise 3 · transfer ({{exercise.N1-3}} min)
#
# Write a function that chooses the best `share` of the lines by `predicted` (high is good) and returns the mean of `true_value` of the chosen minus that of all candidates. Both arrays have one number per line; `share * len(predicted)` is a whole number, but for rounding.
#
# <details><summary>Hint</summary>
#
# `np.argsort` gives positions from the lowest to the highest. Where are the best, and of which of the two arrays do you want their values?
#
# </details>

# %% lid="response-start" tags=["exercise"] exercise="N1-3"
def my_response(predicted, true_value, share):
    ...


# %% lid="response-solution" tags=["solution"] exercise="N1-3"
def my_response(predicted, true_value, share):
    number = round(share * len(predicted))
    chosen = np.argsort(predicted)[-number:]
    return true_value[chosen].mean() - true_value.mean()


# %% lid="response-wrong-hoped" tags=["wrong"] exercise="N1-3" hint="N1-3.hoped"
def my_response(predicted, true_value, share):
    number = round(share * len(predicted))
    chosen = np.argsort(predicted)[-number:]
    return predicted[chosen].mean() - predicted.mean()


# %% lid="response-wrong-lowest" tags=["wrong"] exercise="N1-3" hint="N1-3.lowest"
def my_response(predicted, true_value, share):
    number = round(share * len(predicted))
    chosen = np.argsort(predicted)[:number]
    return true_value[chosen].mean() - true_value.mean()


# %% lid="response-wrong-level" tags=["wrong"] exercise="N1-3" hint="N1-3.difference"
def my_response(predicted, true_value, share):
    number = round(share * len(predicted))
    return true_value[np.argsort(predicted)[-number:]].mean()


# %% lid="response-wrong-hindsight" tags=["wrong"] exercise="N1-3" hint="N1-3.hindsight"
def my_response(predicted, true_value, share):
    number = round(share * len(predicted))
    return np.sort(true_value)[-number:].mean() - true_value.mean()


# %% lid="response-check" tags=["check"] exercise="N1-3"
check("N1-3", my_response)

# %% [markdown] lid="response-answer-text"
# Half of the lines get a trial, the other half are the candidates. We choose the best 5 % of those in four ways, and repeat it with twenty divisions, because 25 chosen lines are few. The *breeder's equation* $R = i\,r\,\sigma_g$ predicts the result from the accuracy $r$, the genetic spread $\sigma_g$, and the intensity $i$: how many standard deviations the best 5 % of a normal distribution lie above its mean on average.

# %% lid="response-answer"
response = use("N1-3", my_response)
SHARE = 0.05
normal = NormalDist()
intensity = normal.pdf(normal.inv_cdf(1 - SHARE)) / SHARE


def one_season(rng):
    order = rng.permutation(count)
    train, test = order[: count // 2], order[count // 2 :]
    predicted = gblup(relationship, lines.trial, train)[test]
    truth, own_trial = lines.true_value[test], lines.trial[test]
    ways = {"lots": rng.random(len(test)), "trial": own_trial, "genomic": predicted, "truth": truth}
    result = {f"response_{name}": response(value, truth, SHARE) for name, value in ways.items()}
    result["equation"] = intensity * correlation(predicted, truth) * truth.std()
    result["hoped"] = response(own_trial, own_trial, SHARE)
    best = np.argsort(predicted)[-round(SHARE * len(test)) :]
    return result | {"families_chosen": len(np.unique(lines.family[test][best]))}


seasons = [one_season(rng) for _ in range(20)]
print(f"{tr('N1.line.intensity')}: {intensity:.2f}")
for name in seasons[0]:
    unit = "" if name == "families_chosen" else " t/ha"
    print(f"{tr(f'N1.line.{name}')}: {np.mean([season[name] for season in seasons]):.2f}{unit}")

# %% [markdown] lid="response-after"
# Without a single plot for the candidates, their DNA gains {{expected.response_genomic}}; sowing them all would have gained {{expected.response_trial}}, and knowing the truth {{expected.response_truth}}. The breeder's equation says {{expected.equation}}: near, not equal, because it assumes a normal distribution, and the top of one programme is a matter of few lines. Two warnings.
#
# - **The winner's curse.** Whoever sows all candidates, takes the best and reports *those same yields*, sees {{expected.hoped}}. About half of it is luck that will not come back. Report what a new trial gives.
# - **Few families.** The best lines come from about {{expected.families_chosen}} of the 40 crosses. Go on like that and relatives mate with relatives, and the variation that next year's gain needs is lost. Breeders therefore limit the number of lines per cross.

# %% [markdown] lid="cost-text" minutes=1
# ## 8 · What it cost, and what you keep ({{section.minutes}} min)
#
# Solving a thousand equations takes a fraction of a second. The work grows with the cube: 50,000 lines, fifty times as many, are 125,000 times the work. There a GPU or a cluster earns its place.

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - The genomic relationship matrix compares lines by centred markers; inbred lines have about 2 on its diagonal.
# - GBLUP and ridge regression on markers are the same prediction. Solve the smaller system.
# - Divide as you will use it. Sisters in training: {{expected.accuracy_random}}; new crosses: {{expected.accuracy_family}}; within a family: {{expected.within_family}}.
# - Whatever looks at the outcome belongs inside the fold. If not, you find {{expected.leaky}} in noise.
# - More and closer training lines beat a cleverer model. Report the response in t/ha, not from the yields you selected on.
#
# ### What next
#
# - Take fewer and larger families: `make_lines(seed=1, families=8, size=125)`. What happens to the gap between the two divisions?
# - Limit the choice in section 7 to three lines per family. What does diversity cost this year?
# - Your own data with related cases (patients of one hospital, sensors of one site, compounds of one scaffold): what is your *family*?
#
# **Sources.** T. H. E. Meuwissen, B. J. Hayes, M. E. Goddard (2001), *Prediction of total genetic value using genome-wide dense marker maps*, Genetics 157 · P. M. VanRaden (2008), *Efficient methods to compute genomic predictions*, Journal of Dairy Science 91 · D. Habier, R. L. Fernando, J. C. M. Dekkers (2007), *The impact of genetic relationship information on genome-assisted breeding values*, Genetics 177 · N. Heslot and others (2012), *Genomic selection in plant breeding: a comparison of models*, Crop Science 52 · C. Ambroise, G. J. McLachlan (2002), *Selection bias in gene extraction on the basis of microarray gene-expression data*, PNAS 99 · D. S. Falconer, T. F. C. Mackay (1996), *Introduction to quantitative genetics* · Data: simulated for this lesson.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Before section 4, ask each pair to write down the accuracy they expect for crosses of next year. Before section 5, ask what can be predicted from shuffled yields.
#
# **Short of time?** Tell the block-by-block matrix of section 2 and leave out section 6; its figure is worth two minutes.
#
# **Questions that come**
#
# - *Is it cheating that G contains the lines we predict?* No: their DNA is known before any trial; their yield is not.
# - *Is the random division wrong?* No: it answers another question, about sisters of lines in the trial.
# - *Would deep learning do better?* Here it could not: the trait adds up. On real crops differences are often small too.
