# %% [markdown] lid="title"
# # {{title}}
#
# **For** researchers and students who must choose what to compute, measure or make next, and can afford only a few tries. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network. It helps if you have met `numpy`; lesson D1 tells more about clusters. The physics and the statistics are explained where they appear.
#
# **Why here.** The government's letter on this facility says that computing power lets researchers do “{{claim.new-materials.quote}}” (*{{claim.new-materials.en}}*). This lesson is about the other half: how to need less of it.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
from collections import Counter, deque
from importlib.util import find_spec
from itertools import combinations_with_replacement
from math import gcd

import matplotlib.pyplot as plt
import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from ase.collections import dcdft
from ase.data import atomic_numbers, reference_states
from ase.eos import EquationOfState
from ase.units import GPa
from distributed import as_completed
from scipy.interpolate import CubicSpline
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from werkbank_lessons import Stopwatch, check, cluster, set_language, tr, use
from werkbank_lessons.exercises.n3_workers import SimulatedWorkers
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="crystal-text" minutes=4
# ## 1 · A crystal of four atoms ({{section.minutes}} min)
#
# Copper is a pile of cubes. Each cube holds four atoms: one at a corner, three at the middle of a face (*face-centred cubic*, fcc). Repeat the cube in all directions and you have the crystal; the computer does that for us (`pbc=True`, periodic boundaries).
#
# To learn something about the crystal, compute its **energy**. The accurate way, density-functional theory (DFT), solves for the electrons and takes minutes to days for one material. We use a *potential* that takes milliseconds: **EMT**, effective-medium theory, with seven parameters per metal. It comes with ASE, the toolbox that many simulation codes are driven with. ASE's manual says that EMT is meant for demonstrations and tests, and you will see why that warning is needed.
#
# The function below puts any four atoms in the cube, squeezes and stretches it in seven steps, and computes the energy at each. Lengths are in ångström (1 Å = 10⁻¹⁰ m), energies in electronvolt.

# %% lid="crystal-energies"
SITES = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]


def energies_of(symbols):
    """Volumes (Å³) and energies (eV) of a cube with these four atoms."""
    side = np.mean([reference_states[atomic_numbers[symbol]]["a"] for symbol in symbols])
    crystal = Atoms(list(symbols), scaled_positions=SITES, cell=[side] * 3, pbc=True, calculator=EMT())
    volumes = side**3 * np.linspace(0.94, 1.06, 7)
    energies = []
    for volume in volumes:
        crystal.set_cell([volume ** (1 / 3)] * 3, scale_atoms=True)
        energies.append(crystal.get_potential_energy())
    return volumes, np.array(energies)


volumes, energies = energies_of(["Cu"] * 4)
for volume, energy in zip(volumes, energies):
    print(f"{volume:.2f} Å³  {energy:+.4f} eV")

# %% [markdown] lid="stiff-text" minutes=9
# ## 2 · How stiff is it? ({{section.minutes}} min)
#
# The energy has a minimum: the volume that the crystal takes by itself. Around it the energy rises on both sides, in a stiff material faster than in a soft one. The **bulk modulus** $B$ measures that: how much pressure it takes to make the volume a little smaller. With $V_0$ the volume of lowest energy,
#
# $$B = V_0 \left.\frac{\mathrm d^2 E}{\mathrm d V^2}\right|_{V_0}.$$
#
# From eV and Å³ this comes in eV/Å³; divide by `GPa` from `ase.units` to get gigapascal.
#
# ### Exercise 1 · try ({{exercise.N3-1}} min)
#
# The function below draws a smooth curve (a *spline*) through the points and takes its second derivative, `curve(volume, 2)`. Run it and read what the check says. Then repair it.
#
# <details><summary>Hint</summary>
#
# At a minimum the slope is zero. `curve.derivative()` is the slope as a curve, and `.roots(extrapolate=False)` gives an array with the places where a curve is zero.
#
# </details>

# %% lid="stiff-start" tags=["exercise"] exercise="N3-1"
def my_bulk_modulus(volumes, energies):
    curve = CubicSpline(volumes, energies)
    best = volumes.mean()
    return best * curve(best, 2) / GPa


# %% lid="stiff-solution" tags=["solution"] exercise="N3-1"
def my_bulk_modulus(volumes, energies):
    curve = CubicSpline(volumes, energies)
    best = curve.derivative().roots(extrapolate=False)[0]
    return best * curve(best, 2) / GPa


# %% lid="stiff-wrong-unit" tags=["wrong"] exercise="N3-1" hint="N3-1.unit"
def my_bulk_modulus(volumes, energies):
    curve = CubicSpline(volumes, energies)
    best = curve.derivative().roots(extrapolate=False)[0]
    return best * curve(best, 2)


# %% lid="stiff-wrong-volume" tags=["wrong"] exercise="N3-1" hint="N3-1.volume"
def my_bulk_modulus(volumes, energies):
    curve = CubicSpline(volumes, energies)
    best = curve.derivative().roots(extrapolate=False)[0]
    return curve(best, 2) / GPa


# %% lid="stiff-wrong-middle" tags=["wrong"] exercise="N3-1" hint="N3-1.minimum"
def my_bulk_modulus(volumes, energies):
    curve = np.polynomial.Polynomial.fit(volumes, energies, deg=4)
    middle = (volumes[0] + volumes[-1]) / 2
    return middle * curve.deriv(2)(middle) / GPa


