"""Lesson A3: its judges know right from wrong however it is written, its models compute what they say, and its numbers
hold for other seeds too. (The seeds of the lesson itself are tried where all lessons run.)
"""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import one_hot
from werkbank_lessons import words
from werkbank_lessons.exercises.a3 import balance, cache_bytes, interval

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, judged, promised, wrong_cells

EXERCISES = ["A3-1", "A3-2", "A3-3"]
SEEDS = range(5)
MODEL = {"layers": 32, "query_heads": 32, "kv_heads": 32, "head_size": 128, "latent": 0, "bytes_each": 2}


def cells_of(*lids):
    """The solved lesson's code in these cells."""
    texts = {cell.lid: cell.text for cell in variants.solved(lesson_cells("A3", "en")) if cell.kind == "code"}
    return [texts[lid] for lid in lids]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cache_counted_by_cases_or_in_numpy_passes_too(seed):
    def by_cases(model, tokens):
        if model["latent"] > 0:
            per_layer = model["latent"]
        else:
            per_layer = model["kv_heads"] * model["head_size"] + model["kv_heads"] * model["head_size"]
        return sum(per_layer * model["bytes_each"] for _ in range(model["layers"])) * tokens

    def in_numpy(model, tokens):
        rows = np.where(model["latent"], model["latent"], 2 * model["kv_heads"] * model["head_size"])
        return np.prod([float(rows), model["layers"], model["bytes_each"], tokens])

    assert judged("A3-1", by_cases, seed) is None
    assert judged("A3-1", in_numpy, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_another_loss_that_evens_things_out_passes_too(seed):
    def spread_of_means(probabilities):
        means = probabilities.mean(dim=0)
        return (means.std() / means.mean()) ** 2

    def entropy_of_means(probabilities):
        means = probabilities.mean(dim=0)
        return (means * means.log()).sum()

    def by_hand(probabilities):
        chosen = probabilities.argmax(dim=1)
        total = 0
        for expert in range(probabilities.shape[1]):
            total = total + (chosen == expert).float().mean() * probabilities[:, expert].mean()
        return 3 * total

    for answer in (spread_of_means, entropy_of_means, by_hand):
        assert judged("A3-2", answer, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_an_interval_from_a_library_passes_too(seed):
    def paired_test(a, b):
        return stats.ttest_rel(b, a).confidence_interval(0.95)

    def one_sample(a, b):
        found = stats.ttest_1samp([two - one for one, two in zip(a, b, strict=True)], 0).confidence_interval()
        return [found.low, found.high]

    def by_standard_error(a, b):
        return np.array(stats.t.interval(0.95, len(a) - 1, loc=np.mean(b - a), scale=stats.sem(b - a)))

    for answer in (paired_test, one_sample, by_standard_error):
        assert judged("A3-3", answer, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("A3"))
def test_each_typical_mistake_gets_its_own_hint(cell, seed):
    answer = answer_of(cell, torch=torch, one_hot=one_hot, stats=stats)
    assert judged(cell.exercise, answer, seed) == cell.more["hint"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("lid", "hint"),
    [("cache-start", "A3-1.values"), ("experts-start", "A3-2.undecided"), ("seeds-start", "A3-3.unpaired")],
)
def test_each_starter_is_told_its_first_mistake(lid, hint, seed):
    cell = next(cell for cell in lesson_cells("A3", "en") if cell.lid == lid)
    assert judged(cell.exercise, answer_of(cell, torch=torch), seed) == hint


def per_token(model, tokens):
    return cache_bytes(model, 1)


def one_layer(model, tokens):
    return cache_bytes(model | {"layers": 1}, tokens)


def bits(model, tokens):
    return 8 * cache_bytes(model, tokens)


def without_bytes(model, tokens):
    return cache_bytes(model | {"bytes_each": 1}, tokens)


def without_latent(model, tokens):
    return cache_bytes(model | {"latent": 0}, tokens)


def latent_per_head(model, tokens):
    return cache_bytes(model, tokens) * (model["kv_heads"] if model["latent"] else 1)


def in_gigabytes(model, tokens):
    return cache_bytes(model, tokens) / 1e9


def faint(probabilities):
    return 0.001 * balance(probabilities)


def detached(probabilities):
    return balance(probabilities.detach())


def half_hearted(probabilities):
    return balance(probabilities[:, :3])


def turned(a, b):
    return interval(b, a)


def swapped(a, b):
    return interval(a, b)[::-1]


def reach_of(factor):
    """An interval of ``factor(differences)`` around the mean difference."""

    def answer(a, b):
        mean = np.mean(b - a)
        reach = factor(b - a)
        return mean - reach, mean + reach

    return answer


def t_of(degrees):
    return stats.t.ppf(0.975, degrees)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("A3-1", per_token, "A3-1.tokens"),
        ("A3-1", one_layer, "A3-1.layers"),
        ("A3-1", bits, "A3-1.bits"),
        ("A3-1", without_bytes, "A3-1.bytes"),
        ("A3-1", without_latent, "A3-1.latent"),
        ("A3-1", latent_per_head, "A3-1.latent_heads"),
        ("A3-1", in_gigabytes, "A3-1.other"),
        ("A3-1", lambda model, tokens: "much", "A3-1.number"),
        ("A3-2", faint, "A3-2.small"),
        ("A3-2", detached, "A3-2.gradient"),
        ("A3-2", half_hearted, "A3-2.uneven"),
        ("A3-2", lambda probabilities: probabilities, "A3-2.number"),
        ("A3-2", lambda probabilities: 1.0, "A3-2.gradient"),
        ("A3-2", lambda probabilities: probabilities.sum() * float("nan"), "A3-2.number"),
        ("A3-3", turned, "A3-3.sign"),
        ("A3-3", swapped, "A3-3.order"),
        ("A3-3", lambda a, b: b - a, "A3-3.pair"),
        ("A3-3", lambda a, b: (-np.inf, np.inf), "A3-3.pair"),
        ("A3-3", lambda a, b: np.array(interval(a, b)) + 100, "A3-3.middle"),
        ("A3-3", reach_of(lambda d: d.std(ddof=1)), "A3-3.root"),
        ("A3-3", reach_of(lambda d: d.std(ddof=1) / len(d) ** 0.5), "A3-3.error"),
        ("A3-3", reach_of(lambda d: t_of(len(d) - 1) * d.std() / len(d) ** 0.5), "A3-3.ddof"),
        ("A3-3", reach_of(lambda d: t_of(len(d)) * d.std(ddof=1) / len(d) ** 0.5), "A3-3.freedom"),
        ("A3-3", reach_of(lambda d: 100), "A3-3.other"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_an_answer_may_write_in_what_it_is_given():
    def emptying(model, tokens):
        exact = cache_bytes(model, tokens)
        model.clear()
        return exact

    assert judged("A3-1", emptying, 1) is None


def test_the_caches_of_the_lesson_are_what_the_formulas_say():
    assert cache_bytes(MODEL, 1) == 2 * 32 * 32 * 128 * 2
    assert cache_bytes(MODEL | {"kv_heads": 8}, 10) == 10 * 131_072
    assert cache_bytes(MODEL | {"latent": 576}, 1) == 36_864


def test_balance_is_one_when_all_get_the_same_and_the_number_of_experts_when_one_gets_everything():
    even = torch.eye(4).repeat(3, 1)
    one = torch.tensor([[1.0, 0, 0, 0]]).repeat(5, 1)
    assert float(balance(even)) == pytest.approx(1)
    assert float(balance(one)) == pytest.approx(4)


def test_intervals_hold_the_true_difference_19_times_in_20():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(2000):
        level = rng.normal(70, 5, 5)
        low, high = interval(level + rng.normal(0, 1, 5), level + rng.normal(2, 1, 5))
        found.append(low < 2 < high)
    assert np.mean(found) == pytest.approx(0.95, abs=0.015)


@pytest.fixture(scope="module")
def lesson():
    """What the networks of the lesson are called in it."""
    names = {}
    with redirect_stdout(io.StringIO()):
        for text in cells_of("setup", "count-networks", "experts-class"):
            exec(text, names)
    return names


def test_experts_give_each_input_what_its_expert_alone_would_give(lesson):
    torch.manual_seed(3)
    model, inputs = lesson["Experts"](5, 8, 16, 4), torch.randn(50, 8)
    outputs = model(inputs)
    for row, output, probabilities in zip(inputs, outputs, model.probabilities, strict=True):
        best = int(probabilities.argmax())
        assert torch.allclose(output, probabilities[best] * model.experts[best](row), atol=1e-6)


def test_experts_without_any_input_are_no_mishap(lesson):
    model = lesson["Experts"](3, 4, 8, 2)
    with torch.no_grad():
        model.router.bias.copy_(torch.tensor([100.0, 0, 0]))
    assert model(torch.randn(6, 4)).shape == (6, 2)


@pytest.mark.parametrize(("bits", "levels"), [(8, 255), (4, 15), (2, 3)])
def test_rounded_weights_have_as_many_levels_as_their_bits_allow(bits, levels, lesson):
    exec(cells_of("bits-answer")[0].partition("def recall_with")[0], lesson)
    weights = torch.randn(3, 5000)
    rounded = lesson["rounded"](weights, bits)
    assert max(len(row.unique()) for row in rounded) <= levels
    step = weights.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
    assert ((rounded - weights).abs() <= step / 2 + 1e-6).all()


def test_a_seat_without_torch_and_scipy_can_read_the_exercises():
    code = "import sys; sys.modules['torch'] = sys.modules['scipy'] = None; "
    code += "from werkbank_lessons.exercises import exercise; exercise('A3-3')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.fixture(autouse=True)
def one_thread():
    """As in the lesson; more would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_numbers_and_what_the_text_says_of_them_hold_for_five_other_seeds(monkeypatch):
    names, text = {}, io.StringIO()
    monkeypatch.setenv("WERKBANK_STRICT", "1")
    monkeypatch.setattr(words, "_chosen", "en")
    with redirect_stdout(text):
        for cell in variants.solved(lesson_cells("A3", "en")):
            if cell.kind == "code" and "figure" not in cell.tags:
                exec(cell.text.replace("FIRST = 1", "FIRST = 11"), names)
    assert names["SEEDS"] == range(11, 16)
    promised("A3", text.getvalue(), "en")
    assert text.getvalue().count("✔") == 3
    differences, intervals = names["differences"], names["intervals"]
    for claim in ("balanced_small", "balanced_uneven", "large_balanced"):
        assert (differences[claim] > 0).all()
        assert intervals[claim][0] > 0
    assert differences["letter"].min() < 0 < differences["letter"].max()
    assert intervals["letter"][0] < 0 < intervals["letter"][1]
    assert np.mean(names["shares"]["uneven"], axis=0)[4:].sum() < 0.25
    seconds = {name: cost[2] for name, cost in names["costs"].items()}
    assert seconds["balanced"] > seconds["large"] > seconds["small"]
