"""From single starts to the report: medians, ranges, ratios, and what a failed seat does to them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hub.bench.figures import (
    HEADLINES,
    MILESTONES,
    PER_START,
    USAGE,
    Measured,
    Milestones,
    Round,
    Usage,
    headlines,
    ratio,
    report,
    values,
)
from hub.bench.plan import PARTS, Plan
from hub.bench.table import PARTS as TABLE_PARTS
from hub.bench.table import TITLES, table

FIGURES = {*MILESTONES, *USAGE, *(f"all_{name}" for name in MILESTONES), *PER_START}


def _round(*ready: float, failed: int = 0) -> Round:
    return Round(
        milestones=[Milestones(at, at + 0.5, at + 1) for at in ready],
        usages=[Usage(1.5, 100.0, 140.0, 2.0) for _ in ready],
        hub_cpu_s=0.1 * len(ready),
        busy_before=0.05,
        failed=failed,
        warm_cpu_s=0.02 * len(ready),
        client_cpu_s=0.01 * len(ready),
    )


def _measured(rounds: dict[int, list[Round]], **samples: dict[str, list[float]]) -> Measured:
    return Measured({"jupyterhub": "6.1.1"}, (0.123456, 0.2, 0.3), 150.0, rounds, samples)


def _report(theirs: Measured, ours: Measured) -> dict[str, Any]:
    """With the same seats for stock and lean."""
    return report(theirs, theirs, ours)


def test_the_report_has_three_sides_and_their_ratios_and_nothing_else() -> None:
    found = _report(_measured({1: [_round(4.0)]}), _measured({1: [_round(2.0)]}))
    assert list(found) == ["stock", "lean", "werkbank", "ratio", "ratio_lean"]
    assert json.loads(json.dumps(found)) == found
    for side in (found["stock"], found["lean"], found["werkbank"]):
        assert set(side) == {"versions", "load_average", "base_pss_mb", "users_1"}
        assert set(side["users_1"]) == {"n", "rounds", "failed", "busy_before", "range", *FIGURES}
        assert set(side["users_1"]["range"]) == FIGURES
    assert set(found["ratio"]) == {"one_seat", "one_seat_cpu", "base_pss_mb", "users_1"}
    assert set(found["ratio"]["users_1"]) == FIGURES


def test_a_ratio_above_one_means_that_werkbank_takes_less() -> None:
    found = report(_measured({1: [_round(4.0)]}), _measured({1: [_round(3.0)]}), _measured({1: [_round(2.0)]}))
    assert found["ratio"]["users_1"]["ready_s"] == 2.0
    assert found["ratio_lean"]["users_1"]["ready_s"] == 1.5
    assert found["ratio"]["users_1"]["server_pss_mb"] == 1.0


def test_headlines_are_numbers_also_where_a_part_has_the_same_name() -> None:
    samples = {part: {} for part, _name in HEADLINES.values() if part != "users_1"}
    for part, name in HEADLINES.values():
        samples.setdefault(part, {})[name] = [1.0, 3.0, 2.0]
    samples.pop("users_1")
    rounds = {1: [_round(4.0)], 40: [_round(*range(1, 41))], 50: [_round(1.0, 2.0)]}
    found = _report(_measured(rounds, **samples), _measured(rounds, **samples))["ratio"]
    assert {name: found[name] for name in HEADLINES} == dict.fromkeys(HEADLINES, 1.0)
    assert found["seats_40"] == found["seats_40_cpu"] == 1.0
    assert "seats_50" not in found
    assert set(found["parts"]) == set(samples)


def test_without_forty_seats_at_once_the_largest_crowd_is_the_headline() -> None:
    rounds = {1: [_round(4.0)], 3: [_round(1.0)], 10: [_round(1.0)]}
    found = _report(_measured(rounds), _measured(rounds))["ratio"]
    assert [name for name in found if name.startswith("seats_")] == ["seats_10", "seats_10_cpu"]


def test_memory_that_was_given_back_has_no_ratio_and_a_part_that_failed_says_how_often() -> None:
    theirs = {"growth": {"uss_growth_mb": 5.0}}
    assert headlines(theirs, {"growth": {"uss_growth_mb": -0.1}}) == {}
    measured = _measured({})
    measured.fail("cluster")
    measured.fail("cluster")
    assert _report(measured, measured)["werkbank"]["cluster"] == {"n": 0, "failed": 2, "range": {}}


def test_every_part_but_the_seats_has_rows_in_the_table() -> None:
    assert {*TABLE_PARTS, "seats"} == set(PARTS)


def test_the_progress_ends_when_all_rounds_are_done(tmp_path: Path) -> None:
    plan = Plan(tmp_path, [1, 10], runs=3, parts=PARTS, memory=8, crowd=20)
    assert plan.rounds == 3 * (1 + 6 + 2 + 3 + 3 + 3 + 2) + 1
    assert len(plan.users) == 20


def test_one_slow_start_moves_the_range_and_not_the_median() -> None:
    cell = report(*[_measured({1: [_round(1.0), _round(1.1), _round(30.0)]})] * 3)["stock"]["users_1"]
    assert cell["n"] == cell["rounds"] == 3
    assert cell["ready_s"] == 1.1
    assert cell["range"]["ready_s"] == [1.0, 30.0]


def test_all_is_the_last_seat_of_each_round_and_hub_cpu_is_for_one_start() -> None:
    found = values([_round(1.0, 2.0, 5.0), _round(1.0, 2.0, 3.0)])
    assert found["all_ready_s"] == [5.0, 3.0]
    assert found["ready_s"] == [1.0, 2.0, 5.0, 1.0, 2.0, 3.0]
    assert found["hub_cpu_s"] == pytest.approx([0.1, 0.1])


def test_a_round_with_a_failed_seat_does_not_pass_for_a_whole_one() -> None:
    found = values([_round(1.0, failed=1)])
    assert found["ready_s"] == [1.0]
    assert not {"all_ready_s", "hub_cpu_s"} & found.keys()


def test_a_side_without_any_start_has_no_figures_and_no_ratio() -> None:
    found = _report(_measured({1: [_round(failed=1)]}), _measured({1: [_round(2.0)]}))
    assert found["stock"]["users_1"]["failed"] == 1
    assert found["stock"]["users_1"]["range"] == {}
    assert found["ratio"]["users_1"] == {}


def test_a_figure_of_zero_gives_no_ratio_instead_of_an_error() -> None:
    assert ratio({"hub_cpu_s": 0.1, "ready_s": 1.0}, {"hub_cpu_s": 0.0, "ready_s": 2.0}) == {"ready_s": 0.5}


positive = st.floats(0.01, 1000)


@given(st.lists(st.lists(positive, min_size=1, max_size=5), min_size=1, max_size=5))
def test_medians_lie_within_their_ranges_and_milestones_in_their_order(ready: list[list[float]]) -> None:
    cell = report(*[_measured({1: [_round(*seats) for seats in ready]})] * 3)["stock"]["users_1"]
    for name, (low, high) in cell["range"].items():
        assert low <= cell[name] <= high
    assert cell["ready_s"] <= cell["first_200_s"] <= cell["kernel_reply_s"] <= cell["range"]["all_kernel_reply_s"][1]


@pytest.mark.parametrize("stock", [_round(4.0), _round(failed=1)], ids=["started", "failed"])
def test_the_table_shows_every_figure_also_when_one_side_has_none(stock: Round) -> None:
    ten = [_round(*range(1, 11))]
    parts = {part: {name: [1.0, 2.0] for name in titles} for part, (_heading, titles) in TABLE_PARTS.items()}
    found = _report(_measured({1: [stock], 10: ten}, **parts), _measured({1: [_round(2.0)], 10: ten}, **parts))
    shown = _text(found)
    assert all(shown.count(title) >= 1 for title in TITLES.values())
    assert all(title in shown for _heading, titles in TABLE_PARTS.values() for title in titles.values())
    assert "10 seats at once" in shown
    assert set(TITLES) == FIGURES


def test_the_table_says_what_was_not_measured_and_whether_the_crowd_fits() -> None:
    crowd = {"seats": 100, "healthy": 99, "pss_mb": {"total": 5000.0}, "most_mb": 6442, "within": False}
    side = _measured({1: [_round(1.0)]})
    shown = _text(_report(side, side) | {"crowd": crowd, "left_out": {"kernel_torch": "torch is not installed"}})
    assert "99 are well, 5000 MB together with zygotes, NOT within 6442 MB" in shown
    assert "Not measured: kernel_torch: torch is not installed." in shown


def _text(found: dict[str, Any]) -> str:
    console = Console(width=130, file=io.StringIO())
    with console.capture() as captured:
        console.print(table(found))
    return captured.get()
