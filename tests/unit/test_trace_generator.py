"""Synthetic traces have the published quantiles, on every seed."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from hub.simulate.generator import AT_ONCE, KEPT_AT_ONCE, KEPT_FOR, generate
from hub.simulate.trace import Cell, Session, Trace

SEEDS = range(8)
# name: (probability, published value, part by which a trace of 51 sessions may differ from it)
LIFE_H = [(0.5, 21, 0.1)]
ACTIVE_SHARE = [(0.25, 0.03, 0.35), (0.5, 0.19, 0.15), (0.75, 0.39, 0.1)]
DURATION_MIN = [(0.5, 2.75, 0.2), (0.75, 6, 0.3)]
GAP_MIN = [(0.5, 3, 0.1), (0.75, 8, 0.1), (0.9, 41, 0.1), (0.95, 148, 0.15)]
VRAM_GB = [(0.5, 2.3, 0.1), (0.9, 18, 0.1)]


def quantile(values: Sequence[float], probability: float) -> float:
    """Between the two nearest values on a straight line."""
    ordered, place = sorted(values), probability * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def measured(trace: Trace) -> list[tuple[str, list[float], list[tuple[float, float, float]]]]:
    sessions = trace.sessions
    cells = [cell for session in sessions for cell in session.cells]
    return [
        ("life, h", [session.life / 3600 for session in sessions], LIFE_H),
        ("active share", [session.active / session.life for session in sessions], ACTIVE_SHARE),
        ("duration, min", [cell.seconds / 60 for cell in cells], DURATION_MIN),
        ("gap, min", [gap / 60 for session in sessions for gap in session.gaps], GAP_MIN),
        ("VRAM, GB", [cell.vram / 1e9 for cell in cells], VRAM_GB),
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trace_has_the_published_quantiles(seed: int) -> None:
    for name, values, published in measured(generate(seed=seed)):
        for probability, value, tolerance in published:
            found = quantile(values, probability)
            assert found == pytest.approx(value, rel=tolerance), f"{name} at {probability}: {found:.3g}, not {value}"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trace_has_the_published_size_and_share_of_reserved_time(seed: int) -> None:
    trace = generate(seed=seed)
    assert len(trace.sessions) == 51
    assert trace.cells == pytest.approx(518, rel=0.02)
    assert trace.gpu_hours / trace.reserved_hours == pytest.approx(0.257, abs=0.01)
    assert {session.gpus for session in trace.sessions} == {1}


@pytest.mark.parametrize("seed", SEEDS)
def test_as_many_sessions_live_and_compute_at_once_as_in_the_excerpt(seed: int) -> None:
    trace = generate(seed=seed)
    assert trace.most_at_once == pytest.approx(AT_ONCE, abs=1)
    assert trace.most_kept(KEPT_FOR) == pytest.approx(KEPT_AT_ONCE, abs=1)


def test_a_gpu_is_kept_for_a_grace_after_each_cell() -> None:
    cells = (Cell(0, 10), Cell(20, 30), Cell(100, 110))
    trace = Trace("", (Session("a", 0, 200, 1, cells), Session("b", 0, 200, 2, (Cell(35, 40),))))
    assert [trace.most_kept(grace) for grace in (0, 4, 6)] == [2, 2, 3]
    assert trace.most_busy == 2


@pytest.mark.parametrize(
    ("sessions", "days"), [(1, 0.25), (1, 2), (2, 0.25), (3, 1), (51, 2), (200, 7), (400, 2), (20, 60)]
)
def test_sessions_of_any_trace_fit_into_it_and_cells_into_their_session(sessions: int, days: float) -> None:
    trace = generate(sessions, days, seed=3)
    assert len(trace.sessions) == sessions
    for session in trace.sessions:
        assert 0 <= session.start < session.end <= days * 86400 + 1e-3
        assert session.start <= session.cells[0].start
        assert session.cells[-1].end <= session.end
        assert all(cell.seconds > 0 and cell.vram > 0 for cell in session.cells)
        assert all(after.start >= before.end for before, after in pairwise(session.cells))
    assert [session.start for session in trace.sessions] == sorted(session.start for session in trace.sessions)


def test_the_same_seed_gives_the_same_trace_and_another_seed_another() -> None:
    assert generate(seed=1) == generate(seed=1)
    assert generate(seed=1).sessions != generate(seed=2).sessions


def test_more_sessions_begin_in_the_afternoon_than_at_night() -> None:
    hours = [session.start / 3600 % 24 for session in generate(sessions=1000, days=14, seed=1).sessions]
    afternoon, night = (sum(first <= hour < first + 8 for hour in hours) for first in (10, 22))
    early = sum(hour < 6 for hour in hours) + sum(hour >= 22 for hour in hours)
    assert afternoon > 2 * early
    assert night < early
