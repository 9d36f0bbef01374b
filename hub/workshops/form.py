"""A workshop as the fields of a page's form, and back."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from hub.settings import Profile
from hub.words import Translate, later
from hub.workshops.catalogue import Catalogue
from hub.workshops.model import RESERVED, Unfit, Workshop

LONGEST_FIELD = 20_000
_DAY = 86_400


@dataclass
class Form:
    """What is in the fields, and what is wrong with it: a sentence for each field, "" for the whole."""

    fields: dict[str, str]
    mistakes: dict[str, str] = field(default_factory=dict)


# --- from a workshop to fields -------------------------------------------------------------------------


def blank(trainer: str, profile: Profile | None, now: datetime) -> dict[str, str]:
    """The form of a new workshop: an afternoon a fortnight from now, given by whoever asks."""
    starts = (now + timedelta(days=14)).replace(hour=13, minute=30, second=0, microsecond=0)
    return {
        "title": "",
        "title_nl": "",
        "starts": f"{starts:%Y-%m-%dT%H:%M}",
        "ends": f"{starts + timedelta(hours=3):%Y-%m-%dT%H:%M}",
        "place": "",
        "programme": "",
        "trainers": trainer,
        "learners": "",
        "seats": "20",
        "profile": profile.name if profile else "",
        "gpu_class": "",
        "devices": "",
        "lessons": "S1",
        "timetable": "",
        "retention": "30",
        "join": "on",
        "join_limit": "",
        "temporary_accounts": "",
    }


def fields_of(workshop: Workshop) -> dict[str, str]:
    """The fields that `declared` reads as the same workshop."""
    gpus, join = workshop.gpus, workshop.join
    return {
        "title": workshop.title.en,
        "title_nl": "" if workshop.title.nl == workshop.title.en else workshop.title.nl,
        "starts": f"{workshop.starts:%Y-%m-%dT%H:%M}",
        "ends": f"{workshop.ends:%Y-%m-%dT%H:%M}",
        "place": workshop.place,
        "programme": workshop.programme or "",
        "trainers": ", ".join(workshop.trainers),
        "learners": ", ".join(workshop.learners),
        "seats": str(workshop.seats),
        "profile": workshop.profile,
        "gpu_class": gpus.gpu_class if gpus else "",
        "devices": str(gpus.devices) if gpus and gpus.devices != "enough" else "",
        "lessons": ", ".join(workshop.lessons),
        "timetable": workshop.timetable or "",
        "retention": f"{int(workshop.retention) / _DAY:g}",
        "join": "on" if join else "",
        "join_limit": str(join.limit) if join and join.limit else "",
        "temporary_accounts": "on" if join and join.temporary_accounts else "",
    }


def next_time(workshop: Workshop) -> dict[str, str]:
    """The form of the same class once more, a week later, for people who are not known yet."""
    week = timedelta(days=7)
    return fields_of(workshop) | {
        "starts": f"{workshop.starts + week:%Y-%m-%dT%H:%M}",
        "ends": f"{workshop.ends + week:%Y-%m-%dT%H:%M}",
        "learners": "",
    }


# --- from fields to a workshop -------------------------------------------------------------------------


def declared(fields: Mapping[str, str], id: str, before: Workshop | None, known: Catalogue) -> dict[str, Any]:
    """The workshop that the fields describe, as it would stand in YAML; what has no field stays as it was."""
    lessons = _words(fields["lessons"].upper())
    timetable = fields["timetable"].strip() or None
    if not lessons and timetable and timetable in known.timetables:
        lessons = list(known.timetables[timetable].lessons)
    gpus = {"gpu_class": fields["gpu_class"], "devices": fields["devices"].strip() or "enough"}
    join = {"limit": fields["join_limit"].strip() or None, "temporary_accounts": bool(fields["temporary_accounts"])}
    title = fields["title"].strip()
    return {
        "id": id,
        "title": {"en": title, "nl": fields["title_nl"].strip() or title},
        "starts": fields["starts"],
        "ends": fields["ends"],
        "place": fields["place"].strip(),
        "programme": fields["programme"] or None,
        "trainers": _words(fields["trainers"]),
        "learners": _words(fields["learners"]),
        "roster": [one.model_dump() for one in before.roster] if before else [],
        "seats": fields["seats"].strip(),
        "profile": fields["profile"],
        "gpus": gpus if fields["gpu_class"] else None,
        "lessons": lessons,
        "timetable": timetable,
        "retention": f"{fields['retention'].strip()}d",
        "join": join if fields["join"] else None,
    }


def asked(fields: Mapping[str, str], known: Catalogue, translate: Translate) -> tuple[Workshop | None, dict[str, str]]:
    """The same for asking whether it would fit, for which nobody needs a title."""
    named = {**fields, "title": fields["title"].strip() or "-"}
    return read(declared(named, "asked", None, known), translate)


def read(data: Mapping[str, Any], translate: Translate) -> tuple[Workshop | None, dict[str, str]]:
    """The workshop, or a sentence for each field that is wrong."""
    if not data["title"]["en"]:
        return None, {"title": translate(later("What is it called?"))}
    try:
        return Workshop.model_validate(data), {}
    except ValidationError as error:
        return None, dict(_sentences(error, translate))


def _sentences(error: ValidationError, translate: Translate) -> Iterator[tuple[str, str]]:
    """Last first, so that of several for one field the first stays."""
    for one in reversed(error.errors(include_url=False)):
        problem = one.get("ctx", {}).get("error")
        if isinstance(problem, Unfit):
            yield problem.place, _sentence(translate(problem.sentence).format(**problem.facts))
            continue
        place = _field(one["loc"])
        facts = {"value": str(one["input"])[:60], **{k: str(v) for k, v in one.get("ctx", {}).items()}}
        sentence = _KINDS.get(one["type"]) or _FIELDS.get(place) or later("“{value}” cannot be used here.")
        yield place, translate(sentence).format(**facts)


def _field(loc: tuple[int | str, ...]) -> str:
    """The field of the form in which a part of the workshop is written."""
    names = [str(step) for step in loc if isinstance(step, str)]
    special = {
        ("title", "nl"): "title_nl",
        ("gpus", "devices"): "devices",
        ("gpus", "gpu_class"): "gpu_class",
        ("join", "limit"): "join_limit",
    }
    return special.get((names[0], names[1]), names[0]) if len(names) > 1 else "".join(names)


_KINDS = {
    "int_parsing": later("“{value}” is not a whole number."),
    "greater_than_equal": later("It must be at least {ge}."),
    "less_than_equal": later("It can be at most {le}."),
    "string_too_long": later("It can have at most {max_length} characters."),
    "too_long": later("There can be at most {max_length}."),
}
_FIELDS = {
    "starts": later("“{value}” is no date and time that clocks here show; write it as 2027-01-14 14:00."),
    "ends": later("“{value}” is no date and time that clocks here show; write it as 2027-01-14 14:00."),
    "trainers": later("Name at least one trainer, by user name."),
    "learners": later("“{value}” is no user name."),
    "seats": later("How many seats? A whole number."),
    "lessons": later("Name at least one lesson, such as S1."),
    "profile": later("Pick a profile."),
    "retention": later("How many days? A number, such as 30."),
    "devices": later("How many GPUs? A whole number; left empty, one for every eight seats."),
}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _words(text: str) -> list[str]:
    """What is separated by commas, semicolons or white space, each once."""
    return list(dict.fromkeys(word for word in re.split(r"[\s,;]+", text) if word))


# --- its name ----------------------------------------------------------------------------------------


def id_for(title: str, taken: frozenset[str]) -> str:
    """A short name made of the title, which nothing else here has."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:26].strip("-") or "workshop"
    number = 1
    while (name := base if number == 1 else f"{base}-{number}") in taken | RESERVED:
        number += 1
    return name