# %% lid="stiff-wrong-parabola" tags=["wrong"] exercise="N3-1" hint="N3-1.parabola"
def my_bulk_modulus(volumes, energies):
    curve = np.polynomial.Polynomial.fit(volumes, energies, deg=2)
    best = curve.deriv().roots()[0]
    return best * curve.deriv(2)(best) / GPa


# %% lid="stiff-check" tags=["check"] exercise="N3-1"
check("N3-1", my_bulk_modulus)

# %% lid="stiff-answer"
bulk_modulus = use("N3-1", my_bulk_modulus)
modulus = bulk_modulus(volumes, energies)
best_volume, lowest, fitted = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
print(f"{tr('N3.line.copper')}: {modulus:.0f} GPa")
print(f"{tr('N3.line.fitted')}: {fitted / GPa:.0f} GPa")
print(f"{tr('N3.line.side')}: {best_volume ** (1 / 3):.2f} Å")

# %% [markdown] lid="stiff-after"
# Copper: {{expected.copper}}. The second line is the way of the field: fit an **equation of state**, a formula for $E(V)$ with a physical basis, and read $V_0$, the lowest energy and $B$ off it. We use that of Birch and Murnaghan below, because it also irons out small errors in the energies; a spline believes every point.
#
# Stiff and soft in one picture. The energy is drawn per volume, so that the curvature of each line *is* its bulk modulus.

# %% lid="stiff-figure" tags=["figure"] alt="N3.figure.alt_state"
figure, axes = plt.subplots(figsize=(9, 4.8), layout="constrained")
for metal, colour in (("Pt", "vermilion"), ("Cu", "blue"), ("Ag", "green"), ("Al", "purple")):
    points, energy = energies_of([metal] * 4)
    best, least, _ = EquationOfState(points, energy, eos="birchmurnaghan").fit()
    stored = (energy - least) / best / GPa
    fine = np.linspace(points[0], points[-1], 200)
    axes.plot(fine / best, CubicSpline(points, stored)(fine), color=OKABE_ITO[colour], linewidth=2)
    axes.plot(points / best, stored, "o", color=OKABE_ITO[colour])
    axes.text(points[-1] / best + 0.003, stored[-1], metal, color=OKABE_ITO[colour], va="center", fontweight="bold")
axes.axvline(1, color=LINE, linewidth=1.2, zorder=0)
axes.set(xlabel=tr("N3.figure.volume"), ylabel=tr("N3.figure.energy"))
axes.set_title(tr("N3.figure.state_title"))
show(figure, tr("N3.figure.alt_state"))

# %% [markdown] lid="trust-text" minutes=4
# ## 3 · Does the potential know your metal? ({{section.minutes}} min)
#
# Before you let a computer choose among hundreds of materials, ask whether its energies deserve it. ASE carries measured bulk moduli, brought to absolute zero (Lejaeghere and others, 2014), which is where our atoms are too: they do not move.

# %% lid="trust-moduli"
METALS = ("Ni", "Cu", "Pd", "Pt", "Ag", "Au")
deviation = {}
computed, measured = {}, {}
for metal in (*METALS, "Al"):
    computed[metal] = bulk_modulus(*energies_of([metal] * 4))
    measured[metal] = dcdft.data[metal]["exp_B"]
    deviation[metal] = 100 * (computed[metal] / measured[metal] - 1)
    print(f"{metal}  {computed[metal]:.0f} GPa, {tr('N3.line.measured')} {measured[metal]:.0f} GPa")
print(f"{tr('N3.line.six')}: {max(abs(deviation[metal]) for metal in METALS):.0f} %")
print(f"{tr('N3.line.aluminium')}: {abs(deviation['Al']):.0f} %")

# %% lid="trust-figure" tags=["figure"] alt="N3.figure.alt_trust"
figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
for row, metal in enumerate(sorted(computed, key=computed.get)):
    colour = OKABE_ITO["vermilion"] if metal == "Al" else OKABE_ITO["blue"]
    axes.plot([computed[metal], measured[metal]], [row, row], color=LINE, linewidth=3, zorder=0)
    axes.plot(measured[metal], row, "o", markersize=10, markerfacecolor="white", markeredgecolor=INK)
    axes.plot(computed[metal], row, "o", markersize=8, color=colour)
    axes.text(max(computed[metal], measured[metal]) + 7, row, f"{deviation[metal]:+.0f} %".replace("-", "−"), color=colour, va="center")
axes.set(yticks=range(7), yticklabels=sorted(computed, key=computed.get), xlim=(0, 320), xlabel=tr("N3.figure.modulus"))
axes.text(0.98, 0.16, tr("N3.figure.legend"), transform=axes.transAxes, ha="right", color=MUTED)
axes.set_title(tr("N3.figure.trust_title"))
show(figure, tr("N3.figure.alt_trust"))

