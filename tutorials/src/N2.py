# %% [markdown] lid="title"
# # {{title}}
#
# **For** students and researchers in chemistry, pharmacy and the life sciences, and anybody who is shown a good score and has to decide whether to believe it. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook, about {{memory}} GB of memory and the libraries RDKit and scikit-learn; no GPU, no network, no earlier lesson. It helps if you have met `numpy` and have fitted a model before; the chemistry is explained where it appears.
#
# **Why here.** The government's letter on this facility names fields in which the Netherlands is already strong, among them “{{claim.medicines.quote}}” (*{{claim.medicines.en}}*). Models help to find medicines only as far as their scores can be believed. In this lesson you meet three ways in which a score misleads, in real data.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs, RDConfig
from rdkit.Chem import rdDepictor, rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.exercises.n2_molecules import MEDICINES, draw_molecule
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()
SEED = 1

# %% [markdown] lid="compounds-text" minutes=4
# ## 1 · A thousand relatives, one number each ({{section.minutes}} min)
#
# The search for a medicine often begins with one molecule that does something to a protein that matters in a disease. Chemists then make relatives of it, hundreds of them, and measure each. A model that predicts the measurement before the compound is made can save work, if its predictions are right.
#
# RDKit, a toolkit for chemistry, carries such a series as an example. A molecule is written as a line of text, a *SMILES*: letters are atoms (lower case in an aromatic ring), brackets are branches, equal digits are the two ends of a ring, and hydrogens are left out.

# %% lid="compounds-read"
folder = Path(RDConfig.RDContribDir) / "FreeWilson" / "data"
structures = pd.read_csv(folder / "CHEMBL2321810.smi", sep=r"\s+", names=["smiles", "number"])
measured = pd.read_csv(folder / "CHEMBL2321810_act.csv").rename(columns={"Name": "number", "Act": "activity"})
compounds = structures.merge(measured, on="number", validate="one_to_one")
activity = compounds.activity.to_numpy()
molecules = [Chem.MolFromSmiles(smiles) for smiles in compounds.smiles]
print(f"{tr('N2.line.compounds')}: {len(compounds)}")
print(f"{tr('N2.line.lowest')}: {activity.min():.2f}")
print(f"{tr('N2.line.highest')}: {activity.max():.2f}")
print(f"{tr('N2.line.spread')}: {activity.std():.2f}")
compounds.sample(4, random_state=SEED)

# %% [markdown] lid="compounds-after"
# `activity` is on a logarithmic scale, like pIC50: one more means active at a ten times lower concentration. If it was made from concentrations in mol/L, as is usual, then 6 is a micromolar and 9 a nanomolar.
#
# If. *What* was measured, on which protein, how often and how precisely: nothing of that is in the files. The name is an identifier of the database ChEMBL, where you would look it up before you used this for anything but a lesson. By their structure these are aryl sulfonamides, of a kind that companies have studied as blockers of a sodium channel in pain nerves (NaV1.7); the lesson does not depend on it.

# %% [markdown] lid="leak-text" minutes=4
# ## 2 · The best model you will ever see ({{section.minutes}} min)
#
# Here is a random forest, a standard model, in five-fold cross-validation with shuffled folds. $R^2$ is the share of the variance that is explained: 1 is perfect, 0 is as good as saying the mean every time, and below 0 is worse than that.

# %% lid="leak"
inputs = compounds[["number"]]
folds = KFold(5, shuffle=True, random_state=SEED)
forest = RandomForestRegressor(50, random_state=SEED, n_jobs=2)
predicted = cross_val_predict(forest, inputs, activity, cv=folds)
print(f"{tr('N2.line.r2_number')}: {r2_score(activity, predicted):.2f}")

# %% [markdown] lid="leak-question"
# {{expected.r2_number}}. Before you read on: look at the first line of the cell. What does this model know about chemistry?

# %% lid="leak-order"
by_number = compounds.sort_values("number")
stretches = 1 + (by_number.activity.diff() > 0).sum()
print(f"{tr('N2.line.stretches')}: {stretches}")

