"""A change runs the lessons that it touches, and all of them when what they share changed."""

from __future__ import annotations

import pytest

from tutorials.build.catalogue import lessons

from . import touched
from .touched import CLAIMS, lessons_of

KIT = "extensions/lessons/werkbank_lessons"
ALL = set(lessons())


def of(*paths, before=""):
    return lessons_of(paths, lambda _path: before)


@pytest.mark.parametrize(
    "path",
    [
        "tutorials/src/H1.py",
        "tutorials/catalogue/H1.yaml",
        "tutorials/expected/H1.json",
        "tutorials/i18n/nl/H1.md",
        "tutorials/notebooks/H1-findable/findable.nl.ipynb",
        f"{KIT}/exercises/h1.py",
        "tests/tutorials/test_h1.py",
    ],
)
def test_a_file_of_one_lesson_touches_that_lesson(path):
    assert of(path) == {"H1"}


@pytest.mark.parametrize(
    "path",
    [
        "tutorials/build/catalogue.py",
        f"{KIT}/checks.py",
        f"{KIT}/exercises/__init__.py",
        "tests/tutorials/conftest.py",
        "tests/tutorials/test_lessons_run.py",
        "images/lessons/bio/requirements.in",
        "images/lab/requirements.in",
        "images/workbench.lock",
        "images/lessons.lock",
        "tests/requirements.lock",
        "pyproject.toml",
        f"{KIT}/data/letter-ai-faciliteit.txt",
    ],
)
def test_what_lessons_share_touches_all(path):
    assert of(path) == ALL


@pytest.mark.parametrize(
    "path",
    ["hub/errors.py", "extensions/lab/src/api.ts", "tutorials/notebooks/catalogue.json", "tutorials/timetables.yaml"],
)
def test_what_no_lesson_uses_touches_none(path):
    assert of(path) == set()


def test_words_touch_the_lessons_whose_words_they_are(monkeypatch):
    monkeypatch.setattr(touched, "_now", lambda _path: '[check]\nx = "1"\n[D2-1]\nshape = "new"\n')
    assert of(f"{KIT}/words/nl.toml", before='[check]\nx = "1"\n[D2-1]\nshape = "old"\n') == {"D2"}
    assert of(f"{KIT}/words/nl.toml", before='[check]\nx = "0"\n') == ALL


def test_a_claim_touches_the_lessons_that_cite_it(monkeypatch):
    monkeypatch.setattr(touched, "_now", lambda _path: "climate-modelling: {quote: new}\nother: {quote: new}\n")
    assert of(CLAIMS, before="other: {quote: new}\n") == {"D1", "D2"}
    assert of(CLAIMS, before="climate-modelling: {quote: new}\n") == set()


def test_where_git_does_not_tell_all_are_touched(monkeypatch):
    monkeypatch.delenv("WERKBANK_TEST_LESSONS", raising=False)
    monkeypatch.setattr(touched, "_git", lambda *_arguments: None)
    assert touched.touched() == ALL


def test_the_change_is_that_since_the_main_branch_and_what_lies_uncommitted(monkeypatch):
    monkeypatch.delenv("WERKBANK_TEST_LESSONS", raising=False)
    asked = []

    def git(command, *rest):
        asked.append((command, *rest))
        answers = {"merge-base": "c0ffee\n", "diff": "tutorials/src/D2.py\n", "ls-files": "tutorials/src/Z9.py\n"}
        return answers[command]

    monkeypatch.setattr(touched, "_git", git)
    assert touched.touched() == {"D2"}
    assert asked[0] == ("merge-base", "HEAD", "main^1")
    assert "c0ffee" in asked[1]


def test_a_lesson_changed_itself_is_told_from_one_whose_kit_changed(monkeypatch):
    monkeypatch.delenv("WERKBANK_TEST_LESSONS", raising=False)
    answers = {"merge-base": "c0ffee\n", "ls-files": ""}
    answers["diff"] = "tutorials/expected/D2.json\nextensions/lessons/werkbank_lessons/scaling.py\n"
    monkeypatch.setattr(touched, "_git", lambda command, *_rest: answers[command])
    assert touched.touched() == ALL
    assert touched.touched_itself() == {"D2"}
    answers["diff"] = "".join(f"tutorials/src/{lesson}.py\n" for lesson in sorted(ALL)[: touched.FEW + 1])
    assert touched.touched_itself() == set()
    monkeypatch.setattr(touched, "_git", lambda *_arguments: None)
    assert (touched.touched(), touched.touched_itself()) == (ALL, set())


def test_one_may_choose(monkeypatch):
    monkeypatch.setenv("WERKBANK_TEST_LESSONS", "all")
    assert touched.touched() == ALL
    monkeypatch.setenv("WERKBANK_TEST_LESSONS", "D2,Z9")
    assert touched.touched() == touched.touched_itself() == {"D2"}
