# %% [markdown] lid="title"
# # {{title}}
#
# **For** researchers, data stewards and engineers who want to learn from data that may not leave their place. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook, about {{memory}} GB of memory, and the libraries scikit-learn and Opacus; no GPU, no network. It helps if you have met `numpy` and logistic regression; lessons D1 (Dask) and H2 (what may leave a secure environment) help too.
#
# **Why here.** The government's letter on this facility says that “{{claim.health-ri-compute.quote}}” (*{{claim.health-ri-compute.en}}*). Health-RI describes two ways to such computing: bring the data together in a secure place, or send the algorithm to where they are. This lesson is the second way, built by hand, with what it protects and what it does not.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
from itertools import combinations

import dask
import matplotlib.pyplot as plt
import numpy as np
from opacus.accountants import RDPAccountant
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from werkbank_lessons import Stopwatch, check, cluster, set_language, tr, use
from werkbank_lessons.exercises.h3_stations import decode, encode, make_stations, mask
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()
SEED = 16

# %% [markdown] lid="hospitals-text" minutes=5
# ## 1 · Four hospitals, one question ({{section.minutes}} min)
#
# A lump in a breast is punctured with a thin needle; the cells are photographed under a microscope and measured. *Is the tumour malignant?* The data are real and public: 569 patients of the University of Wisconsin (Street, Wolberg and Mangasarian, 1993), 30 measurements each, carried by scikit-learn.
#
# The division over four hospitals is ours. They see different people, as hospitals do: A screens a healthy population, B is a regional hospital, C a teaching hospital, and D a cancer centre, to which others refer. Statisticians call such data *not identically distributed* (non-IID). The other 173 patients are a **reference set**: imagine that they agreed to be seen by everybody, and that the model is meant for people like them.

# %% lid="hospitals"
hospitals, (reference, reference_truth) = make_stations(SEED)
for name, (measurements, malignant) in hospitals.items():
    print(f"{name}: {len(measurements)} {tr('H3.line.patients')}, {malignant.sum()} {tr('H3.line.malignant')}")
print(f"{tr('H3.line.reference')}: {len(reference)} {tr('H3.line.patients')}, {reference_truth.sum()} {tr('H3.line.malignant')}")

# %% [markdown] lid="alone-text" minutes=7
# ## 2 · Each on its own: a score that hides the harm ({{section.minutes}} min)
#
# First each hospital trains alone: logistic regression on its own patients. And once we do what in reality would not be allowed: put all patients in one place (*pooled*). That is only a yardstick.
#
# Three scores, all on the reference set. **AUC**: how often a malignant tumour gets a higher risk than a benign one; 1 is perfect, 0.5 is tossing a coin. **Accuracy**: the share on the right side of 50 %. **Brier score**: the mean of (risk − truth)², where truth is 0 or 1; **0 is perfect**, and who always gives the true share of malignant tumours here, 38 %, gets 0.23.

# %% lid="alone"
def scores(risk):
    right = (risk > 0.5) == reference_truth
    return roc_auc_score(reference_truth, risk), right.mean(), np.mean((risk - reference_truth) ** 2)


def trained_on(measurements, malignant, reference):
    mean, deviation = measurements.mean(axis=0), measurements.std(axis=0)
    model = LogisticRegression(solver="newton-cholesky").fit((measurements - mean) / deviation, malignant)
    return model.predict_proba((reference - mean) / deviation)[:, 1]


everybody = [np.concatenate(parts) for parts in zip(*hospitals.values(), strict=True)]
risks = {name: trained_on(*group, reference) for name, group in (hospitals | {"pooled": everybody}).items()}
for name, risk in risks.items():
    auc, accuracy, brier = scores(risk)
    label = tr(f"H3.line.{name}")
    print(f"{label}, AUC: {auc:.3f}")
    print(f"{label}, {tr('H3.line.accuracy')}: {accuracy:.2f}")
    print(f"{label}, Brier: {brier:.3f}")
    print(f"{label}, {tr('H3.line.mean_risk')}: {100 * risk.mean():.0f} %")

