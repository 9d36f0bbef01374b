"""Exercises of lesson N3, "New materials: find the best of 120 alloys in about 15 calculations"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, require_something
from .n3_workers import SimulatedWorkers

_GPA = 160.21766208  # GPa in one eV/Å³


def bulk_modulus(volumes: np.ndarray, energies: np.ndarray) -> float:
    """Bulk modulus (GPa) at the volume with the lowest energy, for ``volumes`` (Å³) and ``energies`` (eV) of one cell.

    Third-order Birch-Murnaghan: the energy is a cubic polynomial in x = V^(-2/3), and at the minimum
    d²E/dV² = (dx/dV)² d²E/dx².
    """
    curve = np.polynomial.Polynomial.fit(volumes ** (-2 / 3), energies, deg=3)
    slopes_zero = curve.deriv().roots()
    inside = slopes_zero[(abs(slopes_zero.imag) < 1e-9) & (curve.deriv(2)(slopes_zero).real > 0)].real
    x = inside[np.argmin(abs(inside - np.mean(volumes ** (-2 / 3))))]
    return float(x**-1.5 * curve.deriv(2)(x) * (2 / 3 * x**2.5) ** 2 * _GPA)


def judge_bulk_modulus(answer, rng: np.random.Generator) -> None:
    """Crystals whose bulk modulus is known exactly, on volumes of which the middle is not the best."""
    for _ in range(3):
        volumes, energies, best, exact = _crystal(rng)
        found = finite_number(answer(volumes.copy(), energies.copy()), "N3-1.number")
        if not np.isclose(found, exact, rtol=0.05):
            hint = _which_modulus(volumes, energies, found, right=(best, exact / best))
            raise NotYetError(hint, found=found, exact=exact)


def _crystal(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Volumes (Å³), Birch-Murnaghan energies (eV), best volume and bulk modulus (GPa) of a made-up metal."""
    best, exact, derivative = rng.uniform(40, 75), rng.uniform(80, 300), rng.uniform(4, 6.5)
    ends = rng.uniform((0.87, 1.03), (0.89, 1.05))
    volumes = best * np.linspace(*ends, int(rng.integers(7, 12)))
    strain = (best / volumes) ** (2 / 3) - 1
    shape = strain**3 * derivative + strain**2 * (2 - 4 * strain)
    return volumes, 9 * best * exact / _GPA / 16 * shape - rng.uniform(10, 24), best, exact


def _which_modulus(volumes: np.ndarray, energies: np.ndarray, found: float, right: tuple[float, float]) -> str:
    """The hint that fits a wrong number: a factor left out, or another volume or curve than the right one.

    A pair is a volume (Å³) and a curvature (GPa/Å³). A parabola is the same whoever fits it; a curve in the middle is
    not, so it may differ a little.
    """
    parabola = np.polynomial.Polynomial.fit(volumes, energies, deg=2)
    quartic = np.polynomial.Polynomial.fit(volumes, energies, deg=4)
    vertex, middle = float(parabola.deriv().roots()[0]), float(volumes.mean())
    bent = float(parabola.deriv(2)(middle)) * _GPA
    usual = (
        ("N3-1.volume", right, 0.05),
        ("N3-1.parabola", (vertex, bent), 1e-4),
        ("N3-1.parabola", (middle, bent), 1e-4),
        ("N3-1.minimum", (middle, float(quartic.deriv(2)(middle)) * _GPA), 0.03),
    )
    for hint, (volume, curvature), near in usual:
        without_volume = (curvature, curvature / _GPA)
        if np.isclose(found, volume * curvature / _GPA, rtol=near):
            return "N3-1.unit"
        if np.isclose(found, without_volume, rtol=near).any():
            return "N3-1.volume"
        if np.isclose(found, volume * curvature, rtol=near):
            return hint
    return "N3-1.other"


def choice(mean: np.ndarray, std: np.ndarray, known: np.ndarray, kappa: float) -> int:
    """Position of the candidate that is not ``known`` and whose ``mean`` less ``kappa`` times ``std`` is lowest."""
    return int(np.where(known, np.inf, mean - kappa * std).argmin())


def judge_choice(answer, rng: np.random.Generator) -> None:
    """Predictions on which each usual mistake picks another candidate; at last without any optimism."""
    for _ in range(3):
        mean, std, known, kappa, picks = _predictions(rng)
        found = _position(answer(mean.copy(), std.copy(), known.copy(), kappa), mean.size)
        if found != picks["right"]:
            raise NotYetError(next((hint for hint, pick in picks.items() if pick == found), "N3-2.other"))
    mean, std, known, _, picks = _predictions(rng)
    if _position(answer(mean.copy(), std.copy(), known.copy(), 0.0), mean.size) != picks["N3-2.greedy"]:
        raise NotYetError("N3-2.kappa")


# A candidate for each way of choosing: its mean and standard deviation in units of one scale. For every kappa from 1.5
# to 3 the first is the right one, and each of the others is what one mistake picks.
_CAST = ((-1.0, 3.0), (-3.0, 0.9), (-2.8, 0.05), (6.0, 3.6), (20.0, 0.5), (-2.4, 1.8), (-15.0, 0.0))


