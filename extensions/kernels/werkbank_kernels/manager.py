"""The kernel manager of a seat: kernels are listed while they wait for a device, and know whether somebody watches."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from typing import TYPE_CHECKING, Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import default

from .deaths import Deaths
from .memory import EndedForMemory

if TYPE_CHECKING:
    from .job.records import Record


class SeatKernelManager(AsyncMappingKernelManager):
    """For kernels without a lease it is the stock manager."""

    @default("use_pending_kernels")
    def _pending_by_default(self) -> bool:
        # A kernel that waits for its device before its start must not hold up the request that starts it.
        return True

    sockets: str = ""
    """The folder of the kernels' sockets: nobody else gets in, and nobody can take a kernel's port."""

    adopting: dict[str, Record]
    """Kernels that run elsewhere since an earlier seat, by their id."""

    cell_ran: float | None = None
    """When a cell last began to run in any of the kernels, by the monotonic clock; None for never."""

    def __init__(self, **kwargs: Any) -> None:
        self.adopting = {}
        self._deaths = Deaths(EndedForMemory())
        super().__init__(**kwargs)

    def track_message_type(self, message_type: str) -> bool:
        """As stock. It is asked for every message that a kernel publishes, and this one comes with each cell."""
        if message_type == "execute_input":
            self.cell_ran = time.monotonic()
        return bool(super().track_message_type(message_type))

    def pre_start_kernel(self, kernel_name: Any, kwargs: dict[str, Any]) -> tuple[Any, str, str]:
        """As stock; the kernel is reached through files instead of loopback ports."""
        manager, name, kernel_id = super().pre_start_kernel(kernel_name, kwargs)
        if (record := self.adopting.get(kernel_id)) is not None:
            manager.session.key = record.key.encode()  # the kernel runs already, and signs with it
        if "transport" not in self.config.KernelManager:
            manager.transport = "ipc"
            # Short: the path of a socket has 107 characters at most.
            manager.ip = f"{self._socket_folder()}/{kernel_id[:13]}"
        return manager, name, kernel_id

    def _socket_folder(self) -> str:
        """Made at the first kernel, with a random name and for this user alone."""
        if not self.sockets:
            self.sockets = tempfile.mkdtemp(prefix="kernels-", dir="/tmp")
            atexit.register(shutil.rmtree, self.sockets, ignore_errors=True)
        return self.sockets

    def reason_of_death(self, kernel_id: str) -> str:
        """Why a kernel that is dead now died, as far as the machine tells; else empty."""
        provisioner = getattr(self._kernels.get(kernel_id), "provisioner", None)
        return self._deaths.reason(kernel_id, getattr(provisioner, "process", None))

    def provisioner_of(self, kernel_id: str) -> Any:
        """The provisioner of a kernel, if it leases; else None."""
        from .provisioner import LeaseProvisioner

        kernel = self._kernels.get(kernel_id)
        provisioner = getattr(kernel, "provisioner", None)
        return provisioner if isinstance(provisioner, LeaseProvisioner) else None

    async def _async_shutdown_kernel(self, kernel_id: str, now: bool = False, restart: bool = False) -> None:
        """A kernel that still waits for its device stops waiting; the stock manager would wait for its start."""
        if (provisioner := self.provisioner_of(kernel_id)) is not None:
            await provisioner.give_up()
        await super()._async_shutdown_kernel(kernel_id, now=now, restart=restart)

    shutdown_kernel = _async_shutdown_kernel

    def notify_connect(self, kernel_id: str) -> None:
        super().notify_connect(kernel_id)
        self._tell_watched(kernel_id)

    def notify_disconnect(self, kernel_id: str) -> None:
        super().notify_disconnect(kernel_id)
        self._tell_watched(kernel_id)

    def _tell_watched(self, kernel_id: str) -> None:
        if (provisioner := self.provisioner_of(kernel_id)) is not None:
            provisioner.watch(self._kernel_connections.get(kernel_id, 0) > 0)
