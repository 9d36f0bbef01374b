"""Changes the text of a settings file part by part: what is not changed keeps its every character and comment.

ruamel.yaml says where each part stands; a changed part is written in its place, and a list's entries are moved with
the comments above them. At the end the text is read again: it must say exactly what was wanted.
"""

import io
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hub.declared import Place, plain, require_finite
from hub.errors import SettingsError

WIDE = 100
"""Columns after which a value gets lines of its own."""
INDENT = 2
PLAIN = re.compile(r"[^\W\d](?:[\w ./()+-]*[\w.)])?|\d+(?:s|m|h|d|[kMGT]i?B)|/[\w./+-]+")
"""Texts that stand without quotes: words, durations, amounts of memory, paths."""
RESERVED = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
UNPRINTABLE = re.compile(
    r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\x85\u2028\u2029]"
)


class NotYaml(SettingsError):
    """The file is not YAML as it is; only its text can be changed."""


class NotWritable(SettingsError):
    """This part of the file is written in a way that only its own text can change (an alias, a merged key)."""


def read(text: str) -> Any:
    """What a text says, as plain Python. Raises NotYaml."""
    try:
        document = YAML(typ="rt", pure=True).load(io.StringIO(text))
        require_finite(document)
    except (YAMLError, ValueError, RecursionError):
        raise NotYaml from None
    return plain(document)


def with_value(text: str, place: Place, value: Any) -> str:
    """The text with `value` at `place`; all else stays as it is written.

    Raises NotWritable where that cannot be done without changing something else.
    """
    wanted = _put(read(text) or {}, place, value)
    try:
        written = _in_section(text, place, value)
        done = same(read(written), wanted)
    except NotYaml:  # an alias of another section, or a change that the text could not take
        raise NotWritable from None
    if not done:
        raise NotWritable
    return written


def section_lines(text: str, section: str) -> tuple[int, int] | None:
    """The lines of a top-level key, from 0 and to before the second; None where it is not written."""
    node = _node(text, ())
    key = next((name for name, _ in node.value if name.value == section), None)
    if key is None or key.start_mark.column or node.flow_style:
        return None
    return key.start_mark.line, _last_line(text, _node(text, (section,)), key) + 1


def _in_section(text: str, place: Place, value: Any) -> str:
    """The change made in the lines of its section alone: reading all of a file takes long."""
    span = section_lines(text, str(place[0])) if place else None
    if span is None:
        return _written(text, place, value)
    lines = text.splitlines(keepends=True)
    part = _written("".join(lines[slice(*span)]), place, value)
    return "".join(lines[: span[0]]) + part + "".join(lines[span[1] :])


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are written alike: 1 is not true, and the order of keys says nothing."""
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def _put(tree: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    if isinstance(tree, list):
        return [_put(one, place[1:], value) if n == place[0] else one for n, one in enumerate(tree)]
    tree = dict(tree or {})
    return {**tree, place[0]: _put(tree.get(place[0]), place[1:], value)}


# --- writing ------------------------------------------------------------------------------------------


def _written(text: str, place: Place, value: Any) -> str:
    for number, step in enumerate(place):
        node = _node(text, place[:number])
        if isinstance(node, MappingNode) and step not in _keys(node):
            nested: Any = value
            for missing in reversed(place[number + 1 :]):
                nested = {missing: nested}
            return _with_key(text, place[:number], str(step), nested)
    node, old = _node(text, place), _value(text, place)
    if same(old, value):
        return text
    if isinstance(node, MappingNode) and isinstance(value, dict) and value and node.value:
        return _merged(text, place, old, value)
    if isinstance(node, SequenceNode) and isinstance(value, list) and value and node.value and not node.flow_style:
        return _listed(text, place, old, value)
    return _replaced(text, place, value)


def _merged(text: str, place: Place, old: dict[str, Any], new: dict[str, Any]) -> str:
    for key, value in new.items():
        text = _written(text, (*place, key), value)
    for key in old:  # last, so that the mapping is never empty
        if key not in new:
            text = _without_key(text, place, key)
    return text


def _listed(text: str, place: Place, old: list[Any], new: list[Any]) -> str:
    origins = _origins(old, new)
    if origins != list(range(len(old))):
        text = _rearranged(text, place, origins, new)
    for number, value in enumerate(new):
        text = _written(text, (*place, number), value)
    return text


def _origins(old: list[Any], new: list[Any]) -> list[int | None]:
    """Which entry of `old` each of `new` was: an equal one, or that of the same name, or in its very place."""
    free = dict(enumerate(old))
    found: list[int | None] = [None] * len(new)

    def match(alike: Any) -> None:
        for number, value in enumerate(new):
            if found[number] is None:
                found[number] = next((n for n, one in free.items() if alike(n, one, number, value)), None)
                free.pop(found[number], None)  # type: ignore[arg-type]

    match(lambda _n, one, _number, value: same(one, value))
    match(lambda _n, one, _number, value: _name(one) is not None and _name(one) == _name(value))
    if len(old) == len(new):
        match(lambda n, _one, number, _value: n == number)
    return found


def _name(value: Any) -> Any:
    return value.get("name") if isinstance(value, dict) else None


def _rearranged(text: str, place: Place, origins: Sequence[int | None], new: Sequence[Any]) -> str:
    """The list with its entries' own lines in another order; between them what stood between entries there."""
    node, lines = _node(text, place), text.splitlines(keepends=True)
    spans = [_entry_lines(text, lines, one) for one in node.value]
    column = _dash(text, node.value[0]) - (text.rfind("\n", 0, _dash(text, node.value[0])) + 1)
    between = ["".join(lines[end:start]) for (_, end), (start, _) in itertools.pairwise(spans)]
    blocks = [_ended("".join(lines[start:end])) for start, end in spans]
    usual = "\n" if any(part.strip(" ") == "\n" for part in between) else ""
    written = ""
    for number, origin in enumerate(origins):
        if number:
            written += between[number - 1] if number <= len(between) else usual
        written += blocks[origin] if origin is not None else _entry(new[number], column)
    lost = [line for part in between[max(0, len(origins) - 1) :] for line in part.splitlines(keepends=True)]
    written += "".join(line for line in lost if line.strip())
    return "".join(lines[: spans[0][0]]) + written + "".join(lines[spans[-1][1] :])


