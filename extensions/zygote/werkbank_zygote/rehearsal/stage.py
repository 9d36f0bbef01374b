"""Where a start is rehearsed: a home, an environment and an output that are nobody's; modules keep no trace of it."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import shutil
import signal
import sys
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from ..preload import NO_THREADS, subclasses


@contextmanager
def stage(environment: Mapping[str, str], program: str) -> Iterator[None]:
    """A home, an environment and an output that are nobody's."""
    home = tempfile.mkdtemp(prefix="rehearsal-")
    before, arguments, folder = dict(os.environ), sys.argv, os.getcwd()
    with ExitStack() as after:
        after.callback(shutil.rmtree, home, ignore_errors=True)
        after.callback(_give_back, before, arguments, folder)
        after.enter_context(_silence())
        path = before.get("PATH", "")
        os.environ.clear()
        os.environ.update({**NO_THREADS, **environment}, HOME=home, PATH=path)
        sys.argv = [program]
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
def no_trace_in_modules() -> Iterator[None]:
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
        asyncio.set_event_loop(None)
        asyncio.set_event_loop_policy(None)


def _is_of_an_object(function: Any) -> bool:
    """What modules register when they are imported stays: a started program's modules do the same."""
    owner = getattr(function, "__self__", None)
    return bool(getattr(function, "__closure__", None)) or not isinstance(owner, type | types.ModuleType | None)


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
    traitlets, log = (sys.modules.get(f"traitlets.{name}") for name in ("config", "log"))
    if traitlets is not None:
        for kind in (traitlets.SingletonConfigurable, *subclasses(traitlets.SingletonConfigurable)):
            if kind.__dict__.get("_instance") is not None:
                kind._instance = None
    if log is not None:
        log._logger = None
