"""Fields of a form, made from a section of the settings, and the values that come back from it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic_core import PydanticUndefined, to_jsonable_python

from hub.admin.settings_sentences import at_field
from hub.declared import Finding, Place
from hub.settings.document import same
from hub.settings.flat import HIDDEN, PASSWORD, short
from hub.settings.labels import label
from hub.settings.model import Section, Words
from hub.settings.shape import inner
from hub.words import translator

Kind = Literal["text", "number", "switch", "choice", "names", "checks", "pairs", "secret", "words", "section"]

UNITS = {
    "GpuClass.memory": "GiB, GB",
    "Co2e.value": "g/kWh",
    "Water.value": "L/kWh",
    "Site.memory_overcommit": "×",
    "Quota.gpu_hours_per_week": "h",
    "Quota.soft_gpu_hours_per_week": "h",
}
MOST = 20_000
"""Characters that one field may carry."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Field:
    """One setting in a form."""

    name: str
    """In the form: dotted below the form's own section."""
    key: str
    kind: Kind
    label: str
    help: str
    default: str
    required: bool
    unit: str = ""
    value: str = ""
    """As it stands in the input; names and pairs one a line."""
    now: str | None = None
    """What the file says, where the form says something else."""
    choices: tuple[str, ...] = ()
    problems: tuple[tuple[str, bool], ...] = ()
    """Each with whether it is in the reader's language."""
    children: tuple["Field", ...] = ()
    optional: bool = False
    """A part that can be left out as a whole."""

    @property
    def lines(self) -> list[str]:
        """The value's lines."""
        return self.value.splitlines()


