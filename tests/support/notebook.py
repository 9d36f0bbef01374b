"""A notebook's kernel in a seat, over the same websocket that JupyterLab uses."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

from tests.support.workbench import Visitor, eventually


@dataclass
class Cell:
    """One execution: what it has shown so far, and its reply."""

    msg_id: str
    shown: list[str] = field(default_factory=list)
    """Texts, in the order they came; an update of a display replaces its text."""
    displays: dict[str, int] = field(default_factory=dict)
    reply: dict[str, Any] | None = None
    is_over: bool = False
    """The kernel has said that it is done with this cell: all it shows has come."""

    @property
    def text(self) -> str:
        return "\n".join(self.shown)

    def take(self, message: dict[str, Any]) -> None:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.shown.append(content["text"])
            case "display_data" | "update_display_data":
                self._display(content)
            case "execute_result":
                self.shown.append(content["data"]["text/plain"])
            case "error":
                self.shown.append(f"{content['ename']}: {content['evalue']}")
            case "execute_reply":
                self.reply = content
            case "status":
                self.is_over = content["execution_state"] == "idle"

    def _display(self, content: dict[str, Any]) -> None:
        text, id = content["data"].get("text/plain", ""), content.get("transient", {}).get("display_id", "")
        if id in self.displays:
            self.shown[self.displays[id]] = text
            return
        self.displays[id] = len(self.shown)
        self.shown.append(text)


class Notebook:
    """One kernel of a visitor's seat. Close it."""

    def __init__(self, visitor: Visitor, kernel: str, seat: str | None = None, running: str = "") -> None:
        """A new kernel of this name, or the one of the seat's that has the id `running`."""
        self._http = visitor.http
        self.seat = seat or f"/user/{visitor.user}/"
        self._headers = {"Authorization": f"token {visitor.token()}"}
        self.id = running or self._started(kernel)
        self._session = Session()
        self._cells: dict[str, Cell] = {}
        self._loop: IOLoop | None = None
        self._open()

    def _started(self, kernel: str) -> str:
        started = self._http.post(f"{self.seat}api/kernels", json={"name": kernel}, headers=self._headers)
        assert started.status_code == 201, started.text
        return str(started.json()["id"])

    def reconnect(self) -> None:
        """Connect to the kernel anew, as JupyterLab does once it has come back."""
        self.leave()
        self._open()

    def _open(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self._ready.wait(60), "the kernel's websocket opens"

    def run(self, code: str) -> Cell:
        """Send a cell; it may wait long for its turn."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = {**self._session.msg("execute_request", content=content), "channel": "shell", "buffers": []}
        cell = self._cells[message["msg_id"]] = Cell(message["msg_id"])
        self._do(lambda: self._connection.write_message(json.dumps(message, default=json_default)))
        return cell

    def done(self, cell: Cell, timeout: float = 60) -> str:
        """Wait for a cell's reply and the end of its output; what it has shown."""
        eventually(lambda: cell.reply is not None, timeout, f"the cell is done; so far it showed: {cell.shown}")
        # Output and reply come over different channels, in any order.
        eventually(lambda: cell.is_over, 10, f"the output ends, after {cell.reply} and {cell.shown}")
        return cell.text

    def shows(self, cell: Cell, words: str, timeout: float = 60) -> str:
        """Wait until a cell shows these words."""
        deadline = time.monotonic() + timeout
        while words not in cell.text:
            assert time.monotonic() < deadline, f"{words!r} is not in {cell.shown}"
            time.sleep(0.05)
        return cell.text

    def interrupt(self) -> None:
        self._post("interrupt")

    def restart(self) -> None:
        """Restart the kernel, and connect to it anew as JupyterLab does.

        The server's own connection to the kernel's output comes back later than the one for requests: without a new
        connection the output of the next cell may be lost, however the kernel was started.
        """
        self._post("restart")
        self.reconnect()

    def _post(self, verb: str) -> None:
        reply = self._http.post(f"{self.seat}api/kernels/{self.id}/{verb}", headers=self._headers)
        assert reply.is_success, reply.text

    def close(self) -> None:
        """Shut the kernel down."""
        self._http.delete(f"{self.seat}api/kernels/{self.id}", headers=self._headers)
        self.leave()

    def leave(self) -> None:
        """Close the connection, as a browser tab that is closed."""
        if self._thread.is_alive():
            self._do(lambda: self._connection.close())
            self._thread.join(10)

    def _do(self, act: Callable[[], Any]) -> None:
        assert self._loop is not None
        self._loop.add_callback(act)

    def _listen(self) -> None:
        self._loop = IOLoop(make_current=False)
        try:
            self._loop.run_sync(self._follow)
        finally:
            self._loop.close(all_fds=True)

    async def _follow(self) -> None:
        address = str(self._http.base_url).rstrip("/").replace("http", "ws", 1)
        url = f"{address}{self.seat}api/kernels/{self.id}/channels?session_id={self._session.session}"
        self._connection = await websocket_connect(HTTPRequest(url, headers=self._headers, request_timeout=60))
        self._ready.set()
        try:
            while (text := await self._connection.read_message()) is not None:
                message = json.loads(text)
                cell = self._cells.get(message.get("parent_header", {}).get("msg_id", ""))
                if cell is not None:
                    cell.take(message)
        finally:
            self._connection.close()