# %% lid="leak-figure" tags=["figure"] alt="N2.figure.alt_number"
figure, panels = plt.subplots(1, 2, figsize=(11, 4.4), width_ratios=(2, 1), layout="constrained")
for axes, part in zip(panels, (by_number, by_number[by_number.number.between(1518890, 1518960)]), strict=True):
    axes.scatter(part.number, part.activity, s=9, color=OKABE_ITO["blue"], linewidth=0)
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel(tr("N2.figure.number"))
panels[0].set_ylabel(tr("N2.figure.activity"))
panels[0].set_title(tr("N2.figure.number_title"))
panels[1].set_title(tr("N2.figure.number_near"))
show(figure, tr("N2.figure.alt_number"))

# %% [markdown] lid="leak-after"
# Nothing. Its only input is the *number* of the compound in the list. Go through the list by number, and it falls into {{expected.stretches}} stretches in which the activity never rises (in a random order there would be about five hundred): evidently the compounds were sorted by activity, in batches, before they got their numbers. The rows of the file are nearly in that order too.
#
# Nobody would do this on purpose. It comes in by itself: as one column in a table with two hundred, as the plate, the date or the name of a file. Cross-validation cannot see it, because the number knows as much about a compound in the test fold as about one in training. One question can: **would you have this input, with this value, for a compound that nobody has made yet?**

# %% [markdown] lid="similarity-text" minutes=10
# ## 3 · How alike are two molecules? ({{section.minutes}} min)
#
# A model needs numbers that come from the structure. A *Morgan fingerprint* looks at each atom with its neighbours up to two bonds away, and turns every such piece into a place in a row of 1,024 bits. A bit is 1 when the molecule has the piece. (Two pieces can land in one place; with more bits that is rarer.)

# %% lid="similarity-bits"
generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
bits = np.array([generator.GetFingerprintAsNumPy(molecule) for molecule in molecules])
print(bits.shape, bits.dtype)
print(f"{tr('N2.line.bits_on')}: {bits.sum(axis=1).mean():.0f}")

# %% [markdown] lid="similarity-exercise"
# The *Tanimoto similarity* of two molecules is the number of bits that both have, divided by the number of bits that at least one of them has. It runs from 0 (nothing in common) to 1 (the same bits).
#
# ### Exercise 1 · try ({{exercise.N2-1}} min)
#
# The function below takes two fingerprints, arrays of 0 and 1 of the type `uint8`, and compares. Run it and read what the check says. Then make it follow the definition. Every fingerprint has at least one bit.
#
# <details><summary>Hint</summary>
#
# `one & other` has a 1 where both have one, and `one | other` where at least one of them has. `np.count_nonzero` counts. Careful with `@`: a `uint8` holds no number above 255.
#
# </details>

# %% lid="similarity-start" tags=["exercise"] exercise="N2-1"
def my_tanimoto(one, other):
    return (one == other).mean()


