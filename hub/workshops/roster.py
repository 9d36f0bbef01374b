"""A class list from a spreadsheet: read leniently, judged strictly, and with the place of every mistake."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from hub.workshops.model import MOST_SEATS, Listed

MOST_BYTES = 4 * 2**20
MOST_PROBLEMS = 20
LONGEST = 200
"""Characters of a name or an affiliation, as in `Listed`."""

_HEADINGS = {
    "name": ("name", "naam", "full name", "volledige naam", "participant", "deelnemer"),
    "email": ("email", "e-mail", "mail", "e-mailadres", "emailadres", "e-mail address", "email address"),
    "affiliation": (
        "affiliation",
        "organisation",
        "organization",
        "organisatie",
        "instelling",
        "institution",
        "affiliatie",
    ),
}
_SEPARATORS = ",;\t"
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Mistake:
    """Something in the file that cannot be used. `line` counts from 1, the heading included; 0 is the whole file."""

    line: int
    code: str
    value: str = ""


@dataclass(frozen=True)
class Roster:
    """Who is on the list, and what is wrong with it; with mistakes nobody is taken from it."""

    learners: tuple[Listed, ...]
    mistakes: tuple[Mistake, ...]


def read_roster(content: bytes) -> Roster:
    """The class list of a CSV file: UTF-8 (with or without a mark at its beginning), UTF-16 or Windows-1252; commas,
    semicolons or tabs; columns in any order, named in English or Dutch; columns that nobody asked for are left alone.
    """
    if len(content) > MOST_BYTES:
        return _unusable("too-large", f"{MOST_BYTES // 2**20} MiB")
    if b"\x00" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _unusable("no-text")
    text = _decoded(content)
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return _unusable("empty")
    separator = max(_SEPARATORS, key=lines[first].count)
    try:
        return _from_rows(_rows(text, separator))
    except csv.Error as error:
        return _unusable("no-row", str(error)[:100])


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its last line."""
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    for row in reader:
        yield reader.line_num, [_tidy(value) for value in row]


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _from_rows(rows: Iterable[tuple[int, list[str]]]) -> Roster:
    columns: dict[str, int] | None = None
    learners: list[Listed] = []
    mistakes: list[Mistake] = []
    lines: dict[str, int] = {}
    for line, cells in rows:
        if not any(cells):
            continue
        if columns is None:
            columns = _columns(cells)
            if missing := [name for name in ("name", "email") if name not in columns]:
                return Roster((), tuple(Mistake(line, f"no-{name}", ", ".join(cells)[:100]) for name in missing))
            continue
        found = _listed(cells, columns, line, lines)
        if isinstance(found, Listed):
            learners.append(found)
        else:
            mistakes.append(found)
        if len(learners) > MOST_SEATS:
            return Roster((), (Mistake(line, "too-many", str(MOST_SEATS)),))
    if not learners and not mistakes:
        return _unusable("nobody")
    return Roster(() if mistakes else tuple(learners), tuple(mistakes))


def _columns(cells: Sequence[str]) -> dict[str, int]:
    """Which column is which, the first of a kind."""
    found: dict[str, int] = {}
    for place, heading in enumerate(cells):
        for name, headings in _HEADINGS.items():
            if heading.lower().strip("*: ") in headings:
                found.setdefault(name, place)
    return found


def _listed(cells: Sequence[str], columns: dict[str, int], line: int, lines: dict[str, int]) -> Listed | Mistake:
    """One learner, or the first thing that is wrong with them."""
    values = {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}
    for problem in _wrong_with(values, line):
        return problem
    try:
        email = validate_email(values["email"], check_deliverability=False).normalized
    except EmailNotValidError:
        return Mistake(line, "email", values["email"][:100])
    if (earlier := lines.setdefault(email.lower(), line)) != line:
        return Mistake(line, "twice", f"{email} ({earlier})")
    return Listed(name=values["name"], email=email, affiliation=values.get("affiliation", ""))


def _wrong_with(values: dict[str, str], line: int) -> Iterator[Mistake]:
    if not values["name"]:
        yield Mistake(line, "nameless", values["email"][:100])
    for value in values.values():
        if value.startswith(_FORMULA):
            yield Mistake(line, "formula", value[:100])
        if len(value) > LONGEST:
            yield Mistake(line, "too-long", value[:100])


def _tidy(value: str) -> str:
    """Without control characters and doubled spaces, in the usual spelling of its characters."""
    kinds = ((one, unicodedata.category(one)) for one in value)
    shown = "".join(" " if kind in ("Cc", "Zl", "Zp") else "" if kind[0] == "C" else one for one, kind in kinds)
    return " ".join(unicodedata.normalize("NFC", shown).split())


def _unusable(code: str, value: str = "") -> Roster:
    return Roster((), (Mistake(0, code, value),))
