"""Lesson N3: its judges know right from wrong in several writings, its physics is what it says, and its numbers hold
for other beginnings, on Dask Gateway and without any workers.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.emt import parameters
from ase.eos import EquationOfState
from ase.units import GPa
from scipy.interpolate import CubicSpline, make_interp_spline
from scipy.optimize import minimize_scalar
from sklearn.gaussian_process.kernels import RBF
from werkbank_lessons.exercises import NotYetError, exercise
from werkbank_lessons.exercises.n3 import bulk_modulus, choice, search
from werkbank_lessons.exercises.n3_workers import SimulatedWorkers
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.catalogue import read_expected
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import Cell, read_source
from tutorials.build.verdict import complaints, printed

from .lesson_support import answer_of, judged, promised, refused, wrong_cells

EXERCISES = ["N3-1", "N3-2", "N3-3"]
SEEDS = range(10)
KNOWN = {"CubicSpline": CubicSpline, "GPa": GPa}


def minimised_spline(volumes, energies):
    curve = make_interp_spline(volumes, energies, k=5)
    best = minimize_scalar(curve, bounds=(volumes[0], volumes[-1]), method="bounded").x
    return best * curve(best, nu=2) * 160.2177


def by_logarithm(volumes, energies):
    """With x = ln V, B = d²E/dx² / V at the minimum."""
    curve = np.polynomial.Polynomial.fit(np.log(volumes), energies, deg=4)
    roots = curve.deriv().roots()
    best = min(roots[abs(roots.imag) < 1e-9].real, key=lambda x: abs(x - np.log(volumes).mean()))
    return curve.deriv(2)(best) / np.exp(best) / GPa


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("eos", ["birchmurnaghan", "vinet", "sj", "p3"])
def test_every_usual_equation_of_state_is_accepted(eos, seed):
    def by_ase(volumes, energies):
        return EquationOfState(volumes, energies, eos=eos).fit()[2] / GPa

    assert judged("N3-1", by_ase, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_other_curves_and_other_variables_are_accepted_too(seed):
    assert judged("N3-1", minimised_spline, seed) is None
    assert judged("N3-1", by_logarithm, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_choices_by_a_loop_by_sorting_and_by_masked_arrays_are_accepted(seed):
    def loop(mean, std, known, kappa):
        places = [place for place in range(len(mean)) if not known[place]]
        return min(places, key=lambda place: mean[place] - kappa * std[place])

    def sorting(mean, std, known, kappa):
        return next(place for place in np.argsort(mean - kappa * std) if not known[place])

    def masked(mean, std, known, kappa):
        return np.ma.array(kappa * std - mean, mask=known).argmax()

    def looked_up(mean, std, known, kappa):
        unknown = np.flatnonzero(~known)
        return float(unknown[np.argmin((mean - kappa * std)[unknown])])

    for answer in (loop, sorting, masked, looked_up):
        assert judged("N3-2", answer, seed) is None


def refilled_at_once(choose, submit, next_result, workers, budget):
    """Begin with all workers, then one new calculation for each result."""
    values, running = {}, []
    for _ in range(min(workers, budget)):
        running.append(choose(values, set(running)))
        submit(running[-1])
    for submitted in range(len(running), budget + len(running)):
        candidate, values_of = next_result()
        running.remove(candidate)
        values[candidate] = values_of
        if submitted < budget:
            running.append(choose(dict(values), set(running)))
            submit(running[-1])
    return values


@pytest.mark.parametrize("seed", SEEDS)
def test_a_search_that_refills_at_once_is_accepted(seed):
    assert judged("N3-3", refilled_at_once, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("N3"))
def test_each_typical_mistake_gets_its_own_hint(cell, seed):
    assert refused(cell.exercise, answer_of(cell, **KNOWN), seed) == cell.more["hint"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("start", "hint"), [("stiff-start", "N3-1.minimum"), ("choose-start", "N3-2.greedy")])
def test_a_starter_is_refused_with_the_hint_for_its_mistake(start, hint, seed):
    (cell,) = [cell for cell in read_source("N3") if cell.lid == start]
    assert refused(cell.exercise, answer_of(cell, **KNOWN), seed) == hint


def neither_volume_nor_unit(volumes, energies):
    return bulk_modulus(volumes, energies) / 160.2 / volumes[energies.argmin()]


def parabola_in_the_middle(volumes, energies):
    return volumes.mean() * np.polynomial.Polynomial.fit(volumes, energies, deg=2).deriv(2)(0) * 160.21766208


def explorer(mean, std, known, kappa):
    return int(np.where(known, -1, std).argmax())


def best_so_far(mean, std, known, kappa):
    return int(mean.argmin())


def one_kappa(mean, std, known, kappa):
    return choice(mean, std, known, 2)


def beyond_the_budget(choose, submit, next_result, workers, budget):
    return search(choose, submit, next_result, workers, budget + workers)


def without_telling(choose, submit, next_result, workers, budget):
    values, started = {}, set()
    while len(values) < budget:
        while len(started) - len(values) < workers and len(started) < budget:
            candidate = choose({}, started)
            submit(candidate)
            started.add(candidate)
        candidate, values[candidate] = next_result()
    return values


def with_values_of_its_own(choose, submit, next_result, workers, budget):
    return dict.fromkeys(search(choose, submit, next_result, workers, budget), 0.0)


def with_candidates_of_its_own(choose, submit, next_result, workers, budget):
    submit("my favourite")


def impatient(choose, submit, next_result, workers, budget):
    return dict([next_result()])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("N3-1", neither_volume_nor_unit, "N3-1.volume"),
        ("N3-1", parabola_in_the_middle, "N3-1.parabola"),
        ("N3-1", lambda volumes, energies: 4 * bulk_modulus(volumes, energies), "N3-1.other"),
        ("N3-1", lambda volumes, energies: -bulk_modulus(volumes, energies), "N3-1.other"),
        ("N3-1", lambda volumes, energies: volumes, "N3-1.number"),
        ("N3-2", explorer, "N3-2.explorer"),
        ("N3-2", best_so_far, "N3-2.known"),
        ("N3-2", one_kappa, "N3-2.kappa"),
        ("N3-2", lambda mean, std, known, kappa: choice(mean, std, known, 1), "N3-2.kappa"),
        ("N3-2", lambda mean, std, known, kappa: len(mean), "N3-2.one"),
        ("N3-2", lambda mean, std, known, kappa: -1, "N3-2.one"),
        ("N3-2", lambda mean, std, known, kappa: 1.5, "N3-2.one"),
        ("N3-2", lambda mean, std, known, kappa: mean - kappa * std, "N3-2.one"),
        ("N3-3", beyond_the_budget, "N3-3.budget"),
        ("N3-3", without_telling, "N3-3.untold"),
        ("N3-3", with_values_of_its_own, "N3-3.values"),
        ("N3-3", with_candidates_of_its_own, "N3-3.candidate"),
        ("N3-3", impatient, "N3-3.nothing"),
        ("N3-3", lambda *given: list(search(*given)), "N3-3.dict"),
        ("N3-3", lambda *given: dict(list(search(*given).items())[1:]), "N3-3.lost"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_a_hint_never_holds_the_answer_to_the_choice():
    with pytest.raises(NotYetError) as reason:
        exercise("N3-2").judge(lambda mean, std, known, kappa: 0, np.random.default_rng(1))
    assert reason.value.values.keys() <= {"last"}


def test_a_search_that_never_stops_submitting_is_stopped():
    def endless(choose, submit, next_result, workers, budget):
        while True:
            submit(choose({}, set()))

    assert judged("N3-3", endless, 1) == "N3-3.twice"


def test_simulated_workers_give_the_first_result_first_and_let_the_rest_wait():
    crew = SimulatedWorkers(2, {"a": 3, "b": 1, "c": 1}.__getitem__, str.upper)
    for candidate in "abc":
        crew.submit(candidate)
    assert [crew.next_result() for _ in range(3)] == [("b", "B"), ("c", "C"), ("a", "A")]
    assert crew.now == 3
    assert [(shift.worker, shift.start, shift.stop) for shift in crew.done] == [(1, 0, 1), (1, 1, 2), (0, 0, 3)]
    with pytest.raises(RuntimeError, match="no calculation is running"):
        crew.next_result()


def test_the_reference_keeps_all_workers_busy_to_the_end():
    crew = SimulatedWorkers(3, lambda candidate: 1 + candidate % 4, float)
    values = search(lambda values, running: len(values) + len(running), crew.submit, crew.next_result, 3, 20)
    assert values == {number: float(number) for number in range(20)}
    free = [max(shift.stop for shift in crew.done if shift.worker == worker) for worker in range(3)]
    assert sum(shift.stop - shift.start for shift in crew.done) == sum(free)


class NoWorkers:
    """What the lesson has where Dask computes in the notebook."""

    client = None

    def on_every_worker(self, function, *arguments):
        return [function(*arguments)]


def execute(cells, space) -> str:
    """Run code cells in this process; what they print."""
    said = io.StringIO()
    with redirect_stdout(said):
        for cell in cells:
            exec(compile(cell.text, cell.lid, "exec"), space)
    return said.getvalue()


def computing_cells(first: str, last: str) -> list:
    """The solved lesson's code from one cell to another, without its figures, checks and cluster."""
    cells = variants.solved(lesson_cells("N3", "en"))
    lids = [cell.lid for cell in cells]
    part = cells[lids.index(first) : lids.index(last) + 1]
    return [
        cell
        for cell in part
        if cell.kind == "code" and cell.role != "check" and "figure" not in cell.tags and cell.lid != "drawer-cluster"
    ]


