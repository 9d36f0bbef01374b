"""A class list from a spreadsheet: what is good is taken whole, what is not is named with its line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.workshops.model import MOST_SEATS, Listed
from hub.workshops.roster import MOST_BYTES, read_roster
from hub.workshops.roster_pages import SENTENCES, told

GOOD = "Name,E-mail,Affiliation\nAnn Bos,ann@example.nl,TU Delft\n"
ANN = Listed(name="Ann Bos", email="ann@example.nl", affiliation="TU Delft")


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").encode(),
        GOOD.replace("\n", "\r\n").encode(),
        ("\n\n" + GOOD + "\n,,\n").encode(),
        GOOD.replace("Name,E-mail,Affiliation", "NAAM *,e-mailadres:,Instelling").encode(),
        b"nr,affiliation,email,name\n1,TU Delft,ann@example.nl,Ann Bos\n",
        'name,email,affiliation\n"Ann  Bos" ,ann@EXAMPLE.nl,"TU\u200b Delft"\n'.replace("\u200b", "").encode(),
    ],
)
def test_whatever_a_spreadsheet_writes_is_read_the_same(content: bytes) -> None:
    roster = read_roster(content)
    assert roster.mistakes == ()
    assert roster.learners == (ANN,)


def test_names_in_a_western_code_page_keep_their_accents() -> None:
    roster = read_roster("name;email\nZoë Müller;zoe@example.nl\n".encode("cp1252"))
    assert [one.name for one in roster.learners] == ["Zoë Müller"]


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [
        (b"", 0, "empty"),
        (b"\n \n", 0, "empty"),
        (b"\x89PNG\x00\x00", 0, "no-text"),
        (b"PK\x03\x04\x00\x00", 0, "no-text"),
        (b"name,affiliation\nAnn,x\n", 1, "no-email"),
        (b"email\nann@example.nl\n", 1, "no-name"),
        (b"name,email\n", 0, "nobody"),
        (b"name,email\n,ann@example.nl\n", 2, "nameless"),
        (b"name,email\nAnn,ann@\n", 2, "email"),
        (b"name,email\nAnn,ann\n", 2, "email"),
        (b"name,email\nAnn\n", 2, "email"),
        (b"name,email\nAnn,a@x.nl\nBob,A@x.nl\n", 3, "twice"),
        (b"name,email\n=cmd|' /C calc'!A0,ann@example.nl\n", 2, "formula"),
        (b"name,email\n@SUM(A1),ann@example.nl\n", 2, "formula"),
        (b"name,email\n" + b"x" * 201 + b",ann@example.nl\n", 2, "too-long"),
        (b"name,email\n" + b"x" * 200_000 + b",ann@example.nl\n", 0, "no-row"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line_and_nobody_is_taken(content: bytes, line: int, code: str) -> None:
    roster = read_roster(content)
    assert roster.learners == ()
    assert [(one.line, one.code) for one in roster.mistakes] == [(line, code)]


def test_every_kind_of_mistake_is_told_in_a_sentence() -> None:
    rows = "\n".join("Ann,none" for _ in range(30))
    sentences = told(read_roster(f"name,email\n{rows}\n".encode()).mistakes, lambda text: text)
    assert sentences[0] == (2, "“none” is no e-mail address.")
    assert sentences[-1] == (0, "… and 10 more.")
    assert {"too-large", "no-row", "twice", "formula"} < SENTENCES.keys()


def test_ten_thousand_people_are_read_and_more_are_refused() -> None:
    def rows(count: int) -> bytes:
        return ("name,email\n" + "".join(f"P {n},p{n}@example.nl\n" for n in range(count))).encode()

    assert len(read_roster(rows(MOST_SEATS)).learners) == MOST_SEATS
    assert [one.code for one in read_roster(rows(MOST_SEATS + 1)).mistakes] == ["too-many"]
    assert [one.code for one in read_roster(b"x" * (MOST_BYTES + 1)).mistakes] == ["too-large"]


@given(st.binary(max_size=300))
def test_nothing_that_is_sent_breaks_it(content: bytes) -> None:
    roster = read_roster(content)
    assert bool(roster.learners) != bool(roster.mistakes)


@given(st.text(min_size=1, max_size=60))
def test_a_name_is_kept_without_what_nobody_sees(name: str) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("name", "email"), (name, "a@example.nl")])
    for one in read_roster(text.getvalue().encode("utf-8", errors="replace")).learners:
        assert one.name.isprintable()
        assert one.name == " ".join(one.name.split())
