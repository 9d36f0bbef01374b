"""Every sentence of the extension of JupyterLab is there in Dutch too, and no other."""

import json
import re
from pathlib import Path
from typing import Any

LAB = Path(__file__).parents[2] / "extensions" / "lab"
STRING = r"'((?:[^'\\]|\\.)*)'"
CALL = re.compile(rf"\btrans\.(?:__|_n)\(\s*{STRING}(?:,\s*{STRING})?")


def sentences() -> dict[str, str]:
    """What the sources translate, with its plural."""
    sources = [file.read_text() for file in LAB.glob("src/**/*.ts*")]
    return {one: many for source in sources for one, many in CALL.findall(source)}


def dutch() -> dict[str, list[str]]:
    file = LAB / "werkbank_lab" / "locale" / "nl_NL" / "LC_MESSAGES" / "werkbank_lab.json"
    words: dict[str, Any] = json.loads(file.read_text())
    # JupyterLab refuses all words of a file that does not say this.
    assert {"language", "plural_forms"} <= words[""].keys()
    return {english: translated for english, translated in words.items() if english}


def test_every_sentence_of_the_extension_is_there_in_dutch_and_no_other() -> None:
    assert len(sentences()) > 50, "the sources were not read"
    assert sorted(sentences()) == sorted(dutch())


def test_translations_have_the_same_places_to_fill_in_and_their_plurals() -> None:
    for english, plural in sentences().items():
        translated = dutch()[english]
        assert len(translated) == (2 if plural else 1), english
        for form, original in zip(translated, (english, plural), strict=False):
            # "one more" needs no number, and in Dutch all of "1st", "2nd" … are "e".
            assert set(re.findall(r"%\d", form)) == set(re.findall(r"%\d", original)), form
