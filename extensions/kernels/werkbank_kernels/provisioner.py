"""The kernel provisioner: starts a kernel on this machine and leases its GPU from the broker.

`kernel.json` names it: {"provisioner_name": "werkbank", "config": {"gpu_class": "h200", "count": 1, "gated": true}}.
A gated kernel starts at once and waits inside; any other kernel starts when its device is there, and keeps it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.connect import KernelConnectionInfo
from traitlets import Bool, Integer, Unicode

from .background import loop, there
from .broker import Address, Ticket
from .errors import KernelNotStarted
from .holding import Wish
from .keeper import LeaseKeeper
from .specs import KERNELS_ARE_JOBS
from .warm import WarmProvisioner
from .wire import ADDRESS
from .words import tr

if TYPE_CHECKING:
    from .job.records import Record

# What a kernel sees as long as it has no device. The NVML check lets torch ask without spoiling the process for later.
_NO_DEVICE = {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}


class LeaseProvisioner(WarmProvisioner):
    """One per kernel; it outlives restarts of the kernel's process, and so does the lease."""

    gpu_class = Unicode("", help="The GPU class to lease, as the workbench names it.").tag(config=True)
    count = Integer(1, min=1, help="How many devices.").tag(config=True)
    gated = Bool(False, help="Whether the kernel waits at a gate of its own (only werkbank_kernels.kernel does).").tag(
        config=True
    )

    _keeper: LeaseKeeper | None = None
    _gate = ""

    # Called by the kernel manager, in this order.

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Ask for the lease; without a gate, wait for it. KernelNotStarted has the sentence when there is none."""
        if self._keeper is None:
            await self._begin(kwargs)
        kwargs = await super().pre_launch(**kwargs)
        if self._elsewhere:
            if not self.gated:
                await self._device()
            return kwargs
        kwargs["env"].update(_NO_DEVICE)
        if self.gated:
            kwargs["env"][ADDRESS] = self._gate
        else:
            kwargs["env"].update(await self._device())
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        if self._elsewhere:
            return await self._launched_elsewhere(cmd, kwargs)
        try:
            info = await super().launch_kernel(cmd, **kwargs)
        except BaseException:
            await self._end("cancelled")
            raise
        await there(self._keeper.launched(self.process.pid))
        return info

    @property
    def _elsewhere(self) -> bool:
        """Whether kernels of this seat run as jobs of a cluster."""
        return bool(os.environ.get(KERNELS_ARE_JOBS))

    async def _launched_elsewhere(self, cmd: list[str], kwargs: dict[str, Any]) -> KernelConnectionInfo:
        from .job.answers import kernel_info
        from .job.kernel import Launch
        from .job.records import Record

        launch = Launch(
            cmd,
            kwargs.get("env") or dict(os.environ),
            str(kwargs.get("cwd") or os.getcwd()),
            self.connection_info,
            os.path.realpath(self.parent.connection_file),  # noqa: ASYNC240 - as the command names it
            str(self.kernel_id),
            kernel_info() if self.gated else None,
        )
        cwd, session = launch.cwd, str(launch.env.get("JPY_SESSION_NAME") or "")

        def remember(ticket: Ticket) -> Record:
            server = Address.of_seat().server
            name = self.parent.kernel_name
            return Record(str(self.kernel_id), name, server, ticket.lease_id, ticket.token, launch.key, cwd, session)

        self._keeper.remember = remember
        self.process = await there(self._keeper.launch_elsewhere(launch))
        self.pid = self.pgid = None
        return self.connection_info

    async def shutdown_requested(self, restart: bool = False) -> None:
        await self._expect_end()

    async def terminate(self, restart: bool = False) -> None:
        await self._expect_end()
        await super().terminate(restart)

    async def kill(self, restart: bool = False) -> None:
        await self._expect_end()
        await super().kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """After the process has ended: a restart keeps the lease, anything else gives it back."""
        await super().cleanup(restart)
        if self._keeper is not None and restart:
            await there(self._keeper.restart())
        elif not restart:
            await self._end("shutdown")

    # Called by the seat.

    async def act(self, name: str) -> None:
        """`cancel`, `release`, `keep` or `cpu`; KernelNotStarted with a sentence when that is refused."""
        if self._keeper is None:
            raise KernelNotStarted(tr("error.unknown_kernel"), 404)
        await there(self._keeper.command(name))

    async def give_up(self) -> None:
        """Stop waiting for a device before the start; does nothing for a kernel that runs."""
        if not self.has_process:
            await self._expect_end()

    def watch(self, watched: bool) -> None:
        """Whether a browser is connected to this kernel."""
        if self._keeper is not None:
            loop().call_soon_threadsafe(self._keeper.watch, watched)

    def lease(self) -> dict[str, Any]:
        """What is known of the lease: {"lease": … or None, "silent": bool}."""
        lease = self._keeper.lease if self._keeper is not None else None
        silent = self._keeper.silent if self._keeper is not None else False
        return {"lease": dict(lease.raw) if lease is not None else None, "silent": silent}

    async def _begin(self, kwargs: dict[str, Any]) -> None:
        if not self.gpu_class:
            raise KernelNotStarted(tr("error.bad_spec", what="kernel_provisioner.config.gpu_class"))
        holder = self._holder(kwargs.get("env") or os.environ)
        wish = Wish(self.gpu_class, self.count, self.gated, holder, self._elsewhere)
        self._keeper = keeper = LeaseKeeper(Address.of_seat(), wish, self._is_busy, self.log)
        record = self._adopted()
        self._gate = await there(keeper.start(record.ticket if record else None))

    def _adopted(self) -> Record | None:
        """What an earlier seat left of this kernel."""
        adopting: dict[str, Record] = getattr(self.parent.parent, "adopting", {})
        return adopting.pop(str(self.kernel_id), None)

    def _is_busy(self) -> bool:
        return getattr(self.parent, "execution_state", "") == "busy"

    def _holder(self, env: Any) -> str:
        """What people call this kernel: its notebook, relative to the home folder, else its kernelspec."""
        session = str(env.get("JPY_SESSION_NAME") or "")
        if not session:
            return str(self.kernel_spec.display_name)
        path = Path(session)
        return str(path.relative_to(Path.home())) if path.is_relative_to(Path.home()) else path.name

    async def _device(self) -> dict[str, str]:
        try:
            return await there(self._keeper.device())
        except (KernelNotStarted, asyncio.CancelledError):
            await self._end("cancelled")
            raise

    async def _expect_end(self) -> None:
        if self._keeper is not None:
            await there(self._keeper.ending())

    async def _end(self, reason: str) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await there(keeper.stop(reason))