@dataclass(frozen=True)
class Form:
    """What a form is filled from."""

    language: str
    references: Mapping[str, Sequence[str]]
    """Names to choose from, by key: `environment`, `gpu_classes`."""
    posted: "Posted | None" = None
    findings: Sequence[Finding] = ()
    """Of the section, with places from there."""
    is_new: bool = False
    """The file has none of it yet."""

    def fields(
        self,
        section: type[Section],
        written: Mapping[str, Any],
        above: Place = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> tuple[Field, ...]:
        """The fields of a section; `written` is what the file says of it, `defaults` what holds otherwise."""
        schema = section.model_json_schema()
        return tuple(
            self._field(section, key, written, above, _resolved(schema, schema["properties"][key]), defaults or {})
            for key in section.model_fields
        )

    def _field(
        self,
        section: type[Section],
        key: str,
        written: Mapping[str, Any],
        above: Place,
        node: Mapping[str, Any],
        defaults: Mapping[str, Any],
    ) -> Field:
        place = (*above, key)
        default = defaults.get(key, default_of(section, key))
        named, kind = label(section, key, self.language), self._kind(section, key, node)
        in_file = written.get(key)
        below = in_file if isinstance(in_file, dict) else {}
        nested = inner(section, key) if kind in ("words", "section") else None
        value = as_text(kind, in_file if key in written else _shown_default(section, key, kind))
        posted = self.posted.text(_name(place), kind) if self.posted else None
        return Field(
            name=_name(place),
            key=key,
            kind=kind,
            label=named.name,
            help=named.help,
            default=short(as_text(kind, default)),
            required=section.model_fields[key].is_required(),
            unit=UNITS.get(f"{section.__name__}.{key}", ""),
            value=value if posted is None else posted,
            now=value if posted not in (None, value) and kind != "secret" and not self.is_new else None,
            choices=self._choices(key, kind, node, in_file),
            problems=tuple(at_field(said, translator(self.language)) for said in self._at(place, nested is not None)),
            children=self.fields(nested, below, place, default if isinstance(default, dict) else {}) if nested else (),
            optional=kind == "section" and section.model_fields[key].default is None,
        )

    def _kind(self, section: type[Section], key: str, node: Mapping[str, Any]) -> Kind:
        if key in self.references:
            return "checks" if node.get("type") == "array" else "choice"
        if (nested := inner(section, key)) is not None:
            return "words" if nested is Words else "section"
        if "enum" in node or "const" in node:
            return "choice"
        if node.get("format") == "password":
            return "secret"
        kinds = {"boolean": "switch", "integer": "number", "number": "number", "array": "names", "object": "pairs"}
        return cast(Kind, kinds.get(str(node.get("type")), "text"))

    def _choices(self, key: str, kind: Kind, node: Mapping[str, Any], in_file: Any) -> tuple[str, ...]:
        if key in self.references:
            own = in_file if isinstance(in_file, list) else []
            return tuple(dict.fromkeys([*self.references[key], *map(str, own)]))
        return tuple(node.get("enum", ())) or ((node["const"],) if "const" in node else ())

    def _at(self, place: Place, has_children: bool) -> Iterable[str]:
        for finding in self.findings:
            if finding.place == place or (not has_children and finding.place[: len(place)] == place):
                yield finding.sentence

    def unplaced(self, fields: Iterable[Field]) -> list[Finding]:
        """Findings that stand at none of the fields."""
        places = {field.name: bool(field.children) for field in _all(fields)}
        said = {sentence for name, nested in places.items() for sentence in self._at(tuple(name.split(".")), nested)}
        return [finding for finding in self.findings if finding.sentence not in said]


def _all(fields: Iterable[Field]) -> Iterable[Field]:
    for field in fields:
        yield field
        yield from _all(field.children)


def _name(place: Place) -> str:
    return ".".join(map(str, place))


def _resolved(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    options = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
    node = options[0] if options else node
    return schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def default_of(section: type[Section], key: str) -> Any:
    """The default as it would be written; None where there is none."""
    value = section.model_fields[key].default
    return None if value is PydanticUndefined else to_jsonable_python(value, serialize_unknown=True)


def _shown_default(section: type[Section], key: str, kind: Kind) -> Any:
    """Lists and pairs show their default: an empty one means none."""
    return default_of(section, key) if kind in ("names", "checks", "pairs") else None


# --- texts of values --------------------------------------------------------------------------------


def as_text(kind: Kind, value: Any) -> str:
    """A value as it stands in its input."""
    if value is None or kind in ("words", "section"):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "secret":
        return value if str(value).startswith("env:") else HIDDEN
    if isinstance(value, list):
        return "\n".join(map(_line, value))
    if isinstance(value, dict):
        return "\n".join(f"{_line(key, '=')} = {_pair_text(one)}" for key, one in value.items())
    return PASSWORD.sub(rf"\1:{HIDDEN}@", _line(value)) if kind == "text" else str(value)


def _pair_text(value: Any) -> str:
    return ", ".join(_line(one, ",") for one in value) if isinstance(value, list) else _line(value)


def _line(value: Any, more: str = "") -> str:
    """A text on one line; in quotes where it would not come back as it is."""
    text = value if isinstance(value, str) else str(value)
    awkward = not text or text != text.strip() or text.startswith('"') or len(text.splitlines()) != 1
    return json.dumps(text, ensure_ascii=False) if awkward or (more and more in text) else text


def _unline(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


@dataclass(frozen=True)
class Posted:
    """What somebody filled in, by the fields' names."""

    values: Mapping[str, Sequence[str]]

    def text(self, name: str, kind: Kind) -> str | None:
        """A field as text; None when the form did not have it."""
        if kind == "checks":
            return "\n".join(one for one in self.values[name] if one) if name in self.values else None
        return self.values[name][0].replace("\r\n", "\n") if self.values.get(name) else None

    def troubles(self, fields: Iterable[Field]) -> list[Finding]:
        """Fields that cannot be meant so: given twice, with control characters, or as long as a book."""
        return [
            Finding(tuple(field.name.split(".")), 0, sentence)
            for field in _all(fields)
            for sentence in _troubles(field, self.values.get(field.name, ()))
        ]


def _troubles(field: Field, values: Sequence[str]) -> Iterable[str]:
    if len(values) > 1 and field.kind != "checks":
        yield f"`{field.name}` is given {len(values)} times."
    if any(_CONTROL.search(one.replace("\r\n", "\n")) for one in values):
        yield f"`{field.name}` has a character in it that cannot be seen."
    if any(len(one) > MOST for one in values):
        yield f"`{field.name}` is longer than {MOST} characters."


# --- from texts to values -----------------------------------------------------------------------------


def values(form: Form, fields: Iterable[Field], section: type[Section], old: Mapping[str, Any]) -> dict[str, Any]:
    """The section as the form wants it written.

    What is empty is left out and takes its default; what the form did not have stays as the file has it, and so do
    values that are not changed.
    """
    new: dict[str, Any] = {}
    for field in fields:
        found = _value(form, field, section, old)
        if found is not None or (field.key in old and old[field.key] is None):
            new[field.key] = found
    # In the order of the file; what is new goes last.
    return {key: new[key] for key in [*(key for key in old if key in new), *(key for key in new if key not in old)]}


def _value(form: Form, field: Field, section: type[Section], old: Mapping[str, Any]) -> Any:
    before = old.get(field.key)
    if field.children:
        below = before if isinstance(before, dict) else {}
        nested = inner(section, field.key)
        assert nested is not None
        return values(form, field.children, nested, below) or ({} if before == {} else None)
    text = form.posted.text(field.name, field.kind) if form.posted else None
    if text is None or (field.key in old and text == as_text(field.kind, before)):
        return before
    if field.kind == "secret" and text in ("", HIDDEN):
        return before
    value = parsed(field, text, before)
    return None if field.key not in old and same(value, default_of(section, field.key)) else value


def parsed(field: Field, text: str, before: Any = None) -> Any:
    """The value that a text stands for. What it should not be is left for the checks to say."""
    match field.kind:
        case "names" | "checks":
            return [_unline(line) for line in text.split("\n") if line.strip()]
        case "pairs":
            lists = isinstance(before, dict) and any(isinstance(one, list) for one in before.values())
            return _pairs(text, lists or field.name == "users")
        case "number":
            return _number(text.strip())
        case "switch":
            return {"true": True, "false": False, "": None}.get(text.strip(), text)
        case "text" if isinstance(before, str) and HIDDEN in text:
            password = PASSWORD.search(before)
            return text.replace(HIDDEN, password[2], 1) if password else text
    return _unline(text) or (None if not text.strip() else "")


def _number(text: str) -> Any:
    if not text:
        return None
    if re.fullmatch(r"[+-]?\d{1,15}", text):
        return int(text)
    decimal = text.replace(",", ".", 1)
    return float(decimal) if re.fullmatch(r"[+-]?\d{1,15}\.\d{1,15}", decimal) else text


def _pairs(text: str, lists: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in text.split("\n"):
        if line.strip():
            key, value = _pair(line.strip())
            found[key] = [_unline(one) for one in _split(value)] if lists else _unline(value)
    return found


def _pair(line: str) -> tuple[str, str]:
    if line.startswith('"'):
        try:
            key, end = json.JSONDecoder().raw_decode(line)
            return str(key), line[end:].strip().removeprefix("=").strip()
        except ValueError:
            pass
    key, _, value = line.partition("=")
    return key.strip(), value.strip()


def _split(text: str) -> list[str]:
    return re.findall(r'"(?:[^"\\]|\\.)*"|[^,\s](?:[^,]*[^,\s])?', text)