def _entry_lines(text: str, lines: Sequence[str], node: Node) -> tuple[int, int]:
    """From the first comment right above an entry to the line after its last."""
    first = text.count("\n", 0, _dash(text, node))
    column = _dash(text, node) - (text.rfind("\n", 0, _dash(text, node)) + 1)
    while first and lines[first - 1].startswith(" " * column + "#"):
        first -= 1
    return first, _last_line(text, node) + 1


def _dash(text: str, node: Node) -> int:
    return text.rfind("-", 0, node.start_mark.index)


def _entry(value: Any, column: int) -> str:
    """A new entry of a block list."""
    if not isinstance(value, dict) or not value:
        return f"{' ' * column}- {inline(value)}\n"
    body = "".join(_pair(key, one, column + INDENT) for key, one in value.items())
    return f"{' ' * column}- {body[column + INDENT :]}"


def _pair(key: str, value: Any, column: int) -> str:
    """`key: value` on lines of its own, short values on the key's."""
    start, flat = f"{' ' * column}{inline(key)}:", inline(value)
    is_short = column + len(start) + len(flat) <= WIDE and flat.count("{") < 2
    if is_short or not isinstance(value, dict | list) or not value:
        return f"{start} {flat}\n"
    if isinstance(value, dict):
        return f"{start}\n" + "".join(_pair(name, one, column + INDENT) for name, one in value.items())
    return f"{start}\n" + "".join(_entry(one, column + INDENT) for one in value)


