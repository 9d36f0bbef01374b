"""A seat's first kernel: from asking for it to its reply, over the websocket that a notebook uses."""

import json
from typing import Any

import httpx
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from hub.errors import WerkbankError


class KernelEnded(WerkbankError):
    """The kernel's connection was closed before it replied."""


async def first_reply(http: httpx.AsyncClient, path: str) -> int:
    """Start the seat's default kernel, run `1+1` and wait for the reply; the kernel's pid.

    `path` is the seat's, such as /user/ada/. Raises httpx, tornado or KernelEnded errors.
    """
    started = await http.post(f"{path}api/kernels", json={})
    session = Session()
    channels = f"{path}api/kernels/{started.raise_for_status().json()['id']}/channels"
    connection = await websocket_connect(_request(http, channels, session.session))
    try:
        reply = await _ask(connection, session)
    finally:
        connection.close()
    return _pid(reply)


def _request(http: httpx.AsyncClient, channels: str, session: str) -> HTTPRequest:
    address = http.base_url.copy_with(scheme="ws")
    url = str(address.join(channels).copy_with(params={"session_id": session}))
    return HTTPRequest(url, headers={"Authorization": http.headers["Authorization"]})


async def _ask(connection: WebSocketClientConnection, session: Session) -> dict[str, Any]:
    # The pid comes along with the reply, so that asking for it takes no time of its own.
    content = {
        "code": "1+1",
        "silent": False,
        "store_history": True,
        "user_expressions": {"pid": "__import__('os').getpid()"},
        "allow_stdin": False,
        "stop_on_error": True,
    }
    request = {**session.msg("execute_request", content=content), "channel": "shell", "buffers": []}
    await connection.write_message(json.dumps(request, default=json_default))
    while (text := await connection.read_message()) is not None:
        message: dict[str, Any] = json.loads(text)
        if message["msg_type"] == "execute_reply" and message["parent_header"]["msg_id"] == request["msg_id"]:
            return message
    raise KernelEnded


def _pid(reply: dict[str, Any]) -> int:
    return int(reply["content"]["user_expressions"]["pid"]["data"]["text/plain"])
