"""Exercises of lesson S2, "CPU or GPU? Measure before you ask, with a quantum circuit".

torch is imported where a judge needs it and not before: a seat without it can still read this module.
"""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, require_something
from .s2_device import SimulatedDevice

_BYTES = 8  # of one amplitude: complex64 is two numbers of 32 bits


def largest_n(free_bytes: float, states: float) -> int:
    """The most qubits of which ``states`` states (complex64) fit in ``free_bytes`` together."""
    return math.floor(math.log2(free_bytes / (_BYTES * states)))


def judge_largest_n(answer, rng: np.random.Generator) -> None:
    """One state that fits exactly, one with room to spare, then several at a time."""
    even, odd = (int(n) for n in rng.choice(np.arange(20, 36), size=2, replace=False))
    exact = _qubits(answer(_BYTES * 2**even, 1))
    spare = _qubits(answer(int(_BYTES * 2**odd * rng.uniform(1.6, 1.95)), 1))
    if (exact, spare) == (2**even, 2**odd):
        raise NotYetError("S2-1.amplitudes")
    if (exact, spare) != (even, odd):
        raise NotYetError(_why_alone(exact - even, spare - odd), found=spare, bits=odd)
    for states in rng.permutation([1.5, 3.0, 6.0]):
        n = int(rng.integers(20, 36))
        free = int(_BYTES * states * 2**n * rng.uniform(1.1, 1.3))
        found = _qubits(answer(free, float(states)))
        if found != n:
            raise NotYetError("S2-1.states", states=states, found=found, gb=free / 1e9)


def _why_alone(exact: int, spare: int) -> str:
    """The hint when one state is counted wrongly, from how far both answers lie off."""
    if exact == spare and abs(exact) == 1:
        return "S2-1.number_of_bytes"
    if exact == 0 and spare == 1:
        return "S2-1.over"
    if exact == -1 and spare == 0:
        return "S2-1.exact"
    return "S2-1.other"


def _qubits(found) -> int:
    """The answer as a whole number; raises `NotYetError` when it is not one."""
    number = finite_number(found, "S2-1.whole")
    if number != int(number):
        raise NotYetError("S2-1.whole")
    return int(number)


def median_seconds(work, synchronise, clock, repeats: int) -> float:
    """Median of ``repeats`` timings of ``work()``, after one run that does not count, waiting each time until it is
    done.
    """
    work()
    synchronise()
    times = []
    for _ in range(repeats):
        began = clock()
        work()
        synchronise()
        times.append(clock() - began)
    return float(np.median(times))


