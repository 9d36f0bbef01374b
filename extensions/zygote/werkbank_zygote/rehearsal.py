"""Initialises a seat with made-up data and throws it away: what follows from code alone is then there before the fork.

What stays: specialised bytecode, compiled templates and patterns, class caches, the parsed event schemas of packages
and the system's certificates. What goes: every object of the made-up seat. A real seat is never initialised here: its
address, tokens and folders would be in every child.
"""

from __future__ import annotations

import asyncio
import atexit
import copy
import gc
import importlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import PurePath
from typing import Any

from .log import log
from .preload import NO_THREADS, subclasses

TIMES = 2  # bytecode is specialised when it runs again
MADE_UP = {
    "USER": "rehearsal",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1/user/rehearsal/",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/rehearsal/",
    "JUPYTERHUB_API_TOKEN": "rehearsal",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api",
    "JUPYTERHUB_CLIENT_ID": "rehearsal",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_USER": "rehearsal",
    "JUPYTERHUB_HOST": "",
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/rehearsal",
}


def rehearse_seat(arguments: list[str]) -> None:
    """Run what starts a seat, without listening, TIMES times. `arguments` are those that every seat gets."""
    _share_event_schemas()
    _share_certificates()
    for _time in range(TIMES):
        with _stage(), _no_trace_in_modules():
            _initialise(arguments)
    gc.collect()


def _initialise(arguments: list[str]) -> None:
    from jupyterhub.singleuser.extension import JupyterHubSingleUser

    async def agree(self: Any) -> None:
        """The hub's version is not asked for: there is no hub."""

    checks = JupyterHubSingleUser.check_hub_version
    JupyterHubSingleUser.check_hub_version = agree
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        package = JupyterHubSingleUser.get_extension_package()
        app = JupyterHubSingleUser.make_serverapp(jpserver_extensions={package: True})
        app.initialize(argv=arguments, starter_extension=JupyterHubSingleUser.name, new_httpserver=False)
        _close(app, loop)
    finally:
        JupyterHubSingleUser.check_hub_version = checks
        JupyterHubSingleUser._activity_task = None
        asyncio.set_event_loop(None)
        asyncio.set_event_loop_policy(None)


def _close(app: Any, loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    app.session_manager.close()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    app.io_loop.close(all_fds=False)
    if not loop.is_closed():
        loop.close()


@contextmanager
def _stage() -> Iterator[None]:
    """A home, an environment and an output that are nobody's."""
    home = tempfile.mkdtemp(prefix="rehearsal-")
    environment, arguments, folder = dict(os.environ), sys.argv, os.getcwd()
    with ExitStack() as after:
        after.callback(shutil.rmtree, home, ignore_errors=True)
        after.callback(_give_back, environment, arguments, folder)
        after.enter_context(_silence())
        path = environment.get("PATH", "")
        os.environ.clear()
        os.environ.update({**NO_THREADS, **MADE_UP}, HOME=home, PATH=path)
        sys.argv = ["jupyterhub-singleuser"]
        os.chdir(home)
        yield


def _give_back(environment: dict[str, str], arguments: list[str], folder: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    tempfile.tempdir = None


@contextmanager
def _silence() -> Iterator[None]:
    kept = os.dup(1), os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextmanager
def _no_trace_in_modules() -> Iterator[None]:
    """Loggers, signals, single instances and what is to be done at the end as before."""
    register, registered = atexit.register, []

    def remember(function: Callable[..., Any], *arguments: Any, **named: Any) -> Callable[..., Any]:
        registered.append(function)
        return register(function, *arguments, **named)

    atexit.register = remember
    loggers = {name: _facts(logger) for name, logger in _loggers()}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        atexit.register = register
        for function in filter(_is_of_an_object, registered):
            atexit.unregister(function)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for name, logger in _loggers():
            _restore(logger, loggers.get(name))
        _forget_singletons()
        _forget_measured()
        importlib.import_module("traitlets.log")._logger = None


def _is_of_an_object(function: Any) -> bool:
    """What modules register when they are imported stays: a started program's modules do the same."""
    owner = getattr(function, "__self__", None)
    return bool(getattr(function, "__closure__", None)) or not isinstance(owner, type | types.ModuleType | None)


def _forget_measured() -> None:
    """The gauges of the process hold on to the server that they ask; a seat's own takes its place."""
    metrics = sys.modules.get("jupyter_server.prometheus.metrics")
    for metric in vars(metrics).values() if metrics else ():
        if hasattr(metric, "set_function") and not isinstance(metric, type):
            vars(metric).pop("_child_samples", None)


Facts = tuple[int, list[logging.Handler], bool, bool, list[Any]]


def _loggers() -> Iterator[tuple[str, logging.Logger]]:
    yield "", logging.getLogger()
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger):
            yield name, logger


def _facts(logger: logging.Logger) -> Facts:
    return logger.level, list(logger.handlers), logger.propagate, logger.disabled, list(logger.filters)


def _restore(logger: logging.Logger, facts: Facts | None) -> None:
    level, handlers, propagate, disabled, filters = facts or (logging.NOTSET, [], True, False, [])
    logger.setLevel(level)
    logger.handlers[:], logger.filters[:] = handlers, filters
    logger.propagate, logger.disabled = propagate, disabled


def _forget_singletons() -> None:
    from traitlets.config import SingletonConfigurable

    for kind in (SingletonConfigurable, *subclasses(SingletonConfigurable)):
        if kind.__dict__.get("_instance") is not None:
            kind._instance = None


def _share_event_schemas() -> None:
    """Packages' own event schemas are parsed once; what a user brings is read in the child."""
    from jupyter_events.schema import EventSchema

    load: Callable[[Any], Any] = EventSchema._load_schema
    parsed: dict[str, Any] = {}

    def load_once(schema: Any) -> Any:
        if not isinstance(schema, PurePath) or not schema.is_relative_to(sys.prefix):
            return load(schema)
        if str(schema) not in parsed:
            parsed[str(schema)] = load(schema)
        return copy.deepcopy(parsed[str(schema)])

    EventSchema._load_schema = staticmethod(load_once)


def _share_certificates() -> None:
    """The certificates of the system are parsed once; a seat with its own (SSL_CERT_FILE) reads its own."""
    httpx: Any = sys.modules.get("httpx")
    if httpx is None:
        return
    default = importlib.import_module("httpx._transports.default")
    create: Callable[..., Any] = default.create_ssl_context
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
    shared, key = create(), [os.environ.get(name) for name in names]

    def create_or_share(verify: Any = True, cert: Any = None, trust_env: bool = True, **more: Any) -> Any:
        plain = verify is True and cert is None and not more
        if plain and [os.environ.get(name) for name in names] == key:
            return shared
        return create(verify=verify, cert=cert, trust_env=trust_env, **more)

    default.create_ssl_context = create_or_share


def try_rehearsal(arguments: list[str]) -> bool:
    """Rehearse; a rehearsal that fails costs some speed, not the zygote."""
    try:
        rehearse_seat(arguments)
    except (Exception, SystemExit) as problem:
        log("warning", "zygote.no-rehearsal", why=repr(problem))
        return False
    return True
