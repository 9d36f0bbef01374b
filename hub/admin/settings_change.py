"""What an admin asks for, read from a form, and the text of the file that it would make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from hub.admin import settings_edits as edits
from hub.admin.settings_fields import Field, Form, Posted, values
from hub.declared import Finding, Place
from hub.settings.document import read, with_value
from hub.settings.effects import ENTRIES
from hub.settings.model import Section, Settings, Words
from hub.settings.shape import ENTRY, LISTED, SIGN_IN, inner
from hub.settings.writing import fingerprint

Act = Literal["section", "entry", "remove", "up", "down", "text", "restore"]
SECTIONS = (*ENTRIES, "leases", "culling", "workshops", "people", "site", "gateway", "authentication", "server")
"""What has a form of its own, or one for each of its entries."""
PEOPLE = ("admin_groups", "trainer_groups")
"""Two keys of the file that share a form."""
FIELD = "f."
"""The form's names of settings begin so."""
MOST_FIELDS = 1000


@dataclass(frozen=True)
class Change:
    """One wish for another file."""

    act: Act
    section: str = ""
    name: str = ""
    """The entry, as it is called in the file; empty for a new one. A backup's name for `restore`."""
    base: str = ""
    """Fingerprint of the text that the form was made from."""
    text: str = ""
    """For `text`: the section's lines, or the whole file."""
    posted: Posted = field(default_factory=lambda: Posted({}))
    copy: str = ""
    """The entry that a new one begins as."""

    @classmethod
    def of(cls, form: Mapping[str, Sequence[str]]) -> "Change | None":
        """As somebody sent it; None for what no form of ours sends."""

        def one(name: str) -> str:
            return (form.get(name) or [""])[0]

        known = one("act") in ("section", "entry", "remove", "up", "down", "text", "restore")
        is_entry = one("act") in ("entry", "remove", "up", "down")
        of_section = one("section") in (ENTRIES if is_entry else SECTIONS) or one("act") in ("text", "restore")
        if not known or not of_section or len(form) > MOST_FIELDS:
            return None
        posted = {name.removeprefix(FIELD): sent for name, sent in form.items() if name.startswith(FIELD)}
        return cls(
            cast(Act, one("act")),
            one("section"),
            one("name"),
            one("base"),
            one("text").replace("\r\n", "\n"),
            Posted(posted),
            one("copy"),
        )

    def hidden(self) -> list[tuple[str, str]]:
        """The same again as hidden inputs."""
        plain = [("act", self.act), ("section", self.section), ("name", self.name), ("base", self.base)]
        plain += [("text", self.text), ("copy", self.copy)]
        return plain + [(f"{FIELD}{name}", one) for name, sent in self.posted.values.items() for one in sent]


@dataclass(frozen=True)
class Sheet:
    """A form as it is shown: its fields, and the part of the file that it is about."""

    section: str
    place: Place
    kind: type[Section]
    written: Mapping[str, Any]
    form: Form
    fields: tuple[Field, ...]
    is_new: bool = False


def sheet_of(change: Change, text: str, language: str, findings: Sequence[Finding] = ()) -> Sheet:
    """The form of a section or an entry, filled with what was sent or else with what the file says."""
    section, is_entry = change.section, change.act == "entry"
    known = edits.entries(text, section) if is_entry else {}
    place = _place(change, text)
    written = _written(change, text, known)
    kind = _kind(change, written)
    below = [Finding(one.place[len(place) :], one.line, one.sentence) for one in findings if _within(one.place, place)]
    is_new = is_entry and change.name not in known
    posted = change.posted if change.posted.values else None
    form = Form(language, _references(text, kind), posted, below, is_new)
    fields = form.fields(kind, written)
    if section == "people":
        fields = tuple(one for one in fields if one.key in PEOPLE)
    if is_entry and section not in LISTED:
        fields = (_name_field(change, form), *fields)
    return Sheet(section, place, kind, written, form, fields, is_new)


def _within(place: Place, above: Place) -> bool:
    return place[: len(above)] == above


