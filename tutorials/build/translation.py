"""Translations: text keyed by ``lid`` with a fingerprint of the English it translates, so that stale Dutch is seen.

Format of ``i18n/<language>/<lesson>.md``: before each text a line ``<!-- lid: NAME en: FINGERPRINT -->``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from .catalogue import ROOT
from .source import Cell

_MARK = re.compile(r"^<!-- lid: (?P<lid>\S+) en: (?P<fingerprint>\S+) -->$", re.MULTILINE)


class TranslationError(ValueError):
    """A text without a translation, or with one of an older text; the message names each ``lid``."""


@dataclass(frozen=True)
class Translated:
    text: str
    fingerprint: str


def fingerprint(english: str) -> str:
    """Twelve hex digits that change whenever the English does."""
    return hashlib.sha256(english.strip().encode()).hexdigest()[:12]


def read_translation(lesson: str, language: str) -> dict[str, Translated]:
    """All translated texts of ``lesson`` by ``lid``; raises `TranslationError` when a ``lid`` appears twice."""
    path = ROOT / "i18n" / language / f"{lesson}.md"
    content = path.read_text(encoding="utf-8")
    marks = list(_MARK.finditer(content))
    ends = [mark.start() for mark in marks[1:]] + [len(content)]
    texts: dict[str, Translated] = {}
    for mark, end in zip(marks, ends, strict=True):
        if mark["lid"] in texts:
            raise TranslationError(f"{lesson}.{language}: lid {mark['lid']!r} is translated twice")
        texts[mark["lid"]] = Translated(content[mark.end() : end].strip(), mark["fingerprint"])
    return texts


def problems(cells: list[Cell], texts: dict[str, Translated]) -> list[str]:
    """One sentence per text cell that is missing, stale or left over; empty when the translation is complete."""
    english = {cell.lid: cell.text for cell in cells if cell.kind == "markdown"}
    missing = [f"{lid}: no translation" for lid in english if lid not in texts or not texts[lid].text]
    stale = [
        f"{lid}: the English changed (now {fingerprint(english[lid])}, translated {text.fingerprint})"
        for lid, text in texts.items()
        if lid in english and text.fingerprint != fingerprint(english[lid])
    ]
    return missing + stale + [f"{lid}: translates a cell that is gone" for lid in texts if lid not in english]


def accept(lesson: str, language: str, lids: list[str], cells: list[Cell]) -> None:
    """Record that a person has read the translations ``lids`` against today's English."""
    english = {cell.lid: cell.text for cell in cells if cell.kind == "markdown"}
    path = ROOT / "i18n" / language / f"{lesson}.md"

    def renewed(mark: re.Match) -> str:
        lid = mark["lid"]
        return f"<!-- lid: {lid} en: {fingerprint(english[lid])} -->" if lid in lids and lid in english else mark[0]

    path.write_text(_MARK.sub(renewed, path.read_text(encoding="utf-8")), encoding="utf-8")
