"""Trainers know when each section begins, what to leave out, and which questions come; learners never see it."""

from __future__ import annotations

import nbformat
import pytest

from tutorials.build.__main__ import main
from tutorials.build.catalogue import LANGUAGES, lessons, read_entry
from tutorials.build.guide import Section, note, sections
from tutorials.build.headers import of_cells
from tutorials.build.manuals import GUIDES
from tutorials.build.notebooks import build, lesson_cells
from tutorials.build.source import Cell, SourceError, read_source

NOTE = Cell("trainer", "markdown", "**Short of time?** Leave out 2.", tags=("trainer",))
CELLS = [
    Cell("title", "markdown", "# A lesson"),
    Cell("a", "markdown", "## 1 · Begin | end (4 min)\n\nText.", more={"minutes": 4}),
    Cell("b", "code", "...", tags=("exercise",), exercise="X1-1"),
    Cell("c", "code", "...", tags=("wrong",), exercise="X1-1"),
    Cell("d", "markdown", "Text before.\n\n## 2 · Go on (58 min)", more={"minutes": 58}),
    Cell("e", "markdown", "## 3 · End (1 min)", more={"minutes": 1}),
    NOTE,
]


def test_sections_begin_when_those_before_them_have_ended():
    assert sections(CELLS) == [
        Section(0, "1 · Begin | end", 4, ("X1-1",)),
        Section(4, "2 · Go on", 58, ()),
        Section(62, "3 · End", 1, ()),
    ]


def test_the_note_has_the_minutes_before_the_words_of_the_author():
    assert note("X1", CELLS, "en").text.splitlines() == [
        "| from | section | min |",
        "|---|---|---|",
        r"| 0:00 | 1 · Begin \| end *(exercise 1)* | 4 |",
        "| 0:04 | 2 · Go on | 58 |",
        "| 1:02 | 3 · End | 1 |",
        "",
        "**Short of time?** Leave out 2.",
    ]


@pytest.mark.parametrize("lesson", lessons())
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sections_of_every_lesson_have_titles_and_take_what_it_promises(lesson, language):
    found = sections(lesson_cells(lesson, language))
    assert [section.title.split(" · ")[0] for section in found] == [str(n) for n in range(1, len(found) + 1)]
    assert sum(section.minutes for section in found) == read_entry(lesson).minutes.total
    assert len([one for section in found for one in section.exercises]) == 3


@pytest.mark.parametrize("lesson", lessons())
def test_trainers_read_the_note_below_the_title_and_learners_nowhere(lesson):
    for language, text in zip(LANGUAGES, build(lesson, "trainer").values(), strict=True):
        cells = nbformat.reads(text, as_version=4).cells
        assert [cell.id for cell in cells].index("trainer") == 1
        assert cells[1].source in GUIDES[language].read_text(encoding="utf-8")
        assert not any("exercise" in cell.metadata.get("tags", []) for cell in cells)
    for text in build(lesson).values():
        assert all(cell.id != "trainer" for cell in nbformat.reads(text, as_version=4).cells)


@pytest.mark.parametrize("wrong", [[], [NOTE, NOTE], [Cell("trainer", "code", "1", tags=("trainer",))]])
def test_a_lesson_without_one_note_is_told(wrong):
    cells = [cell for cell in read_source("D2") if not cell.is_note]
    (said,) = of_cells(read_entry("D2"), [*cells, *wrong])
    assert said.startswith(f"src/D2.py: has {len(wrong) if wrong[:1] == [NOTE] else 0} text cells with tags=")


def test_without_a_note_the_build_says_which_lesson_lacks_one():
    with pytest.raises(SourceError, match=r'^X1: no text cell has tags=\["trainer"\]'):
        note("X1", CELLS[:-1], "en")


def test_trainers_notebooks_are_written_where_somebody_asks_for_them(tmp_path):
    assert main(["S1", "--variant", "trainer", "--output", str(tmp_path)]) == 0
    written = nbformat.read(tmp_path / read_entry("S1").folder / f"{read_entry('S1').stem}.nl.ipynb", as_version=4)
    assert "Te weinig tijd?" in written.cells[1].source