# %% [markdown] lid="trust-after"
# For six metals EMT is within {{expected.six}}. That is no miracle: its parameters were made to fit these metals. For **aluminium** it is off by {{expected.aluminium}}. Your fit is not to blame. In EMT's table stands a parameter λ for each metal, and the stiffness grows with its square; for aluminium it is little more than half of what the others have.
#
# Would that matter in a search? Look at one alloy. Its **formation energy** is the energy of the mixture minus that of the same atoms in their pure metals, per atom. Negative: mixing lowers the energy. Positive: the metals would rather be apart.

# %% lid="trust-formation"
def lowest_energy(symbols):
    """Energy (eV) of the cube at its best volume."""
    return EquationOfState(*energies_of(symbols), eos="birchmurnaghan").fit()[1]


APART = {metal: lowest_energy([metal] * 4) / 4 for metal in (*METALS, "Al")}


def formation_energy(symbols):
    """Formation energy of four atoms in a cube (meV per atom)."""
    return 1000 * (lowest_energy(symbols) - sum(APART[symbol] for symbol in symbols)) / 4


def name(symbols):
    """The usual formula, such as Ni3Al."""
    counts = Counter(symbols)
    smallest = gcd(*counts.values())
    parts = {symbol: count // smallest for symbol, count in counts.items()}
    return "".join(symbol + (str(count) if count > 1 else "") for symbol, count in parts.items())


nickel_aluminium = ("Ni", "Ni", "Ni", "Al")
print(f"{name(nickel_aluminium)}: {formation_energy(nickel_aluminium):+.0f} {tr('N3.line.per_atom')}")

# %% [markdown] lid="trust-lesson"
# EMT says that Ni₃Al falls apart. In reality it is so stable that turbine blades in aircraft engines owe their strength to small cubes of it, with exactly this arrangement of four atoms. A search that trusts EMT would put one of the most useful aluminium alloys at the bottom of its list, and never tell you.
#
# **A search optimises the model, not the material.** So we leave aluminium out. Keep a doubt about the rest, too: we tested pure metals, and are about to ask for mixtures. Section 8 comes back to that.

# %% [markdown] lid="drawer-text" minutes=4
# ## 4 · 120 mixtures in a drawer ({{section.minutes}} min)
#
# Take six metals and choose four atoms, repeats allowed. The four places in the cube are equivalent: swap any two atoms and you get the same crystal, turned or shifted. So only the counts matter. That makes 126 crystals: 6 pure metals and **120 mixtures**. Which mixture has the lowest formation energy?
#
# With DFT you could not compute them all. With EMT we can, so we do it once and put the answers in a drawer. The search may only open the drawer for alloys that it asks for; we know the truth, so we can tell how good a search is.
#
# Start two workers for it. On this facility they come from **Dask Gateway**; elsewhere the line starts them beside your notebook, or computes in the notebook itself, and tells you which and why. A worker needs ASE as well; if one lacks it, the notebook does the work.

# %% lid="drawer-cluster"
workers = cluster(workers=2)
if not all(workers.on_every_worker(find_spec, "ase")):
    print(tr("N3.line.no_ase"))
    workers.close()

# %% lid="drawer-compute"
alloys = list(combinations_with_replacement(METALS, 4))
fractions = np.array([[alloy.count(metal) / 4 for metal in METALS] for alloy in alloys])
is_pure = fractions.max(axis=1) == 1
mixtures = np.flatnonzero(~is_pure)


def compute(place):
    """Which alloy, and its formation energy (meV per atom): results may arrive in any order."""
    return place, formation_energy(alloys[place])


if workers.client is None:
    drawer = dict(map(compute, range(len(alloys))))
else:
    drawer = dict(workers.client.gather(workers.client.map(compute, range(len(alloys)))))

truth = np.array([drawer[place] for place in range(len(alloys))])
best = int(truth.argmin())
print(f"{tr('N3.line.mixtures')}: {len(mixtures)}")
print(f"{tr('N3.line.negative')}: {(truth[mixtures] < 0).sum()}")
print(f"{tr('N3.line.spread')}: {truth[mixtures].std():.0f} {tr('N3.line.per_atom')}")

# %% [markdown] lid="model-text" minutes=5
# ## 5 · A model that says how sure it is ({{section.minutes}} min)
#
# You have computed some alloys. What do they tell about the others? Alloys with similar composition have similar energy, so predict an alloy from its neighbours, and be less sure the farther they are. A **Gaussian process** does just that. It needs a *similarity* $k$ between two alloys; we take $e^{-d^2/2}$ with $d$ the distance between their compositions: 0.35 when one atom of four is replaced, 1.41 between two pure metals. With $K$ the similarities among the computed alloys, $k_*$ those of a new alloy to them, and $y$ their energies,
#
# $$\text{mean} = k_*^{\mathsf T} K^{-1} y, \qquad \text{variance} = a\,(1 - k_*^{\mathsf T} K^{-1} k_*), \qquad a = \tfrac1n\, y^{\mathsf T} K^{-1} y.$$
#
# The mean is a weighted sum of what you know. The variance starts from $a$, the scale of the energies as the data show it, and shrinks near what you know. Far from everything the mean is 0: no effect of mixing, which is a sensible thing to expect of a mixture that nobody has looked at. The pure metals are 0 by definition, so we know six alloys for free.

# %% lid="model-predict"
similarity = RBF(length_scale=1)(fractions)


def predict(values, similarity=similarity):
    """Mean and standard deviation for every candidate, from the known ``values`` (place: value)."""
    asked = list(values)
    known = np.array([values[place] for place in asked])
    among = similarity[np.ix_(asked, asked)] + 1e-6 * np.eye(len(asked))
    weights = np.linalg.solve(among, similarity[asked])
    scale = known @ np.linalg.solve(among, known) / len(asked)
    variance = scale * (1 - (similarity[asked] * weights).sum(axis=0))
    return known @ weights, np.sqrt(np.maximum(variance, 0))


PURE = {int(place): 0.0 for place in np.flatnonzero(is_pure)}


def ask(places):
    """Open the drawer for some alloys, and add the pure metals."""
    return PURE | {int(place): truth[place] for place in places}


SEED = 1
rng = np.random.default_rng([SEED, 5])
values = ask(rng.choice(mixtures, 20, replace=False))
mean, std = predict(values)
library = GaussianProcessRegressor(RBF(1), alpha=1e-6, optimizer=None).fit(fractions[[*values]], [*values.values()])
print(f"{tr('N3.line.library')}: {np.abs(library.predict(fractions) - mean).max():.0e} {tr('N3.line.per_atom')}")

# %% [markdown] lid="model-library-text"
# The last line compares with scikit-learn's `GaussianProcessRegressor`: the same, but for rounding. (The term 10⁻⁶ on the diagonal keeps the equations solvable.) Now the question that decides whether you can use the model: *does it know how wrong it is?* Draw 20 mixtures, predict the other 100, and count how often the truth lies within two standard deviations. For a normal distribution that should be 95 %. We repeat it a hundred times.

# %% lid="model-calibrate"
errors, inside = [], []
for _ in range(100):
    values = ask(rng.choice(mixtures, 20, replace=False))
    others = np.setdiff1d(mixtures, list(values))
    mean, std = predict(values)
    errors.append(np.sqrt(np.mean((mean - truth)[others] ** 2)))
    inside.append(100 * np.mean(np.abs(mean - truth)[others] < 2 * std[others]))
print(f"{tr('N3.line.error')}: {np.mean(errors):.0f} {tr('N3.line.per_atom')}")
print(f"{tr('N3.line.inside')}: {np.mean(inside):.0f} %")

# %% lid="model-figure" tags=["figure"] alt="N3.figure.alt_model"
order = others[np.argsort(mean[others])]
miss = np.abs(truth - mean)[order] > 2 * std[order]
figure, axes = plt.subplots(figsize=(10, 4.6), layout="constrained")
axes.axhline(0, color=LINE, linewidth=1)
axes.vlines(np.arange(order.size), (mean - 2 * std)[order], (mean + 2 * std)[order], color=OKABE_ITO["sky"], linewidth=3)
axes.plot(mean[order], color=OKABE_ITO["blue"], linewidth=1.6)
axes.plot(np.flatnonzero(~miss), truth[order][~miss], "o", color=INK, markersize=4)
axes.plot(np.flatnonzero(miss), truth[order][miss], "D", color=OKABE_ITO["vermilion"], markersize=6)
axes.set(xlim=(-1, order.size), xlabel=tr("N3.figure.rank"), ylabel=tr("N3.figure.formation"))
axes.text(0.01, 0.97, tr("N3.figure.model_legend"), transform=axes.transAxes, va="top", color=MUTED, fontsize=11)
axes.set_title(tr("N3.figure.model_title"))
show(figure, tr("N3.figure.alt_model"))

# %% [markdown] lid="model-after"
# The typical error is {{expected.error}}, against a spread of {{expected.spread}} between the mixtures; and {{expected.inside}} of the truths lie within two standard deviations. So the model is not precise, and admits it, if not quite enough (95 % would be). For a search, knowing where you are unsure is worth more than being precise.
#
# One warning. The length in the similarity (1) is our choice. While we prepared this lesson we also tried 0.5 and 1.5, and the searches below needed about as many calculations. With computations of a day each you could not have tried, so beware of methods whose settings were polished on the answer.

# %% [markdown] lid="choose-text" minutes=9
# ## 6 · What do you compute next? ({{section.minutes}} min)
#
# The obvious choice is the alloy with the lowest predicted mean. That is *greedy*: it goes where it is already good, and a model that has never seen the best region will not send you there. The cure is **optimism**: judge each candidate by how good it might well be,
#
# $$\text{mean} - \kappa \cdot \text{standard deviation},$$
#
# and compute the one where that is lowest. If it disappoints, the model has learned where it was unsure. (Whoever looks for the *highest* value takes mean + κ·std, the *upper confidence bound*: GP-UCB.)
#
# ### Exercise 2 · change ({{exercise.N3-2}} min)
#
# `mean` and `std` hold a number for each candidate; `known` is True where it has been computed or is being computed. The function below is greedy. Change it so that it returns the place of the most promising **unknown** candidate in the optimistic sense, for any `kappa`.
#
# <details><summary>Hint</summary>
#
# Only the score must change. Keep what the second line does: known candidates get an infinite score, so that they are never chosen and the places stay the same.
#
# </details>

# %% lid="choose-start" tags=["exercise"] exercise="N3-2"
def my_choice(mean, std, known, kappa):
    score = mean.copy()
    score[known] = np.inf
    return int(np.argmin(score))


# %% lid="choose-solution" tags=["solution"] exercise="N3-2"
def my_choice(mean, std, known, kappa):
    score = mean - kappa * std
    score[known] = np.inf
    return int(np.argmin(score))


# %% lid="choose-wrong-plus" tags=["wrong"] exercise="N3-2" hint="N3-2.pessimist"
def my_choice(mean, std, known, kappa):
    score = mean + kappa * std
    score[known] = np.inf
    return int(np.argmin(score))


# %% lid="choose-wrong-position" tags=["wrong"] exercise="N3-2" hint="N3-2.position"
def my_choice(mean, std, known, kappa):
    score = mean - kappa * std
    return int(np.argmin(score[~known]))


# %% lid="choose-wrong-known" tags=["wrong"] exercise="N3-2" hint="N3-2.known"
def my_choice(mean, std, known, kappa):
    return int(np.argmin(mean - kappa * std))


# %% lid="choose-wrong-highest" tags=["wrong"] exercise="N3-2" hint="N3-2.highest"
def my_choice(mean, std, known, kappa):
    score = mean + kappa * std
    score[known] = -np.inf
    return int(np.argmax(score))


# %% lid="choose-check" tags=["check"] exercise="N3-2"
check("N3-2", my_choice)

# %% lid="choose-answer"
choice = use("N3-2", my_choice)

# %% [markdown] lid="choose-toy-text"
# First a toy on which greed goes wrong: a line with a shallow dip on the left and a deep one on the right. We know three points, all on the left half, and may compute eight more.

# %% lid="choose-toy" tags=["figure"] alt="N3.figure.alt_toy"
line = np.linspace(0, 1, 101)
landscape = -0.8 * np.exp(-(((line - 0.25) / 0.08) ** 2)) - 1.2 * np.exp(-(((line - 0.78) / 0.08) ** 2))
along = RBF(length_scale=0.1)(line[:, np.newaxis])

figure, panels = plt.subplots(1, 2, figsize=(10.5, 4.2), sharey=True, layout="constrained")
for axes, kappa, colour in zip(panels, (0, 2), ("vermilion", "blue"), strict=True):
    values = {place: landscape[place] for place in (8, 30, 50)}
    for _ in range(8):
        mean, std = predict(values, along)
        place = choice(mean, std, np.isin(np.arange(line.size), list(values)), kappa)
        values[place] = landscape[place]
    mean, std = predict(values, along)
    axes.fill_between(line, mean - 2 * std, mean + 2 * std, color=OKABE_ITO[colour], alpha=0.15, linewidth=0)
    axes.plot(line, mean, color=OKABE_ITO[colour], linewidth=2)
    axes.plot(line, landscape, color=MUTED, linestyle=(0, (3, 2)), linewidth=1.2)
    axes.plot(line[[*values]], [*values.values()], "o", color=INK, markersize=6)
    axes.set_title(tr("N3.figure.greedy" if kappa == 0 else "N3.figure.optimist"))
    axes.set_xlabel(tr("N3.figure.toy_place"))
panels[0].set_ylabel(tr("N3.figure.toy_value"))
show(figure, tr("N3.figure.alt_toy"))

# %% [markdown] lid="choose-race-text"
# On the left the band is wide where nobody has looked: the model knows that it does not know. Greed does not ask.
#
# Now the alloys. A search starts from the pure metals and four mixtures drawn at random, and asks until it has the best one. We run a hundred searches for each of three κ, each with the same hundred beginnings. And blind search? Drawing without a plan from 120 finds the best after (120 + 1)/2 draws on average; that needs no simulation.

# %% lid="choose-race"
rng = np.random.default_rng([SEED, 6])
beginnings = [rng.choice(mixtures, 4, replace=False).tolist() for _ in range(100)]


def propose(values, running=(), kappa=1):
    """The next alloy; one that is still being computed counts as if it had its predicted value."""
    believed = PURE | values
    mean, std = predict(believed)
    if running:
        believed |= {place: mean[place] for place in running}
        mean, std = predict(believed)
    return choice(mean, std, np.isin(np.arange(len(alloys)), list(believed)), kappa)


def search_until_found(beginning, kappa):
    """The alloys that a search asks for, in order; the last one is the best."""
    values = {place: truth[place] for place in beginning}
    while best not in values:
        place = propose(values, kappa=kappa)
        values[place] = truth[place]
    return [*values][: [*values].index(best) + 1]


searches = {kappa: [search_until_found(one, kappa) for one in beginnings] for kappa in (0, 1, 2)}
print(f"{tr('N3.line.blind')}: {(len(mixtures) + 1) / 2:.1f}")
for kappa, found in searches.items():
    counts = [len(one) for one in found]
    print(f"{tr('N3.line.needed', kappa=kappa)}: {np.mean(counts):.1f}")
    print(f"{tr('N3.line.nine', kappa=kappa)}: {np.quantile(counts, 0.9):.0f}")

# %% lid="choose-figure" tags=["figure"] alt="N3.figure.alt_race"
LONGEST = 60


def best_so_far(asked):
    reached = np.minimum.accumulate(truth[asked])[:LONGEST]
    return np.append(reached, np.full(LONGEST - reached.size, truth[best]))


curves = {
    "blind": ([best_so_far(rng.permutation(mixtures)) for _ in range(1000)], MUTED),
    "search": ([best_so_far(one) for one in searches[1]], OKABE_ITO["blue"]),
}
number = np.arange(1, LONGEST + 1)
figure, axes = plt.subplots(figsize=(9.5, 4.8), layout="constrained")
for label, (runs, colour) in curves.items():
    low, middle, high = np.quantile(runs, (0.1, 0.5, 0.9), axis=0)
    axes.fill_between(number, low, high, color=colour, alpha=0.18, linewidth=0, step="post")
    axes.step(number, middle, color=colour, linewidth=2.4, where="post")
axes.text(16, truth[best] - 2, tr("N3.figure.search"), color=OKABE_ITO["blue"], va="top", fontweight="bold")
axes.text(28, -46, tr("N3.figure.blind"), color=MUTED, fontweight="bold")
axes.axhline(truth[best], color=INK, linewidth=1, linestyle=(0, (4, 2)))
axes.text(LONGEST, truth[best] - 2, tr("N3.figure.the_best"), color=INK, ha="right", va="top")
axes.set(xlim=(1, LONGEST), ylim=(truth[best] - 14, 60), xlabel=tr("N3.figure.calculations"))
axes.set_ylabel(tr("N3.figure.best_so_far"))
axes.set_title(tr("N3.figure.race_title"))
show(figure, tr("N3.figure.alt_race"))

# %% [markdown] lid="choose-after"
# {{expected.blind}} calculations blind, **{{expected.needed_1}} with the model** (κ = 1). Look at greed (κ = 0) too: {{expected.needed_0}} on average, hardly worse. These alloys are not as nasty as the toy. What optimism buys here is protection against bad luck: nine out of ten searches are done within {{expected.nine_1}} calculations instead of {{expected.nine_0}}. You will run your search once, so that counts. More optimism (κ = 2) costs a little on average and is no worse when luck is bad.
#
# **When do you stop?** In practice nobody tells you that you have found the best. A tempting rule: stop when no unknown alloy is promising any more, when even mean − 2·std of each lies above your best so far. How often would that have stopped a search before it had the best?

# %% lid="choose-stop"
def stops_too_early(asked):
    """Whether the rule says stop somewhere between the beginning and the best."""
    for count in range(4, len(asked)):
        values = ask(asked[:count])
        mean, std = predict(values)
        unknown = np.setdiff1d(mixtures, asked[:count])
        if (mean - 2 * std)[unknown].min() > truth[asked[:count]].min():
            return True
    return False


print(f"{tr('N3.line.too_early')}: {sum(stops_too_early(asked) for asked in searches[1])}")

# %% [markdown] lid="choose-stop-after"
# In {{expected.too_early}} of the hundred. With ten points the model has seen so little that it takes the small energies it knows for the scale of all of them. (The search survives that: it only compares candidates with each other.) So agree on a budget beforehand, as large as you can afford, and report it together with the result.

# %% [markdown] lid="crew-text" minutes=12
# ## 7 · Keep every worker busy ({{section.minutes}} min)
#
# One calculation at a time wastes a cluster. With four workers you can ask for four alloys, wait until all four are done, and choose the next four: *batches*. But calculations do not take equally long, and then three wait for the slowest. **Asynchronous** search chooses a new candidate as soon as *one* result is in, knowing that others are under way.
#
# ### Exercise 3 · transfer ({{exercise.N3-3}} min)
#
# Write that loop for whatever you search. You get
#
# - `choose(values, running)`: returns the next candidate. `values` is a dictionary from each finished candidate to its value, `running` a set of those in progress; it never proposes either of them;
# - `submit(candidate)`: starts the calculation and returns at once;
# - `next_result()`: waits until one calculation is ready, whichever is first, and returns `(candidate, value)`;
# - `workers`: keep this many calculations in progress, never more;
# - `budget`: how many calculations you may do in total.
#
# Return the dictionary `values` with all `budget` results, also of those that were still under way when the last one was submitted.
#
# <details><summary>Hint</summary>
#
# Two loops. The outer one goes on until you have all results. The inner one submits as long as a worker is free **and** finished and running together are fewer than the budget. Then collect one result: it moves from `running` to `values`.
#
# </details>

# %% lid="crew-start" tags=["exercise"] exercise="N3-3"
def my_search(choose, submit, next_result, workers, budget):
    ...


# %% lid="crew-solution" tags=["solution"] exercise="N3-3"
def my_search(choose, submit, next_result, workers, budget):
    values, running = {}, set()
    while len(values) < budget:
        while len(running) < workers and len(values) + len(running) < budget:
            candidate = choose(values, running)
            submit(candidate)
            running.add(candidate)
        candidate, value = next_result()
        running.remove(candidate)
        values[candidate] = value
    return values


# %% lid="crew-wrong-one" tags=["wrong"] exercise="N3-3" hint="N3-3.one"
def my_search(choose, submit, next_result, workers, budget):
    values = {}
    while len(values) < budget:
        submit(choose(values, set()))
        candidate, value = next_result()
        values[candidate] = value
    return values


# %% lid="crew-wrong-batch" tags=["wrong"] exercise="N3-3" hint="N3-3.batch"
def my_search(choose, submit, next_result, workers, budget):
    values = {}
    while len(values) < budget:
        batch = set()
        while len(batch) < min(workers, budget - len(values)):
            candidate = choose(values, batch)
            submit(candidate)
            batch.add(candidate)
        values |= dict(next_result() for _ in batch)
    return values


# %% lid="crew-wrong-all" tags=["wrong"] exercise="N3-3" hint="N3-3.crowd"
def my_search(choose, submit, next_result, workers, budget):
    running = set()
    while len(running) < budget:
        candidate = choose({}, running)
        submit(candidate)
        running.add(candidate)
    return dict(next_result() for _ in running)


# %% lid="crew-wrong-lost" tags=["wrong"] exercise="N3-3" hint="N3-3.lost"
def my_search(choose, submit, next_result, workers, budget):
    values, running = {}, set()
    while len(values) + len(running) < budget:
        if len(running) == workers:
            candidate, value = next_result()
            running.remove(candidate)
            values[candidate] = value
        candidate = choose(values, running)
        submit(candidate)
        running.add(candidate)
    return values


# %% lid="crew-wrong-twice" tags=["wrong"] exercise="N3-3" hint="N3-3.twice"
def my_search(choose, submit, next_result, workers, budget):
    values, running = {}, 0
    while len(values) < budget:
        while running < workers and len(values) + running < budget:
            submit(choose(values, set()))
            running += 1
        candidate, value = next_result()
        running -= 1
        values[candidate] = value
    return values


# %% lid="crew-check" tags=["check"] exercise="N3-3"
check("N3-3", my_search)

# %% [markdown] lid="crew-simulate-text"
# What does it gain? We let **simulated workers** do the work: they look in the drawer, and pretend that each alloy takes between one and six hours. Three ways: one worker, four workers in batches, four workers asynchronously; fifty searches each. Count the hours and the calculations until the best alloy is known.

# %% lid="crew-simulate"
search = use("N3-3", my_search)
rng = np.random.default_rng([SEED, 7])


def search_in_batches(choose, submit, next_result, workers, budget):
    values = {}
    while len(values) < budget:
        batch = set()
        while len(batch) < min(workers, budget - len(values)):
            candidate = choose(values, batch)
            submit(candidate)
            batch.add(candidate)
        values |= dict(next_result() for _ in batch)
    return values


def begin_with(beginning):
    """First these alloys, then what the model proposes."""
    waiting = deque(beginning)
    return lambda values, running: waiting.popleft() if waiting else propose(values, running)


def simulate(way, workers, beginning, hours, budget):
    """The shifts of simulated workers, in the order in which they were done."""
    crew = SimulatedWorkers(workers, hours.__getitem__, truth.__getitem__)
    way(begin_with(beginning), crew.submit, crew.next_result, workers, budget)
    return crew.done


def until_found(shifts):
    """Hours and calculations until the best alloy is known."""
    place = next((place for place, shift in enumerate(shifts) if shift.candidate == best), len(shifts) - 1)
    return shifts[place].stop, place + 1


WAYS = {"alone": (search, 1), "batches": (search_in_batches, 4), "crew": (search, 4)}
found = {way: [] for way in WAYS}
for beginning in beginnings[:50]:
    hours = np.exp(rng.uniform(np.log(1), np.log(6), len(alloys)))
    for way, (how, count) in WAYS.items():
        found[way].append(until_found(simulate(how, count, beginning, hours, budget=40)))
for way, pairs in found.items():
    hours_needed, calculations = np.mean(pairs, axis=0)
    print(f"{tr(f'N3.line.hours_{way}')}: {hours_needed:.1f}")
    print(f"{tr(f'N3.line.count_{way}')}: {calculations:.1f}")

# %% lid="crew-figure" tags=["figure"] alt="N3.figure.alt_crew"
figure, panels = plt.subplots(2, 1, figsize=(10, 4.8), sharex=True, layout="constrained")
for axes, way in zip(panels, ("batches", "crew"), strict=True):
    shifts = simulate(*WAYS[way], beginnings[0], hours, budget=24)
    for shift in shifts:
        colour = OKABE_ITO["vermilion"] if shift.candidate == best else OKABE_ITO["blue"]
        axes.barh(shift.worker, shift.stop - shift.start, left=shift.start, height=0.75, color=colour, edgecolor="white")
    end = max(shift.stop for shift in shifts)
    axes.axvline(end, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set(yticks=range(4), yticklabels=[f"worker {number + 1}" for number in range(4)], ylim=(3.6, -0.6))
    axes.set_title(tr(f"N3.figure.{way}", hours=end), fontsize=12)
panels[1].set_xlabel(tr("N3.figure.hours"))
show(figure, tr("N3.figure.alt_crew"))

# %% [markdown] lid="crew-after"
# One worker needs {{expected.hours_alone}}, four in batches {{expected.hours_batches}}, four asynchronously **{{expected.hours_crew}}**. There is a price, in the other lines: {{expected.count_alone}} calculations for one worker, {{expected.count_crew}} for four. Whoever chooses four at a time chooses with less knowledge. So parallel search buys time with energy. If nobody is waiting for the answer, fewer workers are the frugal choice.
#
# Now for real, with the workers from section 4. Dask's `as_completed` yields whatever is ready first, and accepts new work while you wait: exactly `next_result` and `submit`. These calculations take a fraction of a second, so nobody gains time here; the loop is the one you would use for calculations of a day.

# %% lid="crew-real"
if workers.client is None:
    queue = deque()
    submit, next_result = (lambda place: queue.append(compute(place))), queue.popleft
else:
    queue = as_completed(with_results=True)

    def submit(place):
        queue.add(workers.client.submit(compute, place, pure=False))

    def next_result():
        return next(queue)[1]


values = search(begin_with(beginnings[1]), submit, next_result, workers=2, budget=36)
winner = min(values, key=values.get)
print(tr("N3.line.found", alloy=name(alloys[winner]), number=[*values].index(winner) + 1, count=len(values)))
print(f"{tr('N3.line.lowest')}: {values[winner]:.0f} {tr('N3.line.per_atom')}")

# %% [markdown] lid="worth-text" minutes=2
# ## 8 · What is the answer worth? ({{section.minutes}} min)
#
# Open the drawer and look at the top, and at two alloys that everybody knows:

# %% lid="worth-list"
for place in np.argsort(truth)[:5]:
    print(f"  {name(alloys[place])}  {truth[place]:+.0f} {tr('N3.line.per_atom')}")
for alloy in (("Cu", "Cu", "Cu", "Au"), ("Cu", "Cu", "Au", "Au")):
    print(f"{name(alloy)}: {truth[alloys.index(alloy)]:+.0f} {tr('N3.line.per_atom')}")

# %% [markdown] lid="worth-after"
# Nickel and platinum, copper and platinum: these pairs do form ordered alloys in reality. But copper and gold do so too. CuAu and Cu₃Au are the textbook examples, and EMT gives them {{expected.cuau}} and {{expected.cu3au}}: next to nothing. And real CuPt orders in layers for which a cube of four atoms has no room. Our cube may not become longer in one direction either, nothing vibrates in our model, its nickel is not magnetic, and an alloy with the lowest energy per atom need not be the only stable one. The search found the best *of its model* in {{expected.needed_1}} calculations. With a list like this, DFT and the laboratory begin.

# %% [markdown] lid="cost-text" minutes=1
# ## 9 · What it cost, and what you keep ({{section.minutes}} min)
#
# The cheapest calculation is the one you need not do. Tell also how many you did, and give the workers back.

# %% lid="cost"
stopwatch.report(workers)
workers.close()

# %% [markdown] lid="summary"
# ### Summary
#
# - The bulk modulus is volume times curvature, at the volume of lowest energy, in GPa.
# - Test a potential on what you know before you search with it. EMT: within {{expected.six}} for six metals, off by {{expected.aluminium}} for aluminium, and wrong about Ni₃Al.
# - A model for search must know how wrong it is: {{expected.inside}} of the truths within two standard deviations.
# - The best of 120 alloys after {{expected.needed_1}} calculations on average; blind, {{expected.blind}}. Optimism protects against bad luck.
# - Four workers, asynchronously: {{expected.hours_crew}} instead of {{expected.hours_alone}}, for {{expected.count_crew}} calculations instead of {{expected.count_alone}}.
#
# ### What next
#
# - Change `length_scale` to 0.5 and to 2 in section 5. What happens to the share within two standard deviations, and to the search?
# - Put aluminium back in `METALS`. Does the best alloy change? Would you have noticed that something is wrong?
# - Your own expensive question (a simulation, a recipe, settings of an instrument): write `choose`, and take your loop along.
#
# **Sources.** K. W. Jacobsen, P. Stoltze, J. K. Nørskov (1996), *A semi-empirical effective medium theory for metals and alloys*, Surface Science 366 · A. Hjorth Larsen and others (2017), *The atomic simulation environment: a Python library for working with atoms*, Journal of Physics: Condensed Matter 29 · K. Lejaeghere, V. Van Speybroeck, G. Van Oost, S. Cottenier (2014), *Error estimates for solid-state density-functional theory predictions*, Critical Reviews in Solid State and Materials Sciences 39 · F. Birch (1947), *Finite elastic strain of cubic crystals*, Physical Review 71 · C. E. Rasmussen, C. K. I. Williams (2006), *Gaussian processes for machine learning* · N. Srinivas, A. Krause, S. M. Kakade, M. Seeger (2010), *Gaussian process optimization in the bandit setting*, ICML · T. Desautels, A. Krause, J. W. Burdick (2014), *Parallelizing exploration-exploitation tradeoffs in Gaussian process bandit optimization*, Journal of Machine Learning Research 15 · Data: computed in this lesson with ASE (LGPL, imported as a library).

# %% [markdown] lid="trainer" tags=["trainer"]
# **Short of time?** Do exercise 3 as homework and show its two timelines.
#
# **Questions that come**
#
# - *Why not compute all 120?* We do, because EMT is fast; with DFT you could not.
# - *Is greedy just as good?* Here, on average; not in the toy, and not when luck is bad.
# - *Is Ni₃Pt new?* No; the method is what you take along.
# - *Why did ASE need no copy here?* It is LGPL: the lesson imports it and takes over none of it.
