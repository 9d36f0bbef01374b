"""The settings tree as keys and values, so that two trees can be compared and shown. No secret is among them."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

from hub.settings.effects import ENTRIES
from hub.settings.model import Settings, Words

HIDDEN = "(not-shown)"
"""Stands for a secret wherever settings are shown."""
PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):([^\s/@]+)@")
SECRET_NAME = re.compile(r"secret|password|token|(^|_)key$", re.IGNORECASE)


def flat(settings: Settings) -> dict[str, Any]:
    """Every value by its dotted key, as it is written in the file; entries by their name, secrets as `HIDDEN`."""
    return {key: shown(key, value) for key, value in _walk(settings, "")}


def order(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The names of profiles and programmes in their order: it is what people see."""
    return {
        "profiles": tuple(profile.name for profile in settings.profiles),
        "programmes": tuple(programme.name for programme in settings.programmes),
    }


def changed(old: Settings, new: Settings) -> list[str]:
    """The keys whose values differ, in the order of the file. A new or removed entry is one key."""
    before, after = dict(_walk(old, "")), dict(_walk(new, ""))
    keys = [key for key in {**before, **after} if _mark(before.get(key)) != _mark(after.get(key))]
    keys = list(dict.fromkeys(_entry_or_key(key, before, after) for key in keys))
    for section, names in order(old).items():
        kept = [name for name in names if name in order(new)[section]]
        if [name for name in order(new)[section] if name in names] != kept:
            keys.append(section)
    return keys


def _entry_or_key(key: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    section, _, rest = key.partition(".")
    if section not in ENTRIES:
        return key
    entry = f"{section}.{rest.partition('.')[0]}"
    known = [any(one.startswith(f"{entry}.") for one in tree) for tree in (before, after)]
    return key if all(known) else entry


def _walk(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, BaseModel) and not isinstance(node, Words):
        values = dict(node)
        written = node.model_dump(mode="json")
    elif key in ENTRIES and isinstance(node, dict):
        values, written = node, {}
    else:
        yield key, node
        return
    for name, value in values.items():
        place = f"{key}.{name}" if key else name
        if place in ENTRIES and isinstance(value, tuple):
            for entry in value:
                yield from _walk(entry, f"{place}.{entry.name}")
        elif isinstance(value, BaseModel | dict) and (not isinstance(value, dict) or place in ENTRIES):
            yield from _walk(value, place)
        else:
            yield place, value if isinstance(value, SecretStr) else written.get(name, value)


def _mark(value: Any) -> Any:
    """What two values are compared by."""
    if isinstance(value, SecretStr):
        return hashlib.sha256(value.get_secret_value().encode()).hexdigest()
    return value


def shown(key: str, value: Any) -> Any:
    """The value as people may see it."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return secret if secret.startswith("env:") else HIDDEN
    if isinstance(value, Words):
        return value.model_dump()
    if isinstance(value, dict):
        return {name: HIDDEN if SECRET_NAME.search(str(name)) else shown(key, one) for name, one in value.items()}
    return PASSWORD.sub(rf"\1:{HIDDEN}@", short(value)) if isinstance(value, str) else value


def short(text: str) -> str:
    """An amount of memory in its largest unit, as people write it; any other text as it is: 4096MiB -> 4GiB."""
    whole = re.fullmatch(r"(\d+)MiB", text)
    return f"{int(whole[1]) // 1024}GiB" if whole and int(whole[1]) % 1024 == 0 else text
