"""The gate of a kernel on another machine: it stands in the seat, and knows of the kernel what passes by."""

from __future__ import annotations

from typing import Any

from ..cuda import INITIALISED
from ..gate import Gate
from ..lease import Lease
from ..words import tr


def over_sentence(lease: Lease | None) -> str:
    """Why cells do not run any more. What became of a job says all there is to say, and what to do."""
    if lease is None:
        return tr("stopped.over", why=tr("stopped.over_unknown"))
    code = str((lease.raw.get("ended") or {}).get("code") or "")
    return lease.why_ended if code.startswith("job-") else tr("stopped.over", why=lease.why_ended)


class FarGate(Gate):
    """Nothing of this process is the kernel's: neither its environment nor its libraries."""

    elsewhere = True

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {
                "busy": self.running > 0,
                "wants": self.wants,
                "cpu": False,
                "bound": self.bound,
                "entered": self.entered,
                "modules": [],
            }

    def _over(self) -> str:
        return over_sentence(self.lease)

    def cuda(self) -> str:
        """Whether code there has touched its device is not seen from here; it may have."""
        return INITIALISED
