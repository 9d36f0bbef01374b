"""What people declare in YAML: from a file to a frozen tree, or to one message with every problem in it."""

import difflib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hub.errors import WerkbankError

MAX_BYTES = 1_000_000
MAX_PROBLEMS = 50

MAX_VALUES = 200_000
"""Values that a file may stand for, with all its aliases written out."""

Place = tuple[str | int, ...]
Problem = tuple[Place, str]
Overrides = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Finding:
    """Something wrong with a file: where in its tree, on which line, and the sentence."""

    place: Place
    line: int
    sentence: str


Tree = TypeVar("Tree", bound=BaseModel)


def nothing_more(_data: Mapping[str, Any]) -> Iterable[Problem]:
    """For trees whose parts cannot contradict each other."""
    return ()


@dataclass(frozen=True)
class Declaration(Generic[Tree]):
    """How a kind of file is read."""

    model: type[Tree]
    noun: str
    """What the file holds, as in "1 problem in the settings"."""
    error: type[WerkbankError]
    needs: str
    """What an empty file is told."""
    key: str = "key"
    """What a line in it is called."""
    disagreements: Callable[[Mapping[str, Any]], Iterable[Problem]] = nothing_more
    """Looks at the file as written, so that contradictions are told together with misspelt keys."""
    tags: tuple[str, ...] = ()
    """Discriminators of unions in the tree, which pydantic adds to places."""

    def read(self, path: Path, overrides: Overrides | None = None) -> Tree:
        """Read `path` and lay `overrides` (section → key → value) over it.

        Raises `error` whose text names the file, and for each problem the line, the value and what is allowed.
        """
        tree, findings = self.judge(self.text(path), overrides, str(path))
        if tree is None:
            raise self.error(self._report(path, findings))
        return tree

    def judge(
        self, text: str, overrides: Overrides | None = None, name: str = "the text"
    ) -> tuple[Tree | None, list[Finding]]:
        """The tree that `text` declares, or everything that is wrong with it, by line.

        Raises `error`, whose text begins with `name`, for what is not even YAML.
        """
        document = self._parse(text, name)
        data = plain(document)
        for section, values in (overrides or {}).items():
            data[section] = {**(data.get(section) or {}), **values}
        problems = [(place, f"`{dotted(place)}`: {sentence}.") for place, sentence in self.disagreements(data)]
        try:
            tree = self.model.model_validate(data)
        except ValidationError as error:
            problems += [(problem["loc"], self._sentence(problem)) for problem in error.errors(include_url=False)]
        found = sorted((self._line(document, place), sentence, self._own(place)) for place, sentence in problems)
        findings = [Finding(place, line, sentence) for line, sentence, place in found]
        return (None if findings else tree), findings

    def _own(self, place: Sequence[str | int]) -> Place:
        """The place without what pydantic adds to it."""
        return tuple(s for n, s in enumerate(place) if s != "[key]" and not (n == 1 and s in self.tags))

    def _parse(self, text: str, name: str) -> CommentedMap:
        try:
            document = YAML(typ="rt", pure=True).load(io.StringIO(text))
            require_finite(document)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise self.error(f"{name}, line {line}: not valid YAML: {error.problem}.") from None
        except (YAMLError, ValueError) as error:
            raise self.error(f"{name}: not valid YAML: {str(error).splitlines()[0]}.") from None
        except RecursionError:
            raise self.error(f"{name}: its parts are nested too deeply; a few levels are needed.") from None
        if document is None:
            raise self.error(f"{name} is empty. {self.needs}")
        if not isinstance(document, CommentedMap):
            raise self.error(f"{name}, line 1: the file must be a list of `key: value` lines, not {_kind(document)}.")
        return document

    def text(self, path: Path) -> str:
        """What stands in the file. Raises `error`."""
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise self.error(f"{path} cannot be read: {error.strerror}.") from None
        if len(raw) > MAX_BYTES:
            size = path.stat().st_size / 1e6
            raise self.error(
                f"{path} is {size:.1f} MB; such a file has at most {MAX_BYTES / 1e6:.0f} MB. Is it the right file?"
            )
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.error(f"{path} is not text in UTF-8 (byte {error.start}); is it the right file?") from None
        if "\0" in text:
            raise self.error(f"{path} is a binary file, not YAML; is it the right file?")
        return text

    def _report(self, path: Path, findings: Sequence[Finding]) -> str:
        shown = [f"{path}, line {finding.line}: {finding.sentence}" for finding in findings[:MAX_PROBLEMS]]
        if len(findings) > MAX_PROBLEMS:
            shown.append(f"… and {len(findings) - MAX_PROBLEMS} more.")
        count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
        return f"{count} in {self.noun}; nothing was changed.\n" + "\n".join(shown)

    def _line(self, document: Any, loc: Sequence[str | int]) -> int:
        """The line of the deepest part of `loc` that stands in the file."""
        line, node = 1, document
        for step in loc:
            position = None
            if isinstance(node, CommentedMap) and step in node:
                position = node.lc.key(step)
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                position = node.lc.item(step)
            elif isinstance(step, str) and step in self.tags:
                continue  # pydantic adds the discriminator to the path
            if position is None:  # not in the file, or under a YAML tag, where positions are not kept
                break
            line, node = position[0] + 1, node[step]
        return line

    def _sentence(self, problem: Any) -> str:
        loc = [step for step in problem["loc"] if step != "[key]"]
        place = dotted(loc)
        match problem["type"]:
            case "extra_forbidden":
                return f"`{place}` is not a {self.key}.{self._suggestion(loc)}"
            case "missing":
                return f"`{place}` is missing."
            case "byte_size" | "byte_size_unit":
                return f'`{place}`: {_shown(problem["input"])} is not an amount of memory; write "512MiB" or "4GiB".'
            case "union_tag_invalid" | "union_tag_not_found":
                return f"`{place}.kind` must be one of {', '.join(self.tags)}."
            case "model_type" | "model_attributes_type" | "dict_type" | "dataclass_type":
                return f"`{place}`: {_shown(problem['input'])} does not fit: `key: value` lines are needed here."
            case "tuple_type" | "list_type":
                return f"`{place}`: {_shown(problem['input'])} does not fit: a list is needed here."
        message = str(problem["msg"]).removeprefix("Value error, ")
        return f"`{place}`: {_shown(problem['input'])} does not fit: {message[:1].lower()}{message[1:]}."

    def _suggestion(self, loc: Sequence[str | int]) -> str:
        allowed = sorted(_fields_at(self.model, loc[:-1]))
        close = difflib.get_close_matches(str(loc[-1]), allowed, n=1)
        if close:
            return f" Did you mean `{close[0]}`?"
        return f" Allowed here: {', '.join(allowed)}." if allowed else ""


