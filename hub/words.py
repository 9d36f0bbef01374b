"""What people read, in English and Dutch.

English stands in the code as gettext message ids; Dutch in `hub/locale/nl.po`. The language of a
request is the one chosen on a page (cookie), else the browser's first that we speak.
"""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES = ("en", "nl")
COOKIE = "werkbank-language"
_LOCALE = Path(__file__).parent / "locale"

Translate = Callable[[str], str]


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of `language`; English and unknown languages pass messages through."""
    path = _LOCALE / f"{language}.po"
    if language not in LANGUAGES or not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def translator(language: str) -> Translate:
    """A function from an English message id to its text in `language`."""
    return cast(Translate, translations(language).gettext)


def later(message: str) -> str:
    """Marks a message that is translated where its reader is known; here it stays English."""
    return message


def choose_language(cookie: str | None, accept_language: str | None) -> str:
    """The language to answer a request in: "en" or "nl"."""
    if cookie in LANGUAGES:
        return cookie
    return negotiate_locale(_preferred(accept_language or ""), LANGUAGES, sep="-") or "en"


def _preferred(header: str) -> list[str]:
    """The languages of an Accept-Language header, best first. Malformed weights count as 1."""
    weighted = []
    for part in header[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = parameters.strip().removeprefix("q=")
        is_number = weight.isascii() and weight.replace(".", "", 1).isdigit()
        weighted.append((float(weight) if is_number else 1.0, tag.strip()))
    return [tag for weight, tag in sorted(weighted, key=lambda pair: -pair[0]) if weight > 0 and tag]
