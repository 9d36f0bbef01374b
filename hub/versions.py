"""Versions of what matters when something is asked about."""

import platform
from functools import cache
from importlib.metadata import version

from hub import __version__

SHOWN_PACKAGES = ("jupyterhub", "jupyterlab", "dask-gateway-server", "distributed", "xarray")


@cache
def versions() -> dict[str, str]:
    """By name, as installed."""
    return {"werkbank": __version__, "python": platform.python_version()} | {p: version(p) for p in SHOWN_PACKAGES}
