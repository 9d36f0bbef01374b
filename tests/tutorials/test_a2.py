"""Lesson A2: its judges know right from wrong however it is written, its documents are what they say they are, and its
numbers hold for other documents too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from werkbank_lessons import words
from werkbank_lessons.data import path_of
from werkbank_lessons.exercises.a2 import bands_and_rows, bsn_ok, found_share, threshold
from werkbank_lessons.exercises.a2_documents import make_documents
from werkbank_lessons.exercises.a2_questions import FUNCTION_WORDS, questions

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells
from tutorials.build.verdict import complaints, numbers, printed

from .lesson_support import answer_of, judged, wrong_cells

EXERCISES = ["A2-1", "A2-2", "A2-3"]

# Where the lesson draws at random, and a place that lets it start no process: other documents, and quickly.
DRAWN = r"(make_documents\(seed=|default_rng\()\d+\)"
NO_PROCESSES = """
from werkbank_lessons import scaling


def refuse(*_arguments):
    raise scaling.UnavailableError("a test asks for none")


scaling._start_local = refuse
workers = cluster(workers=2)
"""


@pytest.fixture(scope="module")
def made():
    return make_documents(7, messages=400, copies=60, pages=25)


@pytest.mark.parametrize("seed", range(10))
def test_a_bsn_tested_with_a_loop_or_an_array_passes_too(seed):
    def loop(number):
        if not re.fullmatch(r"\d{9}", number):
            return False
        total = -int(number[8])
        for place in range(8):
            total += (9 - place) * int(number[place])
        return not total % 11

    def array(number):
        return np.bool_(bsn_ok(number))

    assert judged("A2-1", loop, seed) is None
    assert judged("A2-1", array, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_bands_found_by_trying_all_pairs_and_no_more_of_them_than_needed_pass_too(seed):
    def least(similarity, recall, permutations):
        fit = [
            (rows, -bands)
            for rows in range(1, permutations + 1)
            for bands in range(1, permutations // rows + 1)
            if found_share(similarity, bands, rows) >= recall
        ]
        rows, bands = max(fit)
        return [-bands, float(rows)]

    assert judged("A2-2", least, seed) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_threshold_between_two_scores_or_above_all_passes_too(seed):
    def between(scores, right, cost_wrong, cost_silent):
        ordered = np.sort(scores)
        middles = [-1.0, *((ordered[1:] + ordered[:-1]) / 2), 2.0]
        costs = [
            sum(cost_silent if score < one else cost_wrong * (not ok) for score, ok in zip(scores, right, strict=True))
            for one in middles
        ]
        return middles[int(np.argmin(costs))]

    assert judged("A2-3", between, seed) is None


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("cell", wrong_cells("A2"))
def test_every_wrong_answer_gets_its_own_hint(cell, seed):
    assert judged(cell.exercise, answer_of(cell), seed) == cell.more["hint"]


def none_passes(number):
    return False


def reversed_with_minus(number):
    return (
        len(number) == 9
        and sum(int(d) * w for d, w in zip(number, (-1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)) % 11 == 0
    )


def without_last(number):
    return len(number) == 9 and sum(int(d) * w for d, w in zip(number, range(9, 1, -1), strict=False)) % 11 == 0


def by_seven(number):
    return len(number) == 9 and int(number) % 7 == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        ("A2-1", lambda number: len(number) == 9 and number.isdigit(), "A2-1.only_digits"),
        ("A2-1", lambda number: True, "A2-1.only_digits"),
        ("A2-1", none_passes, "A2-1.none"),
        ("A2-1", reversed_with_minus, "A2-1.order"),
        ("A2-1", without_last, "A2-1.eight"),
        ("A2-1", by_seven, "A2-1.weights"),
        ("A2-1", lambda number: "yes", "A2-1.truth"),
        ("A2-2", lambda similarity, recall, permutations: (permutations // 16, 16), "A2-2.missed"),
        ("A2-2", lambda similarity, recall, permutations: permutations, "A2-2.pair"),
        ("A2-2", lambda similarity, recall, permutations: (1.5, 2), "A2-2.pair"),
        ("A2-2", lambda similarity, recall, permutations: (0, 5), "A2-2.pair"),
        ("A2-2", lambda similarity, recall, permutations: ("a", "b"), "A2-2.pair"),
        ("A2-3", lambda scores, right, wrong, silent: -np.inf, "A2-3.always"),
        ("A2-3", lambda scores, right, wrong, silent: np.inf, "A2-3.never_wrong"),
        ("A2-3", lambda scores, right, wrong, silent: 0.5, "A2-3.costs"),
        ("A2-3", lambda scores, right, wrong, silent: float("nan"), "A2-3.number"),
        ("A2-3", lambda scores, right, wrong, silent: scores, "A2-3.number"),
        ("A2-3", lambda scores, right, wrong, silent: True, "A2-3.number"),
        (
            "A2-3",
            lambda scores, right, wrong, silent: np.inf if right.all() else threshold(scores, right, wrong, silent),
            "A2-3.answer_all",
        ),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_the_number_worked_out_in_the_text_passes_and_one_in_eleven_does():
    assert bsn_ok("123456782")
    assert not bsn_ok("123456781")
    assert not bsn_ok("٣" * 9)
    assert np.mean([bsn_ok(f"{number:09d}") for number in range(100_000_000, 100_022_000)]) == pytest.approx(
        1 / 11, abs=0.002
    )


def test_bands_and_rows_keep_what_they_promise_and_say_when_nothing_does():
    bands, rows = bands_and_rows(0.65, 0.95, 128)
    assert found_share(0.65, bands, rows) >= 0.95 > found_share(0.65, 128 // (rows + 1), rows + 1)
    with pytest.raises(ValueError, match=r"3 permutations are too few to find 99% of pairs as alike as 0\.5"):
        bands_and_rows(0.5, 0.99, 3)


def test_bands_find_what_random_signatures_say(made):
    """The formula agrees with signatures that agree at each place with the probability of the similarity."""
    rng = np.random.default_rng(1)
    agree = rng.random((20_000, 25, 5)) < 0.65
    assert agree.all(axis=2).any(axis=1).mean() == pytest.approx(found_share(0.65, 25, 5), abs=0.01)


def test_each_message_says_what_was_planted_in_it_and_its_number_passes(made):
    documents, planted = made
    assert len(documents) == len(planted) == 425
    assert len({document["id"] for document in documents}) == 425
    for document in documents:
        text = unicodedata.normalize("NFC", document["text"]).replace("\N{NO-BREAK SPACE}", " ").lower()
        truth = planted[document["id"]]
        assert bool(truth.personal) == (document["source"] == "message")
        for value in truth.personal.values():
            assert unicodedata.normalize("NFC", value).lower() in text
        assert not truth.personal or bsn_ok(re.sub(r"\D", "", truth.personal["bsn"]))
        assert not re.search(r"[\[\]{}]", text)


def test_copies_repeat_another_message_and_say_the_same_of_its_sender(made):
    _, planted = made
    copies = {name: truth for name, truth in planted.items() if truth.copy_of}
    assert len(copies) == len({truth.copy_of for truth in copies.values()}) == 60
    for truth in copies.values():
        assert planted[truth.copy_of].personal == truth.personal
        assert not planted[truth.copy_of].copy_of


def test_some_messages_are_not_normal_and_some_use_al_as_a_word(made):
    texts = [document["text"] for document in made[0] if document["source"] == "message"]
    assert 0.05 < np.mean([text != unicodedata.normalize("NFC", text) for text in texts]) < 0.45
    assert any("\N{NO-BREAK SPACE}" in text for text in texts)
    assert any(re.search(r"\bAl (sinds|met|twee|drie|vier|vijf|zes)\b", text) for text in texts)


def test_the_same_seed_gives_the_same_documents_and_another_seed_others():
    one, same, other = (make_documents(seed, messages=20, copies=2, pages=5)[0] for seed in (1, 1, 2))
    assert one == same
    assert one != other


@pytest.mark.parametrize("copies", [-1, 11])
def test_more_copies_than_there_are_messages_to_copy_are_refused(copies):
    with pytest.raises(ValueError, match=f"copies is {copies}; ask for 0 to 10"):
        make_documents(1, messages=20, copies=copies)


def test_answers_to_questions_are_words_of_the_letter():
    letter = path_of("letter-ai-faciliteit.txt").read_text(encoding="utf-8")
    letter = re.sub(r"(?<=[ei])é(?=[elnr])", "ë", re.sub(r"\bAl\b", "AI", letter)).replace("geinv", "geïnv")
    letter = " ".join(re.sub(r"-\n\s*", "-", letter).split())
    for question in questions():
        for answer in question.answers:
            assert answer in letter, question.text


def test_there_are_as_many_questions_of_each_kind_as_the_text_says_and_none_twice():
    asked = questions()
    answered = [bool(question.answers) for question in asked]
    assert (sum(answered), len(asked)) == (46, 76)
    assert len({question.text for question in asked}) == 76
    assert all(word == word.lower() for word in FUNCTION_WORDS)


@pytest.fixture
def other_documents(execute_cells):
    def run(seed):
        cells = [cell for cell in variants.solved(lesson_cells("A2", "en")) if "figure" not in cell.tags]
        changed = [replace(cell, text=NO_PROCESSES if cell.lid == "texts-cluster" else cell.text) for cell in cells]
        changed = [replace(cell, text=re.sub(DRAWN, rf"\g<1>{seed})", cell.text)) for cell in changed]
        assert sum(one != other for one, other in zip(cells, changed, strict=True)) == 3
        return execute_cells("A2", changed, WERKBANK_STRICT="1").notebook

    return run


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_the_numbers_and_what_the_text_says_of_them_hold_for_other_documents(other_documents, seed):
    executed = other_documents(seed)
    assert complaints(executed) == []
    assert [number.sentence() for number in numbers("A2", executed, "en") if not number.is_kept] == []
    found = {number.name: number.found[0] for number in numbers("A2", executed, "en")}
    assert found["right_words"] == found["right_stems"] == found["right_unknown"]
    assert found["above_words"] < found["above_stems"] < found["above_unknown"] - 0.05
    assert found["chosen_2"] < 0.9 < found["chosen_3"] < 1 < found["chosen_5"]
    assert words.tr("scale.synchronous", "en", reason="")[:40] in printed(executed)
    for kind in ("IBAN", "e-mail addresses", "telephone numbers", "dates of birth", "postcodes"):
        assert f"{kind} left: 0 of" in printed(executed)


def test_it_computes_on_dask_gateway_and_gives_the_cluster_back(execute_cells, gateway):
    from dask_gateway import Gateway
    from werkbank_lessons.words import tr

    cells = [cell for cell in variants.solved(lesson_cells("A2", "en")) if "figure" not in cell.tags]
    last = next(place for place, cell in enumerate(cells) if cell.lid == "twice-run")
    bags = [*cells[: last + 1], next(cell for cell in cells if cell.lid == "cost")]
    few = "(4, messages=200, copies=30, pages=10)"
    bags = [replace(cell, text=cell.text.replace("(seed=4)", few)) for cell in bags]
    executed = execute_cells("A2", bags, WERKBANK_STRICT="1", DASK_GATEWAY__ADDRESS=gateway).notebook
    assert complaints(executed) == []
    assert tr("scale.gateway", "en", workers=2) in printed(executed)
    assert Gateway(gateway, auth="basic").list_clusters() == []
