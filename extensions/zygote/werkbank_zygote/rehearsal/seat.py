"""Initialises a seat with made-up data and throws it away. Its address, tokens and folders are nobody's.

A real seat is never initialised here: what is its own would be in every child.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

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


def prepare() -> None:
    """What is shared from now on, whatever is rehearsed."""
    _share_event_schemas()
    _share_certificates()
    _share_settings_schemas()


def rehearse(arguments: list[str]) -> None:
    """Run what starts a seat, without listening. `arguments` are those that every seat gets."""
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
        _answer(app)
        _close(app, loop)
    finally:
        JupyterHubSingleUser.check_hub_version = checks
        JupyterHubSingleUser._activity_task = None
        _forget_measured()


def _answer(app: Any) -> None:
    """What takes long of the answers to a browser that opens JupyterLab: settings, languages, formats to export to."""
    from jupyterlab_server import settings_utils, translation_utils
    from nbconvert.exporters import base

    lab = next(iter(app.extension_manager.extension_apps["jupyterlab"]))
    languages = translation_utils.get_language_packs()[0]
    for language in languages:
        translation_utils.get_language_packs(language)
        translation_utils.get_language_pack(language)
    folders = (lab.app_settings_dir, lab.schemas_dir, lab.user_settings_dir)
    settings_utils.get_settings(*folders, labextensions_path=[*lab.extra_labextensions_path, *lab.labextensions_path])
    for name in base.get_export_names():
        base.get_exporter(name)


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


def _forget_measured() -> None:
    """The gauges of the process hold on to the server that they ask; a seat's own takes its place."""
    metrics = sys.modules.get("jupyter_server.prometheus.metrics")
    for metric in vars(metrics).values() if metrics else ():
        if hasattr(metric, "set_function") and not isinstance(metric, type):
            vars(metric).pop("_child_samples", None)


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


def _share_settings_schemas() -> None:
    """Whether a schema is one is found out once: JupyterLab has seventy, and checks them whenever it is opened."""
    module = importlib.import_module("jupyterlab_server.settings_utils")
    module.Validator = _Validators(module.Validator)  # type: ignore[attr-defined]


class _Validators:
    """Makes validators as `kind` does; a schema that was found right is not checked again."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._right: set[str] = set()

    def __call__(self, schema: Any) -> Any:
        return self._kind(schema)

    def check_schema(self, schema: Any) -> None:
        written = json.dumps(schema, sort_keys=True)
        if written not in self._right:
            self._kind.check_schema(schema)
            self._right.add(written)