# %% lid="similarity-solution" tags=["solution"] exercise="N2-1"
def my_tanimoto(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


# %% lid="similarity-wrong-length" tags=["wrong"] exercise="N2-1" hint="N2-1.length"
def my_tanimoto(one, other):
    return np.count_nonzero(one & other) / len(one)


# %% lid="similarity-wrong-twice" tags=["wrong"] exercise="N2-1" hint="N2-1.twice"
def my_tanimoto(one, other):
    return np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


# %% lid="similarity-wrong-sided" tags=["wrong"] exercise="N2-1" hint="N2-1.one_sided"
def my_tanimoto(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one)


# %% lid="similarity-wrong-byte" tags=["wrong"] exercise="N2-1" hint="N2-1.large"
def my_tanimoto(one, other):
    shared = one @ other
    return shared / (one.sum() + other.sum() - shared)


# %% lid="similarity-check" tags=["check"] exercise="N2-1"
check("N2-1", my_tanimoto)

# %% [markdown] lid="similarity-all-text"
# RDKit has the same in C++. Let us see whether they agree, and then make all the half million pairs at once: a product of matrices counts the shared bits of every pair.

# %% lid="similarity-all"
tanimoto = use("N2-1", my_tanimoto)
own = [tanimoto(bits[0], other) for other in bits]
packed = [generator.GetFingerprint(molecule) for molecule in molecules]
theirs = DataStructs.BulkTanimotoSimilarity(packed[0], packed)
print(f"{tr('N2.line.difference')}: {np.abs(np.subtract(own, theirs)).max():.0e}")


def similarities(new, known):
    new, known = new.astype(float), known.astype(float)
    shared = new @ known.T
    return shared / (new.sum(axis=1, keepdims=True) + known.sum(axis=1) - shared)


similarity = similarities(bits, bits)
first, second = np.triu_indices(len(bits), k=1)
apart = np.abs(activity[first] - activity[second])
alike = similarity[first, second] >= 0.8
print(f"{tr('N2.line.apart_all')}: {apart.mean():.2f}")
print(f"{tr('N2.line.pairs_alike')}: {alike.sum()}")
print(f"{tr('N2.line.apart_alike')}: {apart[alike].mean():.2f}")
print(f"{tr('N2.line.cliffs')}: {100 * (apart[alike] > 1).mean():.0f} %")

# %% [markdown] lid="similarity-after"
# Alike molecules have alike activities, *on average*: two compounds of this series differ by {{expected.apart_all}}, two with a similarity of 0.8 or more by {{expected.apart_alike}}. Yet in {{expected.cliffs}} of those {{expected.pairs_alike}} close pairs one is more than ten times as active as the other. Chemists call that an *activity cliff*. Here is the steepest:

# %% lid="similarity-figure" tags=["figure"] alt="N2.figure.alt_cliff"
steepest = np.flatnonzero(alike)[apart[alike].argmax()]
pair = sorted((first[steepest], second[steepest]), key=lambda one: molecules[one].GetNumAtoms())
small, large = (molecules[one] for one in pair)
extra = set(range(large.GetNumAtoms())) - set(large.GetSubstructMatch(small))
rdDepictor.SetPreferCoordGen(True)
rdDepictor.Compute2DCoords(small)

figure, panels = plt.subplots(1, 2, figsize=(10, 3.7), layout="constrained")
for axes, one, marked in zip(panels, pair, ((), extra), strict=True):
    draw_molecule(axes, molecules[one], marked, like=small)
    axes.set_title(tr("N2.figure.activity_of", value=activity[one]), loc="center")
figure.suptitle(tr("N2.figure.cliff_title", similarity=similarity[tuple(pair)]), fontweight="bold")
show(figure, tr("N2.figure.alt_cliff"))

# %% [markdown] lid="similarity-cliff-after"
# One chlorine more, and it takes more than six hundred times the concentration. The fingerprint sees a change in a few bits. No model that leans on resemblance alone can foresee this, and a compound that resembles the training set is no guarantee.

# %% [markdown] lid="split-text" minutes=9
# ## 4 · Which compounds will you predict? ({{section.minutes}} min)
#
# To test a model you set compounds apart. At random, each of them leaves its closest relatives in training. That is a fair test **if** your chemists will go on making small changes to what they have. If they will take a step to another core, it is not. For that step there is a common stand-in: put compounds with the same *Murcko scaffold* on the same side. The scaffold is what remains when you cut off everything that is neither in a ring nor between two rings (an atom on a double bond to it may stay).

# %% lid="split-scaffolds"
scaffolds = np.array([MurckoScaffold.MurckoScaffoldSmiles(mol=molecule) for molecule in molecules])
names, sizes = np.unique(scaffolds, return_counts=True)
print(f"{tr('N2.line.scaffolds')}: {len(names)}")
print(f"{tr('N2.line.singles')}: {(sizes == 1).sum()}")

# %% lid="split-figure" tags=["figure"] alt="N2.figure.alt_scaffold"
common = Chem.MolFromSmiles(names[sizes.argmax()])
rdDepictor.Compute2DCoords(common)
twin = Chem.MolFromSmiles("O=S(=O)(Nc1ncns1)c1ccc(Oc2ccccc2-c2ccn[nH]2)cc1")
shown = [(common, 0), (common, 1), (twin, 0)]

figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for axes, (scaffold, place) in zip(panels, shown, strict=True):
    members = np.flatnonzero(scaffolds == Chem.MolToSmiles(scaffold))
    molecule = molecules[members[place]]
    draw_molecule(axes, molecule, molecule.GetSubstructMatch(scaffold), like=common)
    name = tr("N2.figure.scaffold_a" if scaffold is common else "N2.figure.scaffold_b")
    axes.set_title(tr("N2.figure.scaffold_of", name=name, count=len(members)), loc="center")
figure.suptitle(tr("N2.figure.scaffold_title"), fontweight="bold")
show(figure, tr("N2.figure.alt_scaffold"))

# %% [markdown] lid="split-after"
# In blue, the scaffold. The first two compounds share one. The third has another, for one carbon in the small ring on the sulfonamide is a nitrogen there. To the definition that is as different as can be; remember it for section 5.
#
# ### Exercise 2 · change ({{exercise.N2-2}} min)
#
# The function below chooses a test set at random: an array with `True` for each compound in it. `groups` holds the group of each compound (a name or a number), in any order. Change it so that **a group is never divided**, that the test set holds about `share` of the *compounds*, and that it is still drawn by `rng`.
#
# <details><summary>Hint</summary>
#
# Put the *groups* in a random order and hold them out one after the other until there are enough compounds. `np.unique` can give each group's size (`return_counts=True`), and `np.isin(groups, chosen)` is `True` for the compounds of the chosen groups.
#
# </details>

# %% lid="split-start" tags=["exercise"] exercise="N2-2"
def my_split(groups, share, rng):
    order = rng.permutation(len(groups))
    return order < share * len(groups)


# %% lid="split-solution" tags=["solution"] exercise="N2-2"
def my_split(groups, share, rng):
    names, sizes = np.unique(groups, return_counts=True)
    order = rng.permutation(len(names))
    held_out = np.cumsum(sizes[order])
    last = np.abs(held_out - share * len(groups)).argmin()
    return np.isin(groups, names[order[: last + 1]])


# %% lid="split-wrong-cut" tags=["wrong"] exercise="N2-2" hint="N2-2.cut"
def my_split(groups, share, rng):
    test = np.zeros(len(groups), dtype=bool)
    in_order = np.argsort(groups)
    test[in_order[: int(share * len(groups))]] = True
    return test


# %% lid="split-wrong-train" tags=["wrong"] exercise="N2-2" hint="N2-2.inverted"
def my_split(groups, share, rng):
    names, sizes = np.unique(groups, return_counts=True)
    order = rng.permutation(len(names))
    held_out = np.cumsum(sizes[order]) <= share * len(groups)
    return ~np.isin(groups, names[order[held_out]])


# %% lid="split-wrong-one" tags=["wrong"] exercise="N2-2" hint="N2-2.share"
def my_split(groups, share, rng):
    return groups == rng.choice(groups)


# %% lid="split-wrong-same" tags=["wrong"] exercise="N2-2" hint="N2-2.same"
def my_split(groups, share, rng):
    names, sizes = np.unique(groups, return_counts=True)
    order = np.argsort(sizes, kind="stable")
    held_out = np.cumsum(sizes[order]) <= share * len(groups)
    return np.isin(groups, names[order[held_out]])


# %% lid="split-check" tags=["check"] exercise="N2-2"
check("N2-2", my_split)

# %% [markdown] lid="split-library"
# In scikit-learn this is `GroupShuffleSplit`; mind that its `test_size` is a share of the *groups*. Packages for chemistry often put the largest scaffolds in training and the rare ones in the test set. That is one fixed division, so it cannot tell you how much depends on the draw.

# %% [markdown] lid="compare-text" minutes=6
# ## 5 · The same models, two questions ({{section.minutes}} min)
#
# Now both ways of splitting, eight times each, with a fifth of the compounds in the test set. Three models: the activity of the *nearest neighbour* in training; *ridge regression*, in which each bit adds or subtracts something; and a *random forest* of thirty trees. The penalty of 10 for ridge and the settings of the forest are the same everywhere; we did not tune them.

# %% lid="compare"
split = use("N2-2", my_split)
inputs = bits.astype(np.float32)


def predict_with(test):
    train = ~test
    near = similarity[np.ix_(test, train)]
    ridge = Ridge(alpha=10).fit(inputs[train], activity[train])
    forest = RandomForestRegressor(30, max_features=0.2, n_jobs=2, random_state=SEED)
    forest.fit(inputs[train], activity[train])
    trees = np.array([tree.predict(inputs[test]) for tree in forest.estimators_])
    return pd.DataFrame({
        "truth": activity[test],
        "neighbour": activity[train][near.argmax(axis=1)],
        "ridge": ridge.predict(inputs[test]),
        "forest": trees.mean(axis=0),
        "similarity": near.max(axis=1),
        "disagreement": trees.std(axis=0),
    })


rng = np.random.default_rng(SEED)
ways = {"random": np.arange(len(compounds)), "scaffold": scaffolds}
RUNS = {way: pd.concat([predict_with(split(groups, 0.2, rng)) for _ in range(8)]) for way, groups in ways.items()}
MODELS = ("neighbour", "ridge", "forest")
scores = {(way, model): r2_score(run.truth, run[model]) for way, run in RUNS.items() for model in MODELS}
for (way, model), score in scores.items():
    print(f"{tr(f'N2.line.{way}')}, {tr(f'N2.line.{model}')}: {score:.2f}")
for way, run in RUNS.items():
    print(f"{tr(f'N2.line.{way}')}, {tr('N2.line.error')}: {(run.forest - run.truth).abs().mean():.2f}")
    print(f"{tr(f'N2.line.{way}')}, {tr('N2.line.close')}: {100 * (run.similarity >= 0.8).mean():.0f} %")

# %% lid="compare-figure" tags=["figure"] alt="N2.figure.alt_scores"
COLOUR = {"random": OKABE_ITO["vermilion"], "scaffold": OKABE_ITO["blue"]}
figure, axes = plt.subplots(figsize=(9.5, 3.6), layout="constrained")
for row, model in enumerate(MODELS):
    ends = [scores[way, model] for way in COLOUR]
    axes.plot(ends, [row, row], color=LINE, linewidth=4, zorder=1)
    axes.scatter(ends, [row, row], s=110, color=list(COLOUR.values()), zorder=2)
    for way, end, side in zip(COLOUR, ends, ("left", "right"), strict=True):
        space = 0.012 if side == "left" else -0.012
        axes.text(end + space, row, f"{end:.2f}", color=COLOUR[way], ha=side, va="center")
for way, side in zip(COLOUR, ("left", "right"), strict=True):
    axes.text(scores[way, "forest"], 2.35, tr(f"N2.figure.{way}"), color=COLOUR[way], ha=side, fontweight="bold")
axes.set_yticks(range(3), [tr(f"N2.figure.{model}") for model in MODELS])
axes.tick_params(axis="y", length=0)
axes.set(xlim=(0, 1), ylim=(-0.5, 2.7), xlabel=tr("N2.figure.r2"))
axes.set_title(tr("N2.figure.scores_title"))
show(figure, tr("N2.figure.alt_scores"))

# %% [markdown] lid="compare-after"
# - **The question decides the score.** The forest goes from {{expected.forest_random}} to {{expected.forest_scaffold}}, and its mean error from {{expected.error_random}} to {{expected.error_scaffold}}. Both are true, each for its own question. Promise the first for a new scaffold, and you promise too much.
# - **Copying falls deepest.** With random splits {{expected.close_random}} of the test compounds have a neighbour of 0.8 or more in training, with scaffolds {{expected.close_scaffold}}. The nearest neighbour drops from {{expected.neighbour_random}} to {{expected.neighbour_scaffold}}.
# - **Simple is not worse.** Ridge reaches {{expected.ridge_random}} and {{expected.ridge_scaffold}}, in a fraction of the time. In a series, the parts often contribute each their own; whoever starts with the largest model never finds out.
#
# Is the scaffold split the honest one, then? It is one stand-in for the future. Twins like those in section 4 can still be on either side, and in virtual screening it has been found to flatter too (Guo and others, 2024). At Merck, random splits were too optimistic and a harsh split too pessimistic; what came closest to real use was a split in *time*: train on what was known, test on what came after (Sheridan, 2013). Our files have no dates. And no model predicts better than the measurement repeats: in a study of ChEMBL, the same compound on the same target in two hastily combined assays differed by more than 0.3 in almost 65 % of cases (Landrum and Riniker, 2024).

# %% [markdown] lid="domain-text" minutes=10
# ## 6 · When must a model say nothing? ({{section.minutes}} min)
#
# A model answers always. Here are predictions for eight medicines that everybody knows, by a forest of a hundred trees, trained on the whole series. None of the eight is in the series.

# %% lid="domain-medicines"
forest = RandomForestRegressor(100, max_features=0.2, n_jobs=2, random_state=SEED).fit(inputs, activity)
foreign = np.array([generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(smiles)) for smiles in MEDICINES.values()])
answers = np.array([tree.predict(foreign.astype(np.float32)) for tree in forest.estimators_])
for name, answer, trees in zip(MEDICINES, answers.mean(axis=0), answers.std(axis=0), strict=True):
    print(f"{tr(f'N2.line.{name}')}  {answer:.2f} ± {trees:.2f}")
