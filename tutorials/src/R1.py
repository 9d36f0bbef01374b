# %% [markdown] lid="title"
# # {{title}}
#
# **For** everybody who makes a model that decides something about people, orders one, or has to answer for one. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook, about {{memory}} GB of memory and the libraries scikit-learn, fairlearn and shap; no GPU, no network, no earlier lesson. It helps if you have met `numpy`; the exercises ask for a little Python.
#
# **Why here.** The government's letter on this facility wants models “{{claim.explainable-ai.quote}}” (*{{claim.explainable-ai.en}}*). That is easily said. Here you do it for one model: measure whom it wrongs, repair that, explain a decision, and write down for everybody what it does.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, false_positive_rate
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.exercises.r1_register import TITLES, Registration
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style
from werkbank_lessons.words import language

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress not found")  # progress bars, which this lesson does not need
    import shap

set_language("en")
use_house_style()
stopwatch = Stopwatch()
SEED = 2

# %% [markdown] lid="files-text" minutes=6
# ## 1 · Twenty thousand files, and what was found in them ({{section.minutes}} min)
#
# The municipality of Duinmeer, which does not exist, pays a benefit to 20,000 households. Some files have an **error**: the household gets too much or too little, nearly always because something changed and was passed on late or wrongly. An error is not fraud, and nothing in these data could tell the two apart.
#
# We make the files up, so that we know what nobody in reality knows: in *which* files there is an error. An error is likelier with each change of income, each document that came late, and each member of the household. It does not depend on the group (A or B) that somebody belongs to; read that off the line with `log_odds`. Group stands for anything that must make no difference, such as descent or religion. People of group A live more often in districts 1 to 3, and call the desk more often.

# %% lid="files-draw"
FILES, IN_A = 20_000, 0.3
INPUTS = ["changes", "late", "household", "years", "calls", "district"]


def draw_files(count, rng):
    in_a = rng.random(count) < IN_A
    in_centre = rng.random(count) < np.where(in_a, 0.8, 0.1)
    files = pd.DataFrame({
        "changes": rng.poisson(1.2, count),
        "late": rng.poisson(0.8, count),
        "household": rng.integers(1, 6, count),
        "years": rng.integers(0, 15, count),
        "calls": rng.poisson(np.where(in_a, 3.0, 1.0)),
        "district": np.where(in_centre, rng.integers(1, 4, count), rng.integers(4, 11, count)),
    })
    log_odds = -3.7 + 0.75 * files.changes + 0.8 * files.late + 0.15 * files.household
    files["error"] = rng.random(count) < 1 / (1 + np.exp(-log_odds))
    files["group"] = np.where(in_a, "A", "B")
    return files


rng = np.random.default_rng(SEED)
history = draw_files(FILES, rng)
history.head(4)

# %% [markdown] lid="files-history"
# A model cannot learn from errors; it learns from errors that somebody **found**. In the years behind us the inspectors of Duinmeer looked into 90 % of the files of group A and 40 % of those of group B. Within a group it was chance whose file they took.

# %% lid="files-found"
INSPECTED = {"A": 0.9, "B": 0.4}
inspected = rng.random(FILES) < history.group.map(INSPECTED).to_numpy(dtype=float)
history["found"] = history.error & inspected
by_group = history.groupby("group")[["found", "error"]].mean()
for group, row in by_group.iterrows():
    print(f"{tr('R1.line.found')} {group}: {100 * row.found:.1f} %")
    print(f"{tr('R1.line.error')} {group}: {100 * row.error:.1f} %")

# %% lid="files-figure" tags=["figure"] alt="R1.figure.alt_record"
COLOUR = {"A": OKABE_ITO["vermilion"], "B": OKABE_ITO["blue"]}
figure, axes = plt.subplots(figsize=(9.5, 2.8), layout="constrained")
for place, (group, row) in enumerate(by_group.iterrows()):
    found, error = 100 * row.found, 100 * row.error
    axes.plot([found, error], [place, place], color=LINE, linewidth=5, zorder=1)
    axes.scatter(found, place, s=130, color=COLOUR[group], zorder=2)
    axes.scatter(error, place, s=130, facecolor="white", edgecolor=COLOUR[group], linewidth=2.5, zorder=2)
    axes.text(found, place - 0.22, tr("R1.figure.found", share=found), ha="center", va="bottom", color=COLOUR[group])
    axes.text(error, place + 0.22, tr("R1.figure.there", share=error), ha="center", va="top", color=INK)
axes.set_yticks([0, 1], [tr("R1.figure.group", group=group) for group in COLOUR])
axes.tick_params(axis="y", length=0)
axes.set(xlim=(0, 24), ylim=(1.75, -0.75), xlabel=tr("R1.figure.of_files"))
axes.set_title(tr("R1.figure.record_title"))
show(figure, tr("R1.figure.alt_record"))