@pytest.fixture(scope="module")
def drawer():
    """The lesson once its drawer is full, and what it printed on the way."""
    space = {"workers": NoWorkers()}
    said = execute(computing_cells("setup", "drawer-compute"), space)
    return space, said


@pytest.fixture(scope="module", params=[1, 2, 3])
def searched(request, drawer):
    """The rest of the lesson, with the luck of another seed."""
    space, said = dict(drawer[0]), drawer[1]
    cells = computing_cells("model-text", "worth-list")
    seeded = [replace(cell, text=cell.text.replace("SEED = 1\n", f"SEED = {request.param}\n")) for cell in cells]
    assert request.param == 1 or seeded != cells
    return space, said + execute(seeded, space)


def test_the_numbers_in_the_text_hold_for_three_seeds(searched):
    promised("N3", searched[1], "en")


def test_what_the_text_says_of_the_numbers_holds_for_three_seeds(searched):
    space, _ = searched
    counts = {kappa: [len(asked) for asked in found] for kappa, found in space["searches"].items()}
    nine = {kappa: np.quantile(one, 0.9) for kappa, one in counts.items()}
    assert abs(np.mean(counts[0]) - np.mean(counts[1])) < 2.5
    assert nine[0] > nine[1] + 1
    assert np.mean(counts[2]) > np.mean(counts[1])
    assert nine[2] <= nine[1] + 1
    assert np.mean(counts[1]) < 16
    hours = {way: np.mean(pairs, axis=0) for way, pairs in space["found"].items()}
    assert hours["crew"][0] < hours["batches"][0] - 3 < hours["alone"][0] - 13
    assert hours["crew"][1] > hours["alone"][1] + 2
    assert space["values"][space["best"]] == space["truth"].min()


