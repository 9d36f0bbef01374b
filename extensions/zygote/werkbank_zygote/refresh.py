"""What modules read from their environment, or drew by lot, when they were imported: done again in the child.

Each function says what goes wrong without it. A module that was not imported is left alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import locale
import os
import site
import sys
import time
from collections.abc import Mapping
from typing import Any

from .preload import subclasses


def renew(env: Mapping[str, str], threads: bool = True) -> None:
    """Everything below, for a child whose os.environ is `env` already."""
    draw_lots_again()
    follow_streams(env)
    forget_paths()
    follow_locale()
    follow_search_path(env)
    follow_libraries(env)
    if threads:
        set_threads(env)


def draw_lots_again() -> None:
    """Without this all kernels draw the same random numbers, and all users share multiprocessing's key."""
    import random

    random.seed()
    if (lots := sys.modules.get("numpy.random")) is not None:
        lots.seed()
    if (torch := sys.modules.get("torch")) is not None:
        torch.seed()
    if (process := sys.modules.get("multiprocessing.process")) is not None:
        process.current_process().authkey = os.urandom(32)
    if (client := sys.modules.get("distributed.client")) is not None:
        client.Future._uid = os.urandom(16).hex()


def follow_streams(env: Mapping[str, str]) -> None:
    """Without this what is printed to a terminal, or by PYTHONUNBUFFERED's wish at once, waits for the end."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.reconfigure(line_buffering=number == 2 or bool(env.get("PYTHONUNBUFFERED")) or os.isatty(number))


def forget_paths() -> None:
    """Without this temporary files go where the parent's TMPDIR pointed."""
    if (tempfile := sys.modules.get("tempfile")) is not None:
        tempfile.tempdir = None


def follow_locale() -> None:
    """Without this texts and times follow the parent's LANG and TZ. Not the decimal comma: Python's start sets none."""
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, "")
    time.tzset()


def follow_search_path(env: Mapping[str, str]) -> None:
    """Without this the parent's user site and PYTHONPATH stay, and the child's are not heard."""
    site.USER_BASE = site.USER_SITE = None
    in_environment = sys.prefix != sys.base_prefix
    site.ENABLE_USER_SITE = not in_environment and not env.get("PYTHONNOUSERSITE")
    if site.ENABLE_USER_SITE and os.path.isdir(folder := site.getusersitepackages()) and folder not in sys.path:
        site.addsitedir(folder)
    asked = [os.path.abspath(part) for part in env.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:] = [*asked, *(part for part in sys.path if part not in (*asked, *_PARENTS))]


_PARENTS = [os.path.abspath(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


def follow_libraries(env: Mapping[str, str]) -> None:
    """Without this libraries work with the parent's name, home and configuration files."""
    modules = sys.modules
    if (session := modules.get("jupyter_client.session")) is not None:
        _set_default(session.Session, "username", env.get("USER", "username"))
    if (kernelapp := modules.get("ipykernel.kernelapp")) is not None:
        _set_default(kernelapp.IPKernelApp, "parent_handle", int(env.get("JPY_PARENT_PID") or 0))
    if (singleuser := modules.get("jupyterhub.singleuser.extension")) is not None:
        load = env.get("JUPYTERHUB_SINGLEUSER_LOAD_OTHER_EXTENSIONS", "1") not in ("", "0")
        singleuser.JupyterHubSingleUser.load_other_extensions = load
    if (labapp := modules.get("jupyterlab.labapp")) is not None:
        _set_default(labapp.LabApp, "user_settings_dir", labapp.get_user_settings_dir())
        _set_default(labapp.LabApp, "workspaces_dir", labapp.get_workspaces_dir())
    if (dask := modules.get("dask.config")) is not None:
        dask.PATH = env.get("DASK_CONFIG", os.path.join(os.path.expanduser("~"), ".config", "dask"))
        dask.paths[:] = dask._get_paths()
        dask.refresh()
    if (matplotlib := modules.get("matplotlib")) is not None:
        _renew_matplotlib(matplotlib, env)
    if (fsspec := modules.get("fsspec.config")) is not None:
        fsspec.conf_dir = env.get("FSSPEC_CONFIG_DIR", os.path.expanduser("~/.config/fsspec"))
        fsspec.conf.clear()
        fsspec.set_conf_files(fsspec.conf_dir, fsspec.conf)
        fsspec.set_conf_env(fsspec.conf)


def _set_default(kind: Any, name: str, value: Any) -> None:
    """A trait's default, also where traitlets has copied it for new instances."""
    kind.class_traits()[name].default_value = value
    for below in (kind, *subclasses(kind)):
        below._static_immutable_initial_values[name] = value


def _renew_matplotlib(matplotlib: Any, env: Mapping[str, str]) -> None:
    """As little as there is to renew: to ask matplotlib itself would make its folders in every user's home."""
    for name in ("get_configdir", "get_cachedir"):
        _forget_result(getattr(matplotlib, name))
    general = env.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    folder = os.path.realpath(env.get("MPLCONFIGDIR") or os.path.join(general, "matplotlib"))
    with contextlib.suppress(Exception):  # a broken file is told at the user's own use, not here
        if (style := sys.modules.get("matplotlib.style")) is not None:
            style.USER_LIBRARY_PATHS[:] = [os.path.join(folder, "stylelib")]
            if os.path.isdir(style.USER_LIBRARY_PATHS[0]):
                style.reload_library()
        if env.get("MATPLOTLIBRC") or any(os.path.isfile(f"{place}/matplotlibrc") for place in (".", folder)):
            for params in (matplotlib.rcParams, matplotlib.rcParamsOrig):
                dict.update(params, matplotlib.rc_params())  # the class's own `update` would choose a backend
    if backend := env.get("MPLBACKEND"):
        matplotlib.rcParams["backend"] = backend


def _forget_result(function: Any) -> None:
    """Matplotlib remembers the answers of its functions in a variable `called` around them."""
    names = function.__code__.co_freevars if hasattr(function, "__code__") else ()
    if "called" in names:
        function.__closure__[names.index("called")].cell_contents = False


def set_threads(env: Mapping[str, str]) -> None:
    """Without this linear algebra runs on one thread: the parent had to, because pools do not survive a fork."""
    wanted = _threads(env, "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    for path in _loaded_libraries("openblas"):
        library = ctypes.CDLL(path)
        for name in _OPENBLAS:
            if hasattr(library, name):
                getattr(library, name)(wanted)
                break
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(_threads(env, "OMP_NUM_THREADS", "MKL_NUM_THREADS"))


_OPENBLAS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)


def _threads(env: Mapping[str, str], *names: str) -> int:
    for name in names:
        value = env.get(name, "").split(",")[0]
        if value.isdigit() and int(value) > 0:
            return int(value)
    return len(os.sched_getaffinity(0))


def _loaded_libraries(name: str) -> set[str]:
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        return {line.split(maxsplit=5)[-1].strip() for line in maps if name in line and ".so" in line}
