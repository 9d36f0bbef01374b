"""Every sentence people see exists in English and Dutch, and says the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from hub.words import LANGUAGES, choose_language, translations, translator

HUB = Path(__file__).parents[2] / "hub"
KEYWORDS = {"_": None, "later": None, "translate": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"silent": "false", "extensions": "jinja2.ext.i18n", "encoding": "utf-8"}}
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}|%%")


def extracted() -> Catalog:
    """Every message that the code and the templates ask a translation for."""
    found = Catalog()
    for file, line, message, _comments, context in extract_from_dir(HUB, METHODS, OPTIONS, KEYWORDS):
        found.add(message, locations=[(file, line)], context=context)
    return found


def dutch() -> Catalog:
    """The Dutch catalogue as it stands in the file; reading stops at the first malformed line."""
    with (HUB / "locale" / "nl.po").open("rb") as file:
        return read_po(file, locale="nl", abort_invalid=True)


def messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def texts(message: Message) -> list[str]:
    """The one text of a message, or its singular and plural."""
    return [message.string] if isinstance(message.string, str) else list(message.string)


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def test_the_extraction_sees_templates_spawners_and_plurals() -> None:
    found = {key(message) for message in messages(extracted())}
    assert "Your seat is starting" in found
    assert "Pick a profile first; nothing was started." in found
    assert "Room for %(count)s more seat" in found


def test_every_message_has_a_dutch_text() -> None:
    known = {key(message): message for message in messages(dutch())}
    without = [key(m) for m in messages(extracted()) if key(m) not in known or not all(texts(known[key(m)]))]
    assert without == []


def test_no_dutch_text_is_left_of_a_message_that_is_gone() -> None:
    catalogue, current = dutch(), {key(message) for message in messages(extracted())}
    assert [key(message) for message in messages(catalogue) if key(message) not in current] == []
    assert list(catalogue.obsolete) == []


def test_no_dutch_text_is_a_guess() -> None:
    assert [key(message) for message in messages(dutch()) if message.fuzzy] == []


def test_dutch_texts_name_the_same_values_as_the_english() -> None:
    for message in messages(dutch()):
        english = [message.id] if isinstance(message.id, str) else list(message.id)
        for original, text in zip(english, texts(message), strict=True):
            assert placeholders(text) == placeholders(original), f"{original!r} → {text!r}"


def test_plural_messages_have_both_forms_in_dutch() -> None:
    wanted = {key(message): message.pluralizable for message in messages(extracted())}
    assert {key(message): message.pluralizable for message in messages(dutch())} == wanted


def test_no_text_uses_words_that_help_nobody() -> None:
    idle = re.compile(r"error occurred|try again later|invalid input|oops|fout opgetreden|probeer het later", re.I)
    for message in messages(dutch()):
        for text in [key(message), *texts(message)]:
            assert not idle.search(text), text


def test_messages_carry_no_markup() -> None:
    """The service's pages take a message as finished HTML, so it must not hold any."""
    for message in messages(dutch()):
        for text in [key(message), *texts(message)]:
            assert not re.search(r"[<>&]", text), text


def test_an_unknown_language_and_an_unknown_message_pass_through_in_english() -> None:
    assert translator("fy")("Sign in") == "Sign in"
    assert translator("nl")("A message nobody wrote") == "A message nobody wrote"


@pytest.mark.parametrize("language", LANGUAGES)
def test_plurals_follow_the_count(language: str) -> None:
    plural = translations(language).ngettext
    one, many = (plural("%(count)s worker", "%(count)s workers", count) for count in (1, 2))
    assert one != many


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        (None, None, "en"),
        (None, "nl", "nl"),
        (None, "nl-NL,nl;q=0.9,en;q=0.8", "nl"),
        (None, "en-GB,en;q=0.9,nl;q=0.8", "en"),
        (None, "de,nl;q=0.5,en;q=0.4", "nl"),
        (None, "fr,de", "en"),
        (None, "en;q=0,nl", "nl"),
        (None, ";;;q=,=x," * 200, "en"),
        ("nl", "en", "nl"),
        ("en", "nl", "en"),
        ("xx", "nl", "nl"),
        ("<script>", "en", "en"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_browsers_first(cookie: str, header: str, language: str) -> None:
    assert choose_language(cookie, header) == language
