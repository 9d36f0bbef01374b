"""From a YAML file to the settings tree, or to one message with every problem in it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from hub.declared import Declaration, Finding, Overrides
from hub.errors import SettingsError
from hub.settings.agreement import disagreements
from hub.settings.model import OidcAuthentication, Section, Settings

SETTINGS = Declaration(
    Settings,
    noun="the settings",
    error=SettingsError,
    needs="At least `profiles:` is needed; Werkbank's own werkbank.yaml is a working start.",
    key="setting",
    disagreements=disagreements,
    tags=("demo", "pam", "oidc"),
)


def load(path: Path, overrides: Overrides | None = None) -> Settings:
    """Read `path` and lay `overrides` (section → key → value) over it.

    Raises SettingsError whose text names the file, and for each problem the line, the value
    and what is allowed. Nothing outside this package reads settings.
    """
    return _with_secrets(SETTINGS.read(path, overrides))


def judge(text: str, overrides: Overrides | None = None) -> tuple[Settings | None, list[Finding]]:
    """The settings that a file with this text would be, or all that is wrong with it: what `load` would say.

    Raises SettingsError for what is not even YAML.
    """
    settings, findings = SETTINGS.judge(text, overrides, "The text")
    if settings is None:
        return None, findings
    try:
        return _with_secrets(settings), []
    except SettingsError as error:
        return None, [Finding(("authentication", "client_secret"), line_of(text, "client_secret"), str(error))]


def line_of(text: str, key: str) -> int:
    """The first line on which `key` is written; 1 when it is nowhere."""
    lines = (number for number, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith(f"{key}:"))
    return next(lines, 1)


def schema() -> dict[str, Any]:
    """JSON schema of the settings file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}


def _with_secrets(settings: Settings) -> Settings:
    """Replace `env:NAME` by the secret it names."""
    sign_in = settings.authentication
    if not isinstance(sign_in, OidcAuthentication):
        return settings
    secret = sign_in.client_secret.get_secret_value()
    if not secret.startswith("env:"):
        return settings
    name = secret.removeprefix("env:")
    if name not in os.environ:
        raise SettingsError(f"authentication.client_secret: the environment has no {name}.")
    changed = sign_in.model_copy(update={"client_secret": SecretStr(os.environ[name])})
    return settings.model_copy(update={"authentication": changed})


def undocumented() -> list[str]:
    """Keys without a description; a test keeps this empty."""
    return [
        f"{section.__name__}.{key}"
        for section in _sections(Section)
        for key, field in section.model_fields.items()
        if not field.description
    ]


def _sections(base: type[Section]) -> Iterable[type[Section]]:
    for section in base.__subclasses__():
        yield section
        yield from _sections(section)