print(f"{tr('N2.line.medicines_answer')}: {answers.mean():.2f}")
print(f"{tr('N2.line.medicines_disagreement')}: {answers.std(axis=0).mean():.2f}")
print(f"{tr('N2.line.scaffold_disagreement')}: {RUNS['scaffold'].disagreement.mean():.2f}")

# %% [markdown] lid="domain-exercise"
# About {{expected.medicines_answer}} for all eight, from caffeine to celecoxib. After ± is the *disagreement*: the standard deviation over the trees. It is {{expected.medicines_disagreement}} on average, and for compounds of this series with a new scaffold {{expected.scaffold_disagreement}}. So the trees quarrel about caffeine about as much as about a cousin of what they know. They have all seen the same series, and none of them can tell that this is something else altogether.
#
# The *applicability domain* of a model is the set of compounds for which it may be used. A simple one: a compound is inside when there is a known compound that resembles it.
#
# ### Exercise 3 · transfer ({{exercise.N2-3}} min)
#
# Write a function that tells for each compound in `new` whether its Tanimoto similarity with **at least one** compound in `known` is `least` or more. Both are arrays of fingerprints (compounds × bits; `uint8`, 0 or 1). Return `True` or `False` for each new compound.
#
# <details><summary>Hint</summary>
#
# You have functions for one pair (`tanimoto`) and for all pairs (`similarities`). What do you need of all the similarities of one new compound: the mean, the smallest, the largest?
#
# </details>