def test_other_lengths_find_the_best_alloy_about_as_soon(searched):
    space = searched[0]
    for length in (0.5, 1.5):
        space["predict"].__defaults__ = (RBF(length)(space["fractions"]),)
        counts = [len(space["search_until_found"](one, 1)) for one in space["beginnings"]]
        assert np.mean(counts) == pytest.approx(14.3, abs=2)
    space["predict"].__defaults__ = (space["similarity"],)


def test_the_toy_is_one_on_which_greed_fails_and_optimism_does_not(drawer):
    space = dict(drawer[0])
    execute(computing_cells("model-text", "choose-answer"), space)
    space["show"] = lambda figure, alt: None
    panels = {}
    space["choice"] = lambda *given: panels.setdefault(given[3], []).append(choice(*given)) or panels[given[3]][-1]
    execute([cell for cell in lesson_cells("N3", "en") if cell.lid == "choose-toy"], space)
    deepest = {kappa: space["landscape"][places].min() for kappa, places in panels.items()}
    assert deepest[0] > -0.81
    assert deepest[2] < -1.15


def test_four_atoms_make_one_crystal_whatever_their_order(drawer):
    formation_energy = drawer[0]["formation_energy"]
    orders = [("Ni", "Ni", "Cu", "Pt"), ("Pt", "Ni", "Ni", "Cu"), ("Ni", "Pt", "Cu", "Ni"), ("Cu", "Ni", "Pt", "Ni")]
    assert np.ptp([formation_energy(order) for order in orders]) < 1e-6


