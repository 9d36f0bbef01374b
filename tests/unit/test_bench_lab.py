"""What `bench lab` makes of its measurements, what it says of those it cannot make, and the workplace it measures."""

import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from hub.bench.lab import bundle, figures, world
from hub.bench.lab.figures import GOALS, VARIANTS
from hub.bench.lab.plan import MOST_LEASES, Plan
from hub.bench.lab.run import MEASURES
from hub.bench.lab.table import table
from hub.cli.bench import app
from hub.settings import load
from tests.support.workbench import ROOT

LAB = ROOT / "extensions" / "lab" / "src"


def test_scripts_and_style_sheets_are_counted_as_a_browser_gets_them_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    files = {"a.js": b"let a;" * 100, "deep/b.css": b"b{}" * 100, "a.js.map": b"{}", "licenses.json": b"{}"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    found = bundle.sizes(tmp_path)
    assert list(found) == ["a.js", "deep/b.css"]
    assert found["a.js"] == len(gzip.compress(files["a.js"])) < len(files["a.js"])
    assert figures.bundle({"a.js": 250_000, "b.css": 51_000}) == {
        "total": 301.0,
        "files": {"a.js": 250_000, "b.css": 51_000},
        "goal": 300.0,
        "met": False,
    }


def test_an_extension_that_was_not_built_is_no_small_one(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(bundle.NotBuilt, match="check` builds it"):
        bundle.sizes(tmp_path)


def test_the_median_is_judged_and_the_worst_is_told() -> None:
    assert figures.times("panel_ms", [900.0, 100.0, 199.0]) == {
        "n": 3,
        "median": 199.0,
        "worst": 900.0,
        "goal": 200.0,
        "met": True,
    }
    assert not figures.times("panel_ms", [200.0])["met"]
    with pytest.raises(ValueError, match="event_ms"):
        figures.times("event_ms", [])


@pytest.mark.parametrize(
    ("after", "growth", "met"), [(39_900_000, 9.9, True), (41_000_000, 11, False), (28e6, -2, True)]
)
def test_the_heap_is_judged_by_its_growth(after: int, growth: float, met: bool) -> None:
    found = figures.heap({"heap": 30_000_000, "nodes": 10}, {"heap": after, "nodes": 12}, 8)
    assert (found["growth"], found["met"]) == (growth, met)
    assert (found["nodes_before"], found["nodes_after"], found["hours"]) == (10, 12, 8)


def test_starts_are_compared_within_their_round_and_the_larger_difference_is_judged() -> None:
    # The machine was busy in the second round: the medians alone would say something else.
    rounds = {
        "whole": [3000.0, 9050.0, 2950.0],
        "startup": [2900.0, 9000.0, 2900.0],
        "without": [3500.0, 9600.0, 3600.0],
    }
    cpu = {variant: [2000.0, 2100.0, 2010.0] for variant in VARIANTS}
    found = figures.start(rounds, cpu)
    assert (found["adds"], found["adds_to_startup"]) == (-550.0, 50.0)
    assert found["met"]
    assert found["cpu_ms"]["whole"] == 2010.0
    assert found["range"]["whole"] == [2950, 9050]
    assert not figures.start(rounds | {"startup": [2850.0, 8000.0, 2840.0]}, cpu)["met"]


def test_a_missed_goal_is_named_and_what_was_not_measured_is_not_missed() -> None:
    assert figures.missed({"panel_ms": {"met": False}, "heap_mb": {"met": True}}) == ["panel_ms"]


def test_every_figure_has_a_goal_and_is_measured() -> None:
    assert set(GOALS) == {"bundle_kb", *MEASURES}


def report() -> dict[str, Any]:
    starts = {variant: [3000.0, 3100.0] for variant in VARIANTS}
    found = {
        "bundle_kb": figures.bundle({"a.js": 21_200}),
        "panel_ms": figures.times("panel_ms", [250.0]),
        "event_ms": figures.times("event_ms", [40.0]),
        "heap_mb": {"events": 12_000}
        | figures.heap({"heap": 25_000_000, "nodes": 5}, {"heap": 26_000_000, "nodes": 6}, 8),
        "start_ms": figures.start(starts, {variant: [2000.0] for variant in VARIANTS}),
    }
    machine = {"cores": 2, "load_average": [0.1, 0.2, 0.3], "versions": {"werkbank": "0.1.0"}}
    return {"machine": machine, "plan": Plan(Path("a.yaml"))._asdict(), **found, "left_out": {}}


def shown(found: dict[str, Any]) -> str:
    console = Console(width=130, file=io.StringIO())
    with console.capture() as captured:
        console.print(table(found))
    return captured.get()


def test_the_table_shows_every_figure_beside_its_goal() -> None:
    text = shown(report())
    for words in ("21.2", "250", "worst of 1: 40", "12000 events", "DOM nodes 5 → 6", "3050 (3000–3100)"):
        assert words in text
    for goal in GOALS.values():
        assert f"< {goal:g}" in text
    assert (text.count("│ met"), text.count("│ missed")) == (5, 1)


def test_the_table_says_what_was_not_measured_and_why() -> None:
    found = report()
    del found["heap_mb"]
    text = shown(found | {"left_out": {"heap_mb": "there is no Chromium"}})
    assert text.count("not measured") == 1
    assert "Not measured: heap_mb: there is no Chromium." in text


def test_without_a_browser_the_files_are_measured_and_the_rest_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(app, ["lab", "--json"])
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert found["bundle_kb"]["total"] > 0
    assert set(found["left_out"]) == set(MEASURES)
    assert re.search("no Chromium|Playwright is not installed", found["left_out"]["start_ms"])


def test_one_user_may_hold_half_of_the_leases_and_wait_for_the_rest(tmp_path: Path) -> None:
    measured = load(world.write_settings(ROOT / "werkbank.yaml", tmp_path / "copy.yaml", MOST_LEASES))
    assert measured.site.simulate_gpus == measured.leases.devices_per_user == MOST_LEASES / 2
    assert measured.leases.waiting_per_user >= MOST_LEASES
    assert [profile.gpu_classes for profile in measured.profiles] == [(world.GPU_CLASS,), (), ()]
    assert {programme.quota.gpus for programme in measured.programmes} == {None}
    assert measured.gpu_classes[world.GPU_CLASS].simulated


def test_the_panel_shows_as_many_leases_as_may_be_measured() -> None:
    assert f"AT_ONCE = {MOST_LEASES};" in (LAB / "widgets" / "compute" / "leases.tsx").read_text()


def test_every_plugin_but_the_one_for_the_start_is_disabled_for_the_second_baseline() -> None:
    sources = [path.read_text() for path in (LAB / "plugins").iterdir()]
    ids = {name for text in sources for name in re.findall(r"^  id: '(werkbank-lab:\w+)'", text, re.MULTILINE)}
    assert ids == {*world.DISABLED["startup"], "werkbank-lab:startup"}
