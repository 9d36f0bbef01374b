"""A seat's kernel over the websocket that a notebook uses."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from hub.errors import WerkbankError


class KernelEnded(WerkbankError):
    """The kernel's connection was closed before it replied."""


class CellFailed(WerkbankError):
    """A cell ended with an error."""


@dataclass(frozen=True)
class Kernel:
    """A running kernel and one connection to it."""

    http: httpx.AsyncClient
    address: str
    """Below the hub, such as /user/ada/api/kernels/…"""
    session: Session
    connection: WebSocketClientConnection

    @classmethod
    async def start(cls, http: httpx.AsyncClient, path: str, name: str = "") -> "Kernel":
        """Start a kernel of this name (or the default one) and connect. Raises httpx and tornado errors.

        `path` is the seat's.
        """
        started = await http.post(f"{path}api/kernels", json={"name": name} if name else {})
        session = Session()
        address = f"{path}api/kernels/{started.raise_for_status().json()['id']}"
        return cls(http, address, session, await websocket_connect(_request(http, address, session.session)))

    async def run(self, code: str, **expressions: str) -> dict[str, Any]:
        """Run a cell and wait for its reply; the values of these expressions after it: numbers, texts and lists.

        They come along with the reply, so that asking takes no time of its own. Raises CellFailed and KernelEnded.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": expressions,
            "allow_stdin": False,
            "stop_on_error": True,
        }
        request = {**self.session.msg("execute_request", content=content), "channel": "shell", "buffers": []}
        await self.connection.write_message(json.dumps(request, default=json_default))
        while (text := await self.connection.read_message()) is not None:
            message: dict[str, Any] = json.loads(text)
            if message["msg_type"] == "execute_reply" and message["parent_header"]["msg_id"] == request["msg_id"]:
                return _values(message["content"])
        raise KernelEnded

    def leave(self) -> None:
        """Close the connection; the kernel runs on."""
        self.connection.close()

    async def end(self) -> None:
        """Shut the kernel down."""
        self.leave()
        await self.http.delete(self.address)


async def first_reply(http: httpx.AsyncClient, path: str, code: str = "1+1") -> int:
    """Start the seat's default kernel, run a cell and wait for the reply; the kernel's pid. It runs on.

    `path` is the seat's, such as /user/ada/. Raises httpx, tornado, CellFailed or KernelEnded errors.
    """
    kernel = await Kernel.start(http, path)
    try:
        return int((await kernel.run(code, pid="__import__('os').getpid()"))["pid"])
    finally:
        kernel.leave()


def _request(http: httpx.AsyncClient, kernel: str, session: str) -> HTTPRequest:
    address = http.base_url.copy_with(scheme="ws")
    url = str(address.join(f"{kernel}/channels").copy_with(params={"session_id": session}))
    return HTTPRequest(url, headers={"Authorization": http.headers["Authorization"]})


def _values(content: Mapping[str, Any]) -> dict[str, Any]:
    if content["status"] != "ok":
        raise CellFailed(f"{content.get('ename', content['status'])}: {content.get('evalue', '')}")
    found = {}
    for name, answer in content["user_expressions"].items():
        if answer["status"] != "ok":
            raise CellFailed(f"{answer['ename']}: {answer['evalue']}")
        found[name] = ast.literal_eval(answer["data"]["text/plain"])
    return found
