"""The settings as the overview shows them: by section, each value with its source."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.admin.settings_change import PEOPLE, SECTIONS
from hub.admin.settings_review import as_words
from hub.errors import SettingsError
from hub.settings import Current, Settings
from hub.settings.effects import ENTRIES, When, when
from hub.settings.labels import label
from hub.settings.model import Section
from hub.settings.shape import ENTRY, LISTED, SIGN_IN, in_words, inner
from hub.settings.sources import Sourced, sourced

GIST = {
    *("cpu", "memory", "gpu_classes", "idle_timeout", "life", "groups"),
    *("share", "members", "leads", "quota.gpu_hours_per_week", "quota.gpus"),
    *("model", "mig", "simulated", "prefix"),
    *("site.title", "site.seats_run_as", "site.simulate_gpus", "server.address", "server.port", "authentication.kind"),
    *("admin_groups", "trainer_groups", "gateway.enabled", "culling.warn_before", "culling.keep_for"),
    *("leases.isolation", "leases.devices_per_user", "leases.parking", "leases.min_idle"),
}
"""Keys that the overview shows without being asked, those of an entry from there on."""


@dataclass(frozen=True)
class Row:
    """One value."""

    key: str
    label: str
    help: str
    value: str
    source: Sourced
    when: When


@dataclass(frozen=True)
class Group:
    """An entry, or a section that has none."""

    name: str
    title: str
    rows: tuple[Row, ...]

    @property
    def gist(self) -> tuple[Row, ...]:
        """What somebody looks for first."""
        wanted = (".".join(row.key.split(".")[2:] if self.name else row.key.split(".")) for row in self.rows)
        return tuple(row for row, key in zip(self.rows, wanted, strict=True) if key in GIST)


@dataclass(frozen=True)
class Part:
    """A section of the page."""

    id: str
    title: str
    has_entries: bool
    is_ordered: bool
    groups: tuple[Group, ...]

    @property
    def changed(self) -> int:
        """Values that are not defaults."""
        return sum(row.source.source != "default" for group in self.groups for row in group.rows)


Overview = tuple[Part, ...]


def overview(current: Current, settings: Settings, text: str, language: str) -> Overview:
    """Every setting in effect with its source, in the order of the page."""
    try:
        found = list(sourced(settings, text, current.overrides))
    except SettingsError:
        found = list(sourced(settings, "", current.overrides))
    return tuple(_part(section, settings, found, language) for section in SECTIONS)


def _part(section: str, settings: Settings, found: Sequence[Sourced], language: str) -> Part:
    keys = PEOPLE if section == "people" else (section,)
    mine = [one for one in found if one.key.split(".")[0] in keys]
    if section in ENTRIES:
        names = list(dict.fromkeys(one.key.split(".")[1] for one in mine if "." in one.key))
        titles = _titles(settings, section, language)
        groups = tuple(
            Group(name, titles.get(name, name), _rows(mine, f"{section}.{name}.", language)) for name in names
        )
    else:
        groups = (Group("", "", _rows(mine, "", language)),)
    title = section_title(section, language)
    return Part(section, title, section in ENTRIES, section in LISTED, groups)


def section_title(section: str, language: str) -> str:
    """What a section of the page is called."""
    if section == "people":
        return " / ".join(in_words(key, language) for key in PEOPLE)
    return in_words(section, language)


def _titles(settings: Settings, section: str, language: str) -> dict[str, str]:
    found = getattr(settings, section)
    pairs = found.items() if isinstance(found, dict) else [(one.name, one) for one in found]
    return {name: one.title.in_language(language) for name, one in pairs}


def _rows(found: Sequence[Sourced], within: str, language: str) -> tuple[Row, ...]:
    return tuple(_row(one, within, language) for one in found if one.key.startswith(within))


def _row(one: Sourced, within: str, language: str) -> Row:
    words = in_words(one.key, language).split(" › ")
    cut = 2 if within else (1 if len(words) > 1 else 0)
    return Row(one.key, " › ".join(words[cut:]), _help(one.key, language), as_words(one.value), one, when(one.key))


def _help(key: str, language: str) -> str:
    section: type[Section] | None = Settings
    steps = key.split(".")
    while section is not None and len(steps) > 1:
        step = steps.pop(0)
        if section is Settings and step in ENTRIES:
            section = ENTRY[step]
            steps.pop(0)
        elif step == "authentication":
            section = next((kind for kind in SIGN_IN.values() if steps[0] in kind.model_fields), None)
        else:
            section = inner(section, step)
    return label(section, steps[0], language).help if section is not None and steps else ""