# %% [markdown] lid="alone-after"
# Look at D. Its AUC of {{expected.auc_d}} looks excellent. Its Brier score is {{expected.brier_d}}, against {{expected.brier_pooled}} for all patients together. AUC asks only for the right *order*. The cancer centre puts the patients in a good order and gives them far too high a risk: {{expected.risk_d}} on average, where 38 % have a malignant tumour. Hospital A errs to the other side. Whoever decides about an operation needs the risk and not only the order: **report calibration too; the Brier score feels it, AUC cannot.**
#
# Four hospitals are few, and chance dealt the patients. Before you believe the picture, deal them again:

# %% lid="alone-again"
def brier_in(division):
    hospitals, (reference, truth) = make_stations(division)
    groups = [*hospitals.values(), [np.concatenate(parts) for parts in zip(*hospitals.values(), strict=True)]]
    return [np.mean((trained_on(*group, reference) - truth) ** 2) for group in groups]


again = np.array([brier_in(division) for division in range(30)])
print(f"{tr('H3.line.pooled_first')}: {(again.argmin(axis=1) == 4).sum()}")
print(f"{tr('H3.line.d_last')}: {(again.argmax(axis=1) == 3).sum()}")

# %% [markdown] lid="alone-again-after"
# Of thirty divisions, all patients together win in {{expected.pooled_first}}, and D is last in {{expected.d_last}}. When they do not win, it is mostly C that does: its mix happens to be close to that of the reference set. It has no way to know that.

# %% [markdown] lid="stations-text" minutes=8
# ## 3 · Send the algorithm ({{section.minutes}} min)
#
# Now the patients stay where they are. In the words of Health-RI's architecture, each hospital has a **data station**, which runs the algorithm next to its data, and the researcher sits at a **processing hub**, which gathers the answers. Other systems use other words for the same parts:
#
# | Health-RI | Flower | here |
# |---|---|---|
# | processing hub | ServerApp, with a Strategy | this notebook |
# | data station | ClientApp | a Dask worker |
#
# Dask normally sends work wherever there is room. Here it must not: `workers=[…]` names the worker, and `allow_other_workers=False` says that no other will do, even if that means waiting. (That is also what happens when a station breaks down: the task waits. A real federation goes on without it, or stops.)

# %% lid="stations-start"
workers = cluster(workers=len(hospitals))
addresses = sorted(workers.client.scheduler_info(n_workers=-1)["workers"]) if workers.client else []
if len(addresses) < len(hospitals):
    print(tr("H3.line.shared", workers=max(len(addresses), 1), stations=len(hospitals)))


def place_of(name):
    return [addresses[list(hospitals).index(name) % len(addresses)]]


def settle(name):
    if not addresses:
        return hospitals[name]
    return workers.client.scatter([hospitals[name]], workers=place_of(name), hash=False)[0]


patients = {name: settle(name) for name in hospitals}

# %% [markdown] lid="stations-honest"
# `settle` is the one line that reality does not have: there the patients are at the station before you come. From here on the notebook computes with a *future* for each hospital: a ticket that says where something is. Because we play all parts it keeps the patients too, and uses them only to check.

# %% lid="stations-ask"
def ask(name, function, *arguments):
    """Run function(patients, …) at the station that has the patients."""
    if not addresses:
        return function(patients[name], *arguments)
    return workers.client.submit(
        function, patients[name], *arguments, workers=place_of(name), allow_other_workers=False, pure=False
    )


def collect(answers):
    return workers.client.gather(answers) if addresses else answers


def sums(patients):
    measurements, _ = patients
    return np.array([np.full(30, len(measurements)), measurements.sum(axis=0), (measurements**2).sum(axis=0)])


told = collect({name: ask(name, sums) for name in hospitals})
count, total, squares = sum(told.values())
sizes = np.array([told[name][0, 0] for name in hospitals])
mean = total / count
scale = mean, np.sqrt(squares / count - mean**2)
difference = np.abs(scale[1] / everybody[0].std(axis=0) - 1).max()
print(f"{tr('H3.line.scale_difference')}: {difference:.0e}")

# %% [markdown] lid="stations-after"
# Logistic regression works best with all measurements on one scale: mean 0, standard deviation 1. Each station told three things per measurement: how many, the sum, and the sum of squares. From these the hub computed **exactly** the mean and deviation of all patients together, without seeing one. That is the pattern of everything that follows: *ask for sums.* Whatever is a sum over patients (a mean, a count, a Brier score, a gradient) can be federated without loss. AUC is not: it compares patients of different stations.

