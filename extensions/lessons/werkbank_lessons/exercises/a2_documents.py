"""Invented Dutch documents of lesson A2: messages to a municipality, copies of them, and pages that are no text.

Nobody wrote them. Names, addresses and numbers come from Faker, which draws them at random; a number that passes its
test may by chance be somebody's. E-mail addresses lie in domains that are reserved for examples.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..data import path_of


@dataclass(frozen=True)
class Planted:
    """What was put into one document: the truth that a pipeline cannot see.

    ``personal`` is what a message says about its sender, by kind (``name``, ``street``, ``postcode``, ``bsn`` and,
    in some, ``iban``, ``email``, ``phone``, ``birth_date``); ``case`` a number of nine digits that is nobody's;
    ``copy_of`` the id of the message that it repeats. All are empty for pages that are no messages.
    """

    personal: dict[str, str] = field(default_factory=dict)
    case: str = ""
    copy_of: str = ""


def make_documents(
    seed: int, messages: int = 2000, copies: int = 300, pages: int = 120
) -> tuple[list[dict[str, str]], dict[str, Planted]]:
    """Documents (``id``, ``source``, ``text``) in random order, and what was planted in each, by id.

    ``copies`` of the ``messages`` are near-duplicates of others; ``pages`` come on top. Needs Faker. Raises ValueError
    where there are more copies than messages to copy.
    """
    if not 0 <= copies <= messages / 2:
        raise ValueError(f"copies is {copies}; ask for 0 to {messages // 2}, half of the {messages} messages")
    rng = np.random.default_rng(seed)
    writer = _Writer(rng, _people(seed))
    written = [writer.message() for _ in range(messages - copies)]
    numbers = rng.permutation(messages + pages)
    ids = [f"d{number:04d}" for number in numbers]
    copied = rng.choice(len(written), size=copies, replace=False)
    made = [(text, planted, "message") for text, planted in written]
    made += [(*writer.copy(*written[one], ids[one]), "message") for one in copied]
    made += [(_page(rng, number), Planted(), "page") for number in range(pages)]
    documents = [
        {"id": name, "source": source, "text": text} for name, (text, _, source) in zip(ids, made, strict=True)
    ]
    planted = {name: truth for name, (_, truth, _) in zip(ids, made, strict=True)}
    return sorted(documents, key=lambda one: one["id"]), planted


@cache
def _dutch() -> dict[str, Any]:
    """What messages and pages are made of."""
    return tomllib.loads(path_of("municipality-messages.toml").read_text(encoding="utf-8"))


def _people(seed: int):
    from faker import Faker

    people = Faker("nl_NL")
    people.seed_instance(seed)
    return people


class _Writer:
    """Writes messages, each with its sender's data."""

    def __init__(self, rng: np.random.Generator, people) -> None:
        self._rng, self._people = rng, people

    def message(self) -> tuple[str, Planted]:
        personal = self._sender()
        case = str(self._rng.integers(10**8, 10**9)) if self._rng.random() < 0.5 else ""
        topic = self._one(list(_dutch()["topics"].values()))
        sentences = [self._filled(one) for one in self._some(topic, int(self._rng.integers(4, 7)))]
        details = {**personal, **({"case": case} if case else {}), "city": self._people.city()}
        about = [self._one(said).format(**details) for kind, said in _dutch()["details"].items() if kind in details]
        self._rng.shuffle(about)
        opening, closing = self._one(_dutch()["openings"]), self._one(_dutch()["closings"]).format(**details)
        text = "\n\n".join([opening, " ".join(sentences), " ".join(about), closing])
        return self._typed(text), Planted(personal, case)

    def copy(self, text: str, planted: Planted, of: str) -> tuple[str, Planted]:
        """The same message once more: a sentence in front, one or two words left out, sometimes in capitals."""
        opening, body, *rest = text.split("\n\n")
        words = body.split(" ")
        for _ in range(int(self._rng.integers(1, 3))):
            del words[int(self._rng.integers(1, len(words) - 1))]
        again = "\n\n".join([opening, f"{self._one(_dutch()['second_time'])} {' '.join(words)}", *rest])
        return again.upper() if self._rng.random() < 0.1 else again, Planted(planted.personal, planted.case, of)

    def _sender(self) -> dict[str, str]:
        people, rng = self._people, self._rng
        postcode = people.postcode().replace(" ", "")
        personal = {
            "name": people.name(),
            "street": f"{people.street_name()} {people.building_number()}",
            "postcode": f"{postcode[:4]}{self._one((' ', ''))}{postcode[4:]}",
            "bsn": _grouped(people.ssn(), self._one(((3, 3, 3), (4, 2, 3), (9,))), self._one((" ", "."))),
        }
        others = {
            "iban": lambda: _grouped(people.iban(), self._one(((4, 4, 4, 4, 2), (18,))), " "),
            "email": people.email,
            "phone": lambda: _phone(rng),
            "birth_date": lambda: _date(people.date_of_birth(minimum_age=18, maximum_age=95), rng),
        }
        return personal | {kind: draw() for kind, draw in others.items() if rng.random() < 0.5}

    def _typed(self, text: str) -> str:
        """As programs leave it: some write accents apart from their letters, some put no-break spaces in numbers."""
        if self._rng.random() < 0.3:
            text = unicodedata.normalize("NFD", text)
        if self._rng.random() < 0.3:
            text = re.sub(r"(?<=\d) (?=\d)", "\N{NO-BREAK SPACE}", text)
        return text

    def _filled(self, sentence: str) -> str:
        """The sentence with one of the options in each pair of square brackets."""
        return re.sub(r"\[([^\]]+)\]", lambda options: self._one(options[1].split("/")), sentence)

    def _one(self, options: Sequence):
        return options[int(self._rng.integers(len(options)))]

    def _some(self, options: Sequence[str], count: int) -> list[str]:
        return [options[place] for place in self._rng.permutation(len(options))[:count]]


def _grouped(number: str, sizes: Sequence[int], mark: str) -> str:
    edges = np.cumsum([0, *sizes])
    return mark.join(number[start:stop] for start, stop in pairwise(edges))


def _phone(rng: np.random.Generator) -> str:
    number = f"{rng.integers(10**7, 10**8)}"
    return (f"06-{number}", f"06 {number[:4]} {number[4:]}", f"+31 6 {number}")[rng.integers(3)]


_MONTHS = (
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
)


def _date(day, rng: np.random.Generator) -> str:
    return (
        f"{day.day:02d}-{day.month:02d}-{day.year}",
        f"{day.day}/{day.month}/{day.year}",
        f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
    )[rng.integers(3)]


def _page(rng: np.random.Generator, number: int) -> str:
    """A menu, a table, English, a line or a line over and over: five kinds in turn."""
    kind = number % 5
    if kind == 0:
        return "\n".join(rng.permutation(_dutch()["menu"]))
    if kind == 1:
        return "\n".join(" ".join(f"{value:.2f}" for value in rng.normal(50, 20, size=8)) for _ in range(12))
    if kind == 2:
        return " ".join(rng.permutation(_dutch()["english"]))
    if kind == 3:
        return ("Zie bijlage.", "Formulier ontvangen.", "Bedankt voor uw bericht!")[rng.integers(3)]
    line = f"Let op: het loket is op dag {rng.integers(1, 29)} van deze maand gesloten, kijk op de website.\n"
    return line * 8
