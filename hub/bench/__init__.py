"""Werkbank measured beside stock JupyterHub: same machine, same environment, same run, in turn."""
