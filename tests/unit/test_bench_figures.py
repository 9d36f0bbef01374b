"""From single starts to the report: medians, ranges, ratios, and what a failed seat does to them."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hub.bench.figures import MILESTONES, USAGE, Measured, Milestones, Round, Usage, ratio, report, values
from hub.bench.table import TITLES, table

FIGURES = {*MILESTONES, *USAGE, *(f"all_{name}" for name in MILESTONES), "hub_cpu_s"}


def _round(*ready: float, failed: int = 0) -> Round:
    return Round(
        milestones=[Milestones(at, at + 0.5, at + 1) for at in ready],
        usages=[Usage(100.0, 140.0, 2.0) for _ in ready],
        hub_cpu_s=0.1 * len(ready),
        busy_before=0.05,
        failed=failed,
    )


def _measured(rounds: dict[int, list[Round]]) -> Measured:
    return Measured({"jupyterhub": "6.1.1"}, (0.123456, 0.2, 0.3), 150.0, rounds)


def test_the_report_has_two_sides_and_their_ratio_and_nothing_else() -> None:
    found = report(_measured({1: [_round(4.0)]}), _measured({1: [_round(2.0)]}))
    assert list(found) == ["stock", "werkbank", "ratio"]
    assert json.loads(json.dumps(found)) == found
    for side in (found["stock"], found["werkbank"]):
        assert set(side) == {"versions", "load_average", "base_pss_mb", "users_1"}
        assert set(side["users_1"]) == {"n", "rounds", "failed", "busy_before", "range", *FIGURES}
        assert set(side["users_1"]["range"]) == FIGURES
    assert set(found["ratio"]) == {"base_pss_mb", "users_1"}
    assert set(found["ratio"]["users_1"]) == FIGURES


def test_a_ratio_above_one_means_that_werkbank_takes_less() -> None:
    found = report(_measured({1: [_round(4.0)]}), _measured({1: [_round(2.0)]}))
    assert found["ratio"]["users_1"]["ready_s"] == 2.0
    assert found["ratio"]["users_1"]["server_pss_mb"] == 1.0


def test_one_slow_start_moves_the_range_and_not_the_median() -> None:
    cell = report(*[_measured({1: [_round(1.0), _round(1.1), _round(30.0)]})] * 2)["stock"]["users_1"]
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
    found = report(_measured({1: [_round(failed=1)]}), _measured({1: [_round(2.0)]}))
    assert found["stock"]["users_1"]["failed"] == 1
    assert found["stock"]["users_1"]["range"] == {}
    assert found["ratio"]["users_1"] == {}


def test_a_figure_of_zero_gives_no_ratio_instead_of_an_error() -> None:
    assert ratio({"hub_cpu_s": 0.1, "ready_s": 1.0}, {"hub_cpu_s": 0.0, "ready_s": 2.0}) == {"ready_s": 0.5}


positive = st.floats(0.01, 1000)


@given(st.lists(st.lists(positive, min_size=1, max_size=5), min_size=1, max_size=5))
def test_medians_lie_within_their_ranges_and_milestones_in_their_order(ready: list[list[float]]) -> None:
    cell = report(*[_measured({1: [_round(*seats) for seats in ready]})] * 2)["stock"]["users_1"]
    for name, (low, high) in cell["range"].items():
        assert low <= cell[name] <= high
    assert cell["ready_s"] <= cell["first_200_s"] <= cell["kernel_reply_s"] <= cell["range"]["all_kernel_reply_s"][1]


@pytest.mark.parametrize("stock", [_round(4.0), _round(failed=1)], ids=["started", "failed"])
def test_the_table_shows_every_figure_also_when_one_side_has_none(stock: Round) -> None:
    ten = [_round(*range(1, 11))]
    shown = _text(report(_measured({1: [stock], 10: ten}), _measured({1: [_round(2.0)], 10: ten})))
    assert all(shown.count(title) >= 1 for title in TITLES.values())
    assert "10 seats at once" in shown
    assert set(TITLES) == FIGURES


def _text(found: dict[str, Any]) -> str:
    console = Console(width=120, file=io.StringIO())
    with console.capture() as captured:
        console.print(table(found))
    return captured.get()
