"""Applies a correction when its library is imported.

This runs at the start of every interpreter in a seat, so it imports nothing but what every interpreter has.
`WERKBANK_SEAT_CORRECTIONS=0` in the environment leaves libraries as they are: for comparing with that.
"""

import os
import sys
from importlib.machinery import PathFinder

CORRECTIONS = {
    "dask_gateway.client": "werkbank_seat.gateway_finalizer",
    "dask_gateway.scheduler_preload": "werkbank_seat.scheduler_heartbeat",
    "jupyter_server.serverapp": "werkbank_seat.serving",
    "jupyterlab.commands": "werkbank_seat.lab_version",
    "jupyterlab_server.translation_utils": "werkbank_seat.entry_points_once",
    "nbconvert.exporters.base": "werkbank_seat.entry_points_once",
}
"""Modules, and what is applied to each right after it was loaded."""

LATER = {
    "jsonschema._format": {"rfc3987_syntax": ["is_valid_syntax"]},
    "httpx": {"httpx._main": ["main"]},
    "jupyterhub.singleuser": {
        "sqlalchemy": [],
        "sqlalchemy.exc": ["SQLAlchemyError"],
        "jupyterhub.orm": [],
        "jupyterhub.roles": [],
        "jupyterhub.handlers.pages": ["HealthCheckHandler"],
    },
    "jupyterlab_server.listings_handler": {"requests": []},
    "jupyterlab.extensions": {"jupyterlab.extensions.pypi": ["PyPIExtensionManager"]},
    "dask_labextension.manager": {"dask.distributed": ["Adaptive"]},
}
"""Modules, and what each imports but rarely or never uses: that is loaded at its first use instead.

The names are those that the module takes with `from … import …`. They may be called, instantiated and given
to `isinstance`; their attributes are the real ones. `except SQLAlchemyError` never matches: JupyterHub has that
in one function of the hub, and a seat has no database.
"""


class CorrectingFinder:
    """Finds as usual, and lets corrections surround the loading of the modules named above."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in CORRECTIONS and name not in LATER:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            _correct_loading(spec.loader, name)
        return spec


def _correct_loading(loader, name):
    load = loader.exec_module

    def exec_module(module):
        if name in LATER:
            __import__("werkbank_seat.later", fromlist=["later"]).load_with_later(load, module, LATER[name])
        else:
            load(module)
        if name in CORRECTIONS:
            __import__(CORRECTIONS[name], fromlist=["apply"]).apply(module)

    loader.exec_module = exec_module


if os.environ.get("WERKBANK_SEAT_CORRECTIONS") != "0":
    sys.meta_path.insert(0, CorrectingFinder)
