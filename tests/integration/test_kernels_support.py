"""A leased kernel in a test: the real process behind the real provisioner, and a notebook that hears everything."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from jupyter_client.manager import AsyncKernelManager
from werkbank_kernels.specs import CLASSES, SeatKernelSpecManager

from tests.support.broker import BrokerDouble

Message = dict[str, Any]
H200 = {"name": "h200", "title": "H200", "simulated": True, "memory": 141 << 30}


def as_seat(monkeypatch: pytest.MonkeyPatch, broker: BrokerDouble, language: str = "en") -> None:
    """Give this process the environment of a seat of that broker."""
    for name, value in {**broker.environment, CLASSES: json.dumps([H200]), "WERKBANK_LANGUAGE": language}.items():
        monkeypatch.setenv(name, value)
    for name in ("CUDA_VISIBLE_DEVICES", "WERKBANK_GATE", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Cell:
    """One request and all that came of it."""

    msg_id: str
    iopub: list[Message] = field(default_factory=list)
    reply: Message | None = None

    def texts(self) -> list[str]:
        """What its displays said, in order, updates included."""
        return [m["content"]["data"]["text/plain"] for m in self.iopub if m["msg_type"].endswith("display_data")]

    def displays(self) -> set[str]:
        """The ids of its displays."""
        shown = [m["content"] for m in self.iopub if m["msg_type"].endswith("display_data")]
        return {content["transient"]["display_id"] for content in shown}

    def printed(self) -> str:
        return "".join(m["content"]["text"] for m in self.iopub if m["msg_type"] == "stream")

    def states(self) -> list[str]:
        return [m["content"]["execution_state"] for m in self.iopub if m["msg_type"] == "status"]

    @property
    def status(self) -> str:
        return self.reply["content"]["status"] if self.reply else ""


class Notebook:
    """Sends requests to a kernel and sorts what comes back by the request it belongs to."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager = manager
        self.cells: dict[str, Cell] = {}
        self.heard: list[Message] = []
        self._news = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self.cells.clear()  # after a restart the ids of requests begin again
        self.client = self.manager.client()
        self.client.start_channels()
        await self.client.wait_for_ready(timeout=60)
        self._readers = [asyncio.create_task(self._read(channel)) for channel in ("iopub", "shell", "control")]

    async def close(self) -> None:
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        if readers:
            self.client.stop_channels()

    async def _read(self, channel: str) -> None:
        while True:
            message = await getattr(self.client, f"get_{channel}_msg")(timeout=None)
            cell = self.cell(message["parent_header"].get("msg_id", ""))
            if channel == "iopub":
                cell.iopub.append(message)
            else:
                cell.reply = message
            self.heard.append(message)
            self._news.set()

    def cell(self, msg_id: str) -> Cell:
        return self.cells.setdefault(msg_id, Cell(msg_id))

    def run(self, code: str, **how: Any) -> Cell:
        return self.cell(self.client.execute(code, **how))

    def send(self, kind: str, content: dict[str, Any], channel: str = "shell", subshell: str | None = None) -> Cell:
        message = self.client.session.msg(kind, content)
        if subshell:
            message["header"]["subshell_id"] = subshell
        getattr(self.client, f"{channel}_channel").send(message)
        return self.cell(message["header"]["msg_id"])

    async def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Wait until `condition()`, looked at after each message and now and then, is truthy."""
        async with asyncio.timeout(60):
            try:
                while not (value := condition()):
                    self._news.clear()
                    with_timeout = asyncio.wait_for(self._news.wait(), 0.05)
                    try:
                        await with_timeout
                    except TimeoutError:
                        continue
            except asyncio.CancelledError:
                seen = [(m["msg_type"], m["content"]) for m in self.heard[-12:]]
                raise AssertionError(f"never: {what or condition}; heard {seen}") from None
        return value

    async def done(self, cell: Cell) -> Cell:
        """Wait for reply and idle."""
        await self.until(lambda: cell.reply is not None and cell.states()[-1:] == ["idle"], f"reply to {cell.msg_id}")
        return cell

    async def value(self, code: str) -> str:
        """What a cell prints."""
        cell = await self.done(self.run(f"print({code})"))
        assert cell.status == "ok", cell.reply
        return cell.printed().strip()

    async def interrupt(self) -> None:
        await self.manager.signal_kernel(signal.SIGINT)


def kernel_manager(kernel_name: str = "python3-h200") -> AsyncKernelManager:
    log = logging.getLogger("werkbank-kernels-under-test")
    return AsyncKernelManager(kernel_name=kernel_name, kernel_spec_manager=SeatKernelSpecManager(), log=log)


@asynccontextmanager
async def leased_kernel(kernel_name: str = "python3-h200") -> AsyncIterator[Notebook]:
    """A running kernel with an open notebook; shut down at the end."""
    manager = kernel_manager(kernel_name)
    await manager.start_kernel()
    notebook = Notebook(manager)
    try:
        await notebook.open()
        yield notebook
    finally:
        await notebook.close()
        await manager.shutdown_kernel()