# %% [markdown] lid="files-after"
# The record says that there is something wrong in {{expected.found_a}} of the files of group A and in {{expected.found_b}} of those of group B. In truth it is {{expected.error_a}} and {{expected.error_b}}: the same, but for chance. This is *label bias*: the answers from which a model learns are wrong, and more often for one group. Nobody made a mistake in a single file; it came from where people looked.
#
# **Not only arithmetic.** In the Dutch childcare benefits scandal (*toeslagenaffaire*) thousands of parents were wrongly treated as fraudsters, and in January 2021 the government resigned over it. A model that picked applications for checking was one part of that; law, the way it was carried out, and parents who were not heard were others. None of our data come from it, and a lesson with six columns does not explain it. It is the reason to take a share of false alarms as seriously as any other number you publish.

# %% [markdown] lid="alarms-text" minutes=9
# ## 2 · Who is checked for nothing? ({{section.minutes}} min)
#
# Now inspectors are scarce: they can check 2,000 of the 20,000 files of the coming year. A model is to propose which. It learns `found` from six inputs, and **the group is not among them**. The 2,000 files with the highest scores are checked.

# %% lid="alarms-model"
def train(files, answers, inputs=INPUTS):
    model = HistGradientBoostingClassifier(max_leaf_nodes=4, interaction_cst="no_interactions", random_state=SEED)
    return model.fit(files[inputs], answers)


def highest(score, places):
    """True for the files with the highest scores, as many as there are places."""
    selected = np.zeros(len(score), dtype=bool)
    selected[np.argsort(-score, kind="stable")[:places]] = True
    return selected


PLACES = 2_000
coming = draw_files(FILES, rng)
model = train(history, history.found)
score = model.predict_proba(coming[INPUTS])[:, 1]
selected = highest(score, PLACES)
print(f"{tr('R1.line.auc_found')}: {roc_auc_score(coming.error, score):.2f}")

# %% [markdown] lid="alarms-exercise"
# A check of a file with an error is useful. A check of a file *without* one is a **false alarm**: letters, proof to collect, weeks of worry, for nothing. So we ask of each group: of the people whose file is in order, which share is checked? Its name in the literature is *false positive rate*.
#
# ### Exercise 1 · try ({{exercise.R1-1}} min)
#
# `error`, `selected` and `group` are arrays with a value for each file; the first two hold `True` or `False`. The function below returns a dictionary with a share for each group, but not the one that is asked for. Run it and read what the check says. Then make it the share of false alarms, between 0 and 1.
#
# <details><summary>Hint</summary>
#
# First choose *of whom* you take a share, and only then count. `~error` is `True` for the files in order, and `&` means “and”: `(group == name) & ~error` are the files of one group that are in order. The mean of an array of `True` and `False` is the share that is `True`.
#
# </details>

# %% lid="alarms-start" tags=["exercise"] exercise="R1-1"
def my_false_alarms(error, selected, group):
    shares = {}
    for name in np.unique(group):
        in_group = group == name
        shares[name] = selected[in_group].mean()
    return shares


# %% lid="alarms-solution" tags=["solution"] exercise="R1-1"
def my_false_alarms(error, selected, group):
    shares = {}
    for name in np.unique(group):
        in_order = (group == name) & ~error
        shares[name] = selected[in_order].mean()
    return shares


# %% lid="alarms-wrong-discovery" tags=["wrong"] exercise="R1-1" hint="R1-1.discovery"
def my_false_alarms(error, selected, group):
    return {name: 1 - error[selected & (group == name)].mean() for name in np.unique(group)}


# %% lid="alarms-wrong-everybody" tags=["wrong"] exercise="R1-1" hint="R1-1.everybody"
def my_false_alarms(error, selected, group):
    return {name: (selected & ~error)[group == name].mean() for name in np.unique(group)}


# %% lid="alarms-wrong-together" tags=["wrong"] exercise="R1-1" hint="R1-1.together"
def my_false_alarms(error, selected, group):
    return {name: (selected & ~error & (group == name)).sum() / (~error).sum() for name in np.unique(group)}


# %% lid="alarms-wrong-hits" tags=["wrong"] exercise="R1-1" hint="R1-1.hits"
def my_false_alarms(error, selected, group):
    return {name: selected[error & (group == name)].mean() for name in np.unique(group)}


# %% lid="alarms-check" tags=["check"] exercise="R1-1"
check("R1-1", my_false_alarms)

# %% [markdown] lid="alarms-answer-text"
# Does the library agree? `MetricFrame` of fairlearn computes any measure for each group.

