"""The shape of the settings tree: which section stands under a key, and what a key is called in words."""

from collections.abc import Iterator
from typing import Any, get_args

from hub.settings.effects import ENTRIES
from hub.settings.labels import label
from hub.settings.model import (
    DemoAuthentication,
    Environment,
    GpuClass,
    OidcAuthentication,
    PamAuthentication,
    Profile,
    Programme,
    Section,
    Settings,
    Words,
)

ENTRY: dict[str, type[Section]] = {
    "profiles": Profile,
    "programmes": Programme,
    "environments": Environment,
    "gpu_classes": GpuClass,
}
"""What an entry of each section of entries is."""
LISTED = ("profiles", "programmes")
"""Sections whose entries carry their name and stand in an order that people see."""
SIGN_IN: dict[str, type[Section]] = {
    "demo": DemoAuthentication,
    "pam": PamAuthentication,
    "oidc": OidcAuthentication,
}


def inner(section: type[Section], key: str) -> type[Section] | None:
    """The section under `key` of `section`; None for a value, or where there are several."""
    found = list(_sections(section.model_fields[key].annotation))
    return found[0] if len(found) == 1 else None


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def in_words(key: str, language: str) -> str:
    """A dotted key as people call it: `profiles.small.cpu` → "Profiles › small › Cores"."""
    section: type[Section] | None = Settings
    said, steps = [], key.split(".")
    while steps and section is not None:
        step = steps.pop(0)
        if section is Settings and step == "authentication" and steps:
            said.append(label(Settings, step, language).name)
            section = next((one for one in SIGN_IN.values() if steps[0] in one.model_fields), None)
            continue
        said.append(label(section, step, language).name)
        if section is Settings and step in ENTRIES and steps:
            section = ENTRY[step]
            said.append(steps.pop(0))
            continue
        section = inner(section, step)
        section = None if section is Words else section
    return " › ".join([*said, *steps])