def inline(value: Any) -> str:
    """A value on one line, as YAML; a text that could be read as anything else is quoted."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(str(key))}: {inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, str):
        is_plain = PLAIN.fullmatch(value) and value.lower() not in RESERVED
        return value if is_plain else UNPRINTABLE.sub(_escaped, json.dumps(value, ensure_ascii=False))
    return json.dumps(value, default=str)


def _escaped(found: re.Match[str]) -> str:
    return f"\\U{ord(found[0]):08x}"


def _with_key(text: str, place: Place, key: str, value: Any) -> str:
    node = _node(text, place)
    if not isinstance(node, MappingNode):
        raise NotWritable
    if not node.value:
        return _replaced(text, place, {key: value}) if place else f"{_ended(text)}{_pair(key, value, 0)}"
    if node.flow_style:
        end = text.rindex("}", 0, node.end_mark.index)
        comma = "" if text[:end].rstrip().endswith(",") else ", "
        return f"{text[:end].rstrip()}{comma or ' '}{inline(key)}: {inline(value)}{text[end:]}"
    lines = text.splitlines(keepends=True)
    after = _last_line(text, node) + 1
    gap = "\n" if not place and "\n\n" in text else ""
    column = node.value[0][0].start_mark.column
    return _ended("".join(lines[:after])) + gap + _pair(key, value, column) + "".join(lines[after:])


def _without_key(text: str, place: Place, key: str) -> str:
    node = _node(text, place)
    pairs = [(name, value) for name, value in node.value]
    number = next(n for n, (name, _) in enumerate(pairs) if name.value == key)
    name, value = pairs[number]
    if node.flow_style:
        return _without_pair(text, pairs, number)
    if (
        name.start_mark.index
        and not text[text.rfind("\n", 0, name.start_mark.index) + 1 : name.start_mark.index].isspace()
    ):
        if place and number + 1 < len(pairs):  # it stands right after a dash: the next key takes its place
            start, following = name.start_mark.index, pairs[number + 1][0].start_mark.index
            return text[:start] + text[following:]
        if name.start_mark.column:
            raise NotWritable
    lines = text.splitlines(keepends=True)
    del lines[name.start_mark.line : _last_line(text, value, name) + 1]
    return "".join(lines)


def _without_pair(text: str, pairs: Sequence[tuple[Node, Node]], number: int) -> str:
    """A flow mapping without one of its pairs, and without the comma that went with it."""
    if number + 1 < len(pairs):
        return text[: pairs[number][0].start_mark.index] + text[pairs[number + 1][0].start_mark.index :]
    before = pairs[number - 1][1].end_mark.index
    return text[:before] + text[pairs[number][1].end_mark.index :]


def _replaced(text: str, place: Place, value: Any) -> str:
    """The value on one line in place of what is there; a comment after it keeps its column where it can."""
    node, written = _node(text, place), inline(value)
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        return _instead_of_lines(text, place, node, written)
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        return _instead_of_lines(text, place, node, written)
    if start == end:
        written = f" {written}"
    rest = text[end:]
    line, _, _ = rest.partition("\n")
    if line.lstrip(" ").startswith("#"):
        room = len(line) - len(line.lstrip(" ")) - (len(written) - (end - start))
        rest = " " * max(1, room) + rest.lstrip(" ")
    return text[:start] + written + rest


def _instead_of_lines(text: str, place: Place, node: Node, written: str) -> str:
    """A value on the line of its key, in place of one on lines below it."""
    key = next(name for name, value in _node(text, place[:-1]).value if name.value == place[-1])
    lines = text.splitlines(keepends=True)
    colon = text.index(":", key.end_mark.index) + 1
    head = text[:colon].rpartition("\n")[2]
    first, last = key.start_mark.line, _last_line(text, node)
    _, mark, comment = lines[first][len(head) :].partition("#")
    tail = f"  #{comment}" if mark and isinstance(node, MappingNode | SequenceNode) else "\n"
    return "".join(lines[:first]) + f"{head} {written}{tail}" + "".join(lines[last + 1 :])


# --- reading ------------------------------------------------------------------------------------------


def _node(text: str, place: Place) -> Any:
    """The node at `place`. Raises NotWritable where there is none, or where an alias stands for it."""
    node, seen = _parsed(text)
    for step in place:
        if isinstance(node, MappingNode):
            node = next((value for name, value in node.value if name.value == step), None)
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            node = None
        if node is None or id(node) in seen:
            raise NotWritable
    return node if node is not None else MappingNode("tag:yaml.org,2002:map", [])


@lru_cache(maxsize=16)
def _parsed(text: str) -> tuple[Any, frozenset[int]]:
    """The nodes of a text, and which of them stand in several places. Nobody changes them."""
    try:
        node = YAML(typ="rt", pure=True).compose(io.StringIO(text))
    except (YAMLError, RecursionError):
        raise NotYaml from None
    return node, frozenset(_ids(node)) if node is not None else frozenset()


def _ids(root: Node) -> Iterator[int]:
    """Nodes that stand in several places."""
    found: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if id(node) in found:
            yield id(node)
            continue
        found.add(id(node))
        if isinstance(node, MappingNode):
            todo += [value for _, value in node.value]
        elif isinstance(node, SequenceNode):
            todo += node.value


def _keys(node: MappingNode) -> list[str]:
    return [name.value for name, _ in node.value]


def _value(text: str, place: Place) -> Any:
    value = read(text)
    for step in place:
        value = value[step]
    return value


def _last_line(text: str, node: Node, key: Node | None = None) -> int:
    """The number, from 0, of the last line on which a node stands, comments below it left out."""
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        return text.count("\n", 0, len(text[: node.end_mark.index].rstrip()))
    if isinstance(node, MappingNode) and node.value and not node.flow_style:
        name, value = node.value[-1]
        return _last_line(text, value, name)
    if isinstance(node, SequenceNode) and node.value and not node.flow_style:
        return _last_line(text, node.value[-1])
    if key is not None and node.start_mark.index == node.end_mark.index:
        return int(key.end_mark.line)
    return int(node.end_mark.line)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def places(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every key of a text with its line, from 1; an entry of a list goes by its name, or its number from 1."""
    root, _shared = _parsed(text)
    todo: list[tuple[tuple[str, ...], Any]] = [((), root)] if root is not None else []
    seen: set[int] = set()
    while todo:
        names, node = todo.pop()
        if id(node) in seen or not isinstance(node, MappingNode | SequenceNode):
            continue
        seen.add(id(node))
        for step, child, line in _children(node):
            yield (*names, step), line
            todo.append(((*names, step), child))


def _children(node: Node) -> Iterator[tuple[str, Any, int]]:
    if isinstance(node, MappingNode):
        for name, value in node.value:
            yield str(name.value), value, name.start_mark.line + 1
        return
    for number, value in enumerate(node.value, 1):
        own = {name.value: one.value for name, one in value.value} if isinstance(value, MappingNode) else {}
        yield str(own.get("name") or number), value, value.start_mark.line + 1
