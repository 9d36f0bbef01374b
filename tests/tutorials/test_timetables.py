"""Timetables can be kept to: they name lessons that exist, end in time, and let people stand up."""

from __future__ import annotations

import re

import pytest

from tutorials.build import manuals
from tutorials.build.catalogue import LANGUAGES, ROOT, read_entry, read_yaml
from tutorials.build.refusals import CatalogueError
from tutorials.build.timetables import FILE, SIT, page, plain, read_timetables, timetables_of


def test_there_are_three_that_end_in_time():
    found = read_timetables()
    assert [timetable.id for timetable in found] == ["taster", "half-day", "two-days"]
    assert [len(timetable.days) for timetable in found] == [1, 1, 2]
    assert all(day.spare >= 0 for timetable in found for day in timetable.days)


def test_a_lesson_takes_what_the_catalogue_says_and_a_choice_the_longest():
    (day,) = read_timetables()[1].days
    choice = day.blocks[5]
    assert len(choice.lessons) > 1
    assert choice.lasts == max(read_entry(lesson).minutes.total for lesson in choice.lessons)
    begins = dict(day.hours())
    assert begins["13:15"].lessons == ("S1",)
    assert begins[f"13:{15 + read_entry('S1').minutes.total}"].pause == 15


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda day: day.update(ends="11:00"), "taster, day 1: takes 30 min longer than from 10:00 to 11:00"),
        (lambda day: day.update(ends="09:00"), "taster, day 1: ends at 09:00, which is not after 10:00"),
        (lambda day: day.update(begins="10"), "timetables.yaml: 1: days.0.begins: String should match pattern"),
        (lambda day: day["blocks"][1].update(lessons=["X9"]), "there is no lesson X9; allowed are "),
        (lambda day: day["blocks"][1].update(pause=5), "a block is a talk, a pause or lessons, and one of them only"),
        (lambda day: day["blocks"][1].update(minutes=5), "a talk has minutes; a pause is its minutes"),
        (lambda day: day["blocks"][0].update(minutes=60), f"140 min without a pause; at most {SIT}"),
        (lambda day: day["blocks"].clear(), "at least 1 item"),
    ],
)
def test_a_day_that_nobody_could_keep_to_is_refused_with_the_reason(change, said):
    declared = read_yaml(ROOT / FILE)
    change(declared[0]["days"][0])
    with pytest.raises(CatalogueError, match=re.escape(said)):
        timetables_of(declared)


def test_what_is_no_list_is_refused():
    with pytest.raises(CatalogueError, match="is no list of timetables"):
        timetables_of({"taster": 90})


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guide_for_trainers_has_every_block_in_its_language(language):
    shown = page(language)
    for timetable in read_timetables():
        assert getattr(timetable.title, language) in shown
        for day in timetable.days:
            for at, block in day.hours():
                assert f"| {at} | " in shown
                assert all(getattr(read_entry(lesson).title, language) in shown for lesson in block.lessons)


def test_both_guides_have_the_same_sections():
    shapes = [
        re.findall(r"(?m)^(#+) |^(\d\.|-) \*\*|^\|", path.read_text(encoding="utf-8"))
        for path in manuals.GUIDES.values()
    ]
    assert shapes[0] == shapes[1]


def test_programs_get_them_with_the_time_of_each_block():
    (day,) = plain(read_timetables()[0])["days"]
    assert day["spare"] == 0
    assert [(block["at"], block["kind"]) for block in day["blocks"]][:2] == [("10:00", "talk"), ("10:10", "lessons")]
    assert day["blocks"][1]["minutes"] == read_entry("S1").minutes.total
