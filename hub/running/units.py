"""Units for systemd, filled in for this checkout."""

from pathlib import Path
from string import Template

from hub.runtime import ROOT, Runtime

TEMPLATES = Path(__file__).parent / "systemd"


def written_units(runtime: Runtime) -> dict[str, str]:
    """Texts by file name. The warm processes have a unit only where the settings give them to a service."""
    settings = runtime.settings
    environments = sorted({profile.environment for profile in settings.profiles})
    own = settings.site.warm and settings.site.node == "service"
    places = {
        "launcher": _word(ROOT / "werkbank"),
        "options": f"--settings {_word(runtime.settings_file)} --state {_word(runtime.state.path)}",
        "manual": (ROOT / "hub" / "README.md").as_uri(),
        "nodes": " ".join(f"werkbank-node@{name}.service" for name in environments) if own else "",
    }
    names = ["werkbank.service", *(["werkbank-node@.service"] if own else [])]
    return {name: Template((TEMPLATES / name).read_text()).substitute(places) for name in names}


def _word(path: Path) -> str:
    """A path as one word of a command line in a unit: quoted, and nothing in it means anything."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"'
