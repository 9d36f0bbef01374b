"""nbconvert, JupyterLab's server: what packages offer is looked up once, not for every single offer.

`entry_points(group=…)` reads a file of each installed package, and nbconvert asks for it once per exporter: the menu
"Export Notebook As" takes each seat 0.75 s of computing when JupyterLab is opened. Packages that are installed, changed
or removed meanwhile are seen: that touches a folder of the path. Seen with nbconvert 7.
"""

import functools
import os
import sys


def apply(module):
    """Correct a freshly imported module that has taken `entry_points` from `importlib.metadata`."""
    module.entry_points = remembering(module.entry_points)


def remembering(entry_points):
    """The same function, which reads the packages' files again only when a folder with packages has changed."""

    @functools.lru_cache(maxsize=32)
    def of_packages(changed, group):
        return entry_points(group=group)

    @functools.wraps(entry_points)
    def remembered(**selection):
        if set(selection) != {"group"}:
            return entry_points(**selection)
        return of_packages(_when_changed(), selection["group"])

    return remembered


def _when_changed():
    found = []
    for folder in sys.path:
        try:
            found.append((folder, os.stat(folder).st_mtime_ns))
        except OSError:
            found.append((folder, 0))
    return tuple(found)