def _place(change: Change, text: str) -> Place:
    if change.act == "entry":
        name = change.name or (change.posted.text("name", "text") or "")
        return edits.place_of(text, change.section, name)
    return () if change.section == "people" else (change.section,)


def _written(change: Change, text: str, known: Mapping[str, dict[str, Any]]) -> Mapping[str, Any]:
    if change.act == "entry":
        if change.name:
            return known.get(change.name, {})
        copied = dict(known.get(change.copy, {}))
        return copied | ({"name": None} if "name" in copied else {})
    tree = read(text) or {}
    found = tree if change.section == "people" else tree.get(change.section)
    return found if isinstance(found, dict) else {}


def _kind(change: Change, written: Mapping[str, Any]) -> type[Section]:
    if change.act == "entry":
        return ENTRY[change.section]
    if change.section == "people":
        return Settings
    if change.section == "authentication":
        chosen = change.posted.text("kind", "choice") or str(written.get("kind", "demo"))
        return SIGN_IN.get(chosen, SIGN_IN["demo"])
    found = inner(Settings, change.section)
    assert found is not None
    assert found is not Words
    return found


def _references(text: str, kind: type[Section]) -> dict[str, Sequence[str]]:
    if kind is not ENTRY["profiles"]:
        return {}
    return {
        "environment": list(edits.entries(text, "environments")) or ["default"],
        "gpu_classes": list(edits.entries(text, "gpu_classes")),
    }


def _name_field(change: Change, form: Form) -> Field:
    """The name of an entry that does not carry it among its own settings."""
    profile = next(one for one in form.fields(ENTRY["profiles"], {"name": change.name}) if one.key == "name")
    sent = change.posted.text("name", "text")
    return Field(**{**vars(profile), "value": change.name if sent is None else sent, "now": None})


# --- the text that it makes ------------------------------------------------------------------------------


def applied(change: Change, text: str, restored: str = "") -> tuple[str, list[Finding]]:
    """The file's new text, or what is wrong with the form. Raises SettingsError with a sentence.

    `restored` is the text of the backup, for `restore`.
    """
    match change.act:
        case "text":
            return edits.with_part(text, change.section, edits.unmasked(change.text, text)), []
        case "restore":
            return restored, []
        case "remove":
            return edits.without_entry(text, change.section, change.name), []
        case "up" | "down":
            return edits.moved(text, change.section, change.name, -1 if change.act == "up" else 1), []
    sheet = sheet_of(change, text, "en")
    if change.act == "entry" and (taken := _taken(change, sheet, text)):
        return text, [taken]
    if troubles := change.posted.troubles(sheet.fields):
        return text, [Finding((*sheet.place, *one.place), one.line, one.sentence) for one in troubles]
    return _filled_in(change, sheet, text), []


def _taken(change: Change, sheet: Sheet, text: str) -> Finding | None:
    """What is wrong with a new name: another entry has it, and would be lost."""
    name = (change.posted.text("name", "text") or "").strip()
    names = list(edits.entries(text, change.section))
    if name == change.name or name not in names:
        return None
    sentence = f'`name`: "{name}" is already the name of number {names.index(name) + 1}; names must differ.'
    return Finding((*sheet.place, "name"), 0, sentence)


def _filled_in(change: Change, sheet: Sheet, text: str) -> str:
    own = [one for one in sheet.fields if one.key in sheet.kind.model_fields]
    new = values(sheet.form, own, sheet.kind, sheet.written)
    if change.act == "entry":
        name = (change.posted.text("name", "text") or change.name).strip()
        return edits.with_entry(text, change.section, change.name, name, new)
    if sheet.section == "people":
        for key in PEOPLE:
            if key in new:
                text = with_value(text, (key,), new[key])
        return text
    if sheet.section == "authentication":
        new = {key: one for key, one in new.items() if key in sheet.kind.model_fields}
    return with_value(text, sheet.place, new) if new or sheet.written else text


def base_of(text: str) -> str:
    """What a form remembers of the text that it was made from."""
    return fingerprint(text)