def require_finite(document: Any) -> None:
    """Raises ValueError for aliases that hold themselves, or stand for more than anybody could mean."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        children = list(node.values()) if isinstance(node, Mapping) else node
        if isinstance(children, str) or not isinstance(children, Sequence):
            return 1
        if (known := sizes.get(id(node))) is not None:
            if known == 0:
                raise ValueError("an alias stands inside of what it stands for")
            return known
        sizes[id(node)] = 0
        sizes[id(node)] = 1 + sum(map(size, children))
        if sizes[id(node)] > MAX_VALUES:
            raise ValueError(f"its aliases stand for more than {MAX_VALUES} values")
        return sizes[id(node)]

    size(document)


def plain(node: Any) -> Any:
    """YAML nodes as plain Python, so that validation sees no parser types."""
    if isinstance(node, Mapping):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def dotted(loc: Sequence[str | int]) -> str:
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in loc)


def _fields_at(model: Any, loc: Sequence[str | int]) -> set[str]:
    """Names of the keys allowed at `loc`, found by walking the JSON schema."""
    root = model.model_json_schema()
    node: Any = root
    for step in loc:
        node = _step(root, node, step)
    return set(_resolve(root, node).get("properties", {}))


def _resolve(root: Any, node: Any) -> Any:
    optional = [choice for choice in node.get("anyOf", ()) if "$ref" in choice]
    node = optional[0] if optional else node
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _step(root: Any, node: Any, step: str | int) -> Any:
    node = _resolve(root, node)
    if isinstance(step, int):
        return node.get("items", {})
    tags = node.get("discriminator", {}).get("mapping", {})
    if step in tags:
        return {"$ref": tags[step]}
    extra = node.get("additionalProperties")
    return node.get("properties", {}).get(step) or (extra if isinstance(extra, dict) else {})


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 80 else f"{text[:77]}…"


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a single value"
