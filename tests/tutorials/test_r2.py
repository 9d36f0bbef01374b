"""Lesson R2: its judges know right from wrong in several writings, its meter says whether it measured, its numbers
hold.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from werkbank_lessons.energy import Meter
from werkbank_lessons.exercises import exercise
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, promised, refused, wrong_cells
from .support import printed

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_footprint_in_another_order_passes_too(seed):
    def in_megajoules(it_kwh, pue, wue, erf, carbon):
        joules = it_kwh * 3.6e6 * pue
        found = {"heat_kwh": joules * erf / 3.6e6, "co2_g": np.float64(joules) / 3.6e6 * carbon}
        return found | {"water_l": wue * it_kwh, "site_kwh": joules / 3.6e6}

    exercise("R2-1").judge(in_megajoules, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patience", [6, 10, 20])
def test_any_reasonable_patience_passes(seed, patience):
    def with_a_list(step, score, most):
        seen = []
        while len(seen) < most:
            step()
            seen.append(score())
            if len(seen) - 1 - int(np.argmax(seen)) >= patience:
                break
        return max(seen)

    exercise("R2-2").judge(with_a_list, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_start_found_by_sums_that_run_along_passes_too(seed):
    def with_windows(carbon, room, power, lasts):
        if len(carbon) < lasts:
            return None
        windows = np.lib.stride_tricks.sliding_window_view
        sums = windows(carbon, lasts).sum(axis=1)
        sums[windows(room, lasts).min(axis=1) < power] = np.inf
        return None if np.isinf(sums).all() else np.argmin(sums)

    exercise("R2-3").judge(with_windows, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("R2"))
def test_each_typical_mistake_gets_its_own_hint(cell, seed):
    assert refused(cell.exercise, answer_of(cell), seed) == cell.more["hint"]


def test_the_starters_and_units_get_their_own_hint_too():
    def emissions_of_the_computers(it_kwh, pue, wue, erf, carbon):
        return exercise("R2-1").reference(it_kwh, pue, wue, erf, carbon) | {"co2_g": it_kwh * carbon}

    def in_kilograms(it_kwh, pue, wue, erf, carbon):
        return exercise("R2-1").reference(it_kwh, pue, wue, erf, carbon) | {"co2_g": it_kwh * pue * carbon / 1000}

    assert refused("R2-1", emissions_of_the_computers, 1) == "R2-1.co2"
    assert refused("R2-1", in_kilograms, 1) == "R2-1.grams"
    assert refused("R2-2", lambda step, score, most: [step() for _ in range(most)] and score(), 1) == "R2-2.never"
    assert refused("R2-3", lambda carbon, room, power, lasts: 1, 1) == "R2-3.least"


@pytest.fixture
def processor(tmp_path):
    """The energy counters of a machine with two processors and a part of one, as Linux shows them."""
    for name, reading in (("intel-rapl:0", 9_000_000), ("intel-rapl:1", 500), ("intel-rapl:0:0", 7)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{reading}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("10000000\n")
    return tmp_path


def test_a_meter_adds_processors_and_survives_a_counter_that_begins_again(processor):
    with Meter(processor) as meter:
        (processor / "intel-rapl:0" / "energy_uj").write_text("2600000")  # past its largest value
        (processor / "intel-rapl:1" / "energy_uj").write_text("500")
        (processor / "intel-rapl:0:0" / "energy_uj").write_text("999")  # counted in its processor already
    assert meter.measured
    assert meter.wh == pytest.approx(3.6e6 / 3.6e9)
    assert meter.sentence() == tr("energy.counter", "en")


def test_a_meter_without_counters_estimates_and_says_so(tmp_path):
    with Meter(tmp_path / "nothing") as meter:
        sum(number**2 for number in range(200_000))
    assert not meter.measured
    assert meter.wh == pytest.approx(meter.cpu_seconds * 3.75 / 3600)
    assert meter.cpu_seconds > 0
    assert "not measured" in meter.sentence()


def test_a_counter_that_cannot_be_read_is_not_half_used(processor):
    (processor / "intel-rapl:1" / "energy_uj").write_text("denied")
    assert not Meter(processor).measured


@pytest.mark.parametrize("seed", [2025, 7, 8])
def test_the_numbers_in_the_text_hold_for_three_draws(run_cells, seed):
    cells = variants.solved(lesson_cells("R2", "en"))
    drawn = [replace(cell, text=cell.text.replace("default_rng(2025)", f"default_rng({seed})")) for cell in cells]
    text = printed(run_cells(drawn, WERKBANK_STRICT="1"))
    promised("R2", text, "en")
    share = {
        name: float(text.split(f"{tr(f'R2.line.{name}', 'en')}: ")[1].split(" %")[0])
        for name in ("rows", "table", "fewer", "early")
    }
    assert max(share.values()) - min(share.values()) < 2
    assert float(text.split(f"{tr('R2.line.cheaper', 'en')}: ")[1].split(" ×")[0]) > 10
    assert ("(measured)" in text) != ("(estimated)" in text)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_learner_notebook_runs_quietly_with_every_exercise_left_open(run_cells, language):
    executed = run_cells(variants.learner(lesson_cells("R2", language), language), language)
    text = printed(executed)
    promised("R2", text, language)
    for number in (1, 2, 3):
        assert tr("check.reference_used", language, exercise=f"R2-{number}") in text
    noise = [output for cell in executed.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"]
    assert noise == []
    second_opinion = "codecarbon: " if find_spec("codecarbon") else tr("R2.line.no_codecarbon", language)
    assert second_opinion in text
    assert tr("cost.energy_unknown", language) in text