# %% [markdown] lid="average-text" minutes=10
# ## 4 · Average the models ({{section.minutes}} min)
#
# A trained logistic model cannot be made from sums in one go, so we work in rounds. In **federated averaging** (FedAvg; McMahan and others, 2017) the hub sends the model to all stations; each improves it on its own patients, by some steps of gradient descent, and sends it back; the hub averages. Here a model is 31 numbers: a weight for each measurement and an intercept.
#
# ### Exercise 1 · try ({{exercise.H3-1}} min)
#
# The function below gets the models that came back (stations × numbers) and the number of patients of each station, and averages. Run it and read what the check says. Then change it so that **every patient counts equally**, whichever station they are at.
#
# <details><summary>Hint</summary>
#
# Two stations with 30 and 10 patients: the first model should count three times as much as the second. `np.average` has an argument `weights`.
#
# </details>

# %% lid="average-start" tags=["exercise"] exercise="H3-1"
def my_average(models, sizes):
    return models.mean(axis=0)


# %% lid="average-solution" tags=["solution"] exercise="H3-1"
def my_average(models, sizes):
    return np.average(models, axis=0, weights=sizes)


# %% lid="average-wrong-sum" tags=["wrong"] exercise="H3-1" hint="H3-1.sum"
def my_average(models, sizes):
    return sizes @ models


# %% lid="average-wrong-stations" tags=["wrong"] exercise="H3-1" hint="H3-1.stations"
def my_average(models, sizes):
    return (sizes[:, np.newaxis] * models).mean(axis=0)


# %% lid="average-wrong-inverse" tags=["wrong"] exercise="H3-1" hint="H3-1.inverse"
def my_average(models, sizes):
    return np.average(models, axis=0, weights=1 / sizes)


# %% lid="average-wrong-axis" tags=["wrong"] exercise="H3-1" hint="H3-1.axis"
def my_average(models, sizes):
    return models.mean(axis=1)


# %% lid="average-check" tags=["check"] exercise="H3-1"
check("H3-1", my_average)

# %% [markdown] lid="average-run-text"
# `train` is what travels. It gets the patients of the station, the model, the common scale and a number of steps. The penalty is that of scikit-learn's logistic regression, divided over the patients, so that pooled and federated training ask the same question. We try 1, 10 and 100 steps per round.

# %% lid="average-run"
average = use("H3-1", my_average)
PENALTY = np.append(np.full(30, 1 / sizes.sum()), 0)


def sigmoid(score):
    return 1 / (1 + np.exp(-score))


def inputs_of(measurements, scale):
    mean, deviation = scale
    return np.column_stack([(measurements - mean) / deviation, np.ones(len(measurements))])


def train(patients, model, scale, steps):
    measurements, malignant = patients
    inputs = inputs_of(measurements, scale)
    for _ in range(steps):
        gradient = inputs.T @ (sigmoid(inputs @ model) - malignant) / len(inputs)
        model = model - 0.3 * (gradient + PENALTY * model)
    return model


def risk_of(model):
    return sigmoid(inputs_of(reference, scale) @ model)


def federate(steps, rounds=30):
    models = [np.zeros(31)]
    for _ in range(rounds):
        answers = collect({name: ask(name, train, models[-1], scale, steps) for name in hospitals})
        models.append(average(np.array(list(answers.values())), sizes))
    return models


MODELS = {steps: federate(steps) for steps in (1, 10, 100)}
for steps, models in MODELS.items():
    auc, accuracy, brier = scores(risk_of(models[-1]))
    print(f"{tr('H3.line.steps', steps=steps)}, AUC: {auc:.3f}")
    print(f"{tr('H3.line.steps', steps=steps)}, Brier: {brier:.3f}")
if addresses:
    copies = workers.client.who_has(list(patients.values()))
    print(f"{tr('H3.line.copies')}: {max(len(places) for places in copies.values())}")
print(f"{tr('H3.line.sent')}: {30 * 2 * len(hospitals) * models[-1].nbytes / 1000:.0f} kB")
print(f"{tr('H3.line.data_size')}: {everybody[0].nbytes / 1000:.0f} kB")

