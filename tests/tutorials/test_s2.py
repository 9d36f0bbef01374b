"""Lesson S2: its judges know right from wrong however it is written, its simulated device behaves like a queue, and its
numbers hold for other states too.
"""

from __future__ import annotations

import io
import math
import os
import re
import statistics
import subprocess
import sys
from contextlib import redirect_stdout

import numpy as np
import psutil
import pytest
import torch
from werkbank_lessons import words
from werkbank_lessons.exercises.s2 import cnot, largest_n, median_seconds
from werkbank_lessons.exercises.s2_device import PeakMemory, SimulatedDevice
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, judged, promised, wrong_cells

EXERCISES = ["S2-1", "S2-2", "S2-3"]
SEEDS = range(10)


@pytest.fixture(scope="module")
def lesson():
    """What the gates of the lesson are called in it."""
    names = {"math": math, "torch": torch}
    gates = next(cell for cell in lesson_cells("S2", "en") if cell.lid == "circuit-gates")
    exec(gates.text, names)
    return names


@pytest.mark.parametrize("seed", SEEDS)
def test_qubits_counted_one_by_one_or_by_whole_bits_pass_too(seed):
    def one_by_one(free_bytes, states):
        n = 0
        while states * 8 * 2 ** (n + 1) <= free_bytes:
            n += 1
        return n

    def by_bits(free_bytes, states):
        return int(free_bytes // (8 * states)).bit_length() - 1

    def with_numpy(free_bytes, states):
        return np.floor(np.log2(free_bytes) - np.log2(8) - np.log2(states) + 1e-9)

    for answer in (one_by_one, by_bits, with_numpy):
        assert judged("S2-1", answer, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_times_that_are_the_least_or_without_the_first_pass_too(seed):
    def the_least(work, synchronise, clock, repeats):
        for _ in range(3):
            work()
        synchronise()
        times = []
        for _ in range(repeats):
            marks = [clock()]
            work()
            synchronise()
            times.append(clock() - marks[0])
        return min(times)

    def without_the_first(work, synchronise, clock, repeats):
        def once():
            synchronise()
            began = clock()
            work()
            synchronise()
            return clock() - began

        return statistics.median([once() for _ in range(repeats + 1)][1:])

    assert judged("S2-2", the_least, seed) is None
    assert judged("S2-2", without_the_first, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cnot_made_of_other_gates_or_moved_by_hand_passes_too(seed, lesson):
    def of_other_gates(state, control, target):
        lesson["hadamard"](state, target)
        lesson["controlled_phase"](state, control, target, math.pi)
        return lesson["hadamard"](state, target)

    def by_hand(state, control, target):
        where = [slice(None)] * state.dim()
        where[control] = 1
        new = state.clone()
        for bit in (0, 1):
            to, source = list(where), list(where)
            to[target], source[target] = bit, 1 - bit
            new[tuple(to)] = state[tuple(source)]
        return new

    def with_a_matrix(state, control, target):
        matrix = torch.eye(4, dtype=state.dtype)[[0, 1, 3, 2]].view(2, 2, 2, 2)
        return torch.tensordot(matrix, state, dims=([2, 3], [control, target])).movedim((0, 1), (control, target))

    for answer in (of_other_gates, by_hand, with_a_matrix, lambda *given: cnot(*given).numpy()):
        assert judged("S2-3", answer, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("S2"))
def test_each_typical_mistake_gets_its_own_hint(cell, seed):
    assert judged(cell.exercise, answer_of(cell, math=math), seed) == cell.more["hint"]


def total(work, synchronise, clock, repeats):
    work()
    synchronise()
    began = clock()
    for _ in range(repeats):
        work()
        synchronise()
    return clock() - began


def a_clock_of_its_own(work, synchronise, clock, repeats):
    work()
    synchronise()
    return 0.0


def once(work, synchronise, clock, repeats):
    return median_seconds(work, synchronise, clock, 1)


def nothing_returned(state, control, target):
    cnot(state, control, target)


def where_zero(state, control, target):
    return cnot(state, control, target).flip(target)


def from_the_right(state, control, target):
    return cnot(state, -1 - control, -1 - target)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("S2-1", lambda free, states: round(math.log2(free / 8)), "S2-1.over"),
        ("S2-1", lambda free, states: math.log2(free / (8 * states)), "S2-1.whole"),
        ("S2-1", lambda free, states: 2 ** largest_n(free, states), "S2-1.amplitudes"),
        ("S2-1", lambda free, states: largest_n(free / 2, states), "S2-1.number_of_bytes"),
        ("S2-1", lambda free, states: 30, "S2-1.other"),
        ("S2-1", lambda free, states: largest_n(free * states, 1), "S2-1.states"),
        ("S2-2", total, "S2-2.total"),
        ("S2-2", a_clock_of_its_own, "S2-2.clock"),
        ("S2-2", once, "S2-2.repeats"),
        ("S2-2", lambda *given: 3 * median_seconds(*given), "S2-2.other"),
        ("S2-3", nothing_returned, "S2-3.returns"),
        ("S2-3", lambda state, control, target: state.flatten(), "S2-3.shape"),
        ("S2-3", lambda state, control, target: state, "S2-3.unchanged"),
        ("S2-3", where_zero, "S2-3.zero"),
        ("S2-3", from_the_right, "S2-3.order"),
        ("S2-3", lambda state, control, target: state * 1j, "S2-3.table"),
        ("S2-3", lambda state, control, target: state * math.nan, "S2-3.norm"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_a_seat_without_torch_can_read_the_exercises():
    code = "import sys; sys.modules['torch'] = None; from werkbank_lessons.exercises import exercise; exercise('S2-3')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_simulated_device_queues_work_and_tells_its_own_time():
    device = SimulatedDevice([0.5, 0.02], launch=0.001)
    device.work()
    assert device.clock() == pytest.approx(0.001)
    device.synchronise()
    assert device.clock() == pytest.approx(0.501)
    device.work()
    device.work()
    assert device.clock() == pytest.approx(0.503)
    device.synchronise()
    device.synchronise()
    assert device.clock() == pytest.approx(0.542)
    assert (device.calls, device.looks) == (3, 4)


@pytest.mark.parametrize("runs", [[], [0.1, -0.1]])
def test_a_simulated_device_without_times_is_refused(runs):
    with pytest.raises(ValueError, match="give the seconds of one run or more"):
        SimulatedDevice(runs)


@pytest.mark.parametrize("copies", [1, 2])
def test_memory_at_the_worst_moment_is_seen_and_not_what_is_left(copies):
    size = 64 * 2**20
    with PeakMemory(torch.device("cpu")) as peak:
        for _ in range(2):  # one after the other
            held = [torch.ones(size // 4) for _ in range(copies)]
            assert all(one.max() == 1 for one in held)
            del held
    assert peak.bytes == pytest.approx(copies * size, rel=0.1)


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_circuit_is_the_exact_transform_of_any_state(lesson, n):
    state = torch.randn((2,) * n, dtype=torch.complex64)
    exact = torch.fft.ifft(state.flatten().to(torch.complex128), norm="ortho")
    assert torch.allclose(lesson["qft"](state).flatten().to(torch.complex128), exact, atol=1e-5)


def test_the_whole_circuit_needs_one_and_a_half_states_and_not_more(lesson):
    lesson["qft"](torch.zeros((2,) * 8, dtype=torch.complex64))
    with PeakMemory(torch.device("cpu")) as peak:
        lesson["qft"](torch.zeros((2,) * 23, dtype=torch.complex64))
    assert peak.bytes / (8 * 2**23) == pytest.approx(1.5, abs=0.1)


@pytest.fixture(scope="module", params=[1, 2, 3])
def said(request, tmp_path_factory):
    """What the solved lesson prints for other random states and another offset of the period; times of few qubits."""
    others = {
        "seed=1)": f"seed={request.param})",
        "3::10": f"{request.param}::10",
        "range(6, 21, 2)": "range(6, 15, 2)",
    }
    names, text, changed = {}, io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(text):
        patch.setenv("WERKBANK_STRICT", "1")
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(words, "_chosen", "en")
        for cell in variants.solved(lesson_cells("S2", "en")):
            if cell.kind == "code" and cell.lid != "device-ask":  # asks the shell of a kernel
                changed += sum(one in cell.text for one in others)
                exec(re.sub("|".join(map(re.escape, others)), lambda one: others[one[0]], cell.text), names)
    assert changed == len(others)
    return text.getvalue()


def test_the_numbers_hold_for_other_states(said):
    promised("S2", said, "en")
    assert said.count("✔") == 3


def test_what_the_text_says_of_choosing_holds(said):
    assert "12 qubits need 49.2 kB" in said
    (small, middle), *_ = re.findall(r"(\d+) µs at 6 qubits, (\d+) µs at 12", said)
    assert int(middle) < 32 * int(small)
    (none,) = [line for line in said.splitlines() if tr("S2.line.take_none", "en") in line]
    assert none.startswith("34 qubits need 206.2 GB")


def test_free_memory_is_what_the_machine_has_or_what_the_seat_was_given(monkeypatch):
    cell = next(cell for cell in lesson_cells("S2", "en") if cell.lid == "state-answer")
    names = {"os": os, "psutil": psutil, "torch": torch}
    exec(cell.text.partition("\n\n\n")[0], names)
    monkeypatch.delenv("MEM_LIMIT", raising=False)
    used = psutil.Process().memory_info().rss
    assert names["free_memory"](torch.device("cpu")) == pytest.approx(psutil.virtual_memory().available, rel=0.5)
    monkeypatch.setenv("MEM_LIMIT", str(used + 10**6))
    assert names["free_memory"](torch.device("cpu")) < 10**8