# %% lid="alarms-answer"
false_alarms = use("R1-1", my_false_alarms)
error, group = coming.error.to_numpy(), coming.group.to_numpy(dtype=str)
rates = false_alarms(error, selected, group)
theirs = MetricFrame(
    metrics=false_positive_rate, y_true=error, y_pred=selected, sensitive_features=pd.Series(group, name="group")
).by_group
for name, rate in rates.items():
    print(f"{name}: {100 * rate:.1f} % · fairlearn {100 * theirs[name]:.1f} %")
print(f"{tr('R1.line.times')}: {rates['A'] / rates['B']:.1f}")

# %% [markdown] lid="alarms-after"
# Of the people whose file is in order, {{expected.alarms_record_a}} are checked in group A and {{expected.alarms_record_b}} in group B: {{expected.times}} times as often. Yet both groups make as many errors, and the model has never seen a group.

# %% [markdown] lid="proxy-text" minutes=6
# ## 3 · How it knew, and why the test set did not tell ({{section.minutes}} min)
#
# Can the group be read from the inputs? Train a model to do just that. An AUC of 0.5 is guessing; 1 is knowing.

# %% lid="proxy-group"
guess = train(history, history.group == "A").predict_proba(coming[INPUTS])[:, 1]
print(f"{tr('R1.line.auc_group')}: {roc_auc_score(group == 'A', guess):.2f}")

# %% [markdown] lid="proxy-after"
# {{expected.auc_group}}: district and calls give it away. They are *proxies*, stand-ins. The Dutch government's Algoritmekader, its collection of rules and measures for algorithms, says it in so many words: leaving out what you may not discriminate by is not enough. Among the criteria that look neutral and may not be, it names the postcode.
#
# Would a careful developer have noticed? The usual way is to keep some files apart and to compare the model with the *record* there. Let us do that: the inspectors go through the coming files in their old way. Then we look at the truth.

# %% lid="proxy-record"
inspected_again = rng.random(FILES) < coming.group.map(INSPECTED).to_numpy(dtype=float)
recorded = error & inspected_again
for name in ("A", "B"):
    here = selected & (group == name)
    print(f"{tr('R1.line.hits_record')} {name}: {100 * recorded[here].mean():.1f} %")
    print(f"{tr('R1.line.hits_truth')} {name}: {100 * error[here].mean():.1f} %")

# %% [markdown] lid="proxy-trap"
# On the record, the selected files of group A have an error in {{expected.hits_record_a}} of cases and those of group B in {{expected.hits_record_b}}. It looks as if the model is right about A. In truth it is the other way round: {{expected.hits_truth_a}} and {{expected.hits_truth_b}}. A test set with the same bias as the training set approves of the bias, however carefully you keep them apart.
#
# Two things do show it:
#
# - **Hits among those who were checked.** Where people are checked too easily, less is found per check. You can see that in the results of checks alone. It is a sign and no proof: with groups that differ in other ways it can mislead.
# - **A random sample** of files, each of them checked, whatever a model says. It costs places, and it is the only way to learn about files that nobody would have picked. From here on we have one of 4,000 files.

# %% lid="proxy-sample"
sample = draw_files(4_000, rng)
sample_error, sample_group = sample.error.to_numpy(), sample.group.to_numpy(dtype=str)
sample_score = model.predict_proba(sample[INPUTS])[:, 1]

# %% [markdown] lid="optimiser-text" minutes=5
# ## 4 · Equal, with more checks than there are inspectors ({{section.minutes}} min)
#
# fairlearn can repair the decisions of a finished model. `ThresholdOptimizer` chooses thresholds for each group, so that the false alarms are equal and something else, the objective, is as good as possible. Two common objectives, both tuned on the random sample:

# %% lid="optimiser"
def optimised(objective):
    optimiser = ThresholdOptimizer(
        estimator=model,
        constraints="false_positive_rate_parity",
        objective=objective,
        prefit=True,
        predict_method="predict_proba",
    )
    optimiser.fit(sample[INPUTS], sample_error, sensitive_features=sample_group)
    return optimiser.predict(coming[INPUTS], sensitive_features=group, random_state=SEED).astype(bool)


balanced, accurate = optimised("balanced_accuracy_score"), optimised("accuracy_score")
print(f"{tr('R1.line.selected_balanced')}: {balanced.sum()}")
print(f"{tr('R1.line.selected_accurate')}: {accurate.sum()}")

# %% [markdown] lid="optimiser-after"
# The false alarms are equal now, {{expected.alarms_balanced_a}} and {{expected.alarms_balanced_b}} (you will see them in the figure of section 6), and look how: with *balanced accuracy* as the objective {{expected.selected_balanced}} files are selected, more than three times what the inspectors can do. **The gap was closed by bothering more people, in both groups.** Another objective gives another number, here {{expected.selected_accurate}} with plain *accuracy*, and another random sample gives yet others. Where one of them comes near 2,000, that is chance: no objective knows how many places there are.
#
# So a fairness measure alone says little. Always put beside it **how many people are selected**, and what is found.
#
# One more thing to know: at a threshold, this method may let chance decide. Two people with the same file can get a different answer, and that has to be explained too.

