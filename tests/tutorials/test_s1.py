"""Lesson S1: its judges know right from wrong in several writings, its morning gives the numbers in the text."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from werkbank_lessons.exercises import exercise
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, promised, refused, wrong_cells
from .support import printed

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_memory_looked_up_in_another_way_passes_too(seed):
    def with_if(environment):
        if "MEM_LIMIT" not in environment:
            return None
        return np.float32(environment["MEM_LIMIT"]) / 1024 / 1024 / 1024

    exercise("S1-1").judge(with_if, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_waits_from_the_ends_of_a_queue_pass_too(seed):
    def with_ends(arrives, lasts):
        ends = [arrives[0] + lasts[0]]
        for arrival, length in zip(arrives[1:], lasts[1:], strict=True):
            ends.append(max(ends[-1], arrival) + length)
        return list(ends - lasts - arrives)

    def with_a_heap(arrives, lasts):
        free, found = [0], []
        for arrival, length in zip(arrives.tolist(), lasts.tolist(), strict=True):
            begins = max(arrival, heapq.heappop(free))
            heapq.heappush(free, begins + length)
            found.append(begins - arrival)
        return found

    for answer in (with_ends, with_a_heap):
        exercise("S1-2").judge(answer, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_profile_found_by_sorting_passes_too(seed):
    def sorting(profiles, need):
        profiles.sort(key=lambda profile: profile["memory_gib"])
        for profile in profiles:
            wanted = need["gpu"] is None or need["gpu"] in profile["gpus"]
            if profile["memory_gib"] >= need["memory_gib"] and profile["cpu"] >= need["cpu"] and wanted:
                return profile["name"]
        return None

    exercise("S1-3").judge(sorting, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("S1"))
def test_each_typical_mistake_gets_its_own_hint(cell, seed):
    assert refused(cell.exercise, answer_of(cell), seed) == cell.more["hint"]


def test_the_starters_get_a_hint_that_tells_where_to_look():
    assert refused("S1-1", lambda environment: int(environment["MEM_LIMIT"]) / 10**9, 1) == "S1-1.gigabyte"

    def only_the_one_before(arrives, lasts):
        found = np.zeros(len(arrives))
        found[1:] = np.maximum((arrives + lasts)[:-1] - arrives[1:], 0)
        return found

    assert refused("S1-2", only_the_one_before, 1) == "S1-2.chain"


def test_a_profile_that_does_not_exist_or_does_not_fit_is_named():
    assert refused("S1-3", lambda profiles, need: "enormous", 3) == "S1-3.name"
    smallest = lambda profiles, need: min(profiles, key=lambda profile: profile["memory_gib"])["name"]  # noqa: E731
    assert refused("S1-3", smallest, 3) == "S1-3.too_small"


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_solved_lesson_prints_what_its_text_promises(run_cells, language):
    executed = run_cells(variants.solved(lesson_cells("S1", language)), language, WERKBANK_STRICT="1")
    text = printed(executed)
    promised("S1", text, language)
    assert text.count("✔") == 3
    assert tr("S1.line.no_workbench", language) in text


def test_in_a_seat_the_lesson_tells_the_profile_and_its_gpus(run_cells):
    seat = {
        "WERKBANK_PROFILE": "medium",
        "CPU_LIMIT": "2",
        "MEM_LIMIT": str(4 * 2**30),
        "WERKBANK_GPU_CLASSES": '[{"name": "s", "title": "Simulated GPU", "simulated": true, "memory": 17179869184}]',
    }
    text = printed(run_cells(variants.solved(lesson_cells("S1", "en")), WERKBANK_STRICT="1", **seat))
    assert "WERKBANK_PROFILE: medium" in text
    assert f"{tr('S1.line.mine', 'en')}: 4.0" in text
    assert f"Simulated GPU: 17 GB {tr('S1.line.simulated', 'en')}" in text
    assert tr("S1.line.no_workbench", "en") not in text


def test_a_kernel_tells_no_device_from_a_variable_that_nobody_set(run_cells, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    cells = [cell for cell in lesson_cells("S1", "en") if cell.lid in ("setup", "gpu-ask")]
    assert tr("S1.line.not_set", "en") in printed(run_cells(cells))
    assert tr("S1.line.no_device", "en") in printed(run_cells(cells, CUDA_VISIBLE_DEVICES=""))
    assert "CUDA_VISIBLE_DEVICES: GPU-1" in printed(run_cells(cells, CUDA_VISIBLE_DEVICES="GPU-1"))


def test_the_lesson_leaves_no_file_behind(run_cells, tmp_path):
    run_cells(variants.solved(lesson_cells("S1", "en")), WERKBANK_STRICT="1")
    assert not list(tmp_path.rglob("*.npy"))


def test_the_learner_notebook_runs_with_every_exercise_left_open(run_cells):
    executed = run_cells(variants.learner(lesson_cells("S1", "en"), "en"))
    text = printed(executed)
    promised("S1", text, "en")
    for number in (1, 2, 3):
        assert tr("check.reference_used", "en", exercise=f"S1-{number}") in text
