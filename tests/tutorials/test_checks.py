"""Whatever an answer does, it costs its learner one sentence: the check ends, and the notebook goes on."""

from __future__ import annotations

import inspect
import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from werkbank_lessons import checks, words
from werkbank_lessons.checks import check, use
from werkbank_lessons.exercises import Exercise, NotYetError, exercise
from werkbank_lessons.guard import PATIENCE, TimeUp, call_within

from tutorials.build.catalogue import lessons, read_entry

from .strange import (
    STRANGE,
    ends_the_kernel,
    for_ever,
    for_ever_asleep,
    for_ever_whatever_comes,
    prints_a_megabyte,
    scribbles,
)

EXERCISES = [one.id for lesson in lessons() for one in read_entry(lesson).exercises]


@pytest.fixture
def doubled(monkeypatch):
    """An exercise, X1-1, that asks for a function which doubles an array; made of what it does to its judge."""

    def judge(answer, rng):
        numbers = rng.normal(size=3)
        found = answer(numbers.copy())
        if found is None:
            raise NotYetError("check.nothing")
        if not np.allclose(found, 2 * numbers):
            raise NotYetError("D2-1.constant", found=found, exact=float(numbers[0]))

    task = Exercise(lambda numbers: 2 * numbers, judge, seconds=0.2)
    monkeypatch.setattr(checks, "exercise", lambda ex_id: task)
    return task


def said(capsys, answer, ex_id="X1-1"):
    check(ex_id, answer)
    return capsys.readouterr().out


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE.keys())
@pytest.mark.parametrize("ex_id", EXERCISES)
def test_a_strange_answer_gets_one_sentence_and_the_lesson_goes_on(ex_id, answer, capsys):
    check(ex_id, answer)
    *printed, sentence = capsys.readouterr().out.splitlines()
    assert sentence.startswith(f"◔ {ex_id}: not yet. ")
    assert bool(printed) == (answer is prints_a_megabyte)
    assert use(ex_id, answer) is exercise(ex_id).reference


@pytest.mark.parametrize("ex_id", EXERCISES)
def test_an_answer_that_never_ends_is_stopped(ex_id, capsys, monkeypatch):
    task = exercise(ex_id)
    if not callable(task.reference):
        return  # an answer that is no function cannot loop
    monkeypatch.setattr(checks, "exercise", lambda _id: replace(task, seconds=0.3))
    assert "did not finish in time" in said(capsys, for_ever, ex_id)


@pytest.mark.parametrize("answer", [for_ever_whatever_comes, for_ever_asleep])
def test_an_answer_that_catches_everything_or_only_waits_is_stopped_too(answer, doubled, capsys):
    assert "did not finish in time" in said(capsys, answer)


@pytest.mark.parametrize("ex_id", EXERCISES)
def test_the_reference_needs_less_than_half_of_its_time(ex_id):
    task = exercise(ex_id)
    began = time.thread_time()
    task.judge(task.reference, np.random.default_rng(7))
    assert time.thread_time() - began < task.seconds / 2


@pytest.mark.parametrize("ex_id", EXERCISES)
def test_an_answer_that_edits_its_input_after_use_cannot_break_the_judge(ex_id, capsys):
    reference = exercise(ex_id).reference
    if not callable(reference):
        return

    def careless(*arguments, **named):
        found = reference(*arguments, **named)
        scribbles(*arguments) if arguments else None
        return found

    careless.__signature__ = inspect.signature(reference)
    (sentence,) = said(capsys, careless, ex_id).splitlines()
    assert sentence.startswith("✔")


def test_waiting_may_take_longer_than_computing(doubled, capsys):
    def patient(numbers):
        time.sleep(1.5 * doubled.seconds)
        return 2 * numbers

    assert "✔" in said(capsys, patient)
    assert PATIENCE > 1.5


def test_the_learners_own_interrupt_gets_through(doubled):
    def interrupted(_numbers):
        os.kill(os.getpid(), signal.SIGINT)
        for_ever()

    with pytest.raises(KeyboardInterrupt):
        check("X1-1", interrupted)


def test_an_interrupt_that_the_answer_swallows_gets_through_all_the_same(doubled):
    def stubborn(numbers):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            pass
        return 2 * numbers

    with pytest.raises(KeyboardInterrupt):
        check("X1-1", stubborn)


def test_after_judging_signals_and_timers_are_as_before(doubled):
    rang = threading.Event()
    handlers = (signal.getsignal(signal.SIGINT), signal.signal(signal.SIGALRM, lambda *_: rang.set()))
    before = signal.setitimer(signal.ITIMER_REAL, 0.6)
    try:
        use("X1-1", for_ever)
        assert signal.getsignal(signal.SIGINT) is handlers[0]
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        assert rang.wait(30), "somebody else's timer did not go on"
    finally:
        signal.signal(signal.SIGALRM, handlers[1])
        signal.setitimer(signal.ITIMER_REAL, *before)


def test_a_limit_within_its_time_changes_nothing():
    done = []
    call_within(5, lambda: done.append(sum(range(10))))
    assert done == [45]
    with pytest.raises(TimeUp):
        call_within(0.05, lambda: for_ever())


def test_on_another_thread_answers_are_judged_without_a_limit(doubled, capsys):
    other = threading.Thread(target=check, args=("X1-1", lambda numbers: 2 * numbers))
    other.start()
    other.join()
    assert "✔" in capsys.readouterr().out


def test_what_an_answer_prints_is_shown_and_cut(doubled, capsys):
    def talks(numbers):
        print("x" * 1_000_000)
        return 2 * numbers

    shown = said(capsys, talks)
    assert len(shown) < 1000
    assert "the first 400 of 1000001 characters" in shown
    assert "✔" in shown
    use("X1-1", talks)
    assert capsys.readouterr().out == ""


def test_a_long_error_is_cut(doubled, capsys):
    def complains(_numbers):
        raise ValueError("y" * 1_000_000)

    shown = said(capsys, complains)
    assert "Your function stopped with ValueError: yyy" in shown
    assert len(shown) < 500


def test_an_error_of_the_judge_about_a_strange_result_is_not_called_the_learners(doubled, capsys):
    assert "is not of the kind that was asked for" in said(capsys, lambda numbers: "twelve")
    assert "is not of the kind that was asked for" in said(capsys, lambda numbers: np.zeros(3))  # no number for a hint
    assert "asks for a function" in said(capsys, 3.0)


def test_both_languages_have_a_sentence_for_all_of_it(doubled, capsys, monkeypatch):
    monkeypatch.setattr(words, "_chosen", "nl")
    assert "niet van het gevraagde soort" in said(capsys, lambda numbers: "twelve")
    assert "Komt elke lus erin tot een eind?" in said(capsys, for_ever)
    assert "Je functie stopte met SystemExit" in said(capsys, ends_the_kernel)


def test_a_missing_library_is_not_a_missing_exercise(monkeypatch):
    from werkbank_lessons import exercises

    def absent(module):
        raise ModuleNotFoundError("No module named 'rdkit'", name="rdkit")

    monkeypatch.setattr(exercises, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match="rdkit"):
        exercise("D2-1")
