"""What runs beside JupyterHub: settings, spawners, gateway, service and command line."""

__version__ = "0.1.0"
