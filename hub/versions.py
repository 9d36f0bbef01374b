"""Versions of what matters when something is asked about."""

import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from hub import __version__

SHOWN_PACKAGES = ("jupyterhub", "jupyterlab", "dask-gateway-server", "distributed", "xarray")


@cache
def versions() -> dict[str, str]:
    """By name, as installed; what seats run is not where the hub is an image of its own."""
    found = {"werkbank": __version__, "python": platform.python_version()}
    for package in SHOWN_PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
