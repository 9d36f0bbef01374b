"""What pages call a setting, and how they explain it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hub.settings.model import Section

FILE = Path(__file__).with_name("labels.yaml")


@dataclass(frozen=True)
class Label:
    """A setting in somebody's language."""

    name: str
    help: str


@cache
def labels() -> dict[str, list[str]]:
    """`Section.key` → English label, Dutch label, Dutch help."""
    read: dict[str, list[str]] = YAML(typ="safe", pure=True).load(FILE)
    return read


def label(section: type[Section], key: str, language: str) -> Label:
    """The setting `key` of `section`."""
    owner = next(one for one in section.__mro__ if f"{one.__name__}.{key}" in labels())
    english, dutch, help_in_dutch = labels()[f"{owner.__name__}.{key}"]
    explained = " ".join(str(section.model_fields[key].description).split())
    return Label(dutch, help_in_dutch) if language == "nl" else Label(english, explained)


def unlabelled() -> tuple[set[str], set[str]]:
    """Keys without labels, and labels without a key; a test keeps both empty."""
    # A workshop is read like a section, and is no part of the settings.
    sections = (one for one in _sections(Section) if one.__module__ == Section.__module__)
    wanted = {f"{one.__name__}.{key}" for one in sections for key in one.__annotations__ if key[0] != "_"}
    return wanted - set(labels()), set(labels()) - wanted


def _sections(base: Any) -> list[type[Section]]:
    return [one for direct in base.__subclasses__() for one in (direct, *_sections(direct))]