def _predictions(rng: np.random.Generator) -> tuple:
    """Means, standard deviations, what is known and kappa; and the candidate that each way of choosing picks."""
    count, kappa, scale = int(rng.integers(30, 60)), float(rng.uniform(1.5, 3)), float(rng.uniform(10, 60))
    while True:
        order = rng.permutation(count)
        mean, std = rng.uniform(-0.5, 0.5, count), rng.uniform(0.2, 0.6, count)
        mean[order[: len(_CAST)]], std[order[: len(_CAST)]] = np.transpose(_CAST)
        known = np.isin(np.arange(count), order[len(_CAST) - 1 : len(_CAST) + 7])
        std[known] = 0
        picks = _picks(scale * mean, scale * std, known, kappa)
        if len(set(picks.values())) == len(picks):
            return scale * mean, scale * std, known, kappa, picks


def _picks(mean: np.ndarray, std: np.ndarray, known: np.ndarray, kappa: float) -> dict[str, int]:
    def lowest(score) -> int:
        return int(np.where(known, np.inf, score).argmin())

    return {
        "right": lowest(mean - kappa * std),
        "N3-2.greedy": lowest(mean),
        "N3-2.pessimist": lowest(mean + kappa * std),
        "N3-2.explorer": lowest(-std),
        "N3-2.highest": lowest(-mean - kappa * std),
        "N3-2.kappa": lowest(mean - std),
        "N3-2.known": int((mean - kappa * std).argmin()),
        "N3-2.position": int((mean - kappa * std)[~known].argmin()),
    }


def _position(found, count: int) -> int:
    """The answer as a position; raises `NotYetError` unless it is one of ``count``."""
    place = finite_number(found, "N3-2.one", last=count - 1)
    if place != int(place) or not 0 <= place < count:
        raise NotYetError("N3-2.one", last=count - 1)
    return int(place)


def search(choose: Callable, submit: Callable, next_result: Callable, workers: int, budget: int) -> dict:
    """Values of ``budget`` candidates that ``choose(values, running)`` proposes, with ``workers`` of them in progress
    for as long as there are enough left.
    """
    values: dict = {}
    running: set = set()
    while len(values) < budget:
        while len(running) < workers and len(values) + len(running) < budget:
            candidate = choose(values, running)
            submit(candidate)
            running.add(candidate)
        candidate, value = next_result()
        running.remove(candidate)
        values[candidate] = value
    return values


def judge_search(answer, rng: np.random.Generator) -> None:
    """Simulated workers watch: nobody idle, nothing twice, nothing lost, every choice made with what is known."""
    for workers, budget in ((int(rng.integers(3, 6)), int(rng.integers(13, 20))), (1, 5), (6, 4)):
        watch = _Watch(rng, workers, budget)
        found = answer(watch.choose, watch.submit, watch.next_result, workers, budget)
        require_something(found)
        if watch.first_complaint:
            raise watch.first_complaint
        _require_all(found, watch, budget)


class _Watch:
    """Workers, and a chooser that proposes the same candidate until it is told that it is done or in progress.

    It remembers the first thing that goes wrong and lets the answer go on, so that what is said is what went wrong
    first.
    """

    def __init__(self, rng: np.random.Generator, workers: int, budget: int) -> None:
        self._order = [f"C{number}" for number in rng.permutation(100)]
        hours = dict(zip(self._order, rng.uniform(1, 6, 100), strict=True))
        self.value = dict(zip(self._order, rng.normal(size=100).tolist(), strict=True))
        self._crew = SimulatedWorkers(workers, hours.__getitem__, self.value.__getitem__)
        self._workers, self._budget = workers, budget
        self.first_complaint: NotYetError | None = None

    @property
    def _running(self) -> set:
        return {shift.candidate for shift in self._crew.running}

    @property
    def done(self) -> dict:
        """Values that were collected."""
        return {shift.candidate: self.value[shift.candidate] for shift in self._crew.done}

    def _complain(self, hint: str, **values) -> NotYetError:
        self.first_complaint = self.first_complaint or NotYetError(hint, **values)
        return self.first_complaint

    def choose(self, values, running):
        told = {*values, *running}
        if missing := set(self.done) - {*values}:
            self._complain("N3-3.untold", count=len(missing))
        return next(candidate for candidate in self._order if candidate not in told)

    def submit(self, candidate) -> None:
        if candidate not in self.value:
            raise NotYetError("N3-3.candidate")
        if candidate in self._running or candidate in self.done:
            self._complain("N3-3.twice")
        if len(self._crew.running) >= self._workers:
            self._complain("N3-3.crowd", workers=self._workers)
        if len(self._crew.running) + len(self._crew.done) >= self._budget:
            self._complain("N3-3.budget", budget=self._budget)
        if len(self._crew.done) + len(self._crew.running) >= 10 * self._budget:
            raise self._complain("N3-3.budget", budget=self._budget)
        self._crew.submit(candidate)

    def next_result(self) -> tuple:
        if not self._crew.running:
            raise self._complain("N3-3.nothing")
        wanted = min(self._workers, self._budget - len(self._crew.done))
        if (busy := len(self._crew.running)) < wanted:
            hint = "N3-3.one" if busy == 1 and not self._crew.done else "N3-3.batch"
            self._complain(hint, busy=busy, workers=self._workers)
        return self._crew.next_result()


def _require_all(found, watch: _Watch, budget: int) -> None:
    """Raise `NotYetError` unless the answer holds ``budget`` values, and the right ones."""
    if not isinstance(found, dict):
        raise NotYetError("N3-3.dict")
    if len(watch.done) < budget or len(found) < budget:
        raise NotYetError("N3-3.lost", found=min(len(found), len(watch.done)), budget=budget)
    if found != watch.done:
        raise NotYetError("N3-3.values")


EXERCISES = {
    "N3-1": Exercise(bulk_modulus, judge_bulk_modulus),
    "N3-2": Exercise(choice, judge_choice),
    "N3-3": Exercise(search, judge_search),
}