# %% lid="average-figure" tags=["figure"] alt="H3.figure.alt_rounds"
COLOUR = {1: OKABE_ITO["sky"], 10: OKABE_ITO["blue"], 100: OKABE_ITO["green"]}
figure, axes = plt.subplots(figsize=(10, 5.2), layout="constrained")
for name, risk in risks.items():
    level = scores(risk)[2]
    colour = INK if name == "pooled" else OKABE_ITO["vermilion"]
    axes.axhline(level, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.text(30.4, level, tr(f"H3.figure.{name}"), color=colour, va="bottom" if name == "C" else "center")
for steps, models in MODELS.items():
    briers = [scores(risk_of(model))[2] for model in models[1:]]
    axes.plot(range(1, 31), briers, color=COLOUR[steps], linewidth=2.2)
    axes.text(0.85, briers[0], tr("H3.figure.steps", steps=steps), color=COLOUR[steps], ha="right", va="center", fontweight="bold")
axes.set(xlim=(-4.5, 30), ylim=(0, None), xlabel=tr("H3.figure.round"), ylabel=tr("H3.figure.brier"))
axes.set_xticks([1, 5, 10, 15, 20, 25, 30])
axes.set_title(tr("H3.figure.rounds_title"))
show(figure, tr("H3.figure.alt_rounds"))

# %% [markdown] lid="average-after"
# With 10 steps per round and 30 rounds the federated model reaches a Brier score of {{expected.brier_federated}}; all patients in one place gave {{expected.brier_pooled}}. The four hospitals that looked so different are together almost as good as if they had no walls.
#
# - **One step per round** is gradient descent on all patients, exactly: no loss, but many rounds. A round costs a journey, and real stations may each want somebody's approval.
# - **A hundred steps** need few rounds. But in between, each model walks towards its own hospital (*client drift*), and the average ends near the pooled model and not at it. Here it did no harm; with larger models and stations that differ more it can. That is the price of non-IID data.
# - **Traffic** was not the gain here: the models that travelled for one training together are almost two thirds of the size of the measurements. What counts is *what* travels.

# %% [markdown] lid="mask-text" minutes=11
# ## 5 · Let the hub see only the sum ({{section.minutes}} min)
#
# The hub received every model of every hospital. From such a model much can be read: after one round the intercept of D gives away that most of its patients have cancer. But the hub needs only the *sum*. **Secure aggregation** (Bonawitz and others, 2017) gives it that and nothing else.
#
# Each pair of stations shares a secret that the hub does not know. From it both make the same row of random numbers, a *mask*; one adds it, the other subtracts it. Whoever sees one message sees noise. In the sum every mask meets its opposite.
#
# Masks that really hide are made in **whole numbers that wrap around**, like a clock: after $2^{32}-1$ comes 0. Then each message is equally probable whatever lies under it, and the masks cancel to the last digit. `encode` writes a number in steps of $2^{-16}$ on that clock, as `uint32`, and `decode` reads it back.
#
# ### Exercise 2 · change ({{exercise.H3-2}} min)
#
# The function below makes the message of the station with number `me`. `secrets` is a dictionary with, for the number of each other station, the secret shared with it; `mask(secret, length)` gives the mask. As it stands the masks do not cancel. Change it so that they do, for any numbers of stations.
#
# <details><summary>Hint</summary>
#
# Of every two stations, one has to add and the other to subtract, and each must know its part without asking. What differs between the two, and is known to both? With arrays of `uint32`, `+` and `-` wrap around by themselves.
#
# </details>

# %% lid="mask-start" tags=["exercise"] exercise="H3-2"
def my_masked(numbers, me, secrets):
    for other, secret in secrets.items():
        numbers = numbers + mask(secret, len(numbers))
    return numbers


# %% lid="mask-solution" tags=["solution"] exercise="H3-2"
def my_masked(numbers, me, secrets):
    for other, secret in secrets.items():
        shift = mask(secret, len(numbers))
        numbers = numbers + shift if me < other else numbers - shift
    return numbers


# %% lid="mask-wrong-bare" tags=["wrong"] exercise="H3-2" hint="H3-2.bare"
def my_masked(numbers, me, secrets):
    for other, secret in secrets.items():
        shift = mask(secret, len(numbers))
        numbers = numbers + shift - shift
    return numbers


# %% lid="mask-wrong-neighbours" tags=["wrong"] exercise="H3-2" hint="H3-2.few"
def my_masked(numbers, me, secrets):
    higher = [other for other in secrets if other > me]
    lower = [other for other in secrets if other < me]
    if higher:
        numbers = numbers + mask(secrets[min(higher)], len(numbers))
    if lower:
        numbers = numbers - mask(secrets[max(lower)], len(numbers))
    return numbers


# %% lid="mask-wrong-wide" tags=["wrong"] exercise="H3-2" hint="H3-2.wrap"
def my_masked(numbers, me, secrets):
    numbers = numbers.astype(np.int64)
    for other, secret in secrets.items():
        numbers = numbers + np.sign(other - me) * mask(secret, len(numbers)).astype(np.int64)
    return numbers


# %% lid="mask-wrong-own" tags=["wrong"] exercise="H3-2" hint="H3-2.sum"
def my_masked(numbers, me, secrets):
    return numbers + mask(me, len(numbers))


# %% lid="mask-check" tags=["check"] exercise="H3-2"
check("H3-2", my_masked)

# %% [markdown] lid="mask-run-text"
# One round with masks. A station sends its model times its number of patients: then the sum, divided by all patients, is the weighted average of exercise 1. (In reality two stations agree on a secret without anybody else learning it, by Diffie–Hellman, and on a new one for each round; here the notebook plays all parts. The masks of a real system come from a generator that withstands attack.)

# %% lid="mask-run"
masked = use("H3-2", my_masked)
rng = np.random.default_rng(SEED)


def agree():
    secrets = {name: {} for name in range(len(hospitals))}
    for one, other in combinations(secrets, 2):
        secrets[one][other] = secrets[other][one] = int(rng.integers(2**62))
    return secrets


def report(patients, compute, arguments, me, secrets, masked):
    return masked(encode(compute(patients, *arguments)), me, secrets)


def messages_of(compute, *arguments):
    secrets = agree()
    return collect({
        name: ask(name, report, compute, arguments, me, secrets[me], masked) for me, name in enumerate(hospitals)
    })


def total_of(messages):
    return decode(np.sum(list(messages.values()), axis=0, dtype=np.uint32))


def weighted_model(patients, model, scale, steps):
    return len(patients[0]) * train(patients, model, scale, steps)


messages = messages_of(weighted_model, np.zeros(31), scale, 10)
from_sum = total_of(messages) / sizes.sum()
bare = collect({name: ask(name, train, np.zeros(31), scale, 10) for name in hospitals})
print(f"{tr('H3.line.mask_difference')}: {np.abs(from_sum - MODELS[10][1]).max():.0e}")

# %% lid="mask-figure" tags=["figure"] alt="H3.figure.alt_masks"
STATION = dict(zip(hospitals, ("sky", "blue", "orange", "vermilion"), strict=True))
figure, panels = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
for name, colour in STATION.items():
    style = {"color": OKABE_ITO[colour], "marker": "o", "markersize": 4, "linestyle": "none"}
    panels[0].plot(bare[name], **style)
    panels[1].plot(messages[name] / 2**32, **style)
    panels[0].text(30.8, bare[name][30], name, color=OKABE_ITO[colour], va="center", fontweight="bold")
panels[2].plot(MODELS[10][1], color=LINE, marker="o", markersize=11, linestyle="none")
panels[2].plot(from_sum, color=INK, marker="o", markersize=4, linestyle="none")
for axes, part in zip(panels, ("bare", "masked", "sum"), strict=True):
    axes.set_xlabel(tr("H3.figure.number"))
    axes.set_title(tr(f"H3.figure.{part}_title"))
    axes.set_ylabel(tr(f"H3.figure.{part}_axis"))
panels[2].set_ylim(panels[0].get_ylim())
panels[0].set_xlim(-1, 33)
show(figure, tr("H3.figure.alt_masks"))

# %% [markdown] lid="mask-after"
# Left, what the hub saw until now: number 30, the intercept, orders the hospitals by their share of cancer. Middle, what it sees with masks. Right, the sum: the small dots lie in the large ones, which are the average without masks. What remains is the rounding to steps of $2^{-16}$.
#
# Every pair has a mask, and not just neighbours, so that a station is protected even if the hub and all but one of the others conspire. If a station fails halfway, its masks do not cancel and the sum is worthless; the real protocol has a way out for that.

# %% [markdown] lid="sum-text" minutes=9
# ## 6 · What the sum still tells ({{section.minutes}} min)
#
# Now change chairs: you are the hub, and curious. You see only sums. Today you ask for the same sum as yesterday, and you happen to know that hospital C has one new patient.
#
# For logistic regression the gradient of one patient with measurements $x$, risk $p$ and truth $y$ (1 is malignant) is $(p-y)\,x$ for the weights and $(p-y)$ for the intercept. The sum over patients is the sum of these.
#
# ### Exercise 3 · transfer ({{exercise.H3-3}} min)
#
# Write a function that gets two such sums over patients at the same model: `before` without the new patient and `after` with. Each has a number per weight and, last, that of the intercept. Return two things: the array of measurements $x$ of the new patient, and `True` if the tumour is malignant, else `False`.
#
# <details><summary>Hint</summary>
#
# What is `after - before`? Its last number is $p-y$. A risk lies between 0 and 1; which sign has $p-y$ when $y$ is 1? And what must you do with $(p-y)\,x$ to get $x$?
#
# </details>

# %% lid="sum-start" tags=["exercise"] exercise="H3-3"
def my_reconstruct(before, after):
    ...


# %% lid="sum-solution" tags=["solution"] exercise="H3-3"
def my_reconstruct(before, after):
    difference = after - before
    return difference[:-1] / difference[-1], difference[-1] < 0


# %% lid="sum-wrong-everybody" tags=["wrong"] exercise="H3-3" hint="H3-3.everybody"
def my_reconstruct(before, after):
    return after[:-1] / after[-1], after[-1] < 0


# %% lid="sum-wrong-scale" tags=["wrong"] exercise="H3-3" hint="H3-3.scale"
def my_reconstruct(before, after):
    difference = after - before
    return difference[:-1], difference[-1] < 0


# %% lid="sum-wrong-label" tags=["wrong"] exercise="H3-3" hint="H3-3.label"
def my_reconstruct(before, after):
    difference = after - before
    return difference[:-1] / difference[-1], difference[-1] > 0


# %% lid="sum-wrong-sign" tags=["wrong"] exercise="H3-3" hint="H3-3.sign"
def my_reconstruct(before, after):
    difference = after - before
    return difference[:-1] / abs(difference[-1]) * -np.sign(difference[-1]), difference[-1] < 0


# %% lid="sum-check" tags=["check"] exercise="H3-3"
check("H3-3", my_reconstruct)

# %% lid="sum-run"
reconstruct = use("H3-3", my_reconstruct)


def without_last(patients):
    return patients[0][:-1], patients[1][:-1]


def gradient(patients, model, scale):
    inputs = inputs_of(patients[0], scale)
    return inputs.T @ (sigmoid(inputs @ model) - patients[1])


today = patients["C"]
patients["C"] = ask("C", without_last)
before = total_of(messages_of(gradient, np.zeros(31), scale))
patients["C"] = today
after = total_of(messages_of(gradient, np.zeros(31), scale))

found, says_malignant = reconstruct(before, after)
secret_patient, truth = hospitals["C"][0][-1], hospitals["C"][1][-1]
guess = found * scale[1] + scale[0]
for position, name in ((0, "radius"), (3, "area"), (21, "texture")):
    print(f"{tr(f'H3.line.{name}')}  {tr('H3.line.true')} {secret_patient[position]:.2f}, {tr('H3.line.guess')} {guess[position]:.2f}")
print(f"{tr('H3.line.malignant')}  {tr('H3.line.true')} {bool(truth)}, {tr('H3.line.guess')} {bool(says_malignant)}")
near = np.abs(guess - secret_patient) < 0.01 * scale[1]
print(f"{tr('H3.line.rebuilt')}: {near.sum()}")

# %% [markdown] lid="sum-after"
# {{expected.rebuilt}} of the 30 measurements back, to within a hundredth of a standard deviation, and the diagnosis; through masks that worked perfectly. Secure aggregation hides **who** contributed what. It does not hide **whether one person took part**, and two sums that differ by one person are that person. With more local steps or a deeper network it is more work, and it is often possible still.
#
# So a federation needs rules beside mathematics: a smallest number of patients and stations per sum, no sums that differ by a few people (lesson H2 did this for tables), an agreed list of algorithms. And it can make the sum itself a little untrue.

# %% [markdown] lid="noise-text" minutes=8
# ## 7 · Noise, and its price ({{section.minutes}} min)
#
# **Differential privacy** promises something about one person: with or without you in the data, the probability of anything that the hub sees changes by at most a factor $e^ε$, apart from a probability δ. With ε = 1 that is a factor 2.7; with ε = 8 nearly 3,000. Small ε, strong promise.
#
# The recipe for training (DP-SGD; Abadi and others, 2016) has two ingredients. **Clip** the gradient of every patient to a length of at most 1, so that nobody has more influence than that. **Add noise** to the sum, normally distributed, with *noise* as its standard deviation. (The original also draws a random part of the patients in each step; we take all.) No station has to trust the hub: each adds its part, with variance $noise^2/4$, before masking, and together they make the whole. (Stations that conspire know their own parts and can subtract them.)
#
# Every round uses some of ε. Adding that up is the work of an *accountant*; we take that of the library Opacus.

# %% lid="noise-run"
NOISE, REPEATS, ROUNDS, DELTA = (0, 3, 10, 20, 60, 120), 40, 30, 1e-4
ORDERS = [1 + step / 10 for step in range(1, 100)] + list(range(12, 512))


def epsilon(noise):
    accountant = RDPAccountant()
    for _ in range(ROUNDS):
        accountant.step(noise_multiplier=noise, sample_rate=1)
    return accountant.get_epsilon(DELTA, alphas=ORDERS)


def noisy_sum(patients, models, scale, noise, seed):
    inputs = inputs_of(patients[0], scale)
    residual = sigmoid(inputs @ models.T) - patients[1][:, np.newaxis]
    length = np.abs(residual) * np.linalg.norm(inputs, axis=1, keepdims=True)
    clipped = residual / np.maximum(length, 1)
    return clipped.T @ inputs + noise[:, np.newaxis] * np.random.default_rng(seed).normal(size=models.shape)


def train_privately(names, people):
    levels = np.repeat(NOISE, REPEATS)
    models = np.zeros((levels.size, 31))
    for turn in range(ROUNDS):
        part = levels / np.sqrt(len(names))
        answers = {
            name: ask(name, noisy_sum, models, scale, part, (SEED, turn, me)) for me, name in enumerate(names)
        }
        models = models - sum(collect(answers).values()) / people
    risk = sigmoid(inputs_of(reference, scale) @ models.T)
    return np.mean((risk - reference_truth[:, np.newaxis]) ** 2, axis=0).reshape(len(NOISE), REPEATS)


PRIVATE = {"all": train_privately(list(hospitals), sizes.sum()), "C": train_privately(["C"], sizes[2])}
SPENT = [epsilon(noise) if noise else np.inf for noise in NOISE]
for noise, spent, together, alone in zip(NOISE, SPENT, PRIVATE["all"], PRIVATE["C"], strict=True):
    print(f"{tr('H3.line.noise', noise=noise)}, ε: {spent:.2f}")
    print(f"{tr('H3.line.noise', noise=noise)}, {tr('H3.line.together')}, Brier: {together.mean():.3f}")
    print(f"{tr('H3.line.noise', noise=noise)}, {tr('H3.line.only_c')}, Brier: {alone.mean():.3f}")

# %% [markdown] lid="noise-figure-text"
# The models of one level of noise differ by chance alone. Each dot is one of 40 trainings; the line goes through their means.

# %% lid="noise-figure" tags=["figure"] alt="H3.figure.alt_price"
figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
places = np.arange(len(NOISE))
jitter = np.linspace(-0.12, 0.12, REPEATS)
for name, colour, spot, side in (
    ("C", OKABE_ITO["orange"], (2.75, 0.15), "right"),
    ("all", OKABE_ITO["blue"], (4.85, 0.017), "center"),
):
    for place, values in zip(places, PRIVATE[name], strict=True):
        axes.scatter(place + jitter, values, s=12, color=colour, alpha=0.45, linewidth=0)
    axes.plot(places, PRIVATE[name].mean(axis=1), color=colour, linewidth=2)
    axes.text(*spot, tr(f"H3.figure.{name}_private"), color=colour, ha=side, va="center", fontweight="bold")
coin = np.mean((reference_truth - reference_truth.mean()) ** 2)
axes.axhline(coin, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
axes.text(0, coin + 0.006, tr("H3.figure.share"), color=MUTED)
axes.set_xticks(places, [tr("H3.figure.no_noise"), *(f"{spent:.2g}" for spent in SPENT[1:])])
axes.set(xlim=(-0.4, 5.7), ylim=(0, None), xlabel=tr("H3.figure.epsilon"), ylabel=tr("H3.figure.brier"))
axes.set_title(tr("H3.figure.price_title"))
show(figure, tr("H3.figure.alt_price"))

# %% [markdown] lid="noise-after"
# Together the promise is cheap until ε is about 1: a Brier score of {{expected.private_one}} at ε = {{expected.epsilon_one}}, and {{expected.private_none}} for the same training without noise. At ε = {{expected.epsilon_strong}} it is {{expected.private_strong}}. Hospital C alone needs the same noise and has 60 patients instead of 396 to drown it: {{expected.alone_one}} at ε = {{expected.epsilon_one}}, and at ε = {{expected.epsilon_middle}} {{expected.alone_middle}}, worse than telling everybody the same risk (0.23), where the four together have {{expected.private_middle}}. **Privacy gets cheaper with people**: that is one more reason to federate.
#
# Honest small print. ε here counts the training; the sums of section 3 left without noise, and choosing steps and noise by looking at results costs too. Real systems add noise in whole numbers, to fit the masks. And there is no right ε: it is a choice to be made with those whose data they are, before the training.

# %% [markdown] lid="cost-text" minutes=2
# ## 8 · What it cost, and what you keep ({{section.minutes}} min)
#
# Most of the time went to starting workers and waiting for rounds, not to computing. That is how federated learning is in reality too.

# %% lid="cost"
stopwatch.report(workers)
workers.close()

# %% [markdown] lid="summary"
# ### Summary
#
# - A good AUC ({{expected.auc_d}}) can hide a model that is badly calibrated (Brier {{expected.brier_d}}). Report calibration or the Brier score beside it.
# - Whatever is a sum over patients can be federated without loss. FedAvg came to {{expected.brier_federated}}, pooled training to {{expected.brier_pooled}}.
# - Masks in whole numbers that wrap around hide who said what, and cancel exactly. They do not hide a person: the difference of two sums gave one away.
# - Noise hides the person. Its price falls with the number of people; how small ε is has to be chosen, counted and told.
#
# ### What next
#
# - D's risks are in a good order. Add one number to its scores, fitted on twenty patients of the reference set, and test on the others. What becomes of its Brier score?
# - Let hospital C send its model times ten. What does the average become, and can the hub see it through the masks?
# - Look up whether your hospital has a data station, and which algorithms it accepts. In the Netherlands, PLUGIN (with vantage6) and KIK-V are practised.
#
# **Sources.** W. N. Street, W. H. Wolberg and O. L. Mangasarian (1993), *Nuclear feature extraction for breast tumor diagnosis* · H. B. McMahan and others (2017), *Communication-efficient learning of deep networks from decentralized data* · K. Bonawitz and others (2017), *Practical secure aggregation for privacy-preserving machine learning* · M. Abadi and others (2016), *Deep learning with differential privacy* · I. Mironov (2017), *Rényi differential privacy* · Health-RI, *data station specification* · Data: in scikit-learn.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Let four people be hospitals and add masked numbers on paper before section 5.
#
# **Short of time?** Leave out 7 and show its figure. With fewer workers than four, hospitals share them; the lesson says so and goes on.
#
# **Questions that come**
#
# - *Is a model personal data?* It can be, if a person can be got out of it; section 6 shows why.
# - *So federated is not private?* Not by itself.
# - *Which ε should we take?* No number is right: decide with those concerned, before training.
