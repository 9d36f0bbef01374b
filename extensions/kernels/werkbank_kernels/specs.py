"""The kernels a seat offers: those of its environment, and a Python for each GPU class the seat may lease."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from traitlets import TraitError

from .words import tr

CLASSES = "WERKBANK_GPU_CLASSES"  # JSON: [{"name", "title", "simulated", "memory"}]
FAR_KERNEL = "werkbank_kernels.job.far_kernel"
KERNELS_ARE_JOBS = "WERKBANK_KERNELS_ARE_JOBS"  # set where GPUs are on other machines
_PREFIX = "python3-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SeatKernelSpecManager(KernelSpecManager):
    """Without GPU classes in the environment it is the stock manager."""

    def find_kernel_specs(self) -> dict[str, str]:
        """Kernel name → resource directory; the GPU kernels use the logos of the environment's own Python."""
        found: dict[str, str] = super().find_kernel_specs()
        native = super().get_kernel_spec("python3").resource_dir if self._classes() else ""
        for name in self._classes():
            if not self.allowed_kernelspecs or name in self.allowed_kernelspecs:
                found[name] = native
        return found

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        gpu_class = self._classes().get(kernel_name.lower())
        if gpu_class is None:
            return super().get_kernel_spec(kernel_name)
        if self.allowed_kernelspecs and kernel_name.lower() not in self.allowed_kernelspecs:
            raise NoSuchKernel(kernel_name)
        return gpu_kernel_spec(gpu_class, super().get_kernel_spec("python3"))

    def get_all_specs(self) -> dict[str, Any]:
        """As the server hands them out. The stock manager reads each directory, where a GPU kernel has no file."""
        classes = self._classes()
        specs = {}
        for name, directory in self.find_kernel_specs().items():
            try:
                spec = self.get_kernel_spec(name) if name in classes else super().get_kernel_spec(name)
            except (NoSuchKernel, OSError, ValueError, TraitError) as problem:
                self.log.warning("kernelspec %s in %s cannot be read: %s", name, directory, problem)
                continue
            specs[name] = {"resource_dir": directory, "spec": spec.to_dict()}
        return specs

    def _classes(self) -> dict[str, dict[str, Any]]:
        """Kernel name → GPU class; what cannot be read is left out with a line in the log."""
        text = os.environ.get(CLASSES, "")
        if not text:
            return {}
        try:
            classes = json.loads(text)
            return {_PREFIX + item["name"].lower(): item for item in classes if _is_class(item)}
        except (ValueError, TypeError, KeyError) as problem:
            self.log.warning("%s cannot be read, no GPU kernels are offered: %s", CLASSES, problem)
            return {}


def _is_class(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and _NAME.fullmatch(item["name"]) is not None


def gpu_kernel_spec(gpu_class: dict[str, Any], native: KernelSpec) -> KernelSpec:
    """Python behind a gate, on one device of `gpu_class`."""
    config = {"gpu_class": gpu_class["name"], "count": 1, "gated": True}
    simulated = bool(gpu_class.get("simulated"))
    module = FAR_KERNEL if os.environ.get(KERNELS_ARE_JOBS) else "werkbank_kernels.kernel"
    return KernelSpec(
        argv=[sys.executable, "-m", module, "-f", "{connection_file}"],
        display_name=_display_name(str(gpu_class.get("title") or gpu_class["name"]), simulated),
        language="python",
        interrupt_mode="signal",
        metadata={
            "debugger": True,
            "supported_features": list(native.metadata.get("supported_features", [])),
            "kernel_provisioner": {"provisioner_name": "werkbank", "config": config},
            "werkbank": {"gpu_class": gpu_class["name"], "simulated": simulated, "memory": gpu_class.get("memory")},
        },
        resource_dir=native.resource_dir,
    )


def _display_name(title: str, simulated: bool) -> str:
    name = tr("spec.name", title=title)
    return f"{name} ({tr('simulated')})" if simulated and tr("simulated") not in title.lower() else name
