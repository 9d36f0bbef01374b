"""One face for all pages: templates, style and words shared by the hub's pages and the service's."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hub.pages.filters import FILTERS
from hub.words import translations

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


@cache
def environment(language: str) -> Environment:
    """A Jinja environment whose `{% trans %}` and `_()` speak `language`. Everything is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.filters |= FILTERS
    return made


def render(template: str, language: str, **context: Any) -> str:
    """The page as HTML."""
    return environment(language).get_template(template).render(language=language, **context)


def piece(template: str, macro: str, language: str, *values: Any) -> Markup:
    """What one macro of a template makes of `values`; quicker than a page, for what is drawn by the dozen."""
    made: Markup = getattr(environment(language).get_template(template).module, macro)(*values)
    return made


def style() -> Markup:
    """The style sheet, to stand in a page."""
    return Markup((STATIC / "werkbank.css").read_text())  # noqa: S704  # our own file, and no person's text


def script() -> Markup:
    """The script, to stand in a page."""
    return Markup((STATIC / "werkbank.js").read_text())  # noqa: S704  # our own file, and no person's text
