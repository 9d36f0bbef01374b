"""What `bench leases` makes of its measurements, and the workplace that it measures."""

import math
from random import Random
from typing import Any

import pytest

from hub.bench.leases import world
from hub.bench.leases.decision import RULES, played
from hub.bench.leases.figures import exponent, growth, is_linear, percentile, ratios, summary
from hub.bench.leases.play import Play
from hub.bench.leases.run import missed
from hub.bench.leases.world import Size
from hub.leases.invariants import violations
from hub.leases.model import DeviceState

COUNTS = (100, 1_000, 10_000)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(share: float, expected: int) -> None:
    values = [float(value) for value in range(1, 101)]
    Random(1).shuffle(values)
    assert percentile(values, share) == expected


def test_a_percentile_of_nothing_is_no_number() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_single_value_is_all_of_its_figures() -> None:
    assert summary([2.0]) == {"n": 1, "mean_ms": 2.0, "p50_ms": 2.0, "p99_ms": 2.0, "max_ms": 2.0}


@pytest.mark.parametrize(("power", "cost"), [(0.0, lambda n: 3.0), (1.0, lambda n: 2.0 * n), (0.5, math.sqrt)])
def test_an_exponent_is_found_again(power: float, cost: Any) -> None:
    assert exponent({n: cost(n) for n in COUNTS}) == pytest.approx(power, abs=1e-9)


GROWTHS = [
    ("the same", lambda n: 3.0, False),
    ("log n", lambda n: 0.1 * math.log(n), False),
    ("log n and noise", lambda n: 0.1 * math.log(n) * (1.2 if n == 10_000 else 1.0), False),
    ("log n on top of something", lambda n: 1.0 + 0.1 * math.log(n), False),
    ("n", lambda n: 0.001 * n, True),
    ("n on top of something", lambda n: 1.0 + 0.001 * n, True),
    ("n log n", lambda n: 0.001 * n * math.log(n), True),
]


@pytest.mark.parametrize(("what", "cost", "expected"), GROWTHS, ids=[row[0] for row in GROWTHS])
def test_linear_growth_is_told_from_logarithmic(what: str, cost: Any, expected: bool) -> None:
    costs = {n: cost(n) for n in COUNTS}
    assert is_linear(costs) is expected
    assert growth(costs)["is_linear"] is expected
    assert growth(costs)["exponent_of_log_n"] == pytest.approx(0.15, abs=0.01)


def test_ratios_are_of_times_that_both_have() -> None:
    before = {"p50_ms": 2.0, "n": 5, "only_here_ms": 1.0, "nothing_ms": 0.0}
    assert ratios(before, {"p50_ms": 3.0, "n": 50, "nothing_ms": 1.0}) == {"p50_ms": 1.5}


def test_every_missed_target_is_named_with_what_was_measured() -> None:
    assert missed(report()) == []
    slow = report(tick=7.5, http=31.0, memory=300.0, linear=["tick"], ratio=1.3, adds_ms=51.0)
    sentences = missed(slow)
    for expected in (
        "decision, tick: p99 7.5 ms",
        "HTTP: p99 31.0 ms",
        "memory: 300.0 MB",
        "growth, tick",
        "1.3 times",
        "a lease adds 51.0 ms",
    ):
        assert any(expected in sentence for sentence in sentences), (expected, sentences)
    assert len(sentences) == 6


def test_answers_that_never_came_are_a_missed_target() -> None:
    silent = report()
    silent["http"]["listening"] = {"n": 0, "errors": {"TimeoutError": 3}}
    assert len(missed(silent)) == 2


def report(
    *,
    tick: float = 1.0,
    http: float = 10.0,
    memory: float = 100.0,
    linear: Any = (),
    ratio: float = 1.0,
    adds_ms: float = 10.0,
) -> dict[str, Any]:
    """What `missed` reads of a report."""
    answers = {"n": 1, "p99_ms": http, "errors": {}}
    listening = {"n": 1, "p99_ms": 10.0, "errors": {}}
    return {
        "decision": {"by_event": {"tick": {"p99_ms": tick}}},
        "http": answers | {"listening": listening},
        "memory_mb": memory,
        "growth": {"by_event": {"tick": {"exponent": 0.9}}, "linear": list(linear)},
        "kernel_start": {"adds_ms": adds_ms},
        "records": {"cpu_ratio": ratio, "decision_ratio": {"p50_ms": 1.0}},
    }


def test_the_measured_workplace_is_full_waits_and_holds_together() -> None:
    play = played(Size(waiting=50, devices=16), seconds=40)
    state = play.state
    assert violations(state) == []
    busy = [device.state for device in state.devices.values()]
    assert busy.count(DeviceState.HELD) >= 12
    assert sum(len(line) for line in state.lines.values()) >= 50
    assert {lease.programme for lease in state.leases.values()} == set(world.PROGRAMMES)
    for kind in ("heartbeat", "request", "release", "cell starts", "cell ends", "tick", "look", "bound", "list"):
        assert len(play.times[kind]) == len(play.cpu[kind]) > 0, kind


def test_the_same_seed_is_the_same_day() -> None:
    days = [Play(Size(waiting=10, devices=4), RULES, 3) for _again in range(2)]
    for day in days:
        day.fill()
        day.seconds(5)
    assert days[0].state.leases == days[1].state.leases
    assert {kind: len(times) for kind, times in days[0].times.items()} == {
        kind: len(times) for kind, times in days[1].times.items()
    }
