"""Lesson N1: its judges know right from wrong however it is written, its lines are what a breeder would call so, and
its numbers hold for other lines too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from werkbank_lessons.checks import check
from werkbank_lessons.exercises.n1 import folds, relationship, response
from werkbank_lessons.exercises.n1_lines import make_lines

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells
from tutorials.build.verdict import complaints, numbers

from .lesson_support import judged

EXERCISES = ["N1-1", "N1-2", "N1-3"]


@pytest.fixture(scope="module")
def lesson():
    """What the setup cells of the lesson define."""
    names: dict = {}
    for cell in variants.setup(lesson_cells("N1", "en")):
        exec(cell.text, names)
    return names


@pytest.fixture(scope="module", params=[1, 2, 3])
def lines(request):
    return make_lines(request.param)


@pytest.mark.parametrize("seed", range(10))
def test_a_relationship_summed_marker_by_marker_passes_too(seed):
    def mine(genotypes):
        total, denominator = 0.0, 0.0
        for marker in genotypes.T:
            frequency = marker.sum() / (2 * len(marker))
            total = total + np.outer(marker - 2 * frequency, marker - 2 * frequency)
            denominator += 2 * frequency * (1 - frequency)
        return (total / denominator).tolist()

    assert judged("N1-1", mine, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_folds_dealt_like_cards_and_folds_balanced_by_lines_pass_too(seed):
    def dealt(family, count, rng):
        names = sorted(set(family.tolist()))
        rng.shuffle(names)
        fold = {name: place % count for place, name in enumerate(names)}
        return [fold[name] for name in family]

    def by_lines(family, count, rng):
        names, sizes = np.unique(family, return_counts=True)
        fold, lines = {}, np.zeros(count)
        for one in sorted(rng.permutation(names.size), key=lambda one: -sizes[one]):
            fold[names[one]] = lines.argmin()
            lines[lines.argmin()] += sizes[one]
        return np.array([fold[name] for name in family])

    assert judged("N1-2", dealt, seed) is None
    assert judged("N1-2", by_lines, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_response_from_a_threshold_or_a_sorted_list_passes_too(seed):
    def above(predicted, true_value, share):
        return true_value[predicted >= np.quantile(predicted, 1 - share)].mean() - true_value.mean()

    def sorted_pairs(predicted, true_value, share):
        pairs = sorted(zip(predicted, true_value, strict=True), reverse=True)[: int(share * len(predicted))]
        return sum(value for _, value in pairs) / len(pairs) - sum(true_value) / len(true_value)

    assert judged("N1-3", above, seed) is None
    assert judged("N1-3", sorted_pairs, seed) is None


def mutations():
    return [(cell, cell.exercise) for cell, _ in variants.mutations(lesson_cells("N1", "en"))]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("cell", "ex_id"), mutations(), ids=lambda part: getattr(part, "lid", ""))
def test_every_wrong_answer_gets_its_own_hint(lesson, cell, ex_id, seed):
    names = dict(lesson)
    exec(cell.text, names)
    (answer,) = (value for name, value in names.items() if name.startswith("my_"))
    key = judged(ex_id, answer, seed)
    assert key is not None
    if hint := cell.more.get("hint"):
        assert key == hint


def standardised(genotypes):
    each = (genotypes - genotypes.mean(axis=0)) / genotypes.std(axis=0)
    return each @ each.T / genotypes.shape[1]


def mixed_scales(predicted, truth, share):
    return np.sort(predicted)[-round(share * len(predicted)) :].mean() - truth.mean()


def against_the_rest(predicted, truth, share):
    order, number = np.argsort(predicted), round(share * len(predicted))
    return truth[order[-number:]].mean() - truth[order[:-number]].mean()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("N1-1", standardised, "N1-1.standardised"),
        ("N1-1", np.corrcoef, "N1-1.definition"),
        ("N1-1", lambda genotypes: np.eye(len(genotypes)), "N1-1.definition"),
        ("N1-1", lambda genotypes: np.zeros((len(genotypes),) * 2), "N1-1.definition"),
        ("N1-1", lambda genotypes: relationship(genotypes) * np.nan, "N1-1.number"),
        ("N1-1", lambda genotypes: relationship(genotypes)[0], "N1-1.shape"),
        ("N1-2", lambda family, count, rng: family, "N1-2.number"),
        ("N1-2", lambda family, count, rng: folds(family, count, rng) + 0.5, "N1-2.number"),
        ("N1-2", lambda family, count, rng: folds(family, count, rng) + 1, "N1-2.count"),
        ("N1-2", lambda family, count, rng: folds(np.unique(family), count, rng), "N1-2.shape"),
        ("N1-2", lambda family, count, rng: np.zeros(family.size, dtype=int), "N1-2.uneven"),
        ("N1-3", lambda predicted, truth, share: -response(predicted, truth, share), "N1-3.sign"),
        ("N1-3", lambda predicted, truth, share: response(predicted, truth, share / 2), "N1-3.other"),
        ("N1-3", lambda predicted, truth, share: truth, "N1-3.number"),
        ("N1-3", mixed_scales, "N1-3.scales"),
        ("N1-3", against_the_rest, "N1-3.rest"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


@pytest.mark.parametrize("ex_id", EXERCISES)
@pytest.mark.parametrize(
    "bad",
    [
        lambda *given: [[1, 2], [3]],
        lambda *given: np.full(len(given[0]), np.nan),
        lambda first, *rest: first,
        lambda first, *rest: first[:0],
    ],
)
def test_an_answer_of_a_kind_like_the_right_one_is_told_so(ex_id, bad, capsys):
    check(ex_id, bad)
    assert f"◔ {ex_id}: not yet." in capsys.readouterr().out


def test_lines_breed_true_and_every_family_has_two_parents_that_it_shares_with_its_neighbours(lines):
    assert set(np.unique(lines.genotypes)) == {0, 2}
    names, sizes = np.unique(lines.family, return_counts=True)
    assert (names.size, set(sizes)) == (40, {25})
    parents = [parent for name in names for parent in name.split(" × ")]
    assert set(np.unique(parents, return_counts=True)[1]) == {2}


def test_where_parents_differ_each_gives_about_half_of_the_alleles(lines):
    for name in np.unique(lines.family)[:5]:
        share = lines.genotypes[lines.family == name].mean(axis=0) / 2
        differ = (share > 0) & (share < 1)
        assert 0.1 < differ.mean() < 0.9
        assert share[differ].mean() == pytest.approx(0.5, abs=0.15)


def test_neighbours_on_the_genome_go_together_and_other_chromosomes_do_not(lines):
    one = lines.genotypes[lines.family == lines.family[0]]
    one = one[:, one.std(axis=0) > 0]
    together = np.abs(np.corrcoef(one, rowvar=False))
    assert np.median(together.diagonal(1)) > 0.9
    assert np.median(together[: one.shape[1] // 10, -one.shape[1] // 10 :]) < 0.3


def test_sisters_are_closer_than_half_sisters_and_those_closer_than_others(lines):
    matrix = relationship(lines.genotypes)
    blocks = matrix.reshape(40, 25, 40, 25).mean(axis=(1, 3))
    next_door = np.mean([blocks[one, (one + 1) % 40] for one in range(40)])
    far = np.mean([blocks[one, (one + 20) % 40] for one in range(40)])
    assert blocks.diagonal().mean() > next_door + 0.2 > far + 0.4
    assert matrix.diagonal().mean() == pytest.approx(2, abs=0.02)


def test_half_of_the_variance_in_a_trial_is_genetic(lines):
    assert np.corrcoef(lines.trial, lines.true_value)[0, 1] ** 2 == pytest.approx(0.5, abs=0.06)
    assert lines.true_value.std() == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_lines_and_another_seed_others():
    one, same, other = (make_lines(seed, families=4, size=5, markers=50, causal=5) for seed in (1, 1, 2))
    assert np.array_equal(one.trial, same.trial)
    assert not np.array_equal(one.trial, other.trial)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("families", "size"), [(3, 2), (3, 40), (8, 125), (100, 2)])
def test_small_and_large_programmes_have_as_many_markers_as_asked(families, size, seed):
    lines = make_lines(seed, families=families, size=size, markers=300, causal=20)
    assert lines.genotypes.shape == (families * size, 300)
    assert (lines.genotypes.std(axis=0) > 0).all()


@pytest.mark.parametrize(("name", "value"), [("families", 2), ("size", 1), ("markers", 0), ("causal", 0)])
def test_a_programme_that_cannot_be_is_refused_with_the_least_that_can(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; ask for {value + 1} or more"):
        make_lines(1, **{name: value})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_numbers_and_what_the_text_says_of_them_hold_for_other_seeds(execute_cells, seed):
    cells = variants.solved(lesson_cells("N1", "en"))
    made = [replace(cell, text=cell.text.replace("make_lines(seed=6)", f"make_lines(seed={seed})")) for cell in cells]
    assert made != cells
    run = execute_cells("N1", made, WERKBANK_STRICT="1")
    assert complaints(run.notebook) == []
    assert [number.sentence() for number in numbers("N1", run.notebook, "en") if not number.is_kept] == []
    found = {number.name: number.found[0] for number in numbers("N1", run.notebook, "en")}
    pooled = found["accuracy_random"] - found["accuracy_family"]
    assert pooled > 0.08
    assert abs(found["within_random"] - found["within_family"]) < pooled
    assert found["sisters_800"] > found["crosses_800"] > found["crosses_50"] + 0.2
    assert found["hoped"] > 1.6 * found["response_trial"]
    assert found["response_truth"] > max(found["response_trial"], found["response_genomic"]) > 0.5
