"""Where the zygotes of this workbench are, and with what they are started: for who starts them and who asks them."""

import hashlib
import os
from pathlib import Path

from hub.settings import Environment, Settings

LAB_SETTINGS = Path(__file__).parent / "lab-settings"


def node_folder(state: Path, settings: Settings, environment: str) -> Path:
    """Where the sockets of an environment's zygotes are. Other accounts must get there, and the state is private."""
    if settings.site.seats_run_as == "same-user":
        return state / "node" / environment
    digest = hashlib.sha256(os.fsencode(state)).hexdigest()[:8]
    return Path("/run") / f"werkbank-{digest}" / environment


def zygote_environment(environment: Environment) -> dict[str, str]:
    """What a zygote of this environment is started with: nothing of users, and nothing of the workbench."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {**kept, **environment.variables, "WERKBANK_ZYGOTE": "1"}


def lab_arguments(settings: Settings, language: str) -> list[str]:
    """What every seat is started with, and rehearsed with: JupyterLab's defaults for this facility."""
    slurm = settings.site.slurm
    site = settings.site
    as_root = site.kind == "local" and site.seats_run_as == "same-user" and os.geteuid() == 0
    return [
        # In the language the seat speaks; people can change theirs.
        f"--LabServerApp.app_settings_dir={LAB_SETTINGS / language}",
        # The other one would install into the environment that everybody shares, and loads an HTTP client for it.
        "--LabApp.extension_manager=readonly",
        *(["--allow-root"] if as_root else []),
        # The Dask panel reaches the gateway through the seat.
        *(
            [f"--ServerProxy.host_allowlist={one}" for one in ("localhost", "127.0.0.1", slurm.address)]
            if slurm
            else []
        ),
    ]
