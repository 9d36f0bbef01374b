"""Applies a correction right after its library was imported.

This runs at the start of every interpreter in a seat, so it imports nothing but `sys` and `importlib`.
"""

import sys
from importlib.machinery import PathFinder

CORRECTIONS = {"dask_gateway.client": "werkbank_seat.gateway_finalizer"}


class CorrectingFinder:
    """Finds as usual, and lets a correction follow the loading of the modules named in CORRECTIONS."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in CORRECTIONS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            _correct_after_loading(spec.loader, CORRECTIONS[name])
        return spec


def _correct_after_loading(loader, correction):
    load = loader.exec_module

    def exec_module(module):
        load(module)
        __import__(correction, fromlist=["apply"]).apply(module)

    loader.exec_module = exec_module


sys.meta_path.insert(0, CorrectingFinder)
