"""The kit speaks English and Dutch, completely, and knows which one the learner wants."""

from __future__ import annotations

import json
import string

import pytest
import werkbank_kernels.words
from werkbank_lessons import words
from werkbank_lessons.words import language, set_language, tr


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    monkeypatch.setattr(words, "_chosen", None)
    monkeypatch.delenv("WERKBANK_LANGUAGE", raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def placeholders(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys_and_placeholders():
    english, dutch = words._words("en"), words._words("nl")
    assert english.keys() == dutch.keys()
    assert {key: placeholders(text) for key, text in english.items()} == {
        key: placeholders(text) for key, text in dutch.items()
    }


def test_dutch_addresses_the_learner_as_je():
    for key, sentence in words._words("nl").items():
        assert not {"u", "uw", "jij"} & set(sentence.lower().replace(",", " ").replace(".", " ").split()), key


def test_without_a_wish_the_kit_speaks_english():
    assert language() == "en"
    assert tr("D2.figure.year") == "Year"


def test_the_environment_the_notebook_and_the_lesson_choose_in_rising_order(monkeypatch, tmp_path):
    monkeypatch.setenv("WERKBANK_LANGUAGE", "nl")
    assert language() == "nl"
    notebook = tmp_path / "lesson.ipynb"
    notebook.write_text(json.dumps({"metadata": {"werkbank": {"language": "en"}}}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    assert language() == "en"
    monkeypatch.setattr(words, "_chosen", "nl")
    assert language() == "nl"
    assert tr("D2.figure.year", "en") == "Year"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"metadata": {"werkbank": {"language": "xx"}}}'])
def test_a_notebook_that_does_not_say_is_passed_over(monkeypatch, tmp_path, content):
    notebook = tmp_path / "lesson.ipynb"
    notebook.write_text(content)
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    assert language() == "en"


def test_a_language_without_words_is_refused_with_the_ones_there_are():
    with pytest.raises(ValueError, match="en, nl"):
        set_language("fr")
    with pytest.raises(ValueError, match="en, nl"):
        tr("D2.figure.year", "fr")


def test_an_unknown_key_is_an_error_and_not_an_empty_label():
    with pytest.raises(KeyError):
        tr("D2.figure.nothing")


def test_a_language_chosen_in_a_lesson_is_also_that_of_werkbanks_own_words():
    set_language("nl")
    assert werkbank_kernels.words.language() == "nl"
