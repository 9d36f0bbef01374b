"""Kernels that are forked from a process which has imported what they need; others start in the ordinary way."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

NODE = "WERKBANK_NODE"
READY = "WERKBANK_READY_FD"
MODULES = ("ipykernel_launcher", "werkbank_kernels.kernel")
_SOCKETS_WITHIN_S = 10.0
_END_LOOK_S = 0.5


class WarmProvisioner(LocalProvisioner):
    """The stock provisioner, but for how a Python kernel of the seat's own environment comes to be."""

    _module = ""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        forked = await self._forked(cmd, kwargs)
        if forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = forked
        self.pid = self.pgid = forked.pid  # it leads a session of its own
        self.cwd = kwargs.get("cwd")
        return self.connection_info

    async def wait(self) -> int | None:
        """As stock, without its looks every tenth of a second where there is a descriptor that tells."""
        if hasattr(self.process, "fileno"):
            await _until_ended(self.process)
        return await super().wait()

    async def _forked(self, cmd: list[str], kwargs: dict[str, Any]) -> Any:
        """The forked kernel's process, or None where it has to be started: why is in the log."""
        module, env = module_of(cmd), kwargs.get("env") or dict(os.environ)
        address = Path(os.environ.get(NODE, "")) / "kernel"
        if not os.environ.get(NODE) or module not in MODULES or kwargs.get("extra_arguments"):
            return None
        from werkbank_zygote.client import NoZygote
        from werkbank_zygote.exec_only import needs_exec

        if reason := needs_exec(env, os.environ):
            self.log.info("kernel.not-forked why=%s", reason)
            return None
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            process = await asyncio.to_thread(_fork, address, module, cmd, env, kwargs, writer)
        except NoZygote as problem:
            self.log.warning("kernel.not-forked why=%s", problem)
            os.close(reader)
            return None
        finally:
            os.close(writer)
        await _until_bound(reader)
        return process


def module_of(cmd: list[str]) -> str:
    """The module that a command runs with this seat's Python; empty when it is something else."""
    if len(cmd) < 3 or cmd[1] != "-m" or not _is_our_python(cmd[0]):
        return ""
    return cmd[2]


def _is_our_python(program: str) -> bool:
    import shutil
    import sys

    found = shutil.which(program)
    # Not resolved: in an environment, python is a link to one outside.
    return found is not None and Path(found).parent == Path(sys.prefix, "bin")


def _fork(address: Path, module: str, cmd: list[str], env: dict[str, str], kwargs: dict[str, Any], ready: int) -> Any:
    from werkbank_zygote.client import fork

    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        seat = os.getpid()
        stdio = (nothing, *(_descriptor(kwargs.get(name), own) for name, own in (("stdout", 1), ("stderr", 2))))
        return fork(
            address,
            module,
            [module, *cmd[3:]],
            {**env, "JPY_PARENT_PID": str(seat)},  # as the stock launcher does
            kwargs.get("cwd") or os.getcwd(),
            stdio,
            descriptors={READY: ready},
            title=" ".join(cmd),
            umask=_umask(),
            parent_pid=0 if kwargs.get("independent") else seat,
        )
    finally:
        os.close(nothing)


def _descriptor(given: Any, own: int) -> int:
    if given is None:
        return own
    return int(given) if isinstance(given, int) else int(given.fileno())


def _umask() -> int:
    """This process's, without a moment in which it is another."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return next((int(line.split()[1], 8) for line in status if line.startswith("Umask:")), 0o077)


async def _until_bound(reader: int) -> None:
    """Wait until the kernel's sockets are bound: a first message that is lost is repeated only after half a second."""
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_readable(reader), _SOCKETS_WITHIN_S)
    finally:
        os.close(reader)


async def _until_ended(process: Any) -> None:
    while process.poll() is None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_readable(process.fileno()), _END_LOOK_S)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    news: asyncio.Future[None] = loop.create_future()
    # A copy: two who wait for one descriptor would take it from each other.
    own = os.dup(descriptor)
    loop.add_reader(own, lambda: None if news.done() else news.set_result(None))
    try:
        await news
    finally:
        loop.remove_reader(own)
        os.close(own)
