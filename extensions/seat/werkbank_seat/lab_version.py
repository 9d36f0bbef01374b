"""JupyterLab: to know its own version it starts Node, which takes a third of a second of each seat's start.

`jupyterlab.labapp` calls `get_app_version()` when it is imported. That looks up which npm registry a build would
use (by running `node yarn.js config`) before it reads the version from a file. Seen with JupyterLab 4.6.6.
"""


def apply(commands):
    """Correct the freshly imported module `jupyterlab.commands`: the version comes from the file alone."""

    def get_app_version(app_options=None):
        """Get the application version."""
        return commands._ensure_options(app_options).core_config._data["jupyterlab"]["version"]

    commands.get_app_version = get_app_version