# %% lid="domain-start" tags=["exercise"] exercise="N2-3"
def my_domain(known, new, least):
    ...


# %% lid="domain-solution" tags=["solution"] exercise="N2-3"
def my_domain(known, new, least):
    known, new = known.astype(float), new.astype(float)
    shared = new @ known.T
    similarity = shared / (new.sum(axis=1, keepdims=True) + known.sum(axis=1) - shared)
    return similarity.max(axis=1) >= least


# %% lid="domain-wrong-mean" tags=["wrong"] exercise="N2-3" hint="N2-3.none"
def my_domain(known, new, least):
    known, new = known.astype(float), new.astype(float)
    shared = new @ known.T
    similarity = shared / (new.sum(axis=1, keepdims=True) + known.sum(axis=1) - shared)
    return similarity.mean(axis=1) >= least


# %% lid="domain-wrong-axis" tags=["wrong"] exercise="N2-3" hint="N2-3.axis"
def my_domain(known, new, least):
    known, new = known.astype(float), new.astype(float)
    shared = new @ known.T
    similarity = shared / (new.sum(axis=1, keepdims=True) + known.sum(axis=1) - shared)
    return similarity.max(axis=0) >= least


# %% lid="domain-wrong-itself" tags=["wrong"] exercise="N2-3" hint="N2-3.all"
def my_domain(known, new, least):
    known, new = new.astype(float), new.astype(float)
    shared = new @ known.T
    similarity = shared / (new.sum(axis=1, keepdims=True) + known.sum(axis=1) - shared)
    return similarity.max(axis=1) >= least


