"""People replay a trace: who waits how long under which policy, to the second."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import hub.simulate.leases as played
from hub.leases import machine
from hub.leases.events import Action, Event
from hub.leases.invariants import over_cap, violations
from hub.leases.model import Rules
from hub.leases.state import State
from hub.simulate.generator import generate
from hub.simulate.leases import Seats, leases
from hub.simulate.policies import Culled, PerServer
from hub.simulate.replay import Outcome, PolicyMaker, replay
from hub.simulate.trace import Cell, Session, Trace

H = 3600.0
RULES = Rules()
HANDOVER, TICK = 30.0, 5.0
POLICIES: dict[str, PolicyMaker] = {"per_server": PerServer, "cull_30min": Culled, "leases": leases(RULES, Seats())}


def session(name: str, start: float, end: float, *cells: tuple[float, float], gpus: int = 1) -> Session:
    return Session(name, start, end, gpus, tuple(Cell(*cell) for cell in cells))


def trace(*sessions: Session) -> Trace:
    return Trace("made for a test", sessions)


def with_leases(made: Trace, gpus: int, rules: Rules = RULES, **seats: float) -> Outcome:
    most = max(session.gpus for session in made.sessions)
    return replay(made, leases(rules, Seats(**seats), most), gpus)  # type: ignore[arg-type]


def test_a_session_without_a_gpu_starts_later_and_everything_after_moves_with_it() -> None:
    made = trace(session("a", 0, 100, (10, 20)), session("b", 50, 150, (60, 70), (80, 90)))
    found = replay(made, PerServer, 1)
    assert found.waits == (0, 50, 0)
    assert found.held_hours == pytest.approx(200 / 3600)
    assert found.used_hours == pytest.approx(30 / 3600)


def test_the_queue_for_servers_is_strict() -> None:
    made = trace(
        session("a", 0, 100, (10, 20)),
        session("both", 10, 60, (20, 30), gpus=2),
        session("small", 20, 70, (30, 40)),
    )
    assert replay(made, PerServer, 2).waits == (0, 90, 130)


def test_however_many_sessions_idle_a_notice_is_over_when_it_says() -> None:
    """A tick looks at a bounded number of leases; like the broker, the replay goes on until none is due."""
    crowd = [session(f"idle-{number:02}", number, 3 * H, (60 + number, 80 + number)) for number in range(40)]
    made = trace(*crowd, session("late", H, 2 * H, (H + 1, H + 2)))
    found = with_leases(made, 40)
    assert max(found.waits) <= RULES.notice + HANDOVER / 2 + 2 * TICK


def test_who_waited_for_long_is_not_forgotten_until_another_timer_runs_out() -> None:
    """An idle kernel whose user has used less is left alone at first, but not once somebody waited `patience`."""
    made = trace(
        session("much", 0, 4 * H, (0, 2 * H), (3 * H, 3 * H + 10)),
        session("little", 2.5 * H, 4 * H, (2.6 * H, 2.6 * H + 60), (3.9 * H, 3.9 * H + 10)),
    )
    waits = with_leases(made, 1, replace(RULES, migration=True)).waits
    assert max(waits) <= RULES.patience + RULES.notice + HANDOVER + 2 * TICK


def test_a_culled_session_gives_its_gpu_back_after_half_an_hour_and_loses_its_state() -> None:
    made = trace(session("a", 0, 3 * H, (0, 10), (2 * H, 2 * H + 10)), session("b", 100, 300, (100, 110)))
    found = replay(made, Culled, 1)
    assert found.waits == (0, 1710, 0)
    assert found.states_lost == 1
    assert found.held_hours == pytest.approx((10 + 1800 + 200 + 10 + 1800) / 3600)


def test_a_cell_within_half_an_hour_finds_its_state() -> None:
    made = trace(session("a", 0, 3 * H, (0, 10), (1809, 1820), (3600, 3610)))
    assert replay(made, Culled, 1).states_lost == 0


def test_an_idle_kernel_is_parked_for_who_waits_after_a_notice_and_half_a_handover() -> None:
    made = trace(session("a", 0, 5 * H, (0, 10)), session("b", H, 2 * H, (H, H + 10)))
    found = with_leases(made, 1)
    least = RULES.notice + HANDOVER / 2
    assert found.waits[0] == 0
    assert least <= found.waits[1] <= least + 2 * TICK
    assert (found.parks, found.resumes, found.states_lost) == (1, 0, 0)


def test_without_a_browser_there_is_no_notice() -> None:
    made = trace(session("a", 0, 5 * H, (0, 10)), session("b", H, 2 * H, (H, H + 10)))
    assert HANDOVER / 2 <= with_leases(made, 1, watched_for=-1).waits[1] <= HANDOVER / 2 + 2 * TICK


def test_a_parked_kernel_returns_with_its_state_when_its_gpu_is_idle_again() -> None:
    made = trace(session("a", 0, 5 * H, (0, 10), (3 * H, 3 * H + 10)), session("b", H, 5 * H, (H, H + 10)))
    found = with_leases(made, 1)
    whole = RULES.notice + HANDOVER
    assert whole <= found.waits[2] <= whole + 2 * TICK
    assert (found.parks, found.resumes, found.states_lost) == (2, 1, 0)


def home_is_busy() -> Trace:
    """`a` is parked for `b`, which computes for hours on its GPU when `a` returns; the GPU of `c` is free by then."""
    return trace(
        session("a", 0, 9 * H, (0, 10), (3 * H, 3 * H + 10)),
        session("c", 1, 2 * H, (1, H)),
        session("b", 0.5 * H, 9 * H, (0.5 * H, 8 * H)),
    )


def test_a_parked_kernel_waits_for_its_own_gpu_though_another_is_free() -> None:
    wait = max(with_leases(home_is_busy(), 2).waits)
    assert 5 * H < wait < 6 * H


def test_who_restarts_instead_has_the_free_gpu_at_once_and_loses_the_state() -> None:
    found = with_leases(home_is_busy(), 2, restarts_after=10)
    assert found.waits[-1] == 10
    assert found.states_lost == 1


def test_who_asks_at_the_first_cell_leaves_the_gpu_to_others_until_then() -> None:
    made = trace(session("early", 0, 2 * H, (H, H + 10)), session("late", 10, 600, (10, 20)))
    assert max(with_leases(made, 1).waits) > RULES.min_idle_crowded / 2
    assert with_leases(made, 1, asks_at_start=False).waits == (0, 0)


def test_a_kernel_parked_for_too_long_starts_anew() -> None:
    made = trace(session("a", 0, 40 * H, (0, 10), (30 * H, 30 * H + 10)), session("b", H, 2 * H, (H, H + 10)))
    found = with_leases(made, 1)
    assert found.waits[-1] == 0
    assert found.states_lost == 1
    assert with_leases(made, 1, Rules(parked_life=100 * H)).states_lost == 0


def test_a_session_of_several_gpus_waits_for_all_of_them() -> None:
    made = trace(session("a", 0, 1000, (0, 1000)), session("four", 10, 3000, (10, 20), gpus=4))
    assert with_leases(made, 4).waits == (0, 990)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("seed", range(3))
def test_with_a_gpu_for_every_session_nobody_waits(name: str, seed: int) -> None:
    made = generate(seed=seed)
    assert set(replay(made, POLICIES[name], made.most_at_once).waits) == {0}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("gpus", [3, 12])
def test_every_cell_runs_for_as_long_as_in_the_trace_however_few_gpus(name: str, gpus: int) -> None:
    made = generate(seed=1)
    found = replay(made, POLICIES[name], gpus)
    assert len(found.waits) == made.cells
    assert min(found.waits) >= 0
    assert found.used_hours == pytest.approx(made.gpu_hours)
    assert found.held_hours >= found.used_hours * (1 - 1e-9)


def test_a_gpu_per_server_is_held_for_as_long_as_sessions_last() -> None:
    made = generate(seed=2)
    assert replay(made, PerServer, 20).held_hours == pytest.approx(made.reserved_hours)


def checked(decide: Callable[[State, Event, float], tuple[State, tuple[Action, ...]]]) -> Callable[..., object]:
    def decide_and_check(state: State, event: Event, now: float) -> tuple[State, tuple[Action, ...]]:
        after, actions = decide(state, event, now)
        assert violations(after) == []
        assert over_cap(after) == []
        return after, actions

    return decide_and_check


def test_decisions_about_leases_are_the_brokers_and_keep_its_invariants(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played.decide is machine.decide
    monkeypatch.setattr(played, "decide", checked(machine.decide))
    found = with_leases(generate(sessions=12, days=1, seed=4), 3)
    assert found.parks > 0
    assert found.resumes > 0


def test_the_same_trace_has_the_same_outcome() -> None:
    made = generate(sessions=20, days=1, seed=5)
    assert with_leases(made, 5) == with_leases(made, 5)


def test_how_often_the_broker_looks_at_the_time_moves_a_wait_by_a_few_looks_only() -> None:
    made = trace(session("a", 0, 5 * H, (0, 10), (3 * H, 3 * H + 10)), session("b", H, 5 * H, (H, H + 10)))
    for tick in (0.5, 1, 5, 15):
        waits = with_leases(made, 1, tick=tick).waits
        exact = (0, RULES.notice + HANDOVER / 2, RULES.notice + HANDOVER)
        assert all(0 <= wait - least <= 2 * tick for wait, least in zip(waits, exact, strict=True))