# %% [markdown] lid="capacity-text" minutes=10
# ## 5 · Equal, with the inspectors you have ({{section.minutes}} min)
#
# So put the number of places in the question. On the sample we know the truth, and may choose a threshold for each group; those thresholds are then used for the coming year.
#
# ### Exercise 2 · change ({{exercise.R1-2}} min)
#
# The function below gives every group the same threshold, at which `places` files are selected. Change it, so that
#
# - the share of false alarms is the **same in each group** (1.5 percentage points apart at most), and
# - at most `places` files have a score at or above the threshold of their group, and at least 90 % of the places are used.
#
# `score`, `group` and `error` are arrays with a value for each file of the sample; return a dictionary with a threshold for each group. There may be more than two groups.
#
# <details><summary>Hint</summary>
#
# Suppose you allow a share of false alarms of 0.1 in each group. Then the threshold of a group is the score above which a tenth of its files *in order* lie: `np.quantile(score[(group == name) & ~error], 1 - 0.1)`. How many files of the whole sample does that select? Try many shares, from small to large, and keep the last that fits.
#
# </details>

# %% lid="capacity-start" tags=["exercise"] exercise="R1-2"
def my_thresholds(score, group, error, places):
    threshold = np.sort(score)[-places]
    return {name: threshold for name in np.unique(group)}


# %% lid="capacity-solution" tags=["solution"] exercise="R1-2"
def my_thresholds(score, group, error, places):
    names = np.unique(group)
    best = {name: score.max() + 1 for name in names}
    for share in np.linspace(0, 1, 501):
        trial = {name: np.quantile(score[(group == name) & ~error], 1 - share) for name in names}
        selected = sum(np.sum(score[group == name] >= trial[name]) for name in names)
        if selected > places:
            break
        best = trial
    return best


# %% lid="capacity-wrong-parity" tags=["wrong"] exercise="R1-2" hint="R1-2.parity"
def my_thresholds(score, group, error, places):
    share = 0.98 * places / len(score)
    return {name: np.quantile(score[group == name], 1 - share) for name in np.unique(group)}


# %% lid="capacity-wrong-hits" tags=["wrong"] exercise="R1-2" hint="R1-2.hits"
def my_thresholds(score, group, error, places):
    names = np.unique(group)
    for share in np.linspace(1, 0, 501):
        trial = {name: np.quantile(score[(group == name) & error], 1 - share) for name in names}
        if sum(np.sum(score[group == name] >= trial[name]) for name in names) <= places:
            return trial


# %% lid="capacity-wrong-places" tags=["wrong"] exercise="R1-2" hint="R1-2.capacity"
def my_thresholds(score, group, error, places):
    share = places / len(score)
    return {name: np.quantile(score[(group == name) & ~error], 1 - share) for name in np.unique(group)}


# %% lid="capacity-wrong-few" tags=["wrong"] exercise="R1-2" hint="R1-2.few"
def my_thresholds(score, group, error, places):
    share = 0.005
    return {name: np.quantile(score[(group == name) & ~error], 1 - share) for name in np.unique(group)}


# %% lid="capacity-check" tags=["check"] exercise="R1-2"
check("R1-2", my_thresholds)