def judge_median_seconds(answer, rng: np.random.Generator) -> None:
    """On a simulated device: once a single timing, whose first run is slow; once with every third run disturbed."""
    usual = float(rng.uniform(0.01, 0.05))
    first = usual * float(rng.uniform(20, 40))
    device = SimulatedDevice([first, usual])
    found = _seconds(answer, device, 1)
    _require_measured(device, 1)
    if not np.isclose(found, usual, rtol=0.02):
        raise NotYetError(_why_single(found, first, usual), found=1000 * found, exact=1000 * usual)
    runs = usual * rng.uniform(0.99, 1.01, 300)
    runs[rng.integers(3) :: 3] *= float(rng.uniform(4, 8))
    disturbed = SimulatedDevice([first, *runs])
    repeats = 3 * int(rng.integers(3, 6))
    found = _seconds(answer, disturbed, repeats)
    _require_measured(disturbed, repeats)
    if not np.isclose(found, usual, rtol=0.03):
        mean = runs[: 3 * (len(runs) // 3)].mean()
        raise NotYetError(_why_many(found, mean, repeats), found=1000 * found, exact=1000 * usual)


def _seconds(answer, device: SimulatedDevice, repeats: int) -> float:
    return finite_number(answer(device.work, device.synchronise, device.clock, repeats), "S2-2.number")


def _require_measured(device: SimulatedDevice, repeats: int) -> None:
    if device.looks < 2:
        raise NotYetError("S2-2.clock")
    if device.calls < repeats:
        raise NotYetError("S2-2.repeats", repeats=repeats, found=device.calls)


def _why_single(found: float, first: float, usual: float) -> str:
    """The hint when a single timing is wrong."""
    if found < usual / 10:
        return "S2-2.launch"
    if np.isclose(found, first + usual, rtol=0.01):
        return "S2-2.pending"
    return "S2-2.first" if np.isclose(found, first, rtol=0.01) else "S2-2.other"


def _why_many(found: float, mean: float, repeats: int) -> str:
    """The hint when several timings are put together wrongly."""
    if np.isclose(found, mean, rtol=0.05):
        return "S2-2.mean"
    return "S2-2.total" if np.isclose(found, mean * repeats, rtol=0.05) else "S2-2.other"


def cnot(state, control: int, target: int):
    """``state`` (a torch tensor with an axis of length 2 per qubit) after a controlled NOT, changed in place."""
    moved = state.movedim((control, target), (0, 1))
    moved[1] = moved[1].flip(0)
    return state


def judge_cnot(answer, rng: np.random.Generator) -> None:
    """A random state through every pair of three qubits, then through some pairs of five."""
    pairs = [(3, pair) for pair in ((0, 1), (1, 0), (1, 2), (0, 2), (2, 0), (2, 1))]
    choice = rng.choice(list(permutations(range(5), 2)), size=4, replace=False)
    for qubits, (control, target) in [*pairs, *((5, pair) for pair in choice.tolist())]:
        _judge_pair(answer, _random_state(rng, qubits), control, target)


def _random_state(rng: np.random.Generator, qubits: int):
    import torch

    amplitudes = rng.normal(size=(2,) * qubits) + 1j * rng.normal(size=(2,) * qubits)
    return torch.tensor(amplitudes / np.linalg.norm(amplitudes), dtype=torch.complex64)


def _judge_pair(answer, state, control: int, target: int) -> None:
    mine = state.clone()
    try:
        found = answer(mine, control, target)
    except IndexError:
        raise NotYetError("S2-3.axis") from None
    amplitudes = _amplitudes(found, state, mine)
    if not np.isclose(np.linalg.norm(amplitudes), 1, atol=1e-5):
        raise NotYetError("S2-3.norm", found=float(np.linalg.norm(amplitudes)))
    exact = cnot(state.clone(), control, target).numpy()
    if not np.allclose(amplitudes, exact, atol=1e-5):
        key = _why_gate(amplitudes, state, control, target)
        raise NotYetError(key, control=control, target=target, qubits=state.dim())


def _amplitudes(found, state, mine) -> np.ndarray:
    """The answer as an array of the state's shape; raises `NotYetError` when it is not that."""
    import torch

    if found is None and not torch.equal(mine, state):
        raise NotYetError("S2-3.returns")
    require_something(found)
    if not isinstance(found, (torch.Tensor, np.ndarray)) or tuple(found.shape) != tuple(state.shape):
        raise NotYetError("S2-3.shape")
    return torch.as_tensor(found).detach().cpu().resolve_conj().numpy()


def _why_gate(found: np.ndarray, state, control: int, target: int) -> str:
    """The hint for a state that another gate would give."""
    last = state.dim() - 1
    others = {
        "S2-3.unchanged": state,
        "S2-3.always": state.flip(target),
        "S2-3.roles": cnot(state.clone(), target, control),
        "S2-3.zero": cnot(state.clone(), control, target).flip(target),
        "S2-3.order": cnot(state.clone(), last - control, last - target),
    }
    if control < target < last:  # an axis is gone, and the next one was taken for the target
        others["S2-3.axis"] = cnot(state.clone(), control, target + 1)
    return next((key for key, other in others.items() if np.allclose(found, other.numpy(), atol=1e-5)), "S2-3.table")


EXERCISES = {
    "S2-1": Exercise(largest_n, judge_largest_n),
    "S2-2": Exercise(median_seconds, judge_median_seconds),
    "S2-3": Exercise(cnot, judge_cnot, seconds=5),  # the first judgement may have to import torch
}