# %% lid="domain-wrong-outside" tags=["wrong"] exercise="N2-3" hint="N2-3.inverted"
def my_domain(known, new, least):
    known, new = known.astype(float), new.astype(float)
    shared = new @ known.T
    similarity = shared / (new.sum(axis=1, keepdims=True) + known.sum(axis=1) - shared)
    return similarity.max(axis=1) < least


# %% lid="domain-check" tags=["check"] exercise="N2-3"
check("N2-3", my_domain)

# %% [markdown] lid="domain-gate-text"
# Use it as a gate at 0.5: for the medicines, and for compounds of the series whose scaffold was held out.

# %% lid="domain-gate"
domain = use("N2-3", my_domain)
held_out = split(scaffolds, 0.2, rng)
print(f"{tr('N2.line.inside_medicines')}: {np.sum(domain(bits, foreign, 0.5))}")
print(f"{tr('N2.line.inside_scaffold')}: {100 * np.mean(domain(bits[~held_out], bits[held_out], 0.5)):.0f} %")

# %% [markdown] lid="domain-rank-text"
# The gate stops what is foreign and lets the series through. Does similarity also tell *within* the series which predictions are good? We sort the test compounds, from most to least similar to the training set, and compare the error of each fifth. And the same for the disagreement of the trees.

