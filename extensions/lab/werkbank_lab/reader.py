"""The language of whoever asks, who need not be the owner of the seat."""

from __future__ import annotations

from tornado import web
from werkbank_kernels.words import LANGUAGES, language

COOKIE = "werkbank-language"
"""Set by the workbench's pages."""


def language_of(handler: web.RequestHandler) -> str:
    """As they chose it on the workbench's pages, else as their browser says, else the seat's."""
    chosen = handler.get_cookie(COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    preferred = (part.partition(";")[0].strip()[:2].lower() for part in _accepted(handler))
    return next((one for one in preferred if one in LANGUAGES), language())


def _accepted(handler: web.RequestHandler) -> list[str]:
    return handler.request.headers.get("Accept-Language", "").split(",")
