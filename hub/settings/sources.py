"""Where each setting comes from: a line of the file, a default, or the command line of `up`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hub.declared import Overrides
from hub.settings.document import places
from hub.settings.flat import flat
from hub.settings.model import Settings

OPTIONS = {"server.port": "--port", "site.simulate_gpus": "--simulate-gpus"}
"""What the command line can lay over the file."""


@dataclass(frozen=True)
class Sourced:
    """One value and its source."""

    key: str
    """Dotted, entries by their name."""
    value: Any
    """As written in the file; no secrets."""
    source: Literal["file", "default", "command-line"]
    line: int | None = None
    """In the file."""
    option: str = ""
    """Of `up`."""


def sourced(settings: Settings, text: str, overrides: Overrides) -> Iterator[Sourced]:
    """Every setting with its source; `text` is the file's."""
    lines = written_lines(text)
    for key, value in flat(settings).items():
        section, _, rest = key.partition(".")
        if rest and rest in overrides.get(section, {}):
            yield Sourced(key, value, "command-line", lines.get(key), OPTIONS.get(key, "up"))
        elif key in lines:
            yield Sourced(key, value, "file", lines[key])
        else:
            yield Sourced(key, value, "default")


def written_lines(text: str) -> Mapping[str, int]:
    """The line of each key that stands in the text; the list's entries by their name."""
    return {".".join(names): line for names, line in places(text)}