# %% lid="domain-rank"
def error_by_fifth(run, doubt):
    error = (run.forest - run.truth).abs().to_numpy()
    return [error[fifth].mean() for fifth in np.array_split(np.argsort(doubt, kind="stable"), 5)]


DOUBTS = {"similarity": lambda run: 1 - run.similarity.to_numpy(),
          "disagreement": lambda run: run.disagreement.to_numpy()}
FIFTHS = {(name, way): error_by_fifth(run, doubt(run)) for name, doubt in DOUBTS.items() for way, run in RUNS.items()}
for (name, way), errors in FIFTHS.items():
    print(f"{tr(f'N2.line.{way}')}, {tr(f'N2.line.{name}_first')}: {errors[0]:.2f}")
    print(f"{tr(f'N2.line.{way}')}, {tr(f'N2.line.{name}_last')}: {errors[-1]:.2f}")

# %% lid="domain-figure" tags=["figure"] alt="N2.figure.alt_fifths"
figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
for axes, name in zip(panels, DOUBTS, strict=True):
    for way, colour in COLOUR.items():
        axes.plot(range(1, 6), FIFTHS[name, way], color=colour, marker="o", linewidth=2)
    axes.set_xticks(range(1, 6), [tr(f"N2.figure.{name}_first"), "2", "3", "4", tr(f"N2.figure.{name}_last")])
    axes.set(xlim=(0.7, 5.3), ylim=(0, 0.85), xlabel=tr(f"N2.figure.by_{name}"))
    axes.set_title(tr(f"N2.figure.{name}_title"))
for way, place in (("random", (5, 0.40)), ("scaffold", (1.0, 0.68))):
    side = "right" if way == "random" else "left"
    panels[0].text(*place, tr(f"N2.figure.{way}"), color=COLOUR[way], ha=side, fontweight="bold")
panels[0].set_ylabel(tr("N2.figure.error"))
show(figure, tr("N2.figure.alt_fifths"))

