"""Werkbank inside JupyterLab: the part that runs in the seat's server. It alone knows the user's token."""

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "werkbank_lab.extension"}]
