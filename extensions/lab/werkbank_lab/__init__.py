"""Werkbank inside JupyterLab: the part that runs in the seat's server."""
