"""The sentences people see, in English and Dutch, one file per language in ``words/``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "nl")


def language() -> str:
    """The language of this seat: ``$WERKBANK_LANGUAGE``, else English."""
    wanted = os.environ.get("WERKBANK_LANGUAGE", "")
    return wanted if wanted in LANGUAGES else "en"


def tr(key: str, lang: str | None = None, **values: object) -> str:
    """The sentence ``key`` in ``lang`` (else the seat's language), with ``values`` filled in; KeyError if unknown."""
    return _words(lang or language())[key].format(**values)


def duration(seconds: float, lang: str | None = None) -> str:
    """``seconds`` as people say it: "4 s", "6 min", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    return tr("duration.hours", lang, hours=minutes // 60, minutes=minutes % 60)


def size(count: float, lang: str | None = None) -> str:
    """``count`` bytes as people say it: "2 GiB", "1.5 GiB", "512 MiB"."""
    number, unit = (count / 2**30, "GiB") if count >= 2**30 else (count / 2**20, "MiB")
    text = f"{number:.1f}".removesuffix(".0")
    return f"{text.replace('.', ',') if (lang or language()) == 'nl' else text} {unit}"


@cache
def _words(lang: str) -> dict[str, str]:
    """All sentences of one language, keys joined with dots (``wait.place``)."""
    text = resources.files(__package__).joinpath("words", f"{lang}.toml").read_text(encoding="utf-8")
    return dict(_flatten(tomllib.loads(text)))


def _flatten(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
