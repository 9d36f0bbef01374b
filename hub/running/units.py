"""Units for systemd, filled in for this checkout."""

import pwd
from pathlib import Path
from string import Template

from hub.errors import StartError
from hub.runtime import ROOT, Runtime

TEMPLATES = Path(__file__).parent / "systemd"


def written_units(runtime: Runtime, user: str = "") -> dict[str, str]:
    """Texts by file name. The warm processes have a unit only where the settings give them to a service.

    They run as `user`, or root where none is named. Raises StartError for an account that there is not.
    """
    settings = runtime.settings
    environments = sorted({profile.environment for profile in settings.profiles})
    own = settings.site.warm and settings.site.node == "service"
    places = {
        "launcher": _word(ROOT / "werkbank"),
        "options": f"--settings {_word(runtime.settings_file)} --state {_word(runtime.state.path)}",
        "manual": (ROOT / "hub" / "README.md").as_uri(),
        "account": f"User={_account(user)}\n" if user else "",
        "nodes": " ".join(f"werkbank-node@{name}.service" for name in environments) if own else "",
    }
    names = ["werkbank.service", *(["werkbank-node@.service"] if own else [])]
    return {name: Template((TEMPLATES / name).read_text()).substitute(places) for name in names}


def _account(user: str) -> str:
    """The name of an account, checked. Raises StartError for one that this machine does not have."""
    try:
        return pwd.getpwnam(user).pw_name
    except KeyError:
        raise StartError(f'This machine has no account called "{user[:40]}". Nothing was written.') from None


def _word(path: Path) -> str:
    """A path as one word of a command line in a unit: quoted, and nothing in it means anything."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"'
