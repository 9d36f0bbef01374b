"""What an admin can do to the settings file, each as a new text of it."""

import re
from collections.abc import Mapping
from typing import Any

from hub.declared import Place
from hub.errors import SettingsError
from hub.settings.document import read, section_lines, with_value
from hub.settings.flat import HIDDEN, PASSWORD, SECRET_NAME
from hub.settings.shape import LISTED

_SECRET_LINE = re.compile(
    r"(?P<key>[\w-]+)(?P<colon>[\"']?\s*:\s*)(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s,{}\[\]#](?:[^,{}\n#]*[^\s,{}\n#])?)"
)


class NoSuchEntry(SettingsError):
    """The entry is no longer in the file."""


# --- entries ------------------------------------------------------------------------------------------


def entries(text: str, section: str) -> dict[str, dict[str, Any]]:
    """The entries of a section by name, in the file's order; what is none is left out."""
    found = (read(text) or {}).get(section)
    if isinstance(found, Mapping):
        return {str(name): dict(one) for name, one in found.items() if isinstance(one, Mapping)}
    listed = found if isinstance(found, list) else []
    return {str(one.get("name", "")): one for one in listed if isinstance(one, dict)}


def place_of(text: str, section: str, name: str) -> Place:
    """Where the entry stands in the tree; at the end where there is none of that name."""
    if section not in LISTED:
        return section, name
    names = list(entries(text, section))
    return section, names.index(name) if name in names else len(names)


def with_entry(text: str, section: str, was: str, name: str, values: dict[str, Any]) -> str:
    """The entry `was` as `values`, called `name`; a new one at the end where there is no such entry."""
    found = (read(text) or {}).get(section)
    if section in LISTED:
        listed = list(found or [])
        number = place_of(text, section, was)[1] if was else len(listed)
        assert isinstance(number, int)
        listed[number : number + 1] = [values]
        return with_value(text, (section,), listed)
    if was and was != name:
        mapping = {name if key == was else key: values if key == was else one for key, one in (found or {}).items()}
        return with_value(text, (section,), mapping)
    return with_value(text, (section, name), values)


def without_entry(text: str, section: str, name: str) -> str:
    """The section without the entry. Raises NoSuchEntry."""
    if name not in entries(text, section):
        raise NoSuchEntry
    found = read(text)[section]
    left: Any = (
        [one for one in found if one.get("name") != name]
        if section in LISTED
        else {key: one for key, one in found.items() if key != name}
    )
    return with_value(text, (section,), left)


def moved(text: str, section: str, name: str, by: int) -> str:
    """The entry `by` places further down, as far as there are places. Raises NoSuchEntry."""
    names = list(entries(text, section))
    if name not in names or section not in LISTED:
        raise NoSuchEntry
    listed = list(read(text)[section])
    at = names.index(name)
    entry = listed.pop(at)
    listed.insert(max(0, at + by), entry)
    return with_value(text, (section,), listed)


# --- text ---------------------------------------------------------------------------------------------


def part_of(text: str, section: str) -> str:
    """The lines of one section, or the whole text for ""."""
    if not section:
        return text
    span = section_lines(text, section)
    return "".join(text.splitlines(keepends=True)[slice(*span)]) if span else ""


def with_part(text: str, section: str, part: str) -> str:
    """The text with other lines for one section; they come last where there were none."""
    part = part.replace("\r\n", "\n")
    part = part if part.endswith("\n") or not part else f"{part}\n"
    if not section:
        return part
    span, lines = section_lines(text, section), text.splitlines(keepends=True)
    if span is None:
        return f"{text if text.endswith(chr(10)) else text + chr(10)}\n{part}"
    return "".join(lines[: span[0]]) + part + "".join(lines[span[1] :])


# --- secrets ------------------------------------------------------------------------------------------


def masked(text: str) -> str:
    """The text without its secrets, comments included: they never leave the machine."""

    def value(found: re.Match[str]) -> str:
        is_shown = not SECRET_NAME.search(found["key"]) or "env:" in found["value"]
        return found[0] if is_shown else f"{found['key']}{found['colon']}{HIDDEN}"

    return _SECRET_LINE.sub(value, PASSWORD.sub(rf"\1:{HIDDEN}@", text))


def unmasked(part: str, before: str) -> str:
    """`part` with the secrets of `before` back where it still says `HIDDEN`."""
    if HIDDEN not in part:
        return part
    secrets = {found["key"]: found["value"].strip() for found in _SECRET_LINE.finditer(before)}

    def value(found: re.Match[str]) -> str:
        if found["value"].strip().strip("\"'") != HIDDEN:
            return found[0]
        return f"{found['key']}{found['colon']}{secrets.get(found['key'], found['value'])}"

    passwords = {found[1]: found[2] for found in PASSWORD.finditer(before)}

    def password(found: re.Match[str]) -> str:
        return f"{found[1]}:{passwords.get(found[1], found[2])}@" if found[2] == HIDDEN else found[0]

    return PASSWORD.sub(password, _SECRET_LINE.sub(value, part))
