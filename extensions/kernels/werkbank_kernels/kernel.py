"""An IPython kernel behind a gate: `python -m werkbank_kernels.kernel -f connection.json`.

It is up at once, whatever the queue. Cells and widget messages wait at the gate; what cannot touch a device is answered
past it, also a cell that is nothing but `%werkbank …`: who waits wants to ask why, and to stop waiting.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import uuid
from contextvars import copy_context
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.thread import CONTROL_THREAD_NAME

from .cell import WaitingCell, note_sentence, why_interrupted
from .gate import OPEN, Gate, Verdict
from .link import GateLink
from .magics import WerkbankMagics, answer, question
from .wire import ADDRESS
from .words import tr

_COMMS = frozenset({"comm_open", "comm_msg", "comm_close"})
# Requests that cannot touch a device; behind a waiting cell they would look dead.
_PAST = frozenset(
    {
        "kernel_info_request",
        "is_complete_request",
        "history_request",
        "comm_info_request",
        "complete_request",
        "inspect_request",
    }
)


class GatedKernel(IPythonKernel):
    """See the module."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate = Gate()
        self.gate.handling = self._main_asyncio_lock.locked
        self._cells_waiting: dict[str | None, dict[str, Any]] = {}
        self.shell.werkbank_gate = self.gate
        self.shell.register_magics(WerkbankMagics)

    def start(self) -> None:
        super().start()
        # Between cells the kernel would ignore an interrupt; a cell of a subshell or a widget may wait at the gate.
        signal.signal(signal.SIGINT, self._interrupted)
        if path := os.environ.get(ADDRESS):
            GateLink(self.gate, path).start()

    def _interrupted(self, *_: object) -> None:
        self.io_loop.asyncio_loop.call_soon_threadsafe(self.gate.interrupt, why_interrupted)

    # Cells.

    async def do_execute(  # the signature is read by ipykernel
        self,
        code,
        silent,
        store_history=True,
        user_expressions=None,
        allow_stdin=False,
        *,
        cell_meta=None,
        cell_id=None,
    ):
        """Run a cell once the gate admits it; the reply is an error when it does not."""
        if self.gate.position != OPEN and (asked := question(code)) is not None:
            return self._answered(asked, silent)
        verdict = await self._admitted(silent)
        if not verdict.admitted:
            return self._not_run(verdict, silent)
        try:
            return await super().do_execute(
                code, silent, store_history, user_expressions, allow_stdin, cell_meta=cell_meta, cell_id=cell_id
            )
        finally:
            self.gate.leave()

    async def _admitted(self, silent: bool) -> Verdict:
        if self.gate.enter():
            self._show_notes(silent)
            return Verdict(True)
        if threading.current_thread().name == CONTROL_THREAD_NAME:  # waiting here would stop interrupts
            return Verdict(False, tr("stopped.busy_control"))
        parent = self.get_parent("shell")
        subshell = parent.get("header", {}).get("subshell_id")
        self._cells_waiting[subshell] = parent
        try:
            with _SigintTo(self._interrupted):
                return await WaitingCell(self.gate, None if silent else self._display(parent)).admitted()
        finally:
            del self._cells_waiting[subshell]

    def _display(self, parent: dict[str, Any]):
        """A display of one cell that is shown once and then changed in place."""
        display_id, shown = uuid.uuid4().hex, False

        def show(data: dict[str, str]) -> None:
            nonlocal shown
            content = {"data": data, "metadata": {}, "transient": {"display_id": display_id}}
            kind = "update_display_data" if shown else "display_data"
            self.session.send(self.iopub_socket, kind, content, parent=parent, ident=self._topic(kind))
            shown = True

        return show

    def _show_notes(self, silent: bool) -> None:
        if silent:
            return
        for note in self.gate.take_notes():
            self._display(self.get_parent("shell"))({"text/plain": note_sentence(note)})

    def _answered(self, asked: str, silent: bool) -> dict[str, Any]:
        """Answer `%werkbank` past the gate. IPython hears nothing of it: hooks of a cell may touch the device."""
        text = answer(asked, self.gate)
        if not silent:
            self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": f"{text}\n"})
        return {"status": "ok", "execution_count": self.execution_count, "user_expressions": {}, "payload": []}

    def _not_run(self, verdict: Verdict, silent: bool) -> dict[str, Any]:
        name = "KeyboardInterrupt" if verdict.interrupted else "NoGPU"
        error = {"ename": name, "evalue": verdict.sentence, "traceback": [f"{name}: {verdict.sentence}"]}
        if not silent:
            self.send_response(self.iopub_socket, "error", error, ident=self._topic("error"))
        return {
            "status": "error",
            **error,
            "execution_count": self.execution_count,
            "user_expressions": {},
            "payload": [],
        }

    # Everything else.

    def do_inspect(self, code, cursor_pos, detail_level=0, omit_sections=()):
        """Describe an object, unless it may live on a device that is away."""
        if self.gate.enter():
            try:
                return super().do_inspect(code, cursor_pos, detail_level, omit_sections)
            finally:
                self.gate.leave()
        if self.gate.away:
            sentence = {"text/plain": tr("stopped.parked_inspect")}
            return {"status": "ok", "found": True, "data": sentence, "metadata": {}}
        return super().do_inspect(code, cursor_pos, detail_level, omit_sections)

    async def shell_main(self, subshell_id, msg):
        """Let comm messages wait at the gate in their order, and harmless requests pass a cell that waits there."""
        head = self._head(msg)
        kind = head["header"].get("msg_type") if head else None
        if kind in _COMMS:
            await self._comm(subshell_id, msg, head)
        elif subshell_id in self._cells_waiting and (kind in _PAST or self._asks(head)):
            await self._beside(subshell_id, msg, head)
        else:
            await super().shell_main(subshell_id, msg)

    def _head(self, msg) -> dict[str, Any] | None:
        try:
            _, frames = self.session.feed_identities(msg, copy=False)
            return self.session.deserialize(frames, content=False, copy=False)
        except Exception:  # ipykernel's own dispatch says what is wrong with it
            return None

    def _asks(self, head: dict[str, Any] | None) -> bool:
        """Whether a message is a cell with `%werkbank` alone."""
        if head is None or head["header"].get("msg_type") != "execute_request":
            return False
        try:
            return question(str(self.session.unpack(head["content"])["code"])) is not None
        except Exception:  # ipykernel's own dispatch says what is wrong with it
            return False

    async def _comm(self, subshell_id, msg, head) -> None:
        if self.gate.enter():
            try:
                await super().shell_main(subshell_id, msg)
            finally:
                self.gate.leave()
            return
        await asyncio.create_task(self._held_comm(subshell_id, msg, head), context=copy_context())

    async def _held_comm(self, subshell_id, msg, head) -> None:
        """One task from wait to dispatch: a step in between would let a later message overtake this one."""
        verdict = await self.gate.admit()
        try:
            if verdict.admitted:
                await self._dispatch_beside(subshell_id, msg, head)
            else:
                self._publish_status("busy", "shell", parent=head)
                self._publish_status("idle", "shell", parent=head)
        finally:
            if verdict.admitted:
                self.gate.leave()

    async def _beside(self, subshell_id, msg, head) -> None:
        # The messages of a shell share one context, where the waiting cell's parent lives: work in a copy.
        await asyncio.create_task(self._dispatch_beside(subshell_id, msg, head), context=copy_context())

    async def _dispatch_beside(self, subshell_id, msg, head) -> None:
        """Handle a message beside a waiting cell, with its own busy and idle, and leave the cell's parent in place."""
        parent, ident = self.get_parent("shell"), self._get_shell_context_var(self._shell_parent_ident)
        self._publish_status("busy", "shell", parent=head)
        try:
            await self.dispatch_shell(msg, subshell_id=subshell_id, concurrent=True)
        finally:
            self.set_parent(ident, parent, channel="shell")
            self._publish_status("idle", "shell", parent=head)
            if cell := self._cells_waiting.get(subshell_id):
                # Clients show the last status they saw, and this cell still waits.
                self._publish_status("busy", "shell", parent=cell)


class _SigintTo:
    """While in here an interrupt goes to `handler`; outside the main thread, where Python cannot, nothing changes."""

    def __init__(self, handler) -> None:
        self._handler = handler
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> None:
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._handler)

    def __exit__(self, *_: object) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)


def main() -> None:
    """Run the kernel until it is shut down."""
    IPKernelApp.launch_instance(kernel_class=GatedKernel)


if __name__ == "__main__":
    # As `-m` this module is __main__; the kernel must be the class that others import.
    from werkbank_kernels.kernel import main as run

    run()
