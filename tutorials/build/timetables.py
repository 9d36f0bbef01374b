"""Timetables of workshops: what is taught when, checked against the minutes of the lessons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .catalogue import ROOT, LessonId, Minutes, Model, Slug, Text, lessons, read_entry, read_yaml, validated
from .refusals import CatalogueError

FILE = "timetables.yaml"
SIT = 105  # minutes at most from one pause to the next
LUNCH = 45  # a pause from this length on
WORDS = {
    "en": {
        "day": "Day",
        "time": "time",
        "what": "what",
        "pause": "*pause*",
        "lunch": "*lunch*",
        "choose": "One of these",
        "end": "end, with {spare} min to spare",
    },
    "nl": {
        "day": "Dag",
        "time": "tijd",
        "what": "wat",
        "pause": "*pauze*",
        "lunch": "*lunch*",
        "choose": "Een van deze",
        "end": "einde, met {spare} min speling",
    },
}
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Block(Model):
    """A talk of some minutes, a pause, or one lesson out of several: exactly one of them."""

    talk: Text | None = None
    minutes: Minutes | None = None
    pause: Minutes | None = None
    lessons: tuple[LessonId, ...] = ()

    @model_validator(mode="after")
    def _is_one_thing(self) -> Block:
        if sum((self.talk is not None, self.pause is not None, bool(self.lessons))) != 1:
            raise ValueError("a block is a talk, a pause or lessons, and one of them only")
        if (self.minutes is not None) != (self.talk is not None):
            raise ValueError("a talk has minutes; a pause is its minutes, and a lesson takes what the catalogue says")
        return self

    @property
    def kind(self) -> Literal["talk", "pause", "lessons"]:
        return "talk" if self.talk else "pause" if self.pause else "lessons"

    @property
    def lasts(self) -> int:
        """Minutes; of lessons, those of the longest."""
        if self.lessons:
            return max(read_entry(lesson).minutes.total for lesson in self.lessons)
        return self.pause or self.minutes or 0


class Day(Model):
    begins: Clock
    ends: Clock
    blocks: Annotated[list[Block], Field(min_length=1)]

    @property
    def spare(self) -> int:
        """Minutes from the last block to the end; negative when the day runs late."""
        return (_time(self.ends) - _time(self.begins)).seconds // 60 - sum(block.lasts for block in self.blocks)

    def hours(self) -> Iterator[tuple[str, Block]]:
        """Each block with the time at which it begins."""
        at = _time(self.begins)
        for block in self.blocks:
            yield f"{at:%H:%M}", block
            at += dt.timedelta(minutes=block.lasts)


class Timetable(Model):
    id: Slug
    title: Text
    audience: Text
    days: Annotated[list[Day], Field(min_length=1)]


def read_timetables() -> list[Timetable]:
    """All of ours; raises `CatalogueError`."""
    return timetables_of(read_yaml(ROOT / FILE))


def timetables_of(declared: Any) -> list[Timetable]:
    """What is declared as timetables; raises `CatalogueError` for days that nobody could keep to, too."""
    if not isinstance(declared, list):
        raise CatalogueError(f"{FILE}: is no list of timetables")
    found = [validated(Timetable, one, f"{FILE}: {number}") for number, one in enumerate(declared, start=1)]
    if problems := [said for timetable in found for said in _impossible(timetable)]:
        raise CatalogueError("\n".join(problems))
    return found


def plain(timetable: Timetable) -> dict[str, Any]:
    """For programs: as declared, with the time at which each block begins and the minutes that it takes."""
    days = [
        {
            "begins": day.begins,
            "ends": day.ends,
            "spare": day.spare,
            "blocks": [
                block.model_dump(mode="json", exclude_none=True, exclude={"minutes", "pause"})
                | {"at": at, "kind": block.kind, "minutes": block.lasts}
                for at, block in day.hours()
            ],
        }
        for day in timetable.days
    ]
    return timetable.model_dump(mode="json", exclude={"days"}) | {"days": days}


def page(language: str) -> str:
    """All timetables as Markdown in one language."""
    return "\n".join(_section(timetable, language) for timetable in read_timetables())


def _section(timetable: Timetable, language: str) -> str:
    words = WORDS[language]
    lines = [f"### {getattr(timetable.title, language)}", "", getattr(timetable.audience, language), ""]
    for number, day in enumerate(timetable.days, start=1):
        if len(timetable.days) > 1:
            lines += [f"**{words['day']} {number}**", ""]
        lines += [f"| {words['time']} | {words['what']} | min |", "|---|---|---|"]
        lines += [f"| {at} | {_what(block, language)} | {block.lasts} |" for at, block in day.hours()]
        lines += [f"| {day.ends} | {words['end'].format(spare=day.spare)} | |", ""]
    return "\n".join(lines)


def _what(block: Block, language: str) -> str:
    if block.talk:
        return str(getattr(block.talk, language))
    if block.pause:
        return WORDS[language]["lunch" if block.pause >= LUNCH else "pause"]
    entries = [read_entry(lesson) for lesson in block.lessons]
    named = [f"**{entry.id}** {getattr(entry.title, language)}" for entry in entries]
    return named[0] if len(named) == 1 else f"{WORDS[language]['choose']}: {' · '.join(named)}"


def _impossible(timetable: Timetable) -> Iterator[str]:
    for number, day in enumerate(timetable.days, start=1):
        place = f"{FILE}: {timetable.id}, day {number}"
        named = {lesson for block in day.blocks for lesson in block.lessons}
        if unknown := sorted(named - set(lessons())):
            yield f"{place}: there is no lesson {', '.join(unknown)}; allowed are {', '.join(lessons())}"
            continue
        if day.ends <= day.begins:
            yield f"{place}: ends at {day.ends}, which is not after {day.begins}"
        elif day.spare < 0:
            yield f"{place}: takes {-day.spare} min longer than from {day.begins} to {day.ends}"
        if (longest := _longest_sitting(day)) > SIT:
            yield f"{place}: {longest} min without a pause; at most {SIT}"


def _longest_sitting(day: Day) -> int:
    """The most minutes between two pauses."""
    longest = sitting = 0
    for block in day.blocks:
        sitting = 0 if block.kind == "pause" else sitting + block.lasts
        longest = max(longest, sitting)
    return longest


def _time(clock: str) -> dt.datetime:
    return dt.datetime.strptime(clock, "%H:%M")
