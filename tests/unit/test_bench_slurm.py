"""What `bench slurm` makes of its values, what it is asked for, and where it does not begin."""

import io
from typing import Any

import pytest
from rich.console import Console

from hub.bench.slurm import figures
from hub.bench.slurm.looks import ASKED
from hub.bench.slurm.plan import GOALS, Plan
from hub.bench.slurm.run import MEASURES, require_cluster
from hub.bench.slurm.table import TITLES, table
from hub.cli.bench import BadParts, choose
from hub.errors import StartError

SDIAG = """\
Remote Procedure Call statistics by message type
\tREQUEST_JOB_INFO                        ( 2003) count:12     ave_time:411    total_time:4932
\tREQUEST_JOB_INFO_SINGLE                 ( 2021) count:30     ave_time:183    total_time:5490
\tREQUEST_PARTITION_INFO                  ( 2009) count:7      ave_time:190    total_time:1330
\tREQUEST_SUBMIT_BATCH_JOB                ( 4003) count:50     ave_time:561    total_time:28056

Remote Procedure Call statistics by user
\troot            (       0) count:99     ave_time:1234   total_time:122166
"""
"""As Slurm 22.05 prints it."""
NONE: dict[str, dict[str, int]] = {"stock": {}, "werkbank": {}}


def test_medians_are_compared_and_ours_is_judged() -> None:
    found = figures.judged("seat_s", {"stock": {"seat_s": [4.0, 9.0, 5.0]}, "werkbank": {"seat_s": [1.0, 2.5]}}, NONE)
    assert found["stock"] == {"n": 3, "failed": 0, "median": 5.0, "range": [4.0, 9.0]}
    assert found["werkbank"] == {"n": 2, "failed": 0, "median": 1.75, "range": [1.0, 2.5]}
    assert (found["ratio"], found["goal"], found["met"]) == (2.857, 2.5, True)
    late = figures.judged("seat_s", {"stock": {"seat_s": [1.0]}, "werkbank": {"seat_s": [2.51]}}, NONE)
    assert (late["ratio"], late["met"]) == (0.3984, False)
    assert figures.missed({"seat_s": late, "cluster_s": {"met": True}}) == ["seat_s"]


def test_what_was_not_measured_has_no_ratio_and_meets_no_goal() -> None:
    failures = {"stock": {}, "werkbank": {"death_s": 2}}
    found = figures.judged("death_s", {"stock": {"death_s": [40.0]}, "werkbank": {}}, failures)
    assert found["werkbank"] == {"n": 0, "failed": 2, "median": None, "range": None}
    assert (found["ratio"], found["met"]) == (None, False)


def test_each_squeue_is_one_of_the_questions_that_are_counted_and_nothing_else_is() -> None:
    assert [int(count) for count in ASKED.findall(SDIAG)] == [12, 30]


def test_every_figure_has_a_goal_is_measured_and_has_a_row() -> None:
    assert list(MEASURES) == list(GOALS)
    assert set(GOALS) < set(TITLES)


def test_rounds_are_those_that_are_told() -> None:
    assert Plan(1).rounds == 2 + 2 + 2 + 1 + 2 + 1
    assert Plan(5).rounds == 2 + 10 + 10 + 5 + 4 + 3
    assert Plan(5, figures=["death_s"]).rounds == 2 + 3


@pytest.mark.parametrize("text", ["", "seat", "seat_s;death_s", "seat_s,"])
def test_what_is_no_list_of_figures_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(BadParts, match=r"(?s)--figures: .*one of seat_s, .*death_s, all\. .*Nothing was started"):
        choose("--figures", text, list(GOALS))


def test_who_is_not_root_reads_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(StartError, match=r"^No Slurm cluster can be made here: it needs root.* Nothing was started\.$"):
        require_cluster()


def report() -> dict[str, Any]:
    stock = {"seat_s": [4.8], "cluster_s": [8.0], "squeue_per_5s": [83.0], "death_s": [40.0], "slurm_death_s": [17.0]}
    ours = {"seat_s": [1.4], "cluster_s": [5.5], "squeue_per_5s": [0.998], "slurm_death_s": [17.0]}
    samples = {"stock": stock, "werkbank": ours}
    failures = {"stock": {}, "werkbank": {"death_s": 1}}
    found = {figure: figures.judged(figure, samples, failures) for figure in GOALS}
    machine = {"cores": 2, "load_average": [0.1, 0.2, 0.3], "nodes": 3, "node_timeout_s": 10}
    return {
        "machine": machine,
        "versions": {"slurm": "22.05.8"},
        "plan": Plan()._asdict(),
        **found,
        "notes": ["so it is"],
    }


def test_the_table_shows_both_sides_the_ratio_the_goal_and_the_small_print() -> None:
    console = Console(width=130, file=io.StringIO())
    with console.capture() as captured:
        console.print(table(report()))
    text = captured.get()
    for words in (
        "with 500 simulated seats",
        "83 (83–83)",
        "3.43",
        "≤ 2.5",
        "17 (17–17)",
        "slurm 22.05.8",
        "So it is.",
    ):
        assert words in text
    assert (text.count("│ met"), text.count("│ missed"), text.count("not measured")) == (2, 1, 2)
    assert "werkbank: death_s failed 1 times." in text
