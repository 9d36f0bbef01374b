"""The kit's words in English and Dutch, one file per language in ``words/``."""

from __future__ import annotations

import json
import os
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path

LANGUAGES = ("en", "nl")
_chosen: str | None = None


def set_language(language: str) -> None:
    """Fix the language for this kernel, that of `%werkbank` too; raises ValueError for one without words."""
    global _chosen
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is not a language of the lessons; choose one of {', '.join(LANGUAGES)}")
    _chosen = language
    os.environ["WERKBANK_LANGUAGE"] = language


def language() -> str:
    """The learner's language: chosen in the lesson, else the notebook's, else ``$WERKBANK_LANGUAGE``, else English."""
    for candidate in (_chosen, _of_notebook(), os.environ.get("WERKBANK_LANGUAGE")):
        if candidate in LANGUAGES:
            return candidate
    return "en"


def tr(key: str, lang: str | None = None, **values) -> str:
    """The sentence or label ``key`` in ``lang``, with ``values`` filled in; raises KeyError for an unknown key."""
    return _words(lang or language())[key].format(**values)


def is_word(key: str) -> bool:
    """Whether `tr` knows ``key``, in every language."""
    return all(key in _words(language) for language in LANGUAGES)


def differences() -> list[str]:
    """The keys that some language lacks, in alphabetical order; none in a kit that is whole."""
    keys = [set(_words(language)) for language in LANGUAGES]
    return sorted(set.union(*keys) - set.intersection(*keys))


@cache
def _words(lang: str) -> dict[str, str]:
    """All words of one language, keys joined with dots (``D2.axis.year``)."""
    if lang not in LANGUAGES:
        raise ValueError(f"{lang!r} is not a language of the lessons; choose one of {', '.join(LANGUAGES)}")
    text = resources.files(__package__).joinpath("words", f"{lang}.toml").read_text(encoding="utf-8")
    return dict(_flatten(tomllib.loads(text)))


def _flatten(table: dict, prefix: str = ""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _of_notebook() -> str | None:
    """The language the running notebook states in its metadata.

    Jupyter Server hands a kernel its notebook's path in ``JPY_SESSION_NAME``; other clients do not, then nothing is
    known.
    """
    path = Path(os.environ.get("JPY_SESSION_NAME", ""))
    if path.suffix != ".ipynb":
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"]["werkbank"]["language"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