# %% [markdown] lid="domain-after"
# With random splits, the usual test, similarity does its work: the error rises from {{expected.similarity_first_random}} in the most similar fifth to {{expected.similarity_last_random}} in the least similar. With new scaffolds, where you need it most, little of that is left: {{expected.similarity_first_scaffold}} and {{expected.similarity_last_scaffold}}, without order between them. The disagreement, which let all the medicines pass, ranks the errors in both: {{expected.disagreement_first_random}} to {{expected.disagreement_last_random}}, and {{expected.disagreement_first_scaffold}} to {{expected.disagreement_last_scaffold}}.
#
# So they are answers to two questions. *Is this my kind of compound?* Ask similarity. *How far should I trust this one, of my kind?* Here, ask the trees. In a study of twenty sets of measurements similarity was a good judge of error (Sheridan and others, 2004); in ours it is not, once the scaffold is new. So test your measure of doubt as you test your model: **on the split that resembles its use**, and before you look at what it rejects.

# %% [markdown] lid="cost-text" minutes=2
# ## 7 · What it cost, and what you keep ({{section.minutes}} min)
#
# Nearly all the time went to the forests. Each of them can be trained by itself, so on a cluster the loop of section 5 can be about as fast as one forest. Ridge needed no cluster.

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - A number in a list reached {{expected.r2_number}}. Ask of each input whether you would have it for a compound that does not exist yet.
# - Tanimoto is shared bits over bits that at least one has. Alike molecules have alike activities, on average; {{expected.cliffs}} of the close pairs are activity cliffs.
# - Split as you will use it: {{expected.forest_random}} for the next analogue, {{expected.forest_scaffold}} for a new scaffold. Put a simple model beside it.
# - Similarity is a gate against foreign compounds; disagreement ranked the errors within the series. Neither may be believed untested.
#
# ### What next
#
# - Run `cross_val_score(Ridge(alpha=10), inputs, activity, cv=5)` (import it from `sklearn.model_selection`). Its folds follow the order of the rows. Why is the result so bad?
# - Group by the *shape* of the scaffold, with `MurckoScaffold.MakeScaffoldGeneric`: every atom a carbon, every bond single. What becomes of the twins, and of the score?
# - Your own data: which column would give away how the list was made?
#
# **Sources.** G. W. Bemis, M. A. Murcko (1996), *The properties of known drugs. 1. Molecular frameworks*, Journal of Medicinal Chemistry 39 · D. Rogers, M. Hahn (2010), *Extended-connectivity fingerprints*, Journal of Chemical Information and Modeling 50 · R. P. Sheridan and others (2004), *Similarity to molecules in the training set is a good discriminator for prediction accuracy in QSAR*, Journal of Chemical Information and Computer Sciences 44, doi:10.1021/ci049782w · R. P. Sheridan (2013), *Time-split cross-validation as a method for estimating the goodness of prospective prediction*, Journal of Chemical Information and Modeling 53, doi:10.1021/ci400084k · G. M. Maggiora (2006), *On outliers and activity cliffs: why QSAR often disappoints*, Journal of Chemical Information and Modeling 46 · Q. Guo, S. Hernandez-Hernandez, P. J. Ballester (2024), *Scaffold splits overestimate virtual screening performance*, arXiv:2406.00873 · G. A. Landrum, S. Riniker (2024), *Combining IC50 or Ki values from different sources is a source of significant noise*, Journal of Chemical Information and Modeling 64, doi:10.1021/acs.jcim.4c00049 · Data: ChEMBL (European Bioinformatics Institute), as carried by RDKit in its example for Free–Wilson analysis.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Let them guess in 2 before anybody scrolls.
#
# **Short of time?** Do exercise 2 with the solution.
#
# **Questions that come**
#
# - *Why is 0.6 worse news than 0.7 and still the better number?* It answers the question that will be asked.
# - *Is ridge always as good?* No: here, in one series with small training sets.
# - *May I choose the 0.5 of the gate on the test set?* No: on other compounds, and before.
