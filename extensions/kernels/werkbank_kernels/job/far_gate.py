"""The gate of a kernel on another machine: it stands in the seat, and knows of the kernel what passes by."""

from __future__ import annotations

from typing import Any

from ..cuda import INITIALISED
from ..gate import Gate


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

    def cuda(self) -> str:
        """Whether code there has touched its device is not seen from here; it may have."""
        return INITIALISED
