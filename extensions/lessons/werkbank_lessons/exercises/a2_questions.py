"""Questions of lesson A2 to the letter about the AI facility, and the function words of Dutch.

The letter answers three in five; the others ask about something else, or about something that the letter leaves open.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from ..data import path_of

_STORED = tomllib.loads(path_of("letter-questions.toml").read_text(encoding="utf-8"))

FUNCTION_WORDS = frozenset(_STORED["function_words"].split())


@dataclass(frozen=True)
class Question:
    """``answers`` are literal parts of the repaired letter: a sentence with one of them answers. None does where it is
    empty.
    """

    text: str
    answers: tuple[str, ...] = ()


def questions() -> list[Question]:
    """All questions: first those that the letter answers."""
    answered = [Question(text, tuple(answers)) for text, answers in _STORED["answered"].items()]
    return answered + [Question(text) for kind in _STORED["silent"].values() for text in kind]
