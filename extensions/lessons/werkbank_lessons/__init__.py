"""The kit of the Werkbank lessons, installed in a seat's environment.

A lesson needs four names: ``cluster`` (Dask workers, whatever the site offers), ``check`` and ``use`` (exercises),
and ``tr`` (words in the learner's language). They are imported on first use, because the server extension lives in
the same package and a seat that starts must not pay for Dask, xarray and matplotlib.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME_OF = {
    "check": "checks",
    "cluster": "scaling",
    "set_language": "words",
    "Stopwatch": "cost",
    "tr": "words",
    "use": "checks",
}

__all__ = [*sorted(_HOME_OF), "__version__"]


def __getattr__(name):
    """Import a kit function when a lesson asks for it (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"werkbank_lessons has no {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def _jupyter_server_extension_points():
    """Tell jupyter_server where the extension is (read at seat start)."""
    return [{"module": "werkbank_lessons.extension"}]
