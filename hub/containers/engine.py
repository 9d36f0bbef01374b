"""Asking the engine, Podman or Docker: errors that tell "no" from "no answer"."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import docker
import docker.errors
import docker.types
import requests.exceptions

from hub.containers.podman import CREATE, is_podman, specification
from hub.errors import WerkbankError

PATIENCE_S = 60
AT_ONCE = 8
"""Calls to the engine; a class that comes in makes many."""


class EngineError(WerkbankError):
    """The container engine did not do what it was asked."""


class EngineSilent(EngineError):
    """The container engine does not answer now; what it runs goes on."""


class EngineClosed(EngineError):
    """The socket of the container engine may not be used by this account."""


class EngineRefused(EngineError):
    """The container engine said no."""


class NotThere(EngineRefused):
    """The container engine has no such thing."""


class NameTaken(EngineRefused):
    """The container engine has something of that name already."""


class DiskFull(EngineRefused):
    """The container engine has no room left on its disk."""


@contextmanager
def told_apart() -> Iterator[None]:
    """Errors of the client as ours."""
    try:
        yield
    except docker.errors.APIError as error:
        raise _refusal(error) from error
    except docker.errors.DockerException as error:
        raise _no_answer(error) from error
    except requests.exceptions.RequestException as error:
        raise _no_answer(error) from error


def _refusal(error: docker.errors.APIError) -> EngineError:
    said = str(error.explanation or error)
    status = error.response.status_code if error.response is not None else 0
    if "no space left" in said.lower() or "disk quota exceeded" in said.lower():
        return DiskFull(said)
    if status == requests.codes.not_found:
        return NotThere(said)
    # Podman's answer to a name that is taken is 500 in some versions.
    if status == requests.codes.conflict or "already in use" in said:
        return NameTaken(said)
    return EngineRefused(said)


def _no_answer(error: Exception) -> EngineError:
    is_closed = "PermissionError" in str(error) or "Permission denied" in str(error)
    return (EngineClosed if is_closed else EngineSilent)(str(error))


class Engine:
    """The engine behind one socket. Its calls are those of docker-py's `APIClient`, made in threads."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="engine")
        self._own = threading.local()

    def __deepcopy__(self, _memo: object) -> "Engine":
        """Configuration is copied for each spawner, and all share this."""
        return self

    async def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """What the engine answers. Raises EngineError."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self.ask(method, *arguments, **named)
        )

    def ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        """The same, waiting."""
        with told_apart():
            ask: Callable[..., Any] = getattr(self.client, method)
            return ask(*arguments, **named)

    async def create(self, host: dict[str, Any], devices: tuple[str, ...] = (), **wanted: Any) -> Any:
        """Make a container; `host`: arguments of `create_host_config`, `devices`: names of CDI. Raises EngineError."""

        def made() -> Any:
            with told_apart():
                if devices and is_podman(self.client.version()):
                    return self._at_podman(specification(wanted, host, devices))
                asked = [docker.types.DeviceRequest(driver="cdi", device_ids=list(devices))] if devices else None
                config = self.client.create_host_config(device_requests=asked, **host)
                return self.client.create_container(host_config=config, **wanted)

        return await asyncio.get_running_loop().run_in_executor(self._threads, made)

    def _at_podman(self, specification: dict[str, Any]) -> Any:
        reply = self.client.post(self.client.base_url + CREATE, json=specification, timeout=PATIENCE_S)
        try:
            reply.raise_for_status()
        except requests.exceptions.HTTPError as error:
            raise docker.errors.create_api_error_from_http_exception(error) from error
        return reply.json()

    @property
    def client(self) -> docker.APIClient:
        """This thread's connection. Raises what docker-py raises while nobody answers."""
        if not hasattr(self._own, "client"):
            # Nothing of the environment: DOCKER_HOST is the admin's, for their own work.
            self._own.client = docker.APIClient(base_url=f"unix://{self.socket}", version="auto", timeout=PATIENCE_S)
        client: docker.APIClient = self._own.client
        return client
