"""Kernels that lease their GPU from the broker of the workbench."""

from __future__ import annotations

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "werkbank_kernels.extension"}]


def load_ipython_extension(shell) -> None:
    """``%load_ext werkbank_kernels``: the ``%werkbank`` magic in any IPython kernel."""
    from .magics import WerkbankMagics

    shell.register_magics(WerkbankMagics)