def test_the_best_volume_of_every_alloy_lies_among_the_seven(drawer):
    space = drawer[0]
    for alloy in space["alloys"][::5]:
        _, energies = space["energies_of"](alloy)
        assert 0 < energies.argmin() < 6, alloy


def test_the_list_of_the_best_is_the_one_that_the_text_speaks_of(drawer):
    space = drawer[0]
    names = [space["name"](space["alloys"][place]) for place in np.argsort(space["truth"])[:3]]
    assert names == ["Ni3Pt", "CuPt", "NiPt"]


def test_lambda_of_aluminium_is_little_more_than_half_of_the_others():
    others = [parameters[metal][5] for metal in ("Ni", "Cu", "Pd", "Pt", "Ag", "Au")]
    assert 0.5 < parameters["Al"][5] / max(others) < parameters["Al"][5] / min(others) < 0.65


class BareWorkers:
    """Workers on which nothing of the lesson is installed."""

    def __init__(self, workers):
        self.client = object()

    def on_every_worker(self, function, *arguments):
        return [function(*arguments), None]

    def close(self):
        self.client = None


def test_workers_without_ase_leave_the_work_to_the_notebook(drawer):
    space = drawer[0] | {"cluster": BareWorkers}
    said = execute([cell for cell in lesson_cells("N3", "en") if cell.lid == "drawer-cluster"], space)
    assert said == f"{tr('N3.line.no_ase', 'en')}\n"
    assert space["workers"].client is None


IN_ORDER = """
def begin_with(beginning):
    return lambda values, running: next(place for place in range(15) if place not in {*values, *running})


beginnings, search = [[], []], use("N3-3", my_search)
"""


def three_metals() -> list:
    """The cells that need workers, and what they need; three metals, one after another."""
    wanted = {"setup", "crystal-energies", "stiff-solution", "stiff-answer", "trust-moduli", "trust-formation"}
    wanted |= {"drawer-cluster", "drawer-compute", "crew-solution", "crew-real", "cost"}
    cells = [cell for cell in variants.solved(lesson_cells("N3", "en")) if cell.lid in wanted]
    shorter = {'("Ni", "Cu", "Pd", "Pt", "Ag", "Au")': '("Ni", "Cu", "Pt")', "budget=36": "budget=15"}
    made = []
    for cell in cells:
        if cell.lid == "crew-real":
            made.append(Cell("in-order", "code", IN_ORDER))
        text = cell.text
        for long, short in shorter.items():
            text = text.replace(long, short)
        made.append(replace(cell, text=text))
    return made


def test_it_searches_on_dask_gateway_and_gives_the_cluster_back(run_cells, gateway):
    from dask_gateway import Gateway

    executed = run_cells(three_metals(), lesson="N3", WERKBANK_STRICT="1", DASK_GATEWAY__ADDRESS=gateway)
    assert complaints(executed) == []
    assert tr("scale.gateway", "en", workers=2) in printed(executed)
    lowest = read_expected("N3")["lowest"].value
    assert f"{tr('N3.line.lowest', 'en')}: {lowest:.0f}" in printed(executed)
    assert Gateway(gateway, auth="basic").list_clusters() == []
