"""Lesson D1: its judges know right from wrong in several writings, its numbers hold for other records, its cluster
goes back.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from werkbank_lessons.exercises import exercise
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.catalogue import read_expected
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import read_source

from .lesson_support import answer_of, promised, refused, wrong_cells
from .support import printed

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_chunks_counted_by_dask_or_by_hand_pass_too(seed):
    def by_dask(shape, chunks):
        return da.zeros(shape, chunks=chunks).npartitions

    def by_hand(shape, chunks):
        return len(list(itertools.product(*(range(0, n, c) for n, c in zip(shape, chunks, strict=True)))))

    def by_numpy(shape, chunks):
        return np.prod(np.ceil(np.divide(shape, chunks)))

    for answer in (by_dask, by_hand, by_numpy):
        exercise("D1-1").judge(answer, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_stripes_and_minus_one_are_good_layouts_too(seed):
    def stripes(sizes, most_mb):
        cells = most_mb * 1e6 / 4 / sizes["time"]
        wide = min(sizes["east"], int(cells))
        return {"time": -1, "east": wide, "north": max(1, int(cells / wide))}

    exercise("D1-2").judge(stripes, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_with_block_gives_the_cluster_back_too(seed):
    def with_block(start, work, most):
        with start() as cluster:
            cluster.adapt(0, most)
            with cluster.get_client() as client:
                return work(client)

    exercise("D1-3").judge(with_block, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("D1"))
def test_each_typical_mistake_gets_its_own_hint(cell, seed, capsys):
    assert refused(cell.exercise, answer_of(cell, math=math), seed) == cell.more["hint"]


def test_other_mistakes_with_a_cluster_are_told_apart():
    def early(start, work, most):
        cluster = start()
        cluster.adapt(minimum=0, maximum=most)
        cluster.close()
        return work(cluster.get_client())

    def twice(start, work, most):
        start().close()
        return exercise("D1-3").reference(start, work, most)

    def forgetful(start, work, most):
        exercise("D1-3").reference(start, work, most)

    def stranger(start, work, most):
        return exercise("D1-3").reference(start, lambda client: work(None), most)

    found = [refused("D1-3", answer, 1) for answer in (early, twice, forgetful, stranger)]
    assert found == ["D1-3.early", "D1-3.once", "D1-3.result", "D1-3.client"]


def _cells_until(last: str, seed: int) -> list:
    """The solved lesson until a cell, on the record of another seed."""
    cells = variants.solved(lesson_cells("D1", "en"))
    stop = next(place for place, cell in enumerate(cells) if cell.lid == last)
    return [replace(cell, text=cell.text.replace("SEED = 29", f"SEED = {seed}")) for cell in cells[: stop + 1]]


@pytest.mark.parametrize("seed", [29, 7, 17])
def test_the_numbers_in_the_text_hold_for_three_records(run_cells, seed):
    promised("D1", printed(run_cells(_cells_until("compute-run", seed), WERKBANK_STRICT="1")), "en")


@pytest.fixture(scope="module")
def record():
    """What the lesson knows before its cluster: the record and the function that finds heat waves."""
    space = {}
    for cell in read_source("D1"):
        if cell.lid in ("setup", "data-parts", "data-tile", "wave-function"):
            exec(compile(cell.text, cell.lid, "exec"), space)
    return space


def test_a_heat_wave_takes_five_summer_days_of_which_three_tropical(record):
    def count(*degrees):
        return int(record["find_waves"](np.array([[[10.0, *degrees, 10.0]]])).sum())

    assert count(25, 30, 30, 30, 25) == 1
    assert count(30, 30, 30, 25) == 0
    assert count(25, 30, 30, 29.9, 25, 25, 25) == 0
    assert count(30, 30, 30, 24.9, 25, 25) == 0
    assert count(30, 30, 30, 25, 25, 30, 30, 30, 25, 25) == 1
    assert count(30, 30, 30, 25, 25, 20, 30, 30, 30, 25, 25) == 2


def test_the_record_is_the_same_in_every_layout_and_no_cell_repeats_the_weather(record):
    tile = record["record"]((12, 12, -1))[:5, :5].compute(scheduler="synchronous")
    other = record["record"]((5, 7, -1))[:5, :5].compute(scheduler="synchronous")
    assert np.array_equal(tile, other)
    local = tile - tile.mean(("north", "east"))
    assert float(abs(local.std("time") - 0.8).max()) < 0.05


def test_the_recipe_is_calibrated_to_the_published_trend(record):
    """Over sixty records: from about 20 summer days in 1981 to about 25 in 2019, as a straight line."""
    year = record["days"].astype("datetime64[Y]").astype(int) + 1970
    rows, columns = np.meshgrid(np.arange(2, 48, 8), np.arange(2, 36, 6), indexing="ij")
    cells = record["inland"](rows, columns).ravel()
    quiet = record["season"] + 0.017 * record["years_since_2001"]
    counts = []
    for seed in range(60):
        local = np.random.default_rng(seed).normal(0, 0.8, (year.size, cells.size))
        summer = (quiet + record["spells"](seed))[:, None] + cells + local >= 25
        counts.append([summer[year == one].sum(0).mean() for one in range(1981, 2021)])
    line = np.polynomial.Polynomial.fit(range(1981, 2021), np.mean(counts, axis=0), 1)
    assert line(1981) == pytest.approx(20, abs=1.5)
    assert line(2019) == pytest.approx(25, abs=1.5)


def test_the_lesson_scales_to_nothing_and_back_on_dask_gateway(run_cells, gateway):
    from dask_gateway import Gateway

    solved = variants.solved(lesson_cells("D1", "en"))
    text = printed(run_cells(solved, WERKBANK_STRICT="1", DASK_GATEWAY__ADDRESS=gateway))
    assert tr("scale.gateway", "en", workers=2) in text
    assert "scale(1): 1" in text
    assert f"adapt(0, 2), {tr('D1.line.no_work', 'en')}: 0" in text
    promised("D1", text, "en")
    assert Gateway(gateway, auth="basic").list_clusters() == []


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_learner_notebook_runs_quietly_with_every_exercise_left_open(run_cells, language):
    executed = run_cells(variants.learner(lesson_cells("D1", language), language), language)
    text = printed(executed)
    promised("D1", text, language)
    for number in (1, 2, 3):
        assert tr("check.reference_used", language, exercise=f"D1-{number}") in text
    noise = [output for cell in executed.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"]
    assert noise == []
    assert read_expected("D1").keys() == {"missed", "summer_before", "summer_after", "waves_before", "waves_after"}
