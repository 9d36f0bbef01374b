"""An IPython kernel on another machine than its seat: `python -m werkbank_kernels.job.far_kernel -f connection.json`.

What it leases is known at its gate, in the seat, which answers cells that are nothing but `%werkbank`.
"""

from __future__ import annotations

from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from IPython.core.magic import Magics, line_magic, magics_class

from ..words import tr


@magics_class
class FarMagics(Magics):
    """For a magic among other lines, which passes the gate with them."""

    @line_magic
    def werkbank(self, _line: str) -> None:
        """``%werkbank`` is answered in a cell of its own."""
        print(tr("magic.alone"))


class FarKernel(IPythonKernel):
    """See the module."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shell.register_magics(FarMagics)


def main() -> None:
    """Run the kernel until it is shut down."""
    IPKernelApp.launch_instance(kernel_class=FarKernel)


if __name__ == "__main__":
    # As `-m` this module is __main__; the kernel must be the class that others import.
    from werkbank_kernels.job.far_kernel import main as run

    run()