# %% lid="capacity-answer"
thresholds = use("R1-2", my_thresholds)
at = thresholds(sample_score, sample_group, sample_error, len(sample) * PLACES // FILES)
two_thresholds = score >= np.array([at[name] for name in group])
print({str(name): round(float(threshold), 2) for name, threshold in at.items()})
print(f"{tr('R1.line.selected_thresholds')}: {two_thresholds.sum()}")

# %% [markdown] lid="capacity-after"
# About as many files as there are places; not exactly, for the thresholds come from a sample. A person of group A now needs a higher score to be checked, because the scores of group A are too high.
#
# This is the shortest way, and the hardest to defend: **it uses the group in the decision itself**. You have to know of everybody to which group they belong, and treat them differently for it. The Algoritmekader calls that direct distinction, and allows it only where the law makes an exception. Whether it does in your case is a question for a lawyer, before you build it and not after.

# %% [markdown] lid="repair-text" minutes=6
# ## 6 · Repair the record, not the people ({{section.minutes}} min)
#
# The model was fine; its answers were not. In the record, “no error found” means two things: *checked and in order*, and *never looked at*. Leave the second kind out, and train on the files that were inspected. Beside it, two simple ideas that are always worth a line: leave out the district, and draw lots.

# %% lid="repair"
repaired = train(history[inspected], history.found[inspected])
fewer = [name for name in INPUTS if name != "district"]
blind = train(history, history.found, fewer)
POLICIES = {
    "record": selected,
    "without": highest(blind.predict_proba(coming[fewer])[:, 1], PLACES),
    "balanced": balanced,
    "thresholds": two_thresholds,
    "repaired": highest(repaired.predict_proba(coming[INPUTS])[:, 1], PLACES),
    "lots": highest(rng.random(FILES), PLACES),
}
for policy, chosen in POLICIES.items():
    for name, rate in false_alarms(error, chosen, group).items():
        print(f"{tr(f'R1.line.{policy}')}, {tr('R1.line.alarms')} {name}: {100 * rate:.1f} %")
    print(f"{tr(f'R1.line.{policy}')}, {tr('R1.line.errors')}: {(chosen & error).sum()}")

# %% lid="repair-figure" tags=["figure"] alt="R1.figure.alt_policies"
def interval(values):
    """95 % interval of a mean by the bootstrap: draw as many values again, with replacement, 400 times."""
    return np.percentile(rng.choice(values, (400, len(values))).mean(axis=1), [2.5, 97.5])


figure, axes = plt.subplots(figsize=(11.5, 5.2), layout="constrained")
for row, (policy, chosen) in enumerate(POLICIES.items()):
    for name, shift in (("A", -0.14), ("B", 0.14)):
        values = chosen[(group == name) & ~error]
        low, high = 100 * interval(values)
        axes.plot([low, high], [row + shift] * 2, color=COLOUR[name], linewidth=2.5)
        axes.scatter(100 * values.mean(), row + shift, s=70, color=COLOUR[name], zorder=2)
    count, hits = chosen.sum(), (chosen & error).sum()
    beside = tr("R1.figure.checks", count=count, hits=hits)
    axes.text(1.02, row, beside, color=INK, va="center", transform=axes.get_yaxis_transform())
    axes.axhline(row + 0.5, color=LINE, linewidth=0.8)
for name, shift in (("A", -0.14), ("B", 0.14)):
    label = tr("R1.figure.group", group=name)
    axes.text(100 * rates[name] + 1.6, shift, label, color=COLOUR[name], va="center", fontweight="bold")
axes.set_yticks(range(len(POLICIES)), [tr(f"R1.line.{policy}") for policy in POLICIES])
axes.tick_params(axis="y", length=0)
axes.set(xlim=(0, 42), ylim=(5.5, -0.5), xlabel=tr("R1.figure.alarms"))
axes.set_title(tr("R1.figure.policies_title"))
show(figure, tr("R1.figure.alt_policies"))

# %% [markdown] lid="repair-after"
# The bars tell how far chance in the files of one year can move a dot; not what another random sample or another record would change. So the two groups under two thresholds, which were chosen on the sample, need not come out as near to each other as the bars suggest.
#
# - **Leaving out the district** helps only in part, to {{expected.alarms_without_a}} and {{expected.alarms_without_b}}: the calls take over.
# - **Training on inspected files** gives {{expected.alarms_repaired_a}} and {{expected.alarms_repaired_b}}, finds more errors in as many checks ({{expected.errors_repaired}} instead of {{expected.errors_record}}), and needs no group, neither for training nor for a decision. Fairness did not cost anything here, because the bias was the mistake.
# - **Lots** are fair, and find {{expected.errors_lots}}. Every model should be asked what it adds to that.
#
# It worked because within a group it was chance who was inspected. It still works where inspectors go by what the model sees as well. Where they go by something that it does not see, a tip or a hunch, inspected files are no fair picture of the others, and only a random sample helps. That need stays: once the model chooses, it decides which errors will be found, and so what the next model learns. **Keep some places for lots, each year.**
#
# And *is* this fair? We compared one share. One can also ask for equal shares selected, for equal shares of errors missed, or for as many hits per check. When groups truly differ in how often there is an error, not all of these can be equal at once, but for trivial cases. Choose the measure with the people it is about, before you see numbers, and write down why. And if you find such a gap in a model that is in use: the Algoritmekader's advice is to stop using it as soon as possible.

# %% [markdown] lid="explain-text" minutes=6
# ## 7 · Explain one decision ({{section.minutes}} min)
#
# Somebody of group A whose file is in order was picked by the first model, though not by the repaired one, and asks why. Two ways to answer:
#
# - **Parts.** SHAP divides the difference between this person's score and the average score over the inputs, so that the parts add up. For models of trees they can be computed exactly. The scale is that of log-odds: 0.7 more doubles the odds.
# - **What if.** Change one thing in the file, leave the rest, and see whether the answer changes. This needs no scale, and people ask for it: *would I have been checked if …?*

# %% lid="explain"
cutoff = np.sort(score)[-PLACES]
wronged = (group == "A") & ~error & selected & ~POLICIES["repaired"]
candidates = coming.loc[wronged, INPUTS]
elsewhere = model.predict_proba(candidates.assign(district=8))[:, 1] < cutoff

EXPLAINERS = {"record": shap.TreeExplainer(model), "repaired": shap.TreeExplainer(repaired)}
candidates = candidates[elsewhere]
of_district = EXPLAINERS["record"](candidates).values[:, INPUTS.index("district")]
person = candidates.iloc[[of_district.argmax()]]
PARTS = {name: explainer(person) for name, explainer in EXPLAINERS.items()}
for name, which in (("record", model), ("repaired", repaired)):
    total = PARTS[name].base_values[0] + PARTS[name].values[0].sum()
    print(f"{tr(f'R1.line.{name}')}: {total:+.2f} · {tr('R1.line.own')} {which.decision_function(person)[0]:+.2f}")
print(f"{tr('R1.line.wronged')}: {wronged.sum()}")
print(f"{tr('R1.line.elsewhere')}: {elsewhere.sum()}")

# %% lid="explain-figure" tags=["figure"] alt="R1.figure.alt_person"
figure, panels = plt.subplots(1, 2, figsize=(12, 4.3), sharex=True, sharey=True, layout="constrained")
order = np.argsort(PARTS["record"].values[0])
for axes, (name, part) in zip(panels, PARTS.items(), strict=True):
    values = part.values[0][order]
    axes.barh(range(len(order)), values, color=np.where(values > 0, OKABE_ITO["vermilion"], OKABE_ITO["blue"]))
    for row, value in enumerate(values):
        side, shift = ("right", -0.05) if value < -0.05 else ("left", 0.05)
        axes.text(max(value, 0) + shift if side == "left" else value + shift, row, f"{value:+.2f}", va="center", ha=side)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_title(tr(f"R1.figure.by_{name}"))
    axes.set_xlabel(tr("R1.figure.contribution"))
axes.set_yticks(range(len(order)), [f"{tr(f'R1.line.{INPUTS[i]}')}: {person.iloc[0, i]}" for i in order])
axes.tick_params(axis="y", length=0)
ends = np.concatenate([part.values[0] for part in PARTS.values()])
axes.set_xlim(ends.min() - 0.4, ends.max() + 0.4)
show(figure, tr("R1.figure.alt_person"))

# %% [markdown] lid="explain-words-text"
# A person who gets a letter has no use for log-odds. The main parts and the what-if, in words that they use themselves:

# %% lid="explain-words"
first, second = (INPUTS[i] for i in np.argsort(-PARTS["record"].values[0])[:2])
print(tr("R1.line.letter", first=tr(f"R1.line.{first}"), second=tr(f"R1.line.{second}"), district=person.district.item()))

# %% [markdown] lid="explain-after"
# Every word of this letter is true of the first model, and its last sentence is no reason that you could defend. It is no rare case either: of the {{expected.wronged}} people of group A whose file is in order and whom only the first model picks, {{expected.elsewhere}} would have been left alone with another district. **An explanation that you would not dare to send is a finding.** So make explanations before anybody asks for them.
#
# Know what they do not say. They explain the *model*, not the world: that a model leans on late documents does not show that these cause errors. Inputs that go together, as district and calls do here, share the credit in a way that is partly convention; and somebody who moves house changes more than one thing. And neither can show that a label is biased: judged by the record, the part of the district looks like knowledge.

# %% [markdown] lid="register-text" minutes=11
# ## 8 · Tell everybody ({{section.minutes}} min)
#
# Dutch governments describe their algorithms in a public register, the *Algoritmeregister*. That those with impact and the AI systems of high risk are in it was policy when this lesson was written; a law was being prepared, so look up what holds now. Its publication standard (version 1.0) has these fields among others:
#
# | field | title in the register | what goes in |
# |---|---|---|
# | `name`, `organization` | Naam, Organisatie | fewer than 100 characters each |
# | `description_short` | Korte omschrijving | fewer than 350 characters, in plain language (level B1): what it does, and in which process |
# | `status` | Status | *In ontwikkeling*, *In gebruik* or *Buiten gebruik* (in development, in use, out of use) |
# | `publication_category` | Publicatiecategorie | *Hoog-risico AI-systeem*, *Impactvolle algoritmes* or *Overige algoritmes* (high risk, with impact, other) |
# | `contact_email` | Contactgegevens | an e-mail address or a page that begins with `https://` |
# | `goal` | Doel en impact | what it is for, and how people come across it |
# | `human_intervention` | Menselijke tussenkomst | what a person does with the outcome |
# | `risks` | Risicobeheer | which risks there are, and how they are dealt with |
#
# **High risk?** The AI Act (Annex III, point 5a) lists AI with which public authorities judge whether people are entitled to essential benefits, or grant, reduce, revoke or reclaim them. Whether a model that only proposes whom to check belongs there is for your lawyer to say. *Other* it is not: it picks people.
#
# The main factor is the input that moves the scores of the repaired model most, on average:

# %% lid="register-facts"
strength = np.abs(EXPLAINERS["repaired"](coming.loc[:1999, INPUTS]).values).mean(axis=0)
alarms = false_alarms(error, POLICIES["repaired"], group)
FACTS = {
    "language": language(),
    "name": tr("R1.entry.name"),
    "organization": "Gemeente Duinmeer",
    "contact": "algoritmes@duinmeer.example",
    "in_use": False,
    "goal": tr("R1.entry.goal"),
    "reason": tr(f"R1.line.{INPUTS[strength.argmax()]}"),
    "decides": tr("R1.entry.decides_clerk"),
    "false_alarms": {str(name): round(100 * float(rate), 1) for name, rate in alarms.items()},
    "watch": tr("R1.entry.watch_lots"),
}
FACTS

# %% [markdown] lid="register-exercise"
# ### Exercise 3 · transfer ({{exercise.R1-3}} min)
#
# The supplier sent the entry below. Write one that can be published, from any `facts`: the check brings those of other municipalities. In your own language, with these demands:
#
# - the register accepts each field; name, organisation, contact and goal are those of `facts`, and the status fits `facts["in_use"]`;
# - `description_short` is for everybody: no words of the trade, no suggestion of fraud, no sentence of more than 25 words, and `facts["reason"]` in it, as the main thing that the model looks at;
# - `human_intervention` says who decides: `facts["decides"]`;
# - `risks` states for each group how many per cent of the people whose file is in order are checked all the same, `facts["false_alarms"]`, and what is done about it: `facts["watch"]`.
#
# <details><summary>Hint</summary>
#
# Within `f"…"` you can write `{facts['reason']}`, and `{facts['false_alarms']['A']}`. Imagine that your neighbour reads the description aloud. What would they ask?
#
# </details>

# %% lid="register-start" tags=["exercise"] exercise="R1-3"
def my_entry(facts):
    return {
        "name": facts["name"],
        "organization": facts["organization"],
        "description_short": "Gradient boosting classifier, AUC 0.77. Output: fraud risk.",
        "status": "Production",
        "publication_category": "Overige algoritmes",
        "contact_email": facts["contact"],
        "goal": "Fraud detection.",
        "human_intervention": "Yes.",
        "risks": "Bias-free, no sensitive features.",
    }


# %% lid="register-solution" tags=["solution"] exercise="R1-3"
def my_entry(facts):
    a, b = facts["false_alarms"]["A"], facts["false_alarms"]["B"]
    with_comma = {name: str(share).replace(".", ",") for name, share in facts["false_alarms"].items()}
    texts = {
        "en": {
            "description_short": "This computer model proposes which benefit files get a check. "
            f"The main thing it looks at is {facts['reason']}. A person does the check and decides.",
            "human_intervention": f"The model only proposes. What happens is up to {facts['decides']}.",
            "risks": "The model can bother one group more often than another. Of the people whose file is in order, "
            f"{a} % get a check in group A and {b} % in group B. {facts['watch']}",
        },
        "nl": {
            "description_short": "Dit rekenmodel stelt voor welke dossiers van een uitkering we nakijken. "
            f"Het let vooral op {facts['reason']}. Een mens kijkt het dossier na en beslist.",
            "human_intervention": f"Het model doet alleen een voorstel. Wat er gebeurt, beslist {facts['decides']}.",
            "risks": "Het model kan de ene groep vaker lastigvallen dan de andere. Van de mensen bij wie alles klopt, "
            f"kijken we in groep A {with_comma['A']} % na en in groep B {with_comma['B']} %. {facts['watch']}",
        },
    }
    return texts[facts["language"]] | {
        "name": facts["name"],
        "organization": facts["organization"],
        "contact_email": facts["contact"],
        "goal": facts["goal"],
        "status": "In gebruik" if facts["in_use"] else "In ontwikkeling",
        "publication_category": "Impactvolle algoritmes",
    }


# %% lid="register-wrong-jargon" tags=["wrong"] exercise="R1-3" hint="R1-3.jargon"
def my_entry(facts):
    return {
        "name": facts["name"],
        "organization": facts["organization"],
        "description_short": f"A classifier with {facts['reason']} as its main feature.",
        "status": "In gebruik",
        "publication_category": "Impactvolle algoritmes",
        "contact_email": facts["contact"],
        "goal": facts["goal"],
        "human_intervention": facts["decides"],
        "risks": str(facts["false_alarms"]),
    }


# %% lid="register-wrong-accusing" tags=["wrong"] exercise="R1-3" hint="R1-3.accusing"
def my_entry(facts):
    return {
        "name": facts["name"],
        "organization": facts["organization"],
        "description_short": f"This model finds people who may commit fraud. It looks at {facts['reason']}.",
        "status": "In gebruik",
        "publication_category": "Impactvolle algoritmes",
        "contact_email": facts["contact"],
        "goal": facts["goal"],
        "human_intervention": facts["decides"],
        "risks": str(facts["false_alarms"]),
    }


# %% lid="register-wrong-reassuring" tags=["wrong"] exercise="R1-3" hint="R1-3.measured"
def my_entry(facts):
    return {
        "name": facts["name"],
        "organization": facts["organization"],
        "description_short": f"This model proposes files for a check. It looks at {facts['reason']}.",
        "status": "In gebruik",
        "publication_category": "Impactvolle algoritmes",
        "contact_email": facts["contact"],
        "goal": facts["goal"],
        "human_intervention": facts["decides"],
        "risks": f"The model does not know the group, so it cannot discriminate. {facts['watch']}",
    }


# %% lid="register-wrong-other" tags=["wrong"] exercise="R1-3" hint="R1-3.category"
def my_entry(facts):
    return {
        "name": facts["name"],
        "organization": facts["organization"],
        "description_short": f"This model proposes files for a check. It looks at {facts['reason']}.",
        "status": "In gebruik",
        "publication_category": "Overige algoritmes",
        "contact_email": facts["contact"],
        "goal": facts["goal"],
        "human_intervention": facts["decides"],
        "risks": str(facts["false_alarms"]),
    }


# %% lid="register-check" tags=["check"] exercise="R1-3"
check("R1-3", my_entry)

# %% lid="register-answer"
entry = use("R1-3", my_entry)
registration = Registration(**entry(FACTS))
for field, title in TITLES.items():
    print(f"{title}: {getattr(registration, field)}")

# %% [markdown] lid="register-after"
# `Registration` is a pydantic model of the fields in the table: it raises an error that names the field when something is missing, too long or not among the choices. It knows nothing of truth. That is why your function takes the *measured* shares: train again, measure again, and the entry tells the new numbers.
#
# The real register takes entries in Dutch, has more fields (legal basis, impact assessments, data used), and is filled by people with a mandate. What the check calls plain is a list of words and a length; whether people understand it you find out by asking some.

# %% [markdown] lid="cost-text" minutes=1
# ## 9 · What it cost, and what you keep ({{section.minutes}} min)

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - A model learns what was *found*. Inspected at 90 % and 40 %, two groups with equal errors got false alarms of {{expected.alarms_record_a}} and {{expected.alarms_record_b}}, without the group as an input, and the record approved.
# - Equal shares are not enough: one repair selected {{expected.selected_balanced}} files for 2,000 places. Tell shares, numbers and finds together.
# - Repair the label where you can ({{expected.alarms_repaired_a}} and {{expected.alarms_repaired_b}}); thresholds per group use the group in the decision. Keep places for lots.
# - Explain early: a reason that you would not send is a finding. Then write it down for everybody, with the measured shares.
#
# ### What next
#
# - Set `INSPECTED` to 0.65 for both groups. Which numbers of this lesson change, and which do not?
# - Give the inspectors a good nose in group A only: there, inspect files with an error more often than the others. Does the repair of section 6 still work?
# - Look up an algorithm of your own municipality in the register. Can you tell from the entry whom it bothers for nothing?
#
# **Sources.** M. Hardt, E. Price, N. Srebro (2016), *Equality of opportunity in supervised learning*, NeurIPS 29 (thresholds per group) · A. Chouldechova (2017), *Fair prediction with disparate impact*, Big Data 5, and J. Kleinberg, S. Mullainathan, M. Raghavan (2017), *Inherent trade-offs in the fair determination of risk scores*, ITCS (not all at once) · S. M. Lundberg and others (2020), *From local explanations to global understanding with explainable AI for trees*, Nature Machine Intelligence 2 · Ministry of the Interior and Kingdom Relations, *Algoritmekader* (measures on bias, explanation, human intervention and the register) and *Algoritmeregister Publicatiestandaard* 1.0 (2024) · Regulation (EU) 2024/1689, the AI Act, Annex III · Parlementaire ondervragingscommissie Kinderopvangtoeslag (2020), *Ongekend onrecht*.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Leave time for talk after 6 and 7; the group knows such cases.
#
# **Short of time?** Leave out 4 and 5: the figure of 6 shows both rules.
#
# **Questions that come**
#
# - *Is the repaired model fair?* By one measure, in made-up data; who is to choose the measure?
# - *Where do we get the group from?* Often you may not have it: ask the privacy officer, before you measure.
# - *Is it high risk under the AI Act?* A question for a lawyer; the lesson says which point to read.
# - *Was the toeslagenaffaire like this?* No: see section 1, and do not let this model explain it.
